#include "chainrule/tensor/compile.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>

#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/function_internal.hpp"
#include "chainrule/tensor/pass_internal.hpp"
#include "chainrule/tensor/plan_internal.hpp"

namespace chainrule {

using Part = TensorProgram::Kind;

// ---- place ------------------------------------------------------------------------------------

// By linear scan over the steps: a buffer is free again after the last step that reads a value in
// it, or a view of one. Outputs have memory of their own.
void place(TensorPlan& plan) {
  const std::size_t count = plan.program.nodes.size();
  constexpr std::uint32_t kEnd = 0xFFFFFFFFu;
  // What memory a node's value stands in: its own, or that of what it is a view of.
  std::vector<std::uint32_t> holder(count);
  for (std::uint32_t k = 0; k < count; ++k) holder[k] = k;
  std::vector<std::uint32_t> last(count, 0);
  for (std::uint32_t s = 0; s < plan.steps.size(); ++s) {
    const TensorStep& step = plan.steps[s];
    if (step.kind == TensorStep::Kind::view) holder[step.outputs[0]] = holder[step.inputs[0]];
    for (const std::uint32_t input : step.inputs) last[holder[input]] = s;
    for (const std::uint32_t output : step.outputs)
      last[holder[output]] = std::max(last[holder[output]], s);
  }
  for (const std::uint32_t output : plan.program.outputs) last[holder[output]] = kEnd;
  for (const TensorProgram::Guard& guard : plan.program.guards) last[holder[guard.node]] = kEnd;
  std::vector<bool> is_output(count);
  for (const std::uint32_t output : plan.program.outputs) is_output[holder[output]] = true;

  plan.buffer_of.assign(count, TensorPlan::kNone);
  std::vector<std::uint32_t> free;
  std::vector<std::vector<std::uint32_t>> ends(plan.steps.size());
  for (std::uint32_t s = 0; s < plan.steps.size(); ++s) {
    const TensorStep& step = plan.steps[s];
    if (step.kind != TensorStep::Kind::view) {
      for (const std::uint32_t node : step.outputs) {
        if (is_output[node]) continue;
        const TensorType& type = plan.program.nodes[node].type;
        const std::size_t bytes =
            static_cast<std::size_t>(type.shape.size()) * bytes_of(type.element);
        // The smallest that is large enough, or else the largest, which grows.
        auto best = free.end();
        for (auto at = free.begin(); at != free.end(); ++at) {
          if (best == free.end()) {
            best = at;
            continue;
          }
          const std::size_t a = plan.buffer_bytes[*at], b = plan.buffer_bytes[*best];
          if (a >= bytes ? (b < bytes || a < b) : (b < bytes && a > b)) best = at;
        }
        std::uint32_t buffer = static_cast<std::uint32_t>(plan.buffer_bytes.size());
        if (best == free.end()) {
          plan.buffer_bytes.push_back(bytes);
        } else {
          buffer = *best;
          free.erase(best);
          plan.buffer_bytes[buffer] = std::max(plan.buffer_bytes[buffer], bytes);
        }
        plan.buffer_of[node] = buffer;
        if (last[node] != kEnd) ends[last[node]].push_back(buffer);
      }
    }
    free.insert(free.end(), ends[s].begin(), ends[s].end());
  }
}

// ---- running ----------------------------------------------------------------------------------

namespace {

// The memory of one run at a time: buffers, and the values that stand in them, views among them.
struct Workspace {
  std::vector<Tensor> values;
  std::vector<bool> is_fixed;  // by node: its value is the same tensor in every run
};

}  // namespace

struct TensorKernel::State {
  explicit State(TensorFunction function) : f(std::move(function)) {}

  TensorFunction f;
  TensorPlan plan;
  TensorKernelReport report;
  mutable std::mutex mutex;
  mutable std::vector<std::unique_ptr<Workspace>> workspaces;

  std::unique_ptr<Workspace> take() const {
    {
      const std::scoped_lock lock(mutex);
      if (!workspaces.empty()) {
        std::unique_ptr<Workspace> workspace = std::move(workspaces.back());
        workspaces.pop_back();
        return workspace;
      }
    }
    return make_workspace();
  }

