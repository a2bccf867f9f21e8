// Scalar: a double that remembers how it was computed.
//
// 16 bytes, trivially copyable: a value and a handle to a row of the thread's active tape.
// Arithmetic on it appends a row; arithmetic on plain numbers alone appends nothing. No expression
// templates, so auto, ?:, std::max, lambdas and Eigen work as they do with double.
#pragma once

#include "chainrule/base/error.hpp"
#include "chainrule/base/ids.hpp"
#include "chainrule/base/location.hpp"
#include "chainrule/tape/recorder.hpp"

namespace chainrule {

class Operand;
class Condition;

/// A recorded value. Copying copies the handle; the row on the tape stays the same.
///
/// Functions that look at the tape throw HandleError if the handle is stale (its frame was
/// rewound), crossed (recorded on another tape) or on the wrong thread, and Error for a plain
/// number.
class Scalar {
 public:
  constexpr Scalar() = default;

  /// A plain number: records nothing and has no adjoint.
  template <Number T>
  constexpr Scalar(T number) : value_(static_cast<double>(number)) {}

  /// The plain number. While a Function is recorded this is a guard: the Function holds only where
  /// the number is the same again.
  constexpr double value(Location at = Location::here()) const;
  /// The number, converted; a guard on what the conversion gives.
  template <Number T>
  explicit constexpr operator T() const;

  /// Whether this is a plain number, recorded nowhere.
  constexpr bool is_number() const { return handle_ == 0; }

  /// This node's place on the active tape.
  NodeId node() const;

  /// Names the node, on the tape, in pictures and in messages. Returns *this.
  Scalar& label(std::string_view text) &;
  Scalar label(std::string_view text) && { return label(text); }
  /// The node's label, or the automatic name: the operation and a running number, as in mul/0.
  std::string name() const;

  /// Makes this a fresh leaf of the same kind and label, with a new value. What was recorded before
  /// keeps the old leaf. Throws for a constant and for the result of an operation.
  void assign(double value, Location at = Location::here());

  /// Adds ∂this/∂node · seed to grad() of every node that this depends on (and of this).
  void backward(double seed = 1.0) const;
  /// One step of backward: adds grad() · ∂this/∂operand to each operand's grad().
  void step_backward() const;
  /// What backward() has accumulated here since zero_grad(); 0 if nothing arrived.
  double grad() const;
  /// Whether an adjoint has arrived here, or was set by hand.
  bool has_grad() const;
  void set_grad(double adjoint) const;

  Scalar& operator+=(const Operand& y);
  Scalar& operator-=(const Operand& y);
  Scalar& operator*=(const Operand& y);
  Scalar& operator/=(const Operand& y);

 private:
  friend struct ScalarAccess;
  constexpr Scalar(double value, std::uint64_t handle) : value_(value), handle_(handle) {}

