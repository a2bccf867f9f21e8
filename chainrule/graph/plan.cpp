#include <algorithm>

#include "chainrule/graph/plan_internal.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/tape/inner.hpp"

namespace chainrule {
namespace {

constexpr std::uint32_t kNever = 0xFFFFFFFFu;

// Gives each value a slot, and gives slots back.
class Slots {
 public:
  explicit Slots(std::uint32_t first) : next_(first) {}
  std::uint32_t take() {
    if (free_.empty()) return next_++;
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void give_back(std::uint32_t slot) { free_.push_back(slot); }
  std::uint32_t count() const { return next_; }

 private:
  std::uint32_t next_;
  std::vector<std::uint32_t> free_;
};

class Planner {
 public:
  Planner(const Trace& trace, Plan& plan)
      : trace_(trace),
        graph_(trace.graph),
        plan_(plan),
        slot_(graph_.size(), kNever),
        is_input_(graph_.size()) {
    for (const Vertex input : trace.inputs) is_input_[input.index] = true;
  }

  void run() {
    place_constants();
    place_inputs();
    find_last_uses();
    Slots slots(plan_.first_input() + plan_.inputs);
    std::size_t guard = 0;
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      emit(Vertex{v}, slots);
      // In the order in which they were decided: an earlier one may have to wait for a later value.
      while (guard < trace_.guards.size() && trace_.guards[guard].node.index <= v) {
        add_guard(guard++);
      }
      release(v, slots);
    }
    for (const Vertex output : trace_.outputs) plan_.outputs.push_back(slot_[output.index]);
    plan_.slots = slots.count();
  }

 private:
  void place_constants() {
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      const GraphNode& node = graph_.nodes()[v];
      const bool is_leaf = node.kind == VertexKind::constant || node.kind == VertexKind::variable;
      if (!is_leaf || is_input_[v]) continue;
      slot_[v] = static_cast<std::uint32_t>(plan_.constants.size());
      plan_.constants.push_back(graph_.numbers()[node.operand[0]]);
    }
  }

  void place_inputs() {
    plan_.inputs = static_cast<std::uint32_t>(trace_.inputs.size());
    for (std::uint32_t k = 0; k < plan_.inputs; ++k) {
      slot_[trace_.inputs[k].index] = plan_.first_input() + k;
    }
  }

  // dies_at_[v]: the values whose last reader is v.
  void find_last_uses() {
    std::vector<std::uint32_t> last(graph_.size(), kNever);
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (graph_.nodes()[v].kind == VertexKind::output) continue;
      last[v] = v;
      graph_.each_operand(Vertex{v}, [&](Vertex x) { last[x.index] = v; });
    }
    // The values of a block appear together, after its node.
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (graph_.nodes()[v].kind == VertexKind::output && last[v] == kNever) last[v] = v;
    }
    std::uint32_t at = 0;
    for (const Guard& guard : trace_.guards) {
      at = std::max(at, guard.node.index);
      last[guard.node.index] = std::max(last[guard.node.index], at);
    }
    for (const Vertex output : trace_.outputs) last[output.index] = kNever;
    next_death_.assign(graph_.size(), kNever);
    first_death_.assign(graph_.size(), kNever);
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      const VertexKind kind = graph_.nodes()[v].kind;
      if (last[v] == kNever || (kind != VertexKind::operation && kind != VertexKind::output))
        continue;
      next_death_[v] = first_death_[last[v]];
      first_death_[last[v]] = v;
    }
  }

  void release(std::uint32_t at, Slots& slots) {
    for (std::uint32_t v = first_death_[at]; v != kNever; v = next_death_[v]) {
      slots.give_back(slot_[v]);
    }
  }

  void emit(Vertex v, Slots& slots) {
    const GraphNode& node = graph_[v];
    if (node.kind == VertexKind::operation) {
      const int arity = info(node.op).arity;
      const auto operand = [&](int k) { return k < arity ? slot_[node.operand[k]] : 0; };
      slot_[v.index] = slots.take();
      plan_.steps.push_back({operand(0), operand(1), slot_[v.index], code_of(node, arity)});
      if (arity == 3) plan_.steps.push_back({operand(2), 0, 0, kThirdStep});
    } else if (node.kind == VertexKind::block) {
      emit_call(v, slots);
    }
  }

  // Of an operation with two operands it also says which of them the step before has just computed.
  std::uint8_t code_of(const GraphNode& node, int arity) const {
    unsigned last = 0;
    if (arity == 2 && !plan_.steps.empty() && plan_.steps.back().code < kThirdStep) {
      const std::uint32_t out = plan_.steps.back().out;
      last = slot_[node.operand[0]] == out   ? kFirstIsLast
             : slot_[node.operand[1]] == out ? kSecondIsLast
                                             : 0;
    }
    return static_cast<std::uint8_t>(first_code(node.op) + last);
  }

  void emit_call(Vertex v, Slots& slots) {
    const BlockCall& from = graph_.calls()[graph_[v].operand[0]];
    Plan::Call call{from.block, {}, {}};
    for (const Vertex operand : from.operands) call.operands.push_back(slot_[operand.index]);
    for (std::uint32_t k = 0; k < from.block->outputs(); ++k) {
      call.results.push_back(slot_[v.index + 1 + k] = slots.take());
    }
    plan_.largest_call = std::max(plan_.largest_call, call.operands.size() + call.results.size());
    plan_.steps.push_back({static_cast<std::uint32_t>(plan_.calls.size()), 0, 0, kBlockStep});
    plan_.calls.push_back(std::move(call));
  }

  void add_guard(std::size_t k) {
    plan_.steps.push_back({slot_[trace_.guards[k].node.index],
                           static_cast<std::uint32_t>(plan_.expected.size()), 0, kGuardStep});
    plan_.expected.push_back(trace_.guards[k].expected);
  }

  const Trace& trace_;
  const Graph& graph_;
  Plan& plan_;
  std::vector<std::uint32_t> slot_;  // by vertex
  std::vector<bool> is_input_;
  std::vector<std::uint32_t> first_death_, next_death_;  // lists of values, by last reader
};

