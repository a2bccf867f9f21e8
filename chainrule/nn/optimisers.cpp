#include "chainrule/nn/optimisers.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <string>

#include "chainrule/base/text.hpp"
#include "chainrule/emit/kernel.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/pass_internal.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace chainrule::nn {

// ---- a rule, compiled -------------------------------------------------------------------------

// A pass over a parameter, all of it in place (where nobody else holds the numbers).
class Optimiser::Rule {
 public:
  explicit Rule(Function f) : f_(std::move(f)) {}

  void run(std::span<const double> settings, Tensor& p, const Tensor& g,
           std::span<Tensor> state) const {
    if (p.element() == f32) {
      run_as<float>(settings, p, g, state);
    } else {
      run_as<double>(settings, p, g, state);
    }
  }

 private:
  static constexpr std::size_t kMostStates = 2;

  const Kernel& kernel(Precision element) const {
    const auto place = static_cast<std::size_t>(element);
    std::call_once(once_[place], [&] {
      kernels_[place] = std::make_unique<Kernel>(
          compile(f_, {.arithmetic = Arithmetic::strict, .lanes = element}));
    });
    return *kernels_[place];
  }

  template <class T>
  void run_as(std::span<const double> its_settings, Tensor& p, const Tensor& g,
              std::span<Tensor> state) const {
    // After the rule's own settings the least normal number: see normal().
    std::vector<T> settings(its_settings.begin(), its_settings.end());
    settings.push_back(std::numeric_limits<T>::min());
    BasicSource<T> sources[3 + kMostStates];
    BasicSink<T> sinks[1 + kMostStates];
    const auto update = [&](std::size_t source, std::size_t sink, Tensor& t) {
      const std::span<T> own = t.writable<T>();
      sources[source] = {.data = own.data(), .size = own.size(), .stride = 1};
      sinks[sink] = {.data = own.data(), .size = own.size(), .count = 1, .stride = 1};
    };
    const std::span<const T> from_g = g.span<T>();
    sources[0] = {.data = settings.data(), .size = settings.size(), .stride = 0};
    sources[2] = {.data = from_g.data(), .size = from_g.size(), .stride = 1};
    update(1, 0, p);
    for (std::size_t k = 0; k < state.size(); ++k) update(3 + k, 1 + k, state[k]);
    kernel(p.element())
        .run(std::span<const BasicSource<T>>(sources, 3 + state.size()),
             std::span<const BasicSink<T>>(sinks, 1 + state.size()), from_g.size(),
             threads_worth_elements(g.size()));
  }

  Function f_;
  mutable std::once_flag once_[2];
  mutable std::unique_ptr<Kernel> kernels_[2];
};

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
  if (!(first_rate >= 0) || !std::isfinite(first_rate)) {
    fail("optimiser", "a rate of " + shortest(first_rate) + ": it is finite and not below 0");
  }
  for (const ParameterRef& parameter : parameters_) {
    for (std::size_t k = 0; k < state_names_.size(); ++k) {
      states_.push_back(zeros(parameter.value().shape(), parameter.value().element()));
    }
  }
}

double Optimiser::differentiate(const Tensor& loss, std::vector<Tensor>& gradients) const {
  if (!loss.is_recorded()) {
    fail("step", "the loss depends on nothing that is recorded: on no parameter in training mode");
  }
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

void Optimiser::step(std::span<const Tensor> gradients) {
  require_fit(gradients);
  std::vector<Tensor> clipped;
  if (std::isfinite(clip.value) || std::isfinite(clip.norm)) {
    clipped.assign(gradients.begin(), gradients.end());
    if (std::isfinite(clip.value)) clip_value(clipped, clip.value);
    if (std::isfinite(clip.norm)) clip_norm(clipped, clip.norm);
    gradients = clipped;
  }
  ++steps_;
  const std::vector<double> now = settings();
  const std::size_t count = state_names_.size();
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    rule().run(now, parameters_[k].numbers(), contiguous(gradients[k].detached()),
               std::span(states_).subspan(k * count, count));
  }
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
using Settings = std::vector<Scalar>;
using Numbers = std::vector<double>;

// State that decays goes to 0 instead of staying subnormal, where processors take a hundred times
// as long. (It is below 1e-37 of floats, 1e-307 of doubles.)
Scalar normal(const Settings& s, const Scalar& x) { return select(abs(x) < s.back(), 0.0, x); }
}  // namespace

