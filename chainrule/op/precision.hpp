// Precision: the numbers that values are rounded to.
//
// The rows of the table are functions of doubles. Over floats a row is computed in double and
// rounded once; of +, −, ×, ÷ and √ that is what the processor's instruction for floats gives, for
// double has more than twice the digits (Figueroa 1995). fma alone would be rounded twice, and is
// one operation on floats instead.
#pragma once

#include <cmath>
#include <string_view>

#include "chainrule/op/op.hpp"

namespace chainrule {

enum class Precision : std::uint8_t { f64, f32 };
std::string_view name_of(Precision precision);

constexpr std::size_t bytes_of(Precision precision) { return precision == Precision::f32 ? 4 : 8; }
/// x as a number of that precision.
inline double rounded(Precision precision, double x) {
  return precision == Precision::f32 ? static_cast<double>(static_cast<float>(x)) : x;
}

/// The row over floats.
template <Op op, class... Floats>
float single_value(Floats... x) {
  if constexpr (op == Op::fma) {
    return std::fma(x...);
  } else {
    return static_cast<float>(Rule<op>::template apply<double>(static_cast<double>(x)...));
  }
}

/// op on operands[0 … arity), which are numbers of that precision.
double value_in(Precision precision, Op op, const double* operands);

}  // namespace chainrule
