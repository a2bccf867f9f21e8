// Wire: the algebra of machine registers. A row of the table read over Wire appends the
// instructions that compute it, and gives the value in which the result stands.
//
// A row whose value is a formula becomes that formula, exactly as the eager engine computes it. A
// function becomes instructions where as_instructions() says how (correctly rounded in hardware, so
// the same bits), else a call. In strict arithmetic on floats a row is rounded once: there a
// formula of several operations is a call, too.
#pragma once

#include "chainrule/emit/builder_internal.hpp"

namespace chainrule {

namespace emit {
class Wire;
class Mask;
}  // namespace emit

template <>
struct TruthOf<emit::Wire> {
  using type = emit::Mask;
};

namespace emit {

/// Formulas are read with one builder at a time, a thread's.
class Building {
 public:
  explicit Building(Builder& builder) : before_(current_) { current_ = &builder; }
  ~Building() { current_ = before_; }
  Building(const Building&) = delete;
  Building& operator=(const Building&) = delete;
  static Builder& builder() { return *current_; }

 private:
  static thread_local Builder* current_;
  Builder* before_;
};

class Mask {
 public:
  Mask(bool known) : value_(Building::builder().known(known)) {}
  static Mask of(Value value) { return Mask(value); }
  Value value() const { return value_; }

  friend Mask operator!(const Mask& m) { return of(Building::builder().mask_not(m.value_)); }
  friend Mask and_(const Mask& a, const Mask& b) {
    return of(Building::builder().mask_and(a.value_, b.value_));
  }
  friend Mask or_(const Mask& a, const Mask& b) {
    return of(Building::builder().mask_or(a.value_, b.value_));
  }

 private:
  explicit Mask(Value value) : value_(value) {}
  Value value_;
};

class Wire {
 public:
  template <Number T>
  Wire(T number) : value_(Building::builder().constant(static_cast<double>(number))) {}
  static Wire of(Value value) { return Wire(value, 0); }
  Value value() const { return value_; }
  /// op on operands[0 … arity).
  static Wire row(Op op, const Wire* operands);

  // Every row of the table, by its name.
#define CR_WIRE_1 const Wire& x
#define CR_WIRE_2 const Wire &x, const Wire &y
#define CR_WIRE_3 const Wire &x, const Wire &y, const Wire &w
#define CR_OP(name, arity, ...)                 \
  friend Wire name(CR_WIRE_##arity) {           \
    const Wire operands[] = {CR_NAMES_##arity}; \
    return row(Op::name, operands);             \
  }
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
#undef CR_WIRE_1
#undef CR_WIRE_2
#undef CR_WIRE_3

  friend Wire operator+(const Wire& x, const Wire& y) { return of(Act::add, x, y); }
  friend Wire operator-(const Wire& x, const Wire& y) { return of(Act::sub, x, y); }
  friend Wire operator*(const Wire& x, const Wire& y) { return of(Act::mul, x, y); }
  friend Wire operator/(const Wire& x, const Wire& y) { return of(Act::div, x, y); }
  friend Wire operator-(const Wire& x);
  friend Wire operator+(const Wire& x) { return x; }

  friend Mask operator==(const Wire& x, const Wire& y) { return with(Compare::equal, x, y); }
  friend Mask operator!=(const Wire& x, const Wire& y) { return with(Compare::not_equal, x, y); }
  friend Mask operator<(const Wire& x, const Wire& y) { return with(Compare::less, x, y); }
  friend Mask operator<=(const Wire& x, const Wire& y) { return with(Compare::less_equal, x, y); }
  friend Mask operator>(const Wire& x, const Wire& y) { return with(Compare::less, y, x); }
  friend Mask operator>=(const Wire& x, const Wire& y) { return with(Compare::less_equal, y, x); }

  /// Of floats: see rules::rest_of.
  friend Wire rest_of(const Wire&, double number, double rest) {
    return Wire(number - rounded(Building::builder().program().precision, number) + rest);
  }

  friend Wire choose(const Mask& m, const Wire& a, const Wire& b) {
    return of(Building::builder().blend(m.value(), a.value_, b.value_));
  }

 private:
  Wire(Value value, int) : value_(value) {}
  static Wire of(Act act, const Wire& x, const Wire& y) {
    return of(Building::builder().arithmetic(act, x.value_, y.value_));
  }
  static Mask with(Compare how, const Wire& x, const Wire& y) {
    return Mask::of(Building::builder().compare(how, x.value_, y.value_));
  }

  Value value_;
};

/// The value of op on operands[0 … arity), appended to the builder's Program.
Value lower_row(Op op, const Value* operands);

}  // namespace emit
}  // namespace chainrule
