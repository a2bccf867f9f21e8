#include "tests/support/radius.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "chainrule/op/precision.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule {
namespace {

using Limits = std::numeric_limits<double>;
constexpr double kAnything = Limits::infinity();

// The numbers that every result is rounded to.
struct Format {
  Precision precision;
  double ulp, tiny, largest;
  double least_tame, most_tame;
};
const Format& format_of(Precision precision) {
  using Floats = std::numeric_limits<float>;
  static constexpr Format kDoubles{
      Precision::f64, Limits::epsilon(), Limits::denorm_min(), Limits::max(), 1e-150, 1e150};
  static constexpr Format kFloats{
      Precision::f32, Floats::epsilon(), Floats::denorm_min(), Floats::max(), 1e-17, 1e17};
  return precision == Precision::f32 ? kFloats : kDoubles;
}

bool is_same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}

// The numbers at which an operand is asked.
struct Samples {
  std::array<double, 8> at{};
  std::size_t count = 0;

  void add(double x) { at[count++] = x; }
  const double* begin() const { return at.data(); }
  const double* end() const { return at.data() + count; }
};

Samples samples(const Within& x) {
  Samples all;
  all.add(x.value);
  if (x.radius == 0 || x.value != x.value) return all;
  all.add(x.value - x.radius), all.add(x.value + x.radius);
  if (std::fabs(x.value) <= x.radius) all.add(0.0), all.add(-0.0);
  // Powers of fractions are NaN, of whole numbers they have a sign: one that is even, one that is
  // odd, and what is between them.
  const double whole = std::nearbyint(x.value), next = whole < x.value ? whole + 1 : whole - 1;
  if (std::fabs(whole - x.value) <= x.radius) all.add(whole);
  if (std::fabs(next - x.value) <= x.radius) all.add(next);
  const double between = (whole + next) / 2;
  if (std::fabs(between - x.value) <= x.radius) all.add(between);
  return all;
}

class Evaluation {
 public:
  Evaluation(const Trace& trace, Functions functions, const Format& format)
      : trace_(trace),
        graph_(trace.graph),
        functions_(functions),
        format_(format),
        at_(graph_.size()) {
    find_numbers();
  }

