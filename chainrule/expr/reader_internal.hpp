// Reader: turns the tokens of a program into its instructions, in one pass.
//
// Operator precedence by two stacks (Dijkstra 1961, the shunting yard): operands whose operation is
// not complete, and operations that wait for an operand or a closing bracket.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chainrule/expr/program.hpp"
#include "chainrule/op/op.hpp"

namespace chainrule::expr {

/// How tightly a sign binds. A choice is c ? a : b.
enum class Binding : std::uint8_t {
  bracket,
  choice,
  disjunction,
  conjunction,
  equality,
  order,
  sum,
  product,
  prefix,
  power
};

/// Collects a Program's names, constants and instructions while their final slots are not yet
/// known.
class Builder {
 public:
  /// A slot to be: its kind in the two highest bits, and its index among its kind.
  using Value = std::uint32_t;

  Value name(std::string_view text);
  Value constant(double number);
  /// pi or e; the program remembers that it uses it.
  Value named_constant(std::string_view name, double number);
  Value emit(Op op, const Value* operands, int arity);
  void assign(std::string_view text, Value value);
  /// Ends a statement: constants made so far may have a name, and folding must leave them alone.
  void settle() { settled_ = program_.constants_.size(); }
  Program finish(Value result);

 private:
  enum Kind : std::uint32_t { kName = 0, kConstant = 1, kInstruction = 2 };
  static constexpr int kShift = 30;
  static constexpr std::uint32_t kIndex = (1U << kShift) - 1;

  Slot slot_of(Value value) const;

  Program program_;
  std::size_t settled_ = 0;
};

class Reader {
 public:
  Reader(std::string_view source, std::string_view origin) : source_(source), origin_(origin) {}

  // Tokens, in the order of the source. A text is a part of the source.
  void candidate(std::string_view name) { candidate_ = name; }
  void begin_assignment(std::string_view text);
  void number(std::string_view text);
  void reference(std::string_view text);
  void prefix(Op op, std::string_view text);
  void call(std::string_view text);
  void open(std::string_view text);
  void close(std::string_view text);
  void infix(Op op, Binding binding, std::string_view text);
  void question(std::string_view text);
  void colon(std::string_view text);
  void comma(std::string_view text);
  void end_expression(std::string_view text);

  [[noreturn]] void fail_operand(const char* at) const;
  [[noreturn]] void fail_end_of_statement(const char* at) const;
  [[noreturn]] void fail_at(const char* at, std::string_view facts) const;

  Program finish();

 private:
  using Value = Builder::Value;

  enum class Role : std::uint8_t { operation, parenthesis, call, question };
  struct Pending {
    Role role;
    Binding binding;
    Op op;
    std::uint8_t arity;
    std::uint32_t offset;
    std::uint32_t operands_below;
  };
  struct Known {
    Value value;
    std::size_t offset;
    bool assigned;
  };

  void push(Role role, Binding binding, Op op, int arity, std::string_view text);
  void reduce();
  void reduce_above(Binding binding);
  void reduce_to_bracket() { reduce_above(Binding::bracket); }
  void apply_call(const Pending& pending);
  void fold_call(const Pending& pending, Op op);
  void check_arity(const Pending& pending, int smallest, int largest) const;
  void bind_target();

  std::string_view callee_of(std::uint32_t offset) const;
  std::string_view token_at(const char* at) const;
  std::string found(const char* at) const;
  std::string place_of_offset(std::size_t offset) const;
  std::size_t offset_of(const char* at) const {
    return static_cast<std::size_t>(at - source_.data());
  }
  const char* end() const { return source_.data() + source_.size(); }
  [[noreturn]] void fail_open(const char* at) const;

  std::string_view source_;
  std::string_view origin_;
  Builder builder_;
  std::unordered_map<std::string_view, Known> known_;
  std::vector<Value> operands_;
  std::vector<Pending> pending_;
  std::string_view candidate_;  ///< the name that begins the statement
  std::string_view target_;     ///< it, once its '=' was seen
  Value last_ = 0;
  bool any_ = false;
};

}  // namespace chainrule::expr
