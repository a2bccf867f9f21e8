// micro: nets of single numbers, one neuron at a time, as one writes them to learn how nets learn.
//
// Everything is a Scalar on the active tape, so that each weight has a value, a gradient and a
// place in a picture. (After A. Karpathy's micrograd, whose names these are.)
//
//   Random random(1);
//   nn::micro::MLP net(2, {16, 16, 1}, random);
//   for (int k = 0; k < 100; ++k) {
//     const Frame frame = Tape::active().frame();
//     const Scalar loss = loss_of(net);
//     net.zero_grad();
//     loss.backward();
//     net.step(0.05);
//   }
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include "chainrule/op/op.hpp"
#include "chainrule/tape/scalar.hpp"
#include "chainrule/tensor/random.hpp"

namespace chainrule::nn::micro {

/// A number that is learned: a leaf of the active tape, made when it is first read in a frame. Its
/// value outlives the frame; what it had as grad() is taken along by step().
class Weight {
 public:
  explicit Weight(double value) : value_(value) {}

  operator Scalar() const { return scalar(); }
  const Scalar& scalar() const;
  double value() const { return value_; }
  void assign(double value);
  /// What backward() has accumulated, 0 if this is no leaf of what is recorded now.
  double grad() const;

 private:
  bool is_live() const;
  double value_;
  mutable Scalar leaf_;
};

/// What a Neuron, a Layer and an MLP have in common.
class Part {
 public:
  virtual ~Part() = default;
  /// In the order of neurons, of each its weights and then its bias.
  virtual std::vector<Weight*> parameters() = 0;
  /// The parameters as recorded numbers: what to differentiate by.
  std::vector<Scalar> leaves();
  /// Clears what backward() accumulated, in every node of the tape.
  void zero_grad();
  /// w ← w − rate · grad, for every parameter.
  void step(double rate);
};

/// activation(w·x + b); without an activation, w·x + b. Weights begin uniform on ±1, the bias as 0.
class Neuron : public Part {
 public:
  Neuron(std::size_t inputs, Random& random) : Neuron(inputs, random, Op::copy) {}
  /// Throws Error unless the activation is a row of one operand, or the last has a usual value.
  Neuron(std::size_t inputs, Random& random, Op activation);

  /// Throws Error for another number of inputs.
  Scalar operator()(std::span<const Scalar> x) const;
  Scalar operator()(std::initializer_list<Scalar> x) const {
    return (*this)(std::span(x.begin(), x.size()));
  }
  std::vector<Weight*> parameters() override;

  std::vector<Weight> weights;
  Weight bias{0.0};
  Op activation;  ///< copy: none
};

/// Neurons side by side.
class Layer : public Part {
 public:
  Layer(std::size_t inputs, std::size_t outputs, Random& random)
      : Layer(inputs, outputs, random, Op::copy) {}
  Layer(std::size_t inputs, std::size_t outputs, Random& random, Op activation);

  std::vector<Scalar> operator()(std::span<const Scalar> x) const;
  std::vector<Weight*> parameters() override;

  std::vector<Neuron> neurons;
};

/// Layers one after another, all but the last with an activation.
class MLP : public Part {
 public:
  MLP(std::size_t inputs, std::initializer_list<std::size_t> outputs, Random& random,
      Op activation = Op::relu)
      : MLP(inputs, std::span(outputs.begin(), outputs.size()), random, activation) {}
  MLP(std::size_t inputs, std::span<const std::size_t> outputs, Random& random,
      Op activation = Op::relu);

  std::vector<Scalar> operator()(std::span<const Scalar> x) const;
  std::vector<Scalar> operator()(std::initializer_list<Scalar> x) const {
    return (*this)(std::span(x.begin(), x.size()));
  }
  std::vector<Weight*> parameters() override;

  std::vector<Layer> layers;
};

}  // namespace chainrule::nn::micro
