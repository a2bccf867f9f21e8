// TensorProgram: a computation on tensors as data: nodes in an order in which every node comes
// after its operands. What a TensorGraph is built of, and what a TensorFunction has recorded.
#pragma once

#include "chainrule/tape/state_internal.hpp"
#include "chainrule/tensor/op.hpp"

namespace chainrule {

struct TensorProgram {
  enum class Kind : std::uint8_t { placeholder, variable, constant, operation };

  struct Node {
    Kind kind = Kind::operation;
    std::shared_ptr<const TensorOp> op;
    std::vector<std::uint32_t> operands;
    TensorType type;
    Tensor value;           ///< of a variable or constant
    bool is_plain = false;  ///< a constant that is no node of its own: nobody asks for its adjoint
    std::string label;
    Location at;
  };
  /// What recording took for granted: that this node of one element has this value.
  struct Guard {
    std::uint32_t node;
    double expected;
    Location at;
    /// The same number, or both NaN.
    bool holds(double number) const {
      return number == expected || (number != number && expected != expected);
    }
  };

  std::vector<Node> nodes;
  std::vector<std::uint32_t> inputs;  ///< placeholders
  std::vector<std::uint32_t> outputs;
  std::vector<Guard> guards;

  /// The label, or the operation and a running number: matmul/0.
  std::vector<std::string> names() const;
  /// Which nodes the marked ones depend on, themselves among them.
  void mark_needed(std::vector<bool>& needed) const;
};

/// Appends what stands on a tape to a program, row by row; numbers become tensors of shape ().
class TensorExtraction {
 public:
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFFu;
  TensorExtraction(Tape::State& state, TensorProgram& program) : state_(state), program_(program) {}

  /// The row stands for a placeholder of the program.
  std::uint32_t add_input(std::uint32_t row);
  /// Appends the rows that are not there yet, all of them ascending.
  void add_rows(std::span<const std::uint32_t> rows);
  /// The node of a tensor or number that is recorded, or plain.
  std::uint32_t node_of(const Tensor& t);
  std::uint32_t node_at(std::uint32_t row) const {
    return row < node_of_row_.size() ? node_of_row_[row] : kNowhere;
  }

 private:
  void add(std::uint32_t row);
  std::uint32_t append(std::uint32_t row, TensorProgram::Node node);
  std::uint32_t plain(const Tensor& t);

  Tape::State& state_;
  TensorProgram& program_;
  std::vector<std::uint32_t> node_of_row_;
};

/// Pull over the values of a program: adjoints by node.
class ProgramPull final : public Pull {
 public:
  ProgramPull(const TensorProgram& program, std::span<const Tensor> values,
              std::span<Tensor> adjoints, std::uint32_t node, const Tensor& g)
      : program_(program), values_(values), adjoints_(adjoints), node_(node), g_(g) {}
  std::size_t count() const override { return at().operands.size(); }
  bool wants(std::size_t k) const override { return !program_.nodes[at().operands[k]].is_plain; }
  Tensor x(std::size_t k) const override { return values_[at().operands[k]]; }
  Tensor z() const override { return values_[node_]; }
  TensorType type(std::size_t k) const override { return program_.nodes[at().operands[k]].type; }
  const Tensor& g() const override { return g_; }
  void push(std::size_t k, Tensor contribution) const override;
  const Tensor* accumulator(std::size_t k) const override;

 private:
  const TensorProgram::Node& at() const { return program_.nodes[node_]; }
  const TensorProgram& program_;
  std::span<const Tensor> values_;
  std::span<Tensor> adjoints_;
  std::uint32_t node_;
  const Tensor& g_;
};

/// The value of a node whose operands have theirs, of the type that the program tells.
Tensor evaluate(const TensorProgram& program, std::uint32_t node, std::span<const Tensor> values);

/// As text, a node a line: "  mul/0 = mul(x, w): f32(3,4)".
std::string to_string(const TensorProgram& program, std::string_view name);

}  // namespace chainrule
