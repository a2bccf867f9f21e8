#include "chainrule/nn/lbfgs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace chainrule::nn {

namespace {

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

double largest(std::span<const double> a) {
  double most = 0;
  for (const double x : a) most = std::isnan(x) ? x : std::max(most, std::abs(x));
  return most;
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::running: return "running";
    case Outcome::converged: return "converged";
    case Outcome::stalled: return "stalled";
    case Outcome::most_steps: return "most steps";
  }
  __builtin_unreachable();
}

// ---- the direction ----------------------------------------------------------------------------

// −H g by two loops over the pairs; H starts as (sᵀy/yᵀy) I of the newest. Nocedal & Wright 2006,
// algorithm 7.4 and eq. 7.20.
std::vector<double> LBFGSSearch::direction() const {
  std::vector<double> q = g_;
  std::vector<double> a(pairs_.size());
  for (std::size_t k = pairs_.size(); k-- > 0;) {
    const auto& [s, y, rho] = pairs_[k];
    a[k] = rho * dot(s, q);
    for (std::size_t i = 0; i < q.size(); ++i) q[i] -= a[k] * y[i];
  }
  if (!pairs_.empty()) {
    const auto& [s, y, rho] = pairs_.back();
    const double scale = 1.0 / (rho * dot(y, y));
    for (double& x : q) x *= scale;
  }
  for (std::size_t k = 0; k < pairs_.size(); ++k) {
    const auto& [s, y, rho] = pairs_[k];
    const double b = rho * dot(y, q);
    for (std::size_t i = 0; i < q.size(); ++i) q[i] += (a[k] - b) * s[i];
  }
  for (double& x : q) x = -x;
  return q;
}

// A pair without positive curvature would spoil H, which must stay positive definite.
void LBFGSSearch::remember(std::span<const double> s, std::span<const double> y) {
  const double curvature = dot(s, y);
  if (!(curvature > std::numeric_limits<double>::epsilon() * dot(y, y))) return;
  if (pairs_.size() == options.memory && !pairs_.empty()) pairs_.erase(pairs_.begin());
  if (options.memory == 0) return;
  pairs_.push_back({{s.begin(), s.end()}, {y.begin(), y.end()}, 1.0 / curvature});
}

// ---- the line search --------------------------------------------------------------------------

// Leaves the point and its gradient in trial_x_ and trial_g_.
LBFGSSearch::Trial LBFGSSearch::evaluate(const Objective& f, std::span<const double> x,
                                         std::span<const double> p, double alpha) {
  ++evaluations_;
  for (std::size_t k = 0; k < x.size(); ++k) trial_x_[k] = x[k] + alpha * p[k];
  const double value = f(trial_x_, trial_g_);
  return {alpha, value, dot(trial_g_, p)};
}

namespace {

// The minimum of the cubic through two values and slopes (Nocedal & Wright 2006, eq. 3.59), kept
// away from both ends by a tenth of the interval; the middle where there is none.
double cubic_minimum(double a, double fa, double ga, double b, double fb, double gb) {
  const double d1 = ga + gb - 3.0 * (fa - fb) / (a - b);
  const double square = d1 * d1 - ga * gb;
  const double low = std::min(a, b), high = std::max(a, b), margin = 0.1 * (high - low);
  const double middle = 0.5 * (a + b);
  if (!(square >= 0.0)) return middle;
  const double d2 = std::copysign(std::sqrt(square), b - a);
  const double best = b - (b - a) * (gb + d2 - d1) / (gb - ga + 2.0 * d2);
  return std::isfinite(best) ? std::clamp(best, low + margin, high - margin) : middle;
}

}  // namespace

// Algorithm 3.6: `low` has the lowest value so far of those with enough decrease, and its slope
// points to `high`.
bool LBFGSSearch::zoom(const Objective& f, std::span<const double> x, std::span<const double> p,
                       const Trial& start, Trial low, Trial high, int evaluations_left,
                       Trial& found) {
  while (evaluations_left-- > 0 && low.alpha != high.alpha) {
    const bool is_known = std::isfinite(high.value) && std::isfinite(high.slope);
    const double alpha = is_known ? cubic_minimum(low.alpha, low.value, low.slope, high.alpha,
                                                  high.value, high.slope)
                                  : 0.5 * (low.alpha + high.alpha);
    const Trial trial = evaluate(f, x, p, alpha);
    const double bound = start.value + options.decrease * alpha * start.slope;
    if (!(trial.value <= bound) || !(trial.value < low.value)) {
      high = trial;
      continue;
    }
    if (std::abs(trial.slope) <= -options.curvature * start.slope) {
      found = trial;
      return true;
    }
    if (trial.slope * (high.alpha - low.alpha) >= 0.0) high = low;
    low = trial;
  }
  // No step satisfies both conditions as far as rounding lets us see: a lower value is enough.
  if (low.alpha == 0.0 || !(low.value < start.value)) return false;
  found = evaluate(f, x, p, low.alpha);
  return true;
}

