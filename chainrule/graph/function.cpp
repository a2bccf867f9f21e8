#include "chainrule/graph/function.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>

#include "chainrule/base/text.hpp"
#include "chainrule/graph/extract_internal.hpp"
#include "chainrule/graph/plan_internal.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/tape/tracing.hpp"

namespace chainrule {
namespace {

constexpr std::size_t kMostVariants = 64;

// A file's name that lives as long as the program, for Locations. One copy of each.
const char* lasting(const std::string& name) {
  static std::mutex mutex;
  static auto* const names = new std::set<std::string>;
  const std::lock_guard lock(mutex);
  return name.empty() ? nullptr : names->insert(name).first->c_str();
}

// One way through the code.
struct Variant {
  explicit Variant(Trace recorded) : trace(std::move(recorded)), plan(trace) {
    std::uint64_t hash = 0;
    for (const Guard& guard : trace.guards) prefix.push_back(hash = extended(hash, guard.expected));
  }

  // Of what the guards up to one, and it, were decided as.
  static std::uint64_t extended(std::uint64_t hash, double outcome) {
    const std::uint64_t bits = outcome != outcome ? 1 : std::bit_cast<std::uint64_t>(outcome);
    return (hash ^ bits) * 0x9E3779B97F4A7C15u + (hash >> 29) + 1;
  }

  const Trace trace;
  const Plan plan;
  std::vector<std::uint64_t> prefix;  // by guard
  mutable std::atomic<std::uint64_t> last_use{0};
};
using Variants = std::vector<std::shared_ptr<const Variant>>;

std::string place_of(const Graph& graph, SourceLine at) {
  return at.file == 0 ? "" : " at " + graph.files()[at.file] + ":" + std::to_string(at.line);
}

// "the branch at f.cpp:12, lt/0: x < y, was recorded as 1, but is 0 for x = 3 and y = 2"
[[noreturn]] void fail_branch(const Trace& trace, std::size_t which, std::span<const double> in) {
  const Graph& graph = trace.graph;
  const Guard& guard = trace.guards[which];
  // Values of everything up to the guard.
  std::vector<double> values(graph.size());
  for (std::size_t k = 0; k < in.size(); ++k) values[trace.inputs[k].index] = in[k];
  std::vector<bool> is_input(graph.size());
  for (const Vertex input : trace.inputs) is_input[input.index] = true;
  for (std::uint32_t v = 0; v <= guard.node.index; ++v) {
    const GraphNode& node = graph.nodes()[v];
    if (node.kind == VertexKind::operation) {
      double x[3] = {};
      for (int k = 0; k < info(node.op).arity; ++k) x[k] = values[node.operand[k]];
      values[v] = read_value<double>(node.op, x);
    } else if (node.kind == VertexKind::block) {
      const BlockCall& call = graph.calls()[node.operand[0]];
      std::vector<double> x;
      for (const Vertex operand : call.operands) x.push_back(values[operand.index]);
      call.block->value(x, std::span(values).subspan(v + 1, call.block->outputs()));
    } else if (node.kind != VertexKind::output && !is_input[v]) {
      values[v] = graph.numbers()[node.operand[0]];
    }
  }
  const std::vector<std::string> names = graph.names();
  std::string text = "the branch" + place_of(graph, guard.at) + ", " + names[guard.node.index] +
                     ", was recorded as " + shortest(guard.expected) + ", but is " +
                     shortest(values[guard.node.index]) + " now";
  const char* separator = ", for ";
  graph.each_operand(guard.node, [&](Vertex operand) {
    text += separator + names[operand.index] + " = " + shortest(values[operand.index]);
    separator = ", ";
  });
  throw BranchChanged("[replay] " + text);
}

}  // namespace

struct Function::State {
  std::uint64_t id;
  std::shared_ptr<const Callable> code;  // null: there is none
  std::vector<Argument> arguments;
  std::size_t inputs = 0, outputs = 0;
  double record_seconds = 0;
  std::shared_ptr<const Variant> first;

