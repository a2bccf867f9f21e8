// Kernel::State: the optimised trace, and the engines made of it so far.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>

#include "chainrule/emit/engine_internal.hpp"

namespace chainrule {

namespace emit {

/// How a call divides what goes in and comes out. By argument, and by sink:
struct Division {
  static constexpr std::uint32_t kPacked = 0;   ///< of each row, packed into blocks
  static constexpr std::uint32_t kOnce = 1;     ///< shared by all rows, or summed over them
  static constexpr std::uint32_t kInPlace = 2;  ///< and the distance of its columns
  struct Outputs {
    std::uint32_t count, way;
    friend bool operator==(const Outputs&, const Outputs&) = default;
  };
  std::vector<std::uint32_t> sources;
  std::vector<Outputs> sinks;
  Factors factors = Factors::in_rows;
  /// A column is read and written: a row's outputs are stored when all of it has been computed.
  bool stores_last = false;

  bool has_in_place() const {
    return std::ranges::any_of(sources, [](std::uint32_t way) { return way >= kInPlace; }) ||
           std::ranges::any_of(sinks, [](const Outputs& sink) { return sink.way >= kInPlace; });
  }
  void pack_all() {
    stores_last = false;
    for (std::uint32_t& way : sources) way = way >= kInPlace ? kPacked : way;
    for (Outputs& sink : sinks) sink.way = sink.way >= kInPlace ? kPacked : sink.way;
  }
  friend bool operator==(const Division&, const Division&) = default;
};

/// Whether tables that are read and written share memory: not at all, row for row (a column that is
/// updated), or otherwise.
enum class Meeting : std::uint8_t { none, in_rows, across };

}  // namespace emit

struct Kernel::State {
  State(const Function& of, const CompileOptions& with);

  /// The engine for a division of inputs and outputs, made at the first call for it.
  const emit::Engine& engine(const emit::Division& division, std::size_t rows) const;
  /// Everything is a row's own, and is packed.
  emit::Division rows_division() const;
  emit::Layout layout_of(const emit::Division& division) const;
  /// For one point.
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
  /// The pullback, compiled at the first call: (x, ȳ) ↦ x̄, and where it has arrived.
  const Kernel& pullback() const;

  OptimiseOptions passes() const;

  Function f;
  CompileOptions options;
  bool may_fall_back = false;
  Trace trace;                      ///< optimised
  std::vector<std::size_t> widths;  ///< numbers, by argument
  std::size_t lanes = 1;            ///< of a vector of machine code
  bool has_bare_outputs = false;    ///< an output is an input as it came
  std::size_t nodes_a_row = 0;      ///< with those of every step of a loop
  std::vector<PassReport> reports;
  double optimise_seconds = 0;

 private:
  struct Pass {
    unsigned row_vectors, packs;
    friend bool operator==(const Pass&, const Pass&) = default;
  };
  Pass pass_for(const emit::Division& division, std::size_t rows) const;
  bool is_single() const { return options.lanes == Precision::f32; }
  template <class From, class To>
  void divide(std::span<const BasicSource<From>> sources, std::span<const BasicSink<To>> sinks,
              std::size_t rows, unsigned threads, emit::Division& division) const;
  template <class From, class To>
  emit::Meeting tables_meet(std::span<const BasicSource<From>> sources,
                            std::span<const BasicSink<To>> sinks, std::size_t rows) const;

  // A list that is only ever added to, so that it can be searched without a lock.
  struct Made {
    Made(emit::Division divided, Pass how, std::unique_ptr<emit::Engine> what)
        : division(std::move(divided)), pass(how), engine(std::move(what)) {}
    ~Made();
    Made(const Made&) = delete;
    Made& operator=(const Made&) = delete;
    emit::Division division;
    Pass pass;
    std::unique_ptr<emit::Engine> engine;
    std::unique_ptr<Made> older;
  };
  const emit::Engine* find(const emit::Division& division, const Pass& pass) const;
  std::unique_ptr<emit::Engine> make(const emit::Layout& layout, const Pass& pass,
                                     emit::Factors factors) const;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Made> all_;
  mutable std::atomic<const Made*> newest_{nullptr};
  mutable std::size_t made_ = 0;
  mutable std::atomic<const emit::Engine*> single_{nullptr};
  mutable std::once_flag pulled_back_;
  mutable std::unique_ptr<const Kernel> pullback_;

 public:
  mutable std::atomic<double> compile_seconds{0};  ///< of the engine made last
  mutable std::atomic<bool> fell_back{false};      ///< no executable memory: interpreted
};

namespace emit {

/// Inside of a handler: throws what is being handled, of the same type, with the row in what it
/// says. Types other than Error and the standard ones that say something are thrown as they are.
[[noreturn]] void rethrow_in_row(std::size_t row, std::size_t rows);

}  // namespace emit

}  // namespace chainrule
