// qr: thin, of a matrix with at least as many rows as columns.
#include <Eigen/QR>

#include "chainrule/block/linalg_internal.hpp"

namespace chainrule {
namespace linalg {
namespace {

// A = Q R. With M = R R̄ᵀ − Q̄ᵀ Q, its lower triangle mirrored, and C = QᵀȦR⁻¹:
//   Ā = (Q̄ + Q mirror(M)) R⁻ᵀ                       (Seeger et al. 2017)
//   Ṙ = T R,  Q̇ = ȦR⁻¹ − Q T,  T = upper(C) + lower(C)ᵀ  (Walter & Lehmann 2010)
// where upper has the diagonal and lower has not. Results: Q; then R by columns, as a triangle.
struct QrMath : Sized<2> {
  static constexpr std::string_view kName = "qr";
  static constexpr bool kFactorises = true;

  std::size_t m() const { return sizes[0]; }
  std::size_t n() const { return sizes[1]; }
  bool is_possible() const { return m() >= n(); }
  std::size_t inputs() const { return m() * n(); }
  std::size_t outputs() const { return m() * n() + triangle(n()); }

  void value(std::span<const double> x, std::span<double> z) const {
    const Dense<double> a = Reader<double>(x).matrix(m(), n());
    const Eigen::HouseholderQR<Eigen::MatrixXd> solver(map(a));
    RowMajor q = solver.householderQ() * Eigen::MatrixXd::Identity(index(m()), index(n()));
    Dense<double> r(n(), n());
    for (std::size_t i = 0; i < n(); ++i) {
      const double pivot = solver.matrixQR()(index(i), index(i));
      if (pivot == 0) {
        fail(kName, by(a) + ": the columns are dependent: diagonal entry " + std::to_string(i) +
                        " of R is 0");
      }
      const double sign = pivot < 0 ? -1 : 1;
      q.col(index(i)) *= sign;
      for (std::size_t j = i; j < n(); ++j) r(i, j) = sign * solver.matrixQR()(index(i), index(j));
    }
    Writer<double> out(z);
    put(out, q);
    out.put_lower(transpose(r));
  }

  template <class S>
  struct Parts {
    Dense<S> q, r;
  };
  template <class S>
  Parts<S> parts(std::span<const S> from) const {
    Reader<S> in(from);
    Dense<S> q = in.matrix(m(), n());
    return {std::move(q), transpose(in.lower(n()))};
  }

  template <class S>
  void pull(std::span<const S>, std::span<const S> z, std::span<const S> zbar,
            std::span<S> xbar) const {
    const auto [q, r] = parts(z);
    const auto [qbar, rbar] = parts(zbar);
    Dense<S> core = matmul(r, transpose(rbar));
    if (!is_zero(qbar)) core = minus(core, matmul(transpose(qbar), q));
    for (std::size_t i = 0; i < n(); ++i) {
      for (std::size_t j = 0; j < i; ++j) core(j, i) = core(i, j);
    }
    Dense<S> left = matmul(q, core);
    if (!is_zero(qbar)) left = plus(qbar, left);
    Writer<S>(xbar).put(transpose(solve_upper(r, transpose(left))));
  }

  template <class S>
  void push(std::span<const S>, std::span<const S> z, std::span<const S> xdot,
            std::span<S> zdot) const {
    const auto [q, r] = parts(z);
    const Dense<S> adot = Reader<S>(xdot).matrix(m(), n());
    // Ȧ R⁻¹ = (R⁻ᵀ Ȧᵀ)ᵀ.
    const Dense<S> over = transpose(solve_lower(transpose(r), transpose(adot)));
    Dense<S> turn = matmul(transpose(q), over);
    for (std::size_t i = 0; i < n(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        turn(j, i) = turn(j, i) + turn(i, j);
        turn(i, j) = 0.0;
      }
    }
    Writer<S> out(zdot);
    out.put(minus(over, matmul(q, turn)));
    out.put_lower(transpose(matmul(turn, r)));
  }
};

}  // namespace

std::shared_ptr<const Block> find_qr(std::string_view name, std::span<const std::size_t> sizes) {
  return find<QrMath>(name, sizes);
}

}  // namespace linalg

template <Entry S>
Qr<S> qr(const Dense<S>& a, Location at) {
  using namespace linalg;
  require_entries("qr", a);
  if (a.rows < a.columns) fail("qr", by(a) + ": takes at least as many rows as columns");
  const QrMath math{{{a.rows, a.columns}}};
  const std::vector<S> z = run(math, a.entries, at);
  auto [q, r] = math.parts(std::span<const S>(z));
  return {std::move(q), std::move(r)};
}
template Qr<double> qr(const Dense<double>&, Location);
template Qr<Scalar> qr(const Dense<Scalar>&, Location);

}  // namespace chainrule
