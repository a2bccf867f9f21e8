// The work that tensors are measured by, and who does it.
//
// A contestant gives, for a name of the list, a function that does the work once, or nothing if it
// does not take part. main.cpp runs them in turn, so that all see the machine in the same state.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bench {

/// One piece of work. `batch` and `kind` say which one of a family.
struct Work {
  std::string name;  ///< "mlp_sgd", "mlp_adam", "lstm", "attention", "chain", "small_forward", …
  int batch = 1;
  double scale = 1;  ///< operations done in one call: the time is given for one
};
std::vector<Work> all_work();

using Doing = std::function<void()>;

Doing chainrule_doing(const Work& work, unsigned threads);
Doing chainrule_compiled_doing(const Work& work, unsigned threads);
/// C++ written by hand on OpenBLAS, or a fused loop of vector mathematics.
Doing manual_doing(const Work& work, unsigned threads);
/// libtorch, where it was found.
Doing torch_doing(const Work& work, unsigned threads);

/// Prints how far gradients are from libtorch's; whether all are within 1e-5, relative.
bool check_gradients();

}  // namespace bench
