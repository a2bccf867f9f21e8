// eigh: eigenvalues and eigenvectors of a symmetric matrix, of which the lower triangle is read.
#include <Eigen/Eigenvalues>

#include "chainrule/block/linalg_internal.hpp"

namespace chainrule {
namespace linalg {
namespace {

// A = V Λ Vᵀ. With W = VᵀV̄, C = VᵀȦV and Fᵢⱼ = 1/(λⱼ − λᵢ), 0 on the diagonal (Giles 2008, 3.1):
//   Ā = V (Λ̄ + F∘W) Vᵀ;   λ̇ = diag C,  V̇ = V (F∘C).
// Ȧ is symmetric, so of F∘W the symmetric part counts, ½ Fᵢⱼ (Wᵢⱼ − Wⱼᵢ): NaN where λᵢ = λⱼ.
struct EighMath : Sized<1> {
  static constexpr std::string_view kName = "eigh";
  static constexpr bool kFactorises = true;

  std::size_t n() const { return sizes[0]; }
  std::size_t inputs() const { return triangle(n()); }
  std::size_t outputs() const { return n() + n() * n(); }

  void value(std::span<const double> x, std::span<double> z) const {
    const Dense<double> a = Reader<double>(x).lower(n());
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(map(a));
    if (solver.info() != Eigen::Success) fail(kName, by(a) + ": the iteration does not converge");
    RowMajor v = solver.eigenvectors();
    for (Eigen::Index j = 0; j < v.cols(); ++j) {
      if (has_negative_lead(v.col(j))) v.col(j) = -v.col(j);
    }
    Writer<double> out(z);
    for (const double lambda : solver.eigenvalues()) out.put(lambda);
    put(out, v);
  }

  // Differences of eigenvalues that are rounding.
  template <class S>
  S equality(const std::vector<S>& lambda) const {
    return largest(std::vector<S>{lambda.front(), lambda.back()}) * rounding(n());
  }

  template <class S>
  void pull(std::span<const S>, std::span<const S> z, std::span<const S> zbar,
            std::span<S> xbar) const {
    Reader<S> results(z), adjoints(zbar);
    const std::vector<S> lambda = results.numbers(n()), lambda_bar = adjoints.numbers(n());
    const Dense<S> v = results.matrix(n(), n()), vbar = adjoints.matrix(n(), n());
    Dense<S> core(n(), n());
    for (std::size_t i = 0; i < n(); ++i) core(i, i) = lambda_bar[i];
    if (!is_zero(vbar)) {
      const Dense<S> w = matmul(transpose(v), vbar);
      const S equal = equality(lambda);
      for (std::size_t i = 0; i < n(); ++i) {
        for (std::size_t j = i + 1; j < n(); ++j) {
          core(i, j) = over_gap(S(w(i, j) - w(j, i)), S(lambda[j] - lambda[i]), equal) * 0.5;
          core(j, i) = core(i, j);
        }
      }
    }
    Writer<S>(xbar).put_folded(matmul(matmul(v, core), transpose(v)));
  }

  template <class S>
  void push(std::span<const S>, std::span<const S> z, std::span<const S> xdot,
            std::span<S> zdot) const {
    Reader<S> results(z);
    const std::vector<S> lambda = results.numbers(n());
    const Dense<S> v = results.matrix(n(), n());
    Dense<S> c = matmul(matmul(transpose(v), Reader<S>(xdot).symmetric(n())), v);
    Writer<S> out(zdot);
    for (std::size_t i = 0; i < n(); ++i) out.put(c(i, i));
    const S equal = equality(lambda);
    for (std::size_t i = 0; i < n(); ++i) {
      c(i, i) = 0.0;
      for (std::size_t j = i + 1; j < n(); ++j) {
        c(i, j) = over_gap(c(i, j), S(lambda[j] - lambda[i]), equal);
        c(j, i) = -c(i, j);
      }
    }
    out.put(matmul(v, c));
  }
};

}  // namespace

std::shared_ptr<const Block> find_eigh(std::string_view name, std::span<const std::size_t> sizes) {
  return find<EighMath>(name, sizes);
}

}  // namespace linalg

template <Entry S>
Eigh<S> eigh(const Dense<S>& a, Location at) {
  using namespace linalg;
  require_square("eigh", a);
  const std::vector<S> z = run(EighMath{{{a.rows}}}, lower_of(a), at);
  Reader<S> results(z);
  std::vector<S> values = results.numbers(a.rows);
  return {std::move(values), results.matrix(a.rows, a.rows)};
}
template Eigh<double> eigh(const Dense<double>&, Location);
template Eigh<Scalar> eigh(const Dense<Scalar>&, Location);

}  // namespace chainrule
