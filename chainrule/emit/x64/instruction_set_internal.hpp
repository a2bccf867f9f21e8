// InstructionSet: which instruction does what to lanes of one precision. The generator speaks of
// add and compare; that it is vaddpd of doubles and vaddps of floats is said here alone.
#pragma once

#include <asmjit/x86.h>

#include "chainrule/emit/x64/vector_math_internal.hpp"

namespace chainrule::x64 {

/// By where the result stands and what is a factor: a = a c + b, a = b a + c, a = b c + a.
struct MultiplyAdd {
  asmjit::InstId by_132, by_213, by_231;
};

struct InstructionSet {
  using InstId = asmjit::InstId;
  InstId move, broadcast;
  InstId move_anywhere;  ///< whatever the alignment
  InstId move_masked;    ///< AVX2
  InstId add, sub, mul, div, sqrt;
  InstId round_avx2, round_avx512;
  MultiplyAdd fma, fms, fnma;
  InstId bit_and, bit_andnot, bit_or, bit_xor;
  InstId compare, same_bits;
  InstId blend;    ///< AVX2
  InstId ternary;  ///< AVX-512: any function of three bits
  InstId to_mask_register, from_mask_register;
  InstId interleave_low, interleave_high;  ///< in each 128 bits
  asmjit::x86::Mem::Broadcast to_all;      ///< AVX-512, as it is read
};

inline const InstructionSet& instructions_of(Precision precision) {
  namespace I = asmjit::x86::Inst;
  using Broadcast = asmjit::x86::Mem::Broadcast;
  static constexpr InstructionSet kDoubles = {
      .move = I::kIdVmovapd,
      .broadcast = I::kIdVbroadcastsd,
      .move_anywhere = I::kIdVmovupd,
      .move_masked = I::kIdVmaskmovpd,
      .add = I::kIdVaddpd,
      .sub = I::kIdVsubpd,
      .mul = I::kIdVmulpd,
      .div = I::kIdVdivpd,
      .sqrt = I::kIdVsqrtpd,
      .round_avx2 = I::kIdVroundpd,
      .round_avx512 = I::kIdVrndscalepd,
      .fma = {I::kIdVfmadd132pd, I::kIdVfmadd213pd, I::kIdVfmadd231pd},
      .fms = {I::kIdVfmsub132pd, I::kIdVfmsub213pd, I::kIdVfmsub231pd},
      .fnma = {I::kIdVfnmadd132pd, I::kIdVfnmadd213pd, I::kIdVfnmadd231pd},
      .bit_and = I::kIdVandpd,
      .bit_andnot = I::kIdVandnpd,
      .bit_or = I::kIdVorpd,
      .bit_xor = I::kIdVxorpd,
      .compare = I::kIdVcmppd,
      .same_bits = I::kIdVpcmpeqq,
      .blend = I::kIdVblendvpd,
      .ternary = I::kIdVpternlogq,
      .to_mask_register = I::kIdVpmovq2m,
      .from_mask_register = I::kIdVpmovm2q,
      .interleave_low = I::kIdVunpcklpd,
      .interleave_high = I::kIdVunpckhpd,
      .to_all = Broadcast::k1To8,
  };
  static constexpr InstructionSet kFloats = {
      .move = I::kIdVmovaps,
      .broadcast = I::kIdVbroadcastss,
      .move_anywhere = I::kIdVmovups,
      .move_masked = I::kIdVmaskmovps,
      .add = I::kIdVaddps,
      .sub = I::kIdVsubps,
      .mul = I::kIdVmulps,
      .div = I::kIdVdivps,
      .sqrt = I::kIdVsqrtps,
      .round_avx2 = I::kIdVroundps,
      .round_avx512 = I::kIdVrndscaleps,
      .fma = {I::kIdVfmadd132ps, I::kIdVfmadd213ps, I::kIdVfmadd231ps},
      .fms = {I::kIdVfmsub132ps, I::kIdVfmsub213ps, I::kIdVfmsub231ps},
      .fnma = {I::kIdVfnmadd132ps, I::kIdVfnmadd213ps, I::kIdVfnmadd231ps},
      .bit_and = I::kIdVandps,
      .bit_andnot = I::kIdVandnps,
      .bit_or = I::kIdVorps,
      .bit_xor = I::kIdVxorps,
      .compare = I::kIdVcmpps,
      .same_bits = I::kIdVpcmpeqd,
      .blend = I::kIdVblendvps,
      .ternary = I::kIdVpternlogd,
      .to_mask_register = I::kIdVpmovd2m,
      .from_mask_register = I::kIdVpmovm2d,
      .interleave_low = I::kIdVunpcklps,
      .interleave_high = I::kIdVunpckhps,
      .to_all = Broadcast::k1To16,
  };
  return precision == Precision::f32 ? kFloats : kDoubles;
}

}  // namespace chainrule::x64
