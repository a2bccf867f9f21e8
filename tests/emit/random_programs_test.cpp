// Random programs and their derivatives, in all readings: plain doubles, the Function replayed, and
// kernels of every back end, in strict and relaxed arithmetic, run in every way there is.
//
// CHAINRULE_FUZZ_PROGRAMS=1000000 runs that many of them, from CHAINRULE_FUZZ_FROM, and prints how
// far it is. What differs is shrunk and printed as a trace; put into found/, it is run for ever.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "chainrule/graph/text.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/transform/functions.hpp"
#include "chainrule/transform/loop.hpp"
#include "tests/emit/array_programs.hpp"
#include "tests/emit/readings.hpp"
#include "tests/emit/shrink.hpp"
#include "tests/graph/traces.hpp"
#include "tests/optimise/wild.hpp"
#include "tests/support/programs.hpp"

namespace chainrule {
namespace {

using namespace test;
using Way = Reading::Way;

// ---- subjects -----------------------------------------------------------------------------------

using Random = std::mt19937;
std::size_t below(Random& random, std::size_t n) { return random() % n; }

// What can be run in plain numbers as well as recorded.
class Code : public Callable {
 public:
  virtual std::vector<double> values(std::span<const double> in) const = 0;
};

// A program as a Function of up to three arguments, some of which it may not read.
class ProgramCode final : public Code {
 public:
  ProgramCode(std::vector<Statement> program, std::size_t registers, std::vector<int> outputs)
      : program_(std::move(program)), registers_(registers), outputs_(std::move(outputs)) {}

  std::vector<double> values(std::span<const double> in) const override { return results(in); }
  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    out = results(in);
  }

 private:
  template <class V>
  std::vector<V> results(std::span<const V> in) const {
    std::vector<V> r(registers_, V(0.75));
    std::copy_n(in.begin(), std::min(in.size(), registers_), r.begin());
    run(program_, r);
    // Registers; inputs as they are; a number.
    std::vector<V> out;
    for (const int k : outputs_) {
      if (k >= 0) {
        out.push_back(r[static_cast<std::size_t>(k) % registers_]);
      } else if (in.empty() || k == -1) {
        out.push_back(V(-0.0));
      } else {
        out.push_back(in[static_cast<std::size_t>(-k) % in.size()]);
      }
    }
    return out;
  }

  std::vector<Statement> program_;
  std::size_t registers_;
  std::vector<int> outputs_;
};

class ArrayCode final : public Code {
 public:
  explicit ArrayCode(ArrayProgram program) : program_(std::move(program)) {}

  std::vector<double> values(std::span<const double> in) const override {
    return values_of(program_, in);
  }
  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    out = values_of(program_, in);
  }

 private:
  ArrayProgram program_;
};

// What a subject was made of, where it is a program.
struct Made {
  Subject subject;
  std::shared_ptr<const Code> program = nullptr;  ///< null where it was differentiated
};

// Sums, the block of random traces, has one derivative.
bool has_second_derivatives(const Function& f) {
  return std::ranges::all_of(f.trace().graph.calls(),
                             [](const BlockCall& call) { return call.block->words().empty(); });
}

// One of its derivatives.
Function derived(const Function& f, Random& random) {
  const std::size_t kind = below(random, 4);
  if (f.inputs() == 0) return f;
  if (f.outputs() == 1 && kind < 2) return value_and_grad(f, kEveryArgument);
  if (f.outputs() == 1 && kind == 2 && f.trace().graph.size() < 24 && has_second_derivatives(f)) {
    return hessian(f, below(random, f.arguments().size()));
  }
  return kind == 3 ? jvp(f, below(random, f.arguments().size())) : vjp(f, kEveryArgument);
}

std::size_t row_count(Random& random) {
  constexpr std::size_t kCounts[] = {1,  1,  2,  3,  5,  7,  8,  9,   12,
                                     16, 17, 24, 31, 33, 40, 65, 127, 129};
  return kCounts[below(random, std::size(kCounts))];
}

// The rows: of an argument all may be the same, or taken from a few.
void fill(Subject& subject, Random& random, const std::function<double()>& number) {
  const std::size_t inputs = subject.f.inputs();
  subject.first_is_shared = below(random, 3) == 0 && !subject.f.arguments().empty();
  subject.in.resize(subject.rows * inputs);
  std::size_t first = 0;
  for (std::size_t a = 0; a < subject.f.arguments().size(); ++a) {
    const std::size_t width = subject.f.arguments()[a].example.size();
    const bool is_shared = (a == 0 && subject.first_is_shared) || below(random, 12) == 0;
    const std::size_t different = is_shared               ? 1
                                  : below(random, 4) == 0 ? 1 + below(random, subject.rows)
                                                          : subject.rows;
    for (std::size_t r = 0; r < subject.rows; ++r) {
      const std::size_t from = different == subject.rows ? r : below(random, different);
      for (std::size_t k = 0; k < width; ++k) {
        double& x = subject.in[r * inputs + first + k];
        x = from < r && r >= different ? subject.in[from * inputs + first + k] : number();
      }
    }
    first += width;
  }
}

