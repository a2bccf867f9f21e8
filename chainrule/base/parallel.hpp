// in_parallel: the parts of a piece of work in the threads of a pool.
//
// Threads are started when they are first wanted, and then wait: for some microseconds awake, after
// that asleep. The calling thread takes part 0, thread k of the pool part k, so that what a thread
// keeps for its part is there the next time. One piece of work at a time has the pool. One that
// comes meanwhile, or from inside of another, does its parts one after another where it is: parts
// are the caller's, and so are its results. After fork() the child has a pool of its own.
#pragma once

#include <cstddef>

namespace chainrule {

namespace detail {
void in_parallel(std::size_t parts, void (*work)(const void* of, std::size_t part), const void* of);
}

/// work(0) … work(parts − 1). What the first of them that fails throws is thrown here, when all
/// have ended. Allocates when the pool grows only.
template <class Work>
void in_parallel(std::size_t parts, const Work& work) {
  if (parts == 1) return work(std::size_t{0});
  detail::in_parallel(
      parts, [](const void* of, std::size_t part) { (*static_cast<const Work*>(of))(part); },
      &work);
}

}  // namespace chainrule
