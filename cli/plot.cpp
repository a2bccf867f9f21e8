// chainrule plot: a program over one of its names, with its slopes.

#include "chainrule/draw/plot.hpp"

#include <sys/ioctl.h>
#include <unistd.h>
#include <cmath>

#include <algorithm>
#include <chrono>

#include "chainrule/base/whole_file.hpp"
#include "chainrule/expr/record.hpp"
#include "chainrule/tape/sweep.hpp"
#include "chainrule/tape/tape.hpp"
#include "cli/input.hpp"
#include "cli/number.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

using expr::in_quotes;

constexpr int kHighestOrder = 6;
constexpr int kSeconds = 20;

// What is plotted over what.
struct Range {
  std::size_t place = 0;  ///< of the name among the program's
  double from = -5, to = 5;
};

// The program and its derivatives at points of one name.
class Slopes {
 public:
  Slopes(const expr::Program& program, std::vector<double> values, std::size_t place)
      : recording_(program, expr::Labels::dropped),
        inputs_(values.begin(), values.end()),
        place_(place),
        frame_(Tape::active().frame()) {}

  /// f(x), f'(x), … into out. Each derivative is recorded and differentiated again.
  void operator()(double x, std::span<double> out) {
    if (std::chrono::steady_clock::now() > deadline_) {
      fail("plot", "the program is too long to be plotted within " + std::to_string(kSeconds) +
                       " seconds; --derivatives 0 is fastest");
    }
    frame_.rewind();
    const Scalar at = out.size() == 1 ? Scalar(x) : variable(x);
    inputs_[place_] = at;
    Scalar y = recording_(inputs_);
    for (std::size_t order = 0;; ++order) {
      out[order] = y.value();
      if (order + 1 == out.size()) return;
      y = y.is_number() ? Scalar(0.0) : recorded_gradient(y, {at})[0];
    }
  }

 private:
  expr::Recording recording_;
  std::vector<Scalar> inputs_;
  std::size_t place_;
  Frame frame_;
  std::chrono::steady_clock::time_point deadline_ =
      std::chrono::steady_clock::now() + std::chrono::seconds(kSeconds);
};

std::string derivative_label(int order, const std::string& x) {
  constexpr const char* kPowers[] = {"", "", "²", "³", "⁴", "⁵", "⁶"};
  return std::string("d").append(kPowers[order]) + "/d" + x + kPowers[order];
}

class PlotVerb : public Verb {
 public:
  const char* name() const override { return "plot"; }
  const char* summary() const override {
    return "a program over one of its names, with its slopes";
  }
  const char* notes() const override {
    return "  chainrule plot 'tanh(x)'\n"
           "  chainrule plot 'a*x**2 - 4*x + 5' a=3 --over x=-2:4 --tangent 1.5 -o parabola.svg\n"
           "\n"
           "Without -o the plot is text for the terminal. Plots are drawn by gnuplot.\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    options.add_option("--over", over_, "the range, as x=-5:5; the default for a single name")
        ->type_name("NAME=FROM:TO");
    options.add_option("--derivatives", derivatives_, "how many derivatives are drawn as well (1)")
        ->type_name("COUNT");
    options.add_option("--tangent", tangents_, "draw the tangent at this point; may be repeated")
        ->type_name("X")
        ->allow_extra_args(false);
    options.add_option("-o,--output", out_, "write to FILE: .svg .png .pdf .txt")
        ->type_name("FILE");
    options.add_option("--format", format_, "svg, png, pdf or txt, whatever FILE is called")
        ->type_name("FORMAT");
  }

  int run(const Arguments& arguments) override {
    if (derivatives_ < 0 || derivatives_ > kHighestOrder) {
      fail("plot", "--derivatives is 0 to " + std::to_string(kHighestOrder));
    }
    const PlotFormat format = wanted_format();
    input_.read(arguments);
    const Range range = wanted_range();
    Slopes slopes(input_.program(), other_values(range), range.place);
    write_whole_file(out_, render(plot_of(slopes, range, arguments), format, size()));
    return kSuccess;
  }

 private:
  PlotFormat wanted_format() const {
    if (!format_.empty()) return plot_format_of("x." + format_);
    return out_ == "-" ? PlotFormat::text : plot_format_of(out_);
  }

