// TraceReader: what the tokens of a text make of a Trace.
#pragma once

#include "chainrule/graph/trace.hpp"

namespace chainrule::detail {

class TraceReader {
 public:
  TraceReader(std::string_view source, std::string_view origin);

  // ---- tokens: each leaves what it says for the rule round it ------------------------------
  void natural(std::string_view digits);
  void ref(std::string_view digits);
  void number(std::string_view spelling);
  void text(std::string_view content);
  void element(std::string_view);
  void dimension(std::string_view digits);
  void file_name(std::string_view);

  // ---- nodes -------------------------------------------------------------------------------
  void target(std::string_view token);
  void placeholder(std::string_view token);
  void variable(std::string_view token);
  void constant(std::string_view token);
  void user(std::string_view token);
  void block_words(std::string_view token);
  void block_operand(std::string_view token);
  void block(std::string_view token);
  void output_block(std::string_view token);
  void output(std::string_view token);
  void operation_name(std::string_view token);
  void operand(std::string_view token);
  void operation(std::string_view token);
  void label(std::string_view);
  void node_place(std::string_view);

  // ---- what stands round them --------------------------------------------------------------
  void version(std::string_view digits);
  void guard_node(std::string_view token);
  void guard(std::string_view);
  void guard_place(std::string_view);
  void group_name(std::string_view);
  void member(std::string_view token);
  void argument(std::string_view);
  void result(std::string_view);
  void trace_name(std::string_view token);

  /// The Trace, verified.
  Trace finish();

  /// Throws "expected …, found …" for what stands at `at`.
  [[noreturn]] void fail_expected(const char* at, std::string_view expected) const;

 private:
  [[noreturn]] void say(const char* at, std::string_view facts) const;
  Vertex known_ref(std::string_view token) const;
  void require_no_output(std::string_view token) const;
  std::string expected_output() const;
  void placed(Vertex at);

  const std::string_view source_, origin_;
  Trace trace_;
  Graph& graph_;
  bool has_name_ = false;

  std::uint32_t next_ = 0;  ///< the node of the next line; those after it are outputs of block_
  Vertex block_;            ///< the last one
  Vertex node_;             ///< of this line

  std::uint32_t natural_ = 0;
  Vertex ref_;
  double number_ = 0;
  std::string text_;
  Type type_;
  SourceLine at_;
  bool is_user_ = false;
  std::string words_;
  std::vector<Vertex> refs_;
  Op op_ = Op::add;
  Vertex guarded_;
  std::string group_name_;
};

}  // namespace chainrule::detail
