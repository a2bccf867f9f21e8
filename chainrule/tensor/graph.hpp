// TensorGraph: a static graph of tensors, built by hand, fed and run.
//
//   TensorGraph g;
//   Tensor y;
//   {
//     const auto building = g.build();              // operations go into g
//     const Tensor x = g.placeholder({2, 3}, "x");  // no numbers yet
//     const Tensor w = g.variable(ones({3}), "w");
//     y = pow(matmul(x, w), 2.0);
//   }
//   g.forward({{"x", data}});
//   g.backward(sum…);   g.grad("w")
//
// The operations are those of every Tensor: on what depends on a placeholder they find the shape,
// and errors of shapes are thrown where they are built.
#pragma once

#include <memory>

#include "chainrule/tape/tape.hpp"
#include "chainrule/tensor/core.hpp"

namespace chainrule {

/// A name and the tensor it is fed with.
struct FedTensor {
  std::string_view name;
  Tensor value;
};

class TensorGraph {
 public:
  TensorGraph();
  ~TensorGraph();
  TensorGraph(TensorGraph&&) noexcept;
  TensorGraph& operator=(TensorGraph&&) noexcept;

  /// While it lives, operations of this thread are appended to this graph.
  [[nodiscard]] Activation build();
  /// Leaves; within build() only. Throws Error for a name that another node has.
  Tensor placeholder(const Shape& shape, std::string_view name, Precision element = f64);
  Tensor variable(const Tensor& value, std::string_view name = {});
  Tensor constant(const Tensor& value, std::string_view name = {});

  /// Evaluates every node. Throws one Error that names every placeholder that is not fed, every
  /// name that is no placeholder, every one fed twice, and every shape or element type that does
  /// not fit; then no value has changed.
  void forward(std::span<const FedTensor> feed = {});
  void forward(std::initializer_list<FedTensor> feed);
  /// Fills every node's adjoint: ∂head/∂node · seed at the values of the last forward pass. The
  /// seed is 1 for a head of one element. Throws Error before a forward pass, and for a seed of
  /// another shape than head's.
  void backward(const Tensor& head);
  void backward(const Tensor& head, const Tensor& seed);

  /// What forward() left at a node; the numbers of a variable or constant. Throws Error before.
  Tensor value(const Tensor& node) const;
  Tensor value(std::string_view name) const;
  /// What backward() left at a node: zeros if nothing arrived.
  Tensor grad(const Tensor& node) const;
  Tensor grad(std::string_view name) const;
  bool has_grad(const Tensor& node) const;
  /// Gives a variable new numbers of the same type. Throws Error for every other kind.
  void assign(std::string_view name, const Tensor& value);

  std::size_t size() const;
  /// All names, in the order in which the nodes were made: labels, or matmul/0.
  std::vector<std::string> names() const;
  std::vector<std::string> placeholders() const;
  std::vector<std::string> variables() const;
  std::vector<std::string> constants() const;
  std::vector<std::string> operations() const;

 private:
  friend std::string to_string(const TensorGraph& graph);
  struct State;
  std::unique_ptr<State> state_;
};

/// A node a line: "mul/0 = mul(x, w): f64(3,4)".
std::string to_string(const TensorGraph& graph);

}  // namespace chainrule
