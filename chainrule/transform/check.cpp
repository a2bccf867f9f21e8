#include "chainrule/transform/check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "chainrule/op/complex.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/inspect.hpp"

namespace chainrule {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();
constexpr double kSmallest = std::numeric_limits<double>::denorm_min();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// f along one line, as plain numbers: t ↦ f(x + t·direction).
class Line {
 public:
  Line(ScalarFunction f, std::span<const double> x, std::span<const double> direction)
      : f_(f), x_(x), direction_(direction), at_(x.size()) {}

  double operator()(double t) {
    for (std::size_t i = 0; i < x_.size(); ++i) at_[i] = Scalar(x_[i] + t * direction_[i]);
    return f_(at_).value();
  }

 private:
  ScalarFunction f_;
  std::span<const double> x_, direction_;
  std::vector<Scalar> at_;
};

struct Difference {
  double value = kNan;
  double error = std::numeric_limits<double>::infinity();
  double step = kNan;
};

// Central differences over steps scale·2⁻ᵏ, each extrapolated to step 0 from its neighbours
// (Ridders 1982; error terms h², h⁴, …). Kept is the entry whose distance from its parents is
// smallest.
Difference central_difference(Line& line, double scale, double value) {
  constexpr int kSteps = 34;
  constexpr double kShrink = 2.0;
  double table[kSteps][kSteps];
  Difference best;
  double h = scale / 8;
  for (int i = 0; i < kSteps; ++i, h /= kShrink) {
    const double up = line(h), down = line(-h);
    table[0][i] = (up - down) / (2 * h);
    // What rounding of f alone does to this difference.
    const double noise =
        (kEps * std::max({std::fabs(up), std::fabs(down), std::fabs(value)}) + kSmallest) / h;
    double factor = 1;
    for (int j = 1; j <= i; ++j) {
      factor *= kShrink * kShrink;
      table[j][i] = table[j - 1][i] + (table[j - 1][i] - table[j - 1][i - 1]) / (factor - 1);
      const double spread = std::max(std::fabs(table[j][i] - table[j - 1][i]),
                                     std::fabs(table[j][i] - table[j - 1][i - 1]));
      const double error = std::max(spread, noise);
      if (std::isfinite(table[j][i]) && error < best.error) best = {table[j][i], error, h};
    }
  }
  return best;
}

struct Sides {
  double left = kNan, right = kNan;
  bool kink = false;
};

// One-sided slopes at shrinking steps. At a smooth point their difference halves with the step (it
// is h·f″) until rounding takes over. At a kink both slopes settle and the difference stays; at a
// jump or a vertical tangent a slope grows by the same factor each time; a side may be undefined.
// What does none of these is not resolved by the steps, and no kink.
Sides one_sided(Line& line, double scale, double value) {
  constexpr int kSteps = 40, kKept = 3;
  double left[kKept] = {}, right[kKept] = {};
  int kept = 0;
  double h = scale / 1024;
  for (int i = 0; i < kSteps; ++i, h /= 2) {
    const double up = line(h), down = line(-h);
    const double to_right = (up - value) / h, to_left = (value - down) / h;
    if (std::isnan(up) != std::isnan(down)) return {to_left, to_right, true};
    const double noise =
        8 * kEps * std::max({std::fabs(up), std::fabs(down), std::fabs(value)}) / h;
    if (i > 4 && noise > 1e-3 * std::max(std::fabs(to_right), std::fabs(to_left))) break;
    std::shift_left(left, left + kKept, 1);
    std::shift_left(right, right + kKept, 1);
    left[kKept - 1] = to_left;
    right[kKept - 1] = to_right;
    ++kept;
  }
  Sides sides{left[2], right[2], false};
  const double gap = std::fabs(right[2] - left[2]);
  if (kept < kKept || !(gap > 1e-6 * std::max(std::fabs(left[2]), std::fabs(right[2]))))
    return sides;
  const auto settles = [gap](const double* slope) {
    return std::fabs(slope[2] - slope[1]) <= 0.1 * gap &&
           std::fabs(slope[1] - slope[0]) <= 0.1 * gap;
  };
  const auto grows = [](const double* slope) {
    const double last = slope[2] / slope[1], before = slope[1] / slope[0];
    return last > 1.05 && last < 2.1 && std::fabs(last - before) < 0.02;
  };
  sides.kink = (settles(left) || grows(left)) && (settles(right) || grows(right));
  return sides;
}

// The recorded operations of y read over complex numbers: Im y(x + ih) / h, for one x at a time.
class ComplexStep {
 public:
  explicit ComplexStep(const Scalar& y)
      : nodes_(inspect(Tape::active(), ancestors(y))), values_(y.node().index + std::size_t{1}) {}

