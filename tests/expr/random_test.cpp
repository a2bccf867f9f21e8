// Random expressions: the parser against a tree that is evaluated as it is made.
#include <random>

#include "chainrule/expr/parse.hpp"
#include "chainrule/op/op.hpp"

namespace chainrule::expr {
namespace {

// An expression as text, its value, and how tightly its outermost sign binds (0 loosest).
struct Term {
  std::string text;
  double value;
  int binding;
};
constexpr int kChoice = 0, kOr = 1, kAnd = 2, kEquality = 3, kOrder = 4, kSum = 5, kProduct = 6,
              kSign = 7, kPower = 8, kAtom = 9;

constexpr double kX = 0.75, kY = -2.5, kZ = 3;

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  Term term(int depth) {
    if (depth == 0 || chance(8)) return atom();
    switch (pick(14)) {
      case 0: return infix(depth, kSum, "+", [](double a, double b) { return a + b; });
      case 1: return infix(depth, kSum, "-", [](double a, double b) { return a - b; });
      case 2: return infix(depth, kProduct, "*", [](double a, double b) { return a * b; });
      case 3: return infix(depth, kProduct, "/", [](double a, double b) { return a / b; });
      case 4:
        return infix(depth, kEquality, "==", [](double a, double b) { return double(a == b); });
      case 5:
        return infix(depth, kEquality, "!=", [](double a, double b) { return double(a != b); });
      case 6: return infix(depth, kOrder, "<", [](double a, double b) { return double(a < b); });
      case 7: return infix(depth, kOrder, ">=", [](double a, double b) { return double(a >= b); });
      case 8:
        return infix(depth, kAnd, "&&",
                     [](double a, double b) { return double(a != 0 && b != 0); });
      case 9:
        return infix(depth, kOr, "||", [](double a, double b) { return double(a != 0 || b != 0); });
      case 10: return sign(depth);
      case 11: return power(depth);
      case 12: return choice(depth);
      default: return call(depth);
    }
  }

  std::string blank() {
    static constexpr const char* kBlanks[] = {"", "", "", " ", "  ", "\t", "\n", " # note\n "};
    return kBlanks[pick(inside_ > 0 ? 8 : 6)];
  }

 private:
  unsigned pick(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random_); }
  bool chance(unsigned one_in) { return pick(one_in) == 0; }

  Term atom() {
    switch (pick(5)) {
      case 0: return {"x", kX, kAtom};
      case 1: return {"y", kY, kAtom};
      case 2: return {"z", kZ, kAtom};
      case 3: return {"pi", 3.14159265358979323846, kAtom};
      default: {
        const double number = pick(1000) / 8.0;
        return {std::to_string(number), number, kAtom};
      }
    }
  }

  // The term in brackets where its binding is looser than `least`, sometimes where it is not.
  std::string within(const Term& term, int least) {
    if (term.binding >= least && !chance(6)) return term.text;
    return "(" + blank() + term.text + blank() + ")";
  }

  template <class F>
  Term infix(int depth, int binding, const char* sign, F f) {
    const Term left = term(depth - 1), right = term(depth - 1);
    return {within(left, binding) + blank() + sign + blank() + within(right, binding + 1),
            f(left.value, right.value), binding};
  }

  Term sign(int depth) {
    const Term operand = term(depth - 1);
    if (chance(3))
      return {"!" + blank() + within(operand, kSign), double(operand.value == 0), kSign};
    return {"-" + blank() + within(operand, kSign), -operand.value, kSign};
  }

  Term power(int depth) {
    const Term base = term(depth - 1), exponent = term(depth - 1);
    return {within(base, kAtom) + blank() + (chance(2) ? "^" : "**") + blank() +
                within(exponent, kSign),
            plain::pow(base.value, exponent.value), kPower};
  }

  Term choice(int depth) {
    const Term c = term(depth - 1), a = term(depth - 1), b = term(depth - 1);
    return {within(c, kOr) + blank() + "?" + blank() + within(a, kChoice) + blank() + ":" +
                blank() + within(b, kChoice),
            c.value != 0 ? a.value : b.value, kChoice};
  }

  Term call(int depth) {
    const Term a = term(depth - 1), b = term(depth - 1);
    switch (pick(4)) {
      case 0: return {"sin(" + a.text + ")", plain::sin(a.value), kAtom};
      case 1: return {"max (" + a.text + "," + b.text + ")", plain::max(a.value, b.value), kAtom};
      case 2:
        return {"atan2(" + a.text + " , " + b.text + ")", plain::atan2(a.value, b.value), kAtom};
      default: return {"relu( " + a.text + ")", plain::relu(a.value), kAtom};
    }
  }

  std::mt19937 random_;
  int inside_ = 1;
};

TEST(RandomExpressions, evaluate_as_the_tree_they_were_printed_from) {
  Generator generator(20240607);
  for (int round = 0; round < 4000; ++round) {
    const Term term = generator.term(2 + round % 6);
    const Program program = parse("(" + term.text + "\n)");
    std::vector<double> values;
    for (const std::string& name : program.names()) {
      values.push_back(name == "x" ? kX : name == "y" ? kY : kZ);
    }
    const double got = evaluate(program, values);
    ASSERT_TRUE(got == term.value || (got != got && term.value != term.value))
        << term.text << "\n"
        << got << " for " << term.value;
  }
}

// Whatever the bytes, the answer is a program or a SyntaxError with a place inside the source.
TEST(RandomExpressions, broken_ones_are_refused_with_a_place) {
  Generator generator(7);
  std::mt19937 random(8);
  constexpr std::string_view kStuff = "()?:,;=+-*/^<>!&|#. \n\tx1e\xC3\xA9\xFF@";
  for (int round = 0; round < 4000; ++round) {
    std::string source = generator.term(4).text;
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % (source.size() + 1);
      if (random() % 2 == 0 && at < source.size()) {
        source.erase(at, 1 + random() % 3);
      } else {
        source.insert(at, 1, kStuff[random() % kStuff.size()]);
      }
    }
    try {
      static_cast<void>(parse(source));
    } catch (const SyntaxError& error) {
      ASSERT_LE(error.place().offset, source.size()) << source;
    }
  }
}

}  // namespace
}  // namespace chainrule::expr
