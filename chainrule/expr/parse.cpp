#include "chainrule/expr/parse.hpp"

#include <cstdio>

#include "chainrule/expr/grammar_internal.hpp"
#include "chainrule/expr/reader_internal.hpp"

namespace chainrule::expr {
namespace {

namespace pegtl = tao::pegtl;

// ---- each token of the grammar tells the Reader ------------------------------------------------

template <class Rule>
struct Action : pegtl::nothing<Rule> {};

// A token that the Reader takes by `take`, with what else it needs to know.
template <auto take, auto... facts>
struct Token {
  template <class Input>
  static void apply(const Input& in, Reader& reader) {
    (reader.*take)(facts..., std::string_view(in.begin(), in.size()));
  }
};
template <Op op, Binding binding>
using Infix = Token<&Reader::infix, op, binding>;

template <>
struct Action<grammar::assigned> : Token<&Reader::candidate> {};
template <>
struct Action<grammar::target> : Token<&Reader::begin_assignment> {};
template <>
struct Action<grammar::number> : Token<&Reader::number> {};
template <>
struct Action<grammar::reference> : Token<&Reader::reference> {};
template <>
struct Action<grammar::minus> : Token<&Reader::prefix, Op::neg> {};
template <>
struct Action<grammar::not_sign> : Token<&Reader::prefix, Op::negate> {};
template <>
struct Action<grammar::callee> : Token<&Reader::call> {};
template <>
struct Action<grammar::parenthesis> : Token<&Reader::open> {};
template <>
struct Action<grammar::closing> : Token<&Reader::close> {};
template <>
struct Action<grammar::power> : Infix<Op::pow, Binding::power> {};
template <>
struct Action<grammar::times> : Infix<Op::mul, Binding::product> {};
template <>
struct Action<grammar::over> : Infix<Op::div, Binding::product> {};
template <>
struct Action<grammar::added> : Infix<Op::add, Binding::sum> {};
template <>
struct Action<grammar::less_by> : Infix<Op::sub, Binding::sum> {};
template <>
struct Action<grammar::equal> : Infix<Op::eq, Binding::equality> {};
template <>
struct Action<grammar::unequal> : Infix<Op::ne, Binding::equality> {};
template <>
struct Action<grammar::below> : Infix<Op::lt, Binding::order> {};
template <>
struct Action<grammar::at_most> : Infix<Op::le, Binding::order> {};
template <>
struct Action<grammar::above> : Infix<Op::gt, Binding::order> {};
template <>
struct Action<grammar::at_least> : Infix<Op::ge, Binding::order> {};
template <>
struct Action<grammar::logical_and> : Infix<Op::both, Binding::conjunction> {};
template <>
struct Action<grammar::logical_or> : Infix<Op::either, Binding::disjunction> {};
template <>
struct Action<grammar::question> : Token<&Reader::question> {};
template <>
struct Action<grammar::colon> : Token<&Reader::colon> {};
template <>
struct Action<grammar::comma> : Token<&Reader::comma> {};
template <>
struct Action<grammar::expression> : Token<&Reader::end_expression> {};

// ---- what must follow and does not -------------------------------------------------------------

template <class Rule>
struct Control : pegtl::normal<Rule> {
  template <class Input>
  [[noreturn]] static void raise(const Input& in, Reader& reader) {
    if constexpr (std::is_same_v<Rule, grammar::end_of_statement>) {
      reader.fail_end_of_statement(in.current());
    } else {
      static_assert(std::is_same_v<Rule, grammar::primary>);
      reader.fail_operand(in.current());
    }
  }
};

// Text is UTF-8 without control characters, whatever stands in it.
void check_text(std::string_view source, std::string_view origin) {
  for (std::size_t at = 0; at < source.size();) {
    const auto c = static_cast<unsigned char>(source[at]);
    if (c < ' ' ? c != '\n' && c != '\t' && c != '\r' : c == 0x7F) {
      char facts[64];
      std::snprintf(facts, sizeof facts, "unexpected control character U+%04X", c);
      fail_syntax(source, origin, at, facts);
    }
    const std::size_t length = character_length(source, at);
    if (length == 0) fail_syntax(source, origin, at, "the program is not valid UTF-8 here");
    at += length;
  }
}

}  // namespace

Program parse(std::string_view source, std::string_view origin) {
  if (source.size() > kLargestSource) {
    fail("parse", "a program of " + std::to_string(source.size()) + " bytes: the limit is " +
                      std::to_string(kLargestSource));
  }
  check_text(source, origin);
  Reader reader(source, origin);
  pegtl::memory_input<pegtl::tracking_mode::lazy, pegtl::eol::lf, std::string_view> in(
      source.data(), source.data() + source.size(), "");
  static_cast<void>(pegtl::parse<grammar::program, Action, Control>(in, reader));
  return reader.finish();
}

}  // namespace chainrule::expr
