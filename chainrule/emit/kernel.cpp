#include "chainrule/emit/kernel.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <mutex>
#include <shared_mutex>

#include "chainrule/base/text.hpp"
#include "chainrule/emit/kernel_internal.hpp"
#include "chainrule/emit/rows_internal.hpp"
#include "chainrule/emit/x64/code_internal.hpp"
#include "chainrule/transform/split.hpp"

namespace chainrule {

using emit::Columns;
using emit::Engine;
using emit::Layout;
using emit::Totals;
using emit::Work;

std::string_view name_of(Backend backend) {
  switch (backend) {
    case Backend::best: return "best";
    case Backend::avx512: return "avx512";
    case Backend::avx2: return "avx2";
    case Backend::interpret: return "interpret";
  }
  return "unknown";
}

bool is_available(Backend backend) {
  switch (backend) {
    case Backend::best:
    case Backend::interpret: return true;
    case Backend::avx512: return x64::has_assembler() && x64::is_supported(x64::Isa::avx512);
    case Backend::avx2: return x64::has_assembler() && x64::is_supported(x64::Isa::avx2);
  }
  return false;
}

namespace {

// A number that was made an enumerator, and is none.
template <class E>
[[noreturn]] void refuse_enumerator(const char* where, const char* what, E value) {
  fail(where, std::string("there is no ") + what + " number " +
                  std::to_string(static_cast<unsigned>(value)));
}

void require_known(const CompileOptions& options) {
  using Summation = CompileOptions::Summation;
  if (options.backend > Backend::interpret) {
    refuse_enumerator("compile", "backend", options.backend);
  }
  if (options.summation > Summation::compensated) {
    refuse_enumerator("compile", "summation", options.summation);
  }
}

}  // namespace

// ---- sources and sinks --------------------------------------------------------------------------

template <TableNumber Real>
BasicSource<Real> BasicSource<Real>::shared(std::span<const Real> numbers) {
  return {numbers.data(), numbers.size(), 0, 1, {}};
}
template <TableNumber Real>
BasicSource<Real> BasicSource<Real>::rows(std::span<const Real> numbers, std::size_t width) {
  return {numbers.data(), numbers.size(), width, 1, {}};
}
template <TableNumber Real>
BasicSource<Real> BasicSource<Real>::columns(std::span<const Real> numbers, std::size_t rows) {
  return {numbers.data(), numbers.size(), 1, rows, {}};
}
template <TableNumber Real>
BasicSource<Real> BasicSource<Real>::gathered(std::span<const Real> table, std::size_t width,
                                              std::span<const std::uint32_t> index) {
  return {table.data(), table.size(), width, 1, index};
}

template <TableNumber Real>
BasicSink<Real> BasicSink<Real>::rows(std::span<Real> numbers, std::size_t count) {
  return {numbers.data(), numbers.size(), count, count, 1, {}, Mode::store};
}
template <TableNumber Real>
BasicSink<Real> BasicSink<Real>::columns(std::span<Real> numbers, std::size_t rows) {
  const std::size_t count = rows == 0 ? 0 : numbers.size() / rows;
  return {numbers.data(), numbers.size(), count, 1, rows, {}, Mode::store};
}
template <TableNumber Real>
BasicSink<Real> BasicSink<Real>::scattered(std::span<Real> table, std::size_t count,
                                           std::span<const std::uint32_t> index) {
  return {table.data(), table.size(), count, count, 1, index, Mode::store};
}
template <TableNumber Real>
BasicSink<Real> BasicSink<Real>::added(std::span<Real> table, std::size_t count,
                                       std::span<const std::uint32_t> index) {
  return {table.data(), table.size(), count, count, 1, index, Mode::add};
}
template <TableNumber Real>
BasicSink<Real> BasicSink<Real>::sum(std::span<Real> sums) {
  return {sums.data(), sums.size(), sums.size(), 0, 1, {}, Mode::sum};
}

template struct BasicSource<double>;
template struct BasicSource<float>;
template struct BasicSink<double>;
template struct BasicSink<float>;

// ---- the memory of threads ----------------------------------------------------------------------

namespace {

// The thread's memory for runs, one a level of nesting: a block may run a kernel in turn.
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

