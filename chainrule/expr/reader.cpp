#include <algorithm>
#include <charconv>
#include <numbers>

#include "chainrule/expr/parse.hpp"
#include "chainrule/expr/reader_internal.hpp"

namespace chainrule::expr {
namespace {

constexpr std::string_view kLogSumExp = "logsumexp";

const double* reserved(std::string_view name) {
  static constexpr double kPi = std::numbers::pi;
  static constexpr double kE = std::numbers::e;
  return name == "pi" ? &kPi : name == "e" ? &kE : nullptr;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether a spelled number that std::from_chars refuses lies above 1: by the exponent of its first
// digit that is not 0.
bool is_huge(std::string_view text) {
  long exponent = 0;
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    const bool negative = digits.front() == '-';
    if (!is_digit(digits.front())) digits.remove_prefix(1);
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
    exponent = digits.size() > 12 ? 1'000'000'000'000 : 0;
    if (exponent == 0) std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (negative) exponent = -exponent;
    text = text.substr(0, e);
  }
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::size_t first = text.find_first_not_of("0.");
  return static_cast<long>(point) - static_cast<long>(first) + exponent > 0;
}

// Levenshtein's distance, capped at 3.
std::size_t distance(std::string_view a, std::string_view b) {
  if (a.size() > 20 || b.size() > 20) return 3;
  std::size_t row[21];
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = i;
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t swapped = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({swapped, row[j] + 1, diagonal + 1});
    }
  }
  return std::min<std::size_t>(row[b.size()], 3);
}

std::string suggestion(std::string_view name) {
  std::string_view best;
  std::size_t nearest = name.size() < 4 ? 2 : 3;
  const auto consider = [&](std::string_view candidate) {
    const std::size_t d = distance(name, candidate);
    if (d < nearest) {
      nearest = d;
      best = candidate;
    }
  };
  if (name == "ln") return "; the natural logarithm is log";
  for (const OpInfo& row : kOps) consider(row.name);
  consider(kLogSumExp);
  return best.empty() ? std::string() : "; did you mean " + std::string(best) + "?";
}

std::string count_of(int arguments) {
  return std::to_string(arguments) + (arguments == 1 ? " argument" : " arguments");
}

}  // namespace

bool is_reserved(std::string_view name) { return reserved(name) != nullptr; }

bool is_name(std::string_view text) {
  if (text.empty() || !is_letter(text.front())) return false;
  for (const char c : text) {
    if (!is_letter(c) && !is_digit(c)) return false;
  }
  return true;
}

// ---- operands -------------------------------------------------------------------------------

void Reader::number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    if (is_huge(text)) {
      fail_at(text.data(),
              in_quotes(text) + " is too large: the largest number is 1.7976931348623157e308");
    }
    value = 0;
  }
  operands_.push_back(builder_.constant(value));
}

void Reader::reference(std::string_view text) {
  const auto [entry, fresh] = known_.try_emplace(text, Known{0, offset_of(text.data()), false});
  const double* constant = reserved(text);  // unless the program has assigned the name itself
  if (constant != nullptr && !entry->second.assigned) {
    operands_.push_back(builder_.named_constant(text, *constant));
    return;
  }
  if (fresh) entry->second.value = builder_.name(text);
  operands_.push_back(entry->second.value);
}

// ---- operators ------------------------------------------------------------------------------

void Reader::push(Role role, Binding binding, Op op, int arity, std::string_view text) {
  pending_.push_back({role, binding, op, static_cast<std::uint8_t>(arity),
                      static_cast<std::uint32_t>(offset_of(text.data())),
                      static_cast<std::uint32_t>(operands_.size())});
}

void Reader::reduce() {
  const Pending pending = pending_.back();
  pending_.pop_back();
  const std::size_t first = operands_.size() - pending.arity;
  const Value value = builder_.emit(pending.op, &operands_[first], pending.arity);
  operands_.resize(first);
  operands_.push_back(value);
}

/// Completes the operations that bind tighter than `binding`.
void Reader::reduce_above(Binding binding) {
  while (!pending_.empty() && pending_.back().role == Role::operation &&
         pending_.back().binding > binding) {
    reduce();
  }
}

void Reader::prefix(Op op, std::string_view text) {
  push(Role::operation, Binding::prefix, op, 1, text);
}

void Reader::infix(Op op, Binding binding, std::string_view text) {
  const bool to_the_right = binding == Binding::power;
  reduce_above(to_the_right ? binding : static_cast<Binding>(static_cast<int>(binding) - 1));
  push(Role::operation, binding, op, 2, text);
}

void Reader::question(std::string_view text) {
  reduce_above(Binding::choice);
  push(Role::question, Binding::bracket, Op::select, 3, text);
}

void Reader::colon(std::string_view text) {
  reduce_to_bracket();
  if (pending_.empty() || pending_.back().role != Role::question) {
    fail_at(text.data(), "':' has no '?' before it");
  }
  pending_.back().role = Role::operation;
  pending_.back().binding = Binding::choice;
}

