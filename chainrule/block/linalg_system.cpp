// solve, inverse, logdet by LU with partial pivoting; triangular systems.
#include <Eigen/LU>

#include "chainrule/base/text.hpp"
#include "chainrule/block/linalg_internal.hpp"

namespace chainrule {
namespace linalg {
namespace {

Eigen::PartialPivLU<RowMajor> factorise(std::string_view where, const Dense<double>& a) {
  Eigen::PartialPivLU<RowMajor> lu(map(a));
  for (Eigen::Index k = 0; k < lu.rows(); ++k) {
    if (lu.matrixLU()(k, k) == 0) {
      fail(where, by(a) + ": the matrix is singular: pivot " + std::to_string(k) + " is 0");
    }
  }
  return lu;
}

// P A = L U, as solve leaves it on the tape: row i of A is row places[i] of P A.
struct Factors {
  RowMajor lu;
  std::vector<Eigen::Index> places;

  Factors(Reader<double>& from, std::size_t n) : lu(map(from.matrix(n, n))) {
    for (const double place : from.numbers(n)) {
      // NaN where the matrix is not finite; then so is all that comes of it.
      const bool is_place = place >= 0 && place < static_cast<double>(n);
      places.push_back(is_place ? static_cast<Eigen::Index>(place) : 0);
    }
  }

  // A⁻¹ B.
  RowMajor solve(const RowMajor& b) const {
    RowMajor x(b.rows(), b.cols());
    for (Eigen::Index i = 0; i < b.rows(); ++i) x.row(places[size(i)]) = b.row(i);
    lu.triangularView<Eigen::UnitLower>().solveInPlace(x);
    lu.triangularView<Eigen::Upper>().solveInPlace(x);
    return x;
  }
  // A⁻ᵀ B = Pᵀ L⁻ᵀ U⁻ᵀ B.
  RowMajor solve_transposed(RowMajor b) const {
    lu.transpose().triangularView<Eigen::Lower>().solveInPlace(b);
    lu.transpose().triangularView<Eigen::UnitUpper>().solveInPlace(b);
    RowMajor x(b.rows(), b.cols());
    for (Eigen::Index i = 0; i < b.rows(); ++i) x.row(i) = b.row(places[size(i)]);
    return x;
  }
};

// X = A⁻¹ B.  B̄ = A⁻ᵀ X̄, Ā = −B̄ Xᵀ; Ẋ = A⁻¹ (Ḃ − Ȧ X).  Giles 2008, 2.3.1.
// Results: X; then L and U in one matrix, and the places of rows, whose adjoints do not count.
struct Solve : Sized<2> {
  static constexpr std::string_view kName = "solve";
  static constexpr bool kFactorises = true;

  std::size_t n() const { return sizes[0]; }
  std::size_t k() const { return sizes[1]; }
  std::size_t inputs() const { return n() * n() + n() * k(); }
  std::size_t outputs() const { return n() * k() + n() * n() + n(); }

  void value(std::span<const double> x, std::span<double> z) const {
    Reader<double> in(x);
    const auto lu = factorise(kName, in.matrix(n(), n()));
    Writer<double> out(z);
    put(out, lu.solve(map(in.matrix(n(), k()))));
    put(out, lu.matrixLU());
    for (std::size_t i = 0; i < n(); ++i) out.put(lu.permutationP().indices()[index(i)]);
  }

  void pull(std::span<const double>, std::span<const double> z, std::span<const double> zbar,
            std::span<double> xbar) const {
    Reader<double> results(z);
    const Dense<double> solution = results.matrix(n(), k());
    const Factors factors(results, n());
    const RowMajor bbar = factors.solve_transposed(map(Reader<double>(zbar).matrix(n(), k())));
    Writer<double> out(xbar);
    put(out, -bbar * map(solution).transpose());
    put(out, bbar);
  }

  void push(std::span<const double>, std::span<const double> z, std::span<const double> xdot,
            std::span<double> zdot) const {
    Reader<double> results(z), moved(xdot);
    const Dense<double> solution = results.matrix(n(), k());
    const Factors factors(results, n());
    const Dense<double> adot = moved.matrix(n(), n()), bdot = moved.matrix(n(), k());
    Writer<double> out(zdot);
    put(out, factors.solve(map(bdot) - map(adot) * map(solution)));
  }

  void pull(std::span<const Scalar> x, std::span<const Scalar> z, std::span<const Scalar> zbar,
            std::span<Scalar> xbar) const {
    const auto a = Reader<Scalar>(x).matrix(n(), n());
    const auto solution = Reader<Scalar>(z).matrix(n(), k());
    const auto bbar = chainrule::solve(transpose(a), Reader<Scalar>(zbar).matrix(n(), k()));
    Writer<Scalar> out(xbar);
    out.put(matmul(negative(bbar), transpose(solution)));
    out.put(bbar);
  }

