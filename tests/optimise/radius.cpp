#include "tests/optimise/radius.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "chainrule/op/reading.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {
namespace {

using Limits = std::numeric_limits<double>;
constexpr double kAnything = Limits::infinity();
constexpr double kUlp = Limits::epsilon();

bool is_same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}

// The numbers at which an operand is asked.
std::vector<double> samples(const Within& x) {
  if (x.radius == 0 || x.value != x.value) return {x.value};
  std::vector<double> at = {x.value, x.value - x.radius, x.value + x.radius};
  if (std::fabs(x.value) <= x.radius) at.push_back(0), at.push_back(-0.0);
  return at;
}

class Evaluation {
 public:
  explicit Evaluation(const Trace& trace) : graph_(trace.graph), at_(graph_.size()) {}

  void run(const Trace& trace, const std::vector<double>& point) {
    std::vector<double> fed(graph_.size());
    for (std::size_t k = 0; k < point.size(); ++k) fed[trace.inputs[k].index] = point[k];
    is_beyond_.assign(graph_.size(), false);
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      const GraphNode& node = graph_.nodes()[v];
      switch (node.kind) {
        case VertexKind::placeholder: at_[v] = {fed[v], 0}; break;
        case VertexKind::variable:
        case VertexKind::constant: at_[v] = {graph_.numbers()[node.operand[0]], 0}; break;
        case VertexKind::operation: at_[v] = of_operation(v, node); break;
        case VertexKind::block: call(v, graph_.calls()[node.operand[0]]); break;
        case VertexKind::output: break;
      }
    }
  }

  const Within& operator[](Vertex v) const { return at_[v.index]; }

 private:
  Within of_operation(std::uint32_t v, const GraphNode& node) {
    const int arity = info(node.op).arity;
    Within x[3] = {};
    for (int k = 0; k < arity; ++k) x[k] = at_[node.operand[k]];
    double center[3] = {x[0].value, x[1].value, x[2].value};
    Within z{read_value<double>(node.op, center), 0};
    for (int k = 0; k < arity; ++k) {
      if (x[k].radius == kAnything) return {z.value, kAnything};
    }
    std::vector<double> at[3];
    for (int k = 0; k < 3; ++k) at[k] = k < arity ? samples(x[k]) : std::vector{0.0};
    for (const double a : at[0]) {
      for (const double b : at[1]) {
        for (const double c : at[2]) widen(z, node.op, {a, b, c});
      }
    }
    if (arity == 2 && std::fabs(x[0].value - x[1].value) <= x[0].radius + x[1].radius) {
      for (const double a : at[0]) widen(z, node.op, {a, a, 0});
      for (const double b : at[1]) widen(z, node.op, {b, b, 0});
    }
    if (z.radius > 0) z.radius += noise(node.op, z.value);
    // sin(1e24): between the samples it is anywhere.
    if (info(node.op).kind != Kind::inline_formula && z.radius > 1e-6 &&
        z.radius > 0.01 * std::fabs(z.value)) {
      return {z.value, kAnything};
    }
    z.radius += own_radius(v, node, center, z.value);
    if (std::fabs(z.value) <= Limits::max() && !(std::fabs(z.value) + 2 * z.radius < Limits::max()))
      z.radius = z.radius == 0 ? 0 : kAnything;
    return z;
  }

  static void widen(Within& z, Op op, const std::array<double, 3>& x) {
    const double there = read_value<double>(op, x.data());
    if (is_same(there, z.value)) return;
    const double away = std::fabs(there - z.value);
    z.radius = away != away ? kAnything : std::max(z.radius, away);
    // The sign of a zero is known no more.
    if (away == 0) z.radius = std::max(z.radius, Limits::denorm_min());
  }

  // Between its samples an operation is as smooth as the table says that it is exact.
  static double noise(Op op, double z) {
    return std::isfinite(z) ? (2 + 2 * info(op).ulps.value) * kUlp * std::fabs(z) : 0;
  }

  // The rounding of the operation itself.
  double own_radius(std::uint32_t v, const GraphNode& node, const double* x, double z) {
    if (z != z || std::isinf(z)) {
      is_beyond_[v] = (node.op == Op::mul || node.op == Op::div || node.op == Op::add) &&
                      std::isinf(z) && std::isfinite(x[0]) && std::isfinite(x[1]);
      if (node.op == Op::neg) is_beyond_[v] = is_beyond_[node.operand[0]];
      return reads_beyond(node) ? kAnything : 0;
    }
    const double tiny = Limits::denorm_min();
    switch (node.op) {
      case Op::add:
      case Op::sub:
        if (reads_beyond(node)) return kAnything;
        if (x[0] == 0 && x[1] == 0) return 0;
        return kUlp * (std::fabs(x[0]) + std::fabs(x[1]) + std::fabs(z));
      case Op::neg: is_beyond_[v] = is_beyond_[node.operand[0]]; return 0;
      case Op::mul:
        if (x[0] == 0 || x[1] == 0) return 0;
        is_beyond_[v] = std::fabs(z) < Limits::min();
        return 3 * kUlp * std::fabs(z) + tiny;
      case Op::div:
        if (x[0] == 0 || std::isinf(x[1])) return 0;
        is_beyond_[v] = std::fabs(z) < Limits::min();
        return 3 * kUlp * std::fabs(z) + tiny;
      case Op::pow: return x[0] == 0 || std::isinf(x[0]) ? 0 : 9 * kUlp * std::fabs(z) + tiny;
      default: return 0;
    }
  }

  bool reads_beyond(const GraphNode& node) const {
    if (node.op != Op::add && node.op != Op::sub) return false;
    return is_beyond_[node.operand[0]] || is_beyond_[node.operand[1]];
  }

  void call(std::uint32_t v, const BlockCall& call) {
    std::vector<double> x, z(call.block->outputs());
    double radius = 0;
    for (const Vertex operand : call.operands) {
      x.push_back(at_[operand.index].value);
      radius += at_[operand.index].radius;
    }
    call.block->value(x, z);
    // Exact operands or nothing: blocks are not what is tested here.
    for (std::uint32_t k = 0; k < z.size(); ++k)
      at_[v + 1 + k] = {z[k], radius == 0 ? 0 : kAnything};
  }

  const Graph& graph_;
  std::vector<Within> at_;
  std::vector<bool> is_beyond_;  // a product, quotient or double that over- or underflowed
};

}  // namespace

bool holds(const Within& expected, double found) {
  if (expected.radius == kAnything || is_same(expected.value, found)) return true;
  if (expected.radius == 0) return false;
  return std::fabs(found - expected.value) <= expected.radius;
}

std::vector<Within> relaxed_values_at(const Trace& trace, const std::vector<double>& point) {
  Evaluation evaluation(trace);
  evaluation.run(trace, point);
  std::vector<Within> outputs;
  for (const Vertex v : trace.outputs) outputs.push_back(evaluation[v]);
  return outputs;
}

}  // namespace chainrule
