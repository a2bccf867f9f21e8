// cholesky, and solve_spd and logdet_spd by it. All read the lower triangle of A only.
#include <Eigen/Cholesky>

#include "chainrule/base/text.hpp"
#include "chainrule/block/linalg_internal.hpp"

namespace chainrule {
namespace linalg {
namespace {

// Where the elimination without blocking meets a pivot that is not positive. Error path.
[[noreturn]] void fail_at_pivot(std::string_view where, Dense<double> a) {
  const std::size_t n = a.rows;
  std::size_t at = 0;
  double pivot = 0;
  for (std::size_t j = 0; j < n; ++j) {
    at = j, pivot = a(j, j);
    if (!(pivot > 0)) break;
    for (std::size_t i = j + 1; i < n; ++i) {
      for (std::size_t k = j + 1; k <= i; ++k) a(i, k) -= a(i, j) * a(k, j) / pivot;
    }
  }
  fail(where, by(a) + ": the matrix is not positive definite at pivot " + std::to_string(at) +
                  " (value " + shortest(pivot) + ")");
}

// L, zeros above.
RowMajor factorise(std::string_view where, const Dense<double>& a) {
  Eigen::LLT<RowMajor> llt(map(a));
  if (llt.info() != Eigen::Success) fail_at_pivot(where, a);
  return llt.matrixL();
}

Dense<double> dense(const RowMajor& a) {
  return {size(a.rows()), size(a.cols()), {a.data(), a.data() + a.size()}};
}

// The lower triangle, the diagonal halved: d(L Lᵀ) = dA  ⇒  dL = L Φ(L⁻¹ dA L⁻ᵀ).
template <class S>
Dense<S> half_lower(Dense<S> a) {
  for (std::size_t i = 0; i < a.rows; ++i) {
    a(i, i) = a(i, i) * 0.5;
    for (std::size_t j = i + 1; j < a.rows; ++j) a(i, j) = 0.0;
  }
  return a;
}

// A = L Lᵀ.  Ā = L⁻ᵀ Φ(Lᵀ L̄) L⁻¹;  L̇ = L Φ(L⁻¹ Ȧ L⁻ᵀ).  Murray 2016, (7) and (10).
struct Cholesky : Sized<1> {
  static constexpr std::string_view kName = "cholesky";
  static constexpr bool kFactorises = true;

  std::size_t n() const { return sizes[0]; }
  std::size_t inputs() const { return triangle(n()); }
  std::size_t outputs() const { return triangle(n()); }

  void value(std::span<const double> x, std::span<double> z) const {
    Writer<double>(z).put_lower(dense(factorise(kName, Reader<double>(x).lower(n()))));
  }

  template <class S>
  void pull(std::span<const S>, std::span<const S> z, std::span<const S> zbar,
            std::span<S> xbar) const {
    const Dense<S> t = transpose(Reader<S>(z).lower(n()));
    const Dense<S> core = half_lower(matmul(t, Reader<S>(zbar).lower(n())));
    const Dense<S> left = solve_upper(t, core);
    Writer<S>(xbar).put_folded(solve_upper(t, transpose(left)));
  }

  template <class S>
  void push(std::span<const S>, std::span<const S> z, std::span<const S> xdot,
            std::span<S> zdot) const {
    const Dense<S> l = Reader<S>(z).lower(n());
    const Dense<S> left = solve_lower(l, Reader<S>(xdot).symmetric(n()));
    const Dense<S> core = solve_lower(l, transpose(left));
    Writer<S>(zdot).put_lower(matmul(l, half_lower(core)));
  }
};

// X = A⁻¹ B.  B̄ = A⁻¹ X̄, Ā = −B̄ Xᵀ.  Results: X; then L, whose adjoint does not count.
struct SolveSpd : Sized<2> {
  static constexpr std::string_view kName = "solve_spd";
  static constexpr bool kFactorises = true;

  std::size_t n() const { return sizes[0]; }
  std::size_t k() const { return sizes[1]; }
  std::size_t inputs() const { return triangle(n()) + n() * k(); }
  std::size_t outputs() const { return n() * k() + triangle(n()); }

  // L⁻ᵀ L⁻¹ B.
  static RowMajor solve(const Eigen::Ref<const RowMajor>& l, RowMajor b) {
    l.triangularView<Eigen::Lower>().solveInPlace(b);
    l.transpose().triangularView<Eigen::Upper>().solveInPlace(b);
    return b;
  }

  void value(std::span<const double> x, std::span<double> z) const {
    Reader<double> in(x);
    const RowMajor l = factorise(kName, in.lower(n()));
    Writer<double> out(z);
    put(out, solve(l, map(in.matrix(n(), k()))));
    out.put_lower(dense(l));
  }