 private:
  struct Arenas {
    emit::Arena work, shared;
    std::vector<double> row, totals;
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

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

// ---- engines ------------------------------------------------------------------------------------

Kernel::State::State(const Function& of, const CompileOptions& with) : f(of), options(with) {
  require_known(options);
  if (options.backend == Backend::best) {
    options.backend = is_available(Backend::avx512) ? Backend::avx512
                      : is_available(Backend::avx2) ? Backend::avx2
                                                    : Backend::interpret;
    may_fall_back = true;
  } else if (!is_available(options.backend)) {
    fail("compile", "this processor or build has no " + std::string(name_of(options.backend)));
  }
  if (options.row_vectors != 0 && options.row_vectors != 1 && options.row_vectors != 2 &&
      options.row_vectors != 4) {
    fail("compile", std::to_string(options.row_vectors) +
                        " row vectors a pass: there are 1, 2, 4, or 0 for as many as suit");
  }
  const auto start = std::chrono::steady_clock::now();
  trace = optimised(OptimiseOptions::Notes::drop, &reports);
  optimise_seconds = seconds_since(start);
}

OptimiseOptions Kernel::State::passes() const {
  OptimiseOptions passes;
  passes.arithmetic = options.arithmetic;
  passes.precision = options.lanes;
  // The interpreter calls fma as a function.
  passes.fma = options.backend == Backend::interpret ? OptimiseOptions::Fma::as_function
                                                     : OptimiseOptions::Fma::as_instruction;
  return passes;
}

Trace Kernel::State::optimised(OptimiseOptions::Notes notes,
                               std::vector<PassReport>* made) const {
  OptimiseOptions how = passes();
  how.notes = notes;
  const std::optional<Trace> kept = keep_steps(f.trace());
  return optimise(kept ? *kept : f.trace(), how, made);
}

std::size_t Kernel::State::lanes() const {
  const auto isa = options.backend == Backend::avx512 ? x64::Isa::avx512 : x64::Isa::avx2;
  return static_cast<std::size_t>(x64::lanes(isa, options.lanes));
}

// Several row vectors at once hide each other's latencies, as long as the code stays small; in
// loops they share what is read again and again, and add to sums once for all of them. Straight
// code of more than a cache of instructions goes in segments.
Kernel::State::Pass Kernel::State::pass_for(const Layout& layout, std::size_t rows) const {
  if (options.backend == Backend::interpret) return {1, 1};
  const std::size_t vectors = (rows + lanes() - 1) / lanes(), nodes = trace.graph.size();
  const bool has_sums =
      std::find(layout.is_summed.begin(), layout.is_summed.end(), true) != layout.is_summed.end();
  const bool has_loops = !trace.graph.calls().empty();
  constexpr std::size_t kShort = 500, kLong = 2000;
  Pass pass{options.row_vectors, 1};
  if (pass.row_vectors == 0) {
    const bool gains_by_four = has_loops ? has_sums : nodes <= kShort;
    const bool gains_by_two = has_loops || nodes <= kLong;
    pass.row_vectors = gains_by_four && vectors >= 4 ? 4 : gains_by_two && vectors >= 2 ? 2 : 1;
  }
  constexpr unsigned kPacks = 4;
  const bool is_long = !has_loops && nodes * pass.row_vectors > kLong;
  if (is_long && vectors >= kPacks * pass.row_vectors) pass.packs = kPacks;
  return pass;
}

const Engine& Kernel::State::engine(const Layout& layout, std::size_t rows) const {
  const Pass pass = pass_for(layout, rows);
  const auto found = [&]() -> const Engine* {
    for (const Made& made : engines) {
      if (made.pass == pass && made.layout == layout) return made.engine.get();
    }
    return nullptr;
  };
  {
    const std::shared_lock lock(mutex);
    if (const Engine* engine = found()) return *engine;
  }
  std::unique_lock lock(mutex);
  if (const Engine* engine = found()) return *engine;
  // Code for tables of ever other widths is not worth its making.
  constexpr std::size_t kMostEngines = 32;
  if (engines.size() >= kMostEngines && !(layout.sources.empty() && layout.sinks.empty())) {
    lock.unlock();
    return engine({layout.is_shared, layout.is_summed}, rows);
  }
  const auto start = std::chrono::steady_clock::now();
  std::unique_ptr<Engine> made;
  if (options.backend == Backend::interpret) {
    made = emit::make_interpreter(trace, layout, passes());
  } else {
    try {
      made = emit::make_x64(trace, layout, {options, pass.row_vectors, pass.packs, f.trace().name});
    } catch (const Error&) {
      if (!may_fall_back) throw;
      made = emit::make_interpreter(trace, layout, passes());
      fell_back = true;
    }
  }
  compile_seconds = seconds_since(start);
  engines.push_back({layout, pass, std::move(made)});
  return *engines.back().engine;
}

// ---- running ------------------------------------------------------------------------------------

namespace {

// By the Function: in lanes of floats the numbers that go in are rounded, and so is what comes out.
void replay(const Function& f, Precision precision, std::span<double> in, std::span<double> out) {
  for (double& x : in) x = rounded(precision, x);
  f.evaluate(in, out);
  for (double& y : out) y = rounded(precision, y);
}

// The point's numbers into every row of a block; the first row's out of it.
template <class Lane>
void fill(const Engine& engine, std::span<const double> in, const Work& work) {
  for (std::size_t k = 0; k < in.size(); ++k) {
    std::fill_n(emit::numbers<Lane>(work.in) + engine.input_at()[k], engine.rows(),
                static_cast<Lane>(in[k]));
  }
}
template <class Lane>
void read(const Engine& engine, const Work& work, std::span<double> out) {
  for (std::size_t k = 0; k < out.size(); ++k) {
    out[k] = emit::numbers<Lane>(work.out)[engine.output_at()[k]];
  }
}

}  // namespace

void Kernel::State::evaluate(std::span<const double> in, std::span<double> out) const {
  const Engine& engine = single();
  Memory memory;
  Work work{.shared = memory.shared(engine.shared_bytes())};
  engine.lay_out(memory.work(engine.work_bytes()), work);
  engine.prepare(work);
  engine.begin(work);
  const bool is_single = engine.holds() == Precision::f32;
  (is_single ? fill<float> : fill<double>)(engine, in, work);
  engine.run(work, 1);
  if (engine.is_answered(work, 0))
    return (is_single ? read<float> : read<double>)(engine, work, out);
  std::vector<double>& numbers = memory.row();
  numbers.assign(in.begin(), in.end());
  replay(f, options.lanes, numbers, out);
}

namespace {

// One run: sources and sinks that fit, and the engine for them. Lane is what the engine's blocks
// hold.
template <class From, class To, class Lane>
class Run {
 public:
  using SourceOf = BasicSource<From>;
  using SinkOf = BasicSink<To>;

