// Scope: a program as C text, and what it reads and writes.
//
// A loop is a function by itself, with a `for` in it. What its body reads of the program around it
// is read where it lies: inputs in x, the rest in the workspace v, both at affine places (a slice
// of step i at first + stride · i), numbers of the steps in tables. What it gives stands in v. A
// body in one piece is written into the `for`, its carry in local variables; a long one, or one
// with loops in it, is a sequence of functions in turn, its carry in v.
#pragma once

#include <algorithm>
#include <optional>

#include "chainrule/emit/c/layout_internal.hpp"

namespace chainrule::detail {

inline std::string number(std::size_t n) { return std::to_string(n); }

// array[first + Σ stride · index].
struct Place {
  struct Term {
    std::string index;
    std::int64_t stride;
    friend bool operator==(const Term&, const Term&) = default;
  };
  std::string array;
  std::int64_t first = 0;
  std::vector<Term> terms = {};

  std::string text() const {
    std::string at = first == 0 && !terms.empty() ? "" : std::to_string(first);
    for (const Term& term : terms) {
      const std::int64_t size = std::abs(term.stride);
      if (term.stride < 0) {
        at += at.empty() ? "-" : " - ";
      } else if (!at.empty()) {
        at += " + ";
      }
      at += (size == 1 ? "" : std::to_string(size) + " * ") + term.index;
    }
    return array + "[" + at + "]";
  }
  Place moving(std::string index, std::int64_t stride) const {
    Place moved = *this;
    if (stride != 0) moved.terms.push_back({std::move(index), stride});
    return moved;
  }
};

// How far apart two places are that differ in nothing else.
inline std::optional<std::int64_t> distance(const Place& from, const Place& to) {
  if (from.array != to.array || from.terms != to.terms) return std::nullopt;
  return to.first - from.first;
}

// What a value is read as: a place, or another text.
struct Source {
  Source(Place p) : place(std::move(p)) {}
  Source(CText t) : text(std::move(t)) {}
  std::optional<Place> place;
  CText text = {};
};

// Where an output goes: to a place, or into a variable.
struct Target {
  std::optional<Place> place;
  std::string text = {};
  std::string_view sets = " = ";
};

// The statements of a C function, and which of its parameters they name.
struct Body {
  std::string text = {};
  std::vector<std::string> used = {};

  void use(const std::string& name) {
    if (std::ranges::find(used, name) == used.end()) used.push_back(name);
  }
  /// What keeps compilers from warning of a parameter that is not named.
  std::string unused(const std::string& parameter) const {
    const bool is_used = std::ranges::find(used, parameter) != used.end();
    return is_used ? "" : "  (void)" + parameter + ";\n";
  }
  std::string at(const Place& place) {
    use(place.array);
    for (const Place::Term& term : place.terms) use(term.index);
    return place.text();
  }
  CText of(const Source& source) { return source.place ? CText{at(*source.place)} : source.text; }
};

// What the functions of one program share.
struct File {
  const std::string& name;
  std::span<const CArray> arrays;
  CRows& rows;
  std::string text = {};
  std::size_t workspace = 0, loops = 0, tables = 0;

  std::size_t take(std::size_t count) {
    const std::size_t first = workspace;
    workspace += count;
    return first;
  }
};

inline Place in_v(std::size_t at) { return {"v", static_cast<std::int64_t>(at)}; }

inline std::string index_name(unsigned depth) { return "i" + number(depth); }

// A program, at a depth of nested loops, whose inputs are read as `inputs`.
class Scope {
 public:
  Scope(File& file, const CProgram& program, std::string name, unsigned depth,
        std::vector<Source> inputs)
      : file_(file),
        program_(program),
        name_(std::move(name)),
        depth_(depth),
        inputs_(std::move(inputs)),
        layout_{program, needs(), file.workspace} {  // in this order
    file_.workspace = layout_.end_of_slots();
  }

  /// In functions of their own: calls() is what they are called by, one after another.
  void write_functions(std::vector<Target> targets) {
    targets_ = std::move(targets);
    statements();
    close_part();
  }
  /// Among the statements of a function: for a program in one piece.
  void write_into(Body& body, std::vector<Target> targets) {
    targets_ = std::move(targets);
    indent_ = depth_ == 0 ? "  " : "    ";
    std::swap(now_, body);
    statements();
    std::swap(now_, body);
  }

  /// Whether a function is given the arrays of the outputs.
  enum class Reaches : std::uint8_t { workspace, outputs };
  struct Call {
    std::string name;
    Reaches reaches;
  };
  std::span<const Call> calls() const { return calls_; }

  /// The function that is called from outside.
  CFunction whole(std::vector<Target> targets);

 private:
  bool is_in_one_piece() const { return program_.loops.empty() && layout_.parts() <= 1; }

  // ---- what loops need --------------------------------------------------------------------------
  std::vector<CNeeds> needs();
  Source slice(const CLoop& loop, std::size_t k, CNeeds& needs);

  // ---- text -------------------------------------------------------------------------------------
  Source source(StepId step, std::uint32_t part) const;
  void statements();
  void define(StepId step, const CText& value);
  void check(const CCheck& guard, const CText& value);
  template <class Root>
  void store_all(const Root& root);
  std::size_t run_from(std::size_t output) const;
  void store(const Target& target, const std::string& value);
  void copy_run(const Place& to, const Place& from, std::size_t count, std::int64_t step);
  void enter(std::uint32_t part);
  void close_part();
  std::string parameters(Reaches reaches) const;
  void add_function(const std::string& name, Reaches reaches, const Body& body);

  // ---- loops ------------------------------------------------------------------------------------
  void loop(std::size_t j);
  std::vector<Source> loop_inputs(std::size_t j) const;
  void loop_in_one_piece(std::size_t j, Scope& inner, Body& body);
  void loop_of_functions(std::size_t j, Scope& inner, Body& body);
  std::string loop_head(const CLoop& loop) const;
  Place result(std::size_t j, std::size_t k) const { return in_v(results_[j] + k); }
  std::vector<Target> targets_of(std::size_t j) const;

  File& file_;
  const CProgram& program_;
  std::string name_;
  unsigned depth_;
  std::vector<Source> inputs_;
  std::vector<std::size_t> results_;         // by loop: where in v its results begin
  std::vector<std::vector<Source>> slices_;  // by loop and slice
  CLayout layout_;
  std::vector<Target> targets_;
  std::vector<Call> calls_;
  std::uint32_t here_ = 0;
  std::size_t written_ = 0;  // parts
  Body now_;
  std::string indent_ = "  ";
};

}  // namespace chainrule::detail
