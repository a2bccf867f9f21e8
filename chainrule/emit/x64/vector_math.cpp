#include "chainrule/emit/x64/vector_math_internal.hpp"

#if defined(__x86_64__) && CHAINRULE_WITH_ASMJIT

#include <immintrin.h>

#include <bit>
#include <limits>

// Instructions beyond the build's own are allowed function by function, and none of those functions
// is a shared inline one: the linker could keep its AVX copy for the whole program.
namespace chainrule::x64 {
namespace {

// z[i] = the row of x[i], y[i], … for every bit i of `which`. Compiled for any x86-64.
template <Op op, class Lane, class... Lanes>
[[gnu::noinline]] void compute_lanes(unsigned which, Lane* z, const Lane* x, const Lanes*... more) {
  for (; which != 0; which &= which - 1) {
    const int i = std::countr_zero(which);
    z[i] = static_cast<Lane>(Rule<op>::template apply<double>(double{x[i]}, double{more[i]}...));
  }
}

}  // namespace

// What stands for the vector function of a row that has none.
struct NoVectorMath {};
namespace no_vector_math {
#define CR_OP(name, ...) inline constexpr NoVectorMath name{};
#define CR_FN            CR_OP
#define CR_DEF           CR_OP
#include "chainrule/op/ops.def"
}  // namespace no_vector_math

#define CR_FIRST(f64, f32)  f64
#define CR_SECOND(f64, f32) f32

#define CR_TARGET [[gnu::target("avx512f,avx512dq,avx512vl,fma")]]

namespace avx512_f64 {
using Register = __m512d;
using Lane = double;
constexpr int kLanes = 8;
CR_TARGET inline Register load(const Lane* from) { return _mm512_load_pd(from); }
CR_TARGET inline void store(Lane* to, Register x) { _mm512_store_pd(to, x); }
CR_TARGET inline unsigned at_most(Register x, Lane bound) {
  return _mm512_cmp_pd_mask(x, _mm512_set1_pd(bound), _CMP_NGT_UQ);
}
CR_TARGET inline unsigned at_least(Register x, Lane bound) {
  return _mm512_cmp_pd_mask(x, _mm512_set1_pd(bound), _CMP_NLT_UQ);
}
CR_TARGET inline Register size_of(Register x) { return _mm512_abs_pd(x); }
#define CR_SLEEF_NAME(name, ulps) Sleef_finz_##name##d8##ulps##avx512f
#define CR_TRUSTED                CR_FIRST
#include "chainrule/emit/x64/vector_rows_internal.hpp"
#undef CR_SLEEF_NAME
#undef CR_TRUSTED
}  // namespace avx512_f64

namespace avx512_f32 {
using Register = __m512;
using Lane = float;
constexpr int kLanes = 16;
CR_TARGET inline Register load(const Lane* from) { return _mm512_load_ps(from); }
CR_TARGET inline void store(Lane* to, Register x) { _mm512_store_ps(to, x); }
CR_TARGET inline unsigned at_most(Register x, Lane bound) {
  return _mm512_cmp_ps_mask(x, _mm512_set1_ps(bound), _CMP_NGT_UQ);
}
CR_TARGET inline unsigned at_least(Register x, Lane bound) {
  return _mm512_cmp_ps_mask(x, _mm512_set1_ps(bound), _CMP_NLT_UQ);
}
CR_TARGET inline Register size_of(Register x) { return _mm512_abs_ps(x); }
#define CR_SLEEF_NAME(name, ulps) Sleef_finz_##name##f16##ulps##avx512f
#define CR_TRUSTED                CR_SECOND
#include "chainrule/emit/x64/vector_rows_internal.hpp"
#undef CR_SLEEF_NAME
#undef CR_TRUSTED
}  // namespace avx512_f32

#undef CR_TARGET
#define CR_TARGET [[gnu::target("avx2,fma")]]

namespace avx2_f64 {
using Register = __m256d;
using Lane = double;
constexpr int kLanes = 4;
CR_TARGET inline Register load(const Lane* from) { return _mm256_load_pd(from); }
CR_TARGET inline void store(Lane* to, Register x) { _mm256_store_pd(to, x); }
CR_TARGET inline unsigned at_most(Register x, Lane bound) {
  return static_cast<unsigned>(
      _mm256_movemask_pd(_mm256_cmp_pd(x, _mm256_set1_pd(bound), _CMP_NGT_UQ)));
}
CR_TARGET inline unsigned at_least(Register x, Lane bound) {
  return static_cast<unsigned>(
      _mm256_movemask_pd(_mm256_cmp_pd(x, _mm256_set1_pd(bound), _CMP_NLT_UQ)));
}
CR_TARGET inline Register size_of(Register x) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), x); }
#define CR_SLEEF_NAME(name, ulps) Sleef_finz_##name##d4##ulps##avx2
#define CR_TRUSTED                CR_FIRST
#include "chainrule/emit/x64/vector_rows_internal.hpp"
#undef CR_SLEEF_NAME
#undef CR_TRUSTED
}  // namespace avx2_f64

namespace avx2_f32 {
using Register = __m256;
using Lane = float;
constexpr int kLanes = 8;
CR_TARGET inline Register load(const Lane* from) { return _mm256_load_ps(from); }
CR_TARGET inline void store(Lane* to, Register x) { _mm256_store_ps(to, x); }
CR_TARGET inline unsigned at_most(Register x, Lane bound) {
  return static_cast<unsigned>(
      _mm256_movemask_ps(_mm256_cmp_ps(x, _mm256_set1_ps(bound), _CMP_NGT_UQ)));
}
CR_TARGET inline unsigned at_least(Register x, Lane bound) {
  return static_cast<unsigned>(
      _mm256_movemask_ps(_mm256_cmp_ps(x, _mm256_set1_ps(bound), _CMP_NLT_UQ)));
}
CR_TARGET inline Register size_of(Register x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), x); }
#define CR_SLEEF_NAME(name, ulps) Sleef_finz_##name##f8##ulps##avx2
#define CR_TRUSTED                CR_SECOND
#include "chainrule/emit/x64/vector_rows_internal.hpp"
#undef CR_SLEEF_NAME
#undef CR_TRUSTED
}  // namespace avx2_f32

#undef CR_TARGET
#undef CR_FIRST
#undef CR_SECOND

bool is_supported(Isa isa) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("fma")) return false;
  if (isa == Isa::avx2) return __builtin_cpu_supports("avx2");
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

const void* vector_function(Op op, Isa isa, Width width, Arithmetic arithmetic) {
  if (isa == Isa::avx512) {
    return width == Width::f64 ? avx512_f64::function(op, arithmetic)
                               : avx512_f32::function(op, arithmetic);
  }
  return width == Width::f64 ? avx2_f64::function(op, arithmetic)
                             : avx2_f32::function(op, arithmetic);
}

bool has_vector_math(Op op) { return avx512_f64::vector_math(op) != nullptr; }

}  // namespace chainrule::x64

#else

namespace chainrule::x64 {

bool is_supported(Isa) { return false; }
const void* vector_function(Op, Isa, Width, Arithmetic) { return nullptr; }
bool has_vector_math(Op) { return false; }

}  // namespace chainrule::x64

#endif
