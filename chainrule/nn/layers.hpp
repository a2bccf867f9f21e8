// Layers: Linear, Activation, Sequential, MLP, Embedding, LayerNorm, Dropout.
//
// A layer is a Module with operator()(const Tensor&). Weights are (out, in), biases (out,), and
// their names are those of other libraries, so that saved nets can be exchanged.
#pragma once

#include <concepts>
#include <type_traits>

#include "chainrule/nn/initialise.hpp"
#include "chainrule/nn/module.hpp"

namespace chainrule::nn {

/// Whether a layer adds a bias.
enum class Bias : std::uint8_t { none, zero };

struct LinearOptions {
  Bias bias = Bias::zero;  ///< none, or one that begins with zeros
  double gain = 1.0;       ///< of the activation that follows: see gain()
  Precision element = f64;
};

/// y = x Wᵀ + b: (…, in) to (…, out). Parameters: weight (out, in), which begins as he_uniform()
/// with that gain, and bias (out,).
class Linear : public Module {
 public:
  Linear(std::int64_t in, std::int64_t out, Random& random, const LinearOptions& options = {});
  /// With these numbers, (out, in) and (out,).
  explicit Linear(const Tensor& weight_numbers);
  Linear(const Tensor& weight_numbers, const Tensor& bias_numbers);

  Tensor operator()(const Tensor& x) const;
  void parts(Parts& part) override;
  std::int64_t inputs() const { return weight.value().shape()[1]; }
  std::int64_t outputs() const { return weight.value().shape()[0]; }

  Parameter weight;
  std::optional<Parameter> bias;
};

/// A row of the table of operations as a layer: of one operand, or of one whose last operand has a
/// usual value. Throws Error for others.
class Activation : public Module {
 public:
  Activation(Op op);
  /// By its name: "tanh". Throws Error that lists the names.
  explicit Activation(std::string_view name);

  Tensor operator()(const Tensor& x) const;
  void parts(Parts&) override {}
  Op op() const { return op_; }

 private:
  Op op_;
};

template <class T>
concept Layer = std::copy_constructible<T> && requires(const T& layer, const Tensor& x) {
  { layer(x) } -> std::convertible_to<Tensor>;
};

/// Layers one after another, and whatever else takes a Tensor and gives one (an Op, a lambda):
///
///   nn::Sequential net(nn::Linear(2, 16, random), Op::tanh, nn::Linear(16, 1, random));
///
/// Part k is named "k".
class Sequential : public Module {
 public:
  Sequential() = default;
  template <class... Stages>
  requires(sizeof...(Stages) > 0 &&
           !(sizeof...(Stages) == 1 && (... && std::same_as<std::remove_cvref_t<Stages>,
                                                            Sequential>)))  //
      explicit Sequential(Stages&&... stages) {
    (add(std::forward<Stages>(stages)), ...);
  }
  Sequential(const Sequential& other);
  Sequential(Sequential&&) = default;
  Sequential& operator=(const Sequential& other);
  Sequential& operator=(Sequential&&) = default;

  void add(Op activation) { add(Activation(activation)); }
  template <Layer Stage>
  void add(Stage stage) {
    stages_.push_back(std::make_unique<Holds<Stage>>(std::move(stage)));
  }
  std::size_t size() const { return stages_.size(); }

  Tensor operator()(const Tensor& x) const;
  void parts(Parts& part) override;

 private:
  struct Stage {
    virtual ~Stage() = default;
    virtual std::unique_ptr<Stage> copy() const = 0;
    virtual Tensor apply(const Tensor& x) const = 0;
    virtual Module* module() = 0;
    /// Becomes a copy of the other, in place; false if that is of another kind.
    virtual bool take(const Stage& other) = 0;
  };
  template <class T>
  struct Holds final : Stage {
    explicit Holds(T t) : held(std::move(t)) {}
    std::unique_ptr<Stage> copy() const override { return std::make_unique<Holds>(held); }
    Tensor apply(const Tensor& x) const override { return held(x); }
    Module* module() override {
      if constexpr (std::derived_from<T, Module>) return &held;
      return nullptr;
    }
    bool take([[maybe_unused]] const Stage& other) override {
      if constexpr (std::copyable<T>) {
        const auto* same = dynamic_cast<const Holds*>(&other);
        if (same != nullptr) held = same->held;
        return same != nullptr;
      } else {
        return false;  // a lambda that captures: it is replaced
      }
    }
    T held;
  };
  std::vector<std::unique_ptr<Stage>> stages_;
};

/// A multi-layer perceptron: Linear layers of these sizes, inputs first, with an activation after
/// each but the last. Parts: layers.0, layers.1, … Throws Error for fewer than two sizes.
class MLP : public Module {
 public:
  MLP(std::span<const std::int64_t> sizes, Op between, Random& random, Precision element = f64);
  MLP(std::initializer_list<std::int64_t> sizes, Op between, Random& random,
      Precision element = f64)
      : MLP(std::span(sizes.begin(), sizes.size()), between, random, element) {}

  Tensor operator()(const Tensor& x) const;
  void parts(Parts& part) override { part("layers", layers); }

  std::vector<Linear> layers;
  Activation activation;
};

/// A table of vectors, looked up by whole numbers: (…) to (…, width). Parameter: weight (rows,
/// width), which begins Gaussian of deviation 1.
class Embedding : public Module {
 public:
  Embedding(std::int64_t rows, std::int64_t width, Random& random, Precision element = f64);

  Tensor operator()(const Tensor& rows) const;
  void parts(Parts& part) override { part("weight", weight); }

  Parameter weight;
};

/// Each vector along the last axis is shifted and scaled to mean 0 and variance 1, and then by what
/// is learned. Parameters: weight (width,), which begins with ones, and bias (width,), with zeros.
/// Ba, Kiros & Hinton 2016.
class LayerNorm : public Module {
 public:
  explicit LayerNorm(std::int64_t width, double eps = 1e-5, Precision element = f64);

  Tensor operator()(const Tensor& x) const;
  void parts(Parts& part) override;

  Parameter weight, bias;
  double eps;  ///< added to the variance
};

/// In training mode each number is 0 with probability `rate`, and else x/(1 − rate); in evaluation
/// mode x. Srivastava et al. 2014.
class Dropout : public Module {
 public:
  /// What is dropped depends on the source's state, of which a stream of its own is made. Throws
  /// Error unless 0 ≤ rate ≤ 1.
  Dropout(double rate, Random& random);

  Tensor operator()(const Tensor& x) const;
  void parts(Parts& part) override { part("random", random); }

  double rate;
  mutable Random random;  ///< goes on with each call
};

}  // namespace chainrule::nn
