// Sparse matrices against dense ones, on structures whose patterns and colours are known.
#include "chainrule/transform/sparse.hpp"

#include <gtest/gtest.h>

#include <Eigen/Sparse>
#include <memory>
#include <numeric>

#include "chainrule/tape/block.hpp"

namespace chainrule {
namespace {

using Scalars = std::vector<Scalar>;
using Entries = std::vector<std::pair<int, int>>;

Scalars inputs(std::size_t n) {
  Scalars xs;
  for (std::size_t i = 0; i < n; ++i) xs.push_back(variable(0.5 + 0.01 * static_cast<double>(i)));
  return xs;
}

Entries entries_of(const SparsityPattern& pattern) {
  Entries entries;
  for (int i = 0; i < pattern.rows; ++i) {
    for (const int j : pattern.row(static_cast<std::size_t>(i))) entries.push_back({i, j});
  }
  return entries;
}

std::vector<double> dense_of(const SparseMatrix& m) {
  std::vector<double> all(static_cast<std::size_t>(m.rows) * static_cast<std::size_t>(m.columns));
  std::size_t e = 0;
  for (const auto& [i, j] : entries_of(m)) {
    all[static_cast<std::size_t>(i) * static_cast<std::size_t>(m.columns) +
        static_cast<std::size_t>(j)] = m.values[e++];
  }
  return all;
}

void expect_same(const std::vector<double>& sparse, const std::vector<double>& dense) {
  ASSERT_EQ(sparse.size(), dense.size());
  for (std::size_t k = 0; k < dense.size(); ++k) {
    EXPECT_NEAR(sparse[k], dense[k], 1e-13 * (1 + std::abs(dense[k]))) << "entry " << k;
  }
}

SparseMatrix expect_jacobian(const Scalars& ys, const Scalars& xs) {
  const SparseMatrix sparse = sparse_jacobian(ys, xs);
  EXPECT_EQ(static_cast<const SparsityPattern&>(sparse), jacobian_pattern(ys, xs));
  expect_same(dense_of(sparse),
              jacobian(std::span<const Scalar>(ys), std::span<const Scalar>(xs)).entries);
  return sparse;
}

SparseMatrix expect_hessian(const Scalar& y, const Scalars& xs) {
  const SparseMatrix sparse = sparse_hessian(y, xs);
  EXPECT_EQ(static_cast<const SparsityPattern&>(sparse), hessian_pattern(y, xs));
  expect_same(dense_of(sparse), hessian(y, xs));
  return sparse;
}

// ---- structures -------------------------------------------------------------------------------

constexpr std::size_t kSize = 40;

template <class S>
S chain_energy(const std::vector<S>& x) {
  S sum = x[0] * x[0];
  for (std::size_t i = 0; i + 1 < x.size(); ++i) sum += exp(x[i] * x[i + 1]) + sin(x[i + 1]);
  return sum;
}

template <class S>
S arrow_energy(const std::vector<S>& x) {
  S sum = x[0] * x[0];
  for (std::size_t i = 1; i < x.size(); ++i) sum += sin(x[0] * x[i]);
  return sum;
}

TEST(SparseHessian, of_a_chain_is_tridiagonal_and_takes_at_most_3_colours) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(kSize);
  const SparseMatrix h = expect_hessian(chain_energy(xs), xs);
  EXPECT_EQ(h.nonzeros(), 3 * static_cast<int>(kSize) - 2);
  EXPECT_LE(h.colours, 3);
}

TEST(SparseHessian, of_an_arrow_takes_2_colours) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(kSize);
  const SparseMatrix h = expect_hessian(arrow_energy(xs), xs);
  EXPECT_EQ(h.nonzeros(), 3 * static_cast<int>(kSize) - 2);
  EXPECT_EQ(h.colours, 2);
}

TEST(SparseHessian, of_an_arrow_whose_hub_comes_last_takes_2_colours) {
  const Frame frame = Tape::active().frame();
  Scalars xs = inputs(kSize);
  const Scalar y = arrow_energy(xs);
  std::swap(xs.front(), xs.back());
  EXPECT_EQ(expect_hessian(y, xs).colours, 2);
}