  // NAME=FROM:TO, or FROM:TO for the only name without a value.
  Range wanted_range() const {
    const auto names = input_.program().names();
    const std::size_t equals = over_.find('=');
    std::string name = equals == std::string::npos ? "" : over_.substr(0, equals);
    if (name.empty()) {
      std::vector<std::string> open;
      std::ranges::copy_if(names, std::back_inserter(open),
                           [this](const std::string& n) { return input_.value_of(n) == nullptr; });
      if (open.empty()) fail("plot", "every name has a value: nothing is left to plot over");
      if (open.size() > 1) {
        fail("plot",
             "no value for " + listed(open) + ": give all but one, or say --over NAME=FROM:TO");
      }
      name = open[0];
    }
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) {
      fail("plot", "--over: " + in_quotes(name) + " is no name of the program");
    }
    if (input_.value_of(name) != nullptr) {
      fail("plot", in_quotes(name) + " has a value and a range; it takes one of them");
    }
    Range range;
    range.place = static_cast<std::size_t>(found - names.begin());
    if (!over_.empty())
      read_ends(over_.substr(equals == std::string::npos ? 0 : equals + 1), range);
    return range;
  }

  static void read_ends(const std::string& text, Range& range) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    const auto from = read_number(text.substr(0, colon));
    const auto to = read_number(colon < text.size() ? text.substr(colon + 1) : "");
    if (!from || !to) fail("plot", "--over takes a range, as in x=-5:5, not " + in_quotes(text));
    range.from = *from;
    range.to = *to;
  }

  std::vector<double> other_values(const Range& range) const {
    const auto names = input_.program().names();
    input_.require_values([&](const std::string& name) {
      return name == names[range.place] || input_.value_of(name) != nullptr;
    });
    std::vector<double> values;
    for (const std::string& name : names) {
      const double* value = input_.value_of(name);
      values.push_back(value == nullptr ? 0.0 : *value);
    }
    return values;
  }

  Plot plot_of(Slopes& slopes, const Range& range, const Arguments& arguments) const {
    constexpr std::size_t kLongestTitle = 60;
    const std::string x = input_.program().names()[range.place].substr(0, kLongestTitle);
    const bool short_program = arguments.program && arguments.program->size() <= kLongestTitle &&
                               arguments.program->find('\n') == std::string::npos;
    Plot plot;
    plot.x_label = x;
    plot.from = range.from;
    plot.to = range.to;
    const auto orders = static_cast<std::size_t>(derivatives_) + 1;
    const std::vector<Points> curves = sample(range.from, range.to, orders, slopes);
    for (std::size_t k = 0; k < orders; ++k) {
      const std::string label = k > 0           ? derivative_label(static_cast<int>(k), x)
                                : short_program ? *arguments.program
                                                : "f(" + x + ")";
      plot.curves.push_back({label, curves[k]});
    }
    for (const std::string& text : tangents_) {
      const auto at = read_number(text);
      if (!at) fail("plot", "--tangent: " + refusal(text));
      if (!(*at >= range.from && *at <= range.to)) {
        fail("plot", "--tangent: " + shortest(*at) + " lies outside of the range " +
                         shortest(range.from) + ":" + shortest(range.to));
      }
      double y[2];
      slopes(*at, y);
      if (!std::isfinite(y[0]) || !std::isfinite(y[1])) {
        fail("plot", "--tangent: there is none at " + shortest(*at) + ": the value is " +
                         shortest(y[0]) + " and the slope " + shortest(y[1]));
      }
      plot.tangents.push_back(
          {"tangent at " + shortest(*at) + ", slope " + short_number(y[1], 4), *at, y[0], y[1]});
    }
    return plot;
  }

  // As wide as the terminal, if that is where it goes.
  PlotOptions size() const {
    PlotOptions options;
    winsize window = {};
    if (out_ == "-" && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col >= 40) {
      options.columns = std::min<int>(window.ws_col - 1, 160);
    }
    return options;
  }

  ProgramInput input_;
  std::string over_;
  int derivatives_ = 1;
  std::vector<std::string> tangents_;
  std::string out_ = "-";
  std::string format_;
};

}  // namespace

std::unique_ptr<Verb> make_plot() { return std::make_unique<PlotVerb>(); }

}  // namespace chainrule::cli