// Algorithm 3.5: steps grow until an interval is known that holds a good one.
bool LBFGSSearch::search_line(const Objective& f, std::span<const double> x,
                              std::span<const double> p, double first, Trial& found) {
  const Trial start{0.0, value_, dot(g_, p)};
  if (!(start.slope < 0.0)) return false;
  Trial before = start;
  double alpha = first;
  for (int left = options.most_evaluations; left > 0; --left) {
    const Trial trial = evaluate(f, x, p, alpha);
    const double bound = start.value + options.decrease * alpha * start.slope;
    if (!(trial.value <= bound) || (before.alpha > 0.0 && trial.value >= before.value)) {
      return zoom(f, x, p, start, before, trial, left - 1, found);
    }
    if (std::abs(trial.slope) <= -options.curvature * start.slope) {
      found = trial;
      return true;
    }
    if (!(trial.slope < 0.0)) return zoom(f, x, p, start, trial, before, left - 1, found);
    before = trial;
    alpha *= 2.0;
  }
  found = evaluate(f, x, p, before.alpha);
  return before.alpha > 0.0;
}

// ---- steps ------------------------------------------------------------------------------------

Outcome LBFGSSearch::step(const Objective& f, std::span<double> x) {
  trial_x_.resize(x.size());
  trial_g_.resize(x.size());
  if (!has_gradient_ || g_.size() != x.size()) {
    restart();
    g_.assign(x.size(), 0.0);
    value_ = f(x, g_);
    ++evaluations_;
    has_gradient_ = true;
  }
  if (largest(g_) <= options.gradient_tolerance) return Outcome::converged;
  if (!std::isfinite(value_) || !std::isfinite(largest(g_))) {
    fail("lbfgs", "the value or the gradient is not finite where the search begins");
  }
  std::vector<double> p = direction();
  if (!(dot(p, g_) < 0.0)) {  // rounding errors in H: begin again with steepest descent
    pairs_.clear();
    p = direction();
  }
  // Without curvature the gradient's length says nothing of the step's.
  double sum = 0;
  for (const double d : g_) sum += std::abs(d);
  Trial found{};
  bool is_found = search_line(f, x, p, pairs_.empty() ? std::min(1.0, 1.0 / sum) : 1.0, found);
  if (!is_found && !pairs_.empty()) {
    pairs_.clear();
    p = direction();
    is_found = search_line(f, x, p, std::min(1.0, 1.0 / sum), found);
  }
  if (!is_found) return Outcome::stalled;
  std::vector<double> s(x.size()), y(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    s[k] = trial_x_[k] - x[k];
    y[k] = trial_g_[k] - g_[k];
  }
  remember(s, y);
  std::ranges::copy(trial_x_, x.begin());
  std::swap(g_, trial_g_);
  value_ = found.value;
  ++steps_;
  return largest(g_) <= options.gradient_tolerance ? Outcome::converged : Outcome::running;
}

Outcome LBFGSSearch::minimise(const Objective& f, std::span<double> x) {
  for (std::int64_t k = 0; k < options.most_steps; ++k) {
    const Outcome outcome = step(f, x);
    if (outcome != Outcome::running) return outcome;
  }
  return Outcome::most_steps;
}

void LBFGSSearch::restart() {
  pairs_.clear();
  has_gradient_ = false;
}

// ---- state ------------------------------------------------------------------------------------

StateDict LBFGSSearch::state() const {
  StateDict state;
  const std::vector<double> numbers = {static_cast<double>(steps_),
                                       static_cast<double>(evaluations_), value_,
                                       has_gradient_ ? 1.0 : 0.0};
  state.emplace_back("numbers", tensor(numbers));
  state.emplace_back("gradient", tensor(g_));
  for (std::size_t k = 0; k < pairs_.size(); ++k) {
    const std::string path = "pairs." + std::to_string(k);
    state.emplace_back(path + ".s", tensor(pairs_[k].s));
    state.emplace_back(path + ".y", tensor(pairs_[k].y));
  }
  return state;
}