// Of a program, or one of its derivatives.
Made made_of(std::shared_ptr<const Code> code, const std::vector<Argument>& arguments,
             std::size_t rows, Random& random, ProgramGenerator& generator) {
  const Function f(code, arguments);
  Made made{{f, {}, rows}, code};
  if (below(random, 2) == 0) made = {{derived(f, random), {}, rows}};
  const bool is_special = below(random, 2) == 0;
  fill(made.subject, random, [&] {
    return is_special ? generator.number() : std::uniform_real_distribution<double>(-3, 3)(random);
  });
  return made;
}

Argument argument_of(std::size_t width, std::size_t number, ProgramGenerator& generator) {
  Argument argument{"x" + std::to_string(number), false, {}};
  for (std::size_t k = 0; k < width; ++k) argument.example.push_back(generator.number());
  return argument;
}

// Branches and loops in each other; now and then a long program without branches.
Made random_program(Random& random) {
  using Kind = Statement::Kind;
  const bool is_long = below(random, 200) == 0;
  ProgramStyle style;
  style.nested = {Kind::map, Kind::sum_over, Kind::fold, Kind::scan, Kind::block};
  if (!is_long) style.nested.insert(style.nested.end(), {Kind::branch, Kind::rounds});
  style.registers = is_long ? 8 + below(random, 30) : 2 + below(random, 5);
  style.most_statements = is_long ? 24 : 3 + below(random, 5);
  style.has_special_numbers = true;
  ProgramGenerator generator(random(), style);
  std::vector<Statement> program =
      generator.block(is_long ? 2 : static_cast<int>(below(random, 4)));
  std::vector<int> outputs;
  const std::size_t count = is_long                 ? 1 + below(random, 40)
                            : below(random, 2) == 0 ? 1
                                                    : below(random, 6);
  for (std::size_t k = 0; k < count; ++k) {
    outputs.push_back(static_cast<int>(below(random, style.registers + 3)) - 3);
  }
  const auto code =
      std::make_shared<const ProgramCode>(std::move(program), style.registers, outputs);
  std::vector<Argument> arguments;
  for (std::size_t a = below(random, 4); a > 0; --a) {
    arguments.push_back(argument_of(below(random, 3), arguments.size(), generator));
  }
  return made_of(code, arguments, row_count(random), random, generator);
}

// Loops over arrays, without branches.
Made random_loops(Random& random) {
  ProgramStyle style;
  style.most_statements = 1 + below(random, 4);
  style.has_special_numbers = below(random, 2) == 0;
  if (below(random, 2) == 0) style.ops = kSmooth;
  ProgramGenerator generator(random(), style);
  style.registers = 4;
  const ArrayProgram program = random_array_program(random, generator, style.registers);
  const std::size_t widths[] = {program.parameters, program.rows * program.width, program.others};
  std::vector<Argument> arguments;
  for (const std::size_t width : widths) {
    arguments.push_back(argument_of(width, arguments.size(), generator));
  }
  return made_of(std::make_shared<const ArrayCode>(program), arguments, row_count(random), random,
                 generator);
}

// A trace without its code: every row of the table, odd numbers, blocks, and guards.
Made random_trace(Random& random) {
  Wild wild = wild_trace(random, 4 + static_cast<std::uint32_t>(below(random, 40)),
                         below(random, 64) == 0 ? Rows::all : Rows::quick);
  if (below(random, 3) != 0) wild.trace.guards.clear();
  if (below(random, 3) == 0) {
    wild.trace.outputs.resize(1);
    wild.trace.results = {{"y", {}, 0, 1}};
  }
  const bool has_guards = !wild.trace.guards.empty();
  const Function f(std::move(wild.trace));
  const bool is_itself = has_guards || below(random, 2) == 0;
  Made made{{is_itself ? f : derived(f, random), {}, row_count(random)}};
  std::size_t k = 0;
  fill(made.subject, random, [&] {
    // Near the point at which the guards hold.
    const double there = wild.point[k++ % wild.point.size()];
    return has_guards && below(random, 12) != 0 ? there : wild_number(random);
  });
  return made;
}

