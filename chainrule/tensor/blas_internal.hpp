// BLAS computes on the thread that calls it: the threads are ours (base/parallel).
#pragma once

namespace chainrule {

/// To be called before an operation of BLAS or LAPACK.
void one_thread_a_product();

}  // namespace chainrule