  /// Empty where an operation has no complex continuation, where x goes through a block, whose code
  /// is for real numbers, or where the step's product with the expected derivative underflows.
  std::optional<double> by(NodeId x, double at, double expected) {
    const double step = at == 0 ? 1e-20 : std::max(1e-20 * std::fabs(at), 1e-150);
    if (expected != 0 && std::fabs(expected) * step < 1e-290) return std::nullopt;
    for (const NodeInfo& node : nodes_) {
      values_[node.id.index] = node.id == x ? Complex(node.value, step) : value_of(node);
    }
    const Complex& y = values_.back();
    return y.valid() ? std::optional(y.imag() / step) : std::nullopt;
  }

 private:
  Complex value_of(const NodeInfo& node) const {
    const auto at = [&](const OperandInfo& operand) {
      return operand.is_number ? Complex(operand.value) : values_[operand.node.index];
    };
    switch (node.kind) {
      case NodeKind::variable:
      case NodeKind::constant:
      case NodeKind::placeholder: return Complex(node.value);
      case NodeKind::operation: {
        Complex operands[3];
        std::ranges::transform(node.operands, operands, at);
        return read_value<Complex>(node.op, operands);
      }
      case NodeKind::block: {
        const bool is_moved = std::ranges::any_of(
            node.operands, [&](const OperandInfo& operand) { return at(operand).imag() != 0; });
        return {node.value, is_moved ? kNan : 0.0};  // of which valid() says that it is unknown
      }
    }
    __builtin_unreachable();
  }

  std::vector<NodeInfo> nodes_;
  std::vector<Complex> values_;  // by row
};

double relative(double a, double b) {
  if (a == b || std::fabs(a - b) <= 1e-30 || (std::isnan(a) && std::isnan(b))) return 0;
  const double size = std::max(std::fabs(a), std::fabs(b));
  return std::isfinite(size) && size > 0 ? std::fabs(a - b) / size
                                         : std::numeric_limits<double>::infinity();
}

// The verdict on one input from its witnesses.
void judge(ComponentCheck& c, bool kink, double tolerance) {
  const double size = std::max(std::fabs(c.derivative), std::fabs(c.difference));
  const double allowed = std::max(4 * c.difference_error, tolerance * size);
  const bool difference_agrees = std::fabs(c.derivative - c.difference) <= allowed;
  c.error = relative(c.derivative, c.complex_step.value_or(c.difference));
  if (kink) {
    const double low = std::min(c.left, c.right), high = std::max(c.left, c.right);
    const double slack = tolerance * std::max(std::fabs(low), std::fabs(high));
    // Between the one-sided slopes every value is a convention; outside of them none is.
    const bool outside = std::isfinite(low) && std::isfinite(high) &&
                         (c.derivative < low - slack || c.derivative > high + slack);
    c.verdict = outside ? Verdict::wrong : Verdict::kink;
    return;
  }
  // A difference says something if it is known to three digits of its own. A derivative of 0 is
  // borne out by any difference that is 0 to within its error.
  const bool usable = c.difference_error <= 1e-3 * std::fabs(c.difference) ||
                      (c.derivative == 0 && std::isfinite(c.difference_error));
  if (!std::isfinite(c.derivative) || !usable) {
    c.verdict = Verdict::noisy;
    return;
  }
  // The complex step's own error is of the order of its step, squared.
  const bool complex_agrees = !c.complex_step || std::fabs(c.derivative - *c.complex_step) <=
                                                     1e-3 * tolerance * size + 1e-30;
  c.verdict = difference_agrees && complex_agrees ? Verdict::right : Verdict::wrong;
}

// The least-squares slope of log r against log h over the steps at which r stands above rounding.
std::optional<double> slope(const std::vector<double>& h, const std::vector<double>& r,
                            double floor_of_noise) {
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (std::size_t k = 0; k < h.size(); ++k) {
    if (!(r[k] > 100 * floor_of_noise) || !std::isfinite(r[k])) continue;
    const double x = std::log(h[k]), y = std::log(r[k]);
    n += 1, sx += x, sy += y, sxx += x * x, sxy += x * y;
  }
  if (n < 4) return std::nullopt;
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

void taylor(ScalarFunction f, std::span<const double> x, std::uint64_t seed, CheckReport& report) {
  std::vector<double> direction(x.size());
  std::uint64_t state = seed;
  double along = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    // SplitMix64 (Steele et al. 2014): enough for one direction.
    std::uint64_t bits = state += 0x9E3779B97F4A7C15u;
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9u;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBu;
    const double unit = static_cast<double>((bits ^ (bits >> 31)) >> 11) * 0x1p-53;
    direction[i] = (unit + 0.5) * std::max(std::fabs(x[i]), 1e-3);
    along += direction[i] * report.components[i].derivative;
  }
  Line line(f, x, direction);
  std::vector<double> steps, without, with;
  double size = std::fabs(report.value);
  for (double h = 1.0 / 16; h > 1e-6; h /= 2) {
    const double value = line(h);
    size = std::max(size, std::fabs(value));
    steps.push_back(h);
    without.push_back(std::fabs(value - report.value));
    with.push_back(std::fabs(value - report.value - h * along));
  }
  report.taylor_slope_value = slope(steps, without, kEps * size);
  report.taylor_slope_gradient = slope(steps, with, kEps * size);
}

}  // namespace

