#include "chainrule/nn/optimisers.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace chainrule::nn {

// ---- gradients --------------------------------------------------------------------------------

namespace {

template <class T>
double sum_of_squares(const Tensor& t) {
  double sum = 0;
  for (const T x : t.span<T>()) sum += static_cast<double>(x) * static_cast<double>(x);
  return sum;
}

}  // namespace

double norm_of(std::span<const Tensor> gradients) {
  double sum = 0;
  for (const Tensor& g : gradients) {
    const Tensor plain = contiguous(g.detached());
    sum += g.element() == f32 ? sum_of_squares<float>(plain) : sum_of_squares<double>(plain);
  }
  return std::sqrt(sum);
}

double clip_norm(std::span<Tensor> gradients, double most) {
  const double norm = norm_of(gradients);
  if (norm > most) {
    for (Tensor& g : gradients) g = g.detached() * (most / norm);
  }
  return norm;
}

void clip_value(std::span<Tensor> gradients, double most) {
  for (Tensor& g : gradients) g = max(min(g.detached(), most), -most);
}

// ---- optimiser --------------------------------------------------------------------------------

Optimiser::Optimiser(std::span<const ParameterRef> parameters, double first_rate,
                     std::vector<std::string_view> state_names)
    : rate(first_rate),
      parameters_(parameters.begin(), parameters.end()),
      state_names_(std::move(state_names)) {
  for (const ParameterRef& parameter : parameters_) {
    for (std::size_t k = 0; k < state_names_.size(); ++k) {
      states_.push_back(zeros(parameter.value().shape(), parameter.value().element()));
    }
  }
}

double Optimiser::differentiate(const Tensor& loss, std::vector<Tensor>& gradients) const {
  std::vector<Tensor> leaves;
  leaves.reserve(parameters_.size());
  for (const ParameterRef& parameter : parameters_) {
    if (parameter.mode() == Mode::evaluation) {
      fail("step", "a parameter of type " + to_string(parameter.value().type()) +
                       " is in evaluation mode: no derivative arrives at it");
    }
    leaves.push_back(parameter.tensor());
  }
  gradients = gradient(loss, leaves);
  return loss.detached().item();
}

double Optimiser::step(const Tensor& loss) {
  std::vector<Tensor> gradients;
  const double value = differentiate(loss, gradients);
  step(gradients);
  return value;
}

void Optimiser::require_fit(std::span<const Tensor> gradients) const {
  if (gradients.size() != parameters_.size()) {
    fail("step", std::to_string(gradients.size()) + " gradients for " +
                     std::to_string(parameters_.size()) + " parameters");
  }
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    const TensorType type = parameters_[k].value().type();
    if (gradients[k].type() != type) {
      fail("step", "a gradient of type " + to_string(gradients[k].type()) + " for parameter " +
                       std::to_string(k) + ", which is " + to_string(type));
    }
    if (!state_names_.empty() && states_[k * state_names_.size()].type() != type) {
      fail("step", "parameter " + std::to_string(k) + " has become " + to_string(type) +
                       " since the optimiser was made");
    }
    if (!parameters_[k].is_owned()) {
      fail("step", "the owner of parameter " + std::to_string(k) + ", " + to_string(type) +
                       ", was destroyed or replaced: make an optimiser of the parameters that "
                       "are there now");
    }
  }
}

namespace {

// The numbers of a parameter, ours alone unless a copy or the tape has them too; put back at the
// end, come what may.
struct Taken {
  explicit Taken(const ParameterRef& its_parameter)
      : parameter(its_parameter), numbers(parameter.take()) {}
  ~Taken() { parameter.put(std::move(numbers)); }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;

  const ParameterRef& parameter;
  Tensor numbers;
};

}  // namespace

void Optimiser::step(std::span<const Tensor> gradients) { update(gradients, Memory::fresh); }

void Optimiser::update(std::span<const Tensor> gradients, Memory memory) {
  require_fit(gradients);
  std::vector<Tensor> clipped;
  if (std::isfinite(clip.value) || std::isfinite(clip.norm)) {
    clipped.assign(gradients.begin(), gradients.end());
    if (std::isfinite(clip.value)) clip_value(clipped, clip.value);
    if (std::isfinite(clip.norm)) clip_norm(clipped, clip.norm);
    gradients = clipped;
  }
  ++steps_;
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    const Tensor gradient = contiguous(gradients[k]);
    if (gradient.element() == f32) {
      update_one<float>(k, gradient, memory);
    } else {
      update_one<double>(k, gradient, memory);
    }
  }
}