  void push(std::span<const Scalar> x, std::span<const Scalar> z, std::span<const Scalar> xdot,
            std::span<Scalar> zdot) const {
    const auto a = Reader<Scalar>(x).matrix(n(), n());
    const auto solution = Reader<Scalar>(z).matrix(n(), k());
    Reader<Scalar> moved(xdot);
    const auto adot = moved.matrix(n(), n()), bdot = moved.matrix(n(), k());
    const auto right = is_zero(adot) ? bdot : minus(bdot, matmul(adot, solution));
    Writer<Scalar>(zdot).put(chainrule::solve(a, right));
  }
};

// Z = A⁻¹.  Ā = −Zᵀ Z̄ Zᵀ; Ż = −Z Ȧ Z.  Giles 2008, 2.2.3.
struct Inverse : Sized<1> {
  static constexpr std::string_view kName = "inverse";
  static constexpr bool kFactorises = true;

  std::size_t n() const { return sizes[0]; }
  std::size_t inputs() const { return n() * n(); }
  std::size_t outputs() const { return n() * n(); }

  void value(std::span<const double> x, std::span<double> z) const {
    Writer<double> out(z);
    put(out, factorise(kName, Reader<double>(x).matrix(n(), n())).inverse());
  }

  template <class S>
  void pull(std::span<const S>, std::span<const S> z, std::span<const S> zbar,
            std::span<S> xbar) const {
    const Dense<S> t = transpose(Reader<S>(z).matrix(n(), n()));
    Writer<S>(xbar).put(negative(matmul(matmul(t, Reader<S>(zbar).matrix(n(), n())), t)));
  }

  template <class S>
  void push(std::span<const S>, std::span<const S> z, std::span<const S> xdot,
            std::span<S> zdot) const {
    const Dense<S> inv = Reader<S>(z).matrix(n(), n());
    Writer<S>(zdot).put(negative(matmul(matmul(inv, Reader<S>(xdot).matrix(n(), n())), inv)));
  }
};

// y = log |det A|.  Ā = ȳ A⁻ᵀ; ẏ = tr(A⁻¹ Ȧ).  Giles 2008, 2.2.4.
struct Logdet : Sized<1> {
  static constexpr std::string_view kName = "logdet";
  static constexpr bool kFactorises = true;

  std::size_t n() const { return sizes[0]; }
  std::size_t inputs() const { return n() * n(); }
  std::size_t outputs() const { return 1; }

  void value(std::span<const double> x, std::span<double> z) const {
    const auto lu = factorise(kName, Reader<double>(x).matrix(n(), n()));
    z[0] = lu.matrixLU().diagonal().array().abs().log().sum();
  }

  template <class S>
  void pull(std::span<const S> x, std::span<const S>, std::span<const S> zbar,
            std::span<S> xbar) const {
    Dense<S> abar = transpose(inverse(Reader<S>(x).matrix(n(), n())));
    for (S& entry : abar.entries) entry = zbar[0] * entry;
    Writer<S>(xbar).put(abar);
  }

  template <class S>
  void push(std::span<const S> x, std::span<const S>, std::span<const S> xdot,
            std::span<S> zdot) const {
    const Dense<S> inv = inverse(Reader<S>(x).matrix(n(), n()));
    zdot[0] = dot(transpose(inv), Reader<S>(xdot).matrix(n(), n()));
  }
};

void require_diagonal(std::string_view where, const Dense<double>& l) {
  for (std::size_t i = 0; i < l.rows; ++i) {
    if (l(i, i) == 0) {
      fail(where,
           by(l) + ": the matrix is singular: diagonal entry " + std::to_string(i) + " is 0");
    }
  }
}

// X = L⁻¹ B.  B̄ = L⁻ᵀ X̄, L̄ = −tril(B̄ Xᵀ); Ẋ = L⁻¹ (Ḃ − L̇ X).
struct SolveLower : Sized<2> {
  static constexpr std::string_view kName = "solve_lower";
  static constexpr bool kFactorises = true;

  std::size_t n() const { return sizes[0]; }
  std::size_t k() const { return sizes[1]; }
  std::size_t inputs() const { return triangle(n()) + n() * k(); }
  std::size_t outputs() const { return n() * k(); }

  void value(std::span<const double> x, std::span<double> z) const {
    Reader<double> in(x);
    const Dense<double> l = in.lower(n());
    require_diagonal(kName, l);
    RowMajor solution = map(in.matrix(n(), k()));
    map(l).triangularView<Eigen::Lower>().solveInPlace(solution);
    Writer<double> out(z);
    put(out, solution);
  }

  template <class S>
  void pull(std::span<const S> x, std::span<const S> z, std::span<const S> zbar,
            std::span<S> xbar) const {
    const Dense<S> l = Reader<S>(x).lower(n());
    const Dense<S> bbar = solve_upper(transpose(l), Reader<S>(zbar).matrix(n(), k()));
    const Dense<S> solution = Reader<S>(z).matrix(n(), k());
    Writer<S> out(xbar);
    out.put_lower(matmul(negative(bbar), transpose(solution)));
    out.put(bbar);
  }

