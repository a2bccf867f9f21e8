#include "chainrule/emit/kernel.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <shared_mutex>

#include "chainrule/base/text.hpp"
#include "chainrule/emit/kernel_internal.hpp"
#include "chainrule/emit/rows_internal.hpp"
#include "chainrule/emit/x64/code_internal.hpp"
#include "chainrule/transform/split.hpp"

namespace chainrule {

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
  __builtin_unreachable();
}

bool is_available(Backend backend) {
  switch (backend) {
    case Backend::best:
    case Backend::interpret: return true;
    case Backend::avx512: return x64::has_assembler() && x64::is_supported(x64::Isa::avx512);
    case Backend::avx2: return x64::has_assembler() && x64::is_supported(x64::Isa::avx2);
  }
  __builtin_unreachable();
}

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
  OptimiseOptions how;
  how.arithmetic = options.arithmetic;
  how.precision = options.lanes;
  // The interpreter calls fma as a function.
  if (options.backend == Backend::interpret) how.fma = OptimiseOptions::Fma::as_function;
  return how;
}

Trace Kernel::State::optimised(OptimiseOptions::Notes notes,
                               std::vector<PassReport>* passes_done) const {
  OptimiseOptions how = passes();
  how.notes = notes;
  const std::optional<Trace> kept = keep_steps(f.trace());
  return optimise(kept ? *kept : f.trace(), how, passes_done);
}

// Several row vectors at once hide each other's latencies, as long as the code stays small; in
// loops they share what is read again and again, and add to sums once for all of them. Straight
// code of more than a cache of instructions goes in segments.
Kernel::State::Pass Kernel::State::pass_for(const Layout& layout, std::size_t rows) const {
  if (options.backend == Backend::interpret) return {1, 1};
  const auto isa = options.backend == Backend::avx512 ? x64::Isa::avx512 : x64::Isa::avx2;
  const auto lanes = static_cast<std::size_t>(x64::lanes(isa, options.lanes));
  const std::size_t vectors = (rows + lanes - 1) / lanes, nodes = trace.graph.size();
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
  const std::unique_lock lock(mutex);
  if (const Engine* engine = found()) return *engine;
  const auto start = std::chrono::steady_clock::now();
  std::unique_ptr<Engine> made;
  if (options.backend == Backend::interpret) {
    made = emit::make_interpreter(trace, layout, passes());
  } else {
    try {
      made = emit::make_x64(trace, layout, {options, pass.row_vectors, pass.packs});
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
      std::span<const SourceOf> sources, std::span<const SinkOf> sinks)
      : f_(f),
        arguments_(f.arguments()),
        precision_(precision),
        engine_(engine),
        sources_(sources),
        sinks_(sinks) {}

  // Shared numbers, and what depends on them alone.
  void prepare(Memory& memory) {
    shared_ = memory.shared(engine_.shared_bytes());
    Lane* const shared = emit::numbers<Lane>(shared_);
    std::size_t input = 0;
    for (std::size_t a = 0; a < sources_.size(); ++a) {
      const std::size_t width = arguments_[a].example.size();
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
      for (std::size_t p = 0; p * engine_.rows() < count; ++p) {
        take(engine_.in(work, p), row + p * engine_.rows(), in_block(p, count));
      }
      engine_.run(work, count);
      const bool all = engine_.all_answered(work, count);
      for (std::size_t p = 0; p * engine_.rows() < count; ++p) {
        const std::size_t before = p * engine_.rows(), here = in_block(p, count);
        if (all) {
          give(engine_.out(work, p), row + before, 0, here, totals);
          continue;
        }
        for (std::size_t i = 0; i < here; ++i) {
          if (engine_.is_answered(work, before + i)) {
            give(engine_.out(work, p), row + before, i, 1, totals);
          } else {
            answer(memory, row + before + i, totals);
          }
        }
      }
    }
    engine_.add_sums(work, totals);
  }

 private:
  std::size_t in_block(std::size_t p, std::size_t count) const {
    return std::min(engine_.rows(), count - p * engine_.rows());
  }

  void take(std::byte* in, std::size_t row, std::size_t count) const {
    std::size_t input = 0;
    for (std::size_t a = 0; a < sources_.size(); ++a) {
      const std::size_t width = arguments_[a].example.size();
      if (sources_[a].stride != 0) {
        emit::pack(sources_[a], row, count, engine_.rows(),
                   engine_.input_at().subspan(input, width), emit::numbers<Lane>(in));
      }
      input += width;
    }
  }

  // `count` rows of the block, from row `first` of it.
  void give(std::byte* of_block, std::size_t row, std::size_t first, std::size_t count,
            Totals& totals) const {
    const Lane* const out = emit::numbers<Lane>(of_block) + first;
    std::size_t output = 0;
    for (const SinkOf& sink : sinks_) {
      const std::span<const std::uint32_t> at = engine_.output_at().subspan(output, sink.count);
      if (sink.mode != SinkMode::sum) {
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
      const std::size_t width = arguments_[a].example.size();
      for (std::size_t k = 0; k < width; ++k) in[input++] = from[k * sources_[a].step];
    }
    replay(f_, precision_, in, out);
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
  const std::span<const Argument> arguments_;
  const Precision precision_;
  const Engine& engine_;
  std::span<const SourceOf> sources_;
  std::span<const SinkOf> sinks_;
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
    if (s.stride == 0 && s.size < width) {
      fail("kernel", what() + " has " + counted(s.size, "number") + ", but the argument has " +
                         std::to_string(width));
    }
    require_reach(what, s.size, width, s.step, s.stride, s.stride == 0 ? 1 : rows,
                  s.stride == 0 ? std::span<const std::uint32_t>{} : s.index);
  }
  std::size_t outputs = 0;
  for (const BasicSink<To>& sink : sinks) {
    const bool is_sum = sink.mode == SinkMode::sum;
    require_reach([] { return std::string("a sink"); }, sink.size, sink.count, sink.step,
                  sink.stride, is_sum ? 1 : rows,
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

// How many threads are worth starting: one costs as much as some hundred thousand nodes to compute.
std::size_t worth(unsigned threads, std::size_t blocks, std::size_t work) {
  constexpr std::size_t kLeastWork = 500'000;
  return std::clamp<std::size_t>(threads, 1, std::min(blocks, work / kLeastWork + 1));
}

}  // namespace

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
    layout.is_shared.clear();
    for (std::size_t a = 0; a < sources.size(); ++a) {
      layout.is_shared.insert(layout.is_shared.end(), f.arguments()[a].example.size(),
                              sources[a].stride == 0);
    }
    layout.is_summed.clear();
    for (const BasicSink<To>& sink : sinks) {
      layout.is_summed.insert(layout.is_summed.end(), sink.count, sink.mode == SinkMode::sum);
    }
    const Engine& made = engine(layout, rows);
    if (made.holds() == Precision::f32) {
      run_on(made, Run<From, To, float>(f, options.lanes, made, sources, sinks));
    } else {
      run_on(made, Run<From, To, double>(f, options.lanes, made, sources, sinks));
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
