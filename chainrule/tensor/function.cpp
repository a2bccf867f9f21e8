#include "chainrule/tensor/function.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "chainrule/base/text.hpp"
#include "chainrule/tape/tracing.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/function_internal.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/sweep.hpp"
#include "chainrule/tensor/table_internal.hpp"
#include "chainrule/tensor/transform.hpp"

namespace chainrule {

using Part = TensorProgram::Kind;

TensorResults::operator Tensor() const {
  if (size() != 1) fail("result", std::to_string(size()) + " tensors, where one is wanted");
  return front();
}

// ---- recording --------------------------------------------------------------------------------

TensorProgram record_program(const TensorCallable& code, std::span<const Tensor> inputs) {
  const Tracing tracing;
  Tape::State& state = active_state();
  std::vector<Tensor> leaves, out;
  for (const Tensor& input : inputs) leaves.push_back(variable(TensorAccess::plain(input)));
  code(leaves, out);
  TensorProgram program;
  TensorExtraction extraction(state, program);
  for (const Tensor& leaf : leaves) extraction.add_input(TensorAccess::row(leaf));
  std::vector<std::uint32_t> tops;
  for (const Tensor& y : out) {
    if (lead_in_tensor(y, "record")) tops.push_back(TensorAccess::row(y));
  }
  for (const GuardRow& guard : state.guards) tops.push_back(guard.row);
  extraction.add_rows(ancestor_rows(state, tops));
  for (const Tensor& y : out) program.outputs.push_back(extraction.node_of(y));
  for (const GuardRow& guard : state.guards) {
    program.guards.push_back({extraction.node_at(guard.row), guard.expected, guard.at});
  }
  return program;
}

void require_types(std::span<const TensorType> expected, std::span<const Tensor> in,
                   std::string_view where) {
  if (in.size() != expected.size()) {
    fail(where,
         "takes " + std::to_string(expected.size()) + " tensors, got " + std::to_string(in.size()));
  }
  for (std::size_t k = 0; k < in.size(); ++k) {
    const bool fits = TensorAccess::body(in[k]).is_weak ? in[k].shape() == expected[k].shape
                                                        : in[k].type() == expected[k];
    if (!fits) {
      fail(where, "argument " + std::to_string(k) + " is " + to_string(expected[k]) + ", got " +
                      to_string(in[k].type()) + ": shapes are fixed when a function is recorded");
    }
  }
}

struct TensorFunction::State {
  std::shared_ptr<const TensorCallable> code;
  std::vector<Tensor> examples;
  std::vector<TensorType> types;
  std::string name;
  // Programs are added in front and never changed; those that run one hold it.
  std::mutex mutex;
  std::vector<std::shared_ptr<const TensorProgram>> programs;
  std::shared_ptr<const TensorProgram> first;
};

TensorFunction::TensorFunction(std::shared_ptr<const TensorCallable> code,
                               std::vector<Tensor> examples, std::string name)
    : state_(std::make_shared<State>()) {
  state_->code = std::move(code);
  state_->name = std::move(name);
  for (Tensor& example : examples) {
    if (TensorAccess::body(example).is_weak) example = full({}, example.item());
    state_->types.push_back(example.type());
  }
  state_->first = std::make_shared<const TensorProgram>(record_program(*state_->code, examples));
  state_->examples = std::move(examples);
  state_->programs.push_back(state_->first);
}

const TensorProgram& TensorFunctionAccess::program(const TensorFunction& f) {
  return *f.state_->first;
}

const std::vector<Tensor>& TensorFunctionAccess::examples(const TensorFunction& f) {
  return f.state_->examples;
}

std::size_t TensorFunction::inputs() const { return state_->types.size(); }
std::size_t TensorFunction::outputs() const { return state_->first->outputs.size(); }
const std::vector<TensorType>& TensorFunction::input_types() const { return state_->types; }
const std::shared_ptr<const TensorCallable>& TensorFunction::code() const { return state_->code; }
const std::string& TensorFunction::name() const { return state_->name; }

std::vector<TensorType> TensorFunction::output_types() const {
  std::vector<TensorType> types;
  for (const std::uint32_t output : state_->first->outputs)
    types.push_back(state_->first->nodes[output].type);
  return types;
}

std::size_t TensorFunction::variants() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->programs.size();
}