// ---- brackets -------------------------------------------------------------------------------

void Reader::open(std::string_view text) {
  push(Role::parenthesis, Binding::bracket, Op::add, 0, text);
}

void Reader::call(std::string_view text) {
  const std::string_view name = callee_of(static_cast<std::uint32_t>(offset_of(text.data())));
  const OpInfo* row = find_op(name);
  if (row == nullptr && name != kLogSumExp) {
    if (known_.contains(name) || reserved(name) != nullptr) {
      fail_at(text.data(),
              in_quotes(name) + " is a value and no function: a product needs its '*'");
    }
    fail_at(text.data(), "there is no function " + in_quotes(name) + suggestion(name));
  }
  push(Role::call, Binding::bracket, row != nullptr ? row->op : Op::logaddexp, 0, text);
}

void Reader::comma(std::string_view text) {
  reduce_to_bracket();
  if (pending_.empty() || pending_.back().role == Role::parenthesis) {
    fail_at(text.data(), "',' stands between the arguments of a function only");
  }
  if (pending_.back().role == Role::question) fail_open(text.data());
}

void Reader::close(std::string_view text) {
  reduce_to_bracket();
  if (pending_.empty()) fail_at(text.data(), "')' has no '(' before it");
  if (pending_.back().role == Role::question) fail_open(text.data());
  const Pending pending = pending_.back();
  pending_.pop_back();
  if (pending.role == Role::call) apply_call(pending);
}

void Reader::check_arity(const Pending& pending, int smallest, int largest) const {
  const int given = static_cast<int>(operands_.size() - pending.operands_below);
  if (given >= smallest && given <= largest) return;
  const std::string_view name = callee_of(pending.offset);
  std::string takes = count_of(largest);
  if (largest > 3) takes = "at least " + count_of(smallest);
  if (largest == smallest + 1) takes = std::to_string(smallest) + " or " + takes;
  fail_at(source_.data() + pending.offset, std::string(name) + " takes " + takes + ", and " +
                                               std::to_string(given) +
                                               (given == 1 ? " is given" : " are given"));
}

// f(a, b, c, …) = f(f(f(a, b), c), …)
void Reader::fold_call(const Pending& pending, Op op) {
  Value folded[2] = {operands_[pending.operands_below], 0};
  for (std::size_t i = pending.operands_below + 1; i < operands_.size(); ++i) {
    folded[1] = operands_[i];
    folded[0] = builder_.emit(op, folded, 2);
  }
  operands_.resize(pending.operands_below);
  operands_.push_back(folded[0]);
}

void Reader::apply_call(const Pending& pending) {
  constexpr int kAny = 1 << 30;
  const std::string_view name = callee_of(pending.offset);
  Op op = pending.op;
  if (name == kLogSumExp || op == Op::max || op == Op::min) {
    check_arity(pending, name == kLogSumExp ? 1 : 2, kAny);
    return fold_call(pending, op);
  }
  const int given = static_cast<int>(operands_.size() - pending.operands_below);
  int arity = info(op).arity;
  int smallest = arity;
  if (const double last = usual_last_operand(op); last == last) {
    smallest = arity - 1;
    if (given == smallest) operands_.push_back(builder_.constant(last));
  }
  if (op == Op::hypot) {
    check_arity(pending, 2, 3);
    if (given == 3) op = Op::hypot3;
    arity = given;
  } else {
    check_arity(pending, smallest, arity);
  }
  const Value value = builder_.emit(op, &operands_[pending.operands_below], arity);
  operands_.resize(pending.operands_below);
  operands_.push_back(value);
}

// ---- statements -----------------------------------------------------------------------------

void Reader::begin_assignment(std::string_view) {
  const std::string_view name = candidate_;
  if (const auto entry = known_.find(name); entry != known_.end()) {
    const Known& first = entry->second;
    if (first.assigned) {
      fail_at(name.data(),
              in_quotes(name) + " is assigned twice, first at " + place_of_offset(first.offset));
    }
    fail_at(source_.data() + first.offset, in_quotes(name) +
                                               " is used here, before it is assigned at " +
                                               place_of_offset(offset_of(name.data())));
  }
  target_ = name;
}

void Reader::bind_target() {
  if (target_.empty()) return;
  const auto [entry, fresh] =
      known_.try_emplace(target_, Known{last_, offset_of(target_.data()), true});
  if (!fresh) {
    fail_at(source_.data() + entry->second.offset,
            in_quotes(target_) + " is used in its own assignment: a name is assigned once");
  }
  builder_.assign(target_, last_);
  target_ = {};
}

void Reader::end_expression(std::string_view text) {
  reduce_to_bracket();
  if (!pending_.empty()) fail_open(text.data() + text.size());
  last_ = operands_.back();
  any_ = true;
  operands_.clear();
  bind_target();
  builder_.settle();
}

Program Reader::finish() {
  if (!any_) fail_at(end(), "the program is empty");
  return builder_.finish(last_);
}

}  // namespace chainrule::expr