  Run(const Function& f, Precision precision, const Engine& engine,
      std::span<const SourceOf> sources, std::span<const SinkOf> sinks, std::size_t count)
      : f_(f),
        precision_(precision),
        engine_(engine),
        sources_(sources),
        sinks_(sinks),
        count_(count) {}

  // Shared numbers, and what depends on them alone.
  void prepare(Memory& memory) {
    shared_ = memory.shared(engine_.shared_bytes());
    Lane* const shared = emit::numbers<Lane>(shared_);
    std::size_t input = 0;
    for (std::size_t a = 0; a < sources_.size(); ++a) {
      const std::size_t width = f_.arguments()[a].example.size();
      if (sources_[a].stride == 0) {
        for (std::size_t k = 0; k < width; ++k) {
          shared[engine_.input_at()[input + k]] =
              static_cast<Lane>(sources_[a].data[k * sources_[a].step]);
        }
      }
      input += width;
    }
    Work work{.shared = shared_};
    engine_.lay_out(memory.work(engine_.work_bytes()), work);
    engine_.prepare(work);
  }

  // Rows first … last, in this thread. Sums are added to totals, by output.
  void rows(Memory& memory, std::size_t first, std::size_t last, Totals& totals) const {
    Work work{.shared = shared_};
    engine_.lay_out(memory.work(engine_.work_bytes()), work);
    engine_.begin(work);
    const std::size_t most = engine_.rows() * engine_.packs();
    for (std::size_t row = first; row < last; row += most) {
      const std::size_t count = std::min(most, last - row);
      std::size_t skipped = 0;
      for (std::size_t p = 0; p * engine_.rows() < count; ++p) {
        const Block block = block_of(row, p, count);
        take(engine_.block(work, p), block);
        skipped = block.skipped;
      }
      engine_.run(work, count, skipped);
      for (std::size_t p = 0; p * engine_.rows() < count; ++p) {
        give_block(memory, engine_.block(work, p), block_of(row, p, count), totals);
      }
    }
    engine_.add_sums(work, totals);
  }

