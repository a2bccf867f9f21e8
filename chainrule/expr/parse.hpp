// The language of the tool: read a program.
//
//   program     statement { (';' | newline) statement }        the last statement is the result
//   statement   [ NAME '=' ] expression                        a name is assigned once
//   expression  C's operators, weakest first:
//                 c ? a : b     to the right; any c that is not 0 is true
//                 ||  &&        the numbers 1 and 0
//                 == !=         1 or 0
//                 < <= > >=     1 or 0
//                 + -
//                 * /
//                 - + !         before an operand
//                 ** ^          both are power, to the right; the exponent may carry a sign: 2^-a
//   operand     number | NAME | pi | e | FUNCTION '(' arguments ')' | '(' expression ')'
//   comment     # to the end of the line
//
// FUNCTION is any row of the table of operations; the last argument of leaky_relu, elu and selu may
// be left out; hypot takes two or three; max, min and logsumexp take as many as there are.
// pi and e are constants, until the program assigns the name itself: e = a + b.
// A name followed by '(' is a function, any other name a value, so `beta` may be both.
// A newline ends a statement unless something is open, or an operator follows or went before: a
// line that begins with an operator continues the one before it. Numbers round to the nearest
// double (so 1e-400 is 0); one beyond the largest is an error. Operations whose operands are all
// constant are evaluated while reading.
//
// Limits: 16 MiB of source. Nesting has none: the reader keeps its own stack, on the heap.
// Cost: linear in the source, about 100 ns a token.
#pragma once

#include <string_view>

#include "chainrule/expr/error.hpp"
#include "chainrule/expr/program.hpp"

namespace chainrule::expr {

inline constexpr std::size_t kLargestSource = std::size_t{16} << 20;

/// Reads a program. Throws SyntaxError; `origin` (a file's name) is named in its message.
Program parse(std::string_view source, std::string_view origin = "");

/// Whether `name` is a constant of the language: pi or e.
bool is_reserved(std::string_view name);

/// Whether `text` is spelled as a name.
bool is_name(std::string_view text);

}  // namespace chainrule::expr
