#include "chainrule/block/implicit.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <string>

#include "chainrule/base/text.hpp"
#include "chainrule/block/linalg.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/tape/state_internal.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule {
namespace {

using Vector = std::vector<double>;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Solver = Eigen::PartialPivLU<Eigen::MatrixXd>;

double largest(const Vector& v) {
  double size = 0;  // NaN stays
  for (const double entry : v) size = std::abs(entry) <= size ? size : std::abs(entry);
  return size;
}

bool all_finite(const Vector& v) {
  return std::ranges::all_of(v, [](double entry) { return std::isfinite(entry); });
}

// ∂out/∂x, factorised. Throws Error where it is singular.
Solver factors_of(const std::vector<Scalar>& out, std::span<const Scalar> x,
                  std::string_view where) {
  Matrix slopes(out.size(), x.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    gradient(out[i], x, {slopes.data() + i * x.size(), x.size()});
  }
  Solver factors(slopes);
  const double pivot = x.empty() ? 1.0 : factors.matrixLU().diagonal().cwiseAbs().minCoeff();
  if (!(pivot > 0)) {
    fail(where, "the derivative of the residual by the unknowns is singular: a pivot of its " +
                    std::to_string(x.size()) + "x" + std::to_string(x.size()) + " matrix is " +
                    shortest(pivot));
  }
  return factors;
}

Vector solved(const Solver& factors, const Vector& right) {
  const Eigen::VectorXd b =
      Eigen::Map<const Eigen::VectorXd>(right.data(), static_cast<Eigen::Index>(right.size()));
  const Eigen::VectorXd x = factors.solve(b);
  return {x.begin(), x.end()};
}

// f(x) − x.
class Difference final : public Callable {
 public:
  explicit Difference(std::shared_ptr<const Callable> f) : f_(std::move(f)) {}
  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    (*f_)(in, out);
    for (std::size_t k = 0; k < std::min(in.size(), out.size()); ++k) out[k] -= in[k];
  }

 private:
  std::shared_ptr<const Callable> f_;
};

class Implicit final : public Block {
 public:
  // `iterated`: what is iterated to find x, or null for Newton's method on the residual.
  Implicit(std::string_view name, std::shared_ptr<const Callable> residual,
           std::shared_ptr<const Callable> iterated, Vector guess, const SolveOptions& options)
      : name_(name),
        residual_(std::move(residual)),
        iterated_(std::move(iterated)),
        guess_(std::move(guess)),
        options_(options) {}

  std::string_view name() const override { return name_; }
  std::size_t inputs() const override { return captured_.size(); }
  std::size_t outputs() const override { return guess_.size(); }

  // Solves, and learns what the code captures.
  Vector run_first() {
    const Inner inner;
    const Vector x = find();
    {  // all that the residual reads, whatever the solution did not
      const Frame frame = inner.tape().frame();
      run(variables(x));
    }
    captured_ = inner.captured();
    return x;
  }
  const std::vector<Scalar>& captured() const { return captured_; }

  void value(std::span<const double> p, std::span<double> x) const override {
    const Inner inner(captured_, p);
    std::ranges::copy(find(), x.begin());
  }

  // p̄ = −(∂F/∂p)ᵀ (∂F/∂x)⁻ᵀ x̄
  void vjp(std::span<const double> p, std::span<const double> x, std::span<const double> xbar,
           std::span<double> pbar) const override {
    const Inner inner(captured_, p);
    const std::vector<Scalar> unknowns = variables({x.begin(), x.end()});
    const std::vector<Scalar> out = run(unknowns);
    Vector right;
    for (const double entry : xbar) right.push_back(-entry);
    const Eigen::VectorXd b =
        Eigen::Map<const Eigen::VectorXd>(right.data(), static_cast<Eigen::Index>(right.size()));
    Eigen::VectorXd lambda = factors_of(out, unknowns, name_).transpose().solve(b);
    arrive_all(std::span(lambda.data(), right.size()));
    adjoints(out, {lambda.data(), right.size()}, leaves(inner), pbar);
  }

