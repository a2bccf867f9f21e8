#include "chainrule/emit/x64/vector_math_internal.hpp"

#if defined(__x86_64__) && CHAINRULE_WITH_ASMJIT

#include <bit>

#include "chainrule/emit/x64/vector_lanes_internal.hpp"

namespace chainrule::x64 {

template <Op op, class Lane, class... Lanes>
void compute_lanes(unsigned which, Lane* z, const Lane* x, const Lanes*... more) {
  for (; which != 0; which &= which - 1) {
    const int i = std::countr_zero(which);
    z[i] = static_cast<Lane>(Rule<op>::template apply<double>(double{x[i]}, double{more[i]}...));
  }
}

#define CR_LANES_1(Lane) const Lane*
#define CR_LANES_2(Lane) const Lane*, const Lane*
#define CR_LANES_3(Lane) const Lane*, const Lane*, const Lane*
#define CR_OP(name, arity, ...)                                                         \
  template void compute_lanes<Op::name>(unsigned, double* z, CR_LANES_##arity(double)); \
  template void compute_lanes<Op::name>(unsigned, float* z, CR_LANES_##arity(float));
#define CR_FN  CR_OP
#define CR_DEF CR_OP
#include "chainrule/op/ops.def"
#undef CR_LANES_1
#undef CR_LANES_2
#undef CR_LANES_3

bool is_supported(Isa isa) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("fma")) return false;
  if (isa == Isa::avx2) return __builtin_cpu_supports("avx2");
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

namespace {

const void* lane_by_lane(Op op, Isa isa, Precision precision) {
  if (isa == Isa::avx512)
    return precision == Precision::f64 ? avx512_f64::lane_by_lane(op)
                                       : avx512_f32::lane_by_lane(op);
  return precision == Precision::f64 ? avx2_f64::lane_by_lane(op) : avx2_f32::lane_by_lane(op);
}

const void* vector_math(Op op, Isa isa, Precision precision) {
  if (isa == Isa::avx512)
    return precision == Precision::f64 ? avx512_f64::vector_math(op) : avx512_f32::vector_math(op);
  return precision == Precision::f64 ? avx2_f64::vector_math(op) : avx2_f32::vector_math(op);
}

}  // namespace

const void* vector_function(Op op, Isa isa, Precision precision, Arithmetic arithmetic) {
  const void* whole = arithmetic == Arithmetic::relaxed ? vector_math(op, isa, precision) : nullptr;
  return whole != nullptr ? whole : lane_by_lane(op, isa, precision);
}

bool has_vector_math(Op op) { return vector_math(op, Isa::avx2, Precision::f64) != nullptr; }

}  // namespace chainrule::x64

#else

namespace chainrule::x64 {

bool is_supported(Isa) { return false; }
const void* vector_function(Op, Isa, Precision, Arithmetic) { return nullptr; }
bool has_vector_math(Op) { return false; }

}  // namespace chainrule::x64

#endif
