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

Source Source::shared(std::span<const double> numbers) {
  return {numbers.data(), numbers.size(), 0, 1, {}};
}
Source Source::rows(std::span<const double> numbers, std::size_t width) {
  return {numbers.data(), numbers.size(), width, 1, {}};
}
Source Source::columns(std::span<const double> numbers, std::size_t rows) {
  return {numbers.data(), numbers.size(), 1, rows, {}};
}
Source Source::gathered(std::span<const double> table, std::size_t width,
                        std::span<const std::uint32_t> index) {
  return {table.data(), table.size(), width, 1, index};
}

Sink Sink::rows(std::span<double> numbers, std::size_t count) {
  return {numbers.data(), numbers.size(), count, count, 1, {}, Mode::store};
}
Sink Sink::columns(std::span<double> numbers, std::size_t rows) {
  const std::size_t count = rows == 0 ? 0 : numbers.size() / rows;
  return {numbers.data(), numbers.size(), count, 1, rows, {}, Mode::store};
}
Sink Sink::scattered(std::span<double> table, std::size_t count,
                     std::span<const std::uint32_t> index) {
  return {table.data(), table.size(), count, count, 1, index, Mode::store};
}
Sink Sink::added(std::span<double> table, std::size_t count, std::span<const std::uint32_t> index) {
  return {table.data(), table.size(), count, count, 1, index, Mode::add};
}
Sink Sink::sum(std::span<double> sums) {
  return {sums.data(), sums.size(), sums.size(), 0, 1, {}, Mode::sum};
}

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
  double* shared(std::size_t bytes) { return reinterpret_cast<double*>(here_->shared.fit(bytes)); }
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

Trace Kernel::State::optimised(OptimiseOptions::Notes notes,
                               std::vector<PassReport>* passes) const {
  OptimiseOptions how{.arithmetic = options.arithmetic, .notes = notes};
  // The interpreter calls fma as a function.
  if (options.backend == Backend::interpret) how.fma = OptimiseOptions::Fma::as_function;
  const std::optional<Trace> kept = keep_steps(f.trace());
  return optimise(kept ? *kept : f.trace(), how, passes);
}

// Several row vectors at once hide each other's latencies, as long as the code stays small; in
// loops they share what is read again and again, and add to sums once for all of them. Straight
// code of more than a cache of instructions goes in segments.
Kernel::State::Pass Kernel::State::pass_for(const Layout& layout, std::size_t rows) const {
  if (options.backend == Backend::interpret) return {1, 1};
  const std::size_t lanes = options.backend == Backend::avx512 ? 8 : 4;
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
    made = emit::make_interpreter(trace, layout);
  } else {
    try {
      made = emit::make_x64(trace, layout, {options, pass.row_vectors, pass.packs});
    } catch (const Error&) {
      if (!may_fall_back) throw;
      made = emit::make_interpreter(trace, layout);
      fell_back = true;
    }
  }
  compile_seconds = seconds_since(start);
  engines.push_back({layout, pass, std::move(made)});
  return *engines.back().engine;
}

// ---- running ------------------------------------------------------------------------------------

void Kernel::State::evaluate(std::span<const double> in, std::span<double> out) const {
  const Engine& engine = single();
  Memory memory;
  Work work{memory.shared(engine.shared_bytes())};
  engine.lay_out(memory.work(engine.work_bytes()), work);
  engine.prepare(work);
  engine.begin(work);
  const std::size_t rows = engine.rows();
  for (std::size_t k = 0; k < in.size(); ++k)
    std::fill_n(work.in + engine.input_at()[k], rows, in[k]);
  engine.run(work, 1);
  if (!engine.is_answered(work, 0)) return f.evaluate(in, out);
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = work.out[engine.output_at()[k]];
}

namespace {

// One run: sources and sinks that fit, and the engine for them.
class Run {
 public:
  Run(const Function& f, const Engine& engine, std::span<const Source> sources,
      std::span<const Sink> sinks)
      : f_(f), engine_(engine), sources_(sources), sinks_(sinks) {}

  // Shared numbers, and what depends on them alone.
  void prepare(Memory& memory) {
    shared_ = memory.shared(engine_.shared_bytes());
    std::size_t input = 0;
    for (std::size_t a = 0; a < sources_.size(); ++a) {
      const std::size_t width = f_.arguments()[a].example.size();
      if (sources_[a].stride == 0) {
        for (std::size_t k = 0; k < width; ++k) {
          shared_[engine_.input_at()[input + k]] = sources_[a].data[k * sources_[a].step];
        }
      }
      input += width;
    }
    Work work{shared_};
    engine_.lay_out(memory.work(engine_.work_bytes()), work);
    engine_.prepare(work);
  }

  // Rows first … last, in this thread. Sums are added to totals, by output.
  void rows(Memory& memory, std::size_t first, std::size_t last, Totals& totals) const {
    Work work{shared_};
    engine_.lay_out(memory.work(engine_.work_bytes()), work);
    engine_.begin(work);
    const std::size_t most = engine_.rows() * engine_.packs();
    for (std::size_t row = first; row < last; row += most) {
      const std::size_t count = std::min(most, last - row);
      for (std::size_t p = 0; p * engine_.rows() < count; ++p) {
        take(engine_.block(work, p), row + p * engine_.rows(), in_block(p, count));
      }
      engine_.run(work, count);
      for (std::size_t p = 0; p * engine_.rows() < count; ++p) {
        give_block(memory, engine_.block(work, p), row + p * engine_.rows(), in_block(p, count),
                   totals);
      }
    }
    engine_.add_sums(work, totals);
  }

