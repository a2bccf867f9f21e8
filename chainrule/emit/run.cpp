// Running a Kernel: rows go into blocks, through the engine, and out of them, block after block. A
// row that leaves the lanes is answered by the Function. Columns that the engine reads and writes
// where they stand are not touched here.
#include <algorithm>
#include <atomic>
#include <string>

#include "chainrule/base/parallel.hpp"
#include "chainrule/emit/kernel_internal.hpp"
#include "chainrule/emit/memory_internal.hpp"
#include "chainrule/emit/rows_internal.hpp"
#include "chainrule/emit/tables_internal.hpp"

namespace chainrule {

using emit::counted;
using emit::Division;
using emit::Engine;
using emit::Handling;
using emit::Memory;
using emit::Totals;
using emit::Work;

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
      std::span<const SourceOf> sources, std::span<const SinkOf> sinks, std::size_t count,
      Handling& handling)
      : f_(f),
        precision_(precision),
        engine_(engine),
        sources_(sources),
        sinks_(sinks),
        count_(count),
        handling_(handling) {
    handling.clear();
    const auto& [is_shared, is_summed, in, out, stores_last] = engine.layout();
    for (std::size_t a = 0, input = 0; a < sources.size(); ++a) {
      const std::size_t width = f.arguments()[a].example.size();
      handling.add(handling.sources, a, input, width, in, sources[a].data);
      input += width;
    }
    for (std::size_t s = 0, output = 0; s < sinks.size(); output += sinks[s++].count) {
      const bool is_done = sinks[s].mode == SinkMode::sum && engine.sums_itself();
      if (!is_done) handling.add(handling.sinks, s, output, sinks[s].count, out, sinks[s].data);
    }
    std::erase_if(handling.sources,
                  [&](const Handling::Part& part) { return sources[part.table].stride == 0; });
  }

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

  // Rows first … last, in this thread. Sums are added to totals, by output; false if they are not
  // to be trusted: see Engine::add_sums.
  bool rows(Memory& memory, std::size_t first, std::size_t last, Totals& totals) const {
    Work work{.shared = shared_};
    engine_.lay_out(memory.work(engine_.work_bytes()), work);
    engine_.begin(work);
    const std::size_t most = engine_.rows() * engine_.packs();
    if (engine_.repeats() && handling_.sources.empty() && handling_.sinks.empty() &&
        last - first >= most) {
      const std::size_t blocks = (last - first) / most;
      take(work, {first, 0, most});
      engine_.repeat(work, blocks);
      first += blocks * most;
    }
    for (std::size_t row = first; row < last; row += most) {
      const std::size_t count = std::min(most, last - row);
      std::size_t skipped = 0;
      for (std::size_t p = 0; p * engine_.rows() < count; ++p) {
        const Block block = block_of(row, p, count);
        take(engine_.block(work, p), block);
        skipped = block.skipped;
      }
      engine_.run(work, count, skipped);
      if (handling_.sinks.empty() && !engine_.may_fail()) continue;
      for (std::size_t p = 0; p * engine_.rows() < count; ++p) {
        give_block(memory, engine_.block(work, p), block_of(row, p, count), totals);
      }
    }
    return engine_.add_sums(work, totals);
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
    if (missing == 0 || handling_.in_place.empty()) return {first, 0, here};
    return {first - missing, missing, engine_.rows()};
  }

  void take(const Work& work, const Block& block) const {
    const std::byte** const tables = engine_.tables(work);
    for (std::size_t t = 0; t < handling_.in_place.size(); ++t) {
      tables[t] = handling_.in_place[t] + block.row * sizeof(Lane);
    }
    for (const auto& [a, input, width] : handling_.sources) {
      emit::pack(sources_[a], block.row, block.count, engine_.rows(),
                 engine_.input_at().subspan(input, width), emit::numbers<Lane>(work.in));
    }
  }

  void give_block(Memory& memory, const Work& work, const Block& block, Totals& totals) const {
    const auto& [row, skipped, count] = block;
    if (!engine_.may_fail() || (skipped == 0 && engine_.all_answered(work, count))) {
      give(work, row, skipped, count - skipped, totals);
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
    for (const auto& [s, output, width] : handling_.sinks) {
      const std::span<const std::uint32_t> at = engine_.output_at().subspan(output, width);
      if (sinks_[s].mode != SinkMode::sum) {
        emit::unpack(out, at, row + first, count, sinks_[s]);
        continue;
      }
      for (std::size_t k = 0; k < width; ++k) {
        for (std::size_t i = 0; i < count; ++i) totals.add(output + k, out[at[k] + i]);
      }
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
  const Handling& handling_;
  std::byte* shared_ = nullptr;
};

// How many threads are worth starting: one costs as much as some hundred thousand nodes to compute.
std::size_t worth(unsigned threads, std::size_t blocks, std::size_t work) {
  constexpr std::size_t kLeastWork = 500'000;
  return std::clamp<std::size_t>(threads, 1, std::min(blocks, work / kLeastWork + 1));
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
    emit::require_data(what, s.data, s.size);
    if (s.stride == 0 && s.size < width) {
      fail("kernel", what() + " has " + counted(s.size, "number") + ", but the argument has " +
                         std::to_string(width));
    }
    emit::require_reach(what, s.size, width, s.step, s.stride, s.stride == 0 ? 1 : rows,
                        s.stride == 0 ? std::span<const std::uint32_t>{} : s.index);
  }
  std::size_t outputs = 0;
  for (const BasicSink<To>& sink : sinks) {
    const auto what = [] { return std::string("a sink"); };
    if (sink.mode > SinkMode::sum) emit::refuse_enumerator("kernel", "mode of a sink", sink.mode);
    emit::require_data(what, sink.data, sink.size);
    const bool is_sum = sink.mode == SinkMode::sum;
    emit::require_reach(what, sink.size, sink.count, sink.step, sink.stride, is_sum ? 1 : rows,
                        is_sum ? std::span<const std::uint32_t>{} : sink.index);
    outputs += sink.count;
  }
  if (outputs != f.outputs() && rows > 0) {
    fail("kernel", "the sinks take " + counted(outputs, "output") + ", but the function has " +
                       std::to_string(f.outputs()));
  }
}

// Which columns the code reads and writes where they stand: of numbers that are what its lanes are,
// and that no other table touches.
template <class From, class To>
void Kernel::State::divide(std::span<const BasicSource<From>> sources,
                           std::span<const BasicSink<To>> sinks, std::size_t rows, unsigned threads,
                           Division& division) const {
  const bool has_code = options.backend != Backend::interpret;
  const bool reads = has_code && (sizeof(From) == sizeof(float)) == is_single();
  const bool writes = has_code && (sizeof(To) == sizeof(float)) == is_single();
  division.sources.clear();
  division.sinks.clear();
  division.stores_last = false;
  for (std::size_t a = 0; a < sources.size(); ++a) {
    division.sources.push_back(sources[a].stride == 0 ? Division::kOnce
                               : reads                ? emit::way_in_place(sources[a], widths[a])
                                                      : Division::kPacked);
  }
  for (const BasicSink<To>& sink : sinks) {
    const bool is_plain = writes && sink.mode == SinkMode::store && !emit::rows_meet(sink, rows);
    division.sinks.push_back(
        {static_cast<std::uint32_t>(sink.count), sink.mode == SinkMode::sum ? Division::kOnce
                                                 : is_plain ? emit::way_in_place(sink, sink.count)
                                                            : Division::kPacked});
  }
  // Rows may have to be computed again: not if they have been stored or added.
  const bool only_sums = std::ranges::all_of(
      division.sinks, [](const Division::Outputs& sink) { return sink.way == Division::kOnce; });
  division.factors = only_sums ? emit::Factors::after_sums : emit::Factors::in_rows;
  if (!division.has_in_place()) return;
  // Each of several threads has two blocks at least, so that its last one may begin earlier.
  const std::size_t block = lanes * pass_for(division, rows).row_vectors;
  const emit::Meeting meeting = tables_meet(sources, sinks, rows);
  division.stores_last = meeting == emit::Meeting::in_rows;
  if (rows < (threads > 1 ? 2 * threads : 1) * block || meeting == emit::Meeting::across ||
      (division.stores_last && has_bare_outputs)) {
    division.pack_all();
  }
}

// Whether a table is read and written, or written twice.
template <class From, class To>
emit::Meeting Kernel::State::tables_meet(std::span<const BasicSource<From>> sources,
                                         std::span<const BasicSink<To>> sinks,
                                         std::size_t rows) const {
  emit::Meeting meeting = emit::Meeting::none;
  // One number a row, at the same place.
  const auto is_update = [](const BasicSource<From>& source, std::size_t width,
                            const BasicSink<To>& sink) {
    return static_cast<const void*>(source.data) == static_cast<const void*>(sink.data) &&
           sizeof(From) == sizeof(To) && width == 1 && sink.count == 1 &&
           source.stride == sink.stride && source.index.empty() && sink.index.empty();
  };
  for (std::size_t k = 0; k < sinks.size(); ++k) {
    if (sinks[k].mode == SinkMode::sum) continue;
    const emit::Touched own = emit::touched(sinks[k], sinks[k].count, rows);
    for (std::size_t a = 0; a < sources.size(); ++a) {
      const bool is_shared = sources[a].stride == 0;
      if (is_shared || !own.meets(emit::touched(sources[a], widths[a], rows))) continue;
      if (!is_update(sources[a], widths[a], sinks[k])) return emit::Meeting::across;
      meeting = emit::Meeting::in_rows;
    }
    for (std::size_t j = 0; j < k; ++j) {
      const bool is_sum = sinks[j].mode == SinkMode::sum;
      if (!is_sum && own.meets(emit::touched(sinks[j], sinks[j].count, rows)))
        return emit::Meeting::across;
    }
  }
  return meeting;
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
  // Whether the sums are to be trusted.
  const auto run_on = [&](const Engine& engine, auto run) {
    run.prepare(memory);
    const std::size_t blocks = (rows + engine.rows() - 1) / engine.rows();
    // Rows that share a place are taken by one thread.
    const bool meet = std::ranges::any_of(
        sinks, [&](const BasicSink<To>& sink) { return emit::rows_meet(sink, rows); });
    const std::size_t parts = meet ? 1 : worth(threads, blocks, rows * nodes_a_row);
    numbers.assign(parts * width, 0.0);
    if (parts == 1) {
      Totals totals = totals_of(0);
      return run.rows(memory, 0, rows, totals);
    }
    std::atomic<bool> is_trusted{true};
    in_parallel(parts, [&](std::size_t part) {
      const std::size_t first = blocks * part / parts * engine.rows();
      const std::size_t last = std::min(rows, blocks * (part + 1) / parts * engine.rows());
      Memory own;
      Totals totals = totals_of(part);
      if (!run.rows(own, first, last, totals)) is_trusted = false;
    });
    Totals all = totals_of(0);
    for (std::size_t part = 1; part < parts; ++part) {  // in order: the same sums each time
      all.add(totals_of(part));
    }
    return is_trusted.load();
  };
  const auto run_all = [&](const Engine& made) {
    Handling& handling = memory.handling();
    if (made.holds() == Precision::f32) {
      return run_on(made,
                    Run<From, To, float>(f, options.lanes, made, sources, sinks, rows, handling));
    }
    return run_on(made,
                  Run<From, To, double>(f, options.lanes, made, sources, sinks, rows, handling));
  };
  if (rows > 0) {
    static thread_local Division division;  // keeps its memory
    divide(sources, sinks, rows, threads, division);
    // What a factor brings back into range may be beyond it before: then each row has its own.
    if (!run_all(engine(division, rows))) {
      divide(sources, sinks, rows, threads, division);
      division.factors = emit::Factors::in_rows;
      run_all(engine(division, rows));
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
