// emit_c: a Function as C: one file of C99 that needs <math.h> alone, and a header for it.
//
//   int f_value(const double *x, double *y);                 y = f(x)
//   int f_gradient(const double *x, double *y, double *g);   and its gradient, in one pass
//   int f_jacobian(const double *x, double *y, double *J);   and its Jacobian, row by row
//   int f_hessian(const double *x, double *y, double *g, double *H);
//
// Numbers are doubles; there is no C in floats, as there are kernels in lanes of floats.
// The file holds what the Function did when it was recorded first. Each function gives 0; or k,
// where guard k does not hold, and then has written nothing: never a stale answer. Long functions
// are written in parts, so that compiling them stays linear. Loops (transform/loop.hpp) are loops
// in C, and so are their derivatives. Linear in the nodes.
#pragma once

#include <string>
#include <vector>

#include "chainrule/graph/function.hpp"
#include "chainrule/optimise/optimise.hpp"

namespace chainrule {

enum class CPart : std::uint8_t { value, gradient, jacobian, hessian };

struct EmitCOptions {
  /// Begins the name of everything in the file. Empty: made of the Function's name.
  std::string name = {};
  /// In any order. Empty: the value, and the gradient or, where there are several outputs, the
  /// Jacobian.
  std::vector<CPart> parts = {};
  /// The inputs that are differentiated by, in this order, each once. Empty: all.
  std::vector<std::size_t> by = {};
  /// strict: compiled without contraction, the C gives the bits of the eager engine wherever its
  /// math library is the same one.
  Arithmetic arithmetic = Arithmetic::relaxed;
};

struct CSource {
  std::string name;    ///< f
  std::string source;  ///< complete in itself
  std::string header;  ///< what the source declares
};

/// Throws Error for a block other than a Loop, or an operation that C99 has no function for, in
/// what is to be computed; for a gradient or Hessian of several outputs; for a name that is no C
/// identifier; for inputs to differentiate by that are not there, repeated, or not needed.
CSource emit_c(const Function& f, const EmitCOptions& options = {});

/// Writes both files, each whole or not at all. An empty `header` is the source's path with .h at
/// its end. Throws Error where a file cannot be written, or both are the same.
void save_c(const CSource& c, const std::string& source, const std::string& header = {});

}  // namespace chainrule