  mutable std::mutex mutex;
  mutable std::shared_ptr<const Variants> variants;
  mutable std::atomic<std::uint64_t> version{0};
  mutable std::size_t most = kMostVariants;
  mutable std::atomic<std::uint64_t> clock{0};

  static std::uint64_t next_id() {
    static std::atomic<std::uint64_t> ids{1};
    return ids++;
  }

  Trace record(std::span<const double> in) const;
  std::shared_ptr<const Variant> add(std::shared_ptr<const Variant> variant) const;
};

namespace {

// What a thread needs to replay: slots, and the variants of the Function that it replayed last.
struct Workspace {
  std::uint64_t id = 0;
  std::uint64_t version = 0;
  std::shared_ptr<const Variants> variants;
  std::size_t last = 0;  // the variant that held last time
  std::vector<double> values;
  std::vector<double> scratch;

  void fit(const Plan& plan, std::size_t lanes) {
    if (values.size() < plan.slots * lanes) values.resize(plan.slots * lanes);
    if (scratch.size() < plan.largest_call) scratch.resize(plan.largest_call);
  }
};

// The thread's workspaces, one a level of nesting: a block may replay a Function in turn.
class Working {
 public:
  Working() {
    if (depth() == spaces().size()) spaces().push_back(std::make_unique<Workspace>());
    space_ = spaces()[depth()++].get();
  }
  ~Working() { --depth(); }
  Working(const Working&) = delete;
  Working& operator=(const Working&) = delete;
  Workspace* operator->() const { return space_; }
  Workspace& operator*() const { return *space_; }

