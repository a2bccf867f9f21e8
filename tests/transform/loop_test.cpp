// Loops as blocks, against the same code written out.
#include "tests/transform/loops.hpp"

namespace chainrule {
namespace {

using namespace test;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// ---- values -----------------------------------------------------------------------------------

TEST(Loop, map_gives_what_the_body_gives_for_each_element) {
  const Function f = record(
      [](const Scalars& xs, Scalar w) { return map([w](Scalar x) { return tanh(w * x); }, xs); },
      shape(3), 2.0);
  const Vector out = f(Vector{0.1, -0.5, 2.0}, 1.5);
  EXPECT_EQ(out, (Vector{std::tanh(1.5 * 0.1), std::tanh(1.5 * -0.5), std::tanh(1.5 * 2.0)}));
}

TEST(Loop, fold_is_horners_rule) {
  const auto horner = [](const Scalars& cs, Scalar x) {
    return fold([x](Scalar p, Scalar c) { return p * x + c; }, 0.0, cs);
  };
  const Function f = record(horner, shape(4), 2.0);
  // 3x³ + 2x² − x + 5, its slope 9x² + 4x − 1, its curvature 18x + 4.
  EXPECT_DOUBLE_EQ(f(Vector{3, 2, -1, 5}, 2.0)[0], 35.0);
  EXPECT_DOUBLE_EQ(grad(f, 1)(Vector{3, 2, -1, 5}, 2.0)[0], 43.0);
  EXPECT_DOUBLE_EQ(hessian(f, 1)(Vector{3, 2, -1, 5}, 2.0)[0], 40.0);
  EXPECT_DOUBLE_EQ(grad(hessian(f, 1), 1)(Vector{3, 2, -1, 5}, 2.0)[0], 18.0);
}

TEST(Loop, sum_over_adds_the_bodies_of_all_steps) {
  const Scalars xs = {variable(1.0), variable(2.0), variable(3.0)};
  const Scalar s = sum_over([](Scalar x) { return x * x; }, xs);
  EXPECT_EQ(s.value(), 14.0);
  EXPECT_EQ(gradient(s, xs), (Vector{2, 4, 6}));
}

TEST(Loop, scan_gives_the_last_carry_and_every_step) {
  const auto [last, partial] = scan(
      [](Scalar sum, Scalar x) {
        const Scalar next = sum + x;
        return std::pair(next, next * next);
      },
      1.0, Scalars{variable(1.0), 2.0, 3.0});
  EXPECT_EQ(last.value(), 7.0);
  ASSERT_EQ(partial.size(), 3u);
  EXPECT_EQ(partial[0].value(), 4.0);
  EXPECT_EQ(partial[2].value(), 49.0);
}

TEST(Loop, of_a_number_of_steps_knows_the_step) {
  const Scalar x = variable(0.7);
  // Σ xᵗ t: with and without the step's number.
  const Scalar y = fold(
      4, [x](Scalar sum, Scalar t) { return sum + t * pow(x, t); }, 0.0);
  EXPECT_DOUBLE_EQ(y.value(), 0.7 + 2 * 0.49 + 3 * 0.343);
  EXPECT_DOUBLE_EQ(gradient(y, {x})[0], 1 + 4 * 0.7 + 9 * 0.49);
  const Scalar root = fold(
      6, [x](Scalar r) { return 0.5 * (r + x / r); }, 1.0);
  EXPECT_DOUBLE_EQ(root.value(), std::sqrt(0.7));
  EXPECT_DOUBLE_EQ(gradient(root, {x})[0], 0.5 / std::sqrt(0.7));
}

TEST(Loop, of_plain_numbers_records_nothing) {
  const std::size_t before = Tape::active().size();
  const Scalar s =
      sum_over([](Scalar x, Scalar y) { return x * y; }, Vector{1, 2, 3}, Vector{4, 5, 6});
  EXPECT_TRUE(s.is_number());
  EXPECT_EQ(s.value(), 32.0);
  const auto scanned =
      scan([](Scalar c, Scalar x) { return std::pair(c * x, c); }, 1.0, Vector{2, 3});
  EXPECT_EQ(scanned.carry.value(), 6.0);
  EXPECT_EQ(scanned.ys[1].value(), 2.0);
  EXPECT_EQ(Tape::active().size(), before);
}

// ---- derivatives ------------------------------------------------------------------------------

TEST(Loop, map_has_the_derivatives_of_the_code_written_out) {
  expect_same(
      [](const Scalars& v) {
        const Scalar w = v[0];
        const Scalars ys = map([w](Scalar x) { return sin(w * x) * x; }, std::span(v).subspan(1));
        return ys[0] * ys[1] + exp(ys[2]);
      },
      [](const Scalars& v) {
        const auto y = [&](std::size_t k) { return sin(v[0] * v[k]) * v[k]; };
        return y(1) * y(2) + exp(y(3));
      },
      {0.7, 0.3, -1.2, 0.4, 5.0});
}

TEST(Loop, sum_over_has_the_derivatives_of_the_code_written_out) {
  expect_same(
      [](const Scalars& v) {
        const Scalar w = v[0], bias = v[1];
        return sum_over([=](Scalar x) { return log(1.0 + exp(w * x + bias)); },
                        std::span(v).subspan(2)) *
               w;
      },
      [](const Scalars& v) {
        Scalar sum = 0.0;
        for (std::size_t k = 2; k < v.size(); ++k) sum += log(1.0 + exp(v[0] * v[k] + v[1]));
        return sum * v[0];
      },
      {0.7, 0.3, -1.2, 0.4, 5.0});
}

TEST(Loop, fold_has_the_derivatives_of_the_code_written_out) {
  expect_same(
      [](const Scalars& v) {
        const Scalar w = v[0];
        return fold([w](Scalar c, Scalar x) { return tanh(w * c + x) + c * x; }, v[1],
                    std::span(v).subspan(2));
      },
      [](const Scalars& v) {
        Scalar c = v[1];
        for (std::size_t k = 2; k < v.size(); ++k) c = tanh(v[0] * c + v[k]) + c * v[k];
        return c;
      },
      {0.7, 0.3, -1.2, 0.4, 0.6});
}

TEST(Loop, scan_of_a_recurrent_net_has_the_derivatives_of_the_code_written_out) {
  using State = std::array<Scalar, 2>;
  const auto step = [](const Scalars& v, const State& h, const Scalar& x) {
    return State{tanh(v[0] * h[0] + v[1] * h[1] + v[2] * x), tanh(v[3] * h[0] - v[1] * x + v[4])};
  };
  expect_same(
      [step](const Scalars& v) {
        const auto [h, ys] = scan(
            [step, v](const State& before, const Scalar& x) {
              const State after = step(v, before, x);
              return std::pair(after, after[0] * v[5] + after[1]);
            },
            State{0.1, v[6]}, std::span(v).subspan(5));
        Scalar loss = 0.0;
        for (const Scalar& y : ys) loss += y * y;
        return loss;
      },
      [step](const Scalars& v) {
        State h = {0.1, v[6]};
        Scalar loss = 0.0;
        for (std::size_t k = 5; k < v.size(); ++k) {
          h = step(v, h, v[k]);
          const Scalar y = h[0] * v[5] + h[1];
          loss += y * y;
        }
        return loss;
      },
      random_numbers(10, 3));
}

template <class S>
struct Component {
  S weight;
  std::array<S, 2> mean;
  S precision;
};
template <class S>
auto fields(Component<S>& c) {
  return std::tie(c.weight, c.mean, c.precision);
}

std::vector<Component<Scalar>> components_of(const Scalars& v) {
  std::vector<Component<Scalar>> components;
  for (std::size_t k = 0; k + 4 <= v.size(); k += 4)
    components.push_back({v[k], {v[k + 1], v[k + 2]}, v[k + 3]});
  return components;
}

// log Σ_k exp(w_k − e^{q_k} |x − m_k|² / 2), shifted by the largest term.
Scalar log_density(const Component<Scalar>& c, const std::array<double, 2>& x) {
  const Scalar u = c.mean[0] - x[0], v = c.mean[1] - x[1];
  return c.weight - 0.5 * exp(c.precision) * (u * u + v * v);
}

TEST(Loop, a_mixture_has_the_derivatives_of_the_code_written_out) {
  const std::vector<std::array<double, 2>> points = {{0.3, -0.2}, {1.1, 0.4}, {-0.6, 0.9}};
  expect_same(
      [points](const Scalars& v) {
        const auto components = components_of(v);
        return sum_over(
            [components](const std::array<Scalar, 2>& x) {
              const Scalars terms = map(
                  [x](const Component<Scalar>& c) {
                    const Scalar a = c.mean[0] - x[0], b = c.mean[1] - x[1];
                    return c.weight - 0.5 * exp(c.precision) * (a * a + b * b);
                  },
                  components);
              const Scalar top =
                  fold([](Scalar m, Scalar t) { return max(m, t); }, terms[0], terms);
              return top + log(sum_over([top](Scalar t) { return exp(t - top); }, terms));
            },
            points);
      },
      [points](const Scalars& v) {
        Scalar total = 0.0;
        for (const auto& x : points) {
          Scalars terms;
          for (const auto& c : components_of(v)) terms.push_back(log_density(c, x));
          Scalar top = terms[0];
          for (const Scalar& t : terms) top = max(top, t);
          Scalar sum = 0.0;
          for (const Scalar& t : terms) sum += exp(t - top);
          total += top + log(sum);
        }
        return total;
      },
      random_numbers(12, 7));
}

TEST(Loop, gradient_agrees_with_central_differences) {
  const Function f = record(
      [](const Scalars& v) {
        const Scalar w = v[0];
        return fold([w](Scalar c, Scalar x) { return sin(c * w) + exp(-x * c); }, v[1],
                    std::span(v).subspan(2));
      },
      shape(6));
  const Vector x = random_numbers(6, 11), slopes = grad(f)(x);
  const double h = std::cbrt(std::numeric_limits<double>::epsilon());
  for (std::size_t k = 0; k < x.size(); ++k) {
    Vector above = x, below = x;
    above[k] += h;
    below[k] -= h;
    EXPECT_NEAR(slopes[k], (f(above)[0] - f(below)[0]) / (2 * h), 100 * h * h);
  }
}

TEST(Loop, sums_of_structures_come_in_their_shape) {
  const Scalars xs = {variable(1.0), variable(2.0), variable(4.0)};
  const auto moments = sum_over([](Scalar x) { return std::array<Scalar, 3>{1.0, x, x * x}; }, xs);
  EXPECT_EQ(moments[0].value(), 3.0);
  EXPECT_EQ(moments[1].value(), 7.0);
  EXPECT_EQ(moments[2].value(), 21.0);
  expect_close(gradient(moments[2] - moments[1] * moments[1] / moments[0], xs),
               {2 - 14.0 / 3, 4 - 14.0 / 3, 8 - 14.0 / 3});
}

TEST(Loop, loops_nest) {
  expect_same(
      [](const Scalars& v) {
        const Scalar w = v[0];
        const auto inner = [w, v](Scalar c, Scalar x) {
          return sum_over([=](Scalar y) { return sin(y * x + w * c); }, v);
        };
        return fold(inner, v[1], std::span(v).first(3));
      },
      [](const Scalars& v) {
        Scalar c = v[1];
        for (std::size_t k = 0; k < 3; ++k) {
          Scalar sum = 0.0;
          for (const Scalar& y : v) sum += sin(y * v[k] + v[0] * c);
          c = sum;
        }
        return c;
      },
      random_numbers(5, 13));
}

TEST(Loop, steps_may_share_a_node_with_each_other_and_with_the_captures) {
  expect_same(
      [](const Scalars& v) {
        const Scalar x = v[0];
        return fold([x](Scalar c, Scalar y) { return c * y + x * y * y; }, x, Scalars{x, v[1], x});
      },
      [](const Scalars& v) {
        Scalar c = v[0];
        for (const Scalar& y : {v[0], v[1], v[0]}) c = c * y + v[0] * y * y;
        return c;
      },
      {0.6, -1.3});
}

TEST(Loop, a_carry_may_swap_and_skip_its_numbers) {
  // Fibonacci-like: what arrives at each number changes from step to step.
  using Three = std::array<Scalar, 3>;
  const auto step = [](const Three& c, const Scalar& x) {
    return Three{c[1], c[2], sqrt(c[0] * c[0] + 1.0) * x};
  };
  expect_same(
      [step](const Scalars& v) {
        return fold(step, Three{v[0], v[1], v[2]}, std::span(v).subspan(3))[1];
      },
      [step](const Scalars& v) {
        Three c = {v[0], v[1], v[2]};
        for (std::size_t k = 3; k < v.size(); ++k) c = step(c, v[k]);
        return c[1];
      },
      random_numbers(7, 17));
}

// ---- what is not reached ----------------------------------------------------------------------

TEST(Loop, an_untaken_side_of_a_select_contributes_nothing) {
  const auto body = [](Scalar x) { return select(x > 0.0, sqrt(x), x); };
  const Scalars xs = {variable(-4.0), variable(4.0)};
  EXPECT_EQ(gradient(sum_over(body, xs), xs), (Vector{1, 0.25}));
  const Function f = record([=](const Scalars& v) { return sum_over(body, v); }, shape(2));
  EXPECT_EQ(grad(f)(Vector{-4, 4}), (Vector{1, 0.25}));
  EXPECT_EQ(hessian(f)(Vector{-4, 4}), (Vector{0, 0, 0, -1.0 / 32}));
}

TEST(Loop, what_a_later_step_does_not_take_multiplies_no_infinite_slope) {
  // The last step takes x, so that nothing arrives at sqrt(0), one step before.
  const auto step = [](const Scalar& c, const Scalar& x) { return select(x > 0.0, x, sqrt(c)); };
  expect_same([step](const Scalars& v) { return fold(step, v[0], std::span(v).subspan(1)); },
              [step](const Scalars& v) {
                Scalar c = v[0];
                for (std::size_t k = 1; k < v.size(); ++k) c = step(c, v[k]);
                return c;
              },
              {0.0, -1.0, 3.0});
}

TEST(Loop, a_step_whose_result_is_not_used_multiplies_no_infinite_slope) {
  const Scalars xs = {variable(0.0), variable(4.0)};
  const Scalars roots = map([](Scalar x) { return sqrt(x); }, xs);
  EXPECT_EQ(gradient(roots[1], xs), (Vector{0, 0.25}));
  EXPECT_EQ(reach(roots[1], xs[0]), Reach::cut);
  EXPECT_EQ(gradient(roots[0], xs), (Vector{kInfinity, 0}));
  const Function f = record(
      [](const Scalars& v) { return map([](Scalar x) { return sqrt(x); }, v)[1]; }, shape(2));
  EXPECT_EQ(grad(f)(Vector{0, 4}), (Vector{0, 0.25}));
}

TEST(Loop, a_part_of_the_last_carry_that_is_not_used_multiplies_no_infinite_slope) {
  using Two = std::array<Scalar, 2>;
  const auto step = [](const Two& c, const Scalar& x) { return Two{c[0] + c[1] * x, sqrt(c[1])}; };
  expect_same(
      [step](const Scalars& v) {
        return fold(step, Two{v[0], v[1]}, std::span(v).subspan(2))[0];
      },
      [step](const Scalars& v) {
        Two c = {v[0], v[1]};
        for (std::size_t k = 2; k < v.size(); ++k) c = step(c, v[k]);
        return c[0];
      },
      {1.0, 0.0, 2.0});
}

TEST(Loop, an_input_that_the_body_ignores_is_not_reached) {
  const Scalar x = variable(2.0), unused = variable(3.0), w = variable(4.0);
  const Scalar y =
      fold([w](Scalar c, std::array<Scalar, 2> row) { return c * row[0] + floor(w) * 1.0; }, x,
           std::vector<std::array<Scalar, 2>>{{x, unused}, {x, unused}});
  EXPECT_EQ(reach(y, x), Reach::reached);
  EXPECT_EQ(reach(y, unused), Reach::cut);
  EXPECT_EQ(reach(y, w), Reach::cut);
  EXPECT_EQ(gradient(y, {x, unused, w}), (Vector{3 * 4 + 4, 0, 0}));
}

TEST(Loop, nan_that_arrives_is_kept) {
  const Scalars xs = {variable(-1.0), variable(4.0)};
  const Vector slopes = gradient(sum_over([](Scalar x) { return sqrt(x); }, xs), xs);
  EXPECT_TRUE(std::isnan(slopes[0]));
  EXPECT_EQ(slopes[1], 0.25);
}

}  // namespace
}  // namespace chainrule
