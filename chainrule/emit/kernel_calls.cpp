// What a Kernel is asked besides run(): one point, rows of a plain shape, Scalars, reports.
#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>

#include "chainrule/emit/kernel_internal.hpp"
#include "chainrule/graph/closure.hpp"
#include "chainrule/graph/text.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/tape/inner.hpp"
#include "chainrule/tape/state_internal.hpp"
#include "chainrule/transform/functions.hpp"
#include "chainrule/transform/loop.hpp"

namespace chainrule {

using emit::Engine;
using emit::Layout;

Kernel compile(const Function& f, const CompileOptions& options) {
  const Kernel kernel(std::make_shared<const Kernel::State>(f, options));
  if (kernel.backend() != Backend::interpret) kernel.state_->single();
  return kernel;
}

std::size_t Kernel::inputs() const { return state_->f.inputs(); }
std::size_t Kernel::outputs() const { return state_->f.outputs(); }
const Function& Kernel::function() const { return state_->f; }
Backend Kernel::backend() const {
  return state_->fell_back ? Backend::interpret : state_->options.backend;
}

// ---- one point ----------------------------------------------------------------------------------

const Engine& Kernel::State::single() const {
  if (const Engine* engine = single_.load(std::memory_order_acquire)) return *engine;
  const Engine& made = engine(rows_division(), 1);
  single_.store(&made, std::memory_order_release);
  return made;
}

void Kernel::evaluate(std::span<const double> in, std::span<double> out) const {
  const bool is_function =
      backend() == Backend::interpret && state_->options.lanes == Precision::f64;
  if (in.size() != inputs() || out.size() != outputs() || is_function) {
    return state_->f.evaluate(in, out);  // which says what is wrong with the counts
  }
  state_->evaluate(in, out);
}

std::vector<double> Kernel::operator()(std::span<const double> in) const {
  std::vector<double> out(outputs());
  evaluate(in, out);
  return out;
}

std::vector<double> Kernel::operator()(std::initializer_list<double> in) const {
  return (*this)(std::span(in.begin(), in.size()));
}

// ---- rows of a plain shape ----------------------------------------------------------------------

namespace {

// The sources of a call, in memory that the thread keeps; one a level of nesting, as a block may
// run a kernel in turn.
template <class Real>
class Sources {
 public:
  using SourceOf = BasicSource<Real>;
  Sources() : here_(depth()++) {
    if (mine().size() == here_) mine().emplace_back();
    mine()[here_].clear();
  }
  ~Sources() { --depth(); }
  Sources(const Sources&) = delete;
  Sources& operator=(const Sources&) = delete;
  void push_back(const SourceOf& source) { mine()[here_].push_back(source); }
  operator std::span<const SourceOf>() const { return mine()[here_]; }

