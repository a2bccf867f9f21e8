#include "chainrule/emit/interpret/single_internal.hpp"

#include <algorithm>

#include "chainrule/tape/block.hpp"
#include "chainrule/tape/inner.hpp"

namespace chainrule::emit {
namespace {

double to_single(double x) { return rounded(Precision::f32, x); }

template <Op op, class... Lanes>
void each_lane(std::size_t count, double* __restrict z, const Lanes*... x) {
  for (std::size_t i = 0; i < count; ++i) z[i] = single_value<op>(static_cast<float>(x[i])...);
}

}  // namespace

struct Single::Body {
  Body(const Loop& of, const OptimiseOptions& options)
      : loop(of), plan(optimise(of.body().trace(), options)), single(plan, options) {}

  std::size_t slot_bytes() const { return plan.slots * kLanes * sizeof(double); }

  const Loop& loop;
  Plan plan;
  Single single;
};

Single::Single(const Plan& plan, const OptimiseOptions& options)
    : plan_(plan), bytes_(plan.largest_call * sizeof(double)) {
  for (const Plan::Call& call : plan.calls) {
    const auto* loop = dynamic_cast<const Loop*>(call.block.get());
    bodies_.push_back(loop == nullptr ? nullptr : std::make_unique<const Body>(*loop, options));
    if (loop == nullptr) continue;
    bytes_ = std::max(bytes_, bodies_.back()->slot_bytes() + bodies_.back()->single.bytes());
  }
}

Single::~Single() = default;

void Single::run(double* v, std::byte* memory, bool* alive, std::size_t count) const {
#define CR_CASES_1(name)              \
  case first_code(Op::name):          \
    each_lane<Op::name>(count, z, x); \
    break;
#define CR_CASES_2(name)                     \
  case first_code(Op::name):                 \
  case first_code(Op::name) + kFirstIsLast:  \
  case first_code(Op::name) + kSecondIsLast: \
    each_lane<Op::name>(count, z, x, y);     \
    break;
#define CR_CASES_3(name) \
  case first_code(Op::name): each_lane<Op::name>(count, z, x, y, w); break;
  const Step* const end = plan_.steps.data() + plan_.steps.size();
  for (const Step* s = plan_.steps.data(); s != end; ++s) {
    const double* const x = v + s->a * kLanes;
    [[maybe_unused]] const double* const y = v + s->b * kLanes;
    [[maybe_unused]] const double* const w = v + (s + 1 == end ? 0 : s[1].a) * kLanes;
    double* const z = v + s->out * kLanes;  // no operand's: see Planner
    switch (s->code) {
#define CR_OP(name, arity, ...) CR_CASES_##arity(name)
#define CR_FN                   CR_OP
#define CR_DEF                  CR_OP
#include "chainrule/op/ops.def"
      case kThirdStep: break;
      case kGuardStep: {
        bool any = false;
        for (std::size_t i = 0; i < count; ++i) {
          alive[i] = alive[i] && agrees(x[i], plan_.expected[s->b]);
          any = any || alive[i];
        }
        if (!any) return;
        break;
      }
      case kBlockStep: call(s->a, v, memory, alive, count); break;
      default: __builtin_unreachable();
    }
  }
#undef CR_CASES_1
#undef CR_CASES_2
#undef CR_CASES_3
}

void Single::call(std::uint32_t number, double* values, std::byte* memory, bool* alive,
                  std::size_t count) const {
  const Plan::Call& call = plan_.calls[number];
  if (bodies_[number]) return repeat(call, *bodies_[number], values, memory, alive, count);
  for (std::size_t i = 0; i < count; ++i) {
    if (alive[i]) call_block(call, values + i, reinterpret_cast<double*>(memory));
  }
}

void Single::call_block(const Plan::Call& call, double* values, double* scratch) const {
  double* const x = scratch;
  double* const z = scratch + call.operands.size();
  for (std::size_t k = 0; k < call.operands.size(); ++k) x[k] = values[call.operands[k] * kLanes];
  {
    const Inner apart(Inner::Sealed{});
    call.block->value({x, call.operands.size()}, {z, call.results.size()});
  }
  for (std::size_t k = 0; k < call.results.size(); ++k) {
    values[call.results[k] * kLanes] = to_single(z[k]);
  }
}

// What is carried and summed lies in the slots of the results.
void Single::repeat(const Plan::Call& call, const Body& body, double* values, std::byte* memory,
                    bool* alive, std::size_t count) const {
  const auto& [steps, carried, sliced, invariant, stacked, summed] = body.loop.shape();
  const auto operand = [&](std::size_t k) { return values + call.operands[k] * kLanes; };
  const auto result = [&](std::size_t k) { return values + call.results[k] * kLanes; };
  auto* const inner = reinterpret_cast<double*>(memory);
  const auto input = [&](std::size_t k) { return inner + (body.plan.first_input() + k) * kLanes; };
  const auto output = [&](std::size_t k) { return inner + body.plan.outputs[k] * kLanes; };
  const std::size_t first_sum = carried + steps * stacked;

  for (std::size_t c = 0; c < body.plan.constants.size(); ++c) {
    std::fill_n(inner + c * kLanes, count, body.plan.constants[c]);
  }
  for (std::size_t k = 0; k < carried; ++k) std::copy_n(operand(k), count, result(k));
  for (std::size_t k = 0; k < summed; ++k) std::fill_n(result(first_sum + k), count, 0.0);
  const std::size_t first_invariant = carried + steps * sliced;
  for (std::size_t k = 0; k < invariant; ++k) {
    std::copy_n(operand(first_invariant + k), count, input(carried + sliced + k));
  }
  for (std::size_t turn = 0; turn < steps; ++turn) {
    const bool ascends = body.loop.direction() == Loop::Direction::ascending;
    const std::size_t t = ascends ? turn : steps - 1 - turn;
    for (std::size_t k = 0; k < carried; ++k) std::copy_n(result(k), count, input(k));
    for (std::size_t k = 0; k < sliced; ++k) {
      std::copy_n(operand(carried + t * sliced + k), count, input(carried + k));
    }
    body.single.run(inner, memory + body.slot_bytes(), alive, count);
    if (std::none_of(alive, alive + count, [](bool a) { return a; })) return;
    for (std::size_t k = 0; k < carried; ++k) std::copy_n(output(k), count, result(k));
    for (std::size_t k = 0; k < stacked; ++k) {
      std::copy_n(output(carried + k), count, result(carried + t * stacked + k));
    }
    for (std::size_t k = 0; k < summed; ++k) {
      double* const sum = result(first_sum + k);
      const double* const term = output(carried + stacked + k);
      for (std::size_t i = 0; i < count; ++i) sum[i] = to_single(sum[i] + term[i]);
    }
  }
}

}  // namespace chainrule::emit
