// Module: a net, or a part of one: named parameters, and parts that are Modules themselves.
//
// A Module is an ordinary value: its parts are members, and one function says what they are called.
// So it is copied (a snapshot), moved and kept in containers as any struct is, and nothing points
// into it.
//
//   struct Net : nn::Module {
//     nn::Linear hidden, out;
//     explicit Net(Random& random) : hidden(2, 16, random), out(16, 1, random) {}
//     void parts(nn::Parts& part) override { part("hidden", hidden); part("out", out); }
//     Tensor operator()(const Tensor& x) const { return out(tanh(hidden(x))); }
//   };
//
// Its parameters are then hidden.weight, hidden.bias, out.weight and out.bias, in this order.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "chainrule/nn/parameter.hpp"
#include "chainrule/tensor/random.hpp"

namespace chainrule::nn {

class Module;

using NamedTensor = std::pair<std::string, Tensor>;
using StateDict = std::vector<NamedTensor>;

/// What a Module consists of, by dotted paths, in the order in which parts() names it.
class Parts {
 public:
  void operator()(std::string_view name, const Parameter& parameter);
  void operator()(std::string_view name, Module& module);
  /// A source of random numbers: what it has come to is part of a checkpoint.
  void operator()(std::string_view name, Random& random);
  template <class Part>
  void operator()(std::string_view name, std::optional<Part>& part) {
    if (part) (*this)(name, *part);
  }
  /// name.0, name.1, …
  template <class Part>
  void operator()(std::string_view name, std::vector<Part>& parts) {
    for (std::size_t k = 0; k < parts.size(); ++k) (*this)(numbered(name, k), parts[k]);
  }

  template <class T>
  using Named = std::vector<std::pair<std::string, T>>;
  Named<ParameterRef> parameters;  ///< one that occurs twice stands where it comes first
  Named<Module*> modules;
  Named<Random*> randoms;

 private:
  static std::string numbered(std::string_view name, std::size_t k);
  std::string path_to(std::string_view name) const;
  std::string path_;
};

class Module {
 public:
  virtual ~Module() = default;

  /// Calls part(name, member) for every part. Names have no dots; no two parts share one.
  virtual void parts(Parts& part) = 0;
  Parts all_parts() const;

  /// In the order of parts().
  std::vector<ParameterRef> parameters() const;
  Parts::Named<ParameterRef> named_parameters() const;
  /// parameters() as formulas read them: what to differentiate by.
  std::vector<Tensor> leaves() const;
  /// How many numbers are learned.
  std::int64_t parameter_count() const;

  Mode mode() const { return mode_; }
  /// Of this Module and of all its parts.
  void mode(Mode mode);
  /// Converts all parameters. Optimisers made before then refuse their next step.
  void to(Precision element);

  /// The parameters' names and numbers.
  StateDict state_dict() const;
  /// Takes the numbers of a state_dict. Throws one Error that names every parameter that is missing
  /// or unexpected, or differs in shape or element type; then nothing has changed.
  void load_state_dict(std::span<const NamedTensor> state);

 protected:
  Module() = default;
  Module(const Module&) = default;
  Module(Module&&) = default;
  Module& operator=(const Module&) = default;
  Module& operator=(Module&&) = default;

 private:
  Mode mode_ = Mode::training;
};

}  // namespace chainrule::nn