  double value_ = 0;
  std::uint64_t handle_ = 0;  ///< the stamp, and above it the row; 0: a plain number
};

/// For the library's own readings of a Scalar.
struct ScalarAccess {
  static constexpr double value(const Scalar& s) { return s.value_; }
  static constexpr std::uint64_t handle(const Scalar& s) { return s.handle_; }
  static constexpr std::uint32_t row(const Scalar& s) {
    return static_cast<std::uint32_t>(s.handle_ >> 32);
  }
  static constexpr std::uint32_t stamp(const Scalar& s) {
    return static_cast<std::uint32_t>(s.handle_);
  }
  static constexpr Scalar make(double value, std::uint32_t row, std::uint32_t stamp) {
    return {value, std::uint64_t{row} << 32 | stamp};
  }
};

namespace detail {

/// What Scalar::value, conversions to numbers and Condition give while somebody watches: on a tape
/// that records a Function (they become guards), or that stands for another one (operands from
/// outside have the values that they have here).
[[gnu::cold]] double watched_value(const Scalar& s, Location at);
[[gnu::cold]] double present_value(const Scalar& s);  ///< without making it a guard
[[gnu::cold]] double watched_whole(const Scalar& s, Location at);
[[gnu::cold]] bool watched_truth(Op op, bool negated, const Scalar& x, const Scalar& y,
                                 Location at);
[[gnu::always_inline]] constexpr bool watched(const Scalar& s) {
  return !std::is_constant_evaluated() && __builtin_expect(active_recorder->watching, false) &&
         !s.is_number();
}

/// Records op when the fast path cannot: checks the handles (throws HandleError), grows the tape,
/// keeps the source line.
Scalar record_slow(Op op, double value, const Scalar* operands, Location at);

/// Keeps the compiler from fusing this result into a later operation (x·y + w as one fma), which
/// would make the recorded value differ from what every other reading computes.
inline double rounded(double value) {
#if defined(__x86_64__)
  asm("" : "+x"(value));
#elif defined(__aarch64__)
  asm("" : "+w"(value));
#endif
  return value;
}

/// Appends the row of an operation, and before it the row of a third operand.
template <Op op, int arity>
[[gnu::always_inline]] inline Scalar append(Recorder& tape, unsigned mask,
                                            const std::uint32_t (&links)[3], double value) {
  if constexpr (arity == 3) tape.append(Code::third_operand, links[2], 0, 0.0);
  const std::uint32_t row = tape.append(code_of(op, mask), links[0], links[1], value);
  return ScalarAccess::make(value, row, tape.stamp);
}

/// Whether the compiler sees that s is a plain number: a literal, above all.
[[gnu::always_inline]] inline bool is_seen_number(const Scalar& s) {
  return __builtin_constant_p(s.is_number()) && s.is_number();
}

/// Appends one row for op, or returns a plain number when no operand is recorded. What is common
/// is inline: operands that are all recorded, and plain numbers that the compiler sees.
template <Op op, class... Operands>
[[gnu::always_inline]] inline Scalar record(double value, Location at, const Operands&... operand) {
  using Access = ScalarAccess;
  constexpr int kArity = sizeof...(operand);
  value = rounded(value);
  Recorder& tape = *active_recorder;
  if (!(is_seen_number(operand) || ...)) {
    // A plain number is live nowhere, except where there is no tape; and there is no room there.
    if ((tape.live(Access::stamp(operand)) && ...) && tape.size + 1 < tape.limit) [[likely]] {
      return append<op, kArity>(tape, 0, {Access::row(operand)...}, value);
    }
  }
  if ((operand.is_number() && ...)) return Scalar(value);
  if ((is_seen_number(operand) || ...)) {
    const bool live = ((operand.is_number() || tape.live(Access::stamp(operand))) && ...);
    if (live && tape.has_room()) [[likely]] {
      unsigned mask = 0, bit = 1;
      const auto link = [&](const Scalar& s) {
        mask |= s.is_number() ? bit : 0;
        bit <<= 1;
        return s.is_number() ? tape.intern(Access::value(s)) : Access::row(s);
      };
      const std::uint32_t links[3] = {link(operand)...};
      return append<op, kArity>(tape, mask, links, value);
    }
  }
  const Scalar operands[] = {operand...};
  return record_slow(op, value, operands, at);
}

}  // namespace detail

constexpr double Scalar::value(Location at) const {
  return detail::watched(*this) ? detail::watched_value(*this, at) : value_;
}

template <Number T>
constexpr Scalar::operator T() const {
  if (!detail::watched(*this)) return static_cast<T>(value_);
  if constexpr (std::same_as<T, bool>) {
    return detail::watched_truth(Op::ne, false, *this, 0.0, {});
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(detail::watched_value(*this, {}));
  } else {
    return static_cast<T>(detail::watched_whole(*this, {}));
  }
}

/// One side of an operator: a Scalar or a plain number, and the source line where it stands.
class Operand {
 public:
  constexpr Operand(const Scalar& scalar, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE())
      : scalar_(scalar), at_{file, line} {}
  template <Number T>
  constexpr Operand(T number, const char* file = __builtin_FILE(), int line = __builtin_LINE())
      : scalar_(number), at_{file, line} {}
  /// Whatever converts to a Scalar: a Condition, a 1×1 Eigen expression.
  template <class T>
  requires(
      !Number<T> && !std::same_as<T, Scalar> && std::is_class_v<T> &&
      std::convertible_to<const T&, Scalar>) constexpr Operand(const T& other,
                                                               const char* file = __builtin_FILE(),
                                                               int line = __builtin_LINE())
      : scalar_(static_cast<Scalar>(other)), at_{file, line} {}

  constexpr const Scalar& scalar() const { return scalar_; }
  constexpr double value() const { return ScalarAccess::value(scalar_); }
  constexpr Location at() const { return at_; }

