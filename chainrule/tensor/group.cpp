// group: elementwise nodes of one shape become passes.
//
// A node's level is the number of times that one has to leave elementwise work of its shape on the
// way to it. Nodes of one shape, element type and level depend on each other through nodes of the
// same kind only, so that they can run as one pass without a circle: chains and neighbours alike.
// Sums over all elements of what a pass computes are taken in the pass.
#include <algorithm>
#include <map>

#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/pass_internal.hpp"
#include "chainrule/tensor/plan_internal.hpp"
#include "chainrule/tensor/pull_code_internal.hpp"
#include "chainrule/tensor/reduce.hpp"

namespace chainrule {
namespace {

using Part = TensorProgram::Kind;

const Pointwise* pointwise_of(const TensorProgram::Node& node) {
  if (node.kind != Part::operation || !node.op->is_elementwise()) return nullptr;
  return dynamic_cast<const Pointwise*>(node.op.get());
}

// What a pass computes: the nodes' functions, recorded one after another on numbers. Adjoints that
// stay inside keep their truth beside them, so that −0.0 is asked for at the border only.
class PassCode final : public Callable {
 public:
  PassCode(const TensorProgram& program, std::vector<std::uint32_t> nodes,
           std::vector<std::uint32_t> inputs, std::vector<std::uint32_t> outputs)
      : program_(program),
        nodes_(std::move(nodes)),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)) {}

  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    std::map<std::uint32_t, Value> values;
    for (std::size_t k = 0; k < inputs_.size(); ++k) values[inputs_[k]] = {Arrival(in[k], 1.0)};
    const auto value_of = [&](std::uint32_t node) -> const Value& {
      const auto at = values.find(node);
      if (at != values.end()) return at->second;
      // A number that is everywhere the same.
      const double number = uniform_number(program_.nodes[node].value);
      return values[node] = {Arrival(number, 1.0)};
    };
    for (const std::uint32_t place : nodes_) {
      const TensorProgram::Node& node = program_.nodes[place];
      const Pointwise& op = *pointwise_of(node);
      std::vector<Value> x;
      for (const std::uint32_t operand : node.operands) x.push_back(value_of(operand));
      values[place] = computed(op, x);
    }
    for (const std::uint32_t output : outputs_) out.push_back(plain(value_of(output)));
  }

  static double uniform_number(const Tensor& t) {
    const Tensor one = make_view(TensorAccess::plain(t), Shape(), {});
    return one.item();
  }

 private:
  struct Value {
    Arrival arrival;
    bool is_adjoint = false;  // with a truth of its own
  };

  static Scalar plain(const Value& value) {
    return value.is_adjoint ? with_gap(value.arrival) : value.arrival.value;
  }

  static Value computed(const Pointwise& op, std::span<const Value> x) {
    std::vector<Scalar> in;
    if (const PullCode* code = op.slope()) {
      for (const Value& value : x.subspan(1)) in.push_back(plain(value));
      const Arrival g = x[0].is_adjoint ? x[0].arrival : arrival_of(x[0].arrival.value);
      std::vector<Arrival> found;
      code->arrivals(g, in, found);
      return {found[0], true};
    }
    const bool is_sum = &op == tensor_op(Op::add).get() && (x[0].is_adjoint || x[1].is_adjoint);
    if (is_sum) return sum_of(x[0], x[1]);
    for (const Value& value : x) in.push_back(plain(value));
    return {Arrival(op.function()(std::span<const Scalar>(in))[0], 1.0)};
  }

  // Of adjoints: where neither has arrived, the sum has not.
  static Value sum_of(const Value& x, const Value& y) {
    if (x.is_adjoint && y.is_adjoint) {
      if (x.arrival.is_always() && y.arrival.is_always()) {
        return {Arrival(x.arrival.value + y.arrival.value, 1.0), true};
      }
      return {arrival_of(with_gap(x.arrival) + with_gap(y.arrival)), true};
    }
    return {Arrival(plain(x) + plain(y), 1.0)};
  }

  const TensorProgram& program_;
  std::vector<std::uint32_t> nodes_, inputs_, outputs_;
};

class Grouping {
 public:
  Grouping(const TensorProgram& program, const CompileOptions& options)
      : program_(program), options_(options), group_of_(program.nodes.size(), kNone) {}

  std::vector<TensorStep> run() {
    assign_levels();
    count_readers();
    part_wide_groups();
    // Steps in the order of levels: what a group reads from outside is of a lower level.
    std::vector<std::uint32_t> order;
    for (std::uint32_t k = 0; k < program_.nodes.size(); ++k) {
      if (program_.nodes[k].kind == Part::operation) order.push_back(k);
    }
    std::ranges::stable_sort(order, {}, [&](std::uint32_t node) { return level_[node]; });
    std::vector<bool> done(groups_.size());
    std::vector<TensorStep> steps;
    for (const std::uint32_t node : order) {
      if (is_fused_sum_[node]) continue;
      const std::uint32_t group = group_of_[node];
      if (group == kNone || (groups_[group].size() == 1 && fused_sums_of(group).empty())) {
        steps.push_back(single(node));
        continue;
      }
      if (done[group]) continue;
      done[group] = true;
      steps.push_back(pass(group));
    }
    return steps;
  }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFFu;

