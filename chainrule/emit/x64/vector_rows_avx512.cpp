// The rows over the registers of AVX-512. Compiled for such processors, calling convention
// included (cmake/targets.cmake), and run on no other.
//
// Nothing here is shared with another source: an inline function or a template that is would be
// compiled with these instructions, and the linker could keep that copy for the whole program.

#if defined(__x86_64__) && CHAINRULE_WITH_ASMJIT

#include <immintrin.h>

#include <limits>

#include "chainrule/emit/x64/vector_lanes_internal.hpp"

namespace chainrule::x64 {

#define CR_FIRST(f64, f32)  f64
#define CR_SECOND(f64, f32) f32

namespace avx512_f64 {
namespace {
using Register = __m512d;
using Lane = double;
unsigned at_most(Register x, Lane bound) {
  return _mm512_cmp_pd_mask(x, _mm512_set1_pd(bound), _CMP_NGT_UQ);
}
unsigned at_least(Register x, Lane bound) {
  return _mm512_cmp_pd_mask(x, _mm512_set1_pd(bound), _CMP_NLT_UQ);
}
Register size_of(Register x) { return _mm512_abs_pd(x); }
}  // namespace
#define CR_SLEEF_NAME(name, ulps) Sleef_finz_##name##d8##ulps##avx512f
#define CR_TRUSTED                CR_FIRST
#include "chainrule/emit/x64/vector_rows_internal.hpp"
#undef CR_SLEEF_NAME
#undef CR_TRUSTED
}  // namespace avx512_f64

namespace avx512_f32 {
namespace {
using Register = __m512;
using Lane = float;
unsigned at_most(Register x, Lane bound) {
  return _mm512_cmp_ps_mask(x, _mm512_set1_ps(bound), _CMP_NGT_UQ);
}
unsigned at_least(Register x, Lane bound) {
  return _mm512_cmp_ps_mask(x, _mm512_set1_ps(bound), _CMP_NLT_UQ);
}
Register size_of(Register x) { return _mm512_abs_ps(x); }
}  // namespace
#define CR_SLEEF_NAME(name, ulps) Sleef_finz_##name##f16##ulps##avx512f
#define CR_TRUSTED                CR_SECOND
#include "chainrule/emit/x64/vector_rows_internal.hpp"
#undef CR_SLEEF_NAME
#undef CR_TRUSTED
}  // namespace avx512_f32

#undef CR_FIRST
#undef CR_SECOND

}  // namespace chainrule::x64

#endif