  std::unique_ptr<Workspace> make_workspace() const {
    const std::size_t count = plan.program.nodes.size();
    auto workspace = std::make_unique<Workspace>();
    workspace->values.assign(count, TensorAccess::nothing());
    workspace->is_fixed.assign(count, false);
    std::vector<Tensor> buffers;
    for (const std::size_t bytes : plan.buffer_bytes)
      buffers.push_back(make_tensor(f32, Shape{static_cast<std::int64_t>((bytes + 3) / 4)}));
    for (std::size_t k = 0; k < count; ++k) {
      const TensorProgram::Node& node = plan.program.nodes[k];
      if (node.kind == Part::constant) {
        workspace->values[k] = node.value;
        workspace->is_fixed[k] = true;
      } else if (plan.buffer_of[k] != TensorPlan::kNone) {
        Tensor value =
            make_view(buffers[plan.buffer_of[k]], node.type.shape, dense_strides(node.type.shape));
        TensorAccess::body(value).element = node.type.element;
        workspace->values[k] = std::move(value);
        workspace->is_fixed[k] = true;
      }
    }
    // A view whose result shares the memory of a fixed value is made once.
    for (const TensorStep& step : plan.steps) {
      if (step.kind != TensorStep::Kind::view || !workspace->is_fixed[step.inputs[0]]) continue;
      const Tensor& x = workspace->values[step.inputs[0]];
      Tensor view = plan.program.nodes[step.outputs[0]].op->view(x);
      if (TensorAccess::body(view).buffer != TensorAccess::body(x).buffer) continue;
      workspace->values[step.outputs[0]] = std::move(view);
      workspace->is_fixed[step.outputs[0]] = true;
    }
    return workspace;
  }

  // Runs into `out`, in which there are tensors or nothing. False where a guard does not hold.
  bool run(std::span<const Tensor> in, std::span<Tensor> out) const;
  void run_pass(const TensorStep& step, std::vector<Tensor>& values) const;
};

void TensorKernel::State::run_pass(const TensorStep& step, std::vector<Tensor>& values) const {
  // Kept by the thread: running allocates nothing.
  static thread_local std::vector<Tensor> inputs, stored;
  inputs.clear();
  stored.clear();
  for (const std::uint32_t input : step.inputs) inputs.push_back(values[input]);
  for (std::size_t k = 0; k < step.stored; ++k) stored.push_back(values[step.outputs[k]]);
  const Precision element = plan.program.nodes[step.outputs[0]].type.element;
  visit_element(element, [&]<class T>(T) {
    BasicSource<T> sources[kMostTogether];
    BasicSink<T> sinks[kMostTogether];
    double totals[kMostTogether] = {};
    T sums[kMostTogether];
    const std::size_t summed = step.outputs.size() - step.stored;
    each_run<T>(inputs, stored, step.shape,
                [&](const T* const* x, const std::int64_t* steps, T* const* z, std::int64_t n) {
                  const auto rows = static_cast<std::size_t>(n);
                  for (std::size_t k = 0; k < inputs.size(); ++k) {
                    const auto stride = static_cast<std::size_t>(steps[k]);
                    sources[k] = {.data = x[k], .size = stride * (rows - 1) + 1, .stride = stride};
                  }
                  for (std::size_t k = 0; k < step.stored; ++k)
                    sinks[k] = {.data = z[k], .size = rows, .count = 1, .stride = 1};
                  for (std::size_t k = 0; k < summed; ++k) {
                    sinks[step.stored + k] = {
                        .data = &sums[k], .size = 1, .count = 1, .mode = SinkMode::sum};
                  }
                  step.kernel->run(std::span<const BasicSource<T>>(sources, inputs.size()),
                                   std::span<const BasicSink<T>>(sinks, step.outputs.size()), rows,
                                   threads_worth_elements(n));
                  for (std::size_t k = 0; k < summed; ++k)
                    totals[k] += static_cast<double>(sums[k]);
                });
    for (std::size_t k = 0; k < summed; ++k) {
      *TensorAccess::data<T>(values[step.outputs[step.stored + k]]) = static_cast<T>(totals[k]);
    }
  });
  inputs.clear();
  stored.clear();
}

bool TensorKernel::State::run(std::span<const Tensor> in, std::span<Tensor> out) const {
  std::unique_ptr<Workspace> workspace = take();
  std::vector<Tensor>& values = workspace->values;
  const TensorProgram& program = plan.program;
  for (std::size_t k = 0; k < in.size(); ++k) {
    const TensorType& type = program.nodes[program.inputs[k]].type;
    values[program.inputs[k]] = converted(TensorAccess::plain(in[k]), type.element);
  }
  // Memory of outputs: what the caller gave, if nobody else looks at it.
  for (std::size_t k = 0; k < out.size(); ++k) {
    const std::uint32_t node = program.outputs[k];
    const TensorType& type = program.nodes[node].type;
    if (program.nodes[node].kind != Part::operation || workspace->is_fixed[node]) continue;
    const bool fits = TensorAccess::is_there(out[k]) && out[k].type() == type &&
                      !out[k].is_recorded() && out[k].is_contiguous() && is_unshared(out[k]);
    values[node] = fits ? std::move(out[k]) : make_tensor(type.element, type.shape);
  }
  for (const TensorStep& step : plan.steps) {
    // Of what an output is a view of, memory is new.
    for (const std::uint32_t node : step.outputs) {
      const TensorType& type = program.nodes[node].type;
      if (step.kind != TensorStep::Kind::view && !TensorAccess::is_there(values[node]))
        values[node] = make_tensor(type.element, type.shape);
    }
    switch (step.kind) {
      case TensorStep::Kind::pass: run_pass(step, values); break;
      case TensorStep::Kind::view: {
        const std::uint32_t node = step.outputs[0];
        if (!workspace->is_fixed[node]) {
          values[node] = program.nodes[node].op->view(values[step.inputs[0]]);
        }
        break;
      }
      case TensorStep::Kind::operation: {
        const std::uint32_t node = step.outputs[0];
        constexpr std::size_t kFew = 4;
        if (step.inputs.size() <= kFew) {
          Tensor x[kFew] = {TensorAccess::nothing(), TensorAccess::nothing(),
                            TensorAccess::nothing(), TensorAccess::nothing()};
          for (std::size_t k = 0; k < step.inputs.size(); ++k) x[k] = values[step.inputs[k]];
          program.nodes[node].op->compute({x, step.inputs.size()}, values[node]);
        } else {
          std::vector<Tensor> x;
          for (const std::uint32_t input : step.inputs) x.push_back(values[input]);
          program.nodes[node].op->compute(x, values[node]);
        }
        break;
      }
    }
  }
  bool holds = true;
  for (const TensorProgram::Guard& guard : program.guards) {
    holds = holds && guard.holds(values[guard.node].item());
  }
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = values[program.outputs[k]];
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!workspace->is_fixed[k]) values[k] = TensorAccess::nothing();
  }
  const std::scoped_lock lock(mutex);
  workspaces.push_back(std::move(workspace));
  return holds;
}