std::string to_string(const TensorFunction& f) {
  return to_string(*f.state_->first, f.state_->name);
}

namespace {

// Replays a program; false where a guard does not hold.
bool replay(const TensorProgram& program, std::span<const Tensor> in, std::vector<Tensor>& values) {
  values.assign(program.nodes.size(), TensorTable::nothing());
  // When the last of its readers is done, a value's memory is given back.
  std::vector<std::uint32_t> last(program.nodes.size(), 0);
  for (std::uint32_t k = 0; k < program.nodes.size(); ++k) {
    for (const std::uint32_t operand : program.nodes[k].operands) last[operand] = k;
  }
  for (const std::uint32_t output : program.outputs) last[output] = 0xFFFFFFFFu;
  for (const TensorProgram::Guard& guard : program.guards) last[guard.node] = 0xFFFFFFFFu;
  for (std::size_t k = 0; k < program.inputs.size(); ++k) {
    const TensorType& type = program.nodes[program.inputs[k]].type;
    values[program.inputs[k]] = converted(TensorAccess::plain(in[k]), type.element);
  }
  for (std::uint32_t k = 0; k < program.nodes.size(); ++k) {
    const TensorProgram::Node& node = program.nodes[k];
    if (node.kind == Part::placeholder) continue;
    values[k] = node.kind == Part::operation ? evaluate(program, k, values) : node.value;
    for (const std::uint32_t operand : node.operands) {
      if (last[operand] == k) values[operand] = TensorTable::nothing();
    }
  }
  for (const TensorProgram::Guard& at : program.guards) {
    if (!at.holds(values[at.node].item())) return false;
  }
  return true;
}

}  // namespace

TensorResults TensorFunction::operator()(std::span<const Tensor> in) const {
  require_types(state_->types, in, state_->name);
  bool is_recorded = false;
  std::vector<Tensor> given;
  for (std::size_t k = 0; k < in.size(); ++k) {
    is_recorded = lead_in_tensor(in[k], state_->name) || is_recorded;
    given.push_back(cast(in[k], state_->types[k].element));
  }
  TensorResults out;
  // On a tape the code itself runs: it takes the branch of these numbers.
  if (is_recorded) {
    (*state_->code)(given, out);
    return out;
  }
  std::vector<std::shared_ptr<const TensorProgram>> programs;
  {
    const std::scoped_lock lock(state_->mutex);
    programs = state_->programs;
  }
  std::vector<Tensor> values;
  const auto finish = [&](const TensorProgram& program) {
    for (const std::uint32_t output : program.outputs) out.push_back(values[output]);
    return out;
  };
  for (const auto& program : programs) {
    if (replay(*program, given, values)) return finish(*program);
  }
  const auto fresh = std::make_shared<const TensorProgram>(record_program(*state_->code, given));
  {
    constexpr std::size_t kMost = 16;
    const std::scoped_lock lock(state_->mutex);
    state_->programs.insert(state_->programs.begin(), fresh);
    if (state_->programs.size() > kMost) state_->programs.pop_back();
  }
  if (!replay(*fresh, given, values)) {
    fail(state_->name,
         "recorded anew, the code decides otherwise than it has just done: it depends "
         "on more than its arguments");
  }
  return finish(*fresh);
}

// ---- derivatives ------------------------------------------------------------------------------

namespace {

// What is asked of a function's derivative by an argument, or by all.
enum class Wanted : std::uint8_t { grad, value_and_grad, jacobian, hessian, jvp, vjp, hvp };

class DerivativeOf final : public TensorCallable {
 public:
  DerivativeOf(std::shared_ptr<const TensorCallable> code, Wanted wanted, std::size_t argument)
      : code_(std::move(code)), wanted_(wanted), argument_(argument) {}