TEST(SparseHessian, with_two_hubs_that_do_not_meet_takes_3_colours) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(kSize);
  Scalar y = 0;
  for (std::size_t i = 2; i < kSize; ++i) y += exp(xs[0] * xs[i]) + exp(xs[1] - xs[i]);
  const SparseMatrix h = expect_hessian(y, xs);
  EXPECT_EQ(h.colours, 3);
}

TEST(SparseHessian, of_a_separable_function_is_diagonal_and_takes_1_colour) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(kSize);
  Scalar y = 0;
  for (const Scalar& x : xs) y += x * sin(x);
  const SparseMatrix h = expect_hessian(y, xs);
  EXPECT_EQ(h.nonzeros(), static_cast<int>(kSize));
  EXPECT_EQ(h.colours, 1);
}

TEST(SparseHessian, of_blocks_takes_as_many_colours_as_a_block_is_wide) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(kSize);
  Scalar y = 0;
  for (std::size_t i = 0; i < kSize; i += 4) y += exp(xs[i] + xs[i + 1] * xs[i + 2] + xs[i + 3]);
  const SparseMatrix h = expect_hessian(y, xs);
  EXPECT_EQ(h.nonzeros(), 4 * static_cast<int>(kSize));
  EXPECT_EQ(h.colours, 4);
}

TEST(SparseHessian, that_is_dense_takes_a_colour_for_each_input) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(kSize);
  Scalar sum = 0;
  for (const Scalar& x : xs) sum += x;
  const SparseMatrix h = expect_hessian(log(sum), xs);
  EXPECT_EQ(h.nonzeros(), static_cast<int>(kSize * kSize));
  EXPECT_EQ(h.colours, static_cast<int>(kSize));
}

TEST(SparseHessian, of_a_piecewise_linear_function_is_empty_and_takes_no_sweep) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(4);
  const Scalar y =
      relu(2.0 * xs[0] - xs[1]) + max(xs[2], abs(xs[3])) + select(xs[0] > 1, 3.0, xs[1]);
  const SparseMatrix h = expect_hessian(y, xs);
  EXPECT_EQ(h.nonzeros(), 0);
  EXPECT_EQ(h.colours, 0);
  EXPECT_EQ(h.row_starts, std::vector<int>(5, 0));
}

TEST(SparseHessian, is_symmetric_to_the_last_bit) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(kSize);
  const std::vector<double> h = dense_of(sparse_hessian(chain_energy(xs) / arrow_energy(xs), xs));
  for (std::size_t i = 0; i < kSize; ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_EQ(h[i * kSize + j], h[j * kSize + i]);
  }
}

TEST(SparseHessian, knows_that_a_product_is_bilinear_and_a_quotient_linear_above) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(2);
  EXPECT_EQ(entries_of(hessian_pattern(xs[0] * xs[1], xs)), (Entries{{0, 1}, {1, 0}}));
  EXPECT_EQ(entries_of(hessian_pattern(xs[0] / xs[1], xs)), (Entries{{0, 1}, {1, 0}, {1, 1}}));
  EXPECT_EQ(entries_of(hessian_pattern(3.0 * xs[0] - xs[1] / 2.0, xs)), Entries{});
  EXPECT_EQ(entries_of(hessian_pattern(2.0 / xs[0], xs)), (Entries{{0, 0}}));
  EXPECT_EQ(entries_of(hessian_pattern(xs[0] * xs[0], xs)), (Entries{{0, 0}}));
  EXPECT_EQ(entries_of(hessian_pattern(fma(xs[0], xs[1], xs[1]), xs)), (Entries{{0, 1}, {1, 0}}));
  EXPECT_EQ(entries_of(hessian_pattern(copysign(xs[0], xs[1]), xs)), Entries{});
}

TEST(SparseHessian, leaves_out_what_only_decides) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(3);
  const Scalar y = select(xs[0] * xs[1] > 0.1, exp(xs[2]), xs[0]) + stop_gradient(xs[0] * xs[0]);
  EXPECT_EQ(entries_of(expect_hessian(y, xs)), (Entries{{2, 2}}));
}

TEST(SparseHessian, holds_both_sides_of_a_select_so_that_it_is_right_on_each) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(3);
  const Scalar y = select(xs[0] > 0.0, xs[1] * xs[1], xs[2] * xs[2]);
  const SparseMatrix h = expect_hessian(y, xs);
  EXPECT_EQ(entries_of(h), (Entries{{1, 1}, {2, 2}}));
  EXPECT_EQ(h.values, (std::vector<double>{2, 0}));
}

