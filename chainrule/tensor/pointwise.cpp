#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

#include "chainrule/emit/kernel.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/state_internal.hpp"
#include "chainrule/tape/traced_internal.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/loops_internal.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/pass_internal.hpp"
#include "chainrule/tensor/pull_code_internal.hpp"
#include "chainrule/tensor/reduce.hpp"

namespace chainrule {
namespace {

// Below it a kernel's call costs more than a loop over the row's formula.
constexpr std::int64_t kKernelPays = 96;

// A kernel for each element type and set of outputs, made when first wanted.
class Kernels {
 public:
  template <class Make>
  const Kernel& of(Precision element, std::uint32_t wanted, Make&& make) {
    const std::scoped_lock lock(mutex_);
    for (const Entry& entry : entries_) {
      if (entry.element == element && entry.wanted == wanted) return *entry.kernel;
    }
    entries_.push_back(
        {element, wanted, std::make_unique<Kernel>(compile(make(), {.lanes = element}))});
    return *entries_.back().kernel;
  }

 private:
  struct Entry {
    Precision element;
    std::uint32_t wanted;
    std::unique_ptr<Kernel> kernel;
  };
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace

// ---- the operation ----------------------------------------------------------------------------

struct Pointwise::State {
  State(Function function, std::string its_name)
      : f(std::move(function)), name(std::move(its_name)) {}
  State(Op row, Function function) : f(std::move(function)), name(info(row).name), op(row) {}

  std::size_t arity() const { return f.inputs(); }
  // The inputs of the pullback: g, the operands, and for a row of the table z.
  std::size_t pull_inputs() const { return 1 + arity() + (op ? 1 : 0); }

  Function f;
  const std::string name;
  const std::optional<Op> op;
  std::shared_ptr<const PullCode> slope;  // of a pullback: what gives its arrivals
  Kernels values, pulls;
  std::once_flag read_once, slopes_once;
  std::uint32_t reads = 0;
  std::uint32_t pushes = 0;  // bit k: something may be pushed into operand k
  std::vector<std::shared_ptr<const Pointwise>> slopes;

  std::shared_ptr<const PullCode> pull_code(std::uint32_t wanted) const;
  Function pull_function(std::uint32_t wanted) const { return pull_function(pull_code(wanted)); }
  Function pull_function(const std::shared_ptr<const PullCode>& code) const;
  const Kernel& value_kernel(Precision element) {
    return values.of(element, 1, [this] { return f; });
  }
  const Kernel& pull_kernel(Precision element, std::uint32_t wanted) {
    return pulls.of(element, wanted, [&] { return pull_function(wanted); });
  }
};

namespace {

// (g, x…, z) ↦ the contributions of a row to the wanted operands.
class RowPull final : public PullCode {
 public:
  RowPull(Op op, std::uint32_t wanted) : op_(op), wanted_(wanted) {}
  void arrivals(const Arrival& seed, std::span<const Scalar> in,
                std::vector<Arrival>& out) const override {
    const Traced x[] = {in[0], in[std::min<std::size_t>(1, in.size() - 1)],
                        in[std::min<std::size_t>(2, in.size() - 1)]};
    const Predicate holds(seed.holds);
    visit(op_, [&]<class Row>(Row) {
      const Traced g(seed.value), z(in.back());
      const auto pushes = [&] {
        if constexpr (Row::arity == 1) return Row::template pullback<Traced>(g, x[0], z);
        if constexpr (Row::arity == 2) return Row::template pullback<Traced>(g, x[0], x[1], z);
        if constexpr (Row::arity == 3)
          return Row::template pullback<Traced>(g, x[0], x[1], x[2], z);
      }();
      for (std::uint32_t k = 0; k < Row::arity; ++k) {
        if ((wanted_ >> k & 1u) == 0) continue;
        out.emplace_back(pushes.entry[k].value.scalar(),
                         and_(holds, Predicate(pushes.entry[k].taken)).truth());
      }
    });
  }

 private:
  Op op_;
  std::uint32_t wanted_;
};

// (g, x…) ↦ the contributions of a Function.
class FunctionPull final : public PullCode {
 public:
  FunctionPull(Function f, std::uint32_t wanted) : f_(std::move(f)), wanted_(wanted) {}
  void arrivals(const Arrival& seed, std::span<const Scalar> in,
                std::vector<Arrival>& out) const override {
    std::vector<Scalar> x, selected;
    for (const Scalar& operand : in) x.push_back(copy(operand));
    for (std::size_t k = 0; k < x.size(); ++k) {
      if ((wanted_ >> k & 1u) != 0) selected.push_back(x[k]);
    }
    const std::vector<Scalar> y = f_(std::span<const Scalar>(x));
    for (const Arrival& found : recorded_adjoints(y, {&seed, 1}, selected)) out.push_back(found);
  }

