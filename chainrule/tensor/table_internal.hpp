// The table of arrays of a tape: what its rows of code `array` stand for.
//
// Two stacks, of rows and of their operands, that a frame takes back from the end. A row holds what
// its pullback will read, and no more: numbers that nobody will read are given back at once.
#pragma once

#include "chainrule/tape/arrays_internal.hpp"
#include "chainrule/tape/state_internal.hpp"
#include "chainrule/tensor/body_internal.hpp"
#include "chainrule/tensor/op.hpp"

namespace chainrule {

/// Leaves are operations too, without operands.
enum class TensorLeaf : std::uint8_t { none, variable, constant };

class TensorTable final : public Arrays {
 public:
  explicit TensorTable(Tape::State& state) : state_(state) {}
  /// The table of the active tape, made if need be.
  static TensorTable& of(Tape::State& state);

  struct Row {
    std::shared_ptr<const TensorOp> op;
    std::uint32_t tape_row = 0;
    std::uint32_t first_operand = 0, operand_count = 0;
    std::uint32_t first_link = 0, link_count = 0;
    TensorLeaf leaf = TensorLeaf::none;
    TensorType type;
    Tensor value = nothing();    ///< if the pullback reads it, or of a leaf
    Tensor adjoint = nothing();  ///< what has arrived in the sweep that is running
    Tensor grad = nothing();     ///< what backward() accumulates
  };
  struct Operand {
    Tensor value = nothing();  ///< if the pullback reads it
    std::uint32_t row = kPlain;
    static constexpr std::uint32_t kPlain = 0xFFFFFFFFu;
  };

  /// No tensor: costs nothing.
  static Tensor nothing() { return TensorAccess::nothing(); }
  static bool is_there(const Tensor& t) { return TensorAccess::is_there(t); }

  /// From now on operands that are plain are kept, read or not: the rows become a program.
  void keep_plain_operands() { keeps_plain_ = true; }

  /// Appends a row. Operands are plain or rows of this tape.
  Tensor append(const std::shared_ptr<const TensorOp>& op, std::span<const Tensor> x,
                const Tensor& value, Location at);
  Tensor append_leaf(TensorLeaf leaf, const Tensor& value, std::string_view label, Location at);

  Row& row(std::uint32_t tape_row) { return rows_[state_.rows.links[tape_row].x]; }
  const Row& row(std::uint32_t tape_row) const { return rows_[state_.rows.links[tape_row].x]; }
  std::span<const Operand> operands(const Row& row) const {
    return {operands_.data() + row.first_operand, row.operand_count};
  }
  std::span<const Row> rows() const { return rows_; }

  /// adjoint += contribution, in place where nobody else looks at it.
  static void add(Tensor& adjoint, Tensor contribution);
  /// adjoint + contribution, an operation that is recorded if they are.
  static Tensor sum_of(const Tensor& adjoint, const Tensor& contribution);
  /// Makes an adjoint dense and its own, for numbers to be added to a part of it.
  static void own_adjoint(Tensor& adjoint, const TensorType& type);

  void rewind_to(std::uint32_t row) noexcept override;
  std::string_view name(std::uint32_t row) const override;
  std::string value_text(std::uint32_t row) const override;
  bool has_nan(std::uint32_t row) const override;
  std::span<const std::uint32_t> links(std::uint32_t row) const override;
  std::uint32_t pull_back(std::uint32_t row, double* adjoints, std::uint32_t low,
                          Keep keep) override;
  void arrive(std::uint32_t row, std::uint32_t element, double g) override;
  void clear_adjoints(std::uint32_t from, std::uint32_t to) noexcept override;
  void clear_grads() noexcept override;
  std::vector<Scalar> recorded_adjoints(std::span<const Scalar> ys, std::span<const Scalar> seeds,
                                        std::span<const Scalar> xs) override;

 private:
  Tape::State& state_;
  bool keeps_plain_ = false;
  std::vector<Row> rows_;
  std::vector<Operand> operands_;
  std::vector<std::uint32_t> links_;  ///< of the operands that are recorded
};

/// Makes x an operand on the active tape: false if it is plain. Throws HandleError.
bool lead_in_tensor(const Tensor& x, std::string_view where);
/// The row of the active tape that t stands for. Throws Error if it is plain, HandleError.
std::uint32_t row_of(const Tensor& t, std::string_view where);
/// The tensor that a row of the active tape stands for, recorded; its numbers where they are kept.
Tensor tensor_at(Tape::State& state, std::uint32_t row);

}  // namespace chainrule
