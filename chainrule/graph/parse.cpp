#include <concepts>

#include "chainrule/graph/grammar_internal.hpp"
#include "chainrule/graph/reader_internal.hpp"
#include "chainrule/graph/text.hpp"

namespace chainrule {
namespace {

namespace pegtl = tao::pegtl;
namespace grammar = trace_grammar;
using detail::TraceReader;

// ---- each token of the grammar tells the TraceReader -------------------------------------------

template <class Rule>
struct Action : pegtl::nothing<Rule> {};

template <auto take>
struct Token {
  template <class Input>
  static void apply(const Input& in, TraceReader& reader) {
    (reader.*take)(std::string_view(in.begin(), in.size()));
  }
};

#define CR_TOKEN(rule, take) \
  template <>                \
  struct Action<grammar::rule> : Token<&TraceReader::take> {};
CR_TOKEN(version, version)
CR_TOKEN(natural, natural)
CR_TOKEN(line_number, natural)
CR_TOKEN(output_place, natural)
CR_TOKEN(ref_digits, ref)
CR_TOKEN(number, number)
CR_TOKEN(text, text)
CR_TOKEN(element, element)
CR_TOKEN(dimension, dimension)
CR_TOKEN(file_name, file_name)
CR_TOKEN(target, target)
CR_TOKEN(placeholder, placeholder)
CR_TOKEN(variable, variable)
CR_TOKEN(constant, constant)
CR_TOKEN(user, user)
CR_TOKEN(block_words, block_words)
CR_TOKEN(block_operand, block_operand)
CR_TOKEN(block, block)
CR_TOKEN(output_block, output_block)
CR_TOKEN(output, output)
CR_TOKEN(operation_name, operation_name)
CR_TOKEN(operand, operand)
CR_TOKEN(operation, operation)
CR_TOKEN(label, label)
CR_TOKEN(node_place, node_place)
CR_TOKEN(guard_node, guard_node)
CR_TOKEN(guarded, guard)
CR_TOKEN(guard_place, guard_place)
CR_TOKEN(group_name, group_name)
CR_TOKEN(member, member)
CR_TOKEN(argument, argument)
CR_TOKEN(result, result)
CR_TOKEN(trace_name, trace_name)
#undef CR_TOKEN

// ---- what must follow and does not -------------------------------------------------------------

template <class Rule>
concept Named = requires {
  { Rule::expected } -> std::convertible_to<std::string_view>;
};

template <class Rule>
struct Control : pegtl::normal<Rule> {
  template <class Input>
  [[noreturn]] static void raise(const Input& in, TraceReader& reader) {
    if constexpr (Named<Rule>) {
      reader.fail_expected(in.current(), Rule::expected);
    } else {
      reader.fail_expected(in.current(), "something else");  // what cannot fail
    }
  }
};

}  // namespace

Trace parse_trace(std::string_view text, std::string_view origin) {
  TraceReader reader(text, origin);
  pegtl::memory_input<pegtl::tracking_mode::lazy, pegtl::eol::lf_crlf, std::string_view> in(
      text.data(), text.data() + text.size(), "");
  static_cast<void>(pegtl::parse<grammar::file, Action, Control>(in, reader));
  return reader.finish();
}

}  // namespace chainrule