CheckReport check(ScalarFunction f, std::span<const double> x, const CheckOptions& options) {
  if (x.empty()) fail("check", "there is no input to differentiate by");
  CheckReport report{};
  std::vector<double> derivatives(x.size());
  std::vector<std::optional<double>> complex_steps(x.size());
  {
    Tape& tape = Tape::active();
    const Frame frame = tape.frame();
    std::vector<Scalar> inputs;
    for (const double value : x) inputs.push_back(variable(value));
    const Scalar y = f(inputs);
    report.value = y.value();
    gradient(y, inputs, derivatives);
    if (!y.is_number()) {
      ComplexStep witness(y);
      for (std::size_t i = 0; i < x.size(); ++i) {
        complex_steps[i] = witness.by(inputs[i].node(), x[i], derivatives[i]);
      }
    }
  }
  std::vector<double> direction(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    direction[i] = 1.0;
    Line line(f, x, direction);
    // Steps in proportion to x, and for a small x also steps of the size of 1.
    const double scale = x[i] != 0 ? std::fabs(x[i]) : 1.0;
    Difference central = central_difference(line, scale, report.value);
    if (scale < 1e-3) {
      const Difference wide = central_difference(line, 1.0, report.value);
      if (wide.error < central.error) central = wide;
    }
    const Sides sides = one_sided(line, scale, report.value);
    direction[i] = 0.0;
    ComponentCheck c{derivatives[i], central.value, central.error, central.step,  complex_steps[i],
                     sides.left,     sides.right,   0.0,           Verdict::right};
    judge(c, sides.kink, options.tolerance);
    if (c.verdict == Verdict::wrong) {
      // Steps that do not resolve the function can agree by accident: hear them once more.
      direction[i] = 1.0;
      const Difference again = central_difference(line, 0.7123 * scale, report.value);
      direction[i] = 0.0;
      if (!sides.kink && relative(again.value, central.value) > 1e-3) c.verdict = Verdict::noisy;
    }
    report.components.push_back(c);
  }
  const auto rank = [](const ComponentCheck& c) {
    const int severity = c.verdict == Verdict::wrong   ? 3
                         : c.verdict == Verdict::noisy ? 2
                         : c.verdict == Verdict::kink  ? 1
                                                       : 0;
    return std::pair(severity, c.error);
  };
  const auto worst = std::ranges::max_element(report.components, {}, rank);
  report.worst = static_cast<std::size_t>(worst - report.components.begin());
  report.verdict = worst->verdict;
  taylor(f, x, options.seed, report);
  return report;
}

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::right: return "right";
    case Verdict::wrong: return "wrong";
    case Verdict::noisy: return "noisy";
    case Verdict::kink: return "at a kink";
  }
  __builtin_unreachable();
}

}  // namespace chainrule