 private:
  static std::deque<std::vector<SourceOf>>& mine() {
    static thread_local std::deque<std::vector<SourceOf>> sources;
    return sources;
  }
  static std::size_t& depth() {
    static thread_local std::size_t depth = 0;
    return depth;
  }
  std::size_t here_;
};

// Sources of the first arguments, which fill `shared`, and of the others, which lie in rows: how
// many rows there are.
template <class Real>
std::size_t fill(Sources<Real>& sources, const Function& f, std::span<const Real> shared,
                 std::span<const Real> rows) {
  std::size_t taken = 0, a = 0;
  const auto width = [&](std::size_t k) { return f.arguments()[k].example.size(); };
  for (; a < f.arguments().size() && taken + width(a) <= shared.size(); ++a) {
    if (taken == shared.size()) break;
    sources.push_back(BasicSource<Real>::shared(shared.subspan(taken, width(a))));
    taken += width(a);
  }
  if (taken != shared.size()) {
    fail("kernel", std::to_string(shared.size()) +
                       " shared numbers are not the first arguments as a whole: these have " +
                       std::to_string(taken));
  }
  const std::size_t stride = f.inputs() - taken;
  if (stride == 0) {
    fail("kernel", "every argument is shared, so that there are no rows to count: use run()");
  }
  const std::size_t count = stride == 0 ? 0 : rows.size() / stride;
  if (count * stride != rows.size()) {
    fail("kernel",
         std::to_string(rows.size()) + " numbers are no rows of " + std::to_string(stride));
  }
  std::size_t offset = 0;
  for (; a < f.arguments().size(); offset += width(a), ++a) {
    sources.push_back({rows.data() + std::min(offset, rows.size()),
                       rows.size() - std::min(offset, rows.size()),
                       stride,
                       1,
                       {}});
  }
  return count;
}

template <class Real>
void map_rows(const Kernel& kernel, std::span<const Real> shared, std::span<const Real> rows,
              std::span<Real> out, unsigned threads) {
  Sources<Real> sources;
  const std::size_t count = fill(sources, kernel.function(), shared, rows);
  if (out.size() != count * kernel.outputs()) {
    fail("kernel", std::to_string(out.size()) + " numbers for the outputs of " +
                       std::to_string(count) + " rows, which have " +
                       std::to_string(count * kernel.outputs()));
  }
  const auto sink = BasicSink<Real>::rows(out, kernel.outputs());
  kernel.run(std::span<const BasicSource<Real>>(sources), std::span(&sink, 1), count, threads);
}

}  // namespace

template <class Real>
std::vector<double> Kernel::State::sum(std::span<const Real> shared, std::span<const Real> rows,
                                       unsigned threads) const {
  Sources<Real> sources;
  const std::size_t count = fill(sources, f, shared, rows);
  std::vector<double> sums(f.outputs());
  const Sink sink = Sink::sum(sums);
  run(std::span<const BasicSource<Real>>(sources), std::span(&sink, 1), count, threads);
  return sums;
}

void Kernel::map(std::span<const double> shared, std::span<const double> rows,
                 std::span<double> out, unsigned threads) const {
  map_rows(*this, shared, rows, out, threads);
}
void Kernel::map_floats(std::span<const float> shared, std::span<const float> rows,
                        std::span<float> out, unsigned threads) const {
  map_rows(*this, shared, rows, out, threads);
}

std::vector<double> Kernel::sum(std::span<const double> shared, std::span<const double> rows,
                                unsigned threads) const {
  return state_->sum(shared, rows, threads);
}
std::vector<double> Kernel::sum_floats(std::span<const float> shared, std::span<const float> rows,
                                       unsigned threads) const {
  return state_->sum(shared, rows, threads);
}
// ---- on Scalars ---------------------------------------------------------------------------------

namespace {

// (x, ȳ) ↦ x̄, and to which of the xs anything comes, 1 or 0.
class Pullback final : public Callable {
 public:
  explicit Pullback(Function f) : f_(std::move(f)) {}

  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    const std::span<const Scalar> x = in.first(f_.inputs());
    std::vector<Arrival> seeds;
    for (const Scalar& seed : in.subspan(x.size())) seeds.emplace_back(seed, 1.0);
    const std::vector<Arrival> found = recorded_adjoints(f_(x), seeds, x);
    for (const Arrival& arrival : found) out.push_back(arrived(arrival.value));
    for (const Arrival& arrival : found) out.push_back(arrival.holds);
  }

 private:
  Function f_;
};

Function pullback_of(const Function& f) {
  std::vector<Argument> arguments(f.arguments().begin(), f.arguments().end());
  arguments.push_back({"ybar", false, std::vector<double>(f.outputs(), 1.0)});
  return Function(std::make_shared<const Pullback>(f), std::move(arguments),
                  f.trace().name + ".vjp");
}

}  // namespace

const Kernel& Kernel::State::pullback() const {
  std::call_once(pulled_back_, [&] {
    pullback_ = std::make_unique<const Kernel>(compile(pullback_of(f), options));
  });
  return *pullback_;
}

namespace {

// The compiled pullback serves where something has arrived at all outputs; else only the Function
// can tell what comes to the inputs.
class KernelBlock final : public Block {
 public:
  explicit KernelBlock(const Kernel& kernel, const Kernel& pullback)
      : kernel_(kernel), pullback_(pullback) {}

  std::string_view name() const override { return "kernel"; }
  std::size_t inputs() const override { return kernel_.inputs(); }
  std::size_t outputs() const override { return kernel_.outputs(); }

