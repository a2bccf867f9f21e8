#include "bench/suite/compiled/swaption.hpp"

#include "bench/suite/compiled_runner.hpp"

namespace bench::suite {

namespace {

/// The Function of a path, replayed path after path.
class Replay : public Runner {
 public:
  explicit Replay(std::shared_ptr<const Swaptions> problem)
      : problem_(std::move(problem)), f_(path_of(*problem_)), in_(f_.inputs()), out_(f_.outputs()) {
    std::copy(problem_->point(0), problem_->point(0) + problem_->inputs(), in_.begin());
  }
  void run(Result& result) override {
    result.values[0] = 0;
    std::fill(result.derivatives.begin(), result.derivatives.end(), 0.0);
    for (Index t = 0; t < problem_->count(); ++t) {
      std::copy(problem_->path(t), problem_->path(t) + problem_->steps(),
                in_.begin() + static_cast<std::ptrdiff_t>(problem_->inputs()));
      f_.evaluate(in_, out_);
      result.values[0] += out_[0];
      for (Index i = 0; i < result.derivatives.size(); ++i) result.derivatives[i] += out_[1 + i];
    }
  }
  Notes notes() const override { return {{"nodes", static_cast<double>(f_.trace().graph.size())}}; }

 private:
  std::shared_ptr<const Swaptions> problem_;
  chainrule::Function f_;
  std::vector<double> in_, out_;
};

Case at(Index steps, Index paths) {
  const auto problem = std::make_shared<const Swaptions>(steps, paths);
  const auto rates = problem->rates();
  const double operations =
      static_cast<double>(paths) * 12 * static_cast<double>(steps * (2 * rates - steps - 1) / 2);
  Case c = case_of(problem, operations, Gives::derivatives);
  add_compiled<CompiledSwaptions>(
      c, problem, Rows::many, [](CompiledSwaptions& swaptions, Result& result, unsigned threads) {
        result.values[0] = swaptions.run(result.derivatives, threads);
      });
  insert_after(c, "tape",
               {"replay", Gives::both, [problem] { return std::make_unique<Replay>(problem); }});
  add_differences(c, problem, operations);
  return c;
}

Size size(Index steps, Index paths, SizeClass of) {
  return {"steps=" + std::to_string(steps) + " paths=" + std::to_string(paths),
          static_cast<double>(steps), of, [=] { return at(steps, paths); }};
}

}  // namespace

Family swaption() {
  constexpr Index kPaths = 1000;
  return {"swaption",
          "LIBOR swaption portfolio, value, deltas and vegas",
          "steps to exercise",
          "Giles & Glasserman",
          {size(5, kPaths, SizeClass::small), size(10, kPaths, SizeClass::small),
           size(20, kPaths, SizeClass::small), size(40, kPaths, SizeClass::large),
           size(80, kPaths, SizeClass::large)}};
}

}  // namespace bench::suite
