#include "bench/suite/compiled/kmeans.hpp"

#include "bench/suite/compiled_runner.hpp"

namespace bench::suite {

namespace {

using Problem = std::shared_ptr<const KMeans>;

/// One recording: its gradient, and the Hessian times the vector of ones, which is the diagonal.
class Tape : public Runner {
 public:
  explicit Tape(Problem problem)
      : problem_(std::move(problem)), x_(problem_->inputs()), ones_(x_.size(), 1.0) {}
  void run(Result& result) override {
    frame_.rewind();
    for (Index i = 0; i < x_.size(); ++i) x_[i] = chainrule::variable(problem_->point(0)[i]);
    chainrule::Scalar y;
    problem_->evaluate(0, x_.data(), &y);
    operations_ = tape_.size();
    bytes_ = tape_.bytes().rows + tape_.bytes().numbers;
    result.values[0] = chainrule::primal(y);
    chainrule::gradient(y, x_, std::span(result.derivatives).first(x_.size()));
    const std::vector<double> curvature = chainrule::hvp(y, x_, ones_);
    std::copy(curvature.begin(), curvature.end(),
              result.derivatives.begin() + static_cast<std::ptrdiff_t>(x_.size()));
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
  std::vector<chainrule::Scalar> x_;
  std::vector<double> ones_;
  Index operations_ = 0, bytes_ = 0;
};

Case at(Index k, Index n, Index d) {
  const auto problem = std::make_shared<const KMeans>(k, n, d);
  const double operations = static_cast<double>(n * k * (3 * d + 1));
  // Of the peers the gradient alone.
  Case c = case_of(problem, operations, Gives::gradient);
  for (Entry& entry : c.entries) {
    if (entry.name == "tape") {
      entry.gives = Gives::both;
      entry.make = [problem] { return std::make_unique<Tape>(problem); };
    } else if (entry.gives == Gives::gradient) {
      entry.name += " gradient";
    }
  }
  add_compiled<CompiledKMeans>(
      c, problem, Rows::many, [](CompiledKMeans& means, Result& result, unsigned threads) {
        const std::span all(result.derivatives);
        const Index half = all.size() / 2;
        result.values[0] = means.run(all.first(half), all.last(half), threads);
      });
  return c;
}

Size size(Index k, Index n, Index d, SizeClass of) {
  return {"k=" + std::to_string(k) + " n=" + std::to_string(n) + " d=" + std::to_string(d),
          static_cast<double>(k * n * d), of, [=] { return at(k, n, d); }};
}

}  // namespace

Family kmeans() {
  return {"kmeans",
          "k-means, cost, gradient and diagonal of the Hessian",
          "k n d",
          "GradBench",
          {size(10, 1000, 8, SizeClass::small), size(10, 10'000, 8, SizeClass::small),
           size(100, 1000, 8, SizeClass::small), size(100, 10'000, 8, SizeClass::large),
           size(100, 10'000, 16, SizeClass::large), size(1000, 10'000, 8, SizeClass::large)}};
}

}  // namespace bench::suite
