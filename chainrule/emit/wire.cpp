#include "chainrule/emit/wire_internal.hpp"

#include <bit>

#include "chainrule/op/reading.hpp"

namespace chainrule::emit {

thread_local Builder* Building::current_ = nullptr;

namespace {

constexpr std::uint64_t kSignBit = 1ull << 63;

Builder& builder() { return Building::builder(); }

Wire bitwise(Act act, const Wire& x, std::uint64_t bits) {
  return Wire::of(builder().arithmetic(act, x.value(), builder().bits(bits)));
}

Wire rounded(Round mode, const Wire& x) { return Wire::of(builder().round(mode, x.value())); }

// ---- functions that are instructions: the same bits as the C library's --------------------------

Wire as_instructions(Rule<Op::sqrt>, const Wire& x) {
  return Wire::of(builder().arithmetic(Act::sqrt, x.value()));
}
Wire as_instructions(Rule<Op::fma>, const Wire& x, const Wire& y, const Wire& w) {
  return Wire::of(builder().arithmetic(Act::fma, x.value(), y.value(), w.value()));
}
Wire as_instructions(Rule<Op::abs>, const Wire& x) { return bitwise(Act::bit_and, x, ~kSignBit); }
Wire as_instructions(Rule<Op::copysign>, const Wire& x, const Wire& y) {
  const Wire size = bitwise(Act::bit_and, x, ~kSignBit), sign = bitwise(Act::bit_and, y, kSignBit);
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

template <class Row>
Wire lowered(Row row, const Wire* x) {
  constexpr Kind kind = info(Row::op).kind;
  const Value none = kNone;
  if constexpr (Row::arity == 1) {
    if constexpr (kind != Kind::primitive)
      return Row::template value<Wire>(x[0]);
    else if constexpr (requires { as_instructions(row, x[0]); })
      return as_instructions(row, x[0]);
    else
      return Wire::of(builder().call(Row::op, x[0].value(), none, none));
  } else if constexpr (Row::arity == 2) {
    if constexpr (kind != Kind::primitive)
      return Row::template value<Wire>(x[0], x[1]);
    else if constexpr (requires { as_instructions(row, x[0], x[1]); })
      return as_instructions(row, x[0], x[1]);
    else
      return Wire::of(builder().call(Row::op, x[0].value(), x[1].value(), none));
  } else {
    if constexpr (kind != Kind::primitive)
      return Row::template value<Wire>(x[0], x[1], x[2]);
    else if constexpr (requires { as_instructions(row, x[0], x[1], x[2]); })
      return as_instructions(row, x[0], x[1], x[2]);
    else
      return Wire::of(builder().call(Row::op, x[0].value(), x[1].value(), x[2].value()));
  }
}

}  // namespace

Wire operator-(const Wire& x) { return bitwise(Act::bit_xor, x, kSignBit); }

Wire Wire::row(Op op, const Wire* operands) {
  return visit(op, [&](auto row) { return lowered(row, operands); });
}

Value lower_row(Op op, const Value* operands) {
  const int arity = info(op).arity;
  const Wire x[] = {Wire::of(operands[0]), Wire::of(operands[arity > 1 ? 1 : 0]),
                    Wire::of(operands[arity > 2 ? 2 : 0])};
  return visit(op, [&](auto row) { return lowered(row, x).value(); });
}

}  // namespace chainrule::emit