SGD::SGD(std::span<const ParameterRef> parameters, const SGDOptions& its_options)
    : Optimiser(parameters, its_options.rate,
                its_options.momentum == 0 ? std::vector<std::string_view>{}
                                          : std::vector<std::string_view>{"velocity"}),
      options(its_options) {}

Numbers SGD::settings() const {
  const bool is_nesterov = options.kind == Momentum::nesterov;
  // p − rate (ahead·u + now·g): of classical momentum u alone, of Nesterov's g + μ u.
  return {rate, options.weight_decay, options.momentum, is_nesterov ? options.momentum : 1.0,
          is_nesterov ? 1.0 : 0.0};
}

const Optimiser::Rule& SGD::rule() const {
  if (!has_state()) {
    if (options.momentum != 0) {
      fail("step", "the momentum was 0 when this SGD was made: it keeps no velocity");
    }
    static const Rule plain(record([](const Settings& s, Scalar p,
                                      Scalar gradient) { return p - s[0] * (gradient + s[1] * p); },
                                   Numbers(6, 0.5), 0.5, 0.5));
    return plain;
  }
  static const Rule rule(record(
      [](const Settings& s, Scalar p, Scalar gradient, Scalar velocity) {
        const Scalar g = gradient + s[1] * p;
        const Scalar u = normal(s, s[2] * velocity + g);
        return std::vector<Scalar>{p - s[0] * (s[3] * u + s[4] * g), u};
      },
      Numbers(6, 0.5), 0.5, 0.5, 0.5));
  return rule;
}

Adam::Adam(std::span<const ParameterRef> parameters, const AdamOptions& its_options)
    : Optimiser(parameters, its_options.rate, {"mean", "square"}), options(its_options) {
  for (const double decay : {options.decay1, options.decay2}) {
    if (!(decay >= 0 && decay < 1)) {
      fail("Adam", "a decay of " + shortest(decay) + ": it is at least 0 and below 1");
    }
  }
}

Numbers Adam::settings() const {
  const auto t = static_cast<double>(steps());
  return {rate / (1.0 - std::pow(options.decay1, t)),
          1.0 / (1.0 - std::pow(options.decay2, t)),
          options.epsilon,
          options.decay1,
          1.0 - options.decay1,
          options.decay2,
          1.0 - options.decay2,
          options.weight_decay,
          1.0};
}

AdamW::AdamW(std::span<const ParameterRef> parameters, const AdamWOptions& its_options)
    : Adam(parameters, {its_options.rate, its_options.decay1, its_options.decay2,
                        its_options.epsilon, its_options.weight_decay}) {}

Numbers AdamW::settings() const {
  const double kept = 1.0 - rate * options.weight_decay;
  Numbers settings = Adam::settings();
  settings[7] = 0.0;
  settings[8] = kept;
  return settings;
}

const Optimiser::Rule& Adam::rule() const {
  static const Rule rule(record(
      [](const Settings& s, Scalar p, Scalar gradient, Scalar mean, Scalar square) {
        const Scalar g = gradient + s[7] * p;
        const Scalar m = normal(s, s[3] * mean + s[4] * g);
        const Scalar v = normal(s, s[5] * square + s[6] * (g * g));
        return std::vector<Scalar>{s[8] * p - s[0] * m / (sqrt(v * s[1]) + s[2]), m, v};
      },
      Numbers(10, 0.5), 0.5, 0.5, 0.5, 0.5));
  return rule;
}

RMSProp::RMSProp(std::span<const ParameterRef> parameters, const RMSPropOptions& its_options)
    : Optimiser(parameters, its_options.rate, {"square", "velocity"}), options(its_options) {}

Numbers RMSProp::settings() const {
  return {rate,
          options.weight_decay,
          options.decay,
          1.0 - options.decay,
          options.epsilon,
          options.momentum};
}

const Optimiser::Rule& RMSProp::rule() const {
  static const Rule rule(record(
      [](const Settings& s, Scalar p, Scalar gradient, Scalar square, Scalar velocity) {
        const Scalar g = gradient + s[1] * p;
        const Scalar v = normal(s, s[2] * square + s[3] * (g * g));
        const Scalar u = normal(s, s[5] * velocity + g / (sqrt(v) + s[4]));
        return std::vector<Scalar>{p - s[0] * u, v, u};
      },
      Numbers(7, 0.5), 0.5, 0.5, 0.5, 0.5));
  return rule;
}

}  // namespace chainrule::nn