 private:
  // Rows row + skipped … row + count are a block's.
  struct Block {
    std::size_t row, skipped, count;
  };

  // Where a table is read in place a block has all its rows: the last one begins earlier, and skips
  // those that the one before has had.
  Block block_of(std::size_t row, std::size_t p, std::size_t count) const {
    const std::size_t here = std::min(engine_.rows(), count - p * engine_.rows());
    const std::size_t first = row + p * engine_.rows(), missing = engine_.rows() - here;
    const bool is_whole = engine_.layout().sources.empty() && engine_.layout().sinks.empty();
    if (missing == 0 || is_whole) return {first, 0, here};
    return {first - missing, missing, engine_.rows()};
  }

  void take(const Work& work, const Block& block) const {
    std::size_t input = 0, table = 0;
    const std::vector<Columns>& columns = engine_.layout().sources;
    for (std::size_t a = 0; a < sources_.size(); ++a) {
      const std::size_t width = f_.arguments()[a].example.size();
      const bool in_place = table < columns.size() && columns[table].first == input && width > 0;
      if (in_place) {
        engine_.set_table(work, table++, sources_[a].data + block.row);
      } else if (sources_[a].stride != 0) {
        emit::pack(sources_[a], block.row, block.count, engine_.rows(),
                   engine_.input_at().subspan(input, width), emit::numbers<Lane>(work.in));
      }
      input += width;
    }
    std::size_t output = 0, sink_table = 0;
    for (const SinkOf& sink : sinks_) {
      if (is_in_place(output, sink_table, sink)) {
        engine_.set_table(work, columns.size() + sink_table++, sink.data + block.row);
      }
      output += sink.count;
    }
  }

  // Whether the next of the layout's tables is this sink's.
  bool is_in_place(std::size_t output, std::size_t table, const SinkOf& sink) const {
    const std::vector<Columns>& columns = engine_.layout().sinks;
    return table < columns.size() && columns[table].first == output && sink.count > 0;
  }

  void give_block(Memory& memory, const Work& work, const Block& block, Totals& totals) const {
    const auto& [row, skipped, count] = block;
    if (skipped == 0 && engine_.all_answered(work, count)) {
      give(work, row, 0, count, totals);
      return;
    }
    for (std::size_t i = skipped; i < count; ++i) {
      if (engine_.is_answered(work, i)) {
        give(work, row, i, 1, totals);
      } else {
        answer(memory, row + i, totals);
      }
    }
  }

  // `count` rows of the block, from row `first` of it.
  void give(const Work& work, std::size_t row, std::size_t first, std::size_t count,
            Totals& totals) const {
    const Lane* const out = emit::numbers<Lane>(work.out) + first;
    std::size_t output = 0, table = 0;
    for (const SinkOf& sink : sinks_) {
      const std::span<const std::uint32_t> at = engine_.output_at().subspan(output, sink.count);
      if (is_in_place(output, table, sink)) {
        ++table;
      } else if (sink.mode != SinkMode::sum) {
        emit::unpack(out, at, row + first, count, sink);
      } else if (!engine_.sums_itself()) {
        for (std::size_t k = 0; k < sink.count; ++k) {
          for (std::size_t i = 0; i < count; ++i) totals.add(output + k, out[at[k] + i]);
        }
      }
      output += sink.count;
    }
  }