TEST(SparseHessian, an_infinite_slope_spoils_no_column_but_its_own) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = {variable(0.0), variable(2.0), variable(3.0)};
  const Scalar y = sqrt(xs[0]) * xs[1] + xs[1] * xs[1] * xs[2];
  const std::vector<double> h = hessian(y, xs), s = dense_of(sparse_hessian(y, xs));
  EXPECT_EQ(h[4], 6.0);
  EXPECT_EQ(h[5], 4.0);
  EXPECT_EQ(h[1], std::numeric_limits<double>::infinity());
  for (const std::size_t e : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u}) EXPECT_EQ(s[e], h[e]) << e;
}

TEST(SparseJacobian, of_a_stencil_is_tridiagonal_and_takes_3_colours) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(kSize);
  Scalars ys;
  for (std::size_t i = 1; i + 1 < kSize; ++i) ys.push_back(xs[i - 1] * xs[i] - sin(xs[i + 1]));
  const SparseMatrix j = expect_jacobian(ys, xs);
  EXPECT_EQ(j.nonzeros(), 3 * static_cast<int>(kSize - 2));
  EXPECT_EQ(j.colours, 3);
}

TEST(SparseJacobian, of_an_arrow_goes_both_ways_and_takes_3_colours) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(kSize);
  Scalar sum = xs[0];
  Scalars ys;
  for (std::size_t i = 1; i < kSize; ++i) {
    ys.push_back(xs[0] / xs[i]);
    sum += exp(xs[i]);
  }
  ys.push_back(sum);
  const SparseMatrix j = expect_jacobian(ys, xs);
  EXPECT_EQ(j.nonzeros(), 3 * static_cast<int>(kSize) - 2);
  EXPECT_EQ(j.colours, 3);
}

TEST(SparseJacobian, of_one_result_takes_one_adjoint_and_by_one_input_one_direction) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(kSize);
  EXPECT_EQ(expect_jacobian({chain_energy(xs)}, xs).colours, 1);
  Scalars ys;
  for (const Scalar& x : xs) ys.push_back(x * xs[3]);
  EXPECT_EQ(expect_jacobian(ys, {xs[3]}).colours, 1);
}

TEST(SparseJacobian, that_is_dense_takes_the_shorter_side) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(12);
  Scalar sum = 0;
  for (const Scalar& x : xs) sum += x * x;
  Scalars ys;
  for (int i = 0; i < 5; ++i) ys.push_back(sum * (i + 1));
  EXPECT_EQ(expect_jacobian(ys, xs).colours, 5);
  for (int i = 0; i < 30; ++i) ys.push_back(exp(sum / (i + 1)));
  EXPECT_EQ(expect_jacobian(ys, xs).colours, 12);
}

TEST(SparseJacobian, has_empty_rows_and_columns_for_numbers_and_unused_inputs) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(4);
  const SparseMatrix j =
      expect_jacobian({xs[0] * xs[2], Scalar(3), floor(xs[1]), xs[2], variable(7) * 2.0}, xs);
  EXPECT_EQ(entries_of(j), (Entries{{0, 0}, {0, 2}, {3, 2}}));
  EXPECT_EQ(j.row_starts, (std::vector<int>{0, 2, 2, 2, 3, 3}));
}

TEST(SparseJacobian, of_nothing_is_empty) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(3);
  EXPECT_EQ(expect_jacobian({}, xs).row_starts, std::vector<int>{0});
  EXPECT_EQ(expect_jacobian(xs, {}).row_starts, std::vector<int>(4, 0));
  EXPECT_EQ(expect_jacobian({Scalar(1), Scalar(2)}, xs).colours, 0);
  EXPECT_EQ(expect_hessian(Scalar(1), xs).colours, 0);
  EXPECT_EQ(expect_hessian(xs[0], {}).rows, 0);
}

TEST(SparseJacobian, is_taken_by_the_results_of_operations_too) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(2);
  const Scalars middle = {xs[0] * xs[1], sin(xs[1])};
  expect_jacobian({middle[0] * middle[1], exp(middle[1])}, middle);
}