  void run(std::span<const Within> point) {
    is_beyond_.assign(graph_.size(), false);
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      const GraphNode& node = graph_.nodes()[v];
      if (node.kind == VertexKind::variable || node.kind == VertexKind::constant) {
        at_[v] = {rounded(format_.precision, graph_.numbers()[node.operand[0]]), 0};
      }
    }
    for (std::size_t k = 0; k < point.size(); ++k) at_[trace_.inputs[k].index] = point[k];
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      const GraphNode& node = graph_.nodes()[v];
      if (node.kind == VertexKind::operation) at_[v] = of_operation(v, node);
      is_tame_ = is_tame_ && is_tame(v, node);
      if (node.kind == VertexKind::block) call(v, graph_.calls()[node.operand[0]]);
    }
  }

  const Within& operator[](Vertex v) const { return at_[v.index]; }
  bool is_tame() const { return is_tame_; }

  Relaxed::Guards guards() const {
    auto found = Relaxed::Guards::hold;
    for (const Guard& guard : trace_.guards) {
      const Within& at = at_[guard.node.index];
      if (at.radius > 0) return Relaxed::Guards::unsure;
      if (!is_same(at.value, rounded(format_.precision, guard.expected)))
        found = Relaxed::Guards::fail;
    }
    return found;
  }

 private:
  Within of_operation(std::uint32_t v, const GraphNode& node) {
    const int arity = info(node.op).arity;
    Within x[3] = {};
    for (int k = 0; k < arity; ++k) x[k] = at_[node.operand[k]];
    double center[3] = {x[0].value, x[1].value, x[2].value};
    Within z{value_in(format_.precision, node.op, center), 0};
    for (int k = 0; k < arity; ++k) {
      if (x[k].radius == kAnything) return {z.value, kAnything};
    }
    if (x[0].radius > 0 || x[1].radius > 0 || x[2].radius > 0) widen(z, node.op, arity, x);
    if (node.op == Op::fmod || node.op == Op::remainder) {
      z.radius = of_saw(node.op, x, z.value, z.radius);
    }
    if (z.radius > 0) z.radius += noise(node.op, z.value);
    // sin(1e24), and so sinc(1e24), however small: between the samples it is anywhere.
    const double uncertain = std::max({x[0].radius, x[1].radius, x[2].radius});
    if (info(node.op).kind != Kind::inline_formula && (z.radius > 1e-6 || uncertain > 0.01) &&
        z.radius > 0.01 * std::fabs(z.value)) {
      return {z.value, kAnything};
    }
    z.radius += own_radius(v, node, center, z.value);
    if (std::fabs(z.value) <= format_.largest &&
        !(std::fabs(z.value) + 2 * z.radius < format_.largest)) {
      z.radius = z.radius == 0 ? 0 : kAnything;
    }
    return z;
  }

  void widen(Within& z, Op op, int arity, const Within* x) const {
    Samples at[3];
    for (int k = 0; k < 3; ++k) at[k] = samples(k < arity ? x[k] : Within{0, 0});
    for (const double a : at[0]) {
      for (const double b : at[1]) {
        for (const double c : at[2]) widen(z, op, {a, b, c});
      }
    }
    if (arity == 2 && std::fabs(x[0].value - x[1].value) <= x[0].radius + x[1].radius) {
      for (const double a : at[0]) widen(z, op, {a, a, 0});
      for (const double b : at[1]) widen(z, op, {b, b, 0});
    }
  }

  void widen(Within& z, Op op, const std::array<double, 3>& x) const {
    widen(z, value_in(format_.precision, op, x.data()));
  }
  void widen(Within& z, double there) const {
    if (is_same(there, z.value)) return;
    const double away = std::fabs(there - z.value);
    z.radius = away != away ? kAnything : std::max(z.radius, away);
    // The sign of a zero is known no more.
    if (away == 0) z.radius = std::max(z.radius, format_.tiny);
  }

  // Between its samples an operation is as smooth as the table says that it is exact.
  double noise(Op op, double z) const {
    return std::isfinite(z) ? (2 + 2 * info(op).ulps.value) * format_.ulp * std::fabs(z) : 0;
  }

  // A remainder is a saw: where the quotient may be another whole number, it is anywhere on a
  // tooth.
  static double of_saw(Op op, const Within* x, double z, double radius) {
    if (x[0].radius == 0 && x[1].radius == 0) return 0;
    if (radius == kAnything || std::fabs(x[1].value) <= x[1].radius) return kAnything;
    const double y = std::fabs(x[1].value), quotient = std::fabs(x[0].value / x[1].value);
    const double away = x[0].radius + (quotient + 1) * x[1].radius;
    const double edge = (op == Op::fmod ? y : y / 2) - x[1].radius, size = std::fabs(z);
    const bool may_jump = !(size + away < edge) || (op == Op::fmod && !(size > away));
    return may_jump ? 2 * (y + x[1].radius) : std::max(radius, away);
  }

  // The rounding of the operation itself.
  double own_radius(std::uint32_t v, const GraphNode& node, const double* x, double z) {
    if (node.op == Op::copysign && x[1] != x[1]) return kAnything;
    if (z != z || std::isinf(z)) {
      is_beyond_[v] = std::isinf(z) && (overflows(node, x) || passes_on_beyond(node, x, z));
      return reads_beyond(node) ? kAnything : 0;
    }
    const double tiny = format_.tiny;
    switch (node.op) {
      case Op::copysign: return 0;
      case Op::fma:
        if (reads_beyond(node)) return kAnything;
        if (x[0] * x[1] == 0 && x[2] == 0) return 0;
        return format_.ulp * (std::fabs(x[0] * x[1]) + std::fabs(x[2]) + std::fabs(z)) + tiny;
      case Op::add:
      case Op::sub:
        if (reads_beyond(node)) return kAnything;
        if (x[0] == 0 && x[1] == 0) return 0;
        return format_.ulp * (std::fabs(x[0]) + std::fabs(x[1]) + std::fabs(z));
      case Op::mul:
        if (x[0] == 0 || x[1] == 0) return 0;
        return 3 * format_.ulp * std::fabs(z) + tiny;
      case Op::div:
        if (x[0] == 0 || std::isinf(x[1])) return 0;
        return 3 * format_.ulp * std::fabs(z) + tiny;
      case Op::pow:
        return x[0] == 0 || std::isinf(x[0]) ? 0 : 9 * format_.ulp * std::fabs(z) + tiny;
      default: return functions_ == Functions::exact ? 0 : of_function(node.op, x, z);
    }
  }

  // Whether an infinite z is a product, quotient, power or double that is beyond the range.
  static bool overflows(const GraphNode& node, const double* x) {
    if (!std::isfinite(x[0]) || !std::isfinite(x[1])) return false;
    if (node.op == Op::fma) return x[2] == 0;
    if (node.op == Op::div) return x[1] != 0;
    return node.op == Op::mul || node.op == Op::ldexp || (node.op == Op::pow && x[0] != 0) ||
           (node.op == Op::add && x[0] == x[1]) || (node.op == Op::sub && x[0] == -x[1]);
  }

  // Whether an infinite z is a number times an operand that is beyond: −x, |x|, 2 x, what is
  // chosen. So it is where the row's derivative is a number.
  bool passes_on_beyond(const GraphNode& node, const double* x, double z) const {
    const auto is_number = [&](int k) {
      return is_number_[node.operand[k]] || std::fabs(x[k]) == 1;
    };
    if (node.op == Op::mul && !is_number(0) && !is_number(1)) return false;
    if (node.op == Op::div && !is_number(1)) return false;
    if (node.op == Op::stop_gradient) return is_beyond_[node.operand[0]];
    bool found = false;
    read_pullback(node.op, 1.0, x, z, [&](int k, double partial) {
      found = found || (is_beyond_[node.operand[k]] && std::isfinite(partial) && partial != 0);
    });
    return found;
  }

  // What depends on numbers alone.
  void find_numbers() {
    std::vector<bool> is_input(graph_.size());
    for (const Vertex input : trace_.inputs) is_input[input.index] = true;
    is_number_.resize(graph_.size());
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      const VertexKind kind = graph_.nodes()[v].kind;
      bool all = !is_input[v] && kind != VertexKind::block && kind != VertexKind::output;
      graph_.each_operand({v}, [&](Vertex x) { all = all && is_number_[x.index]; });
      is_number_[v] = all;
    }
  }

  // A vector function's: in its ulps of z, or where it cancels of what it is made of.
  double of_function(Op op, const double* x, double z) const {
    if (info(op).kind == Kind::inline_formula || info(op).ulps.value == 0) return 0;
    double size = std::fabs(z);
    read_pullback(op, 1.0, x, z, [&](int k, double partial) {
      const double part = std::fabs(partial * x[k]);
      if (std::isfinite(part)) size += part;
    });
    if (z == 0 && size == 0) return 0;
    // A formula may multiply a subnormal number, x·sigmoid(x).
    double tiny = format_.tiny;
    for (int k = 0; k < info(op).arity && info(op).kind == Kind::compound; ++k) {
      if (std::isfinite(x[k])) tiny += 2 * format_.tiny * std::fabs(x[k]);
    }
    return (info(op).ulps.value + 1.5) * format_.ulp * size + tiny;
  }

  bool is_tame(std::uint32_t v, const GraphNode& node) const {
    const double z = std::fabs(at_[v].value);
    if (std::isinf(z) && node.kind == VertexKind::operation) {
      bool has_infinite = false;
      graph_.each_operand(
          {v}, [&](Vertex x) { has_infinite = has_infinite || std::isinf(at_[x.index].value); });
      if (!has_infinite) return false;
    }
    return z == 0 || !std::isfinite(z) || (format_.least_tame < z && z < format_.most_tame);
  }

  bool reads_beyond(const GraphNode& node) const {
    if (node.op == Op::fma) return is_beyond_[node.operand[2]];
    if (node.op != Op::add && node.op != Op::sub) return false;
    return is_beyond_[node.operand[0]] || is_beyond_[node.operand[1]];
  }

  void call(std::uint32_t v, const BlockCall& call) {
    std::vector<Within> x;
    for (const Vertex operand : call.operands) x.push_back(at_[operand.index]);
    if (const auto* loop = dynamic_cast<const Loop*>(call.block.get()))
      return run_loop(v, *loop, x);
    std::vector<double> center, there(call.block->outputs()), z(there.size());
    for (const Within& operand : x) center.push_back(operand.value);
    call.block->value(center, z);
    for (double& number : z) number = rounded(format_.precision, number);
    for (std::uint32_t k = 0; k < z.size(); ++k) at_[v + 1 + k] = {z[k], 0};
    // Each operand by itself; what they do together is twice that at most, or so.
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (const double sample : samples(x[i])) {
        std::vector<double> near = center;
        near[i] = sample;
        call.block->value(near, there);
        for (std::uint32_t k = 0; k < z.size(); ++k) {
          Within away{z[k], 0};
          widen(away, rounded(format_.precision, there[k]));
          at_[v + 1 + k].radius += 2 * away.radius;
        }
      }
      if (x[i].radius != kAnything) continue;
      for (std::uint32_t k = 0; k < z.size(); ++k) at_[v + 1 + k].radius = kAnything;
    }
  }

  // The steps in their order. One that leaves the recorded branch, or may, says nothing more.
  void run_loop(std::uint32_t v, const Loop& loop, std::span<const Within> x) {
    const auto& [steps, carried, sliced, invariant, stacked, summed] = loop.shape();
    const Trace& body = loop.body().trace();
    const std::span<Within> z = std::span(at_).subspan(v + 1, loop.outputs());
    const std::span<Within> carry = z.first(carried), sums = z.last(summed);
    std::copy_n(x.begin(), carried, carry.begin());
    std::fill(sums.begin(), sums.end(), Within{0, 0});
    std::vector<Within> in(body.inputs.size());
    Evaluation step(body, functions_, format_);
    for (std::size_t turn = 0; turn < steps; ++turn) {
      const std::size_t t =
          loop.direction() == Loop::Direction::ascending ? turn : steps - 1 - turn;
      auto next = std::copy(carry.begin(), carry.end(), in.begin());
      next =
          std::copy_n(x.begin() + static_cast<std::ptrdiff_t>(carried + t * sliced), sliced, next);
      std::copy_n(x.end() - static_cast<std::ptrdiff_t>(invariant), invariant, next);
      step.run(in);
      is_tame_ = is_tame_ && step.is_tame();
      const auto result = [&](std::size_t k) { return step[body.outputs[k]]; };
      for (std::size_t k = 0; k < carried; ++k) carry[k] = result(k);
      for (std::size_t k = 0; k < stacked; ++k) z[carried + t * stacked + k] = result(carried + k);
      for (std::size_t k = 0; k < summed; ++k) {
        const Within more = result(carried + stacked + k);
        const double before = sums[k].value;
        sums[k].value = rounded(format_.precision, before + more.value);
        sums[k].radius += more.radius;
        if (std::isfinite(sums[k].value)) {
          sums[k].radius +=
              format_.ulp * (std::fabs(before) + std::fabs(more.value) + std::fabs(sums[k].value));
        }
      }
      if (step.guards() == Relaxed::Guards::hold) continue;
      std::vector<double> numbers, given(loop.outputs());
      for (const Within& number : x) numbers.push_back(number.value);
      loop.value(numbers, given);
      for (std::size_t k = 0; k < given.size(); ++k) z[k] = {given[k], kAnything};
      return;
    }
  }

  const Trace& trace_;
  const Graph& graph_;
  Functions functions_;
  const Format& format_;
  std::vector<Within> at_;
  bool is_tame_ = true;
  std::vector<bool> is_number_;
  std::vector<bool> is_beyond_;  // infinite, as a product, quotient, power or double is too large
};

}  // namespace

bool holds(const Within& expected, double found) {
  if (expected.radius == kAnything || is_same(expected.value, found)) return true;
  if (expected.radius == 0) return false;
  return std::fabs(found - expected.value) <= expected.radius;
}

Relaxed relaxed_at(const Trace& trace, std::span<const double> point, Functions functions,
                   Precision precision) {
  Evaluation evaluation(trace, functions, format_of(precision));
  std::vector<Within> exact;
  for (const double x : point) exact.push_back({rounded(precision, x), 0});
  evaluation.run(exact);
  Relaxed relaxed{{}, evaluation.guards(), evaluation.is_tame()};
  for (const Vertex v : trace.outputs) relaxed.outputs.push_back(evaluation[v]);
  return relaxed;
}

std::vector<Within> relaxed_values_at(const Trace& trace, std::span<const double> point) {
  return relaxed_at(trace, point, Functions::exact).outputs;
}

}  // namespace chainrule