 private:
  static std::size_t& depth() {
    static thread_local std::size_t depth = 0;
    return depth;
  }
  static std::vector<std::unique_ptr<Workspace>>& spaces() {
    static thread_local std::vector<std::unique_ptr<Workspace>> spaces;
    return spaces;
  }
  Workspace* space_;
};

void require_count(const char* what, std::size_t expected, std::size_t got) {
  if (expected != got) {
    fail("replay", "the function has " + std::to_string(expected) + " " + what + ", but " +
                       std::to_string(got) + " were given");
  }
}

std::size_t run_one(Workspace& work, const Plan& plan, std::span<const double> in) {
  work.fit(plan, 1);
  double* const values = work.values.data();
  std::ranges::copy(plan.constants, values);
  std::ranges::copy(in, values + plan.first_input());
  return plan.run(values, work.scratch.data());
}

}  // namespace

// ---- recording --------------------------------------------------------------------------------

Trace Function::State::record(std::span<const double> in) const {
  const Tracing tracing;
  std::vector<Scalar> leaves;
  for (const Argument& argument : arguments) {
    for (std::size_t k = 0; k < argument.example.size(); ++k) {
      const std::string label =
          argument.is_scalar ? argument.name : argument.name + "[" + std::to_string(k) + "]";
      leaves.push_back(variable(in[leaves.size()], label, {}));
    }
  }
  std::vector<Scalar> results;
  (*code)(leaves, results);
  Trace trace = extract(leaves, results);
  std::uint32_t place = 0;
  for (const Argument& argument : arguments) {
    const auto count = static_cast<std::uint32_t>(argument.example.size());
    trace.arguments.push_back(
        {argument.name, argument.is_scalar ? Type{} : Type{Element::f64, {count}}, place, count});
    place += count;
  }
  const auto count = static_cast<std::uint32_t>(results.size());
  trace.results = {{"y", count == 1 ? Type{} : Type{Element::f64, {count}}, 0, count}};
  return trace;
}

std::shared_ptr<const Variant> Function::State::add(std::shared_ptr<const Variant> variant) const {
  const std::lock_guard lock(mutex);
  auto kept = std::make_shared<Variants>(variants == nullptr ? Variants{} : *variants);
  // Another thread may have recorded the same branch meanwhile.
  for (auto& other : *kept) {
    if (other->prefix == variant->prefix)
      return other = variant, variants = kept, ++version, variant;
  }
  while (kept->size() >= most) {
    const auto oldest = std::ranges::min_element(
        *kept, {}, [](const auto& v) { return v->last_use.load(std::memory_order_relaxed); });
    kept->erase(oldest);
  }
  variant->last_use.store(++clock, std::memory_order_relaxed);
  kept->push_back(variant);
  variants = std::move(kept);
  ++version;
  return variant;
}

// ---- replaying --------------------------------------------------------------------------------

namespace {

// Finds the variant whose guards hold at `in`, and leaves its values in the workspace.
template <class State>
const Variant& hold(const State& state, Workspace& work, std::span<const double> in) {
  const std::uint64_t version = state.version.load(std::memory_order_acquire);
  if (work.id != state.id || work.version != version) {
    const std::lock_guard lock(state.mutex);
    work.variants = state.variants;
    work.version = state.version;
    work.id = state.id;
    work.last = 0;
  }
  const Variants& variants = *work.variants;
  std::size_t k = std::min(work.last, variants.size() - 1);
  for (;;) {
    const Variant& variant = *variants[k];
    const std::size_t broken = run_one(work, variant.plan, in);
    if (broken == variant.plan.expected.size()) {
      if (variants.size() > 1 && work.last != k) {
        variant.last_use.store(++state.clock, std::memory_order_relaxed);
      }
      work.last = k;
      return variant;
    }
    if (state.code == nullptr) fail_branch(variant.trace, broken, in);
    // Guards before the broken one were decided alike; it had another outcome: another variant
    // holds only if it begins with these.
    std::uint32_t slot = 0;
    for (const Step& step : variant.plan.steps) {
      if (step.code == kGuardStep && step.b == broken) slot = step.a;
    }
    const std::uint64_t before = broken == 0 ? 0 : variant.prefix[broken - 1];
    const std::uint64_t wanted = Variant::extended(before, work.values[slot]);
    const auto next = std::ranges::find_if(variants, [&](const auto& other) {
      return other->prefix.size() > broken && other->prefix[broken] == wanted;
    });
    if (next == variants.end()) break;
    k = static_cast<std::size_t>(next - variants.begin());
  }
  // The code runs before anything of the workspace is touched again: it may replay this Function.
  const std::vector<double> inputs(in.begin(), in.end());
  auto recorded = std::make_shared<const Variant>(state.record(inputs));
  if (recorded->trace.outputs.size() != state.outputs) {
    fail("replay", "the code gave " + std::to_string(recorded->trace.outputs.size()) +
                       " results for these inputs, but " + std::to_string(state.outputs) +
                       " when it was recorded first");
  }
  // A guard may not hold even so: one of a Function without its code that the code replays.
  const std::size_t broken = run_one(work, recorded->plan, inputs);
  if (broken != recorded->plan.expected.size()) fail_branch(recorded->trace, broken, inputs);
  recorded = state.add(std::move(recorded));
  {
    const std::lock_guard lock(state.mutex);
    work.variants = state.variants;
    work.version = state.version;
    work.id = state.id;
  }
  const auto at = std::ranges::find(*work.variants, recorded);
  if (at == work.variants->end()) {  // dropped by another thread already
    work.variants = std::make_shared<const Variants>(Variants{recorded});
    work.id = 0;
    work.last = 0;
  } else {
    work.last = static_cast<std::size_t>(at - work.variants->begin());
  }
  return *recorded;
}

}  // namespace

Function::Function(Trace trace) : state_(std::make_shared<State>()) {
  if (const std::string fault = verify(trace); !fault.empty()) fail("function", fault);
  state_->id = State::next_id();
  state_->inputs = trace.inputs.size();
  state_->outputs = trace.outputs.size();
  for (const Group& group : trace.arguments) {
    state_->arguments.push_back(
        {group.name, group.type.shape.empty(), std::vector<double>(group.count)});
  }
  state_->first = state_->add(std::make_shared<const Variant>(std::move(trace)));
}

Function::Function(std::shared_ptr<const Callable> code, std::vector<Argument> arguments,
                   std::string name)
    : state_(std::make_shared<State>()) {
  state_->id = State::next_id();
  state_->code = std::move(code);
  state_->arguments = std::move(arguments);
  std::vector<double> example;
  for (const Argument& argument : state_->arguments) {
    example.insert(example.end(), argument.example.begin(), argument.example.end());
  }
  state_->inputs = example.size();
  const auto start = std::chrono::steady_clock::now();
  Trace trace = state_->record(example);
  state_->record_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  trace.name = std::move(name);
  state_->outputs = trace.outputs.size();
  state_->first = state_->add(std::make_shared<const Variant>(std::move(trace)));
}

std::size_t Function::inputs() const { return state_->inputs; }
std::size_t Function::outputs() const { return state_->outputs; }
std::span<const Argument> Function::arguments() const { return state_->arguments; }
double Function::record_seconds() const { return state_->record_seconds; }
const Trace& Function::trace() const { return state_->first->trace; }

void Function::require_sizes(std::span<const std::size_t> sizes) const {
  require_count("arguments", state_->arguments.size(), sizes.size());
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    const Argument& argument = state_->arguments[k];
    if (sizes[k] == argument.example.size()) continue;
    fail("replay", "the argument " + argument.name + " has " +
                       std::to_string(argument.example.size()) + " numbers, but " +
                       std::to_string(sizes[k]) + " were given");
  }
}