  void value(std::span<const double> x, std::span<double> z) const override {
    kernel_.evaluate(x, z);
  }

  void vjp(std::span<const double> x, std::span<const double>, std::span<const double> zbar,
           std::span<double> xbar) const override {
    if (std::ranges::any_of(zbar, is_unreached)) {
      const Written out(kernel_.function(), x);
      return adjoints(out.z, zbar, out.x, xbar);
    }
    std::vector<double> in(x.begin(), x.end()), out(2 * inputs());
    in.insert(in.end(), zbar.begin(), zbar.end());
    pullback_.evaluate(in, out);
    for (std::size_t k = 0; k < xbar.size(); ++k) {
      if (out[inputs() + k] != 0) xbar[k] = arrived(out[k]);
    }
  }

  void jvp(std::span<const double> x, std::span<const double>, std::span<const double> xdot,
           std::span<double> zdot) const override {
    const Written out(kernel_.function(), x);
    tangents(out.z, out.x, xdot, zdot);
  }

  void pull_arrivals(std::span<const Scalar> x, std::span<const Scalar>,
                     std::span<const Arrival> zbar, std::span<Arrival> xbar) const override {
    if (!std::ranges::all_of(zbar, &Arrival::is_always)) {
      return detail::pull_to_inputs(kernel_.function()(x), zbar, x, xbar);
    }
    std::vector<Scalar> in(x.begin(), x.end());
    for (const Arrival& seed : zbar) in.push_back(seed.value);
    const std::vector<Scalar> out = pullback_(std::span<const Scalar>(in));
    for (std::size_t k = 0; k < xbar.size(); ++k) xbar[k] = arrival_of(k, out);
  }

  void push_arrivals(std::span<const Scalar> x, std::span<const Scalar>,
                     std::span<const Arrival> xdot, std::span<Arrival> zdot) const override {
    detail::push_from_inputs(kernel_.function()(x), x, xdot, zdot);
  }

 private:
  // The Function written out on a tape of its own.
  struct Written {
    Inner inner;
    std::vector<Scalar> x, z;
    Written(const Function& f, std::span<const double> at) {
      for (const double number : at) x.push_back(variable(number));
      z = f(std::span<const Scalar>(x));
    }
  };

  // What the pullback found for an input. Where it is the same for all numbers, or no Function is
  // recorded, it is known whether that has arrived.
  Arrival arrival_of(std::size_t k, const std::vector<Scalar>& found) const {
    const Trace& trace = pullback_.function().trace();
    const GraphNode& node = trace.graph[trace.outputs[inputs() + k]];
    const Scalar& holds = found[inputs() + k];
    const bool is_open = !holds.is_number() && keeps_choices(holds) &&
                         (node.kind != VertexKind::constant || !trace.guards.empty());
    const double known = is_open ? 1.0 : primal(holds);
    return known == 0 ? Arrival() : Arrival(found[k], is_open ? holds : Scalar(1.0));
  }

  Kernel kernel_, pullback_;
};

}  // namespace

std::vector<Scalar> Kernel::operator()(std::span<const Scalar> in) const {
  return call(std::make_shared<const KernelBlock>(*this, state_->pullback()), in);
}

// ---- reports ------------------------------------------------------------------------------------

