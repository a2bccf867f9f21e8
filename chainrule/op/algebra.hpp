// What a formula of the table may use besides operators and the rows themselves.
//
// An algebra V is anything the formulas can be read over: double, Dual, Text, Complex, Scalar. It
// brings its operators, its functions (found by argument-dependent lookup), its truth type (what a
// comparison gives), and choose(condition, a, b).
#pragma once

#include <concepts>
#include <limits>
#include <type_traits>

namespace chainrule {

/// A plain number: what may stand beside a Scalar in arithmetic.
template <class T>
concept Number = std::is_arithmetic_v<T>;

template <class V>
struct TruthOf {
  using type = bool;
};
/// What a comparison gives in the algebra V.
template <class V>
using Truth = typename TruthOf<V>::type;

/// The plain number at the bottom of a value: every algebra with numbers overloads it.
constexpr double primal(double v) { return v; }

/// Whether code over V must not decide by the values in hand, because it is recorded for others.
template <class V>
constexpr bool keeps_choices(const V&) {
  return false;
}

template <class V>
concept Algebra = std::constructible_from<V, double> && requires(const V& a) {
  { a + a } -> std::convertible_to<V>;
  { a < a } -> std::convertible_to<Truth<V>>;
};

struct None {};

/// One entry of a pullback: what is pushed into an operand's adjoint, and whether anything is.
template <class V>
struct Push {
  V value;
  Truth<V> taken;

  constexpr Push(V contribution) : value(contribution), taken(true) {}
  constexpr Push(None) : value(0.0), taken(false) {}
  constexpr Push(Truth<V> condition, V contribution) : value(contribution), taken(condition) {}
};

template <class V, int arity>
struct Pushes {
  Push<V> entry[static_cast<unsigned>(arity)];
};

// The vocabulary of the formulas. `rules` also holds compound ones (formulas.hpp) and the rows
// themselves (op.hpp).
namespace rules {

inline constexpr None none;

template <class V>
constexpr Push<V> when(std::type_identity_t<Truth<V>> condition, V contribution) {
  return {condition, contribution};
}

// A comparison may be a bool, a recorded condition, a mask or a text: hence not && and ||.
constexpr bool and_(bool a, bool b) { return a && b; }
constexpr bool or_(bool a, bool b) { return a || b; }
constexpr double choose(bool condition, double a, double b) { return condition ? a : b; }

}  // namespace rules

/// An interval of the real line on which an operand of a row may lie; ends are not included, except
/// `nonnegative`, `order`, `integer` and `truth`.
struct Interval {
  const char* name;
  double lower;
  double upper;
};

namespace domains {
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr Interval reals{"all reals", -kInfinity, kInfinity};
inline constexpr Interval nonzero{"not 0", -kInfinity, kInfinity};
inline constexpr Interval nonpole{"not 0, -1, -2, ...", -kInfinity, kInfinity};
inline constexpr Interval positive{"> 0", 0, kInfinity};
inline constexpr Interval nonnegative{">= 0", 0, kInfinity};
inline constexpr Interval negative{"< 0", -kInfinity, 0};
inline constexpr Interval unit{"in (-1, 1)", -1, 1};
inline constexpr Interval above_one{"> 1", 1, kInfinity};
inline constexpr Interval above_minus_one{"> -1", -1, kInfinity};
inline constexpr Interval order{"0, 1, 2, ...", 0, kInfinity};
inline constexpr Interval parameter{"> 0, a parameter", 0, kInfinity};
inline constexpr Interval held{"held fixed", -kInfinity, kInfinity};
inline constexpr Interval integer{"an integer", -kInfinity, kInfinity};
inline constexpr Interval truth{"0 or not 0", 0, 1};
}  // namespace domains

/// Algebraic laws that a row obeys exactly, also in floating point.
enum class Laws : unsigned char { no_law = 0, commutes = 1, odd = 2, even = 4 };

constexpr bool obeys(Laws laws, Laws law) {
  return (static_cast<unsigned>(laws) & static_cast<unsigned>(law)) != 0;
}

/// Largest allowed error on the domain, in units of the last place.
struct Ulps {
  double value;
  double partials;
};

}  // namespace chainrule