// A long trace with many outputs, for four row vectors a block and more than four blocks: code in
// segments, narrow sums, and, where the rows are many, threads.
Made random_long_trace(Random& random) {
  const Calls calls = below(random, 8) == 0 ? Calls::some : Calls::none;
  const std::size_t size = 600 + below(random, 1200);
  Wild wild = wild_trace(random, static_cast<std::uint32_t>(size), Rows::quick, calls);
  wild.trace.guards.clear();
  const bool is_wide = below(random, 8) == 0, is_tall = !is_wide && below(random, 12) == 0;
  const std::size_t outputs = is_wide ? 4000 + below(random, 400) : 90 + below(random, 60);
  while (wild.trace.outputs.size() < outputs) {
    const Vertex v{static_cast<std::uint32_t>(below(random, wild.trace.graph.size()))};
    if (wild.trace.graph[v].kind != VertexKind::block) wild.trace.outputs.push_back(v);
  }
  const auto count = static_cast<std::uint32_t>(outputs);
  wild.trace.results = {{"y", {Element::f64, {count}}, 0, count}};
  const std::size_t rows = is_tall ? 900 + below(random, 600) : 131 + below(random, 150);
  Made made{{Function(std::move(wild.trace)), {}, rows}};
  fill(made.subject, random, [&] { return wild_number(random); });
  return made;
}

Made random_made(std::size_t seed, Random& random) {
  if (seed % 2 == 0) return seed % 8 == 0 ? random_loops(random) : random_program(random);
  return below(random, 150) == 0 ? random_long_trace(random) : random_trace(random);
}

// ---- one program --------------------------------------------------------------------------------

std::string difference_of_program(const Made& made) {
  if (made.program == nullptr) return "";
  const Subject& subject = made.subject;
  std::vector<double> out(subject.f.outputs());
  for (std::size_t r = 0; r < subject.rows; ++r) {
    subject.f.evaluate(subject.row(r), out);
    const std::vector<double> truth = made.program->values(subject.row(r));
    for (std::size_t k = 0; k < out.size(); ++k) {
      if (!same(truth[k], out[k])) {
        return "output " + std::to_string(k) + " of the Function is " + std::to_string(out[k]) +
               " for " + std::to_string(truth[k]);
      }
    }
  }
  return "";
}

struct Fault {
  std::string what;
  Reading reading;
};

// The first reading that differs.
std::optional<Fault> fault_of(const Made& made, Random& random,
                              std::map<Backend, std::size_t>& counts) {
  for (const std::string& found :
       {difference_of_program(made), difference_of_replays(made.subject)}) {
    if (!found.empty()) return Fault{found, {}};
  }
  const std::size_t arguments = made.subject.f.arguments().size();
  if (arguments > 1 && below(random, 4) == 0) {
    const std::string found = difference_of_split(made.subject, 1 + below(random, arguments - 1));
    if (!found.empty()) return Fault{found, {}};
  }
  for (const Backend backend : backends()) {
    for (const Arithmetic arithmetic : {Arithmetic::strict, Arithmetic::relaxed}) {
      Reading reading;
      reading.backend = backend;
      reading.arithmetic = arithmetic;
      reading.row_vectors = 1u << below(random, 3);
      const bool is_long = made.subject.rows > 130;  // in segments, if there are enough vectors
      if (is_long && below(random, 2) == 0) reading.row_vectors = 4;
      reading.summation = static_cast<CompileOptions::Summation>(below(random, 2));
      reading.way = static_cast<Way>(below(random, 4));
      if (below(random, 3) == 0) reading.lanes = Precision::f32;
      reading.seed = static_cast<unsigned>(random());
      // Few rows are left to one thread, however many are asked for.
      reading.threads = made.subject.rows > 500 ? 1 + static_cast<unsigned>(below(random, 3)) : 1;
      const std::string found = difference(made.subject, reading);
      if (!found.empty()) return Fault{found, reading};
    }
    ++counts[backend];
  }
  return std::nullopt;
}

// The bodies of its loops, which its text leaves out.
std::string bodies(const Trace& trace) {
  std::string text;
  for (const BlockCall& call : trace.graph.calls()) {
    const auto* const loop = dynamic_cast<const Loop*>(call.block.get());
    if (loop == nullptr) continue;
    const Loop::Shape& shape = loop->shape();
    text += "body of a loop: " + std::to_string(shape.steps) + " steps, " +
            std::to_string(shape.carried) + " carried, " + std::to_string(shape.sliced) +
            " sliced, " + std::to_string(shape.invariant) + " invariant, " +
            std::to_string(shape.stacked) + " stacked, " + std::to_string(shape.summed) +
            " summed\n" + print(loop->body().trace()) + bodies(loop->body().trace());
  }
  return text;
}

