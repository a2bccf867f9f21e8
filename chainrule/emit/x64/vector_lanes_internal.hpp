// Between the rows over vector registers, which are compiled for processors with such registers,
// and the rows lane by lane, which are compiled for any.
#pragma once

#include "chainrule/op/plain.hpp"

namespace chainrule::x64 {

/// z[i] = the row of x[i], y[i], … for every bit i of `which`. Defined in vector_math.cpp.
template <Op op, class Lane, class... Lanes>
void compute_lanes(unsigned which, Lane* z, const Lane* x, const Lanes*... more);

/// What stands for the vector function of a row that has none.
struct NoVectorMath {};
namespace no_vector_math {
#define CR_OP(name, ...) inline constexpr NoVectorMath name{};
#define CR_FN            CR_OP
#define CR_DEF           CR_OP
#include "chainrule/op/ops.def"
}  // namespace no_vector_math

// The addresses of a row's functions over each kind of register; vector_math is null where there is
// none.
namespace avx512_f64 {
const void* lane_by_lane(Op op);
const void* vector_math(Op op);
}  // namespace avx512_f64
namespace avx512_f32 {
const void* lane_by_lane(Op op);
const void* vector_math(Op op);
}  // namespace avx512_f32
namespace avx2_f64 {
const void* lane_by_lane(Op op);
const void* vector_math(Op op);
}  // namespace avx2_f64
namespace avx2_f32 {
const void* lane_by_lane(Op op);
const void* vector_math(Op op);
}  // namespace avx2_f32

}  // namespace chainrule::x64
