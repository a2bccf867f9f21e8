// The rows over one kind of vector register. vector_math.cpp includes this file once for each kind,
// in a namespace of its own, after it has said what a register is:
//
//   Register, Lane, kLanes      a vector of kLanes numbers
//   load, store                 between a register and an aligned array
//   within(x, low, high)        a bit for each lane with low <= x <= high: no NaN is within
//   sized(x, low, high)         a bit for each lane with low <= |x| <= high
//   CR_TARGET                   the attribute that lets a function use the registers
//   CR_SLEEF_NAME(name, ulps)   SLEEF's function over such a register
//   CR_TRUSTED(f64, f32)        the one of the two for this Lane
//
// There is no include guard for that reason.

using Lanes = Lane[kLanes];
constexpr unsigned kAll = (1u << kLanes) - 1;

// The row by plain::NAME in every lane.
template <Op op>
CR_TARGET Register each_lane_1(Register x) {
  alignas(Register) Lanes xs, zs;
  store(xs, x);
  compute_lanes<op>(kAll, zs, xs);
  return load(zs);
}
template <Op op>
CR_TARGET Register each_lane_2(Register x, Register y) {
  alignas(Register) Lanes xs, ys, zs;
  store(xs, x), store(ys, y);
  compute_lanes<op>(kAll, zs, xs, ys);
  return load(zs);
}
template <Op op>
CR_TARGET Register each_lane_3(Register x, Register y, Register w) {
  alignas(Register) Lanes xs, ys, ws, zs;
  store(xs, x), store(ys, y), store(ws, w);
  compute_lanes<op>(kAll, zs, xs, ys, ws);
  return load(zs);
}

// f, where the lanes that are not trusted are computed again by plain::NAME. Out of line, so that
// the usual case keeps no register over a call.
template <Op op>
CR_TARGET [[gnu::noinline]] Register mended_1(unsigned trusted, Register (*f)(Register),
                                              Register x) {
  alignas(Register) Lanes xs, zs;
  store(xs, x), store(zs, f(x));
  compute_lanes<op>(kAll & ~trusted, zs, xs);
  return load(zs);
}
template <Op op>
CR_TARGET [[gnu::noinline]] Register mended_2(unsigned trusted, Register (*f)(Register, Register),
                                              Register x, Register y) {
  alignas(Register) Lanes xs, ys, zs;
  store(xs, x), store(ys, y), store(zs, f(x, y));
  compute_lanes<op>(kAll & ~trusted, zs, xs, ys);
  return load(zs);
}

/// SLEEF 3.5's functions, named as the rows are; a row that is not here has none.
namespace sleef {

using namespace no_vector_math;

#if CHAINRULE_WITH_SLEEF
#define CR_REGISTERS_1 Register x
#define CR_REGISTERS_2 Register x, Register y
// A row's vector function: the name, its arity, SLEEF's bound (in tenths of an ulp), and which
// lanes are trusted to it, in doubles and in floats.
#define CR_VECTOR(name, arity, ulps, f64, f32)                                             \
  extern "C" CR_TARGET Register CR_SLEEF_NAME(name, ulps)(CR_REGISTERS_##arity);           \
  CR_TARGET Register name(CR_REGISTERS_##arity) {                                          \
    const unsigned trusted = CR_TRUSTED(f64, f32);                                         \
    if (trusted == kAll) [[likely]]                                                        \
      return CR_SLEEF_NAME(name, ulps)(CR_NAMES_##arity);                                  \
    return mended_##arity<Op::name>(trusted, CR_SLEEF_NAME(name, ulps), CR_NAMES_##arity); \
  }

CR_VECTOR(exp, 1, _u10, within(x, -700, 700), within(x, -80, 80))
CR_VECTOR(log, 1, _u10, within(x, 1e-300, 1e300), within(x, 1e-30F, 1e30F))
CR_VECTOR(sin, 1, _u10, sized(x, 0, 1e9), sized(x, 0, 1e4F))
CR_VECTOR(cos, 1, _u10, sized(x, 0, 1e9), sized(x, 0, 1e4F))
CR_VECTOR(tanh, 1, _u10, sized(x, 0, 1e300), sized(x, 0, 1e30F))

#undef CR_VECTOR
#undef CR_REGISTERS_1
#undef CR_REGISTERS_2
#endif

}  // namespace sleef

inline const void* address_of(Register (*f)(Register)) { return reinterpret_cast<const void*>(f); }
inline const void* address_of(Register (*f)(Register, Register)) {
  return reinterpret_cast<const void*>(f);
}
inline const void* address_of(Register (*f)(Register, Register, Register)) {
  return reinterpret_cast<const void*>(f);
}
inline const void* address_of(NoVectorMath) { return nullptr; }

inline const void* lane_by_lane(Op op) {
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

/// Null if there is none.
inline const void* vector_math(Op op) {
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

inline const void* function(Op op, Arithmetic arithmetic) {
  const void* whole = arithmetic == Arithmetic::relaxed ? vector_math(op) : nullptr;
  return whole != nullptr ? whole : lane_by_lane(op);
}
