// A Trace as text: print(), parse_trace(), and how blocks come back.
//
//   chainrule trace 1
//   name "rosenbrock"
//   %0 = placeholder f64 "x"
//   %1 = constant 3
//   %2 = mul %0 %1 "y" @ "main.cpp":12
//   %3 = block "solve 1 1" (%0 %2)
//   %4 = output %3 0
//   guard %2 = 1 @ "main.cpp":13
//   input "x" f64 %0
//   output "y" f64 %4
//
// The grammar. A line is a statement; blanks and tabs separate tokens, # begins a comment. The last
// one is `end`, so that a text that is cut off is not taken for a smaller one.
//
// clang-format off
//   trace       = "chainrule trace 1" { line } "end"
//   line        = [ node | guard | group | "name" string ] [ comment ] newline
//   node        = ref "=" definition [ string ] [ place ]          string: the label
//   definition  = "placeholder" type
//               | ( "variable" | "constant" ) number
//               | OPERATION ref { ref }                            a row of the table, by its name
//               | "block" string "(" { ref } ")"                   string: Block::words()
//               | "block" "user" string "(" { ref } ")"            user code: to be read by people only
//               | "output" ref natural                             one value of the block before it
//   guard       = "guard" ref "=" number [ place ]
//   group       = ( "input" | "output" ) string type { ref }       an argument, or a result
//   place       = "@" string ":" natural                           file and line
//   type        = "f64" [ "[" natural { "," natural } "]" ]
//   ref         = "%" natural                                      nodes are numbered from 0, in order
//   number      = [ "-" ] ( decimal | "inf" ) | "nan" [ ":0x" and its 16 hexadecimal digits ]
//   string      = '"' { UTF-8 but " and \ and controls | \" | \\ | \n | \t | \r | \xHH } '"'
// clang-format on
//
// A ref names a node of a line above. parse_trace(print(t)) == t, number for number. Both are
// linear, and neither recurses.
#pragma once

#include "chainrule/graph/trace.hpp"

namespace chainrule {

/// The text of a Trace. A block of user code is printed for people, and cannot be parsed. Throws
/// Error where verify() finds fault.
std::string print(const Trace& trace);

/// The Trace of a text. Throws Error "[parse_trace] origin:line:column: expected …, found …", where
/// columns are characters; what verify() finds in the whole of it; and what find_block() throws.
Trace parse_trace(std::string_view text, std::string_view origin = {});

/// Makes a block again from its words.
using BlockMaker = std::shared_ptr<const Block> (*)(std::string_view words);

/// Files a maker for words that begin with `first_word`; an empty one is for all that have no maker
/// of their own. Any thread may call it; throws Error if another maker has that word.
void register_block_maker(std::string_view first_word, BlockMaker maker);

/// The block whose words() these are. Throws Error for words whose first one is not filed, and what
/// the maker throws.
std::shared_ptr<const Block> find_block(std::string_view words);

}  // namespace chainrule