 private:
  Function f_;
  std::uint32_t wanted_;
};

}  // namespace

void PullCode::operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const {
  std::vector<Arrival> found;
  arrivals(arrival_of(in[0]), in.subspan(1), found);
  for (const Arrival& arrival : found) out.push_back(with_gap(arrival));
}

// Nothing has arrived where an adjoint is −0.0.
Arrival arrival_of(const Scalar& g) {
  if (g.is_number()) return Arrival(g);
  return {g, (!Predicate(both(eq(g, 0.0), lt(copysign(1.0, g), 0.0)))).truth()};
}

Scalar with_gap(const Arrival& arrival) {
  if (arrival.is_never()) return kUnreached;
  if (arrival.is_always()) return arrival.value + 0.0;
  return select(arrival.holds, arrival.value + 0.0, Scalar(kUnreached));
}

namespace {

std::vector<Argument> numbered_arguments(std::size_t count) {
  std::vector<Argument> arguments;
  for (std::size_t k = 0; k < count; ++k) {
    arguments.push_back({"x" + std::to_string(k), true, {0.5}});
  }
  return arguments;
}

std::uint32_t all_of(std::size_t arity) { return (1u << arity) - 1u; }

// Whether an output of a pullback is −0.0, whatever goes in: the floor family, comparisons.
bool is_never_pushed(const Trace& trace, std::uint32_t output) {
  const GraphNode& node = trace.graph[trace.outputs[output]];
  return node.kind == VertexKind::constant && is_unreached(trace.graph.numbers()[node.operand[0]]);
}

// Which inputs a Function's outputs depend on: bit k is input k.
std::uint32_t inputs_used(const Function& f) {
  const Trace& trace = f.trace();
  std::vector<bool> used(trace.graph.size());
  for (const Vertex output : trace.outputs) used[output.index] = true;
  for (std::uint32_t v = static_cast<std::uint32_t>(trace.graph.size()); v-- > 0;) {
    if (used[v]) trace.graph.each_operand({v}, [&](Vertex operand) { used[operand.index] = true; });
  }
  std::uint32_t bits = 0;
  for (std::size_t k = 0; k < trace.inputs.size(); ++k) {
    if (used[trace.inputs[k].index]) bits |= 1u << k;
  }
  return bits;
}

}  // namespace

std::shared_ptr<const PullCode> Pointwise::State::pull_code(std::uint32_t wanted) const {
  if (op) return std::make_shared<const RowPull>(*op, wanted);
  return std::make_shared<const FunctionPull>(f, wanted);
}

Function Pointwise::State::pull_function(const std::shared_ptr<const PullCode>& code) const {
  return Function(code, numbered_arguments(pull_inputs()), name + "_pull");
}

Pointwise::Pointwise(Function f, std::string name)
    : Pointwise(std::make_unique<State>(std::move(f), std::move(name))) {}

Pointwise::Pointwise(std::unique_ptr<State> state) : state_(std::move(state)) {
  if (state_->f.outputs() != 1) {
    fail("map", "a function of one result is mapped over tensors, but this one has " +
                    std::to_string(state_->f.outputs()));
  }
  if (state_->arity() > 7) fail("map", "at most 7 tensors are mapped over together");
}

Pointwise::~Pointwise() = default;

std::string_view Pointwise::name() const { return state_->name; }
const Function& Pointwise::function() const { return state_->f; }
const PullCode* Pointwise::slope() const { return state_->slope.get(); }
bool Pointwise::leaves_gaps() const { return state_->slope != nullptr; }

TensorType Pointwise::infer(std::span<const Tensor> x) const {
  if (x.size() != state_->arity()) {
    fail(name(),
         "takes " + std::to_string(state_->arity()) + " tensors, got " + std::to_string(x.size()));
  }
  Shape shape = x[0].shape();
  for (const Tensor& t : x.subspan(1)) shape = broadcast(shape, t.shape(), name());
  return {x[0].element(), shape};
}

// Slices keep their axes: those of fewer get axes of size 1 after the batch's.
Tensor Pointwise::batch(std::span<const Tensor> x, std::uint32_t mask) const {
  std::size_t rank = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const bool is_batched = (mask >> k & 1u) != 0;
    rank = std::max(rank, x[k].rank() - (is_batched ? 1 : 0));
  }
  std::vector<Tensor> aligned;
  for (std::size_t k = 0; k < x.size(); ++k) {
    Shape shape = x[k].shape();
    if ((mask >> k & 1u) != 0) {
      while (shape.rank() < rank + 1) shape.insert(1, 1);
    }
    aligned.push_back(reshape(x[k], shape));
  }
  return call(shared_from_this(), aligned);
}

void Pointwise::compute(std::span<const Tensor> x, const Tensor& z) const {
  if (state_->op && (z.size() < kKernelPays || info(*state_->op).kind == Kind::inline_formula)) {
    visit_element(z.element(), [&]<class T>(T) {
      const auto& loops = [this]() -> const Loops<T>& {
        if constexpr (std::is_same_v<T, float>) return float_loops(*state_->op);
        if constexpr (std::is_same_v<T, double>) return double_loops(*state_->op);
      }();
      each_run<T>(x, {&z, 1}, z.shape(),
                  [&](const T* const* from, const std::int64_t* step, T* const* to,
                      std::int64_t n) { loops.value(from, step, to[0], n); });
    });
    return;
  }
  run_kernel(state_->value_kernel(z.element()), x, {&z, 1}, z.shape());
}

std::uint32_t Pointwise::reads() const {
  std::call_once(state_->read_once, [this] {
    const Function pull = state_->pull_function(all_of(state_->arity()));
    const std::uint32_t used = inputs_used(pull) >> 1;
    for (std::uint32_t k = 0; k < state_->arity(); ++k) {
      if (!is_never_pushed(pull.trace(), k)) state_->pushes |= 1u << k;
    }
    state_->reads = used & all_of(state_->arity());
    if (state_->op && (used >> state_->arity()) != 0) state_->reads |= kReadsResult;
  });
  return state_->reads;
}

// In plain numbers one pass gives all contributions; where it is recorded each is an operation of
// its own, with derivatives of its own.
void Pointwise::pull(const Pull& at) const {
  const std::size_t arity = state_->arity();
  const std::uint32_t read = reads();
  const Tensor& g = at.g();
  std::vector<Tensor> inputs{g};
  bool is_recorded = g.is_recorded();
  for (std::size_t k = 0; k < arity; ++k) {
    // What is not read may be anything.
    inputs.push_back((read >> k & 1u) != 0 ? at.x(k) : g);
    is_recorded = is_recorded || inputs.back().is_recorded();
  }
  if (state_->op) {
    inputs.push_back((read & kReadsResult) != 0 ? at.z() : g);
    is_recorded = is_recorded || inputs.back().is_recorded();
  }
  const auto shape_of = [&](std::size_t k) { return at.type(k).shape; };
  const auto wants = [&](std::size_t k) { return (state_->pushes >> k & 1u) != 0 && at.wants(k); };
  if (is_recorded) {
    std::call_once(state_->slopes_once, [this, arity] {
      for (std::size_t k = 0; k < arity; ++k) {
        const std::shared_ptr<const PullCode> code = state_->pull_code(1u << k);
        const auto slope = std::make_shared<Pointwise>(state_->pull_function(code),
                                                       state_->name + "_pull" + std::to_string(k));
        slope->state_->slope = code;
        state_->slopes.push_back(slope);
      }
    });
    for (std::size_t k = 0; k < arity; ++k) {
      if (wants(k)) at.push(k, sum_to(call(state_->slopes[k], inputs), shape_of(k)));
    }
    return;
  }
  std::vector<Tensor> out, found;
  std::uint32_t wanted = 0;
  for (std::size_t k = 0; k < arity; ++k) {
    out.push_back(TensorAccess::nothing());
    if (!wants(k)) continue;
    wanted |= 1u << k;
    out.back() = make_tensor(g.element(), g.shape());
    TensorAccess::body(out.back()).may_have_gaps = true;
    found.push_back(out.back());
  }
  if (state_->op && g.size() < kKernelPays) {
    visit_element(g.element(), [&]<class T>(T) {
      const auto& loops = [this]() -> const Loops<T>& {
        if constexpr (std::is_same_v<T, float>) return float_loops(*state_->op);
        if constexpr (std::is_same_v<T, double>) return double_loops(*state_->op);
      }();
      each_run<T>(inputs, out, g.shape(), loops.pull);
    });
  } else if (wanted != 0) {
    run_kernel(state_->pull_kernel(g.element(), wanted), inputs, found, g.shape());
  }
  found.clear();
  for (std::size_t k = 0; k < arity; ++k) {
    if (wants(k)) at.push(k, sum_to(std::exchange(out[k], Tensor()), shape_of(k)));
  }
}

// ---- rows of the table ------------------------------------------------------------------------

namespace {

class RowValue final : public Callable {
 public:
  explicit RowValue(Op op) : op_(op) {}
  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    out.push_back(apply(op_, in.data()));
  }

