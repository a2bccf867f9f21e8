// Optimisers against steps worked out by hand, and against their formulas written out in a loop.
#include "chainrule/nn/optimisers.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/nn/layers.hpp"
#include "chainrule/nn/lbfgs.hpp"
#include "chainrule/nn/schedules.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace chainrule::nn {
namespace {

using Numbers = std::vector<double>;

// f(p) = Σ (a p² / 2 + b p): its gradient is a p + b.
struct Bowl {
  Numbers a = {1.0, 4.0, 0.25}, b = {-1.0, 2.0, 0.5};
  Parameter p{tensor({3.0, -2.0, 1.0})};

  Tensor loss() const {
    const Tensor p_now = p;
    return sum(0.5 * tensor(a) * p_now * p_now + tensor(b) * p_now);
  }
  Numbers gradient_at(const Numbers& at) const {
    Numbers g(at.size());
    for (std::size_t k = 0; k < g.size(); ++k) g[k] = a[k] * at[k] + b[k];
    return g;
  }
  std::vector<ParameterRef> parameters() const { return {p}; }
};

// Runs `steps` steps of an optimiser and of `rule(k, p, g, t)`, which changes p.
void compare(Optimiser& optimiser, const Bowl& bowl, auto rule, int steps = 7) {
  Numbers expected = bowl.p.value().values();
  for (int t = 1; t <= steps; ++t) {
    const Numbers g = bowl.gradient_at(expected);
    for (std::size_t k = 0; k < g.size(); ++k) rule(k, expected[k], g[k], t);
    optimiser.step([&] { return bowl.loss(); });
    for (std::size_t k = 0; k < g.size(); ++k) {
      EXPECT_NEAR(bowl.p.value().values()[k], expected[k], 1e-14) << "step " << t;
    }
  }
}

TEST(SGD, goes_down_the_gradient) {
  const Bowl bowl;
  SGD sgd(bowl.parameters(), {.rate = 0.5});
  // p = (3, −2, 1), g = (2, −6, 0.75).
  EXPECT_EQ(sgd.step([&] { return bowl.loss(); }), 0.5 * (9 + 16 + 0.25) - 3 - 4 + 0.5);
  EXPECT_EQ(bowl.p.value().values(), (Numbers{2, 1, 0.625}));
}

TEST(SGD, momentum_keeps_a_velocity) {
  const Bowl bowl;
  SGD sgd(bowl.parameters(), {.rate = 0.1, .momentum = 0.9, .weight_decay = 0.01});
  Numbers u(3);
  compare(sgd, bowl, [&](std::size_t k, double& p, double g, int) {
    u[k] = 0.9 * u[k] + (g + 0.01 * p);
    p -= 0.1 * u[k];
  });
}

TEST(SGD, nesterov_looks_ahead) {
  const Bowl bowl;
  SGD sgd(bowl.parameters(), {.rate = 0.1, .momentum = 0.9, .kind = Momentum::nesterov});
  Numbers u(3);
  compare(sgd, bowl, [&](std::size_t k, double& p, double g, int) {
    u[k] = 0.9 * u[k] + g;
    p -= 0.1 * (g + 0.9 * u[k]);
  });
}

TEST(Adam, its_first_step_is_the_rate_whatever_the_gradient) {
  const Bowl bowl;
  Adam adam(bowl.parameters(), {.rate = 0.001});
  adam.step([&] { return bowl.loss(); });
  // m̂ = g, v̂ = g²: p − rate·g/(|g| + ε).
  const Numbers p = bowl.p.value().values();
  EXPECT_NEAR(p[0], 3.0 - 0.001 * 2.0 / (2.0 + 1e-8), 1e-15);
  EXPECT_NEAR(p[1], -2.0 + 0.001 * 6.0 / (6.0 + 1e-8), 1e-15);
  EXPECT_NEAR(p[2], 1.0 - 0.001 * 0.75 / (0.75 + 1e-8), 1e-15);
}

TEST(Adam, follows_algorithm_1_of_its_paper) {
  const Bowl bowl;
  Adam adam(bowl.parameters(), {.rate = 0.1, .decay1 = 0.8, .decay2 = 0.95});
  Numbers m(3), v(3);
  compare(adam, bowl, [&](std::size_t k, double& p, double g, int t) {
    m[k] = 0.8 * m[k] + (1 - 0.8) * g;
    v[k] = 0.95 * v[k] + (1 - 0.95) * g * g;
    const double mean = m[k] / (1 - std::pow(0.8, t)), square = v[k] / (1 - std::pow(0.95, t));
    p -= 0.1 * mean / (std::sqrt(square) + 1e-8);
  });
}

TEST(Adam, decays_weights_through_the_gradient) {
  const Bowl bowl;
  Adam adam(bowl.parameters(), {.rate = 0.1, .weight_decay = 0.3});
  Numbers m(3), v(3);
  compare(adam, bowl, [&](std::size_t k, double& p, double gradient, int t) {
    const double g = gradient + 0.3 * p;
    m[k] = 0.9 * m[k] + (1 - 0.9) * g;
    v[k] = 0.999 * v[k] + (1 - 0.999) * g * g;
    const double mean = m[k] / (1 - std::pow(0.9, t)), square = v[k] / (1 - std::pow(0.999, t));
    p -= 0.1 * mean / (std::sqrt(square) + 1e-8);
  });
}

TEST(AdamW, decays_weights_apart_from_the_gradient) {
  const Bowl bowl;
  AdamW adam(bowl.parameters(), {.rate = 0.1, .weight_decay = 0.3});
  Numbers m(3), v(3);
  compare(adam, bowl, [&](std::size_t k, double& p, double g, int t) {
    m[k] = 0.9 * m[k] + (1 - 0.9) * g;
    v[k] = 0.999 * v[k] + (1 - 0.999) * g * g;
    const double mean = m[k] / (1 - std::pow(0.9, t)), square = v[k] / (1 - std::pow(0.999, t));
    p -= 0.1 * (mean / (std::sqrt(square) + 1e-8) + 0.3 * p);
  });
  EXPECT_EQ(AdamW(bowl.parameters()).options.weight_decay, 0.01);
}

TEST(RMSProp, divides_by_a_running_root_of_squares) {
  const Bowl bowl;
  RMSProp rmsprop(bowl.parameters(), {.rate = 0.1, .decay = 0.9, .momentum = 0.5});
  Numbers u(3), v(3);
  compare(rmsprop, bowl, [&](std::size_t k, double& p, double g, int) {
    v[k] = 0.9 * v[k] + (1 - 0.9) * g * g;
    u[k] = 0.5 * u[k] + g / (std::sqrt(v[k]) + 1e-8);
    p -= 0.1 * u[k];
  });
}

TEST(Optimiser, steps_are_the_same_in_long_parameters_and_in_floats) {
  // 10,001 numbers: several blocks, the last of them odd.
  const std::int64_t n = 10'001;
  Random random(3);
  const Tensor first = randn({n}, random, f32), g = randn({n}, random, f32);
  const Parameter p(first);
  SGD sgd(std::vector<ParameterRef>{p}, {.rate = 0.25, .momentum = 0.5});
  sgd.step(std::vector<Tensor>{g});
  sgd.step(std::vector<Tensor>{g});
  const auto now = p.value().span<float>();
  for (std::size_t k = 0; k < now.size(); ++k) {
    const float gk = g.span<float>()[k], once = first.span<float>()[k] - 0.25f * gk;
    ASSERT_EQ(now[k], once - 0.25f * (0.5f * gk + gk)) << k;
  }
}

TEST(Optimiser, a_step_leaves_what_is_recorded_as_it_was) {
  const Frame frame = Tape::active().frame();
  const Bowl bowl;
  const Tensor loss = bowl.loss(), leaf = bowl.p;
  SGD sgd(bowl.parameters(), {.rate = 0.5});
  sgd.step(loss);
  EXPECT_EQ(bowl.p.value().values(), (Numbers{2, 1, 0.625}));
  EXPECT_EQ(leaf.values(), (Numbers{3, -2, 1}));
  EXPECT_EQ(gradient(loss, {leaf})[0].values(), (Numbers{2, -6, 0.75}));
}

TEST(Optimiser, a_copy_of_a_parameter_is_not_stepped) {
  const Bowl bowl;
  const Parameter copy = bowl.p;
  SGD(bowl.parameters(), {.rate = 0.5}).step([&] { return bowl.loss(); });
  EXPECT_EQ(copy.value().values(), (Numbers{3, -2, 1}));
}

template <class Rule>
void resume(const auto& options) {
  const Bowl bowl, other;
  Rule rule(bowl.parameters(), options);
  for (int k = 0; k < 3; ++k) rule.step([&] { return bowl.loss(); });
  rule.rate *= 0.5;
  Rule resumed(other.parameters(), options);
  resumed.load_state(rule.state());
  other.p.assign(bowl.p.value());
  for (int k = 0; k < 3; ++k) {
    rule.step([&] { return bowl.loss(); });
    resumed.step([&] { return other.loss(); });
  }
  EXPECT_EQ(other.p.value().values(), bowl.p.value().values());
  EXPECT_EQ(resumed.steps(), 6);
}

TEST(Optimiser, what_is_resumed_goes_on_bit_for_bit) {
  resume<SGD>(SGDOptions{.rate = 0.1, .momentum = 0.9});
  resume<Adam>(AdamOptions{.rate = 0.1});
  resume<AdamW>(AdamWOptions{.rate = 0.1});
  resume<RMSProp>(RMSPropOptions{.rate = 0.1, .momentum = 0.2});
}

TEST(Optimiser, refuses_what_does_not_fit) {
  const Bowl bowl;
  Adam adam(bowl.parameters());
  EXPECT_THROW(adam.step(std::vector<Tensor>{}), Error);
  EXPECT_THROW(adam.step(std::vector<Tensor>{zeros({4})}), Error);
  EXPECT_THROW(adam.step(std::vector<Tensor>{zeros({3}, f32)}), Error);
  StateDict state = adam.state();
  state[2].second = zeros({7});
  EXPECT_THROW(adam.load_state(state), Error);
  EXPECT_THROW(adam.load_state(SGD(bowl.parameters()).state()), Error);
  bowl.p.mode(Mode::evaluation);
  EXPECT_THROW(adam.step([&] { return bowl.loss(); }), Error);
}

TEST(Optimiser, refuses_parameters_whose_owner_is_gone) {
  auto bowl = std::make_unique<Bowl>();
  SGD sgd(bowl->parameters());
  bowl.reset();
  EXPECT_THROW(sgd.step(std::vector<Tensor>{zeros({3})}), Error);
}

// ---- clipping ---------------------------------------------------------------------------------

TEST(Clip, by_norm_scales_all_gradients_alike) {
  std::vector<Tensor> gradients = {tensor({3, 0}), tensor({{-4}}, f32)};
  EXPECT_EQ(clip_norm(gradients, 10.0), 5);
  EXPECT_EQ(gradients[0].values(), (Numbers{3, 0}));
  EXPECT_EQ(clip_norm(gradients, 2.5), 5);
  EXPECT_EQ(gradients[0].values(), (Numbers{1.5, 0}));
  EXPECT_EQ(gradients[1].values(), (Numbers{-2}));
  EXPECT_EQ(gradients[1].element(), f32);
}

TEST(Clip, by_value_bounds_each_number) {
  std::vector<Tensor> gradients = {tensor({3, -0.5, -7})};
  clip_value(gradients, 2.0);
  EXPECT_EQ(gradients[0].values(), (Numbers{2, -0.5, -2}));
}

TEST(Clip, an_optimiser_clips_before_it_steps) {
  const Bowl bowl;  // g = (2, −6, 0.75)
  SGD sgd(bowl.parameters(), {.rate = 1.0});
  sgd.clip.value = 1.0;
  sgd.step([&] { return bowl.loss(); });
  EXPECT_EQ(bowl.p.value().values(), (Numbers{2, -1, 0.25}));
}

// ---- schedules --------------------------------------------------------------------------------

TEST(Schedule, has_the_rates_that_its_formula_gives) {
  EXPECT_EQ(constant_rate(0.5)(1000), 0.5);
  const Schedule halved = stepped(1.0, 10, 0.5);
  EXPECT_EQ(halved(9), 1.0);
  EXPECT_EQ(halved(10), 0.5);
  EXPECT_EQ(halved(35), 0.125);
  EXPECT_NEAR(exponential(2.0, 0.9)(3), 2.0 * 0.729, 1e-15);
  const Schedule wave = cosine(1.0, 100, 0.2);
  EXPECT_EQ(wave(0), 1.0);
  EXPECT_NEAR(wave(50), 0.6, 1e-15);
  EXPECT_NEAR(wave(25), 0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2, 1e-15);
  EXPECT_EQ(wave(100), 0.2);
  EXPECT_EQ(wave(1000), 0.2);
  EXPECT_THROW(cosine(1.0, 0), Error);
}

TEST(Schedule, warms_up_evenly_and_counts_from_there) {
  const Schedule rate = stepped(1.0, 10, 0.5).after_warm_up(4);
  EXPECT_EQ(rate(0), 0.25);
  EXPECT_EQ(rate(3), 1.0);
  EXPECT_EQ(rate(13), 1.0);
  EXPECT_EQ(rate(14), 0.5);
}

// ---- L-BFGS -----------------------------------------------------------------------------------

// Rosenbrock 1960: the minimum is 0 at (1, 1).
constexpr auto kRosenbrock = [](const auto& x) {
  const auto a = x[1] - x[0] * x[0], b = 1.0 - x[0];
  return 100.0 * a * a + b * b;
};

TEST(LBFGS, finds_the_minimum_of_rosenbrock_by_numbers) {
  const Minimum found = minimise(kRosenbrock, {-1.2, 1.0}, {.gradient_tolerance = 1e-12});
  EXPECT_EQ(name_of(found.outcome), "converged");
  EXPECT_NEAR(found.x[0], 1.0, 1e-10);
  EXPECT_NEAR(found.x[1], 1.0, 1e-10);
  EXPECT_LT(found.evaluations, 100);
}

TEST(LBFGS, takes_gradients_that_are_given) {
  // x₀⁴ + Σ cosh(xᵢ − i): convex, the gradient written by hand.
  const auto f = [](std::span<const double> x, std::span<double> g) {
    double sum = 0;
    for (std::size_t i = 1; i < x.size(); ++i) {
      sum += std::cosh(x[i] - static_cast<double>(i));
      g[i] = std::sinh(x[i] - static_cast<double>(i));
    }
    g[0] = 4 * x[0] * x[0] * x[0];
    return sum + x[0] * x[0] * x[0] * x[0];
  };
  const Minimum found = minimise(f, Numbers(12, 1.5));
  EXPECT_EQ(name_of(found.outcome), "converged");
  for (std::size_t i = 1; i < 12; ++i) EXPECT_NEAR(found.x[i], static_cast<double>(i), 1e-7);
  EXPECT_NEAR(found.value, 11.0, 1e-12);
}

TEST(LBFGS, keeps_out_of_where_the_function_is_not_defined) {
  // −log x + x: NaN for x < 0, which the first long steps from 10 would reach.
  const Minimum found = minimise([](const auto& x) { return x[0] - log(x[0]); }, {10.0});
  EXPECT_NEAR(found.x[0], 1.0, 1e-8);
}

TEST(LBFGS, finds_the_minimum_of_rosenbrock_by_tensors) {
  struct Point : Module {
    Parameter x{tensor({-1.2, 1.0})};
    void parts(Parts& part) override { part("x", x); }
  };
  const Point point;
  LBFGS lbfgs(point.parameters(), {.gradient_tolerance = 1e-12});
  const auto loss = [&] {
    const Tensor x = point.x;
    const Tensor x0 = sum(x * tensor({1.0, 0.0})), x1 = sum(x * tensor({0.0, 1.0}));
    return 100.0 * pow(x1 - x0 * x0, 2.0) + pow(1.0 - x0, 2.0);
  };
  double value = 1;
  for (int k = 0; k < 100 && lbfgs.outcome() == Outcome::running; ++k) value = lbfgs.step(loss);
  EXPECT_EQ(name_of(lbfgs.outcome()), "converged");
  EXPECT_LT(value, 1e-20);
  EXPECT_NEAR(point.x.value().values()[0], 1.0, 1e-10);
  EXPECT_NEAR(point.x.value().values()[1], 1.0, 1e-10);
}

TEST(LBFGS, what_is_resumed_goes_on_bit_for_bit) {
  for (const Precision element : {f64, f32}) {
    const Parameter p(tensor({-1.2, 1.0}, element)), other(tensor({0.0, 0.0}, element));
    const auto loss_of = [](const Parameter& of) {
      return [&of] {
        const Tensor x = of;
        return sum(cosh(x - 0.7) + 0.3 * sin(3.0 * x) + x * x * x * x);
      };
    };
    LBFGS lbfgs(std::vector<ParameterRef>{p}), resumed(std::vector<ParameterRef>{other});
    for (int k = 0; k < 3; ++k) lbfgs.step(loss_of(p));
    resumed.load_state(lbfgs.state());
    other.assign(p.value());
    for (int k = 0; k < 3; ++k) {
      EXPECT_EQ(lbfgs.step(loss_of(p)), resumed.step(loss_of(other)));
    }
    EXPECT_EQ(p.value().values(), other.value().values());
  }
}

TEST(LBFGS, says_that_a_wrong_gradient_leads_nowhere) {
  const auto wrong = [](std::span<const double> x, std::span<double> g) {
    g[0] = -2 * x[0];
    return x[0] * x[0];
  };
  EXPECT_EQ(name_of(minimise(wrong, {3.0}).outcome), "stalled");
}

TEST(Optimisers, refuse_a_loss_that_depends_on_nothing_and_rates_that_are_none) {
  const Parameter p(tensor({1.0, 2.0}));
  const std::vector<ParameterRef> all{p};
  SGD sgd(all);
  EXPECT_THROW(sgd.step([] { return sum(ones({2})); }), Error);
  EXPECT_THROW(SGD(all, {.rate = -1}), Error);
  EXPECT_THROW(Adam(all, {.rate = std::nan("")}), Error);
  EXPECT_THROW(Adam(all, {.decay1 = 1.5}), Error);
}

}  // namespace
}  // namespace chainrule::nn