// As a trace without its code, on a row at a time: its text and the row, if it differs still.
std::string shrunk_text(const Subject& subject, const Reading& reading) {
  const auto alone = [&](const Trace& trace, std::vector<double> in) {
    return Subject{Function(trace), in, in.empty() ? 1 : in.size() / trace.inputs.size(),
                   subject.first_is_shared};
  };
  // All rows if no single one will do.
  const std::size_t single = std::min<std::size_t>(subject.rows, 300);
  for (std::size_t r = 0; r <= single; ++r) {
    const auto row = subject.row(r % subject.rows);
    const std::vector<double> in =
        r < single ? std::vector<double>(row.begin(), row.end()) : subject.in;
    const auto fails = [&](const Trace& trace) {
      return !difference(alone(trace, in), reading).empty();
    };
    if (!fails(subject.f.trace())) continue;
    const Trace small = shrunk(subject.f.trace(), fails);
    // Comments stand after the first line.
    const std::string lines = print(small);
    const std::size_t second = lines.find('\n') + 1;
    std::string text = lines.substr(0, second) + "# " + to_string(reading) + ": " +
                       difference(alone(small, in), reading) + "\n# " +
                       (subject.first_is_shared ? "shared, " : "") + "at";
    for (const double x : in) {
      char number[40];
      std::snprintf(number, sizeof number, " %a", x);
      text += number;
    }
    return text + "\n" + lines.substr(second) + bodies(small);
  }
  return "# with its code only\n" + print(subject.f.trace()) + bodies(subject.f.trace());
}

// ---- many programs ------------------------------------------------------------------------------

std::size_t number_from(const char* name, std::size_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(RandomPrograms, are_the_same_in_every_reading) {
  register_sums();
  const std::size_t from = number_from("CHAINRULE_FUZZ_FROM", 0);
  const std::size_t count = number_from("CHAINRULE_FUZZ_PROGRAMS", 0);
  const std::size_t programs = count == 0 ? 1500 : count;
  std::map<Backend, std::size_t> counts;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t seed = from; seed < from + programs; ++seed) {
    Random random(static_cast<unsigned>(seed * 2654435761u + 12345));
    try {
      const Made made = random_made(seed, random);
      if (const auto fault = fault_of(made, random, counts)) {
        ADD_FAILURE() << "program " << seed << ", " << to_string(fault->reading) << ": "
                      << fault->what << "\n"
                      << shrunk_text(made.subject, fault->reading);
      }
    } catch (const Error& error) {
      ADD_FAILURE() << "program " << seed << ": " << error.what();
    }
    if (count != 0 && (seed + 1) % 10'000 == 0) {
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
      std::printf("%zu programs", seed + 1 - from);
      for (const auto& [backend, done] : counts) {
        std::printf(", %s %zu", std::string(chainrule::name_of(backend)).c_str(), done);
      }
      std::printf(", %.0f/s\n", static_cast<double>(seed + 1 - from) / taken.count());
      std::fflush(stdout);
    }
  }
  for (const Backend backend : backends()) {
    EXPECT_EQ(counts[backend], programs) << chainrule::name_of(backend);
  }
}

// What was found once: a trace each, and in its first comments `# at`, or `# shared, at`, and the
// numbers of its inputs, row after row.
TEST(RandomPrograms, that_differed_once_do_so_no_more) {
  register_sums();
  std::size_t found = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(CHAINRULE_SOURCE_DIR "/tests/emit/found")) {
    if (entry.path().extension() != ".crt") continue;
    ++found;
    std::ifstream file(entry.path());
    std::string text, line;
    std::vector<double> in;
    bool is_shared = false;
    while (std::getline(file, line)) {
      text += line + "\n";
      const std::size_t numbers = line.starts_with("# at")           ? 4
                                  : line.starts_with("# shared, at") ? 12
                                                                     : 0;
      if (numbers == 0) continue;
      is_shared = numbers == 12;
      std::istringstream words(line.substr(numbers));
      for (std::string word; words >> word;) in.push_back(std::strtod(word.c_str(), nullptr));
    }
    const Function f(parse_trace(text, entry.path().string()));
    ASSERT_EQ(in.size() % std::max<std::size_t>(f.inputs(), 1), 0u) << entry.path();
    const Subject subject{f, in, f.inputs() == 0 ? 1 : in.size() / f.inputs(), is_shared};
    for (const Backend backend : backends()) {
      for (const Arithmetic arithmetic : {Arithmetic::strict, Arithmetic::relaxed}) {
        for (const unsigned row_vectors : {1u, 2u, 4u}) {
          for (const Way way : {Way::points, Way::map, Way::sum, Way::general}) {
            for (const auto summation :
                 {CompileOptions::Summation::plain, CompileOptions::Summation::compensated}) {
              Reading reading{backend, arithmetic, row_vectors, summation, way, 1};
              for (const Precision lanes : {Precision::f64, Precision::f32}) {
                reading.lanes = lanes;
                EXPECT_EQ(difference(subject, reading), "")
                    << entry.path().filename() << ", " << to_string(reading);
              }
            }
          }
        }
      }
    }
  }
  EXPECT_GT(found, 0u);
}

}  // namespace
}  // namespace chainrule