template <class T>
void Optimiser::update_one(std::size_t k, const Tensor& gradient, Memory memory) {
  Taken p(parameters_[k]);
  Tensor fresh = memory == Memory::fresh ? empty_like(p.numbers) : TensorAccess::nothing();
  Tensor& target = memory == Memory::fresh ? fresh : p.numbers;
  T* const to = target.writable<T>().data();
  Pass<T> pass{
      p.numbers.span<T>().data(), to, gradient.span<T>().data(), {}, gradient.span<T>().size()};
  const std::size_t count = state_names_.size();
  for (std::size_t j = 0; j < count; ++j) {
    pass.state[j] = states_[k * count + j].writable<T>().data();
  }
  run(pass);
  if (memory == Memory::fresh) p.numbers = std::move(fresh);
}

// ---- state ------------------------------------------------------------------------------------

StateDict Optimiser::state() const {
  StateDict state;
  state.emplace_back("steps", full({}, static_cast<double>(steps_)));
  state.emplace_back("rate", full({}, rate));
  for (std::size_t k = 0; k < states_.size(); ++k) {
    const std::size_t parameter = k / state_names_.size();
    const std::string_view name = state_names_[k % state_names_.size()];
    state.emplace_back(std::to_string(parameter) + '.' + std::string(name), states_[k]);
  }
  return state;
}

void Optimiser::load_state(std::span<const NamedTensor> state) {
  const StateDict own = this->state();
  std::vector<const Tensor*> found;
  for (const auto& [name, numbers] : own) {
    const auto at = std::ranges::find(state, name, &NamedTensor::first);
    if (at == state.end()) fail("load_state", "the state of an optimiser lacks " + name);
    if (at->second.type() != numbers.type()) {
      fail("load_state",
           name + " is " + to_string(numbers.type()) + " and got " + to_string(at->second.type()));
    }
    found.push_back(&at->second);
  }
  if (own.size() != state.size()) {
    fail("load_state", "the state has " + std::to_string(state.size()) +
                           " tensors, that of this optimiser " + std::to_string(own.size()));
  }
  steps_ = static_cast<std::int64_t>(found[0]->item());
  rate = found[1]->item();
  for (std::size_t k = 0; k < states_.size(); ++k) states_[k] = contiguous(*found[2 + k]);
}

// ---- rules ------------------------------------------------------------------------------------

namespace {

// p' = rule(p, g, state…) for each number. Pointers that share nothing let the compiler take
// several numbers at once.
template <class T, class Rule>
void in_place(T* __restrict p, const T* __restrict g, T* __restrict a, T* __restrict b,
              std::size_t n, const Rule& rule) {
  for (std::size_t i = 0; i < n; ++i) {
    if constexpr (std::is_invocable_v<Rule, T, T>) p[i] = rule(p[i], g[i]);
    if constexpr (std::is_invocable_v<Rule, T, T, T&>) p[i] = rule(p[i], g[i], a[i]);
    if constexpr (std::is_invocable_v<Rule, T, T, T&, T&>) p[i] = rule(p[i], g[i], a[i], b[i]);
  }
}
template <class T, class Rule>
void to_fresh(const T* __restrict p, T* __restrict to, const T* __restrict g, T* __restrict a,
              T* __restrict b, std::size_t n, const Rule& rule) {
  for (std::size_t i = 0; i < n; ++i) {
    if constexpr (std::is_invocable_v<Rule, T, T>) to[i] = rule(p[i], g[i]);
    if constexpr (std::is_invocable_v<Rule, T, T, T&>) to[i] = rule(p[i], g[i], a[i]);
    if constexpr (std::is_invocable_v<Rule, T, T, T&, T&>) to[i] = rule(p[i], g[i], a[i], b[i]);
  }
}
constexpr auto each_number = [](const auto& pass, const auto& rule) {
  if (pass.to == pass.from) {
    in_place(pass.to, pass.g, pass.state[0], pass.state[1], pass.n, rule);
  } else {
    to_fresh(pass.from, pass.to, pass.g, pass.state[0], pass.state[1], pass.n, rule);
  }
};

template <class Pass>
using NumberOf = std::remove_pointer_t<decltype(Pass::to)>;

}  // namespace

SGD::SGD(std::span<const ParameterRef> parameters, const SGDOptions& its_options)
    : Optimiser(parameters, its_options.rate,
                its_options.momentum == 0.0 ? std::vector<std::string_view>{}
                                            : std::vector<std::string_view>{"velocity"}),
      options(its_options) {}