TensorResults TensorKernel::operator()(std::span<const Tensor> in) const {
  TensorResults out(state_->f.outputs(), TensorAccess::nothing());
  run(in, out);
  return out;
}

void TensorKernel::run(std::span<const Tensor> in, std::span<Tensor> out) const {
  require_types(state_->f.input_types(), in, state_->f.name());
  if (out.size() != state_->f.outputs()) {
    fail(state_->f.name(), "gives " + std::to_string(state_->f.outputs()) +
                               " tensors, but there is "
                               "room for " +
                               std::to_string(out.size()));
  }
  for (const Tensor& t : in) {
    if (t.is_recorded()) {
      fail(state_->f.name(),
           "a compiled function of tensors runs on plain tensors: detached(), or "
           "the function itself on recorded ones");
    }
  }
  if (state_->run(in, out)) return;
  TensorResults answer = state_->f(in);
  std::ranges::move(answer, out.begin());
}

const TensorFunction& TensorKernel::function() const { return state_->f; }
TensorKernelReport TensorKernel::report() const { return state_->report; }

std::string TensorKernel::dump() const {
  const TensorPlan& plan = state_->plan;
  const std::vector<std::string> names = plan.program.names();
  std::string text;
  for (const TensorStep& step : plan.steps) {
    text += "  ";
    for (std::size_t k = 0; k < step.outputs.size(); ++k) {
      text += (k == 0 ? "" : ", ") + names[step.outputs[k]] + ": " +
              to_string(plan.program.nodes[step.outputs[k]].type);
    }
    switch (step.kind) {
      case TensorStep::Kind::pass: text += " = pass " + step.name + "("; break;
      case TensorStep::Kind::operation: text += " = " + step.name + "("; break;
      case TensorStep::Kind::view: text += " = view " + step.name + "("; break;
    }
    for (const std::uint32_t input : step.inputs)
      text += (text.back() == '(' ? "" : ", ") + names[input];
    text += ")\n";
  }
  return text;
}

TensorKernel compile(const TensorFunction& f, const CompileOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  auto state = std::make_shared<TensorKernel::State>(f);
  const TensorProgram& recorded = TensorFunctionAccess::program(f);
  TensorPlan& plan = state->plan;
  plan.program = cut(recorded);
  plan.steps = group(plan.program, options);
  place(plan);
  TensorKernelReport& report = state->report;
  report.recorded_nodes = static_cast<std::size_t>(std::ranges::count(
      recorded.nodes, TensorProgram::Kind::operation, &TensorProgram::Node::kind));
  report.steps = plan.steps.size();
  report.passes = static_cast<std::size_t>(
      std::ranges::count(plan.steps, TensorStep::Kind::pass, &TensorStep::kind));
  for (const std::size_t bytes : plan.buffer_bytes) report.planned_bytes += bytes;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return TensorKernel(std::move(state));
}

}  // namespace chainrule