  // ẋ = −(∂F/∂x)⁻¹ ∂F/∂p ṗ
  void jvp(std::span<const double> p, std::span<const double> x, std::span<const double> pdot,
           std::span<double> xdot) const override {
    const Inner inner(captured_, p);
    const std::vector<Scalar> unknowns = variables({x.begin(), x.end()});
    const std::vector<Scalar> out = run(unknowns);
    Vector right(out.size());
    tangents(out, leaves(inner), pdot, right);
    if (std::ranges::all_of(right, is_unreached)) return;
    for (double& entry : right) entry = -entry;
    std::ranges::copy(solved(factors_of(out, unknowns, name_), right), xdot.begin());
    arrive_all(xdot);
  }

  void pull_arrivals(std::span<const Scalar> p, std::span<const Scalar> x,
                     std::span<const Arrival> xbar, std::span<Arrival> pbar) const override {
    const std::vector<Scalar> ends = joined(x, p), out = record(p, x);
    const auto lambda = solve(transpose(slopes_by_x(out, x, ends)), negative_of(xbar)).entries;
    std::vector<Arrival> seeds, found(ends.size());
    for (const Scalar& entry : lambda) seeds.emplace_back(entry, 1.0);
    detail::pull_to_inputs(out, seeds, ends, found);
    std::copy(found.begin() + static_cast<std::ptrdiff_t>(x.size()), found.end(), pbar.begin());
  }

  void push_arrivals(std::span<const Scalar> p, std::span<const Scalar> x,
                     std::span<const Arrival> pdot, std::span<Arrival> xdot) const override {
    const std::vector<Scalar> ends = joined(x, p), out = record(p, x);
    std::vector<Arrival> seeds(x.size()), right(out.size());
    seeds.insert(seeds.end(), pdot.begin(), pdot.end());
    detail::push_from_inputs(out, ends, seeds, right);
    if (std::ranges::all_of(right, &Arrival::is_never)) return;
    const auto solution = solve(slopes_by_x(out, x, ends), negative_of(right)).entries;
    std::ranges::transform(solution, xdot.begin(), [](const Scalar& s) { return Arrival(s, 1.0); });
  }

 private:
  std::vector<Scalar> leaves(const Inner& inner) const {
    std::vector<Scalar> all;
    for (std::size_t k = 0; k < captured_.size(); ++k) all.push_back(inner.leaf(k));
    return all;
  }

  static std::vector<Scalar> variables(const Vector& x) {
    std::vector<Scalar> nodes;
    for (const double value : x) nodes.push_back(variable(value));
    return nodes;
  }

  static void require_size(std::string_view where, std::size_t unknowns, std::size_t got) {
    if (got != unknowns) {
      fail(where, std::to_string(got) + " equations for " + std::to_string(unknowns) + " unknowns");
    }
  }

  std::vector<Scalar> run(std::span<const Scalar> x) const {
    std::vector<Scalar> out;
    (*residual_)(x, out);
    require_size(name_, guess_.size(), out.size());
    for (Scalar& s : out) lead_in(s, name_);
    return out;
  }

  std::vector<Scalar> record(std::span<const Scalar> p, std::span<const Scalar> x) const {
    const Substitution substitution(captured_, p);
    return run(x);
  }

  static Dense<Scalar> slopes_by_x(const std::vector<Scalar>& out, std::span<const Scalar> x,
                                   const std::vector<Scalar>& ends) {
    Dense<Scalar> slopes(out.size(), x.size());
    std::vector<Arrival> seeds(out.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      seeds[i] = Arrival(1.0);
      const std::vector<Arrival> row = recorded_adjoints(out, seeds, ends);
      for (std::size_t j = 0; j < x.size(); ++j) slopes(i, j) = number_of(row[j]);
      seeds[i] = {};
    }
    return slopes;
  }

  static Scalar number_of(const Arrival& arrival) {
    return arrival.is_never() ? Scalar(0.0) : arrival.value;
  }
  static Dense<Scalar> negative_of(std::span<const Arrival> all) {
    Dense<Scalar> negative(all.size(), 1);
    std::ranges::transform(all, negative.entries.begin(),
                           [](const Arrival& arrival) { return -number_of(arrival); });
    return negative;
  }
  static std::vector<Scalar> joined(std::span<const Scalar> x, std::span<const Scalar> p) {
    std::vector<Scalar> both(x.begin(), x.end());
    both.insert(both.end(), p.begin(), p.end());
    return both;
  }

