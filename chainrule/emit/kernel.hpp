// Kernel: a Function compiled for many rows. Lanes are rows: the machine code computes 8 (AVX-512)
// or 4 (AVX2) rows at once, twice as many in floats, straight through; an interpreter that works on
// blocks of rows answers on every other processor, and where executable memory is refused.
//
// A row whose guards do not hold leaves the lanes and is answered by the Function, so that map()
// gives what the Function gives, row by row: within the stated ulps, bit for bit in strict
// arithmetic. A Kernel is immutable and may be run by many threads at once. Running allocates
// nothing after a thread's first call, rows that the Function answers, blocks, and loops in the
// interpreter aside.
#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chainrule/graph/function.hpp"
#include "chainrule/optimise/optimise.hpp"
#include "chainrule/transform/functions.hpp"  // compile(grad(f)) needs no other header

namespace chainrule {

enum class Backend : std::uint8_t { best, avx512, avx2, interpret };
std::string_view name_of(Backend backend);
/// Whether this build and this processor have it. `best` and `interpret` always.
bool is_available(Backend backend);

struct CompileOptions {
  Backend backend = Backend::best;
  Arithmetic arithmetic = Arithmetic::relaxed;
  /// What rows are computed in. f32: numbers of the Function and of the rows are rounded to float,
  /// and so is the result of every operation; see docs/compile.md.
  Precision lanes = Precision::f64;
  /// How sum() adds rows up.
  enum class Summation : std::uint8_t { plain, compensated } summation = Summation::plain;
  /// Row vectors that are computed together: 1, 2 or 4; 0 lets compile() choose.
  unsigned row_vectors = 0;
};

/// The numbers of tables in memory.
template <class Real>
concept TableNumber = std::same_as<Real, double> || std::same_as<Real, float>;

/// Where the numbers of one argument of a Function come from, row after row.
template <TableNumber Real>
struct BasicSource {
  const Real* data = nullptr;
  std::size_t size = 0;    ///< numbers behind data
  std::size_t stride = 0;  ///< from row to row; 0: every row reads the same numbers
  std::size_t step = 1;    ///< from number to number of one row
  std::span<const std::uint32_t> index = {};  ///< row r reads at index[r] · stride

  /// The same numbers for every row.
  static BasicSource shared(std::span<const Real> numbers);
  /// Row after row, `width` numbers each.
  static BasicSource rows(std::span<const Real> numbers, std::size_t width);
  /// Number k of row r at numbers[k · rows + r].
  static BasicSource columns(std::span<const Real> numbers, std::size_t rows);
  /// Row r reads row index[r] of a table.
  static BasicSource gathered(std::span<const Real> table, std::size_t width,
                              std::span<const std::uint32_t> index);
};
using Source = BasicSource<double>;
using FloatSource = BasicSource<float>;

enum class SinkMode : std::uint8_t { store, add, sum };

/// Where the numbers of some of a Function's outputs go. Sinks follow one another: the first takes
/// the first `count` outputs.
template <TableNumber Real>
struct BasicSink {
  using Mode = SinkMode;
  Real* data = nullptr;
  std::size_t size = 0;                       ///< numbers behind data
  std::size_t count = 0;                      ///< outputs that go here
  std::size_t stride = 0;                     ///< from row to row
  std::size_t step = 1;                       ///< from output to output of one row
  std::span<const std::uint32_t> index = {};  ///< row r goes to index[r] · stride
  Mode mode = Mode::store;