void LBFGSSearch::load_state(std::span<const NamedTensor> state) {
  const auto numbers_of = [&](const std::string& name) {
    const auto at = std::ranges::find(state, name, &NamedTensor::first);
    if (at == state.end()) fail("load_state", "the state of a search lacks " + name);
    return at->second.values();
  };
  const std::vector<double> numbers = numbers_of("numbers");
  if (numbers.size() != 4) fail("load_state", "this is not the state of a search by L-BFGS");
  LBFGSSearch loaded(options);
  loaded.g_ = numbers_of("gradient");
  for (std::size_t k = 0; 2 * k + 2 < state.size(); ++k) {
    const std::string path = "pairs." + std::to_string(k);
    std::vector<double> s = numbers_of(path + ".s"), y = numbers_of(path + ".y");
    if (s.size() != loaded.g_.size() || y.size() != s.size()) {
      fail("load_state", path + " has " + std::to_string(s.size()) + " and " +
                             std::to_string(y.size()) + " numbers, the gradient " +
                             std::to_string(loaded.g_.size()));
    }
    const double curvature = dot(s, y);
    loaded.pairs_.push_back({std::move(s), std::move(y), 1.0 / curvature});
  }
  loaded.steps_ = static_cast<std::int64_t>(numbers[0]);
  loaded.evaluations_ = static_cast<std::int64_t>(numbers[1]);
  loaded.value_ = numbers[2];
  loaded.has_gradient_ = numbers[3] != 0.0;
  *this = std::move(loaded);
}

// ---- over the parameters of a net -------------------------------------------------------------

namespace {

std::span<double> next_of(std::span<double>& rest, const Tensor& t) {
  const std::span<double> part = rest.first(static_cast<std::size_t>(t.size()));
  rest = rest.subspan(part.size());
  return part;
}

}  // namespace

// Where someone else has changed a parameter, what is known of the gradient is of another point.
void LBFGS::read_parameters() {
  std::vector<double> x;
  bool is_ours = true;
  for (const ParameterRef& parameter : parameters_) {
    if (!parameter.is_owned()) {
      fail("lbfgs", "the owner of a parameter of type " + to_string(parameter.value().type()) +
                        " was destroyed or replaced");
    }
    const bool is_float = parameter.value().element() == f32;
    for (const double number : parameter.value().values()) {
      const double own = x.size() < x_.size() ? x_[x.size()] : 0.0;
      is_ours =
          is_ours && (is_float ? static_cast<double>(static_cast<float>(own)) : own) == number;
      x.push_back(number);
    }
  }
  if (is_ours && x.size() == x_.size()) return;
  x_ = std::move(x);
  search_.restart();
}

double LBFGS::take_step(const Objective& f) {
  read_parameters();
  outcome_ = search_.step(f, x_);
  assign(x_);
  return search_.value();
}

StateDict LBFGS::state() const {
  StateDict state = search_.state();
  state.emplace_back("x", tensor(x_));
  return state;
}

void LBFGS::load_state(std::span<const NamedTensor> state) {
  if (state.empty() || state.back().first != "x") {
    fail("load_state", "this is not the state of L-BFGS over parameters");
  }
  search_.load_state(state.first(state.size() - 1));
  x_ = state.back().second.values();
}

void LBFGS::assign(std::span<const double> x) const {
  for (const ParameterRef& parameter : parameters_) {
    const auto size = static_cast<std::size_t>(parameter.value().size());
    const Tensor part = tensor(x.first(size), parameter.value().shape());
    parameter.assign(cast(part, parameter.value().element()));
    x = x.subspan(size);
  }
}

double LBFGS::differentiate(const Tensor& loss, std::span<double> g) const {
  std::vector<Tensor> leaves;
  for (const ParameterRef& parameter : parameters_) leaves.push_back(parameter.tensor());
  for (const Tensor& slope : gradient(loss, leaves)) {
    std::ranges::copy(slope.values(), next_of(g, slope).begin());
  }
  return loss.detached().item();
}

}  // namespace chainrule::nn
