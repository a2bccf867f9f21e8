// Memory: what a thread keeps for running kernels, so that running allocates nothing after a
// thread's first call.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "chainrule/emit/engine_internal.hpp"

namespace chainrule::emit {

/// What a run does with its tables: which are packed into blocks or unpacked from them, and where
/// those begin that the code reads or writes in place.
struct Handling {
  struct Part {
    std::size_t table;         ///< among the sources, or the sinks
    std::size_t first, count;  ///< of its numbers among the inputs, or outputs
  };
  std::vector<Part> sources, sinks;
  std::vector<const std::byte*> in_place;  ///< as an engine numbers its tables

  void clear() { sources.clear(), sinks.clear(), in_place.clear(); }
  /// A table whose numbers are in place if they are among `columns`; tables come in their order.
  void add(std::vector<Part>& parts, std::size_t table, std::size_t first, std::size_t count,
           std::span<const Columns> columns, const void* data) {
    const auto at = std::ranges::find(columns, first, &Columns::first);
    if (count == 0) return;
    if (at != columns.end()) {
      in_place.push_back(static_cast<const std::byte*>(data));
    } else {
      parts.push_back({table, first, count});
    }
  }
};

/// The thread's memory for runs, one a level of nesting: a block may run a kernel in turn.
class Memory {
 public:
  Memory() : arenas_(mine()) {
    if (depth() == arenas_.size()) arenas_.push_back(std::make_unique<Arenas>());
    here_ = arenas_[depth()++].get();
  }
  ~Memory() { --depth(); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  std::byte* work(std::size_t bytes) { return here_->work.fit(bytes); }
  std::byte* shared(std::size_t bytes) { return here_->shared.fit(bytes); }
  std::vector<double>& row() { return here_->row; }
  std::vector<double>& totals() { return here_->totals; }
  Handling& handling() { return here_->handling; }

 private:
  struct Arenas {
    Arena work, shared;
    std::vector<double> row, totals;
    Handling handling;
  };
  using All = std::vector<std::unique_ptr<Arenas>>;
  static All& mine() {
    static thread_local All arenas;
    return arenas;
  }
  static std::size_t& depth() {
    static thread_local std::size_t depth = 0;
    return depth;
  }

  All& arenas_;
  Arenas* here_;
};

}  // namespace chainrule::emit
