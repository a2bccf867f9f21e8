// The grammar of the language, as types.
//
// It is regular: an expression is a list of operands with openings before and closings after each,
// joined by infix signs. Precedence and the matching of brackets are the Reader's business, which
// keeps them on a stack of its own; so no rule refers to itself and no program can overflow the
// machine's stack.
#pragma once

#include <tao/pegtl.hpp>

namespace chainrule::expr::grammar {

using namespace tao::pegtl;

// ---- between tokens: a newline is blank where a statement cannot end -------------------------
struct comment : seq<one<'#'>, until<at<eolf>>> {};
struct blanks : star<sor<one<' ', '\t', '\r'>, comment>> {};
struct gap : star<sor<one<' ', '\t', '\r', '\n'>, comment>> {};

// ---- operands -------------------------------------------------------------------------------
struct exponent : seq<one<'e', 'E'>, opt<one<'+', '-'>>, plus<digit>> {};
struct number : seq<sor<seq<plus<digit>, opt<one<'.'>>, star<digit>>, seq<one<'.'>, plus<digit>>>,
                    opt<exponent>> {};
struct reference : identifier {};
struct primary : sor<number, reference> {};

struct minus : one<'-'> {};
struct plus_sign : one<'+'> {};
struct not_sign : seq<one<'!'>, not_at<one<'='>>> {};
struct callee : seq<identifier, blanks, one<'('>> {};
struct parenthesis : one<'('> {};
struct opening : sor<minus, plus_sign, not_sign, callee, parenthesis> {};

struct operand : seq<star<opening, gap>, must<primary>> {};

// ---- what joins operands --------------------------------------------------------------------
struct closing : one<')'> {};
struct power : sor<string<'*', '*'>, one<'^'>> {};
struct times : one<'*'> {};
struct over : one<'/'> {};
struct added : one<'+'> {};
struct less_by : one<'-'> {};
struct equal : string<'=', '='> {};
struct unequal : string<'!', '='> {};
struct at_most : string<'<', '='> {};
struct at_least : string<'>', '='> {};
struct below : one<'<'> {};
struct above : one<'>'> {};
struct logical_and : string<'&', '&'> {};
struct logical_or : string<'|', '|'> {};
struct question : one<'?'> {};
struct colon : one<':'> {};
struct comma : one<','> {};
struct infix : sor<power, times, over, added, less_by, comma, equal, unequal, at_most, at_least,
                   below, above, logical_and, logical_or, question, colon> {};

struct continuation : sor<closing, seq<infix, gap, operand>> {};
struct expression : seq<operand, star<gap, continuation>> {};

// ---- statements -----------------------------------------------------------------------------
struct assigned : identifier {};
struct target : seq<assigned, gap, one<'='>, not_at<one<'='>>> {};
struct end_of_statement : seq<blanks, sor<eolf, one<';'>>> {};
struct statement : seq<opt<target, gap>, expression, must<end_of_statement>> {};
struct separators : star<sor<one<' ', '\t', '\r', '\n', ';'>, comment>> {};
struct program : seq<opt<utf8::bom>, separators, until<eof, statement, separators>> {};

}  // namespace chainrule::expr::grammar
