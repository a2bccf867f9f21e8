// A range of rows divided among threads.
#pragma once

#include <exception>
#include <thread>
#include <vector>

namespace chainrule::cli {

/// work(part, first, last) of rows 0 … rows − 1, divided evenly into as many parts as there are
/// threads, each in a thread of its own. What the first part that fails throws is thrown here, when
/// all have ended.
template <class Work>
void in_parts(std::size_t rows, unsigned threads, const Work& work) {
  if (threads == 1) return work(0u, std::size_t{0}, rows);
  std::vector<std::exception_ptr> faults(threads);
  {
    std::vector<std::jthread> running;
    for (unsigned part = 0; part < threads; ++part) {
      running.emplace_back([&, part] {
        try {
          work(part, rows * part / threads, rows * (part + 1) / threads);
        } catch (...) {
          faults[part] = std::current_exception();
        }
      });
    }
  }
  for (const std::exception_ptr& fault : faults) {
    if (fault) std::rethrow_exception(fault);
  }
}

}  // namespace chainrule::cli