  /// Row after row, `count` numbers each.
  static BasicSink rows(std::span<Real> numbers, std::size_t count);
  /// Output k of row r to numbers[k · rows + r].
  static BasicSink columns(std::span<Real> numbers, std::size_t rows);
  /// Row r is stored to, or added to, row index[r] of a table; rows that share one add up.
  static BasicSink scattered(std::span<Real> table, std::size_t count,
                             std::span<const std::uint32_t> index);
  static BasicSink added(std::span<Real> table, std::size_t count,
                         std::span<const std::uint32_t> index);
  /// The sum over all rows, written once at the end.
  static BasicSink sum(std::span<Real> sums);
};
using Sink = BasicSink<double>;
using FloatSink = BasicSink<float>;
extern template struct BasicSource<double>;
extern template struct BasicSource<float>;
extern template struct BasicSink<double>;
extern template struct BasicSink<float>;

/// What compiling cost, and when it pays. Times in seconds.
struct KernelReport {
  std::string_view backend;
  Precision precision = Precision::f64;
  std::size_t lanes = 1, row_vectors = 1;
  std::size_t trace_nodes = 0;      ///< as recorded
  std::size_t optimised_nodes = 0;  ///< after the passes
  std::size_t code_bytes = 0, spill_bytes = 0, constant_bytes = 0;
  double record = 0, optimise = 0, compile = 0;
  double run = 0;         ///< of a row, in lanes
  double eager = 0;       ///< of a row, replayed by the Function
  double break_even = 0;  ///< rows at which compiling has paid; infinite if it never does
  std::vector<PassReport> passes;
};

class Kernel {
 public:
  // A copy shares all; there is no Kernel without content, so a move is a copy.
  Kernel(const Kernel&) = default;
  Kernel& operator=(const Kernel&) = default;

  std::size_t inputs() const;
  std::size_t outputs() const;
  const Function& function() const;
  Backend backend() const;

  /// One point: inputs of all arguments one after another.
  void evaluate(std::span<const double> in, std::span<double> out) const;
  std::vector<double> operator()(std::span<const double> in) const;
  std::vector<double> operator()(std::initializer_list<double> in) const;
  /// Recorded as a block whose pullback is compiled as well.
  std::vector<Scalar> operator()(std::span<const Scalar> in) const;

  /// Evaluates with an argument after another, as a Function does; with Scalars it is recorded.
  template <class... Args>
  requires detail::SeparateArguments<Args...>
  auto operator()(const Args&... args) const {
    const detail::Flattened<Args...> in(args...);
    function().require_sizes(in.sizes);
    return (*this)(std::span(in.numbers));
  }

  /// Rows in general: a Source for each argument and Sinks for all outputs. Throws Error if the
  /// counts do not fit, or a row would read or write beyond a table; then nothing has been written.
  /// Where a row throws (a block in it, or the Function's code), what is thrown is of the type that
  /// the row threw and names the first such row. The rows before it have been written or added; of
  /// those after it none has been added, some may have been written; no sum has: with several
  /// threads, of those that the row's thread took. Rows that are added to tables are all taken by
  /// one. A sink may be a source's table: rows are read before they are written, block by block.
  void run(std::span<const Source> sources, std::span<const Sink> sinks, std::size_t rows,
           unsigned threads = 1) const;
  void run(std::span<const FloatSource> sources, std::span<const FloatSink> sinks, std::size_t rows,
           unsigned threads = 1) const;
  /// out[r] = f(shared, rows[r]): `shared` holds the first arguments, whole; the rest stand in
  /// `rows`, row after row.
  void map(std::span<const double> shared, std::span<const double> rows, std::span<double> out,
           unsigned threads = 1) const;
  template <std::convertible_to<std::span<const float>> Rows>
  void map(std::span<const float> shared, const Rows& rows, std::span<float> out,
           unsigned threads = 1) const {
    map_floats(shared, rows, out, threads);
  }
  /// Σ_r f(shared, rows[r]), output by output: value and gradient of a loss over data, say.
  std::vector<double> sum(std::span<const double> shared, std::span<const double> rows,
                          unsigned threads = 1) const;
  template <std::convertible_to<std::span<const float>> Rows>
  std::vector<double> sum(std::span<const float> shared, const Rows& rows,
                          unsigned threads = 1) const {
    return sum_floats(shared, rows, threads);
  }

  KernelReport report() const;
  /// Any of the letters t, o, a, m: the trace, the optimised trace, each with the bodies of its
  /// loops, the allocation of registers, the machine code in bytes.
  std::string dump(std::string_view letters) const;

 private:
  friend Kernel compile(const Function& f, const CompileOptions& options);
  // A template above, so that map({}, {}, {}) is of doubles.
  void map_floats(std::span<const float> shared, std::span<const float> rows, std::span<float> out,
                  unsigned threads) const;
  std::vector<double> sum_floats(std::span<const float> shared, std::span<const float> rows,
                                 unsigned threads) const;
  struct State;
  explicit Kernel(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// Compiles what the Function did when it was recorded first. Throws Error if a backend is asked
/// for that is not there.
Kernel compile(const Function& f, const CompileOptions& options = {});

}  // namespace chainrule
