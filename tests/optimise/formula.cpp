#include "tests/optimise/formula.hpp"

#include <bit>
#include <limits>

#include "chainrule/base/text.hpp"
#include "chainrule/graph/function.hpp"

namespace chainrule {

std::string formula(const Trace& trace) {
  const Graph& graph = trace.graph;
  std::vector<std::string> text(graph.size());
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    const GraphNode& node = graph.nodes()[v];
    std::string operands;
    graph.each_operand(
        Vertex{v}, [&](Vertex x) { operands += (operands.empty() ? "" : ",") + text[x.index]; });
    switch (node.kind) {
      case VertexKind::placeholder: text[v] = graph.name_of({v}); break;
      case VertexKind::variable:
      case VertexKind::constant: text[v] = shortest(graph.numbers()[node.operand[0]]); break;
      case VertexKind::operation:
        text[v] = std::string(info(node.op).name) + "(" + operands + ")";
        break;
      case VertexKind::block: text[v] = "block(" + operands + ")"; break;
      case VertexKind::output:
        text[v] = operands + "[" + std::to_string(node.operand[1]) + "]";
        break;
    }
  }
  std::string outputs;
  for (const Vertex v : trace.outputs) outputs += (outputs.empty() ? "" : " ") + text[v.index];
  return outputs;
}

const std::vector<double>& special_numbers() {
  using Limits = std::numeric_limits<double>;
  static const std::vector<double> numbers = [] {
    std::vector<double> all;
    for (const double x :
         {0.0, 1.0, 0.5, 2.0, 3.7, 1e-200, 1e200, Limits::infinity(), Limits::denorm_min(),
          3 * Limits::denorm_min(), Limits::min() / 3, Limits::min(), Limits::max()}) {
      all.push_back(x), all.push_back(-x);
    }
    all.push_back(Limits::quiet_NaN());
    return all;
  }();
  return numbers;
}

std::vector<double> values_at_special_numbers(const Trace& trace) {
  const Function f(trace);
  std::vector<double> values, rows;
  for (const double x : special_numbers()) {
    for (const double y : special_numbers()) {
      for (const double w : special_numbers()) rows.insert(rows.end(), {x, y, w});
    }
  }
  values.resize(rows.size() / 3 * f.outputs());
  f.rows(rows, values);
  for (std::size_t k = 0; k < rows.size() / 3; ++k) values[k] = values[k * f.outputs()];
  values.resize(rows.size() / 3);
  return values;
}

std::string difference(const Trace& a, const Trace& b) {
  const std::vector<double> one = values_at_special_numbers(a),
                            other = values_at_special_numbers(b);
  const std::size_t n = special_numbers().size();
  for (std::size_t k = 0; k < one.size(); ++k) {
    if (is_same(one[k], other[k])) continue;
    const double x = special_numbers()[k / (n * n)], y = special_numbers()[k / n % n],
                 w = special_numbers()[k % n];
    return shortest(one[k]) + " became " + shortest(other[k]) + " at x = " + shortest(x) +
           ", y = " + shortest(y) + ", w = " + shortest(w);
  }
  return "";
}

bool is_same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}

}  // namespace chainrule
