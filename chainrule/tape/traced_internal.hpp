// Traced: Scalars read so that nothing is decided. A comparison gives a Predicate, a recorded 1 or
// 0, and choose() keeps both sides as a select: a pullback read over Traced holds on every branch.
#pragma once

#include "chainrule/tape/scalar.hpp"

namespace chainrule {

/// A truth that may be known now (a plain number) or only when the recording is run.
class Predicate {
 public:
  Predicate(bool known) : truth_(known ? 1.0 : 0.0) {}
  explicit Predicate(const Scalar& truth) : truth_(truth) {}

  const Scalar& truth() const { return truth_; }
  bool is_known() const { return truth_.is_number(); }
  bool is_true() const { return is_known() && primal(truth_) != 0; }
  bool is_false() const { return is_known() && primal(truth_) == 0; }
  bool is(const Predicate& other) const {
    return is_known() ? other.is_known() && is_true() == other.is_true()
                      : ScalarAccess::handle(truth_) == ScalarAccess::handle(other.truth_);
  }

  friend Predicate operator!(const Predicate& p) { return Predicate(negate(p.truth_)); }
  friend Predicate and_(const Predicate& p, const Predicate& q) {
    if (p.is_known()) return p.is_true() ? q : p;
    if (q.is_known()) return q.is_true() ? p : q;
    return p.is(q) ? p : Predicate(both(p.truth_, q.truth_));
  }
  friend Predicate or_(const Predicate& p, const Predicate& q) {
    if (p.is_known()) return p.is_true() ? p : q;
    if (q.is_known()) return q.is_true() ? q : p;
    return p.is(q) ? p : Predicate(either(p.truth_, q.truth_));
  }

 private:
  Scalar truth_;
};

class Traced;
template <>
struct TruthOf<Traced> {
  using type = Predicate;
};

class Traced {
 public:
  template <Number T>
  Traced(T number) : scalar_(number) {}
  Traced(const Scalar& scalar) : scalar_(scalar) {}
  const Scalar& scalar() const { return scalar_; }

  // Every row of the table, by its name.
#define CR_TRACED_1         const Traced& x
#define CR_TRACED_2         const Traced &x, const Traced &y
#define CR_TRACED_3         const Traced &x, const Traced &y, const Traced &w
#define CR_TRACED_SCALARS_1 x.scalar_
#define CR_TRACED_SCALARS_2 x.scalar_, y.scalar_
#define CR_TRACED_SCALARS_3 x.scalar_, y.scalar_, w.scalar_
#define CR_OP(name, arity, ...) \
  friend Traced name(CR_TRACED_##arity) { return chainrule::name(CR_TRACED_SCALARS_##arity); }
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
#undef CR_TRACED_1
#undef CR_TRACED_2
#undef CR_TRACED_3
#undef CR_TRACED_SCALARS_1
#undef CR_TRACED_SCALARS_2
#undef CR_TRACED_SCALARS_3

  friend Traced operator+(const Traced& x, const Traced& y) { return x.scalar_ + y.scalar_; }
  friend Traced operator-(const Traced& x, const Traced& y) { return x.scalar_ - y.scalar_; }
  // 1·y → y, exactly: the seed of every gradient.
  friend Traced operator*(const Traced& x, const Traced& y) {
    if (x.is_one()) return y;
    return y.is_one() ? x : Traced(x.scalar_ * y.scalar_);
  }
  friend Traced operator/(const Traced& x, const Traced& y) { return x.scalar_ / y.scalar_; }
  friend Traced operator-(const Traced& x) { return -x.scalar_; }
  friend Traced operator+(const Traced& x) { return x; }

  friend Predicate operator==(const Traced& x, const Traced& y) {
    return Predicate(chainrule::eq(x.scalar_, y.scalar_));
  }
  friend Predicate operator!=(const Traced& x, const Traced& y) {
    return Predicate(chainrule::ne(x.scalar_, y.scalar_));
  }
  friend Predicate operator<(const Traced& x, const Traced& y) {
    return Predicate(chainrule::lt(x.scalar_, y.scalar_));
  }
  friend Predicate operator<=(const Traced& x, const Traced& y) {
    return Predicate(chainrule::le(x.scalar_, y.scalar_));
  }
  friend Predicate operator>(const Traced& x, const Traced& y) {
    return Predicate(chainrule::gt(x.scalar_, y.scalar_));
  }
  friend Predicate operator>=(const Traced& x, const Traced& y) {
    return Predicate(chainrule::ge(x.scalar_, y.scalar_));
  }

  friend Traced choose(const Predicate& p, const Traced& a, const Traced& b) {
    if (p.is_known()) return p.is_true() ? a : b;
    return chainrule::select(p.truth(), a.scalar_, b.scalar_);
  }

  bool is_one() const { return scalar_.is_number() && primal(scalar_) == 1.0; }

 private:
  Scalar scalar_;
};

}  // namespace chainrule
