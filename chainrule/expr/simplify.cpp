#include "chainrule/expr/simplify_internal.hpp"

#include <algorithm>

#include "chainrule/base/error.hpp"
#include "chainrule/expr/patterns_internal.hpp"

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

  // By input: what is taken for granted, because it is stated.
  Formulas run(std::span<const Facts> assumed) {
    find_links();
    Formulas found;
    for (std::size_t k = 0; k < trace_.inputs.size(); ++k) {
      const Facts facts = assumed.empty() ? Facts{} : assumed[k];
      values_[trace_.inputs[k].index] = terms_.name(static_cast<std::uint32_t>(k), facts);
      assume(found, values_[trace_.inputs[k].index], facts);
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
    for (const Vertex output : trace_.outputs) found.outputs.push_back(values_[output.index]);
    find_conditions(found);
    found.labels = std::move(labels_);
    found.terms = std::move(terms_);
    return found;
  }

 private:
  const GraphNode& at(std::uint32_t v) const { return graph_.nodes()[v]; }
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
      if (next.kind != VertexKind::operation || tanh_slope(graph_, v)) continue;
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
    if (const std::optional<std::uint32_t> u = tanh_slope(graph_, v.index))
      return set_tanh_slope(v, *u);
    if (const std::optional<std::uint32_t> power = power_branches(graph_, v.index)) {
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

  void set_tanh_slope(Vertex v, std::uint32_t u) {
    ++terms_.counts[static_cast<std::size_t>(Rewrite::tanh_slope)];
    values_[v.index] = terms_.power(terms_.operation(Op::cosh, {&values_[u], 1}), {-2, 1});
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

  void assume(Formulas& found, const Value& name, const Facts& facts) {
    if (!facts.nonzero && !facts.nonnegative) return;
    const Op op = facts.positive() ? Op::gt : facts.nonzero ? Op::ne : Op::ge;
    found.conditions.push_back({terms_.untested(op, name, terms_.number(0.0)), std::nullopt, true});
  }

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
        // x && 1: what made the 1 matters only if x is true; x || 0: only if it is not.
        if (node.op == Op::both || node.op == Op::either) {
          const Value &self = values_[node.operand[k]], &other = values_[node.operand[1 - k]];
          if (terms_.is_number(self) && !terms_.is_number(other)) {
            own = {Need::given, terms_.term(other), node.op == Op::both};
          }
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

// What the conditions say of names alone.
std::vector<Facts> assumed_by(const Formulas& found, std::size_t inputs) {
  std::vector<Facts> assumed;
  const Terms& terms = found.terms;
  for (const Condition& c : found.conditions) {
    const Term& t = terms[c.holds];
    if (c.given || t.form != Form::operation || t.count != 2) continue;
    const Term& x = terms[terms.parts(c.holds)[0].term];
    const Term& y = terms[terms.parts(c.holds)[1].term];
    if (x.form != Form::name || y.form != Form::number || y.number.num != 0) continue;
    if (t.op != Op::gt && t.op != Op::ge && t.op != Op::ne) continue;
    assumed.resize(inputs);
    if (t.op != Op::ge) assumed[x.first].nonzero = true;
    if (t.op != Op::ne) assumed[x.first].nonnegative = true;
  }
  return assumed;
}

}  // namespace

// Twice, if that states something of a name: where x > 0 is stated, x != 0 need not be asked.
Formulas simplify(const Trace& trace) {
  if (!trace.guards.empty()) fail("diff", "a function with guards holds on one branch only");
  Formulas found = Simplification(trace).run({});
  const std::vector<Facts> assumed = assumed_by(found, trace.inputs.size());
  return assumed.empty() ? std::move(found) : Simplification(trace).run(assumed);
}

}  // namespace chainrule::expr
