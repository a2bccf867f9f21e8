#include "tests/optimise/wild.hpp"

#include <limits>

#include "chainrule/graph/function.hpp"
#include "tests/graph/traces.hpp"

namespace chainrule {
namespace {

std::uint32_t pick(std::mt19937& random, std::size_t count) {
  return std::uniform_int_distribution<std::uint32_t>(
      0, static_cast<std::uint32_t>(count - 1))(random);
}

class Generator {
 public:
  Generator(std::mt19937& random, Rows rows, Calls calls)
      : random_(random), rows_(rows), calls_(calls) {}

  Wild run(std::uint32_t size) {
    for (std::uint32_t k = 0; k < 4; ++k) {
      values_.push_back(graph_.append({VertexKind::placeholder}));
      trace_.inputs.push_back(values_.back());
      wild_.point.push_back(wild_number(random_));
    }
    trace_.arguments = {{"x", {Element::f64, {4}}, 0, 4}};
    while (graph_.size() < size) add_node();
    // The last values: what came before is mostly in them.
    for (std::size_t k = 0; k < 8; ++k) trace_.outputs.push_back(some());
    trace_.results = {{"y", {Element::f64, {8}}, 0, 8}};
    add_guards();
    wild_.trace = std::move(trace_);
    return std::move(wild_);
  }

 private:
  std::uint32_t pick(std::size_t count) { return chainrule::pick(random_, count); }

  // Often one of the last, so that rules meet what rules have made.
  Vertex some() {
    const std::size_t last = std::min<std::size_t>(values_.size(), pick(2) == 0 ? 6 : 1000);
    return values_[values_.size() - 1 - pick(last)];
  }

  void add_node() {
    const std::uint32_t kind = pick(40);
    if (kind < 5) {
      const VertexKind leaf = kind == 0 ? VertexKind::variable : VertexKind::constant;
      values_.push_back(graph_.append_number(leaf, wild_number(random_)));
    } else if (kind == 5 && calls_ == Calls::some) {
      add_call();
    } else if (kind < 10) {
      add_product_by_number();
    } else {
      add_operation(kind < 27 ? some_common() : some_row());
    }
  }

  Op some_row() {
    for (;;) {
      const Op op = static_cast<Op>(pick(kOpCount));
      const bool is_slow = std::string_view(info(op).domain[0].name) == domains::order.name;
      if (rows_ == Rows::all || !is_slow) return op;
    }
  }

  // Factors that are put together, or with the other operand of what follows.
  void add_product_by_number() {
    static constexpr double kFactors[] = {2, 0.5, 4, 0.25, 3, -0.5, 1.0 / 1024, 0.1, -2};
    const Vertex factor = a_number(kFactors[pick(std::size(kFactors))]);
    const std::uint32_t x = some().index;
    values_.push_back(graph_.append({VertexKind::operation, Op::mul, 0, {x, factor.index, 0}}));
  }

  // What programs are made of, so that what is made of it is often a number.
  Op some_common() {
    static constexpr Op kCommon[] = {Op::add, Op::add, Op::sub,  Op::mul,    Op::mul,    Op::mul,
                                     Op::div, Op::neg, Op::neg,  Op::select, Op::both,   Op::either,
                                     Op::lt,  Op::eq,  Op::gt,   Op::ge,     Op::negate, Op::sub,
                                     Op::pow, Op::abs, Op::sqrt, Op::max,    Op::div};
    return kCommon[pick(std::size(kCommon))];
  }

  void add_operation(Op op) {
    GraphNode node{VertexKind::operation, op};
    for (int k = 0; k < info(op).arity; ++k) node.operand[k] = some().index;
    if (pick(8) == 0) node.operand[1] = node.operand[0];
    // The sign of a NaN is nobody's, and copysign alone shows it: it is given what is no result.
    if (op == Op::copysign) node.operand[1] = trace_.inputs[pick(4)].index;
    if (op == Op::pow && pick(2) == 0) node.operand[1] = a_number(0.5 * pick(40) - 10).index;
    values_.push_back(graph_.append(node));
  }

  Vertex a_number(double number) { return graph_.append_number(VertexKind::constant, number); }

  void add_call() {
    const std::uint32_t inputs = pick(4), outputs = pick(4);
    BlockCall call{std::make_shared<Sums>(0.5 * pick(4), inputs, outputs), {}};
    for (std::uint32_t k = 0; k < inputs; ++k) call.operands.push_back(some());
    const Vertex at = graph_.append_call(std::move(call));
    for (std::uint32_t k = 1; k <= outputs; ++k) values_.push_back({at.index + k});
  }

  // Some of the values that there are at the point.
  void add_guards() {
    Trace all = trace_;
    all.outputs = values_;
    all.results = {{"y",
                    {Element::f64, {static_cast<std::uint32_t>(values_.size())}},
                    0,
                    static_cast<std::uint32_t>(values_.size())}};
    const std::vector<double> at_point = values_at(all, wild_.point);
    for (std::size_t k = 0; k < values_.size(); ++k) {
      if (pick(12) == 0) trace_.guards.push_back({values_[k], at_point[k], {}});
    }
  }

  std::mt19937& random_;
  Rows rows_;
  Calls calls_;
  Wild wild_;
  Trace trace_;
  Graph& graph_ = trace_.graph;
  std::vector<Vertex> values_;
};

}  // namespace

double wild_number(std::mt19937& random) {
  using Limits = std::numeric_limits<double>;
  static const double kSpecial[] = {0.0,
                                    -0.0,
                                    1,
                                    -1,
                                    2,
                                    0.5,
                                    3,
                                    -3,
                                    Limits::infinity(),
                                    -Limits::infinity(),
                                    Limits::quiet_NaN(),
                                    Limits::denorm_min(),
                                    -Limits::denorm_min(),
                                    Limits::min() / 3,
                                    -Limits::min() / 5,
                                    Limits::min(),
                                    Limits::max(),
                                    -Limits::max(),
                                    1e200,
                                    -1e-200};
  if (pick(random, 2) == 0) return kSpecial[pick(random, std::size(kSpecial))];
  return std::uniform_real_distribution<double>(-4, 4)(random);
}

Wild wild_trace(std::mt19937& random, std::uint32_t size, Rows rows, Calls calls) {
  return Generator(random, rows, calls).run(size);
}

std::vector<double> values_at(const Trace& trace, std::vector<double> point) {
  Trace unguarded = trace;
  unguarded.guards.clear();
  std::vector<double> values(trace.outputs.size());
  Function(std::move(unguarded)).evaluate(point, values);
  return values;
}

}  // namespace chainrule
