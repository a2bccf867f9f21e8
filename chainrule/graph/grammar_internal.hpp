// The grammar of traces, as types (graph/text.hpp has it in words).
//
// It is flat: a text is a list of lines and a line a list of tokens, so no rule refers to itself.
// What a rule that must match is called in a message stands beside it.
#pragma once

#include <tao/pegtl.hpp>

namespace chainrule::trace_grammar {

using namespace tao::pegtl;

#define CR_EXPECTED(words) static constexpr const char* expected = words

// ---- between tokens ---------------------------------------------------------------------------
struct blanks : star<one<' ', '\t'>> {};
struct comment : seq<one<'#'>, until<at<eolf>>> {};
struct line_end : seq<blanks, opt<comment>, eolf> {
  CR_EXPECTED("the end of the line");
};

// ---- tokens -----------------------------------------------------------------------------------
template <char... letters>
struct word : seq<string<letters...>, not_at<identifier_other>> {};
struct natural : plus<digit> {
  CR_EXPECTED("a natural number");
};

struct escape : seq<one<'\\'>, sor<one<'"', '\\', 'n', 't', 'r'>, seq<one<'x'>, xdigit, xdigit>>> {
};
struct character
    : utf8::ranges<0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7E, 0x80, 0xD7FF, 0xE000, 0x10FFFF> {};
struct text : star<sor<character, escape>> {};
struct quote : one<'"'> {
  CR_EXPECTED("UTF-8 text, an escape or the closing quote");
};
struct quoted : if_must<one<'"'>, text, quote> {
  CR_EXPECTED("a text in quotes");
};

struct exponent : seq<one<'e', 'E'>, opt<one<'+', '-'>>, plus<digit>> {};
struct decimal : seq<sor<seq<plus<digit>, opt<one<'.'>, star<digit>>>, seq<one<'.'>, plus<digit>>>,
                     opt<exponent>> {};
struct nan : seq<string<'n', 'a', 'n'>, opt<string<':', '0', 'x'>, rep<16, xdigit>>> {};
struct number : seq<sor<nan, seq<opt<one<'-'>>, sor<decimal, string<'i', 'n', 'f'>>>>,
                    not_at<identifier_other>> {
  CR_EXPECTED("a number, inf or nan");
};

struct ref_digits : plus<digit> {
  CR_EXPECTED("the number of a node");
};
struct ref : if_must<one<'%'>, ref_digits> {};

struct dimension : plus<digit> {
  CR_EXPECTED("a size");
};
struct type_end : one<']'> {
  CR_EXPECTED("',' or ']'");
};
struct element : seq<string<'f', '6', '4'>, not_at<identifier_other>> {};
struct shape : if_must<one<'['>, dimension, star<if_must<one<','>, dimension>>, type_end> {};
struct type : seq<element, opt<shape>> {
  CR_EXPECTED("a type: f64 or f64[2,3]");
};

struct equals : one<'='> {
  CR_EXPECTED("'='");
};
struct colon : one<':'> {
  CR_EXPECTED("':'");
};
struct file_name : quoted {
  CR_EXPECTED("the name of a file, in quotes");
};
struct line_number : natural {
  CR_EXPECTED("the number of a line");
};
struct place : if_must<one<'@'>, blanks, file_name, blanks, colon, blanks, line_number> {};

// ---- nodes ------------------------------------------------------------------------------------
struct placeholder
    : if_must<word<'p', 'l', 'a', 'c', 'e', 'h', 'o', 'l', 'd', 'e', 'r'>, blanks, type> {};
struct variable : if_must<word<'v', 'a', 'r', 'i', 'a', 'b', 'l', 'e'>, blanks, number> {};
struct constant : if_must<word<'c', 'o', 'n', 's', 't', 'a', 'n', 't'>, blanks, number> {};

struct user : word<'u', 's', 'e', 'r'> {};
struct block_words : quoted {
  CR_EXPECTED("the words of a block, in quotes");
};
struct opening : one<'('> {
  CR_EXPECTED("'('");
};
struct closing : one<')'> {
  CR_EXPECTED("an operand or ')'");
};
struct block_operand : ref {};
struct block : if_must<word<'b', 'l', 'o', 'c', 'k'>, blanks, opt<user, blanks>, block_words,
                       blanks, opening, star<blanks, block_operand>, blanks, closing> {};

struct output_block : ref {
  CR_EXPECTED("a block, as %3");
};
struct output_place : natural {
  CR_EXPECTED("which output it is");
};
struct output
    : if_must<word<'o', 'u', 't', 'p', 'u', 't'>, blanks, output_block, blanks, output_place> {};

struct operation_name : identifier {};
struct operand : ref {};
struct operation : seq<operation_name, star<blanks, operand>> {};

struct definition : sor<placeholder, variable, constant, block, output, operation> {
  CR_EXPECTED("placeholder, variable, constant, block, output or an operation");
};
struct target : ref {};
struct label : quoted {};
struct node_place : place {};
struct node : seq<if_must<target, blanks, equals, blanks, definition>, opt<blanks, label>,
                  opt<blanks, node_place>> {};

// ---- what stands round them -------------------------------------------------------------------
struct guard_node : ref {
  CR_EXPECTED("a node, as %3");
};
struct guard_place : place {};
struct guarded
    : if_must<word<'g', 'u', 'a', 'r', 'd'>, blanks, guard_node, blanks, equals, blanks, number> {};
struct guard : seq<guarded, opt<blanks, guard_place>> {};

struct group_name : quoted {
  CR_EXPECTED("a name in quotes");
};
struct member : ref {};
template <class Word>
struct group : seq<if_must<Word, blanks, group_name, blanks, type>, star<blanks, member>> {};
struct argument : group<word<'i', 'n', 'p', 'u', 't'>> {};
struct result : group<word<'o', 'u', 't', 'p', 'u', 't'>> {};

struct trace_name : quoted {
  CR_EXPECTED("a name in quotes");
};
struct naming : if_must<word<'n', 'a', 'm', 'e'>, blanks, trace_name> {};

struct statement : sor<node, guard, argument, result, naming> {};
struct line : seq<blanks, statement, must<line_end>> {};
struct empty_line : seq<blanks, opt<comment>, eol> {};
struct last_line : seq<word<'e', 'n', 'd'>, line_end, star<empty_line>, blanks, opt<comment>, eof> {
  CR_EXPECTED("%0 = ..., guard, input, output, name or end");
};

struct version : natural {};
struct header : seq<word<'c', 'h', 'a', 'i', 'n', 'r', 'u', 'l', 'e'>, plus<blank>,
                    word<'t', 'r', 'a', 'c', 'e'>, plus<blank>, version> {
  CR_EXPECTED("chainrule trace 1");
};
struct file : seq<opt<utf8::bom>, must<header, line_end>, star<sor<empty_line, line>>, blanks,
                  must<last_line>> {};

#undef CR_EXPECTED

}  // namespace chainrule::trace_grammar
