#include "bench/suite/compiled/ba.hpp"

#include "bench/suite/compiled_runner.hpp"

namespace bench::suite {

namespace {

/// The row Function, replayed over all observations, 64 at a time.
class Replay : public Runner {
 public:
  explicit Replay(std::shared_ptr<const BundleAdjustment> problem)
      : problem_(std::move(problem)), f_(observation()) {
    in_.resize(f_.inputs() * problem_->count());
    out_.resize(f_.outputs() * problem_->count());
  }
  void run(Result& result) override {
    for (Index t = 0; t < problem_->count(); ++t) {
      double* row = &in_[f_.inputs() * t];
      const auto point = problem_->point(t);
      std::copy(point.begin(), point.end(), row);
      std::copy(problem_->feature(t), problem_->feature(t) + 2, row + point.size());
    }
    f_.rows(in_, out_);
    constexpr Index kJacobian = 2 * kObservationInputs;
    for (Index t = 0; t < problem_->count(); ++t) {
      const double* row = &out_[f_.outputs() * t];
      std::copy(row, row + 2, &result.values[2 * t]);
      std::copy(row + 2, row + 2 + kJacobian, &result.derivatives[kJacobian * t]);
    }
  }
  Notes notes() const override { return {{"nodes", static_cast<double>(f_.trace().graph.size())}}; }

 private:
  std::shared_ptr<const BundleAdjustment> problem_;
  chainrule::Function f_;
  std::vector<double> in_, out_;
};

/// Central differences, observation by observation.
class Differences : public Runner {
 public:
  explicit Differences(std::shared_ptr<const BundleAdjustment> problem)
      : problem_(std::move(problem)) {}
  void run(Result& result) override {
    for (Index t = 0; t < problem_->count(); ++t) {
      auto x = problem_->point(t);
      for (Index i = 0; i < x.size(); ++i) {
        const double at = x[i], step = 6e-6 * std::max(1.0, std::fabs(at));
        double above[2], below[2];
        x[i] = at + step;
        manual::plain_observation(*problem_, t, x.data(), above);
        x[i] = at - step;
        manual::plain_observation(*problem_, t, x.data(), below);
        x[i] = at;
        for (Index o = 0; o < 2; ++o) {
          result.derivatives[kObservationInputs * (2 * t + o) + i] =
              (above[o] - below[o]) / (2 * step);
        }
      }
    }
  }

 private:
  std::shared_ptr<const BundleAdjustment> problem_;
};

Case at(Index cameras, Index places, Index observations) {
  const auto problem = std::make_shared<const BundleAdjustment>(cameras, places, observations);
  Case c = case_of(problem, 66 * static_cast<double>(observations), Gives::derivatives);
  add_compiled<CompiledBundleAdjustment>(
      c, problem, Rows::many,
      [](CompiledBundleAdjustment& adjustment, Result& result, unsigned threads) {
        adjustment.run(result.values, result.derivatives, threads);
      });
  insert_after(c, "tape",
               {"replay", Gives::both, [problem] { return std::make_unique<Replay>(problem); }});
  c.entries.push_back({"differences", Gives::estimate,
                       [problem] { return std::make_unique<Differences>(problem); }});
  return c;
}

Size size(Index cameras, Index places, Index observations, SizeClass of) {
  return {"cameras=" + std::to_string(cameras) + " points=" + std::to_string(places) +
              " observations=" + std::to_string(observations),
          static_cast<double>(observations), of, [=] { return at(cameras, places, observations); }};
}

}  // namespace

Family ba() {
  return {"ba",
          "Bundle adjustment, reprojection errors and their Jacobians",
          "observations",
          "ADBench",
          {size(10, 300, 1000, SizeClass::small), size(49, 7776, 31'843, SizeClass::small),
           size(161, 48'126, 182'072, SizeClass::small),
           size(93, 61'203, 287'451, SizeClass::large), size(88, 64'298, 383'937, SizeClass::large),
           size(356, 226'730, 1'255'268, SizeClass::large)}};
}

}  // namespace bench::suite
