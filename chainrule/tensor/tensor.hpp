// Tensors: all of them, for programs that do not care to choose. What an operation is called stands
// in the header that says so: creation in core.hpp, rows of the table in elementwise.hpp, …
#pragma once

#include "chainrule/tensor/compile.hpp"
#include "chainrule/tensor/core.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/function.hpp"
#include "chainrule/tensor/graph.hpp"
#include "chainrule/tensor/index.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/loss.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/normalise.hpp"
#include "chainrule/tensor/npy.hpp"
#include "chainrule/tensor/random.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/sweep.hpp"
#include "chainrule/tensor/transform.hpp"
