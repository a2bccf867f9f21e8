// cut: the program without what no output needs, what was computed before, and what depends on
// constants alone.
#include <algorithm>
#include <bit>
#include <map>

#include "chainrule/tensor/plan_internal.hpp"

namespace chainrule {
namespace {

using Part = TensorProgram::Kind;

// Constants that are computed are kept where they are small, or views of what is there already.
constexpr std::int64_t kSmall = 4096;

class Cut {
 public:
  explicit Cut(const TensorProgram& from) : from_(from), place_(from.nodes.size()) {}

  TensorProgram run() {
    std::vector<bool> needed(from_.nodes.size());
    for (const std::uint32_t output : from_.outputs) needed[output] = true;
    for (const TensorProgram::Guard& guard : from_.guards) needed[guard.node] = true;
    for (const std::uint32_t input : from_.inputs) needed[input] = true;
    from_.mark_needed(needed);
    for (std::uint32_t k = 0; k < from_.nodes.size(); ++k) {
      if (needed[k]) place_[k] = add(from_.nodes[k]);
    }
    for (const std::uint32_t input : from_.inputs) to_.inputs.push_back(place_[input]);
    for (const std::uint32_t output : from_.outputs) to_.outputs.push_back(place_[output]);
    for (TensorProgram::Guard guard : from_.guards) {
      guard.node = place_[guard.node];
      to_.guards.push_back(guard);
    }
    return std::move(to_);
  }

 private:
  std::uint32_t append(TensorProgram::Node node) {
    to_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(to_.nodes.size() - 1);
  }

  std::uint32_t add(const TensorProgram::Node& node) {
    if (node.kind == Part::placeholder) return append(node);
    if (node.kind != Part::operation) return constant(node);
    TensorProgram::Node copy = node;
    bool is_constant = true;
    for (std::uint32_t& operand : copy.operands) {
      operand = place_[operand];
      is_constant = is_constant && to_.nodes[operand].kind == Part::constant;
    }
    if (is_constant && (node.op->is_view() || node.type.shape.size() <= kSmall)) {
      return fold(copy);
    }
    // The same operation on the same operands.
    std::vector<std::uint64_t> key{std::bit_cast<std::uintptr_t>(node.op.get())};
    key.insert(key.end(), copy.operands.begin(), copy.operands.end());
    const auto [at, is_new] = known_.try_emplace(std::move(key), 0u);
    if (is_new) at->second = append(std::move(copy));
    return at->second;
  }

  std::uint32_t fold(const TensorProgram::Node& node) {
    std::vector<Tensor> x;
    for (const std::uint32_t operand : node.operands) x.push_back(to_.nodes[operand].value);
    TensorProgram::Node result = node;
    result.kind = Part::constant;
    result.operands.clear();
    result.value = detail::value_of(*node.op, x);
    result.op = nullptr;
    return constant(result);
  }

  // One node for each distinct number.
  std::uint32_t constant(TensorProgram::Node node) {
    node.kind = Part::constant;
    if (node.type.shape.rank() != 0) return append(std::move(node));
    const double number = TensorAccess::plain(node.value).item();
    const auto [at, is_new] =
        numbers_.try_emplace({std::bit_cast<std::uint64_t>(number), node.type.element}, 0u);
    if (is_new) at->second = append(std::move(node));
    return at->second;
  }

  const TensorProgram& from_;
  TensorProgram to_;
  std::vector<std::uint32_t> place_;
  std::map<std::vector<std::uint64_t>, std::uint32_t> known_;
  std::map<std::pair<std::uint64_t, Precision>, std::uint32_t> numbers_;
};

}  // namespace

TensorProgram cut(const TensorProgram& program) { return Cut(program).run(); }

}  // namespace chainrule
