// matmul, dot, norm.
#include "chainrule/block/linalg_internal.hpp"

namespace chainrule {
namespace linalg {
namespace {

// C = A B.  Ā = C̄ Bᵀ, B̄ = Aᵀ C̄.  Giles 2008, 2.2.2.
struct Matmul : Sized<3> {
  static constexpr std::string_view kName = "matmul";
  static constexpr bool kFactorises = false;

  std::size_t m() const { return sizes[0]; }
  std::size_t k() const { return sizes[1]; }
  std::size_t n() const { return sizes[2]; }
  std::size_t inputs() const { return m() * k() + k() * n(); }
  std::size_t outputs() const { return m() * n(); }

  void value(std::span<const double> x, std::span<double> z) const {
    const Eigen::Map<const RowMajor> a(x.data(), index(m()), index(k()));
    const Eigen::Map<const RowMajor> b(x.data() + m() * k(), index(k()), index(n()));
    Eigen::Map<RowMajor>(z.data(), index(m()), index(n())).noalias() = a * b;
  }

  template <class S>
  void pull(std::span<const S> x, std::span<const S>, std::span<const S> zbar,
            std::span<S> xbar) const {
    Reader<S> in(x);
    const Dense<S> a = in.matrix(m(), k()), b = in.matrix(k(), n());
    const Dense<S> cbar = Reader<S>(zbar).matrix(m(), n());
    Writer<S> out(xbar);
    out.put(matmul(cbar, transpose(b)));
    out.put(matmul(transpose(a), cbar));
  }

  template <class S>
  void push(std::span<const S> x, std::span<const S>, std::span<const S> xdot,
            std::span<S> zdot) const {
    Reader<S> in(x), moved(xdot);
    const Dense<S> a = in.matrix(m(), k()), b = in.matrix(k(), n());
    const Dense<S> adot = moved.matrix(m(), k()), bdot = moved.matrix(k(), n());
    Dense<S> cdot(m(), n());
    if (!is_zero(adot)) cdot = matmul(adot, b);
    if (!is_zero(bdot)) cdot = is_zero(adot) ? matmul(a, bdot) : plus(cdot, matmul(a, bdot));
    Writer<S>(zdot).put(cdot);
  }
};

// z = Σ xᵢ yᵢ.  x̄ᵢ = z̄ yᵢ, ȳᵢ = z̄ xᵢ.
struct Dot : Sized<1> {
  static constexpr std::string_view kName = "dot";
  static constexpr bool kFactorises = false;

  std::size_t n() const { return sizes[0]; }
  std::size_t inputs() const { return 2 * n(); }
  std::size_t outputs() const { return 1; }

  void value(std::span<const double> x, std::span<double> z) const {
    const Eigen::Map<const Eigen::VectorXd> a(x.data(), index(n())), b(x.data() + n(), index(n()));
    z[0] = a.dot(b);
  }

  template <class S>
  void pull(std::span<const S> x, std::span<const S>, std::span<const S> zbar,
            std::span<S> xbar) const {
    for (std::size_t k = 0; k < n(); ++k) {
      xbar[k] = zbar[0] * x[n() + k];
      xbar[n() + k] = zbar[0] * x[k];
    }
  }

  template <class S>
  void push(std::span<const S> x, std::span<const S>, std::span<const S> xdot,
            std::span<S> zdot) const {
    const auto column_of = [&](std::span<const S> from, std::size_t first) {
      return column(from.subspan(first, n()));
    };
    const Dense<S> adot = column_of(xdot, 0), bdot = column_of(xdot, n());
    S total = 0.0;
    if (!is_zero(adot)) total = dot(adot, column_of(x, n()));
    if (!is_zero(bdot)) total = total + dot(column_of(x, 0), bdot);
    zdot[0] = total;
  }
};

// z = √(Σ xᵢ²).  x̄ᵢ = z̄ (xᵢ/z), 0 where z is. (Not (z̄/z) xᵢ, which overflows at a subnormal z.)
struct Norm : Sized<1> {
  static constexpr std::string_view kName = "norm";
  static constexpr bool kFactorises = false;

  std::size_t n() const { return sizes[0]; }
  std::size_t inputs() const { return n(); }
  std::size_t outputs() const { return 1; }

  void value(std::span<const double> x, std::span<double> z) const {
    z[0] = Eigen::Map<const Eigen::VectorXd>(x.data(), index(n())).stableNorm();
  }

  template <class S>
  static Dense<S> direction(std::span<const S> x, const S& z) {
    const Zeros<S> at_origin{S(0.0), S(0.0)};
    Dense<S> d(x.size(), 1);
    for (std::size_t k = 0; k < x.size(); ++k) d.entries[k] = quotient(x[k], z, at_origin);
    return d;
  }

  template <class S>
  void pull(std::span<const S> x, std::span<const S> z, std::span<const S> zbar,
            std::span<S> xbar) const {
    const Dense<S> d = direction(x, z[0]);
    for (std::size_t k = 0; k < n(); ++k) xbar[k] = zbar[0] * d.entries[k];
  }

  template <class S>
  void push(std::span<const S> x, std::span<const S> z, std::span<const S> xdot,
            std::span<S> zdot) const {
    zdot[0] = dot(direction(x, z[0]), column(xdot));
  }
};

}  // namespace

std::shared_ptr<const Block> find_product(std::string_view name,
                                          std::span<const std::size_t> sizes) {
  return find<Matmul, Dot, Norm>(name, sizes);
}

template <Entry S>
Dense<S> product(const Dense<S>& a, const Dense<S>& b, Location at) {
  require_entries("matmul", a);
  require_entries("matmul", b);
  if (a.columns != b.rows) fail("matmul", by(a) + " times " + by(b) + ": inner sizes must agree");
  const Matmul math{{{a.rows, a.columns, b.columns}}};
  return {a.rows, b.columns, run(math, join<S>(a.entries, b.entries), at)};
}

template <Entry S>
S inner_product(const Dense<S>& a, const Dense<S>& b, Location at) {
  require_entries("dot", a);
  require_entries("dot", b);
  if (a.rows != b.rows || a.columns != b.columns) {
    fail("dot", by(a) + " and " + by(b) + ": sizes must agree");
  }
  return run(Dot{{{a.entries.size()}}}, join<S>(a.entries, b.entries), at)[0];
}

template Dense<double> product(const Dense<double>&, const Dense<double>&, Location);
template Dense<Scalar> product(const Dense<Scalar>&, const Dense<Scalar>&, Location);
template double inner_product(const Dense<double>&, const Dense<double>&, Location);
template Scalar inner_product(const Dense<Scalar>&, const Dense<Scalar>&, Location);

}  // namespace linalg

template <Entry S>
S norm(const Dense<S>& a, Location at) {
  linalg::require_entries("norm", a);
  return linalg::run(linalg::Norm{{{a.entries.size()}}}, a.entries, at)[0];
}
template double norm(const Dense<double>&, Location);
template Scalar norm(const Dense<Scalar>&, Location);

}  // namespace chainrule
