// Builder: appends instructions to a Program, each one once. Equal instructions are one value, what
// is known is computed, and the mask behind a truth that was made a number is found again, so that
// a formula may be read for its meaning alone.
//
// Nothing here changes a result: every rule is exact for NaN, infinities and signed zeros. Bits are
// those of the Program's precision: of floats the lower 32.
#pragma once

#include <bit>
#include <optional>
#include <unordered_map>

#include "chainrule/emit/program_internal.hpp"
#include "chainrule/optimise/optimise.hpp"

namespace chainrule::emit {

/// A value of the Program that is being built, by its place there.
using Value = std::uint32_t;

class Builder {
 public:
  Builder(Program& program, Arithmetic arithmetic)
      : program_(program),
        is_single_(program.precision == Precision::f32),
        rounds_rows_once_(is_single_ && arithmetic == Arithmetic::strict),
        table_(1u << 10, kNone) {}

  /// Whether a row is rounded to float but once, so that its formula is not what computes it.
  bool rounds_rows_once() const { return rounds_rows_once_; }

  std::uint64_t sign_bit() const { return is_single_ ? 1ull << 31 : 1ull << 63; }
  std::uint64_t all_bits() const { return is_single_ ? 0xFFFFFFFFull : ~0ull; }
  /// Of the number, rounded.
  std::uint64_t bits_of(double number) const;

  Value constant(double number) { return bits(bits_of(number)); }
  Value bits(std::uint64_t bits);
  /// From a place that does not change.
  Value load(const Place& place);
  /// From a cell as it is now: not taken for the same as any other.
  Value load_now(const Place& place);

  Value arithmetic(Act act, Value a, Value b = kNone, Value c = kNone);
  Value call(Op op, Value a, Value b = kNone, Value c = kNone);
  Value round(Round mode, Value a);
  Value compare(Compare how, Value a, Value b);
  Value mask_not(Value mask);
  Value mask_and(Value a, Value b);
  Value mask_or(Value a, Value b);
  Value blend(Value mask, Value a, Value b);
  /// The number 1 where the mask is set, else 0.
  Value number_of(Value mask);
  /// The mask that such a number was made of.
  std::optional<Value> mask_of(Value number) const;
  Value known(bool truth) { return bits(truth ? all_bits() : 0); }

  void store(Value value, const Place& place) { effect(Act::store, value, place); }
  void sum(Value value, const Place& place) { effect(Act::sum, value, place); }
  /// The same, a product rounded once with the sum.
  void sum_fused(Value value, const Place& place);
  void guard(Value mask) { append({Act::guard, 0, Op::add, false, mask}); }
  void block(std::uint32_t number) { append({Act::block, 0, Op::add, false, number}); }
  void begin_loop(std::uint32_t number);
  void end_loop(std::uint32_t number);

  /// The number, if the value is a constant.
  std::optional<double> known_number(Value value) const;
  Program& program() { return program_; }

 private:
  std::optional<std::uint64_t> known_bits(Value value) const;
  std::optional<Value> negated(Value value) const;
  bool is_known(Value value, std::uint64_t bits) const;
  std::uint32_t place(const Place& place);
  bool is_uniform_value(Value value) const { return program_.code[value].uniform; }
  void effect(Act act, Value value, const Place& place);
  Value append(const Instr& instr);
  Value once(const Instr& instr);
  void grow();
  void forget();

  std::uint64_t one() const { return bits_of(1.0); }

  Program& program_;
  bool is_single_, rounds_rows_once_;
  std::vector<std::uint32_t> table_;  // values by their instruction, open addressing
  std::size_t filled_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> pooled_;  // constants by their bits
};

}  // namespace chainrule::emit
