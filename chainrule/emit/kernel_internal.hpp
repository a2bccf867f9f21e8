// Kernel::State: the optimised trace, and the engines made of it so far.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <shared_mutex>

#include "chainrule/emit/engine_internal.hpp"

namespace chainrule {

struct Kernel::State {
  State(const Function& of, const CompileOptions& with);

  /// The engine for a division of inputs and outputs, made at the first call for it.
  const emit::Engine& engine(const emit::Layout& layout, std::size_t rows) const;
  /// For one point: nothing is shared, nothing summed.
  const emit::Engine& single() const;
  /// At one point whose counts are right, in machine code.
  void evaluate(std::span<const double> in, std::span<double> out) const;
  template <class From, class To>
  void run(std::span<const BasicSource<From>> sources, std::span<const BasicSink<To>> sinks,
           std::size_t rows, unsigned threads) const;
  template <class Real>
  std::vector<double> sum(std::span<const Real> shared, std::span<const Real> rows,
                          unsigned threads) const;
  template <class From, class To>
  void require_fit(std::span<const BasicSource<From>> sources, std::span<const BasicSink<To>> sinks,
                   std::size_t rows) const;
  Trace optimised(OptimiseOptions::Notes notes, std::vector<PassReport>* passes) const;
  /// The pullback, compiled at the first call: (x, ȳ) ↦ y, x̄.
  const Kernel& pullback() const;

  OptimiseOptions passes() const;

  Function f;
  CompileOptions options;
  bool may_fall_back = false;
  Trace trace;  ///< optimised
  std::vector<PassReport> reports;
  double optimise_seconds = 0;

 private:
  struct Pass {
    unsigned row_vectors, packs;
    friend bool operator==(const Pass&, const Pass&) = default;
  };
  Pass pass_for(const emit::Layout& layout, std::size_t rows) const;

  struct Made {
    emit::Layout layout;
    Pass pass;
    std::unique_ptr<emit::Engine> engine;
  };
  mutable std::shared_mutex mutex;
  mutable std::deque<Made> engines;
  mutable std::atomic<const emit::Engine*> single_{nullptr};
  mutable std::once_flag pulled_back_;
  mutable std::unique_ptr<const Kernel> pullback_;

 public:
  mutable std::atomic<double> compile_seconds{0};  ///< of the engine made last
  mutable std::atomic<bool> fell_back{false};      ///< no executable memory: interpreted
};

namespace emit {

/// work(0) … work(parts − 1), each in a thread of its own, the first in this one. What the first of
/// them that fails throws is thrown here, when all have ended.
void in_parallel(std::size_t parts, const std::function<void(std::size_t)>& work);

}  // namespace emit

}  // namespace chainrule
