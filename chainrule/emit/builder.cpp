#include "chainrule/emit/builder_internal.hpp"

#include <algorithm>
#include <utility>

namespace chainrule::emit {
namespace {

std::uint64_t mixed(std::uint64_t hash, std::uint64_t more) {
  hash = (hash ^ more) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 32);
}

std::uint64_t hash_of(const Instr& i) {
  const auto head = static_cast<std::uint64_t>(i.act) | static_cast<std::uint64_t>(i.detail) << 8 |
                    static_cast<std::uint64_t>(i.op) << 16;
  // A load is found by what it loads, not by the number of its place.
  return mixed(mixed(head, i.act == Act::load ? 0 : i.a),
               static_cast<std::uint64_t>(i.b) << 32 | i.c);
}

bool same(const Instr& x, const Instr& y) {
  return x.act == y.act && x.detail == y.detail && x.op == y.op && x.a == y.a && x.b == y.b &&
         x.c == y.c;
}

bool commutes(const Instr& i) {
  switch (i.act) {
    case Act::add:
    case Act::mul:
    case Act::bit_and:
    case Act::bit_or:
    case Act::bit_xor: return true;
    case Act::compare:
      return i.detail == static_cast<std::uint8_t>(Compare::equal) ||
             i.detail == static_cast<std::uint8_t>(Compare::not_equal) ||
             i.detail == static_cast<std::uint8_t>(Compare::same_bits);
    case Act::load:
    case Act::sub:
    case Act::div:
    case Act::fma:
    case Act::fms:
    case Act::fnma:
    case Act::sqrt:
    case Act::bit_andnot:
    case Act::blend:
    case Act::round:
    case Act::call:
    case Act::store:
    case Act::sum:
    case Act::sum_product:
    case Act::guard:
    case Act::block:
    case Act::loop:
    case Act::end: return false;
  }
  __builtin_unreachable();
}

// The complement of a comparison, NaN included; none for those that have none here.
std::optional<Compare> complement(Compare how) {
  switch (how) {
    case Compare::equal: return Compare::not_equal;
    case Compare::not_equal: return Compare::equal;
    case Compare::less: return Compare::not_less;
    case Compare::not_less: return Compare::less;
    case Compare::less_equal: return Compare::not_less_equal;
    case Compare::not_less_equal: return Compare::less_equal;
    case Compare::same_bits: return std::nullopt;
  }
  __builtin_unreachable();
}

}  // namespace

// ---- one instruction once ---------------------------------------------------------------------

Value Builder::append(const Instr& instr) {
  program_.code.push_back(instr);
  return static_cast<Value>(program_.code.size() - 1);
}

Value Builder::once(const Instr& instr) {
  Instr wanted = instr;
  if (commutes(wanted) && wanted.a > wanted.b) std::swap(wanted.a, wanted.b);
  if (2 * filled_ >= table_.size()) grow();
  const std::size_t mask = table_.size() - 1;
  std::size_t at = hash_of(wanted) & mask;
  for (; table_[at] != kNone; at = (at + 1) & mask) {
    if (same(program_.code[table_[at]], wanted)) return table_[at];
  }
  ++filled_;
  if (wanted.act != Act::load) {
    const Value operands[] = {wanted.a, wanted.b, wanted.c};
    wanted.uniform = std::all_of(operands, operands + value_operands(wanted),
                                 [&](Value v) { return is_uniform_value(v); });
  }
  return table_[at] = append(wanted);
}

void Builder::grow() {
  std::vector<std::uint32_t> old(2 * table_.size(), kNone);
  old.swap(table_);
  const std::size_t mask = table_.size() - 1;
  for (const std::uint32_t value : old) {
    if (value == kNone) continue;
    std::size_t at = hash_of(program_.code[value]) & mask;
    while (table_[at] != kNone) at = (at + 1) & mask;
    table_[at] = value;
  }
}

// What was computed inside of a loop is not there outside of it, and before it not in a register.
void Builder::forget() {
  std::ranges::fill(table_, kNone);
  filled_ = 0;
}

void Builder::begin_loop(std::uint32_t number) {
  program_.loops[number].begin = append({Act::loop, 0, Op::add, false, number});
  forget();
}

void Builder::end_loop(std::uint32_t number) {
  program_.loops[number].end = append({Act::end, 0, Op::add, false, number});
  forget();
}

// ---- constants and places ---------------------------------------------------------------------

std::optional<std::uint64_t> Builder::known_bits(Value value) const {
  const Instr& instr = program_.code[value];
  if (instr.act != Act::load) return std::nullopt;
  const Place& from = program_.places[instr.a];
  if (from.space != Space::constant || from.pointer != kNone) return std::nullopt;
  return program_.constants[from.first];
}

bool Builder::is_known(Value value, std::uint64_t bits) const {
  const auto found = known_bits(value);
  return found && *found == bits;
}

std::optional<double> Builder::known_number(Value value) const {
  const auto found = known_bits(value);
  if (!found) return std::nullopt;
  if (is_single_) return std::bit_cast<float>(static_cast<std::uint32_t>(*found));
  return std::bit_cast<double>(*found);
}

std::uint64_t Builder::bits_of(double number) const {
  if (is_single_) return std::bit_cast<std::uint32_t>(static_cast<float>(number));
  return std::bit_cast<std::uint64_t>(number);
}

std::uint32_t Builder::place(const Place& place) {
  program_.places.push_back(place);
  return static_cast<std::uint32_t>(program_.places.size() - 1);
}

Value Builder::bits(std::uint64_t bits) {
  const auto [at, is_new] =
      pooled_.try_emplace(bits, static_cast<std::uint32_t>(program_.constants.size()));
  if (is_new) program_.constants.push_back(bits);
  return load({Space::constant, at->second});
}

