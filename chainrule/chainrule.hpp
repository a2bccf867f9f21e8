// chainrule: exact derivatives of ordinary C++. Everything that most programs need.
//
// Recorded Functions, blocks, pictures and the language have headers of their own:
// chainrule/graph/function.hpp, chainrule/transform/functions.hpp, chainrule/block/….
#pragma once

#include "chainrule/tape/scalar.hpp"
#include "chainrule/tape/sweep.hpp"
#include "chainrule/tape/tape.hpp"
#include "chainrule/transform/derive.hpp"