 private:
  Op op_;
};

class TableRow final : public Pointwise {
 public:
  explicit TableRow(Op op)
      : Pointwise(std::make_unique<State>(
            op, Function(std::make_shared<const RowValue>(op),
                         numbered_arguments(static_cast<std::size_t>(info(op).arity)),
                         std::string(info(op).name)))) {}
};

}  // namespace

const std::shared_ptr<const TensorOp>& tensor_op(Op op) {
  static std::shared_ptr<const TensorOp> ops[kOpCount];
  static std::atomic<bool> is_made[kOpCount];
  static std::mutex mutex;
  const auto place = static_cast<std::size_t>(op);
  if (!is_made[place].load(std::memory_order_acquire)) {
    const std::scoped_lock lock(mutex);
    if (!ops[place]) ops[place] = std::make_shared<const TableRow>(op);
    is_made[place].store(true, std::memory_order_release);
  }
  return ops[place];
}

Tensor apply(Op op, std::span<const Tensor> x, Location at) { return call(tensor_op(op), x, at); }

// ---- passes -----------------------------------------------------------------------------------

detail::Strides broadcast_strides(const Tensor& t, const Shape& shape) {
  detail::Strides strides = {};
  const std::size_t skip = shape.rank() - t.rank();
  for (std::size_t k = 0; k < t.rank(); ++k) {
    strides[k + skip] = t.shape()[k] == 1 ? 0 : t.strides()[k];
  }
  return strides;
}

void run_kernel(const Kernel& kernel, std::span<const Tensor> inputs,
                std::span<const Tensor> outputs, const Shape& shape) {
  visit_element(outputs[0].element(), [&]<class T>(T) {
    BasicSource<T> sources[kMostTogether];
    BasicSink<T> sinks[kMostTogether];
    each_run<T>(inputs, outputs, shape,
                [&](const T* const* x, const std::int64_t* step, T* const* z, std::int64_t n) {
                  const auto rows = static_cast<std::size_t>(n);
                  for (std::size_t k = 0; k < inputs.size(); ++k) {
                    const auto stride = static_cast<std::size_t>(step[k]);
                    sources[k] = {.data = x[k], .size = stride * (rows - 1) + 1, .stride = stride};
                  }
                  for (std::size_t k = 0; k < outputs.size(); ++k) {
                    sinks[k] = {.data = z[k], .size = rows, .count = 1, .stride = 1};
                  }
                  kernel.run(std::span<const BasicSource<T>>(sources, inputs.size()),
                             std::span<const BasicSink<T>>(sinks, outputs.size()), rows,
                             threads_worth_elements(n));
                });
  });
}

namespace {
std::atomic<unsigned> threads_wanted{1};
}

unsigned threads_worth_elements(std::int64_t elements) {
  constexpr std::int64_t kWorth = std::int64_t{1} << 19;
  return static_cast<unsigned>(std::clamp<std::int64_t>(elements / kWorth + 1, 1, threads()));
}
unsigned threads_worth_flops(double flops) {
  constexpr double kWorth = 3e7;
  return static_cast<unsigned>(std::clamp(flops / kWorth + 1, 1.0, static_cast<double>(threads())));
}
void set_threads(unsigned threads) {
  if (threads == 0) fail("set_threads", "at least one thread is needed");
  threads_wanted.store(threads, std::memory_order_relaxed);
}
unsigned threads() { return threads_wanted.load(std::memory_order_relaxed); }

void add_in_place(Tensor& x, const Tensor& y) {
  const Tensor other = dense(y);
  visit_element(x.element(), [&]<class T>(T) {
    T* to = TensorAccess::data<T>(x);
    const T* from = TensorAccess::data<T>(other);
    const std::int64_t n = x.size();
    for (std::int64_t i = 0; i < n; ++i) to[i] += from[i];
  });
}

Tensor without_gaps(const Tensor& adjoint) {
  return TensorAccess::body(adjoint).may_have_gaps ? adjoint + 0.0 : adjoint;
}

// ---- conversion -------------------------------------------------------------------------------

namespace {

class Cast final : public TensorOp {
 public:
  explicit Cast(Precision element) : element_(element) {}
  std::string_view name() const override { return "cast"; }
  std::string parameters() const override { return std::string(name_of(element_)); }
  TensorType infer(std::span<const Tensor> x) const override { return {element_, x[0].shape()}; }
  void compute(std::span<const Tensor> x, const Tensor& z) const override { copy_numbers(x[0], z); }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, cast(at.g(), at.type(0).element));
  }
  std::uint32_t reads() const override { return 0; }

 private:
  Precision element_;
};

}  // namespace

const std::shared_ptr<const TensorOp>& cast_op(Precision element) {
  static const std::shared_ptr<const TensorOp> to[] = {std::make_shared<const Cast>(f64),
                                                       std::make_shared<const Cast>(f32)};
  return to[static_cast<std::size_t>(element)];
}

Tensor cast(const Tensor& x, Precision element, Location at) {
  if (x.element() == element && !TensorAccess::body(x).is_weak) return x;
  return call(cast_op(element), {x}, at);
}

}  // namespace chainrule
