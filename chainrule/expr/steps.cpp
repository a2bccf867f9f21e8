#include "chainrule/expr/steps_internal.hpp"

#include "chainrule/op/reading.hpp"
#include "chainrule/op/text.hpp"

namespace chainrule::expr {
namespace {

// A text longer than this is called by the number of its line.
constexpr std::size_t kLongest = 40;

std::string rule_of(Op op) {
  switch (op) {
    case Op::add: return "sum rule";
    case Op::sub: return "difference rule";
    case Op::mul: return "product rule";
    case Op::div: return "quotient rule";
    case Op::neg: return "sign rule";
    case Op::pow: return "power rule";
    case Op::select: return "choice rule";
    default: return std::string(info(op).name) + " rule";
  }
}

Pushes<Text, 3> partials_of(Op op, const Text* x, const Text& z) {
  return visit(op, [&]<class Row>(Row) -> Pushes<Text, 3> {
    const Text one(1.0);
    const auto widened = [](const auto& pushes) {
      Pushes<Text, 3> all{{Push<Text>(None{}), Push<Text>(None{}), Push<Text>(None{})}};
      for (int k = 0; k < Row::arity; ++k) all.entry[k] = pushes.entry[k];
      return all;
    };
    if constexpr (Row::arity == 1) return widened(Row::template pullback<Text>(one, x[0], z));
    if constexpr (Row::arity == 2) return widened(Row::template pullback<Text>(one, x[0], x[1], z));
    if constexpr (Row::arity == 3)
      return widened(Row::template pullback<Text>(one, x[0], x[1], x[2], z));
  });
}

// The table's row for pow chooses between two ways of rounding; this is the formula of both.
Pushes<Text, 3> power_partials(const Text& x, const Text& y, const double* exponent) {
  Pushes<Text, 3> all{{Push<Text>(None{}), Push<Text>(None{}), Push<Text>(None{})}};
  const Text less = exponent != nullptr ? Text(*exponent - 1) : y - 1;
  all.entry[0] = Push<Text>(y * pow(x, less));
  all.entry[1] = Push<Text>(pow(x, y) * log(x));
  return all;
}

// dx, d(2 * x), d[3].
std::string differential(const Text& x) {
  for (const char c : x.str()) {
    const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '[' || c == ']';
    if (!is_word) return "d(" + x.str() + ")";
  }
  return "d" + x.str();
}

std::string without_plus(const std::string& sum) {
  if (sum.empty()) return "0";
  return sum[1] == '+' ? sum.substr(3) : "-" + sum.substr(3);
}

// " + 2 * x dx", " - dy where not (x <= 0)".
std::string contribution(const Push<Text>& partial, const Text& x) {
  constexpr std::string_view kNegate = "negate";
  std::string factor = partial.value.str();
  bool is_negative = false;
  if (partial.value.binding() < Binding::product) {
    factor = "(" + factor + ")";
  } else if (factor.front() == '-') {
    factor.erase(0, 1);
    is_negative = true;
  }
  std::string text = is_negative ? " - " : " + ";
  if (factor != "1") text += factor + " ";
  text += differential(x);
  if (partial.taken.is("1")) return text;
  std::string taken = partial.taken.str();
  if (taken.starts_with(kNegate)) taken = "not " + taken.substr(kNegate.size());
  return text + " where " + taken;
}

}  // namespace

std::vector<std::string> rules_used(const Program& program, std::span<const std::size_t> wrt) {
  std::vector<std::string> lines;
  std::vector<Text> texts;
  std::vector<bool> depends(program.slot_count());
  for (const std::size_t i : wrt) depends[i] = true;
  for (const std::string& name : program.names()) texts.emplace_back(name);
  for (const double c : program.constants()) texts.emplace_back(c);
  std::vector<const std::string*> assigned(program.slot_count());
  for (const Assignment& a : program.assignments()) assigned[a.slot] = &a.name;
  for (const Instruction& step : program.instructions()) {
    const std::size_t slot = texts.size();
    Text x[3] = {0.0, 0.0, 0.0};
    bool moves = false;
    for (int k = 0; k < step.arity; ++k) {
      x[k] = texts[step.operand[k]];
      moves = moves || depends[step.operand[k]];
    }
    const Text whole = read_value<Text>(step.op, x);
    Text z = whole;
    std::string line;
    if (moves) {
      depends[slot] = true;
      std::string sum;
      const Slot last = step.operand[1];
      const bool is_constant = step.op == Op::pow && last >= program.first_constant() &&
                               last < program.first_instruction();
      const double* const exponent =
          is_constant ? &program.constants()[last - program.first_constant()] : nullptr;
      const Pushes<Text, 3> partials = step.op == Op::pow ? power_partials(x[0], x[1], exponent)
                                                          : partials_of(step.op, x, whole);
      for (int k = 0; k < step.arity; ++k) {
        const Push<Text>& partial = partials.entry[k];
        if (!depends[step.operand[k]] || partial.taken.is("0")) continue;
        sum += contribution(partial, x[k]);
      }
      line = rule_of(step.op) + ": d(" + whole.str() + ") = " + without_plus(sum);
    }
    if (assigned[slot] != nullptr) {
      z = Text(*assigned[slot]);
    } else if (whole.str().size() > kLongest) {
      z = Text("[" + std::to_string(slot) + "]");
    }
    if (moves && z.str() != whole.str()) line = z.str() + ", " + line;
    if (!line.empty()) lines.push_back(std::move(line));
    texts.push_back(std::move(z));
  }
  return lines;
}

std::vector<std::string> simplifications(const Terms& terms) {
  std::vector<std::string> lines;
  for (int k = 0; k < kRewrites; ++k) {
    const std::uint32_t count = terms.counts[static_cast<std::size_t>(k)];
    if (count == 0) continue;
    lines.push_back("simplified: " + std::string(name_of(static_cast<Rewrite>(k))) + " (" +
                    std::to_string(count) + ")");
  }
  return lines;
}

}  // namespace chainrule::expr