  void pull(std::span<const double>, std::span<const double> z, std::span<const double> zbar,
            std::span<double> xbar) const {
    Reader<double> results(z);
    const Dense<double> solution = results.matrix(n(), k()), l = results.lower(n());
    const RowMajor bbar = solve(map(l), map(Reader<double>(zbar).matrix(n(), k())));
    Writer<double> out(xbar);
    out.put_folded(dense(-bbar * map(solution).transpose()));
    put(out, bbar);
  }

  void push(std::span<const double>, std::span<const double> z, std::span<const double> xdot,
            std::span<double> zdot) const {
    Reader<double> results(z), moved(xdot);
    const Dense<double> solution = results.matrix(n(), k()), l = results.lower(n());
    const Dense<double> adot = moved.symmetric(n()), bdot = moved.matrix(n(), k());
    Writer<double> out(zdot);
    put(out, solve(map(l), map(bdot) - map(adot) * map(solution)));
  }

  void pull(std::span<const Scalar> x, std::span<const Scalar> z, std::span<const Scalar> zbar,
            std::span<Scalar> xbar) const {
    const auto a = Reader<Scalar>(x).lower(n());
    const auto bbar = solve_spd(a, Reader<Scalar>(zbar).matrix(n(), k()));
    const auto solution = Reader<Scalar>(z).matrix(n(), k());
    Writer<Scalar> out(xbar);
    out.put_folded(matmul(negative(bbar), transpose(solution)));
    out.put(bbar);
  }

  void push(std::span<const Scalar> x, std::span<const Scalar> z, std::span<const Scalar> xdot,
            std::span<Scalar> zdot) const {
    Reader<Scalar> moved(xdot);
    const auto adot = moved.symmetric(n()), bdot = moved.matrix(n(), k());
    const auto solution = Reader<Scalar>(z).matrix(n(), k());
    const auto right = is_zero(adot) ? bdot : minus(bdot, matmul(adot, solution));
    Writer<Scalar>(zdot).put(solve_spd(Reader<Scalar>(x).lower(n()), right));
  }
};

// y = log det A = 2 Σ log Lᵢᵢ.  Ā = ȳ A⁻¹; ẏ = tr(A⁻¹ Ȧ).
struct LogdetSpd : Sized<1> {
  static constexpr std::string_view kName = "logdet_spd";
  static constexpr bool kFactorises = true;

  std::size_t n() const { return sizes[0]; }
  std::size_t inputs() const { return triangle(n()); }
  std::size_t outputs() const { return 1; }

  void value(std::span<const double> x, std::span<double> z) const {
    const RowMajor l = factorise(kName, Reader<double>(x).lower(n()));
    z[0] = 2 * l.diagonal().array().log().sum();
  }

  template <class S>
  void pull(std::span<const S> x, std::span<const S>, std::span<const S> zbar,
            std::span<S> xbar) const {
    Dense<S> abar = solve_spd(Reader<S>(x).lower(n()), identity<S>(n()));
    for (S& entry : abar.entries) entry = zbar[0] * entry;
    Writer<S>(xbar).put_folded(abar);
  }

  template <class S>
  void push(std::span<const S> x, std::span<const S>, std::span<const S> xdot,
            std::span<S> zdot) const {
    const Dense<S> inv = solve_spd(Reader<S>(x).lower(n()), identity<S>(n()));
    zdot[0] = dot(inv, Reader<S>(xdot).symmetric(n()));
  }
};

}  // namespace

std::shared_ptr<const Block> find_spd(std::string_view name, std::span<const std::size_t> sizes) {
  return find<Cholesky, SolveSpd, LogdetSpd>(name, sizes);
}

template <Entry S>
Dense<S> spd_system(const Dense<S>& a, const Dense<S>& b, Location at) {
  require_system(SolveSpd::kName, a, b);
  const SolveSpd math{{{b.rows, b.columns}}};
  std::vector<S> results = run(math, join<S>(lower_of(a), b.entries), at);
  results.resize(b.entries.size());
  return {b.rows, b.columns, std::move(results)};
}
template Dense<double> spd_system(const Dense<double>&, const Dense<double>&, Location);
template Dense<Scalar> spd_system(const Dense<Scalar>&, const Dense<Scalar>&, Location);

}  // namespace linalg

template <Entry S>
Dense<S> cholesky(const Dense<S>& a, Location at) {
  linalg::require_square("cholesky", a);
  const std::vector<S> l = linalg::run(linalg::Cholesky{{{a.rows}}}, linalg::lower_of(a), at);
  return linalg::Reader<S>(l).lower(a.rows);
}
template <Entry S>
S logdet_spd(const Dense<S>& a, Location at) {
  linalg::require_square("logdet_spd", a);
  return linalg::run(linalg::LogdetSpd{{{a.rows}}}, linalg::lower_of(a), at)[0];
}
template Dense<double> cholesky(const Dense<double>&, Location);
template Dense<Scalar> cholesky(const Dense<Scalar>&, Location);
template double logdet_spd(const Dense<double>&, Location);
template Scalar logdet_spd(const Dense<Scalar>&, Location);

}  // namespace chainrule