 private:
  Scalar scalar_;
  Location at_;
};

[[gnu::always_inline]] inline Scalar operator+(const Operand& x, const Operand& y) {
  return detail::record<Op::add>(x.value() + y.value(), x.at(), x.scalar(), y.scalar());
}
[[gnu::always_inline]] inline Scalar operator-(const Operand& x, const Operand& y) {
  return detail::record<Op::sub>(x.value() - y.value(), x.at(), x.scalar(), y.scalar());
}
[[gnu::always_inline]] inline Scalar operator*(const Operand& x, const Operand& y) {
  return detail::record<Op::mul>(x.value() * y.value(), x.at(), x.scalar(), y.scalar());
}
[[gnu::always_inline]] inline Scalar operator/(const Operand& x, const Operand& y) {
  return detail::record<Op::div>(x.value() / y.value(), x.at(), x.scalar(), y.scalar());
}
[[gnu::always_inline]] inline Scalar operator-(const Operand& x) {
  return detail::record<Op::neg>(-x.value(), x.at(), x.scalar());
}
[[gnu::always_inline]] inline Scalar operator+(const Operand& x) { return x.scalar(); }

[[gnu::always_inline]] inline Scalar& Scalar::operator+=(const Operand& y) {
  return *this = Operand(*this, y.at().file, y.at().line) + y;
}
[[gnu::always_inline]] inline Scalar& Scalar::operator-=(const Operand& y) {
  return *this = Operand(*this, y.at().file, y.at().line) - y;
}
[[gnu::always_inline]] inline Scalar& Scalar::operator*=(const Operand& y) {
  return *this = Operand(*this, y.at().file, y.at().line) * y;
}
[[gnu::always_inline]] inline Scalar& Scalar::operator/=(const Operand& y) {
  return *this = Operand(*this, y.at().file, y.at().line) / y;
}

// Every row of the table as a function of Scalars: sin(x), pow(x, 2), select(x > 0, a, b), …
#define CR_SCALARS_1       const Scalar& x
#define CR_SCALARS_2       const Scalar &x, const Scalar &y
#define CR_SCALARS_3       const Scalar &x, const Scalar &y, const Scalar &w
#define CR_SCALAR_VALUES_1 ScalarAccess::value(x)
#define CR_SCALAR_VALUES_2 ScalarAccess::value(x), ScalarAccess::value(y)
#define CR_SCALAR_VALUES_3 ScalarAccess::value(x), ScalarAccess::value(y), ScalarAccess::value(w)
#define CR_OP(name, arity, ...)                                                                   \
  inline Scalar name(CR_SCALARS_##arity, Location at = Location::here()) {                        \
    return detail::record<Op::name>(plain::name(CR_SCALAR_VALUES_##arity), at, CR_NAMES_##arity); \
  }
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
#undef CR_SCALARS_1
#undef CR_SCALARS_2
#undef CR_SCALARS_3
#undef CR_SCALAR_VALUES_1
#undef CR_SCALAR_VALUES_2
#undef CR_SCALAR_VALUES_3

/// The outcome of comparing Scalars. As a bool it decides a branch, which is a guard while a
/// Function is recorded; as a Scalar it is the number 1 or 0, recorded, so that select(x > 0, a, b)
/// keeps the choice in the graph.
class Condition {
 public:
  constexpr Condition(bool value) : x_(value ? 1.0 : 0.0), value_(value) {}
  constexpr Condition(bool value, Op op, const Scalar& x, const Scalar& y, Location at)
      : x_(x), y_(y), at_(at), op_(op), value_(value) {}

  constexpr operator bool() const {
    if (detail::watched(x_) || detail::watched(y_)) {
      return detail::watched_truth(op_, negated_, x_, y_, at_);
    }
    return value_;
  }
  /// 1 or 0; records the comparison if an operand is recorded.
  operator Scalar() const;

  friend constexpr Condition operator!(Condition c) {
    c.value_ = !c.value_;
    c.negated_ = !c.negated_;
    return c;
  }
  friend Condition operator&(const Condition& a, const Condition& b) { return of(both(a, b)); }
  friend Condition operator|(const Condition& a, const Condition& b) { return of(either(a, b)); }
  friend Condition operator==(const Condition& a, const Condition& b) {
    return of(eq(static_cast<Scalar>(a), static_cast<Scalar>(b)));
  }
  friend Condition operator!=(const Condition& a, const Condition& b) {
    return of(ne(static_cast<Scalar>(a), static_cast<Scalar>(b)));
  }

 private:
  static Condition of(const Scalar& truth) {
    return {ScalarAccess::value(truth) != 0, Op::ne, truth, Scalar(0), {}};
  }

  Scalar x_, y_;
  Location at_;
  Op op_ = Op::ne;
  bool value_;
  bool negated_ = false;
};

inline Condition operator==(const Operand& x, const Operand& y) {
  return {x.value() == y.value(), Op::eq, x.scalar(), y.scalar(), x.at()};
}
inline Condition operator!=(const Operand& x, const Operand& y) {
  return {x.value() != y.value(), Op::ne, x.scalar(), y.scalar(), x.at()};
}
inline Condition operator<(const Operand& x, const Operand& y) {
  return {x.value() < y.value(), Op::lt, x.scalar(), y.scalar(), x.at()};
}
inline Condition operator<=(const Operand& x, const Operand& y) {
  return {x.value() <= y.value(), Op::le, x.scalar(), y.scalar(), x.at()};
}
inline Condition operator>(const Operand& x, const Operand& y) {
  return {x.value() > y.value(), Op::gt, x.scalar(), y.scalar(), x.at()};
}
inline Condition operator>=(const Operand& x, const Operand& y) {
  return {x.value() >= y.value(), Op::ge, x.scalar(), y.scalar(), x.at()};
}

/// Records op on operands.size() == info(op).arity operands; a plain number if none is recorded.
Scalar apply(Op op, const Scalar* operands, Location at = Location::here());

/// Leaves. An empty label gives the automatic names var/0, const/0, plc/0.
/// variable: an input that can be assigned and differentiated by.
Scalar variable(double value, std::string_view label, Location at = Location::here());
inline Scalar variable(double value, Location at = Location::here()) {
  detail::Recorder& tape = *detail::active_recorder;
  if (tape.size + 1 >= tape.limit) [[unlikely]]
    return variable(value, {}, at);
  return ScalarAccess::make(value, tape.append(detail::Code::variable, 0, 0, value), tape.stamp);
}
/// constant: a named leaf that has an adjoint and cannot be assigned.
Scalar constant(double value, std::string_view label = {}, Location at = Location::here());
/// placeholder: an input without a value; using it before assign() throws HandleError.
Scalar placeholder(std::string_view label = {}, Location at = Location::here());

/// "label: value, grad" for messages and debugging.
std::string to_string(const Scalar& x);

/// Prints to_string(x) on any std::ostream (S is Scalar; a template, so as not to need <ostream>).
template <class Stream, std::same_as<Scalar> S>
requires requires(Stream& out) { out.setstate(Stream::failbit); }
Stream& operator<<(Stream& out, const S& x) {
  out << to_string(x);
  return out;
}

/// For the formulas of the table: read over Scalars they are recorded at the values in hand, so a
/// choice is decided by them. (select keeps both sides in the graph.)
inline Scalar choose(bool condition, const Scalar& a, const Scalar& b) { return condition ? a : b; }

// ---- the rest of <cmath> ----------------------------------------------------------------------

/// The value that x has here and now. No guard: for code that does not decide by it.
inline double primal(const Scalar& x) {
  return detail::watched(x) ? detail::present_value(x) : ScalarAccess::value(x);
}
/// Whether choices stay in the graph: while a Function is recorded.
bool keeps_choices(const Scalar& x);

/// The length of (x, y, w), without overflow halfway; gradient 0 at the origin.
inline Scalar hypot(const Scalar& x, const Scalar& y, const Scalar& w,
                    Location at = Location::here()) {
  return hypot3(x, y, w, at);
}
inline Scalar fabs(const Scalar& x, Location at = Location::here()) { return abs(x, at); }
inline Scalar scalbn(const Scalar& x, int n) { return ldexp(x, n); }
inline Scalar scalbln(const Scalar& x, long n) { return ldexp(x, n); }
/// x = mantissa · 2^exponent, mantissa in [½, 1).
Scalar frexp(const Scalar& x, int* exponent, Location at = Location::here());
/// The fractional part; the integer part, which has no derivative, goes to *integer.
Scalar modf(const Scalar& x, Scalar* integer);
Scalar remquo(const Scalar& x, const Scalar& y, int* quotient, Location at = Location::here());

// What gives a bool or an integer is a guard while a Function is recorded.

bool isnan(const Scalar& x, Location at = Location::here());
bool isinf(const Scalar& x, Location at = Location::here());
bool isfinite(const Scalar& x, Location at = Location::here());
bool isnormal(const Scalar& x, Location at = Location::here());
bool signbit(const Scalar& x, Location at = Location::here());
int ilogb(const Scalar& x, Location at = Location::here());
long lround(const Scalar& x, Location at = Location::here());
long long llround(const Scalar& x, Location at = Location::here());
long lrint(const Scalar& x, Location at = Location::here());
long long llrint(const Scalar& x, Location at = Location::here());

// The last operand of these rows has a usual value.
inline Scalar leaky_relu(const Scalar& x) {
  return leaky_relu(x, usual_last_operand(Op::leaky_relu));
}
inline Scalar elu(const Scalar& x) { return elu(x, usual_last_operand(Op::elu)); }
inline Scalar selu(const Scalar& x) { return selu(x, usual_last_operand(Op::selu)); }

// Plain numbers through the functions that <cmath> lacks, for code that is generic over double.
#define CR_OP(...)
#define CR_FN(...)
#define CR_DEF(name, ...) using plain::name;
#include "chainrule/op/ops.def"
using plain::digamma;
using plain::leaky_relu;
using plain::polygamma;
using plain::relu;

}  // namespace chainrule

/// A Scalar has the range and precision of a double.
template <>
class std::numeric_limits<chainrule::Scalar> : public std::numeric_limits<double> {};