TEST(SparseJacobian, of_a_result_that_is_an_input_is_1) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(3);
  EXPECT_EQ(expect_jacobian({xs[1], xs[1], xs[0]}, xs).values, std::vector<double>(3, 1.0));
}

// ---- blocks -----------------------------------------------------------------------------------

// (x₀ x₁, x₁ x₂).
struct Products : Block {
  std::string_view name() const override { return "products"; }
  std::size_t inputs() const override { return 3; }
  std::size_t outputs() const override { return 2; }
  void value(std::span<const double> x, std::span<double> z) const override {
    z[0] = x[0] * x[1], z[1] = x[1] * x[2];
  }
  template <class S>
  static void pull(std::span<const S> x, std::span<const S> g, std::span<S> xbar) {
    xbar[0] = g[0] * x[1];
    xbar[1] = g[0] * x[0] + g[1] * x[2];
    xbar[2] = g[1] * x[1];
  }
  void vjp(std::span<const double> x, std::span<const double>, std::span<const double> g,
           std::span<double> xbar) const override {
    pull(x, g, xbar);
  }
  void recorded_vjp(std::span<const Scalar> x, std::span<const Scalar>, std::span<const Scalar> g,
                    std::span<Scalar> xbar) const override {
    pull(x, g, xbar);
  }
};

TEST(SparseBlocks, each_output_depends_on_each_operand_and_all_operands_interact) {
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(6);
  const auto block = std::make_shared<Products>();
  const Scalars a = call(block, Scalars{xs[0], 2.0, xs[2]});
  const Scalars b = call(block, Scalars{xs[3], xs[4], a[1]});
  const SparseMatrix j = expect_jacobian({a[0], b[0], b[1], xs[5]}, xs);
  EXPECT_EQ(
      entries_of(j),
      (Entries{
          {0, 0}, {0, 2}, {1, 0}, {1, 2}, {1, 3}, {1, 4}, {2, 0}, {2, 2}, {2, 3}, {2, 4}, {3, 5}}));
  const SparseMatrix h = expect_hessian(a[0] + b[1] * 2.0 + xs[5] * xs[5], xs);
  EXPECT_EQ(h.nonzeros(), 4 * 4 + 1);
}

// ---- plans ------------------------------------------------------------------------------------

TEST(SparsePlans, are_made_once_for_all_points) {
  SparsePlan plan;
  const auto f = [](const Scalars& x) { return chain_energy(x); };
  for (const double at : {0.1, -0.7, 2.0}) {
    const std::vector<double> x(10, at);
    const SparseMatrix h = sparse_hessian(f, plan)(x);
    expect_same(dense_of(h), hessian(f)(x).entries);
  }
  EXPECT_EQ(plan.order, 2);
  EXPECT_EQ(plan.pattern.nonzeros(), 28);
}

TEST(SparsePlans, that_cover_another_branch_are_kept_and_others_are_made_anew) {
  SparsePlan plan;
  const auto f = [](const Scalars& x) {
    Scalars y = {x[0] * 3.0, x[1]};
    if (x[0] > 1) y[0] = x[0] * x[1];
    return y;
  };
  const auto at = [&](double x0) {
    const std::vector<double> x = {x0, 5.0};
    const SparseMatrix j = sparse_jacobian(f, plan)(x);
    expect_same(dense_of(j), jacobian(f)(x).entries);
    return j.nonzeros();
  };
  EXPECT_EQ(at(0.5), 2);
  EXPECT_EQ(at(2.0), 3);
  EXPECT_EQ(at(0.5), 3);
}

TEST(SparsePlans, of_another_shape_or_order_are_made_anew) {
  SparsePlan plan;
  const auto f = [](const Scalars& x) { return chain_energy(x); };
  for (const std::size_t n : {5u, 9u, 3u}) {
    const std::vector<double> x(n, 0.3);
    expect_same(dense_of(sparse_hessian(f, plan)(x)), hessian(f)(x).entries);
    expect_same(dense_of(sparse_jacobian(f, plan)(x)), jacobian(f)(x).entries);
  }
}

TEST(SparsePlans, see_that_inputs_have_changed_places) {
  const Frame frame = Tape::active().frame();
  Scalars xs = inputs(6);
  const Scalar y = arrow_energy(xs);
  SparsePlan plan;
  expect_same(dense_of(sparse_hessian(y, xs, plan)), hessian(y, xs));
  std::swap(xs[0], xs[3]);
  expect_same(dense_of(sparse_hessian(y, xs, plan)), hessian(y, xs));
}

