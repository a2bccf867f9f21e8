#include "chainrule/op/precision.hpp"

#include "chainrule/op/reading.hpp"

namespace chainrule {

std::string_view name_of(Precision precision) {
  switch (precision) {
    case Precision::f64: return "f64";
    case Precision::f32: return "f32";
  }
  return "unknown";
}

double value_in(Precision precision, Op op, const double* operands) {
  if (precision == Precision::f64) return read_value<double>(op, operands);
  const auto x = [operands](int k) { return static_cast<float>(operands[k]); };
  return visit(op, [x]<class Row>(Row) -> double {
    if constexpr (Row::arity == 1) return single_value<Row::op>(x(0));
    if constexpr (Row::arity == 2) return single_value<Row::op>(x(0), x(1));
    if constexpr (Row::arity == 3) return single_value<Row::op>(x(0), x(1), x(2));
  });
}

}  // namespace chainrule
