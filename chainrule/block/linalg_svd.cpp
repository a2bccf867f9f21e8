// svd: the thin singular value decomposition.
#include <Eigen/SVD>

#include "chainrule/block/linalg_internal.hpp"

namespace chainrule {
namespace linalg {
namespace {

// What of B is orthogonal to the columns of Q, each column over its divisor: (B − Q QᵀB) S⁻¹.
template <class S>
Dense<S> outside(const Dense<S>& q, const Dense<S>& b, const std::vector<S>& s, const S& equal) {
  Dense<S> rest = minus(b, matmul(q, matmul(transpose(q), b)));
  for (std::size_t i = 0; i < rest.rows; ++i) {
    for (std::size_t j = 0; j < rest.columns; ++j) {
      rest(i, j) = over_gap(rest(i, j), s[j], equal);
    }
  }
  return rest;
}

// A = U S Vᵀ. With Fᵢⱼ = 1/(sⱼ² − sᵢ²), 0 on the diagonal (Townsend 2016):
//   Ā = U (S̄ + (F∘(UᵀŪ − ŪᵀU)) S + S (F∘(VᵀV̄ − V̄ᵀV))) Vᵀ
//       + (I − UUᵀ) Ū S⁻¹ Vᵀ + U S⁻¹ V̄ᵀ (I − VVᵀ)
// and with C = UᵀȦV:
//   ṡ = diag C,  U̇ = U (F∘(C S + S Cᵀ)) + (I − UUᵀ) Ȧ V S⁻¹,
//                V̇ = V (F∘(S C + Cᵀ S)) + (I − VVᵀ) Ȧᵀ U S⁻¹.
// All quotients are taken apart as (p sⱼ + q sᵢ)/(sⱼ² − sᵢ²) = ½ (p+q)/(sⱼ−sᵢ) + ½ (p−q)/(sⱼ+sᵢ),
// NaN where singular values are equal, or 0.
struct SvdMath : Sized<2> {
  static constexpr std::string_view kName = "svd";
  static constexpr bool kFactorises = true;

  std::size_t m() const { return sizes[0]; }
  std::size_t n() const { return sizes[1]; }
  std::size_t k() const { return std::min(m(), n()); }
  std::size_t inputs() const { return m() * n(); }
  std::size_t outputs() const { return (m() + n() + 1) * k(); }

  // Jacobi: accurate also in the small singular values.
  void value(std::span<const double> x, std::span<double> z) const {
    const Dense<double> a = Reader<double>(x).matrix(m(), n());
    const Eigen::JacobiSVD<Eigen::MatrixXd> solver(map(a),
                                                   Eigen::ComputeThinU | Eigen::ComputeThinV);
    RowMajor u = solver.matrixU(), v = solver.matrixV();
    for (Eigen::Index j = 0; j < u.cols(); ++j) {
      if (has_negative_lead(u.col(j))) u.col(j) = -u.col(j), v.col(j) = -v.col(j);
    }
    Writer<double> out(z);
    put(out, u);
    for (const double s : solver.singularValues()) out.put(s);
    put(out, v);
  }

  template <class S>
  struct Parts {
    Dense<S> u;
    std::vector<S> s;
    Dense<S> v;
  };
  template <class S>
  Parts<S> parts(std::span<const S> from) const {
    Reader<S> in(from);
    Dense<S> u = in.matrix(m(), k());
    std::vector<S> s = in.numbers(k());
    return {std::move(u), std::move(s), in.matrix(n(), k())};
  }

  // Differences of singular values, and singular values, that are rounding.
  template <class S>
  S equality(const std::vector<S>& s) const {
    return largest(std::vector<S>{s[0]}) * rounding(std::max(m(), n()));
  }

  template <class S>
  void pull(std::span<const S>, std::span<const S> z, std::span<const S> zbar,
            std::span<S> xbar) const {
    const auto [u, s, v] = parts(z);
    const auto [ubar, sbar, vbar] = parts(zbar);
    const bool has_u = !is_zero(ubar), has_v = !is_zero(vbar);
    const S equal = equality(s);
    Dense<S> core(k(), k());
    for (std::size_t i = 0; i < k(); ++i) core(i, i) = sbar[i];
    if (has_u || has_v) {
      const Dense<S> p = matmul(transpose(u), ubar), q = matmul(transpose(v), vbar);
      for (std::size_t i = 0; i < k(); ++i) {
        for (std::size_t j = i + 1; j < k(); ++j) {
          const S pij = p(i, j) - p(j, i), qij = q(i, j) - q(j, i);
          const S a = over_gap(S(pij + qij), S(s[j] - s[i]), equal) * 0.5;
          const S b = over_gap(S(pij - qij), S(s[j] + s[i]), equal) * 0.5;
          core(i, j) = a + b;
          core(j, i) = a - b;
        }
      }
    }
    Dense<S> abar = matmul(matmul(u, core), transpose(v));
    if (has_u && m() > k()) {
      abar = plus(abar, matmul(outside(u, ubar, s, equal), transpose(v)));
    }
    if (has_v && n() > k()) {
      abar = plus(abar, matmul(u, transpose(outside(v, vbar, s, equal))));
    }
    Writer<S>(xbar).put(abar);
  }

  template <class S>
  void push(std::span<const S>, std::span<const S> z, std::span<const S> xdot,
            std::span<S> zdot) const {
    const auto [u, s, v] = parts(z);
    const Dense<S> adot = Reader<S>(xdot).matrix(m(), n());
    const Dense<S> av = matmul(adot, v), c = matmul(transpose(u), av);
    const S equal = equality(s);
    Dense<S> turn_u(k(), k()), turn_v(k(), k());
    for (std::size_t i = 0; i < k(); ++i) {
      for (std::size_t j = i + 1; j < k(); ++j) {
        const S a = over_gap(S(c(i, j) + c(j, i)), S(s[j] - s[i]), equal) * 0.5;
        const S b = over_gap(S(c(i, j) - c(j, i)), S(s[j] + s[i]), equal) * 0.5;
        turn_u(i, j) = a + b;
        turn_u(j, i) = -turn_u(i, j);
        turn_v(i, j) = a - b;
        turn_v(j, i) = -turn_v(i, j);
      }
    }
    Dense<S> udot = matmul(u, turn_u), vdot = matmul(v, turn_v);
    if (m() > k()) udot = plus(udot, outside(u, av, s, equal));
    if (n() > k()) vdot = plus(vdot, outside(v, matmul(transpose(adot), u), s, equal));
    Writer<S> out(zdot);
    out.put(udot);
    for (std::size_t i = 0; i < k(); ++i) out.put(c(i, i));
    out.put(vdot);
  }
};

}  // namespace

std::shared_ptr<const Block> find_svd(std::string_view name, std::span<const std::size_t> sizes) {
  return find<SvdMath>(name, sizes);
}

}  // namespace linalg

template <Entry S>
Svd<S> svd(const Dense<S>& a, Location at) {
  using namespace linalg;
  require_entries("svd", a);
  const SvdMath math{{{a.rows, a.columns}}};
  const std::vector<S> z = run(math, a.entries, at);
  auto [u, s, v] = math.parts(std::span<const S>(z));
  return {std::move(u), std::move(s), std::move(v)};
}
template Svd<double> svd(const Dense<double>&, Location);
template Svd<Scalar> svd(const Dense<Scalar>&, Location);

}  // namespace chainrule