namespace {

constexpr auto sgd = [](const auto& pass, const SGDOptions& options, double its_rate) {
  using T = NumberOf<std::remove_cvref_t<decltype(pass)>>;
  const T rate = static_cast<T>(its_rate), decay = static_cast<T>(options.weight_decay);
  const T momentum = static_cast<T>(options.momentum);
  if (options.momentum == 0.0) {
    return each_number(pass, [=](T p, T g) { return p - rate * (g + decay * p); });
  }
  switch (options.kind) {
    case Momentum::classical:
      return each_number(pass, [=](T p, T g, T& u) {
        u = momentum * u + (g + decay * p);
        return p - rate * u;
      });
    case Momentum::nesterov:
      return each_number(pass, [=](T p, T gradient, T& u) {
        const T g = gradient + decay * p;
        u = momentum * u + g;
        return p - rate * (g + momentum * u);
      });
  }
};

}  // namespace

void SGD::run(const Pass<double>& pass) const { sgd(pass, options, rate); }
void SGD::run(const Pass<float>& pass) const { sgd(pass, options, rate); }

Adam::Adam(std::span<const ParameterRef> parameters, const AdamOptions& its_options)
    : Optimiser(parameters, its_options.rate, {"mean", "square"}), options(its_options) {}

AdamW::AdamW(std::span<const ParameterRef> parameters, const AdamWOptions& its_options)
    : Adam(parameters, {its_options.rate, its_options.decay1, its_options.decay2,
                        its_options.epsilon, its_options.weight_decay}) {}

namespace {

// The corrections 1/(1 − βᵗ) are the same for all numbers: that of m goes into the rate.
struct AdamStep {
  double rate, square_scale, epsilon, decay1, decay2, added, kept;
};
constexpr auto adam = [](const auto& pass, const AdamStep& step) {
  using T = NumberOf<std::remove_cvref_t<decltype(pass)>>;
  const T rate = static_cast<T>(step.rate), scale = static_cast<T>(step.square_scale);
  const T epsilon = static_cast<T>(step.epsilon), added = static_cast<T>(step.added);
  const T kept = static_cast<T>(step.kept);
  const T of_mean = static_cast<T>(step.decay1), of_g = static_cast<T>(1.0 - step.decay1);
  const T of_square = static_cast<T>(step.decay2), of_gg = static_cast<T>(1.0 - step.decay2);
  each_number(pass, [=](T p, T gradient, T& m, T& v) {
    const T g = gradient + added * p;
    m = of_mean * m + of_g * g;
    v = of_square * v + of_gg * (g * g);
    return kept * p - rate * m / (std::sqrt(v * scale) + epsilon);
  });
};

AdamStep adam_step(const AdamOptions& options, double rate, std::int64_t steps, double added,
                   double kept) {
  const auto t = static_cast<double>(steps);
  return {.rate = rate / (1.0 - std::pow(options.decay1, t)),
          .square_scale = 1.0 / (1.0 - std::pow(options.decay2, t)),
          .epsilon = options.epsilon,
          .decay1 = options.decay1,
          .decay2 = options.decay2,
          .added = added,
          .kept = kept};
}

}  // namespace

void Adam::run(const Pass<double>& pass) const {
  adam(pass, adam_step(options, rate, steps(), added_weight(), kept_weight()));
}
void Adam::run(const Pass<float>& pass) const {
  adam(pass, adam_step(options, rate, steps(), added_weight(), kept_weight()));
}

RMSProp::RMSProp(std::span<const ParameterRef> parameters, const RMSPropOptions& its_options)
    : Optimiser(parameters, its_options.rate, {"square", "velocity"}), options(its_options) {}

namespace {

constexpr auto rmsprop = [](const auto& pass, const RMSPropOptions& options, double its_rate) {
  using T = NumberOf<std::remove_cvref_t<decltype(pass)>>;
  const T rate = static_cast<T>(its_rate), added = static_cast<T>(options.weight_decay);
  const T of_square = static_cast<T>(options.decay), of_gg = static_cast<T>(1.0 - options.decay);
  const T epsilon = static_cast<T>(options.epsilon), momentum = static_cast<T>(options.momentum);
  each_number(pass, [=](T p, T gradient, T& v, T& u) {
    const T g = gradient + added * p;
    v = of_square * v + of_gg * (g * g);
    u = momentum * u + g / (std::sqrt(v) + epsilon);
    return p - rate * u;
  });
};

}  // namespace

void RMSProp::run(const Pass<double>& pass) const { rmsprop(pass, options, rate); }
void RMSProp::run(const Pass<float>& pass) const { rmsprop(pass, options, rate); }

}  // namespace chainrule::nn
