// chainrule draw: the recorded graph as a picture.

#include "chainrule/draw/draw.hpp"

#include <algorithm>

#include "chainrule/base/whole_file.hpp"
#include "chainrule/expr/record.hpp"
#include "chainrule/tape/tape.hpp"
#include "cli/input.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

class Draw : public Verb {
 public:
  const char* name() const override { return "draw"; }
  const char* summary() const override {
    return "the graph as a picture, with values and gradients";
  }
  const char* notes() const override {
    return "  chainrule draw 'n = x*w + b; o = tanh(n)' x=2 w=-3 b=6.5 -o neuron.svg\n"
           "\n"
           "Without -o the picture is text for the terminal. Large graphs are cut to the node "
           "budget,\n"
           "and the picture says so.\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    options.add_option("-o,--output", out_, "write to FILE: .svg .png .pdf .dot .mmd .json .txt")
        ->type_name("FILE");
    options
        .add_option("--format", format_,
                    "svg, png, pdf, dot, mmd, json or txt, whatever FILE is called")
        ->type_name("FORMAT");
    options.add_option("--direction", direction_, "LR (left to right), TB or BT")->type_name("DIR");
    options.add_option("--look", look_, "graph or table")->type_name("LOOK");
    options.add_flag("--no-colours", no_colours_, "black and white");
    options.add_flag("--backprop", backprop_, "dashed arrows where an adjoint was passed back");
    options.add_flag("--partials", partials_, "local derivatives beside the edges");
    options.add_flag("--no-grad", no_grad_, "values only: before the backward pass");
    options.add_option("--nodes", nodes_, "draw at most this many nodes")->type_name("COUNT");
  }

  int run(const Arguments& arguments) override {
    DrawOptions options;
    options.direction = direction();
    options.look = look();
    options.colours = no_colours_ ? Colours::off : Colours::on;
    options.backprop = backprop_ ? Backprop::shown : Backprop::hidden;
    options.partials = partials_ ? Partials::shown : Partials::hidden;
    const DrawFormat format = wanted_format();
    options.nodes = nodes_ > 0 ? nodes_ : usual_budget(format);
    input_.read(arguments);
    const std::vector<double> values = input_.values();

    const Frame frame = Tape::active().frame();
    std::vector<Scalar> inputs;
    for (std::size_t i = 0; i < values.size(); ++i) {
      inputs.push_back(variable(values[i], input_.program().names()[i]));
    }
    expr::Recording recording(input_.program());
    Scalar result = recording(inputs);
    if (result.is_number()) result = constant(result.value());
    if (!no_grad_) result.backward();
    const Picture picture = picture_of(result, {.nodes = options.nodes});
    write_whole_file(out_, render(picture, format, options));
    return kSuccess;
  }

 private:
  DrawFormat wanted_format() const {
    if (!format_.empty()) return format_of("x." + format_);
    return out_ == "-" ? DrawFormat::text : format_of(out_);
  }

  Direction direction() const {
    if (direction_ == "LR" || direction_ == "lr") return Direction::left_to_right;
    if (direction_ == "TB" || direction_ == "tb") return Direction::top_to_bottom;
    if (direction_ == "BT" || direction_ == "bt") return Direction::bottom_to_top;
    fail("draw", "--direction is LR, TB or BT");
  }

  Look look() const {
    if (look_ == "graph") return Look::graph;
    if (look_ == "table") return Look::table;
    fail("draw", "--look is graph or table");
  }

  ProgramInput input_;
  std::string out_ = "-";
  std::string format_;
  std::string direction_ = "LR";
  std::string look_ = "graph";
  bool no_colours_ = false;
  bool backprop_ = false;
  bool partials_ = false;
  bool no_grad_ = false;
  std::size_t nodes_ = 0;
};

}  // namespace

std::unique_ptr<Verb> make_draw() { return std::make_unique<Draw>(); }

}  // namespace chainrule::cli