  void assign_levels() {
    level_.assign(program_.nodes.size(), 0);
    is_fused_sum_.assign(program_.nodes.size(), false);
    std::map<std::tuple<std::uint32_t, std::vector<std::int64_t>, Precision>, std::uint32_t> known;
    for (std::uint32_t k = 0; k < program_.nodes.size(); ++k) {
      const TensorProgram::Node& node = program_.nodes[k];
      if (node.kind != Part::operation) continue;
      const bool is_pointwise = pointwise_of(node) != nullptr;
      std::uint32_t level = 0;
      for (const std::uint32_t operand : node.operands) {
        const TensorProgram::Node& from = program_.nodes[operand];
        if (from.kind != Part::operation) continue;
        const bool joins = is_pointwise && group_of_[operand] != kNone && from.type == node.type;
        const bool leaves = !joins && (group_of_[operand] != kNone || is_pointwise);
        level = std::max(level, level_[operand] + (leaves ? 1u : 0u));
      }
      level_[k] = level;
      if (!is_pointwise) continue;
      std::vector<std::int64_t> sizes(node.type.shape.begin(), node.type.shape.end());
      const auto [at, is_new] = known.try_emplace({level, std::move(sizes), node.type.element},
                                                  static_cast<std::uint32_t>(groups_.size()));
      if (is_new) groups_.emplace_back();
      group_of_[k] = at->second;
      groups_[at->second].push_back(k);
    }
  }

  // Which values are read outside of their group: by other nodes than those and fused sums.
  void count_readers() {
    is_read_outside_.assign(program_.nodes.size(), false);
    for (std::uint32_t k = 0; k < program_.nodes.size(); ++k) {
      const TensorProgram::Node& node = program_.nodes[k];
      if (node.kind != Part::operation) continue;
      if (node.type.shape.rank() == 0 && node.op->is_sum() &&
          group_of_[node.operands[0]] != kNone) {
        is_fused_sum_[k] = true;
        sums_[group_of_[node.operands[0]]].push_back(k);
        continue;
      }
      for (const std::uint32_t operand : node.operands) {
        if (group_of_[operand] == kNone || group_of_[operand] != group_of_[k])
          is_read_outside_[operand] = true;
      }
    }
    for (const std::uint32_t output : program_.outputs) is_read_outside_[output] = true;
    for (const TensorProgram::Guard& guard : program_.guards) is_read_outside_[guard.node] = true;
  }

  // Groups with more inputs or outputs than one pass may have are left as single operations.
  void part_wide_groups() {
    for (std::uint32_t g = 0; g < groups_.size(); ++g) {
      std::vector<std::uint32_t> inputs;
      std::size_t outputs = fused_sums_of(g).size();
      for (const std::uint32_t node : groups_[g]) {
        outputs += is_read_outside_[node] ? 1 : 0;
        for (const std::uint32_t operand : program_.nodes[node].operands) {
          if (group_of_[operand] != g) inputs.push_back(operand);
        }
      }
      std::ranges::sort(inputs);
      inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
      if (inputs.size() <= kMostTogether && outputs <= kMostTogether) continue;
      for (const std::uint32_t sum : fused_sums_of(g)) is_fused_sum_[sum] = false;
      sums_.erase(g);
      for (const std::uint32_t node : groups_[g]) group_of_[node] = kNone;
    }
  }

  std::vector<std::uint32_t> fused_sums_of(std::uint32_t group) const {
    const auto at = sums_.find(group);
    return at == sums_.end() ? std::vector<std::uint32_t>() : at->second;
  }

  TensorStep single(std::uint32_t place) const {
    const TensorProgram::Node& node = program_.nodes[place];
    TensorStep step;
    step.kind = node.op->is_view() ? TensorStep::Kind::view : TensorStep::Kind::operation;
    step.inputs = node.operands;
    step.outputs = {place};
    step.name = node.op->name();
    return step;
  }

  TensorStep pass(std::uint32_t group) const {
    const std::vector<std::uint32_t>& nodes = groups_[group];
    TensorStep step;
    step.kind = TensorStep::Kind::pass;
    step.shape = program_.nodes[nodes[0]].type.shape;
    for (const std::uint32_t node : nodes) {
      constexpr std::size_t kShown = 4;
      if (&node - nodes.data() < static_cast<std::ptrdiff_t>(kShown))
        step.name += (step.name.empty() ? "" : "_") + std::string(program_.nodes[node].op->name());
      for (const std::uint32_t operand : program_.nodes[node].operands) {
        const bool is_number = program_.nodes[operand].kind == Part::constant &&
                               is_uniform(program_.nodes[operand].value);
        if (group_of_[operand] == group || is_number) continue;
        if (std::ranges::find(step.inputs, operand) == step.inputs.end())
          step.inputs.push_back(operand);
      }
      if (is_read_outside_[node]) step.outputs.push_back(node);
    }
    step.stored = step.outputs.size();
    std::vector<std::uint32_t> computed = step.outputs;
    for (const std::uint32_t sum : fused_sums_of(group)) {
      computed.push_back(program_.nodes[sum].operands[0]);
      step.outputs.push_back(sum);
    }
    std::vector<Argument> arguments;
    for (std::size_t k = 0; k < step.inputs.size(); ++k)
      arguments.push_back({"x" + std::to_string(k), true, {0.5}});
    const Function f(std::make_shared<const PassCode>(program_, nodes, step.inputs, computed),
                     std::move(arguments), step.name);
    CompileOptions options = options_;
    options.lanes = program_.nodes[nodes[0]].type.element;
    step.kernel.emplace(compile(f, options));
    return step;
  }

  const TensorProgram& program_;
  const CompileOptions& options_;
  std::vector<std::uint32_t> level_, group_of_;
  std::vector<std::vector<std::uint32_t>> groups_;
  std::map<std::uint32_t, std::vector<std::uint32_t>> sums_;
  std::vector<bool> is_read_outside_, is_fused_sum_;
};

}  // namespace

std::vector<TensorStep> group(const TensorProgram& program, const CompileOptions& options) {
  return Grouping(program, options).run();
}

}  // namespace chainrule