// ---- callables, Eigen, mistakes ---------------------------------------------------------------

TEST(SparseCallables, take_structures_and_the_argument_that_is_selected) {
  const auto f = [](const Scalar& scale, const std::array<Scalar, 3>& x) {
    return Scalars{scale * x[0], x[1] * x[2], x[2]};
  };
  const std::array<double, 3> x = {2, 3, 4};
  const SparseMatrix j = sparse_jacobian<1>(f)(1.5, x);
  EXPECT_EQ(entries_of(j), (Entries{{0, 0}, {1, 1}, {1, 2}, {2, 2}}));
  EXPECT_EQ(j.values, (std::vector<double>{1.5, 4, 3, 1}));
}

TEST(SparseCallables, refuse_to_read_what_was_recorded_outside) {
  const Frame frame = Tape::active().frame();
  const Scalar outside = variable(2, "outside");
  const auto f = [&](const Scalars& x) { return x[0] * x[0] * outside; };
  EXPECT_THROW(sparse_hessian(f)(std::vector<double>{1.0}), Error);
}

TEST(SparseMatrices, are_mapped_by_Eigen_without_a_copy) {
  const std::vector<double> x = {0.3, 0.7, 1.1, 0.2};
  const auto f = [](const Scalars& v) { return chain_energy(v); };
  const SparseMatrix h = sparse_hessian(f)(x);
  const Eigen::Map<const Eigen::SparseMatrix<double, Eigen::RowMajor>> map(
      h.rows, h.columns, h.nonzeros(), h.row_starts.data(), h.column_indices.data(),
      h.values.data());
  EXPECT_EQ(map.valuePtr(), h.values.data());
  const Eigen::MatrixXd dense = map;
  const auto expected = hessian(f)(x);
  for (Eigen::Index i = 0; i < 4; ++i) {
    for (Eigen::Index j = 0; j < 4; ++j) {
      EXPECT_NEAR(dense(i, j), expected(static_cast<std::size_t>(i), static_cast<std::size_t>(j)),
                  1e-14);
    }
  }
}

TEST(SparseMistakes, throw_and_name_the_input) {
  const Frame frame = Tape::active().frame();
  const Scalar a = variable(1, "a"), b = variable(2, "b");
  const Scalar y = a * b;
  const auto message = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  const Scalars twice = {a, b, a}, number = {a, 3.0}, result = {a, y},
                chained = {a, Scalar(y).label("product")};
  EXPECT_EQ(
      message([&] { sparse_hessian(y, twice); }),
      "[sparse_hessian] a stands twice among the inputs: each column is of a node of its own");
  EXPECT_NE(message([&] { sparse_jacobian(twice, twice); }), "");
  EXPECT_NE(message([&] { jacobian_pattern({&y, 1}, number); }), "");
  EXPECT_NE(message([&] { hessian_pattern(y, result); }), "");
  EXPECT_EQ(message([&] {
              sparse_jacobian({&y, 1}, chained);
            }),
            "[sparse_jacobian] the input product depends on the input a: a Jacobian by both is not "
            "defined");
}

TEST(SparseMistakes, stale_handles_throw) {
  Scalar stale;
  {
    const Frame frame = Tape::active().frame();
    stale = variable(1) * 2.0;
  }
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(1);
  EXPECT_THROW(sparse_hessian(stale, xs), HandleError);
  EXPECT_THROW(sparse_jacobian(xs, {&stale, 1}), HandleError);
}

TEST(SparseSizes, a_hundred_thousand_inputs_are_no_trouble) {
  constexpr std::size_t n = 100'000;
  const Frame frame = Tape::active().frame();
  const Scalars xs = inputs(n);
  EXPECT_EQ(sparse_hessian(chain_energy(xs), xs).colours, 3);
  EXPECT_EQ(sparse_hessian(arrow_energy(xs), xs).colours, 2);
  Scalars ys = {chain_energy(xs)};
  for (std::size_t i = 0; i < n; ++i) ys.push_back(xs[0] + xs[i]);
  EXPECT_EQ(sparse_jacobian(ys, xs).colours, 3);
}

}  // namespace
}  // namespace chainrule
