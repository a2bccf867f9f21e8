// chainrule make: rows to learn from, made from a seed.

#include <optional>

#include "chainrule/base/whole_file.hpp"
#include "chainrule/nn/synthetic.hpp"
#include "chainrule/tensor/random.hpp"
#include "cli/input.hpp"
#include "cli/number.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

struct Kind {
  std::string_view name;
  std::string_view columns;
  double noise;  ///< if none is asked for
  nn::DataSet (*make)(std::int64_t rows, double noise, Random& random);
};

constexpr Kind kKinds[] = {
    {"moons", "x,y,class", 0.1, nn::moons},
    {"spirals", "x,y,class", 0.02, nn::spirals},
    {"blobs", "x,y,class", 1.0,
     [](std::int64_t rows, double noise, Random& random) {
       return nn::blobs(rows, noise, random);
     }},
    {"sine", "x,y", 0.1, nn::sine},
};

const Kind& kind_called(const std::vector<std::string>& words) {
  std::vector<std::string> known;
  for (const Kind& kind : kKinds) {
    if (words.size() == 1 && words[0] == kind.name) return kind;
    known.emplace_back(kind.name);
  }
  fail("make", (words.size() == 1 ? "there is no data set " + expr::in_quotes(words[0])
                                  : std::string("the name of one data set is expected")) +
                   "; there are " + listed(known));
}

void write_rows(const nn::DataSet& data, std::string_view columns, const std::string& path) {
  // 9 digits tell any two floats apart.
  constexpr int kDigits = 9;
  const auto inputs = data.inputs.span<double>(), targets = data.targets.span<double>();
  const std::size_t width = targets.empty() ? 1 : inputs.size() / targets.size();
  WholeFile file(path);
  file.write(std::string(columns) + '\n');
  for (std::size_t row = 0; row < targets.size(); ++row) {
    std::string line;
    for (std::size_t k = 0; k < width; ++k) {
      line += short_number(inputs[row * width + k], kDigits) + ',';
    }
    file.write(line + short_number(targets[row], kDigits) + '\n');
  }
  file.commit();
}

class Make : public Verb {
 public:
  const char* name() const override { return "make"; }
  const char* summary() const override { return "make rows to learn from: moons, spirals, ..."; }
  const char* notes() const override {
    return "  chainrule make moons -n 1000 -o moons.csv\n"
           "  chainrule make sine -n 200 --noise 0.2 --seed 7 -o sine.csv\n"
           "\n"
           "  moons    two half circles that reach into each other      x, y, class 0 or 1\n"
           "  spirals  two arms of a spiral                             x, y, class 0 or 1\n"
           "  blobs    three clouds                                     x, y, class 0, 1 or 2\n"
           "  sine     sin x, x from -pi to pi                          x, y\n"
           "\n"
           "The last column is the target. The same seed gives the same rows.\n";
  }
  Takes takes() const override { return Takes::words; }

  void declare(CLI::App& options) override {
    options.add_option("-n,--rows", rows_, "how many; 1000 if not given")->type_name("N");
    options
        .add_option("--noise", noise_,
                    "standard deviation; 0.1 if not given (spirals 0.02, blobs 1)")
        ->type_name("NUMBER");
    options.add_option("--seed", seed_, "of the random numbers; 0 if not given")->type_name("N");
    options.add_option("-o,--output", out_, "write to FILE, whole or not at all")
        ->type_name("FILE");
  }

  int run(const Arguments& arguments) override {
    const Kind& kind = kind_called(arguments.others);
    if (seed_ < 0) fail("make", "--seed is a whole number, at least 0");
    Random random(static_cast<std::uint64_t>(seed_));
    write_rows(kind.make(rows_, noise_.value_or(kind.noise), random), kind.columns, out_);
    return kSuccess;
  }

 private:
  std::int64_t rows_ = 1000;
  std::optional<double> noise_;
  std::int64_t seed_ = 0;
  std::string out_ = "-";
};

}  // namespace

std::unique_ptr<Verb> make_make() { return std::make_unique<Make>(); }

}  // namespace chainrule::cli
