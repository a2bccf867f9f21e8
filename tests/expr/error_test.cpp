// What the language says about a mistake, character by character.
#include "chainrule/expr/parse.hpp"

namespace chainrule::expr {
namespace {

std::string complaint(std::string_view source, std::string_view origin = "") {
  try {
    parse(source, origin);
  } catch (const SyntaxError& error) {
    return error.what();
  }
  return "";
}

struct Mistake {
  const char* source;
  const char* message;
};

TEST(SyntaxErrors, say_what_was_expected_and_point_at_the_place) {
  const Mistake mistakes[] = {
      {"a + * b",
       "column 5: expected a number, a name, a function or '(', found '*'\n"
       "  a + * b\n"
       "      ^"},
      {"a + ",
       "column 5: expected a number, a name, a function or '(', found the end of the program\n"
       "  a + \n"
       "      ^"},
      {"2x",
       "column 2: expected an operator or the end of the statement, found 'x'; a product needs its "
       "'*', a new statement a ';'\n"
       "  2x\n"
       "   ^"},
      {"sin(x",
       "column 6: expected an operator or the ')' of the '(' at column 4, found the end of the "
       "program\n"
       "  sin(x\n"
       "       ^"},
      {"sin(x))",
       "column 7: ')' has no '(' before it\n"
       "  sin(x))\n"
       "        ^"},
      {"atan2(x)",
       "column 1: atan2 takes 2 arguments, and 1 is given\n"
       "  atan2(x)\n"
       "  ^"},
      {"1 + leaky_relu(1, 2, 3)",
       "column 5: leaky_relu takes 1 or 2 arguments, and 3 are given\n"
       "  1 + leaky_relu(1, 2, 3)\n"
       "      ^"},
      {"hypot(1, 2, 3, 4)",
       "column 1: hypot takes 2 or 3 arguments, and 4 are given\n"
       "  hypot(1, 2, 3, 4)\n"
       "  ^"},
      {"max(x)",
       "column 1: max takes at least 2 arguments, and 1 is given\n"
       "  max(x)\n"
       "  ^"},
      {"sin()",
       "column 5: sin() needs an argument\n"
       "  sin()\n"
       "      ^"},
      {"tahn(x)",
       "column 1: there is no function 'tahn'; did you mean tan?\n"
       "  tahn(x)\n"
       "  ^"},
      {"x = 1; x(2)",
       "column 8: 'x' is a value and no function: a product needs its '*'\n"
       "  x = 1; x(2)\n"
       "         ^"},
      {"1e999",
       "column 1: '1e999' is too large: the largest number is 1.7976931348623157e308\n"
       "  1e999\n"
       "  ^"},
      {"y = x; x = 3; y",
       "column 5: 'x' is used here, before it is assigned at column 8\n"
       "  y = x; x = 3; y\n"
       "      ^"},
      {"x = x + 1",
       "column 5: 'x' is used in its own assignment: a name is assigned once\n"
       "  x = x + 1\n"
       "      ^"},
      {"a = 1; a = 2",
       "column 8: 'a' is assigned twice, first at column 1\n"
       "  a = 1; a = 2\n"
       "         ^"},
      {"a = 2*pi; pi = 3",
       "column 7: 'pi' is used here, before it is assigned at column 11\n"
       "  a = 2*pi; pi = 3\n"
       "        ^"},
      {"a + b = 3",
       "column 7: only a name at the beginning of a statement is assigned; '==' compares\n"
       "  a + b = 3\n"
       "        ^"},
      {"a ? b",
       "column 6: expected an operator or the ':' of the '?' at column 3, found the end of the "
       "program\n"
       "  a ? b\n"
       "       ^"},
      {"(a ? b)",
       "column 7: expected an operator or the ':' of the '?' at column 4, found ')'\n"
       "  (a ? b)\n"
       "        ^"},
      {"a : b",
       "column 3: ':' has no '?' before it\n"
       "  a : b\n"
       "    ^"},
      {"(a, b)",
       "column 3: ',' stands between the arguments of a function only\n"
       "  (a, b)\n"
       "    ^"},
      {"a & b",
       "column 3: expected an operator or the end of the statement, found '&'; logic is written && "
       "and ||\n"
       "  a & b\n"
       "    ^"},
      {"x \xE2\x88\x92 y",
       "column 3: expected an operator or the end of the statement, found '\xE2\x88\x92' (U+2212), "
       "which is written -\n"
       "  x \xE2\x88\x92 y\n"
       "    ^"},
      {"\tx + @",
       "column 6: expected a number, a name, a function or '(', found '@'\n"
       "   x + @\n"
       "       ^"},
      {"a = 1\nb = (a + 2\nc = 3",
       "line 3, column 1: expected an operator or the ')' of the '(' at line 2, column 5, found "
       "'c'\n"
       "  c = 3\n"
       "  ^"},
      {"a = 1\r\nb = \xFF",
       "line 2, column 5: the program is not valid UTF-8 here\n"
       "  b = ?\n"
       "      ^"},
      {"a + \x01",
       "column 5: unexpected control character U+0001\n"
       "  a + ?\n"
       "      ^"},
      {"", "column 1: the program is empty"},
      {"\n# nothing\n", "line 3, column 1: the program is empty"},
  };
  for (const auto& [source, message] : mistakes) EXPECT_EQ(complaint(source), message);
}

TEST(SyntaxErrors, name_the_file) {
  EXPECT_EQ(complaint("a = 1\na + )", "model.cr"),
            "model.cr:2:5: expected a number, a name, a function or '(', found ')'\n"
            "  a + )\n"
            "      ^");
}

TEST(SyntaxErrors, carry_the_place) {
  try {
    parse("a = 1\n  b = \xCF\x80");
    FAIL();
  } catch (const SyntaxError& error) {
    EXPECT_EQ(error.place().offset, 12u);
    EXPECT_EQ(error.place().line, 2u);
    EXPECT_EQ(error.place().column, 7u);
  }
}

TEST(SyntaxErrors, columns_count_characters_not_bytes) {
  EXPECT_EQ(complaint("a # \xC3\xA9\n\xC3\xA9").substr(0, 16), "line 2, column 1");
  EXPECT_EQ(complaint("(\xC3\xA9").substr(0, 8), "column 2");
}

TEST(SyntaxErrors, show_at_most_100_characters_of_a_line) {
  for (const std::size_t before : {0, 10, 59, 60, 61, 95, 99, 100, 101, 500}) {
    for (const std::size_t after : {0, 5, 40, 41, 90, 99, 100, 300}) {
      // The place is the '@'.
      std::string source(before, '(');
      source += '@';
      source.append(after, 'x');
      const std::string message = complaint(source);
      const std::size_t line = message.find('\n') + 3;
      const std::size_t caret = message.find('\n', line) + 3;
      const std::string shown = message.substr(line, caret - 3 - line);
      EXPECT_LE(shown.size(), 100u);
      EXPECT_EQ(shown[message.size() - 1 - caret], '@') << before << " " << after << "\n"
                                                        << message;
      EXPECT_EQ(message.back(), '^');
      if (before + after + 1 <= 100) {
        EXPECT_EQ(shown, source);
      }
    }
  }
}

TEST(SyntaxErrors, of_a_gigantic_line_are_short) {
  const std::string name(1'000'000, 'n');
  EXPECT_LT(complaint(name + "(1)").size(), 500u);
  EXPECT_LT(complaint("1 " + name).size(), 500u);
  EXPECT_LT(complaint(name + "=1;" + name + "=2").size(), 500u);
  EXPECT_LT(complaint("1" + std::string(1'000'000, '0')).size(), 500u);
  EXPECT_LT(complaint("1", std::string(1'000'000, 'f')).size(), 1u);
  EXPECT_LT(complaint("(", std::string(1'000'000, 'f')).size(), std::size_t{64} << 10);
}

TEST(SyntaxErrors, invalid_utf8_is_refused_wherever_it_stands) {
  for (const char* bad : {"\x80", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80", "\xE2\x82", "\xC3"}) {
    EXPECT_NE(complaint(std::string("a # ") + bad).find("not valid UTF-8"), std::string::npos);
  }
  for (const char* good : {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xEF\xBF\xBD"}) {
    EXPECT_EQ(complaint(std::string("a # ") + good), "");
  }
}

TEST(SyntaxErrors, an_embedded_nul_is_a_control_character) {
  EXPECT_EQ(complaint(std::string_view("a\0b", 3)),
            "column 2: unexpected control character U+0000\n  a?b\n   ^");
}

}  // namespace
}  // namespace chainrule::expr
