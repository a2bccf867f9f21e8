#include "bench/suite/compiled/ht.hpp"

#include "bench/suite/compiled_runner.hpp"

namespace bench::suite {

namespace {

using Problem = std::shared_ptr<const HandTracking>;

/// One recording, swept forward in all 26 directions at once.
class Tape : public Runner {
 public:
  explicit Tape(Problem problem)
      : problem_(std::move(problem)),
        theta_(kHandNumbers),
        errors_(problem_->outputs()),
        seeds_(kHandNumbers * kHandNumbers, -0.0) {
    for (Index k = 0; k < kHandNumbers; ++k) seeds_[k * kHandNumbers + k] = 1;
  }
  void run(Result& result) override {
    frame_.rewind();
    for (Index i = 0; i < kHandNumbers; ++i) {
      theta_[i] = chainrule::variable(problem_->theta()[i]);
    }
    problem_->evaluate(theta_.data(), errors_.data());
    operations_ = tape_.size();
    bytes_ = tape_.bytes().rows + tape_.bytes().numbers;
    const std::vector<double> tangents = chainrule::jvp(errors_, theta_, seeds_);
    for (Index o = 0; o < errors_.size(); ++o) {
      result.values[o] = chainrule::primal(errors_[o]);
      for (Index k = 0; k < kHandNumbers; ++k) {
        result.derivatives[o * kHandNumbers + k] = tangents[k * errors_.size() + o];
      }
    }
  }
  Notes notes() const override {
    const auto operations = static_cast<double>(operations_);
    return {{"operations", operations},
            {"tape bytes/op", static_cast<double>(bytes_) / operations}};
  }

 private:
  Problem problem_;
  chainrule::Tape& tape_ = chainrule::Tape::active();
  chainrule::Frame frame_ = tape_.frame();
  std::vector<chainrule::Scalar> theta_, errors_;
  std::vector<double> seeds_;
  Index operations_ = 0, bytes_ = 0;
};

/// The Jacobian as a Function, replayed.
class Replay : public Runner {
 public:
  explicit Replay(Problem problem)
      : problem_(std::move(problem)),
        f_(chainrule::jacobian(
            chainrule::record(
                [this](const std::vector<chainrule::Scalar>& theta) {
                  std::vector<chainrule::Scalar> errors(problem_->outputs());
                  problem_->evaluate(theta.data(), errors.data());
                  return errors;
                },
                std::vector<double>(problem_->theta().begin(), problem_->theta().end())),
            0, chainrule::Sweep::forward)) {}
  void run(Result& result) override { f_.evaluate(problem_->theta(), result.derivatives); }
  Notes notes() const override { return {{"nodes", static_cast<double>(f_.trace().graph.size())}}; }

 private:
  Problem problem_;
  chainrule::Function f_;
};

Case at(Index measurements) {
  const auto problem = std::make_shared<const HandTracking>(measurements);
  Case c;
  c.inputs = problem->inputs();
  c.values = problem->outputs();
  c.parts = problem->groups();
  c.entries.push_back({"plain", Gives::values, [problem] {
                         return runner([problem](Result& result) {
                           manual::plain(*problem, problem->theta().data(), result.values);
                         });
                       }});
  c.entries.push_back({"manual", Gives::both, [problem] { return manual_runner(problem); }});
  c.entries.push_back({"tape", Gives::both, [problem] { return std::make_unique<Tape>(problem); }});
  add_compiled<CompiledHandTracking>(
      c, problem, Rows::many, [](CompiledHandTracking& hand, Result& result, unsigned threads) {
        hand.run(result.values, result.derivatives, threads);
      });
  insert_after(
      c, "tape",
      {"replay", Gives::derivatives, [problem] { return std::make_unique<Replay>(problem); },
       too_large(static_cast<double>(measurements) * 3 * kHandNumbers * 20, kMostReplayNodes)});
  c.entries.push_back(
      {"differences", Gives::estimate, [problem] { return differences_runner(problem); }});
  c.error_of_manual = [problem](const Result& result) {
    const auto f = [&](const long double* x, long double* y) { problem->evaluate(x, y); };
    return error_against_differences(f, problem->theta(), problem->outputs(), problem->step(),
                                     result.derivatives);
  };
  return c;
}

Size size(Index measurements, SizeClass of) {
  return {"measurements=" + std::to_string(measurements), static_cast<double>(measurements), of,
          [=] { return at(measurements); }};
}

}  // namespace

Family ht() {
  return {"ht",
          "Hand tracking, errors of a skinned mesh and their Jacobian",
          "measurements",
          "ADBench (simple)",
          {size(100, SizeClass::small), size(400, SizeClass::small), size(1600, SizeClass::small),
           size(6400, SizeClass::large), size(25'600, SizeClass::large),
           size(100'000, SizeClass::large)}};
}

}  // namespace bench::suite
