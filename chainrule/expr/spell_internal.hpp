// Spell: terms as text, in one of several dialects.
//
// A term is spelled where it is used; one that is used often and is not small gets a definition of
// its own, and so does one that is large, so that text is linear in the terms and nesting bounded.
#pragma once

#include <string>
#include <string_view>

#include "chainrule/expr/simplify_internal.hpp"
#include "chainrule/op/text.hpp"

namespace chainrule::expr {

using Tightness = chainrule::Binding;

struct Piece {
  std::string text;
  Tightness binding = Tightness::atom;
};

/// An addend with its sign taken out.
struct Signed {
  Piece piece;
  bool is_negative;
};

/// over·c/under or over/(c·under) for a well-known constant c.
struct KnownNumber {
  double over, under;
  const char* text;
  const char* latex;
  bool is_below;
};
/// Of a positive number, where what it stands for has exactly this value as doubles; null if none.
std::optional<KnownNumber> known_number(double v, bool with_pi, bool with_e);

/// The piece in parentheses if it binds looser than that.
std::string within(const Piece& piece, Tightness loosest);
Tightness tighter(Tightness binding);

/// When a term gets a definition: used more than once and heavier than `inlined`, or its uses
/// together heavier than `repeated`; or used once and heavier than `largest`. A name weighs 1.
struct Limits {
  std::uint32_t inlined, repeated, largest;
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual Limits limits() const = 0;
  virtual Piece number(const Ratio& r) const = 0;
  virtual Piece name(std::string_view name) const = 0;
  /// Whether a positive number is spelled as a well-known constant, and that constant itself.
  virtual std::optional<KnownNumber> known(double) const { return std::nullopt; }
  virtual Piece constant(const KnownNumber& known) const { return {known.text}; }
  virtual Piece sum(std::span<const Signed> addends) const = 0;
  /// ± over / under; `over` is empty for 1.
  virtual Piece product(bool is_negative, std::span<const Piece> over,
                        std::span<const Piece> under) const = 0;
  /// base^n for n > 0.
  virtual Piece power(const Piece& base, double n) const = 0;
  virtual Piece operation(Op op, std::span<const Piece> x) const = 0;
};

struct Definition {
  std::string name;
  Piece value;
};

struct Spelled {
  std::vector<Definition> definitions;
  std::vector<Piece> outputs;
  std::vector<bool> is_used;  ///< by input: whether an output depends on it
  /// "x > 0"; and on which branch it is asked for, if not on all: ", if " or ", unless ", and "y <
  /// 1".
  struct Stated {
    std::string holds, link, given;
    std::string text() const { return holds + link + given; }
  };
  std::vector<Stated> conditions;
};

/// What the names are, and may not be.
struct Naming {
  std::span<const std::string> inputs;
  std::span<const std::string> taken;     ///< nothing else may have them
  std::span<const std::string> assigned;  ///< only the value that they are labels of may have them
};
Spelled spell(Formulas& formulas, const Dialect& dialect, const Naming& naming);

/// The tool's own language. pi and e are spelled out unless the program assigns these names.
class Language : public Dialect {
 public:
  explicit Language(bool with_pi = true, bool with_e = true) : with_pi_(with_pi), with_e_(with_e) {}
  Limits limits() const override { return {6, 18, 60}; }
  Piece number(const Ratio& r) const override;
  Piece name(std::string_view name) const override { return {std::string(name)}; }
  std::optional<KnownNumber> known(double v) const override {
    return known_number(v, with_pi_, with_e_);
  }
  Piece sum(std::span<const Signed> addends) const override;
  Piece product(bool is_negative, std::span<const Piece> over,
                std::span<const Piece> under) const override;
  Piece power(const Piece& base, double n) const override;
  Piece operation(Op op, std::span<const Piece> x) const override;

 private:
  bool with_pi_, with_e_;
};

}  // namespace chainrule::expr
