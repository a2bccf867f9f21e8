#include <exception>
#include <thread>

#include "chainrule/emit/kernel_internal.hpp"

namespace chainrule::emit {

void in_parallel(std::size_t parts, const std::function<void(std::size_t)>& work) {
  std::vector<std::exception_ptr> faults(parts);
  const auto guarded = [&](std::size_t part) {
    try {
      work(part);
    } catch (...) {
      faults[part] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t part = 1; part < parts; ++part) threads.emplace_back(guarded, part);
    guarded(0);
  }
  for (const std::exception_ptr& fault : faults) {
    if (fault) std::rethrow_exception(fault);
  }
}

}  // namespace chainrule::emit