Value Builder::load(const Place& from) {
  if (2 * filled_ >= table_.size()) grow();
  const std::size_t mask = table_.size() - 1;
  Instr wanted{Act::load,   static_cast<std::uint8_t>(from.space),
               Op::add,     emit::is_uniform(from.space),
               kNone,       from.first,
               from.pointer};
  std::size_t at = hash_of(wanted) & mask;
  for (; table_[at] != kNone; at = (at + 1) & mask) {
    const Instr& found = program_.code[table_[at]];
    wanted.a = found.a;
    if (same(found, wanted) && program_.places[found.a].table == from.table) return table_[at];
  }
  ++filled_;
  wanted.a = place(from);
  return table_[at] = append(wanted);
}

Value Builder::load_now(const Place& from) {
  return append({Act::load, kNow, Op::add, emit::is_uniform(from.space), place(from)});
}

void Builder::effect(Act act, Value value, const Place& to) {
  append({act, 0, Op::add, false, value, place(to)});
}

void Builder::sum_fused(Value value, const Place& to) {
  const Instr instr = program_.code[value];
  if (instr.act != Act::mul || instr.uniform) return sum(value, to);
  append({Act::sum_product, 0, Op::add, false, instr.a, instr.b, place(to)});
}

// ---- arithmetic -------------------------------------------------------------------------------

// −x y + w and the like are instructions of their own: the sign of an operand is folded into them.
Value Builder::arithmetic(Act act, Value a, Value b, Value c) {
  if (act == Act::fma) {
    const auto of_a = negated(a), of_b = negated(b), of_c = negated(c);
    if (of_a && of_b) return arithmetic(act, *of_a, *of_b, c);
    if (!of_c && of_a) return once({Act::fnma, 0, Op::add, false, *of_a, b, c});
    if (!of_c && of_b) return once({Act::fnma, 0, Op::add, false, a, *of_b, c});
    if (of_c && !of_a && !of_b) return once({Act::fms, 0, Op::add, false, a, b, *of_c});
  }
  return once({act, 0, Op::add, false, a, b, c});
}

Value Builder::call(Op op, Value a, Value b, Value c) {
  return once({Act::call, 0, op, false, a, b, c});
}

Value Builder::round(Round mode, Value a) {
  return once({Act::round, static_cast<std::uint8_t>(mode), Op::add, false, a});
}

Value Builder::compare(Compare how, Value a, Value b) {
  // A truth as a number is not 0 where its mask is set.
  if (how == Compare::equal || how == Compare::not_equal) {
    for (const auto& [number, other] : {std::pair(a, b), std::pair(b, a)}) {
      const auto mask = mask_of(number);
      const auto zero = known_number(other);
      if (mask && zero && *zero == 0) return how == Compare::not_equal ? *mask : mask_not(*mask);
    }
  }
  return once({Act::compare, static_cast<std::uint8_t>(how), Op::add, false, a, b});
}

// x, where the value is −x.
std::optional<Value> Builder::negated(Value value) const {
  const Instr& instr = program_.code[value];
  if (instr.act != Act::bit_xor) return std::nullopt;
  if (is_known(instr.a, sign_bit())) return instr.b;
  if (is_known(instr.b, sign_bit())) return instr.a;
  return std::nullopt;
}

// ---- masks ------------------------------------------------------------------------------------

Value Builder::mask_not(Value mask) {
  if (const auto found = known_bits(mask)) return bits(*found ^ all_bits());
  const Instr instr = program_.code[mask];
  if (instr.act == Act::compare) {
    if (const auto other = complement(static_cast<Compare>(instr.detail))) {
      return once(
          {Act::compare, static_cast<std::uint8_t>(*other), Op::add, false, instr.a, instr.b});
    }
  }
  if (instr.act == Act::bit_xor) {  // a negation itself
    if (is_known(instr.a, all_bits())) return instr.b;
    if (is_known(instr.b, all_bits())) return instr.a;
  }
  return once({Act::bit_xor, 0, Op::add, false, mask, bits(all_bits())});
}

Value Builder::mask_and(Value a, Value b) {
  if (a == b || is_known(b, all_bits()) || is_known(a, 0)) return a;
  if (is_known(a, all_bits()) || is_known(b, 0)) return b;
  return once({Act::bit_and, 0, Op::add, false, a, b});
}

Value Builder::mask_or(Value a, Value b) {
  if (a == b || is_known(b, 0) || is_known(a, all_bits())) return a;
  if (is_known(a, 0) || is_known(b, all_bits())) return b;
  return once({Act::bit_or, 0, Op::add, false, a, b});
}

Value Builder::number_of(Value mask) {
  return once({Act::bit_and, 0, Op::add, false, mask, bits(one())});
}

std::optional<Value> Builder::mask_of(Value number) const {
  if (is_known(number, one())) return std::nullopt;
  const Instr& instr = program_.code[number];
  if (instr.act != Act::bit_and) return std::nullopt;
  if (is_known(instr.a, one())) return instr.b;
  if (is_known(instr.b, one())) return instr.a;
  return std::nullopt;
}

Value Builder::blend(Value mask, Value a, Value b) {
  if (a == b || is_known(mask, all_bits())) return a;
  if (is_known(mask, 0)) return b;
  if (is_known(a, one()) && is_known(b, 0)) return number_of(mask);
  if (is_known(a, 0) && is_known(b, one())) return number_of(mask_not(mask));
  if (is_known(b, 0)) return once({Act::bit_and, 0, Op::add, false, mask, a});
  if (is_known(a, 0)) return once({Act::bit_andnot, 0, Op::add, false, mask, b});
  return once({Act::blend, 0, Op::add, false, mask, a, b});
}

}  // namespace chainrule::emit