  // A row that left the recorded branch.
  void answer(Memory& memory, std::size_t row, Totals& totals) const {
    std::vector<double>& numbers = memory.row();
    numbers.resize(f_.inputs() + f_.outputs());
    const std::span<double> all(numbers), in = all.first(f_.inputs()),
                                          out = all.subspan(f_.inputs());
    std::size_t input = 0;
    for (std::size_t a = 0; a < sources_.size(); ++a) {
      const From* const from = emit::row_of(sources_[a], row);
      const std::size_t width = f_.arguments()[a].example.size();
      for (std::size_t k = 0; k < width; ++k) in[input++] = from[k * sources_[a].step];
    }
    try {
      replay(f_, precision_, in, out);
    } catch (...) {
      emit::rethrow_in_row(row, count_);
    }
    std::size_t output = 0;
    for (const SinkOf& sink : sinks_) {
      for (std::size_t k = 0; k < sink.count; ++k, ++output) {
        if (sink.mode == SinkMode::sum) {
          totals.add(output, out[output]);
          continue;
        }
        To& to = emit::row_of(sink, row)[k * sink.step];
        to = static_cast<To>(sink.mode == SinkMode::store ? out[output] : to + out[output]);
      }
    }
  }

  const Function& f_;
  const Precision precision_;
  const Engine& engine_;
  std::span<const SourceOf> sources_;
  std::span<const SinkOf> sinks_;
  std::size_t count_;  // of rows
  std::byte* shared_ = nullptr;
};

// a + b c, or the largest number.
std::size_t plus_product(std::size_t a, std::size_t b, std::size_t c) {
  std::size_t product, sum;
  if (__builtin_mul_overflow(b, c, &product) || __builtin_add_overflow(a, product, &sum)) {
    return ~std::size_t{0};
  }
  return sum;
}

// The last number that rows of `width` at distance `stride` touch, plus one.
std::size_t reach(std::size_t width, std::size_t step, std::size_t stride, std::size_t rows,
                  std::span<const std::uint32_t> index) {
  if (width == 0 || rows == 0) return 0;
  std::size_t last = rows - 1;
  if (!index.empty())
    last = *std::max_element(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(rows));
  return plus_product(plus_product(1, width - 1, step), last, stride);
}

// `what` makes the words for a message, which a run that fits need not pay for.
template <class What>
void require_data(const What& what, const void* data, std::size_t size) {
  if (data == nullptr && size > 0) {
    fail("kernel", what() + " has " + counted(size, "number") +
                       ", but they are nowhere: its data "
                       "is null");
  }
}

template <class What>
void require_reach(const What& what, std::size_t size, std::size_t width, std::size_t step,
                   std::size_t stride, std::size_t rows, std::span<const std::uint32_t> index) {
  if (!index.empty() && index.size() < rows) {
    fail("kernel",
         what() + " has " + std::to_string(index.size()) + " places for " + counted(rows, "row"));
  }
  const std::size_t wanted = reach(width, step, stride, rows, index);
  if (wanted > size) {
    fail("kernel", what() + " has " + counted(size, "number") + ", but " + counted(rows, "row") +
                       " of " + std::to_string(width) + " reach to number " +
                       std::to_string(wanted));
  }
}

}  // namespace

template <class From, class To>
void Kernel::State::require_fit(std::span<const BasicSource<From>> sources,
                                std::span<const BasicSink<To>> sinks, std::size_t rows) const {
  if (sources.size() != f.arguments().size()) {
    fail("kernel", counted(sources.size(), "source") + " for a function of " +
                       counted(f.arguments().size(), "argument"));
  }
  for (std::size_t a = 0; a < sources.size(); ++a) {
    const BasicSource<From>& s = sources[a];
    const Argument& argument = f.arguments()[a];
    const std::size_t width = argument.example.size();
    const auto what = [&] { return "the source of " + argument.name; };
    require_data(what, s.data, s.size);
    if (s.stride == 0 && s.size < width) {
      fail("kernel", what() + " has " + counted(s.size, "number") + ", but the argument has " +
                         std::to_string(width));
    }
    require_reach(what, s.size, width, s.step, s.stride, s.stride == 0 ? 1 : rows,
                  s.stride == 0 ? std::span<const std::uint32_t>{} : s.index);
  }
  std::size_t outputs = 0;
  for (const BasicSink<To>& sink : sinks) {
    const auto what = [] { return std::string("a sink"); };
    if (sink.mode > SinkMode::sum) refuse_enumerator("kernel", "mode of a sink", sink.mode);
    require_data(what, sink.data, sink.size);
    const bool is_sum = sink.mode == SinkMode::sum;
    require_reach(what, sink.size, sink.count, sink.step, sink.stride, is_sum ? 1 : rows,
                  is_sum ? std::span<const std::uint32_t>{} : sink.index);
    outputs += sink.count;
  }
  if (outputs != f.outputs() && rows > 0) {
    fail("kernel", "the sinks take " + counted(outputs, "output") + ", but the function has " +
                       std::to_string(f.outputs()));
  }
}

namespace {

// Whether two rows may go to one place: they do not where one row, or one column, ends before the
// next begins.
template <class Real>
bool rows_meet(const BasicSink<Real>& sink, std::size_t rows) {
  if (sink.mode == SinkMode::sum || sink.count == 0) return false;
  if (!sink.index.empty()) return true;
  const bool by_rows = sink.stride >= reach(sink.count, sink.step, 0, 1, {});
  const bool by_columns = sink.stride > 0 && sink.step >= reach(rows, sink.stride, 0, 1, {});
  return !by_rows && !by_columns;
}

// Whether a table is columns whose numbers the code can read, or write, itself.
template <class Table>
bool is_columns(const Table& table, std::size_t width) {
  constexpr std::size_t kFarthest = std::numeric_limits<std::int32_t>::max() / 16;
  return width > 0 && table.stride == 1 && table.index.empty() && table.step <= kFarthest / width;
}

// The numbers that the rows of a table touch, as addresses.
struct Touched {
  const void *begin, *end;
  bool meets(const Touched& other) const {
    const std::less<> before;
    return before(begin, other.end) && before(other.begin, end);
  }
};
template <class Table>
Touched touched(const Table& table, std::size_t width, std::size_t rows) {
  const std::size_t numbers = reach(width, table.step, table.stride, rows, table.index);
  return {table.data, table.data + numbers};
}

// How many threads are worth starting: one costs as much as some hundred thousand nodes to compute.
std::size_t worth(unsigned threads, std::size_t blocks, std::size_t work) {
  constexpr std::size_t kLeastWork = 500'000;
  return std::clamp<std::size_t>(threads, 1, std::min(blocks, work / kLeastWork + 1));
}

}  // namespace

// What is shared and summed; and the columns that the code reads and writes where they stand: of
// numbers that are what its lanes are, and that no other table touches.
template <class From, class To>
void Kernel::State::lay_out(std::span<const BasicSource<From>> sources,
                            std::span<const BasicSink<To>> sinks, std::size_t rows,
                            unsigned threads, Layout& layout) const {
  layout.is_shared.clear();
  for (std::size_t a = 0; a < sources.size(); ++a) {
    layout.is_shared.insert(layout.is_shared.end(), f.arguments()[a].example.size(),
                            sources[a].stride == 0);
  }
  layout.is_summed.clear();
  for (const BasicSink<To>& sink : sinks) {
    layout.is_summed.insert(layout.is_summed.end(), sink.count, sink.mode == SinkMode::sum);
  }
  layout.sources.clear();
  layout.sinks.clear();
  if (options.backend == Backend::interpret) return;
  // Each thread has two blocks at least, so that its last one may begin earlier.
  const std::size_t block = lanes() * pass_for(layout, rows).row_vectors;
  if (rows < (threads > 1 ? 2 * threads : 1) * block) return;
  const auto is_lane = [&]<class Real>(Real) {
    return (sizeof(Real) == sizeof(float)) == (options.lanes == Precision::f32);
  };
  const auto add = [&](std::vector<emit::Columns>& columns, const auto& table, std::size_t first,
                       std::size_t width) {
    // One column has no next one.
    columns.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(width),
                       width == 1 ? 1 : static_cast<std::uint32_t>(table.step)});
  };
  std::size_t input = 0, output = 0;
  for (std::size_t a = 0; a < sources.size(); ++a) {
    const std::size_t width = f.arguments()[a].example.size();
    if (is_lane(From{}) && is_columns(sources[a], width)) {
      add(layout.sources, sources[a], input, width);
    }
    input += width;
  }
  for (const BasicSink<To>& sink : sinks) {
    if (is_lane(To{}) && sink.mode == SinkMode::store && is_columns(sink, sink.count) &&
        !rows_meet(sink, rows)) {
      add(layout.sinks, sink, output, sink.count);
    }
    output += sink.count;
  }
  if (layout.sources.empty() && layout.sinks.empty()) return;
  // A table that is read and written, or written twice, is taken block by block.
  const auto give_up = [&] { layout.sources.clear(), layout.sinks.clear(); };
  for (std::size_t k = 0; k < sinks.size(); ++k) {
    if (sinks[k].mode == SinkMode::sum) continue;
    const Touched own = touched(sinks[k], sinks[k].count, rows);
    for (std::size_t a = 0; a < sources.size(); ++a) {
      const std::size_t width = f.arguments()[a].example.size();
      const bool is_shared = sources[a].stride == 0;
      if (!is_shared && own.meets(touched(sources[a], width, rows))) return give_up();
    }
    for (std::size_t j = 0; j < k; ++j) {
      if (sinks[j].mode == SinkMode::sum) continue;
      if (own.meets(touched(sinks[j], sinks[j].count, rows))) return give_up();
    }
  }
}

template <class From, class To>
void Kernel::State::run(std::span<const BasicSource<From>> sources,
                        std::span<const BasicSink<To>> sinks, std::size_t rows,
                        unsigned threads) const {
  require_fit(sources, sinks, rows);
  Memory memory;
  // Sums, and where they are compensated what rounding took away from them, part after part.
  const bool has_rests = options.summation == CompileOptions::Summation::compensated;
  const std::size_t outputs = f.outputs(), width = has_rests ? 2 * outputs : outputs;
  std::vector<double>& numbers = memory.totals();
  numbers.assign(width, 0.0);
  const auto totals_of = [&](std::size_t part) {
    const std::span<double> own = std::span(numbers).subspan(part * width, width);
    return Totals(own.first(outputs), own.subspan(outputs));
  };
  const auto run_on = [&](const Engine& engine, auto run) {
    run.prepare(memory);
    const std::size_t blocks = (rows + engine.rows() - 1) / engine.rows();
    // Rows that share a place are taken by one thread.
    const bool meet = std::ranges::any_of(
        sinks, [&](const BasicSink<To>& sink) { return rows_meet(sink, rows); });
    const std::size_t parts = meet ? 1 : worth(threads, blocks, rows * trace.graph.size());
    if (parts == 1) {
      Totals totals = totals_of(0);
      return run.rows(memory, 0, rows, totals);
    }
    numbers.assign(parts * width, 0.0);
    emit::in_parallel(parts, [&](std::size_t part) {
      const std::size_t first = blocks * part / parts * engine.rows();
      const std::size_t last = std::min(rows, blocks * (part + 1) / parts * engine.rows());
      Memory own;
      Totals totals = totals_of(part);
      run.rows(own, first, last, totals);
    });
    Totals all = totals_of(0);
    for (std::size_t part = 1; part < parts; ++part) {  // in order: the same sums each time
      all.add(totals_of(part));
    }
  };
  if (rows > 0) {
    static thread_local Layout layout;  // keeps its memory
    lay_out(sources, sinks, rows, threads, layout);
    const Engine& made = engine(layout, rows);
    if (made.holds() == Precision::f32) {
      run_on(made, Run<From, To, float>(f, options.lanes, made, sources, sinks, rows));
    } else {
      run_on(made, Run<From, To, double>(f, options.lanes, made, sources, sinks, rows));
    }
  }
  const Totals totals = totals_of(0);
  std::size_t output = 0;
  for (const BasicSink<To>& sink : sinks) {
    for (std::size_t k = 0; k < sink.count; ++k, ++output) {
      if (sink.mode == SinkMode::sum) sink.data[k * sink.step] = static_cast<To>(totals[output]);
    }
  }
}

// Of tables of floats sums are wanted in full.
template void Kernel::State::run(std::span<const FloatSource>, std::span<const Sink>, std::size_t,
                                 unsigned) const;

void Kernel::run(std::span<const Source> sources, std::span<const Sink> sinks, std::size_t rows,
                 unsigned threads) const {
  state_->run(sources, sinks, rows, threads);
}
void Kernel::run(std::span<const FloatSource> sources, std::span<const FloatSink> sinks,
                 std::size_t rows, unsigned threads) const {
  state_->run(sources, sinks, rows, threads);
}

}  // namespace chainrule
