#include "chainrule/expr/simplify_internal.hpp"

#include <algorithm>

#include "chainrule/base/error.hpp"

namespace chainrule::expr {
namespace {

// What √½ as a double leaves over (see normal_cdf in op/formulas.hpp): 0 as a real number.
double without_rest(double number) { return number == rules::kSqrtHalfRest ? 0 : number; }

bool is_sum(Op op) { return op == Op::add || op == Op::sub || op == Op::neg; }
bool is_product(Op op) { return op == Op::mul || op == Op::div; }

class Simplification {
 public:
  explicit Simplification(const Trace& trace)
      : trace_(trace), graph_(trace.graph), values_(graph_.size()), used_(graph_.size(), 7) {}

  Formulas run() {
    find_links();
    for (std::size_t k = 0; k < trace_.inputs.size(); ++k) {
      values_[trace_.inputs[k].index] = terms_.name(static_cast<std::uint32_t>(k));
    }
    conditions_.resize(graph_.size());
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      terms_.stated.clear();
      visit({v});
      conditions_[v] = terms_.stated;
      const std::string* label = graph_.label_of({v});
      if (label != nullptr && graph_[{v}].kind == VertexKind::operation && !is_link_[v]) {
        labels_.emplace_back(terms_.term(values_[v]), *label);
      }
    }
    Formulas found;
    for (const Vertex output : trace_.outputs) found.outputs.push_back(values_[output.index]);
    find_conditions(found);
    found.labels = std::move(labels_);
    found.terms = std::move(terms_);
    return found;
  }

 private:
  const GraphNode& at(std::uint32_t v) const { return graph_.nodes()[v]; }
  bool is(std::uint32_t v, Op op) const {
    return at(v).kind == VertexKind::operation && at(v).op == op;
  }
  bool is_number(std::uint32_t v, double number) const {
    return at(v).kind == VertexKind::constant && graph_.numbers()[at(v).operand[0]] == number;
  }