KernelReport Kernel::report() const {
  const std::size_t rows =
      std::clamp<std::size_t>(200'000 / (state_->trace.graph.size() + 1), 64, 4096);
  KernelReport report;
  const Engine& engine = state_->engine(state_->rows_division(), rows);
  report.backend = name_of(backend());
  report.precision = state_->options.lanes;
  report.row_vectors = engine.row_vectors();
  report.lanes = engine.rows() / engine.row_vectors();
  report.trace_nodes = function().trace().graph.size();
  report.optimised_nodes = state_->trace.graph.size();
  const Engine::Cost cost = engine.cost();
  report.code_bytes = cost.code_bytes;
  report.spill_bytes = cost.spill_bytes;
  report.constant_bytes = cost.constant_bytes;
  report.record = function().record_seconds();
  report.optimise = state_->optimise_seconds;
  report.compile = state_->compile_seconds;
  report.passes = state_->reports;

  // The least of a few runs on the example, over and over.
  std::vector<double> example;
  for (const Argument& argument : function().arguments()) {
    example.insert(example.end(), argument.example.begin(), argument.example.end());
  }
  std::vector<double> in, out(rows * outputs());
  for (std::size_t r = 0; r < rows; ++r) in.insert(in.end(), example.begin(), example.end());
  const auto least = [](auto&& work) {
    double best = std::numeric_limits<double>::infinity();
    for (int round = 0; round < 5; ++round) {
      const auto start = std::chrono::steady_clock::now();
      work();
      best = std::min(
          best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  };
  if (inputs() > 0) {
    report.run = least([&] { map({}, in, out); }) / static_cast<double>(rows);
    const std::size_t few = std::max<std::size_t>(rows / 16, 1);
    report.eager = least([&] {
                     for (std::size_t r = 0; r < few; ++r) {
                       function().evaluate(std::span(in).subspan(r * inputs(), inputs()),
                                           std::span(out).subspan(r * outputs(), outputs()));
                     }
                   }) /
                   static_cast<double>(few);
  }
  const double gain = report.eager - report.run;
  report.break_even = gain > 0 ? (report.optimise + report.compile) / gain
                               : std::numeric_limits<double>::infinity();
  return report;
}

namespace {

void add_titled(std::string& text, const std::string& title, const std::string& body) {
  text += "; " + title + "\n" + body + (body.ends_with('\n') ? "" : "\n");
}

// A trace, and after it the body of each loop in it, `made` of the recorded one.
template <class Made>
void add_trace(std::string& text, const std::string& title, const Trace& trace, const Made& made) {
  struct Shown {
    std::string title;
    Trace trace;
  };
  std::deque<Shown> waiting;
  waiting.push_back({title, trace});
  for (; !waiting.empty(); waiting.pop_front()) {
    const Shown& now = waiting.front();
    add_titled(text, now.title, print(now.trace));
    const Graph& graph = now.trace.graph;
    for (std::uint32_t v = 0; v < graph.size(); ++v) {
      const GraphNode& node = graph.nodes()[v];
      if (node.kind != VertexKind::block) continue;
      const auto* loop = dynamic_cast<const Loop*>(graph.calls()[node.operand[0]].block.get());
      if (loop == nullptr) continue;
      const bool is_descending = loop->direction() == Loop::Direction::descending;
      waiting.push_back({now.title + ", body of the loop %" + std::to_string(v) + ": " +
                             std::to_string(loop->shape().steps) +
                             (is_descending ? " steps, the last first" : " steps"),
                         made(loop->body().trace())});
    }
  }
}

}  // namespace

std::string Kernel::dump(std::string_view letters) const {
  std::string text;
  const Layout layout = state_->layout_of(state_->rows_division());
  const auto titled = [&](const char* title, const std::string& body) {
    add_titled(text, title, body);
  };
  for (const char letter : letters) {
    switch (letter) {
      case 't':
        add_trace(text, "trace", function().trace(), [](const Trace& body) { return body; });
        break;
      case 'o':
        // The interpreter runs bodies as they were recorded.
        add_trace(text, "optimised", state_->optimised(OptimiseOptions::Notes::keep, nullptr),
                  [&](const Trace& body) {
                    return backend() == Backend::interpret ? body
                                                           : optimise(body, state_->passes());
                  });
        break;
      case 'a':
      case 'm': {
        if (backend() == Backend::interpret) {
          titled(letter == 'a' ? "allocation" : "machine code", "; interpreted: there is none");
          break;
        }
        const emit::X64Dump dump = emit::dump_x64(state_->trace, layout, {state_->options, 1});
        if (letter == 'a') titled("allocation", dump.allocation);
        if (letter == 'm') titled("machine code", dump.code);
        break;
      }
      default:
        fail("dump", std::string("there is no letter '") + letter +
                         "': t is the trace, o the optimised one, a the allocation of registers, m "
                         "the machine code");
    }
  }
  return text;
}

}  // namespace chainrule