 private:
  std::size_t in_block(std::size_t p, std::size_t count) const {
    return std::min(engine_.rows(), count - p * engine_.rows());
  }

  void take(const Work& work, std::size_t row, std::size_t count) const {
    std::size_t input = 0;
    for (std::size_t a = 0; a < sources_.size(); ++a) {
      const std::size_t width = f_.arguments()[a].example.size();
      if (sources_[a].stride != 0) {
        emit::pack(sources_[a], row, count, engine_.rows(),
                   engine_.input_at().subspan(input, width), work.in);
      }
      input += width;
    }
  }

  void give_block(Memory& memory, const Work& work, std::size_t row, std::size_t count,
                  Totals& totals) const {
    if (engine_.all_answered(work, count)) {
      give(work, row, 0, count, totals);
      return;
    }
    for (std::size_t i = 0; i < count; ++i) {
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
    std::size_t output = 0;
    for (const Sink& sink : sinks_) {
      const std::span<const std::uint32_t> at = engine_.output_at().subspan(output, sink.count);
      if (sink.mode != Sink::Mode::sum) {
        emit::unpack(work.out + first, at, row + first, count, sink);
      } else if (!engine_.sums_itself()) {
        for (std::size_t k = 0; k < sink.count; ++k) {
          const double* const from = work.out + at[k] + first;
          for (std::size_t i = 0; i < count; ++i) totals.add(output + k, from[i]);
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
      const double* const from = emit::row_of(sources_[a], row);
      const std::size_t width = f_.arguments()[a].example.size();
      for (std::size_t k = 0; k < width; ++k) in[input++] = from[k * sources_[a].step];
    }
    f_.evaluate(in, out);
    std::size_t output = 0;
    for (const Sink& sink : sinks_) {
      for (std::size_t k = 0; k < sink.count; ++k, ++output) {
        if (sink.mode == Sink::Mode::sum) {
          totals.add(output, out[output]);
          continue;
        }
        double& to = emit::row_of(sink, row)[k * sink.step];
        to = sink.mode == Sink::Mode::store ? out[output] : to + out[output];
      }
    }
  }

  const Function& f_;
  const Engine& engine_;
  std::span<const Source> sources_;
  std::span<const Sink> sinks_;
  double* shared_ = nullptr;
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

void Kernel::State::require_fit(std::span<const Source> sources, std::span<const Sink> sinks,
                                std::size_t rows) const {
  if (sources.size() != f.arguments().size()) {
    fail("kernel", counted(sources.size(), "source") + " for a function of " +
                       counted(f.arguments().size(), "argument"));
  }
  for (std::size_t a = 0; a < sources.size(); ++a) {
    const Source& s = sources[a];
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
  for (const Sink& sink : sinks) {
    const bool is_sum = sink.mode == Sink::Mode::sum;
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
bool rows_meet(const Sink& sink, std::size_t rows) {
  if (sink.mode == Sink::Mode::sum || sink.count == 0) return false;
  if (!sink.index.empty()) return true;
  const bool by_rows = sink.stride >= reach(sink.count, sink.step, 0, 1, {});
  const bool by_columns = sink.stride > 0 && sink.step >= reach(rows, sink.stride, 0, 1, {});
  return !by_rows && !by_columns;
}

}  // namespace

void Kernel::run(std::span<const Source> sources, std::span<const Sink> sinks, std::size_t rows,
                 unsigned threads) const {
  state_->require_fit(sources, sinks, rows);
  Memory memory;
  // Sums, and where they are compensated what rounding took away from them, part after part.
  const bool has_rests = state_->options.summation == CompileOptions::Summation::compensated;
  const std::size_t width = has_rests ? 2 * outputs() : outputs();
  std::vector<double>& numbers = memory.totals();
  numbers.assign(width, 0.0);
  const auto totals_of = [&](std::size_t part) {
    const std::span<double> own = std::span(numbers).subspan(part * width, width);
    return Totals(own.first(outputs()), own.subspan(outputs()));
  };
  if (rows > 0) {
    static thread_local Layout layout;  // keeps its memory
    layout.is_shared.clear();
    for (std::size_t a = 0; a < sources.size(); ++a) {
      layout.is_shared.insert(layout.is_shared.end(), function().arguments()[a].example.size(),
                              sources[a].stride == 0);
    }
    layout.is_summed.clear();
    for (const Sink& sink : sinks) {
      layout.is_summed.insert(layout.is_summed.end(), sink.count, sink.mode == Sink::Mode::sum);
    }
    const Engine& engine = state_->engine(layout, rows);
    Run run(function(), engine, sources, sinks);
    run.prepare(memory);
    const bool meet =
        std::ranges::any_of(sinks, [&](const Sink& sink) { return rows_meet(sink, rows); });
    const std::size_t blocks = (rows + engine.rows() - 1) / engine.rows();
    // Rows that share a place are taken by one thread. A thread costs as much to start as some
    // hundred thousand nodes to compute.
    constexpr std::size_t kLeastWork = 500'000;
    const std::size_t work = rows * state_->trace.graph.size() / kLeastWork;
    const std::size_t most = std::clamp<std::size_t>(threads, 1, std::min(blocks, work + 1));
    const std::size_t parts = meet ? 1 : most;
    if (parts == 1) {
      Totals totals = totals_of(0);
      run.rows(memory, 0, rows, totals);
    } else {
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
    }
  }
  const Totals totals = totals_of(0);
  std::size_t output = 0;
  for (const Sink& sink : sinks) {
    for (std::size_t k = 0; k < sink.count; ++k, ++output) {
      if (sink.mode == Sink::Mode::sum) sink.data[k * sink.step] = totals[output];
    }
  }
}

}  // namespace chainrule