  template <class S>
  void push(std::span<const S> x, std::span<const S> z, std::span<const S> xdot,
            std::span<S> zdot) const {
    Reader<S> moved(xdot);
    const Dense<S> ldot = moved.lower(n()), bdot = moved.matrix(n(), k());
    const Dense<S> solution = Reader<S>(z).matrix(n(), k());
    const Dense<S> right = is_zero(ldot) ? bdot : minus(bdot, matmul(ldot, solution));
    Writer<S>(zdot).put(solve_lower(Reader<S>(x).lower(n()), right));
  }
};

// X = U⁻¹ B of U = Lᵀ, which goes in as L.  B̄ = L⁻¹ X̄, L̄ = −tril(X B̄ᵀ); Ẋ = U⁻¹ (Ḃ − L̇ᵀ X).
struct SolveUpper : SolveLower {
  static constexpr std::string_view kName = "solve_upper";

  void value(std::span<const double> x, std::span<double> z) const {
    Reader<double> in(x);
    const Dense<double> l = in.lower(n());
    require_diagonal(kName, l);
    RowMajor solution = map(in.matrix(n(), k()));
    map(l).transpose().triangularView<Eigen::Upper>().solveInPlace(solution);
    Writer<double> out(z);
    put(out, solution);
  }

  template <class S>
  void pull(std::span<const S> x, std::span<const S> z, std::span<const S> zbar,
            std::span<S> xbar) const {
    const Dense<S> l = Reader<S>(x).lower(n());
    const Dense<S> bbar = solve_lower(l, Reader<S>(zbar).matrix(n(), k()));
    const Dense<S> solution = Reader<S>(z).matrix(n(), k());
    Writer<S> out(xbar);
    out.put_lower(matmul(solution, transpose(negative(bbar))));
    out.put(bbar);
  }

  template <class S>
  void push(std::span<const S> x, std::span<const S> z, std::span<const S> xdot,
            std::span<S> zdot) const {
    Reader<S> moved(xdot);
    const Dense<S> ldot = moved.lower(n()), bdot = moved.matrix(n(), k());
    const Dense<S> solution = Reader<S>(z).matrix(n(), k());
    const Dense<S> right = is_zero(ldot) ? bdot : minus(bdot, matmul(transpose(ldot), solution));
    Writer<S>(zdot).put(solve_upper(transpose(Reader<S>(x).lower(n())), right));
  }
};

// The first n · k of the results.
template <class S>
Dense<S> first_of(std::vector<S> results, const Dense<S>& like) {
  results.resize(like.entries.size());
  return {like.rows, like.columns, std::move(results)};
}

}  // namespace

std::shared_ptr<const Block> find_system(std::string_view name,
                                         std::span<const std::size_t> sizes) {
  return find<Solve, Inverse, Logdet, SolveLower, SolveUpper>(name, sizes);
}

template <Entry S>
Dense<S> system(const Dense<S>& a, const Dense<S>& b, Location at) {
  require_system(Solve::kName, a, b);
  const Solve math{{{b.rows, b.columns}}};
  return first_of(run(math, join<S>(a.entries, b.entries), at), b);
}

template <Entry S>
Dense<S> lower_system(const Dense<S>& l, const Dense<S>& b, Location at) {
  require_system(SolveLower::kName, l, b);
  const SolveLower math{{{b.rows, b.columns}}};
  return first_of(run(math, join<S>(lower_of(l), b.entries), at), b);
}

template <Entry S>
Dense<S> upper_system(const Dense<S>& u, const Dense<S>& b, Location at) {
  require_system(SolveUpper::kName, u, b);
  const SolveUpper math{{{{b.rows, b.columns}}}};
  return first_of(run(math, join<S>(lower_of(transpose(u)), b.entries), at), b);
}

template Dense<double> system(const Dense<double>&, const Dense<double>&, Location);
template Dense<Scalar> system(const Dense<Scalar>&, const Dense<Scalar>&, Location);
template Dense<double> lower_system(const Dense<double>&, const Dense<double>&, Location);
template Dense<Scalar> lower_system(const Dense<Scalar>&, const Dense<Scalar>&, Location);
template Dense<double> upper_system(const Dense<double>&, const Dense<double>&, Location);
template Dense<Scalar> upper_system(const Dense<Scalar>&, const Dense<Scalar>&, Location);

}  // namespace linalg

template <Entry S>
Dense<S> inverse(const Dense<S>& a, Location at) {
  linalg::require_square("inverse", a);
  return {a.rows, a.rows, linalg::run(linalg::Inverse{{{a.rows}}}, a.entries, at)};
}
template <Entry S>
S logdet(const Dense<S>& a, Location at) {
  linalg::require_square("logdet", a);
  return linalg::run(linalg::Logdet{{{a.rows}}}, a.entries, at)[0];
}
template Dense<double> inverse(const Dense<double>&, Location);
template Dense<Scalar> inverse(const Dense<Scalar>&, Location);
template double logdet(const Dense<double>&, Location);
template Scalar logdet(const Dense<Scalar>&, Location);

}  // namespace chainrule
