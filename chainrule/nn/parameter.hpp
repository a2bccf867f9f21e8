// Parameter: an array of numbers that is learned.
//
// Between steps it is a plain Tensor. In training mode it is a leaf of the active tape while a step
// runs: it becomes one when it is first read in a frame, and stays that one until the frame is gone
// or its numbers change; so a net is written as a formula of its parameters, and nobody has to say
// where a step begins. In evaluation mode it is its numbers, and reading it records nothing.
//
// A copy of a Parameter has numbers of its own (memory is shared until one of the two is written);
// so a copy of a net is a snapshot of it. What a Parameter refers to stays in place when its owner
// is moved, or assigned a copy: an optimiser that was given it goes on with it.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "chainrule/tensor/core.hpp"

namespace chainrule::nn {

/// Whether parameters are leaves and dropout drops, or neither.
enum class Mode : std::uint8_t { training, evaluation };

/// Refers to a Parameter and keeps it alive. One thread at a time may use it in training mode; in
/// evaluation mode any number may read it.
class ParameterRef {
 public:
  /// Its numbers, not recorded.
  const Tensor& value() const;
  /// The same, to be written in place by writable(): the leaf is forgotten.
  Tensor& numbers() const;
  /// What formulas read: in training mode its leaf on the active tape, else its numbers. Throws
  /// Error inside of a checkpoint, or while a Function is recorded, where the derivative by it
  /// would be lost: Bound parameters can be read there.
  Tensor tensor(Location at = Location::here()) const;
  operator Tensor() const { return tensor(Location()); }

  /// New numbers. Throws Error unless they are of the same type.
  void assign(Tensor numbers) const;
  /// The numbers in another element type.
  void convert(Precision element) const;
  /// Forgets the leaf: the tape alone still holds the numbers that it has recorded.
  void forget_leaf() const;

  Mode mode() const;
  void mode(Mode mode) const;
  /// Whether its owner is still there. (An owner that was replaced leaves those behind who refer to
  /// its parameters.)
  bool is_owned() const;

  /// Whether both refer to the same Parameter.
  friend bool operator==(const ParameterRef&, const ParameterRef&) = default;

 protected:
  struct Slot;
  friend class Bound;
  explicit ParameterRef(std::shared_ptr<Slot> slot) : slot_(std::move(slot)) {}
  std::shared_ptr<Slot> slot_;
};

/// Owns what a ParameterRef refers to.
class Parameter : public ParameterRef {
 public:
  /// No elements.
  Parameter() : Parameter(Tensor()) {}
  /// Throws Error for a recorded tensor.
  explicit Parameter(const Tensor& numbers);
  Parameter(const Parameter& other);
  Parameter(Parameter&& other) noexcept = default;
  // The numbers and the mode of the other; what refers to this one still does.
  Parameter& operator=(const Parameter& other);
  Parameter& operator=(Parameter&& other);
  ~Parameter();
};

/// While it lives, each of the parameters is the tensor beside it, recorded or not: how the loss of
/// a net becomes a function of its parameters, for Hessians, checkpoints and recorded Functions.
///
///   const auto loss_at = [&](std::span<const Tensor> p) {
///     const nn::Bound bound(parameters, p);
///     return cross_entropy(net(x), y);
///   };
class [[nodiscard]] Bound {
 public:
  /// Throws Error unless there is a tensor of the shape of each parameter.
  Bound(std::span<const ParameterRef> parameters, std::span<const Tensor> tensors);
  ~Bound();
  Bound(const Bound&) = delete;
  Bound& operator=(const Bound&) = delete;

 private:
  std::vector<ParameterRef> parameters_;
  std::vector<Tensor> before_;
};

}  // namespace chainrule::nn
