// The rows of the table over whole vector registers, for machine code to call: operands in zmm0,
// zmm1, zmm2 (ymm0, … for AVX2), the result in zmm0, everything else as the System V ABI has it, so
// that every vector and mask register may be overwritten.
//
// Strict: each lane is plain::NAME itself. Relaxed: SLEEF's vector function where it keeps its
// stated ulps, and plain::NAME for the lanes outside. Lanes do not depend on each other. A lane of
// single precision is plain::NAME of the number as a double, rounded.
#pragma once

#include <cstdint>

#include "chainrule/op/op.hpp"
#include "chainrule/optimise/optimise.hpp"

namespace chainrule::x64 {

/// avx512: AVX-512 F, DQ and VL. avx2: AVX2 and FMA.
enum class Isa : std::uint8_t { avx2, avx512 };

/// Lanes of a register.
constexpr int lanes(Isa isa, Precision precision) {
  return (isa == Isa::avx512 ? 8 : 4) * (precision == Precision::f32 ? 2 : 1);
}

/// Whether this build has vector functions for it and this processor can run them.
bool is_supported(Isa isa);

/// The address of the row over a vector register; null in a build for another processor.
const void* vector_function(Op op, Isa isa, Precision precision, Arithmetic arithmetic);

/// Whether relaxed arithmetic has a vector-math function for the row; else it goes lane by lane.
bool has_vector_math(Op op);

}  // namespace chainrule::x64
