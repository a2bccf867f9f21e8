// chainrule: exact derivatives of ordinary C++. Everything that most programs need.
#pragma once

#include "chainrule/tape/scalar.hpp"
#include "chainrule/tape/sweep.hpp"
#include "chainrule/tape/tape.hpp"