  // The solution, on the inner tape that is active.
  Vector find() const { return iterated_ != nullptr ? iterate() : newton(); }

  Vector iterate() const {
    Vector x = guess_;
    double step = 0;
    for (int k = 0; k < options_.iterations; ++k) {
      const Frame frame = Tape::active().frame();
      std::vector<Scalar> out;
      (*iterated_)(std::vector<Scalar>(x.begin(), x.end()), out);
      require_size(name_, x.size(), out.size());
      Vector change(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double next = out[i].value();
        change[i] = next - x[i];
        x[i] = next;
      }
      step = largest(change);
      if (!all_finite(x)) break;
      if (step <= options_.tolerance * (1 + largest(x))) return x;
    }
    fail_to_converge(step);
  }

  Vector newton() const {
    Vector x = guess_;
    double size = largest(values_at(x)), step = 0;
    for (int k = 0; k < options_.iterations; ++k) {
      if (size == 0) return x;
      if (!std::isfinite(size)) break;
      const Vector direction = newton_step(x);
      // The step is halved until the residual falls; where rounding alone is left it never does.
      double length = 1;
      Vector next = x;
      double next_size = 0;
      for (int halvings = 0; halvings < 30; ++halvings, length /= 2) {
        for (std::size_t i = 0; i < x.size(); ++i) next[i] = x[i] - length * direction[i];
        next_size = largest(values_at(next));
        if (next_size < size) break;
      }
      step = largest(direction);
      const bool is_there = step <= options_.tolerance * (1 + largest(x));
      if (!(next_size < size)) {
        if (is_there) return x;
        break;
      }
      x = next;
      size = next_size;
      if (is_there) return x;
    }
    fail_to_converge(step);
  }

  Vector values_at(const Vector& x) const {
    const Frame frame = Tape::active().frame();
    Vector values;
    for (const Scalar& s : run(std::vector<Scalar>(x.begin(), x.end())))
      values.push_back(s.value());
    return values;
  }

  Vector newton_step(const Vector& x) const {
    const Frame frame = Tape::active().frame();
    const std::vector<Scalar> unknowns = variables(x);
    const std::vector<Scalar> out = run(unknowns);
    Vector values;
    for (const Scalar& s : out) values.push_back(s.value());
    return solved(factors_of(out, unknowns, name_), values);
  }

  [[noreturn]] void fail_to_converge(double step) const {
    fail(name_, "no solution after " + std::to_string(options_.iterations) +
                    " iterations at most: the last step was " + shortest(step) +
                    ", the tolerance is " + shortest(options_.tolerance));
  }

  std::string_view name_;
  std::shared_ptr<const Callable> residual_, iterated_;
  Vector guess_;
  SolveOptions options_;
  std::vector<Scalar> captured_;
};

std::vector<Scalar> solution_of(const std::shared_ptr<Implicit>& block, Location at) {
  const Vector x = block->run_first();
  return detail::call_with_results(block, block->captured(), x, at);
}

}  // namespace

std::vector<Scalar> detail::implicitly(std::shared_ptr<const Callable> residual,
                                       std::span<const double> guess, const SolveOptions& options,
                                       Location at) {
  return solution_of(std::make_shared<Implicit>("implicit_solve", std::move(residual), nullptr,
                                                Vector(guess.begin(), guess.end()), options),
                     at);
}

std::vector<Scalar> detail::fixed_point_of(std::shared_ptr<const Callable> f,
                                           std::span<const double> guess,
                                           const SolveOptions& options, Location at) {
  auto residual = std::make_shared<const Difference>(f);
  return solution_of(std::make_shared<Implicit>("fixed_point", std::move(residual), std::move(f),
                                                Vector(guess.begin(), guess.end()), options),
                     at);
}

}  // namespace chainrule
