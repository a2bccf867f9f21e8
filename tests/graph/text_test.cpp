// Traces as text: what is printed, what comes back, and what is said of a text that is none.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <tao/pegtl/contrib/analyze.hpp>

#include "chainrule/graph/grammar_internal.hpp"
#include "chainrule/graph/text.hpp"
#include "tests/graph/traces.hpp"

namespace chainrule {
namespace {

std::string refusal(std::string_view text, std::string_view origin = "f.crt") {
  try {
    parse_trace(text, origin);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// A text of these lines after the header; the first of them is line 2.
std::string after_header(const std::string& lines) { return "chainrule trace 1\n" + lines; }
std::string whole(const std::string& lines) { return after_header(lines) + "\nend\n"; }

constexpr const char* kExample = R"(chainrule trace 1
name "a \"neuron\""
%0 = placeholder f64 "x"
%1 = variable 2.5 "w"
%2 = constant -0
%3 = mul %1 %0 "w x" @ "neuron.cpp":12
%4 = block "sums 3 2 2" (%3 %2)
%5 = output %4 0
%6 = output %4 1 "ω"
%7 = placeholder f64[2,3] "t"
%8 = lt %6 %2 @ "neuron.cpp":13
%9 = constant nan:0xfff0000000000001
guard %8 = 1 @ "neuron.cpp":13
guard %5 = nan
input "x" f64 %0
input "w" f64[1] %1
input "none" f64[0]
input "t" f64[2,3] %7
output "y" f64[2] %5 %6
end
)";

TEST(Text, an_example_reads_and_prints_as_it_stands) {
  register_sums();
  const Trace trace = parse_trace(kExample);
  EXPECT_EQ(print(trace), kExample);
  EXPECT_EQ(trace.name, "a \"neuron\"");
  EXPECT_EQ(trace.graph.name_of({3}), "w x");
  EXPECT_EQ(trace.graph.line_of({8}).line, 13u);
  EXPECT_EQ(trace.arguments[3].first, 2u);
}

TEST(Text, blanks_comments_and_line_ends_are_free) {
  const Trace plain =
      parse_trace(whole("%0 = placeholder f64 \"x\"\n%1 = sin %0\n"
                        "input \"x\" f64 %0\n"));
  EXPECT_EQ(parse_trace("\xEF\xBB\xBF"
                        "chainrule \t trace   1 # of old\r\n\r\n"
                        "  # a line of its own\r\n"
                        "\t%0=placeholder f64\"x\"# x\r\n"
                        "%1  =  sin%0\r\n"
                        "input\"x\"f64%0\nend # of it") == plain,
            true);
}

TEST(Text, strings_keep_every_byte) {
  const std::string text = whole(R"(%0 = constant 1 "\x41\x00\n\t\"\\ω\xff")");
  const Trace trace = parse_trace(text);
  EXPECT_EQ(*trace.graph.label_of({0}), std::string("A\0\n\t\"\\ω\xff", 9));
  EXPECT_NE(print(trace).find(R"("A\x00\n\t\"\\ω\xff")"), std::string::npos);
}

RC_GTEST_PROP(Text, every_trace_comes_back_as_it_was, (unsigned seed)) {
  register_sums();
  std::mt19937 random(seed);
  const Trace trace = random_trace(random, *rc::gen::inRange(0u, 60u));
  const std::string text = print(trace);
  const Trace back = parse_trace(text);
  RC_ASSERT(back == trace);
  RC_ASSERT(print(back) == text);
  for (const char c : text) RC_ASSERT(c == '\n' || static_cast<unsigned char>(c) >= ' ');
}

TEST(Text, every_operation_has_a_line) {
  Graph g;
  const Node x = g.placeholder("x");
  for (const OpInfo& row : kOps) {
    g.apply(row.op, std::vector<Node>(static_cast<std::size_t>(row.arity), x));
  }
  const Trace trace = to_trace(g, {});
  const std::string text = print(trace);
  EXPECT_NE(text.find("= fma %0 %0 %0\n"), std::string::npos);
  EXPECT_TRUE(parse_trace(text) == trace);
}

// Rules that could match nothing for ever, or refer to themselves without end.
TEST(Text, the_grammar_is_sound) { EXPECT_EQ(tao::pegtl::analyze<trace_grammar::file>(-1), 0u); }

// ---- what is said of a text that is none ------------------------------------------------------

TEST(TextErrors, name_the_place_and_what_was_expected_there) {
  const struct {
    const char* lines;
    const char* message;
  } kCases[] = {
      {"%1 = constant 1", "2:1: expected %0, found '%1'"},
      {"%0 - constant 1", "2:4: expected '=', found '-'"},
      {"%0 = ",
       "2:6: expected placeholder, variable, constant, block, output or an operation, "
       "found the end of the text"},
      {"%0 = nonsense",
       "2:6: expected placeholder, variable, constant, block, output or an "
       "operation, found 'nonsense'"},
      {"%0 = +",
       "2:6: expected placeholder, variable, constant, block, output or an operation, "
       "found '+'"},
      {"%0 = placeholder real", "2:18: expected a type: f64 or f64[2,3], found 'real'"},
      {"%0 = placeholder f64[2,]", "2:24: expected a size, found ']'"},
      {"%0 = placeholder f64[2;3]", "2:23: expected ',' or ']', found ';3]'"},
      {"%0 = placeholder f64[4294967296]",
       "2:22: expected a natural number below 4294967296, found '4294967296]'"},
      {"%0 = constant one", "2:15: expected a number, inf or nan, found 'one'"},
      {"%0 = constant 1e999", "2:15: expected a number that a double can hold, found '1e999'"},
      {"%0 = constant nan:0x7ff0000000000000",
       "2:15: expected the bits of a NaN, found 'nan:0x7ff0000000000000'"},
      {"%0 = constant 1 2", "2:17: expected the end of the line, found '2'"},
      {"%0 = constant 1 \"ω̄ω",
       "2:21: expected UTF-8 text, an escape or the closing quote, found "
       "the end of the text"},
      {"%0 = constant 1 \"\xFF\"",
       "2:18: expected UTF-8 text, an escape or the closing quote, "
       "found '?\"'"},
      {"%0 = constant 1 \"\\q\"",
       "2:18: expected UTF-8 text, an escape or the closing quote, "
       "found '\\q\"'"},
      {"%0 = constant 1 @ f.cpp", "2:19: expected the name of a file, in quotes, found 'f.cpp'"},
      {"%0 = constant 1 @ \"f\" 3", "2:23: expected ':', found '3'"},
      {"%0 = constant 1\n%1 = mul %0",
       "3:12: expected operand 2 of the 2 of mul, found the end "
       "of the text"},
      {"%0 = constant 1\n%1 = sin %0 %0",
       "3:13: expected the end of the line after the operands "
       "of sin, found '%0'"},
      {"%0 = constant 1\n%1 = sin %1", "3:10: expected a node of a line above, found '%1'"},
      {"%0 = constant 1\n%1 = sin %",
       "3:11: expected the number of a node, found the end of the "
       "text"},
      {"%0 = output %0 0", "2:13: expected a node of a line above, found '%0'"},
      {"%0 = constant 1\n%1 = output %0 0",
       "3:6: expected another kind of node: no output of a "
       "block is due here, found 'output'"},
      {"%0 = block \"sums 1 0 1\" ()\n%1 = constant 1",
       "3:6: expected output %0 0, found "
       "'constant'"},
      {"%0 = block \"sums 1 0 2\" ()\n%1 = output %0 1",
       "3:6: expected output %0 0, found "
       "'output'"},
      {"%0 = block \"sums 1 0 1\" ()       \nend\n",
       "4:1: expected %1 = output %0 0, found the end of "
       "the text"},
      {"%0 = block \"sums 1 0 4000000000\" ()",
       "2:6: expected 4000000000 outputs of 'sums 1 0 "
       "4000000000' below, but the text ends before"},
      {"%0 = block \"sums 1 2 0\" ()", "2:6: expected 2 operands of 'sums 1 2 0', found 0"},
      {"%0 = block \"sums\" ()", "2:6: [find_block] 'sums' makes nothing of the words 'sums'"},
      {"%0 = block \"quux 3\" ()", "2:6: [find_block] no block is known by the words 'quux 3'"},
      {"%0 = block user \"mine\" ()",
       "2:17: block 'mine' is user code, which a text cannot bring "
       "back"},
      {"%0 = block \"sums 1 0 0\" (0)", "2:26: expected an operand or ')', found '0)'"},
      {"guard %0 = 1", "2:7: expected a node of a line above, found '%0'"},
      {"guard = 1", "2:7: expected a node, as %3, found '='"},
      {"input x f64", "2:7: expected a name in quotes, found 'x'"},
      {"output \"y\" f64 %0", "2:16: expected a node of a line above, found '%0'"},
      {"name \"a\"\nname \"b\"", "3:6: expected one name, found '\"b\"'"},
      {"what is this", "2:1: expected %0 = ..., guard, input, output, name or end, found 'what'"},
  };
  register_sums();
  for (const auto& [lines, message] : kCases) {
    EXPECT_EQ(refusal(after_header(lines)), "[parse_trace] f.crt:" + std::string(message)) << lines;
  }
}

TEST(TextErrors, the_header_tells_what_it_is) {
  EXPECT_EQ(refusal(""),
            "[parse_trace] f.crt:1:1: expected chainrule trace 1, found the end of the "
            "text");
  EXPECT_EQ(refusal("digraph {}", ""),
            "[parse_trace] 1:1: expected chainrule trace 1, found 'digraph'");
  EXPECT_EQ(refusal("chainrule trace 2\n"),
            "[parse_trace] f.crt:1:17: the text is of version 2; this library reads version 1");
}

TEST(TextErrors, what_verify_finds_is_said) {
  EXPECT_EQ(refusal(whole("%0 = placeholder f64")),
            "[parse_trace] f.crt: node 0: a placeholder that is no input");
  EXPECT_EQ(refusal(whole("%0 = placeholder f64\ninput \"x\" f64[3] %0"), ""),
            "[parse_trace] argument 'x' of type f64[3]: has 1 inputs");
}

TEST(TextErrors, are_one_short_line_whatever_stands_there) {
  const std::string line = refusal(after_header(std::string(100000, 'x') + "\n"));
  EXPECT_LT(line.size(), 200u);
  EXPECT_EQ(refusal(after_header("\x01\xFF")),
            "[parse_trace] f.crt:2:1: expected %0 = ..., guard, input, output, name or end, found "
            "'?"
            "?'");
}

// ---- blocks -----------------------------------------------------------------------------------

TEST(TextBlocks, of_user_code_are_printed_for_people_only) {
  Graph g;
  const Node x = g.placeholder("x");
  const auto out = g.call(std::make_shared<Sums>(3, 1, 1, true), std::vector{x});
  const std::string text = print(to_trace(g, out));
  EXPECT_NE(text.find("%1 = block user \"sums\" (%0)\n%2 = output %1 0\n"), std::string::npos);
  EXPECT_EQ(refusal(text),
            "[parse_trace] f.crt:4:17: block 'sums' is user code, which a text cannot bring back");
}

TEST(TextBlocks, are_the_same_if_they_are_one_or_have_the_same_words) {
  const auto own = std::make_shared<Sums>(3, 1, 1, true);
  const auto call = [](std::shared_ptr<const Block> block) { return BlockCall{block, {{0}}}; };
  EXPECT_TRUE(call(own) == call(own));
  EXPECT_FALSE(call(own) == call(std::make_shared<Sums>(3, 1, 1, true)));
  EXPECT_TRUE(call(std::make_shared<Sums>(3, 1, 1)) == call(std::make_shared<Sums>(3, 1, 1)));
  EXPECT_FALSE(call(std::make_shared<Sums>(3, 1, 1)) == call(std::make_shared<Sums>(2, 1, 1)));
}

TEST(TextBlocks, a_word_has_one_maker) {
  register_sums();
  register_sums();
  EXPECT_THROW(
      register_block_maker("sums", [](std::string_view) { return std::shared_ptr<const Block>(); }),
      Error);
  EXPECT_EQ(find_block("sums 2 1 3")->outputs(), 3u);
}

TEST(TextBroken, a_trace_that_is_not_sound_is_not_printed) {
  Graph g;
  g.placeholder("x");
  Trace trace = to_trace(g, {});
  trace.inputs.clear();
  EXPECT_THROW(print(trace), Error);
}

}  // namespace
}  // namespace chainrule
