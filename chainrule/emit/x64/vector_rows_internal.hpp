// The rows over one kind of vector register: the two files of such rows include this one once for
// each kind, in a namespace of its own, after they have said what a register is:
//
//   Register, Lane                 a vector, and one of its numbers
//   at_most, at_least(x, bound)    a bit for each lane on that side; a NaN is on either
//   size_of(x)                     |x|
//   CR_SLEEF_NAME(name, ulps)      SLEEF's function over such a register
//   CR_TRUSTED(f64, f32)           the one of the two for this Lane
//
// There is no include guard for that reason.

namespace {

constexpr int kLanes = sizeof(Register) / sizeof(Lane);
using Lanes = Lane[kLanes];
constexpr unsigned kAll = (1u << kLanes) - 1;
constexpr Lane kLargest = std::numeric_limits<Lane>::max();
constexpr Lane kSmallest = std::numeric_limits<Lane>::min();

// An array that is aligned as a register is. Compilers let these types stand for any others.
Register load(const Lane* from) { return *reinterpret_cast<const Register*>(from); }
void store(Lane* to, Register x) { *reinterpret_cast<Register*>(to) = x; }

unsigned size_at_most(Register x, Lane bound) { return at_most(size_of(x), bound); }
unsigned size_at_least(Register x, Lane bound) { return at_least(size_of(x), bound); }
// Zero, or of a size that has all its digits. Without SLEEF nobody asks.
[[maybe_unused]] unsigned not_subnormal(Register x) {
  return size_at_least(x, kSmallest) | size_at_most(x, 0);
}

// The row by plain::NAME in every lane.
template <Op op>
Register each_lane_1(Register x) {
  alignas(Register) Lanes xs, zs;
  store(xs, x);
  compute_lanes<op>(kAll, zs, xs);
  return load(zs);
}
template <Op op>
Register each_lane_2(Register x, Register y) {
  alignas(Register) Lanes xs, ys, zs;
  store(xs, x), store(ys, y);
  compute_lanes<op>(kAll, zs, xs, ys);
  return load(zs);
}
template <Op op>
Register each_lane_3(Register x, Register y, Register w) {
  alignas(Register) Lanes xs, ys, ws, zs;
  store(xs, x), store(ys, y), store(ws, w);
  compute_lanes<op>(kAll, zs, xs, ys, ws);
  return load(zs);
}

// f, where the lanes that are not trusted are computed again by plain::NAME. Out of line, so that
// the usual case keeps no register over a call.
template <Op op>
[[gnu::noinline]] Register mended_1(unsigned trusted, Register (*f)(Register), Register x) {
  alignas(Register) Lanes xs, zs;
  store(xs, x), store(zs, f(x));
  compute_lanes<op>(kAll & ~trusted, zs, xs);
  return load(zs);
}
template <Op op>
[[gnu::noinline]] Register mended_2(unsigned trusted, Register (*f)(Register, Register), Register x,
                                    Register y) {
  alignas(Register) Lanes xs, ys, zs;
  store(xs, x), store(ys, y), store(zs, f(x, y));
  compute_lanes<op>(kAll & ~trusted, zs, xs, ys);
  return load(zs);
}

/// SLEEF 3.5's functions, named as the rows are; a row that is not here has none. Of each function
/// the finz_ variant: the same bits with AVX2 as with AVX-512. lgamma is left out: eight lanes of
/// the C library take less time. So is tgamma, where the C library itself is off by more ulps than
/// the row states.
namespace sleef {

using namespace no_vector_math;

#if CHAINRULE_WITH_SLEEF
#define CR_REGISTERS_1 Register x
#define CR_REGISTERS_2 Register x, Register y
// A row's vector function: the name, its arity, SLEEF's bound (in tenths of an ulp), and which
// lanes are trusted to it, in doubles and in floats.
#define CR_VECTOR(name, arity, ulps, f64, f32)                                             \
  extern "C" Register CR_SLEEF_NAME(name, ulps)(CR_REGISTERS_##arity);                     \
  Register name(CR_REGISTERS_##arity) {                                                    \
    const unsigned trusted = CR_TRUSTED(f64, f32);                                         \
    if (trusted == kAll) [[likely]]                                                        \
      return CR_SLEEF_NAME(name, ulps)(CR_NAMES_##arity);                                  \
    return mended_##arity<Op::name>(trusted, CR_SLEEF_NAME(name, ulps), CR_NAMES_##arity); \
  }

// The intervals were measured against MPFR and the C library's long double: of doubles a thousand
// in each binade and the neighbourhood of zeros, poles and thresholds; of floats one in 97. Inside,
// no error above the bound was seen but 1.1 ulps of erf in floats next to the smallest normal one.

// Everywhere: NaN, infinities, subnormal numbers and both zeros come out as the C library's do.
CR_VECTOR(exp2, 1, _u10, kAll, kAll)
CR_VECTOR(expm1, 1, _u10, kAll, kAll)
CR_VECTOR(log, 1, _u10, kAll, kAll)
CR_VECTOR(log2, 1, _u10, kAll, kAll)
CR_VECTOR(log10, 1, _u10, kAll, kAll)
CR_VECTOR(sin, 1, _u10, kAll, kAll)
CR_VECTOR(cos, 1, _u10, kAll, kAll)
CR_VECTOR(asin, 1, _u10, kAll, kAll)
CR_VECTOR(acos, 1, _u10, kAll, kAll)
CR_VECTOR(atan, 1, _u10, kAll, kAll)
CR_VECTOR(atan2, 2, _u10, kAll, kAll)
CR_VECTOR(tanh, 1, _u10, kAll, kAll)
CR_VECTOR(atanh, 1, _u10, kAll, kAll)
CR_VECTOR(erf, 1, _u10, kAll, kAll)
CR_VECTOR(erfc, 1, _u15, kAll, kAll)
CR_VECTOR(cbrt, 1, _u10, kAll, kAll)
CR_VECTOR(hypot, 2, _u05, kAll, kAll)

// Infinite from 709.782711 on, where the largest exponential is that of 709.782712893.
CR_VECTOR(exp, 1, _u10, at_most(x, 709.78), kAll)
// Through exp(|x|), which overflows before its half does.
CR_VECTOR(sinh, 1, _u10, size_at_most(x, 709), size_at_most(x, 88))
CR_VECTOR(cosh, 1, _u10, size_at_most(x, 709), size_at_most(x, 88))
// Through x x, which overflows.
CR_VECTOR(acosh, 1, _u10, at_most(x, 1e154), at_most(x, 1e19F))
// The smallest of the subnormal numbers lose their sign; log1p and asinh overflow as well.
CR_VECTOR(tan, 1, _u10, not_subnormal(x), not_subnormal(x))
CR_VECTOR(log1p, 1, _u10, at_most(x, 1e307) & not_subnormal(x),
          at_most(x, 1e38F) & not_subnormal(x))
CR_VECTOR(asinh, 1, _u10, size_at_most(x, 1e154) & not_subnormal(x),
          size_at_most(x, 1e19F) & not_subnormal(x))
// Exact as long as x/y does not overflow.
CR_VECTOR(fmod, 2, _, size_at_most(x, 1e150) & size_at_least(y, 1e-150),
          size_at_most(x, 1e18F) & size_at_least(y, 1e-18F))
CR_VECTOR(remainder, 2, _, size_at_most(x, 1e150) & size_at_least(y, 1e-150),
          size_at_most(x, 1e18F) & size_at_least(y, 1e-18F))

// Infinite from 1.797693131e308 on, as exp is. What of x and y leads there is as dear as pow
// itself, so that the result is looked at.
extern "C" Register CR_SLEEF_NAME(pow, _u10)(Register x, Register y);
Register pow(Register x, Register y) {
  const Register z = CR_SLEEF_NAME(pow, _u10)(x, y);
  const unsigned trusted = size_at_most(z, kLargest);
  if (trusted == kAll) [[likely]]
    return z;
  return mended_2<Op::pow>(trusted, CR_SLEEF_NAME(pow, _u10), x, y);
}

#undef CR_VECTOR
#undef CR_REGISTERS_1
#undef CR_REGISTERS_2
#endif

}  // namespace sleef

const void* address_of(Register (*f)(Register)) { return reinterpret_cast<const void*>(f); }
const void* address_of(Register (*f)(Register, Register)) {
  return reinterpret_cast<const void*>(f);
}
const void* address_of(Register (*f)(Register, Register, Register)) {
  return reinterpret_cast<const void*>(f);
}
const void* address_of(NoVectorMath) { return nullptr; }

}  // namespace

const void* lane_by_lane(Op op) {
  switch (op) {
#define CR_OP(name, arity, ...) \
  case Op::name:                \
    return address_of(each_lane_##arity<Op::name>);
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
  }
  __builtin_unreachable();
}

const void* vector_math(Op op) {
  switch (op) {
#define CR_OP(name, ...) \
  case Op::name:         \
    return address_of(sleef::name);
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
  }
  __builtin_unreachable();
}
