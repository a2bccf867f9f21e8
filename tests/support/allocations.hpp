// How often the calling thread has asked for memory: for tests that something does not.
#pragma once

#include <cstddef>

namespace chainrule::test {

/// Calls of operator new so far, in this thread. A test that needs it links allocations.cpp.
std::size_t allocations();

}  // namespace chainrule::test
