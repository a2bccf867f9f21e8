#include "chainrule/emit/wire_internal.hpp"

#include <bit>

#include "chainrule/op/reading.hpp"

namespace chainrule::emit {

thread_local Builder* Building::current_ = nullptr;

namespace {

Builder& builder() { return Building::builder(); }

Wire bitwise(Act act, const Wire& x, std::uint64_t bits) {
  return Wire::of(builder().arithmetic(act, x.value(), builder().bits(bits)));
}

Wire rounded(Round mode, const Wire& x) { return Wire::of(builder().round(mode, x.value())); }

// Of floats a row is the double's value rounded once, which formulas of several operations on
// floats are not: strict arithmetic calls the row. lerp's may overflow where lerp does not.
bool is_called(Op op) {
  if (op == Op::lerp) return builder().program().precision == Precision::f32;
  return info(op).kind == Kind::compound && builder().rounds_rows_once();
}

// ---- functions that are instructions: the same bits as the C library's --------------------------

Wire as_instructions(Rule<Op::sqrt>, const Wire& x) {
  return Wire::of(builder().arithmetic(Act::sqrt, x.value()));
}
Wire as_instructions(Rule<Op::fma>, const Wire& x, const Wire& y, const Wire& w) {
  return Wire::of(builder().arithmetic(Act::fma, x.value(), y.value(), w.value()));
}
std::uint64_t sign_bit() { return builder().sign_bit(); }
std::uint64_t size_bits() { return builder().all_bits() ^ sign_bit(); }
Wire as_instructions(Rule<Op::abs>, const Wire& x) { return bitwise(Act::bit_and, x, size_bits()); }
Wire as_instructions(Rule<Op::copysign>, const Wire& x, const Wire& y) {
  const Wire size = bitwise(Act::bit_and, x, size_bits()),
             sign = bitwise(Act::bit_and, y, sign_bit());
  return Wire::of(builder().arithmetic(Act::bit_or, size.value(), sign.value()));
}
Wire as_instructions(Rule<Op::floor>, const Wire& x) { return rounded(Round::floor, x); }
Wire as_instructions(Rule<Op::ceil>, const Wire& x) { return rounded(Round::ceil, x); }
Wire as_instructions(Rule<Op::trunc>, const Wire& x) { return rounded(Round::trunc, x); }
Wire as_instructions(Rule<Op::rint>, const Wire& x) { return rounded(Round::nearest, x); }
Wire as_instructions(Rule<Op::nearbyint>, const Wire& x) { return rounded(Round::nearest, x); }
// x − trunc(x) is exact, so a half is seen as one.
Wire as_instructions(Rule<Op::round>, const Wire& x) {
  const Wire whole = trunc(x);
  return choose(abs(x - whole) >= 0.5, whole + copysign(Wire(1.0), x), whole);
}
Wire as_instructions(Rule<Op::fdim>, const Wire& x, const Wire& y) {
  return choose(x <= y, Wire(0.0), x - y);
}
Wire as_instructions(Rule<Op::lerp>, const Wire& x, const Wire& y, const Wire& w) {
  return fma(w, y, fma(-w, x, x));
}

template <class Row, class... Wires>
Wire lowered(Row row, const Wires&... x) {
  if constexpr (info(Row::op).kind != Kind::primitive) {
    if (!is_called(Row::op)) return Row::template value<Wire>(x...);
  } else if constexpr (requires { as_instructions(row, x...); }) {
    if (!is_called(Row::op)) return as_instructions(row, x...);
  }
  return Wire::of(builder().call(Row::op, x.value()...));
}

}  // namespace

Wire operator-(const Wire& x) { return bitwise(Act::bit_xor, x, sign_bit()); }

Wire Wire::row(Op op, const Wire* operands) {
  return visit(op, [x = operands]<class Row>(Row row) {
    if constexpr (Row::arity == 1) return lowered(row, x[0]);
    if constexpr (Row::arity == 2) return lowered(row, x[0], x[1]);
    if constexpr (Row::arity == 3) return lowered(row, x[0], x[1], x[2]);
  });
}

Value lower_row(Op op, const Value* operands) {
  const int arity = info(op).arity;
  const Wire x[] = {Wire::of(operands[0]), Wire::of(operands[arity > 1 ? 1 : 0]),
                    Wire::of(operands[arity > 2 ? 2 : 0])};
  return Wire::row(op, x).value();
}

}  // namespace chainrule::emit
