// The rows of the table as C and C++: what an operation on expressions is, and the functions that
// it needs and the language's library lacks.
//
// An operation is an operator (the row's glyph), a function of the library (a CR_FN row that is the
// C library's), or a function of its own, whose text is the row's value formula: CRows writes each
// of these once, and only if it was asked for. The text computes what the row computes, operation
// by operation.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "chainrule/op/formula.hpp"
#include "chainrule/op/text.hpp"

namespace chainrule {

enum class CLanguage : std::uint8_t { c99, cxx };

/// An expression. A truth is 1 or 0 of type int, as C's comparisons are.
struct CText {
  std::string text;
  Binding binding = Binding::atom;
  bool is_truth = false;
};

/// 3.0, -INFINITY, NAN: the shortest decimal that is this double.
CText c_number(double value);

/// "x != 0.0", or the truth itself; in parentheses if it binds no tighter than `looser`.
std::string c_condition(const CText& x, Binding looser = Binding::choice);

/// Which steps of a Formula get a name of their own: those that are used more than once, and large
/// ones that are no roots. The others are spelled where they are used, so that text is linear in
/// the steps and nesting bounded.
struct CNames {
  CNames(const Formula& formula, std::span<const StepId> roots);

  std::vector<std::uint32_t> uses;  ///< by step, as an operand or a root
  std::vector<bool> is_named;       ///< by step
};

/// Compilers take some functions of the library for others: x*x for pow(x, 2.0), which is another
/// number once in a thousand times, and fmax(y, x) for fmax(x, y), which may be -0 for 0. `opaque`
/// hides from them what is called.
enum class CCalls : std::uint8_t { plain, opaque };

class CRows {
 public:
  /// `prefix` begins the name of every function that helpers() writes.
  CRows(CLanguage language, std::string prefix, CCalls calls = CCalls::plain)
      : language_(language), calls_(calls), prefix_(std::move(prefix)) {}

  /// An operation on expressions. Throws Error for a row that the language has no function for.
  CText operation(Op op, std::span<const CText> x);
  /// What is called for a row that is no operator: "std::sin", "f_sigmoid". Throws as above.
  std::string callee(Op op);
  /// The functions that have been called for, each after those it calls.
  const std::string& helpers() const { return helpers_; }

 private:
  bool is_hidden(Op op) const;
  void write(Op op);
  std::string body_of(Op op);

  CLanguage language_;
  CCalls calls_;
  std::string prefix_, helpers_;
  std::array<bool, kOpCount> is_written_{};
};

/// Spells the steps that have uses, in order. refer(operand, by) gives the text by which step `by`
/// uses an input, a number or a named step; define(step, text) takes the text of a named one.
/// finished(step) gives the text of a root.
template <class Refer, class Define>
class CSteps {
 public:
  CSteps(const Formula& formula, const CNames& names, CRows& rows, Refer refer, Define define)
      : formula_(formula),
        names_(names),
        rows_(rows),
        refer_(refer),
        define_(define),
        texts_(formula.size()) {}

  /// Spells one step; those before it are spelled already.
  void spell(StepId step) {
    const Formula::Step& s = formula_[step];
    if (names_.uses[step.index] == 0 || s.kind != Formula::Kind::operation) return;
    CText x[3];
    const auto arity = static_cast<std::size_t>(info(s.op).arity);
    for (std::size_t k = 0; k < arity; ++k) x[k] = use({s.at[k]}, step);
    CText text = rows_.operation(s.op, {x, arity});
    if (names_.is_named[step.index]) {
      define_(step, std::move(text));
    } else {
      texts_[step.index] = std::move(text);
    }
  }

  /// The text of an operand of `by`. Of a step that is not named it can be had once.
  CText use(StepId operand, StepId by) {
    if (formula_[operand].kind == Formula::Kind::operation && !names_.is_named[operand.index]) {
      return std::move(texts_[operand.index]);
    }
    return refer_(operand, by);
  }

 private:
  const Formula& formula_;
  const CNames& names_;
  CRows& rows_;
  Refer refer_;
  Define define_;
  std::vector<CText> texts_;
};

}  // namespace chainrule