  // A link: a sum in nothing but one sum, a product in nothing but one product.
  void find_links() {
    std::vector<std::uint32_t> uses(graph_.size()), user(graph_.size());
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      graph_.each_operand({v}, [&](Vertex x) {
        ++uses[x.index];
        user[x.index] = v;
      });
    }
    for (const Vertex output : trace_.outputs) uses[output.index] += 2;
    is_link_.resize(graph_.size());
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (at(v).kind != VertexKind::operation || uses[v] != 1) continue;
      const GraphNode& next = at(user[v]);
      if (next.kind != VertexKind::operation || tanh_slope(v)) continue;
      is_link_[v] =
          (is_sum(at(v).op) && is_sum(next.op)) || (is_product(at(v).op) && is_product(next.op));
    }
  }

  void visit(Vertex v) {
    const GraphNode& node = graph_[v];
    switch (node.kind) {
      case VertexKind::placeholder: return;
      case VertexKind::variable:
      case VertexKind::constant:
        values_[v.index] = terms_.number(without_rest(graph_.numbers()[node.operand[0]]));
        return;
      case VertexKind::operation: break;
      case VertexKind::block:
      case VertexKind::output: fail("diff", "a block has no formula");
    }
    if (is_link_[v.index]) return;
    if (const std::optional<std::uint32_t> u = tanh_slope(v.index)) return set_tanh_slope(v, *u);
    if (const std::optional<std::uint32_t> power = power_branches(v.index)) {
      ++terms_.counts[static_cast<std::size_t>(Rewrite::branches)];
      values_[v.index] = values_[*power];
      used_[v.index] = 4;
    } else if (is_sum(node.op)) {
      values_[v.index] = sum_from(v.index);
    } else if (is_product(node.op)) {
      values_[v.index] = product_from(v.index);
    } else {
      Value operands[3];
      const auto arity = static_cast<std::size_t>(info(node.op).arity);
      for (std::size_t k = 0; k < arity; ++k) operands[k] = values_[node.operand[k]];
      values_[v.index] = terms_.operation(node.op, {operands, arity});
      if (node.op == Op::select && terms_.is_number(operands[0])) {
        used_[v.index] = operands[0].c.num != 0 ? 3 : 5;
      }
    }
  }

  Value sum_from(std::uint32_t root) {
    std::vector<Terms::Addend> addends;
    std::vector<std::pair<std::uint32_t, double>> open = {{root, 1}};
    while (!open.empty()) {
      const auto [v, sign] = open.back();
      open.pop_back();
      if (v != root && !is_link_[v]) {
        addends.push_back({{sign, 1}, values_[v]});
        continue;
      }
      const GraphNode& node = at(v);
      open.emplace_back(node.operand[0], node.op == Op::neg ? -sign : sign);
      if (node.op != Op::neg) open.emplace_back(node.operand[1], node.op == Op::sub ? -sign : sign);
    }
    return terms_.sum(addends);
  }

  Value product_from(std::uint32_t root) {
    std::vector<Terms::Factor> factors;
    std::vector<std::pair<std::uint32_t, bool>> open = {{root, false}};
    while (!open.empty()) {
      const auto [v, inverse] = open.back();
      open.pop_back();
      if (v != root && !is_link_[v]) {
        factors.push_back({values_[v], inverse});
        continue;
      }
      const GraphNode& node = at(v);
      open.emplace_back(node.operand[0], inverse);
      open.emplace_back(node.operand[1], inverse != (node.op == Op::div));
    }
    return terms_.product(factors);
  }

  // 4 σ(2u) σ(−2u) = 1/cosh²u, which is as tanh' is recorded. Accurate wherever cosh²u is finite;
  // beyond |u| = 355 the slope is below 1e-307 and becomes 0.
  std::optional<std::uint32_t> tanh_slope(std::uint32_t v) const {
    if (!is(v, Op::mul) || !is(at(v).operand[0], Op::mul)) return std::nullopt;
    const GraphNode& left = at(at(v).operand[0]);
    const auto doubled = [&](std::uint32_t s, double c) -> std::optional<std::uint32_t> {
      if (!is(s, Op::sigmoid) || !is(at(s).operand[0], Op::mul)) return std::nullopt;
      const GraphNode& twice = at(at(s).operand[0]);
      if (!is_number(twice.operand[0], c)) return std::nullopt;
      return twice.operand[1];
    };
    if (!is_number(left.operand[0], 4)) return std::nullopt;
    const auto u = doubled(left.operand[1], 2), w = doubled(at(v).operand[1], -2);
    return u && w && *u == *w ? u : std::nullopt;
  }

  void set_tanh_slope(Vertex v, std::uint32_t u) {
    ++terms_.counts[static_cast<std::size_t>(Rewrite::tanh_slope)];
    values_[v.index] = terms_.power(terms_.operation(Op::cosh, {&values_[u], 1}), {-2, 1});
  }

  // y xʸ / x where x ≠ 0 and small y, else y x^(y−1), as the slope of x**y is recorded: they differ
  // by rounding alone.
  std::optional<std::uint32_t> power_branches(std::uint32_t v) const {
    if (!is(v, Op::select)) return std::nullopt;
    const std::uint32_t a = at(v).operand[1], b = at(v).operand[2];
    if (!is(a, Op::div) || !is(b, Op::mul) || !is(at(a).operand[0], Op::mul)) return std::nullopt;
    const std::uint32_t x = at(a).operand[1];
    const GraphNode& over = at(at(a).operand[0]);
    const std::uint32_t y = over.operand[0], z = over.operand[1], w = at(b).operand[1];
    const auto is_power_of_x = [&](std::uint32_t p) {
      return is(p, Op::pow) && at(p).operand[0] == x;
    };
    if (at(b).operand[0] != y || !is_power_of_x(z) || !is_power_of_x(w)) return std::nullopt;
    if (at(z).operand[1] != y) return std::nullopt;
    const std::uint32_t less = at(w).operand[1];
    const bool is_less =
        (is(less, Op::sub) && at(less).operand[0] == y && is_number(at(less).operand[1], 1)) ||
        (at(y).kind == VertexKind::constant &&
         is_number(less, graph_.numbers()[at(y).operand[0]] - 1));
    return is_less ? std::optional(b) : std::nullopt;
  }

  // ---- conditions -----------------------------------------------------------------------------

  // Whether an output needs a node: never, or only on one side of a choice, or anyhow.
  struct Need {
    enum Kind : unsigned char { never, given, always } kind = never;
    TermId condition{};
    bool side = true;

    void join(const Need& other) {
      if (kind == never)
        *this = other;
      else if (other.kind != never &&
               (kind != other.kind || condition != other.condition || side != other.side))
        kind = always;
    }
  };

  void find_conditions(Formulas& found) {
    std::vector<Need> needs(graph_.size());
    for (const Vertex output : trace_.outputs) needs[output.index].kind = Need::always;
    for (std::uint32_t v = static_cast<std::uint32_t>(graph_.size()); v-- > 0;) {
      const Need need = needs[v];
      if (need.kind == Need::never) continue;
      for (const TermId holds : conditions_[v]) add_condition(found, holds, need);
      const GraphNode& node = at(v);
      if (node.kind != VertexKind::operation) continue;
      const bool chooses = node.op == Op::select && used_[v] == 7;
      for (int k = 0; k < info(node.op).arity; ++k) {
        if ((used_[v] >> k & 1) == 0) continue;
        Need own = need;
        if (chooses && k > 0) {
          own = {Need::given, terms_.term(values_[node.operand[0]]), k == 1};
        }
        needs[node.operand[k]].join(own);
      }
    }
  }

  // A condition that follows from the branch on which it is needed, or from another, is left out.
  void add_condition(Formulas& found, TermId holds, const Need& need) {
    if (need.kind == Need::given && terms_.implies(need.condition, need.side, holds)) return;
    Condition fresh{holds, std::nullopt, need.side};
    if (need.kind == Need::given) fresh.given = need.condition;
    const auto covers = [&](const Condition& a, const Condition& b) {
      const bool wider = !a.given || (a.given == b.given && a.side == b.side);
      return wider && terms_.implies(a.holds, true, b.holds);
    };
    // Against the first few only: linear.
    constexpr std::size_t kCompared = 64;
    const std::size_t compared = std::min(found.conditions.size(), kCompared);
    for (std::size_t i = 0; i < compared; ++i) {
      if (covers(found.conditions[i], fresh)) return;
    }
    std::erase_if(found.conditions, [&, i = std::size_t{0}](const Condition& c) mutable {
      return i++ < kCompared && covers(fresh, c);
    });
    found.conditions.push_back(fresh);
  }

  const Trace& trace_;
  const Graph& graph_;
  Terms terms_;
  std::vector<Value> values_;                    // by vertex
  std::vector<std::uint8_t> used_;               // by vertex: a bit for each operand that is read
  std::vector<bool> is_link_;                    // by vertex
  std::vector<std::vector<TermId>> conditions_;  // by vertex: what its rewrites ask for
  std::vector<std::pair<TermId, std::string>> labels_;
};

}  // namespace

Formulas simplify(const Trace& trace) {
  if (!trace.guards.empty()) fail("diff", "a function with guards holds on one branch only");
  return Simplification(trace).run();
}

}  // namespace chainrule::expr