// One lane of a block call: `stride` apart lie the slots.
void run_call(const Plan::Call& call, double* values, std::size_t stride, double* scratch) {
  double* x = scratch;
  double* z = scratch + call.operands.size();
  for (std::size_t k = 0; k < call.operands.size(); ++k) x[k] = values[call.operands[k] * stride];
  {
    const Inner apart(Inner::Sealed{});
    call.block->value({x, call.operands.size()}, {z, call.results.size()});
  }
  for (std::size_t k = 0; k < call.results.size(); ++k) values[call.results[k] * stride] = z[k];
}

}  // namespace

Plan::Plan(const Trace& trace) { Planner(trace, *this).run(); }

// A value that the next step needs at once stays in a register: through memory it would take twice
// as long, and a chain of operations is nothing but that.
std::size_t Plan::run(double* const v, double* scratch) const {
#define CR_CASE(name, last, ...)                               \
  case static_cast<std::uint8_t>(first_code(Op::name) + last): \
    result = v[s->out] = plain::name(__VA_ARGS__);             \
    break;
#define CR_CASES_1(name) CR_CASE(name, 0, v[s->a])
#define CR_CASES_2(name)                       \
  CR_CASE(name, 0, v[s->a], v[s->b])           \
  CR_CASE(name, kFirstIsLast, result, v[s->b]) \
  CR_CASE(name, kSecondIsLast, v[s->a], result)
#define CR_CASES_3(name) CR_CASE(name, 0, v[s->a], v[s->b], v[s[1].a])
  double result = 0;
  const Step* const end = steps.data() + steps.size();
  for (const Step* s = steps.data(); s != end; ++s) {
    switch (s->code) {
#define CR_OP(name, arity, ...) CR_CASES_##arity(name)
#define CR_FN                   CR_OP
#define CR_DEF                  CR_OP
#include "chainrule/op/ops.def"
      case kThirdStep: break;
      case kGuardStep:
        if (!agrees(v[s->a], expected[s->b])) return s->b;
        break;
      case kBlockStep: run_call(calls[s->a], v, 1, scratch); break;
      default: __builtin_unreachable();
    }
  }
  return expected.size();
#undef CR_CASE
#undef CR_CASES_1
#undef CR_CASES_2
#undef CR_CASES_3
}

void Plan::run_lanes(double* const v, double* scratch, bool* alive) const {
#define CR_LANES(name, ...) \
  for (std::size_t i = 0; i < kLanes; ++i) z[i] = plain::name(__VA_ARGS__);
#define CR_CASES_1(name)     \
  case first_code(Op::name): \
    CR_LANES(name, x[i]);    \
    break;
#define CR_CASES_2(name)                     \
  case first_code(Op::name):                 \
  case first_code(Op::name) + kFirstIsLast:  \
  case first_code(Op::name) + kSecondIsLast: \
    CR_LANES(name, x[i], y[i]);              \
    break;
#define CR_CASES_3(name) \
  case first_code(Op::name): CR_LANES(name, x[i], y[i], w[i]); break;
  const Step* const end = steps.data() + steps.size();
  for (const Step* s = steps.data(); s != end; ++s) {
    const double* const x = v + s->a * kLanes;
    [[maybe_unused]] const double* const y = v + s->b * kLanes;
    [[maybe_unused]] const double* const w = v + (s + 1 == end ? 0 : s[1].a) * kLanes;
    double* __restrict const z = v + s->out * kLanes;  // no operand's: see Planner
    switch (s->code) {
#define CR_OP(name, arity, ...) CR_CASES_##arity(name)
#define CR_FN                   CR_OP
#define CR_DEF                  CR_OP
#include "chainrule/op/ops.def"
      case kThirdStep: break;
      case kGuardStep: {
        bool any = false;
        for (std::size_t i = 0; i < kLanes; ++i) {
          alive[i] = alive[i] && agrees(x[i], expected[s->b]);
          any = any || alive[i];
        }
        if (!any) return;
        break;
      }
      case kBlockStep:
        for (std::size_t i = 0; i < kLanes; ++i) {
          if (!alive[i]) continue;
          try {
            run_call(calls[s->a], v + i, kLanes, scratch);
          } catch (...) {  // thrown again where the row is answered by itself
            alive[i] = false;
          }
        }
        break;
      default: __builtin_unreachable();
    }
  }
#undef CR_LANES
#undef CR_CASES_1
#undef CR_CASES_2
#undef CR_CASES_3
}

}  // namespace chainrule
