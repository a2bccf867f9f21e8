#include "chainrule/emit/kernel.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>

#include "chainrule/base/text.hpp"
#include "chainrule/emit/kernel_internal.hpp"
#include "chainrule/emit/tables_internal.hpp"
#include "chainrule/emit/x64/code_internal.hpp"
#include "chainrule/transform/loop.hpp"
#include "chainrule/transform/split.hpp"

namespace chainrule {

using emit::Division;
using emit::Engine;
using emit::Layout;

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

void require_known(const CompileOptions& options) {
  using Summation = CompileOptions::Summation;
  if (options.backend > Backend::interpret) {
    emit::refuse_enumerator("compile", "backend", options.backend);
  }
  if (options.lanes > Precision::f32) {
    emit::refuse_enumerator("compile", "precision", options.lanes);
  }
  if (options.summation > Summation::compensated) {
    emit::refuse_enumerator("compile", "summation", options.summation);
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

// ---- engines ----------------------------------------------------------------------------------

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// How many nodes a row takes: those of a loop's body count in every step.
std::size_t nodes_with_steps(const Trace& trace) {
  std::size_t nodes = trace.graph.size();
  for (const BlockCall& call : trace.graph.calls()) {
    const auto* loop = dynamic_cast<const Loop*>(call.block.get());
    if (loop != nullptr) nodes += loop->shape().steps * nodes_with_steps(loop->body().trace());
  }
  return nodes;
}

}  // namespace

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
  if (options.backend != Backend::interpret) {
    const auto isa = options.backend == Backend::avx512 ? x64::Isa::avx512 : x64::Isa::avx2;
    lanes = static_cast<std::size_t>(x64::lanes(isa, options.lanes));
  }
  for (const Argument& argument : f.arguments()) widths.push_back(argument.example.size());
  const auto start = std::chrono::steady_clock::now();
  trace = optimised(OptimiseOptions::Notes::drop, &reports);
  optimise_seconds = seconds_since(start);
  nodes_a_row = nodes_with_steps(trace);
  has_bare_outputs = std::ranges::any_of(trace.outputs, [this](Vertex output) {
    return std::ranges::find(trace.inputs, output) != trace.inputs.end();
  });
}

OptimiseOptions Kernel::State::passes() const {
  OptimiseOptions passes;
  passes.arithmetic = options.arithmetic;
  passes.precision = options.lanes;
  passes.compounds = options.backend == Backend::interpret ? OptimiseOptions::Compounds::by_row
                                                           : OptimiseOptions::Compounds::by_formula;
  // The interpreter calls fma as a function.
  passes.fma = options.backend == Backend::interpret ? OptimiseOptions::Fma::as_function
                                                     : OptimiseOptions::Fma::as_instruction;
  return passes;
}

Trace Kernel::State::optimised(OptimiseOptions::Notes notes, std::vector<PassReport>* made) const {
  OptimiseOptions how = passes();
  how.notes = notes;
  const std::optional<Trace> kept = keep_steps(f.trace());
  return optimise(kept ? *kept : f.trace(), how, made);
}

// Several row vectors at once hide each other's latencies, as long as the code stays small; in
// loops they share what is read again and again, and add to sums once for all of them. Straight
// code of more than a cache of instructions goes in segments.
Kernel::State::Pass Kernel::State::pass_for(const Division& division, std::size_t rows) const {
  if (options.backend == Backend::interpret) return {1, 1};
  const std::size_t vectors = (rows + lanes - 1) / lanes, nodes = trace.graph.size();
  const bool has_sums = std::ranges::any_of(
      division.sinks, [](const Division::Outputs& sink) { return sink.way == Division::kOnce; });
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

Kernel::State::Made::~Made() {
  // One after another: a list's end must not be as deep as the list is long.
  for (std::unique_ptr<Made> rest = std::move(older); rest != nullptr;)
    rest = std::move(rest->older);
}

const Engine* Kernel::State::find(const Division& division, const Pass& pass) const {
  for (const Made* made = newest_.load(std::memory_order_acquire); made != nullptr;
       made = made->older.get()) {
    if (made->pass == pass && made->division == division) return made->engine.get();
  }
  return nullptr;
}

const Engine& Kernel::State::engine(const Division& division, std::size_t rows) const {
  const Pass pass = pass_for(division, rows);
  if (const Engine* engine = find(division, pass)) return *engine;
  const std::lock_guard lock(mutex_);
  if (const Engine* engine = find(division, pass)) return *engine;
  // Code for tables of ever other widths is not worth its making.
  constexpr std::size_t kMostEngines = 32;
  Division wanted = division;
  if (made_ >= kMostEngines) wanted.pack_all();
  if (const Engine* engine = find(wanted, pass)) return *engine;
  const auto start = std::chrono::steady_clock::now();
  auto made = std::make_unique<Made>(wanted, pass, make(layout_of(wanted), pass, wanted.factors));
  compile_seconds = seconds_since(start);
  ++made_;
  made->older = std::move(all_);
  all_ = std::move(made);
  newest_.store(all_.get(), std::memory_order_release);
  return *all_->engine;
}

std::unique_ptr<Engine> Kernel::State::make(const Layout& layout, const Pass& pass,
                                            emit::Factors factors) const {
  if (options.backend != Backend::interpret) {
    try {
      return emit::make_x64(trace, layout,
                            {options, pass.row_vectors, pass.packs, factors, f.trace().name});
    } catch (const Error&) {
      if (!may_fall_back) throw;
      fell_back = true;
    }
  }
  return emit::make_interpreter(trace, layout, passes());
}

Layout Kernel::State::layout_of(const Division& division) const {
  Layout layout;
  layout.stores_last = division.stores_last;
  const auto add_columns = [](std::vector<emit::Columns>& all, std::size_t first, std::size_t count,
                              std::uint32_t way) {
    if (way < Division::kInPlace) return;
    all.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count),
                   way - Division::kInPlace});
  };
  for (std::size_t a = 0; a < division.sources.size(); ++a) {
    add_columns(layout.sources, layout.is_shared.size(), widths[a], division.sources[a]);
    layout.is_shared.insert(layout.is_shared.end(), widths[a],
                            division.sources[a] == Division::kOnce);
  }
  for (const auto& [count, way] : division.sinks) {
    add_columns(layout.sinks, layout.is_summed.size(), count, way);
    layout.is_summed.insert(layout.is_summed.end(), count, way == Division::kOnce);
  }
  return layout;
}

emit::Division Kernel::State::rows_division() const {
  Division division;
  division.sources.assign(f.arguments().size(), Division::kPacked);
  division.sinks = {{static_cast<std::uint32_t>(f.outputs()), Division::kPacked}};
  return division;
}

}  // namespace chainrule