  void operator()(std::span<const Tensor> in, std::vector<Tensor>& out) const override {
    const bool has_direction =
        wanted_ == Wanted::jvp || wanted_ == Wanted::vjp || wanted_ == Wanted::hvp;
    const Tensor direction = has_direction ? in.back() : Tensor(0.0);
    const std::span<const Tensor> given = in.first(in.size() - (has_direction ? 1 : 0));
    std::vector<Tensor> x, by, results;
    for (std::size_t k = 0; k < given.size(); ++k) {
      const bool is_wanted = argument_ == kEveryArgument || argument_ == k;
      x.push_back(is_wanted ? node_of(given[k]) : given[k]);
      if (is_wanted) by.push_back(x.back());
    }
    (*code_)(x, results);
    if (results.size() != 1) {
      fail("grad", "derivatives are of functions of one result, but this one has " +
                       std::to_string(results.size()));
    }
    const Tensor y = results[0];
    const auto gradient_of = [&] {
      if (y.size() != 1) {
        fail("grad", "of functions that give one element, but this one gives the shape " +
                         to_string(y.shape()) + ": sum() it, or use jacobian() or vjp()");
      }
      return recorded_gradient(y, by);
    };
    switch (wanted_) {
      case Wanted::value_and_grad: out.push_back(y); [[fallthrough]];
      case Wanted::grad:
        for (const Tensor& slope : gradient_of()) out.push_back(slope);
        return;
      case Wanted::jacobian: out.push_back(detail::recorded_jacobian(y, by[0])); return;
      case Wanted::hessian:
        out.push_back(detail::recorded_jacobian(gradient_of()[0], by[0]));
        return;
      case Wanted::jvp:
        out.push_back(y);
        out.push_back(recorded_jvp({&y, 1}, by, {&direction, 1})[0]);
        return;
      case Wanted::vjp:
        out.push_back(y);
        out.push_back(recorded_vjp({&y, 1}, {&direction, 1}, by)[0]);
        return;
      case Wanted::hvp: {
        const std::vector<Tensor> slopes = gradient_of();
        out.push_back(recorded_vjp(slopes, {&direction, 1}, by)[0]);
        return;
      }
    }
  }

 private:
  // A fresh node, so that an outer derivative by the same tensor is another one.
  static Tensor node_of(const Tensor& x) { return x.is_recorded() ? copy(x) : variable(x); }

  std::shared_ptr<const TensorCallable> code_;
  Wanted wanted_;
  std::size_t argument_;
};

TensorFunction derivative_of(const TensorFunction& f, Wanted wanted, std::size_t argument,
                             std::string_view prefix) {
  if (argument != kEveryArgument && argument >= f.inputs()) {
    fail(prefix, "argument " + std::to_string(argument) + " of a function of " +
                     std::to_string(f.inputs()));
  }
  std::vector<Tensor> examples = TensorFunctionAccess::examples(f);
  switch (wanted) {
    case Wanted::jvp:
    case Wanted::hvp: examples.push_back(ones_like(examples[argument])); break;
    case Wanted::vjp: {
      const TensorType type = f.output_types()[0];
      examples.push_back(ones(type.shape, type.element));
      break;
    }
    case Wanted::grad:
    case Wanted::value_and_grad:
    case Wanted::jacobian:
    case Wanted::hessian: break;
  }
  return TensorFunction(std::make_shared<const DerivativeOf>(f.code(), wanted, argument),
                        std::move(examples), std::string(prefix) + "(" + f.name() + ")");
}

}  // namespace

TensorFunction grad(const TensorFunction& f, std::size_t argument) {
  return derivative_of(f, Wanted::grad, argument, "grad");
}
TensorFunction value_and_grad(const TensorFunction& f, std::size_t argument) {
  return derivative_of(f, Wanted::value_and_grad, argument, "value_and_grad");
}
TensorFunction jacobian(const TensorFunction& f, std::size_t argument) {
  return derivative_of(f, Wanted::jacobian, argument, "jacobian");
}
TensorFunction hessian(const TensorFunction& f, std::size_t argument) {
  return derivative_of(f, Wanted::hessian, argument, "hessian");
}
TensorFunction jvp(const TensorFunction& f, std::size_t argument) {
  return derivative_of(f, Wanted::jvp, argument, "jvp");
}
TensorFunction vjp(const TensorFunction& f, std::size_t argument) {
  return derivative_of(f, Wanted::vjp, argument, "vjp");
}
TensorFunction hvp(const TensorFunction& f, std::size_t argument) {
  return derivative_of(f, Wanted::hvp, argument, "hvp");
}

}  // namespace chainrule