void Function::evaluate(std::span<const double> in, std::span<double> out) const {
  require_count("inputs", state_->inputs, in.size());
  require_count("outputs", state_->outputs, out.size());
  const Working work;
  const Plan& plan = hold(*state_, *work, in).plan;
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = work->values[plan.outputs[k]];
}

std::vector<double> Function::operator()(std::span<const double> in) const {
  std::vector<double> out(state_->outputs);
  evaluate(in, out);
  return out;
}

void Function::rows(std::span<const double> in, std::span<double> out) const {
  const std::size_t count = state_->inputs == 0 ? 0 : in.size() / state_->inputs;
  if (count * state_->inputs != in.size() || count * state_->outputs != out.size()) {
    fail("replay", std::to_string(in.size()) + " inputs and " + std::to_string(out.size()) +
                       " outputs are no rows of " + std::to_string(state_->inputs) + " and " +
                       std::to_string(state_->outputs));
  }
  const std::size_t inputs = state_->inputs, outputs = state_->outputs;
  std::shared_ptr<const Variant> variant;
  const Working work;
  for (std::size_t row = 0; row < count; row += kLanes) {
    const std::size_t lanes = std::min(kLanes, count - row);
    if (lanes < 8) {
      for (std::size_t i = row; i < row + lanes; ++i) {
        evaluate(in.subspan(i * inputs, inputs), out.subspan(i * outputs, outputs));
      }
      continue;
    }
    if (variant == nullptr) {
      hold(*state_, *work, in.subspan(row * inputs, inputs));
      variant = (*work->variants)[work->last];
      work->fit(variant->plan, kLanes);
      for (std::size_t c = 0; c < variant->plan.constants.size(); ++c) {
        std::fill_n(&work->values[c * kLanes], kLanes, variant->plan.constants[c]);
      }
    }
    const Plan& plan = variant->plan;
    double* const values = work->values.data();
    bool alive[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) alive[i] = i < lanes;
    // Transposed in tiles of a cache line; rows that are not there repeat the last one.
    constexpr std::size_t kTile = 8;
    for (std::size_t first = 0; first < inputs; first += kTile) {
      const std::size_t end = std::min(first + kTile, inputs);
      for (std::size_t i = 0; i < kLanes; ++i) {
        const double* const from = &in[(row + std::min(i, lanes - 1)) * inputs];
        for (std::size_t k = first; k < end; ++k) {
          values[(plan.first_input() + k) * kLanes + i] = from[k];
        }
      }
    }
    plan.run_lanes(values, work->scratch.data(), alive);
    for (std::size_t i = 0; i < lanes; ++i) {
      const std::span<double> to = out.subspan((row + i) * outputs, outputs);
      if (alive[i]) {
        for (std::size_t k = 0; k < outputs; ++k) to[k] = values[plan.outputs[k] * kLanes + i];
      } else {
        evaluate(in.subspan((row + i) * inputs, inputs), to);
      }
    }
  }
}

// ---- recording a Function in another
// --------------------------------------------------------------

std::vector<Scalar> Function::operator()(std::span<const Scalar> in) const {
  require_count("inputs", state_->inputs, in.size());
  std::shared_ptr<const Variant> variant = state_->first;
  const bool is_tracing = !in.empty() && keeps_choices(in[0]);
  try {
    std::vector<double> values;
    for (const Scalar& s : in) values.push_back(primal(s));  // what a captured one has now
    const Working work;
    hold(*state_, *work, values);
    variant = (*work->variants)[work->last];
  } catch (const BranchChanged&) {
    // There is no code for these values. While something is traced they are examples only: the
    // branch that there is goes into the trace, and its guards with it.
    if (!is_tracing) throw;
  }
  const Trace& trace = variant->trace;
  const Graph& graph = trace.graph;
  std::vector<const char*> files;
  for (const std::string& file : graph.files()) files.push_back(lasting(file));
  const auto location = [&](SourceLine at) {
    return Location{files[at.file], static_cast<int>(at.line)};
  };
  std::vector<Scalar> at(graph.size());
  std::vector<bool> is_input(graph.size());
  for (std::size_t k = 0; k < in.size(); ++k) {
    at[trace.inputs[k].index] = in[k];
    is_input[trace.inputs[k].index] = true;
  }
  std::vector<Scalar> operands;
  for (std::uint32_t v = 0; v < graph.size(); ++v) {
    const GraphNode& node = graph.nodes()[v];
    const Location where = location(graph.line_of({v}));
    switch (node.kind) {
      case VertexKind::placeholder:
      case VertexKind::output: continue;
      case VertexKind::variable:
      case VertexKind::constant:
        if (!is_input[v]) at[v] = graph.numbers()[node.operand[0]];
        continue;
      case VertexKind::operation:
      case VertexKind::block: break;
    }
    operands.clear();
    graph.each_operand({v}, [&](Vertex x) { operands.push_back(at[x.index]); });
    if (node.kind == VertexKind::operation) {
      at[v] = apply(node.op, operands.data(), where);
    } else {
      const BlockCall& call = graph.calls()[node.operand[0]];
      chainrule::call(call.block, operands, std::span(at).subspan(v + 1, call.block->outputs()),
                      where);
    }
    const std::string* label = graph.label_of({v});
    if (is_tracing && label != nullptr && !at[v].is_number()) at[v].label(*label);
  }
  for (const Guard& guard : trace.guards) {
    Tracing::guard(at[guard.node.index], guard.expected, location(guard.at));
  }
  std::vector<Scalar> out;
  for (const Vertex output : trace.outputs) out.push_back(at[output.index]);
  return out;
}

std::size_t Function::variants() const {
  const std::lock_guard lock(state_->mutex);
  return state_->variants->size();
}

void Function::keep_variants(std::size_t most) const {
  if (most == 0) fail("keep_variants", "at least one trace is kept");
  const std::lock_guard lock(state_->mutex);
  state_->most = most;
  auto kept = std::make_shared<Variants>(*state_->variants);
  if (kept->size() > most) kept->resize(most);
  state_->variants = std::move(kept);
  ++state_->version;
}

}  // namespace chainrule
