// chainrule bench: what a program and its gradient cost on the tape, replayed and compiled.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

#include "chainrule/base/error.hpp"
#include "chainrule/base/whole_file.hpp"
#include "cli/kernels.hpp"
#include "cli/number.hpp"
#include "cli/report.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

// The least time of a few runs, in seconds: what disturbs a run only ever adds to it.
template <class Work>
double least(const Work& work) {
  using Clock = std::chrono::steady_clock;
  double best = std::numeric_limits<double>::infinity(), total = 0;
  for (int round = 0; round < 3 || (round < 10'000 && total < 0.1); ++round) {
    const auto start = Clock::now();
    work();
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, took);
    total += took;
  }
  return best;
}

std::string as_time(double seconds) {
  const auto in = [&](double unit, const char* name) {
    return short_number(seconds / unit, 3) + name;
  };
  if (seconds < 1e-6) return in(1e-9, " ns");
  if (seconds < 1e-3) return in(1e-6, " us");
  if (seconds < 1) return in(1e-3, " ms");
  return in(1, " s");
}

std::string as_rows(double rows) {
  return std::isfinite(rows) ? std::to_string(static_cast<unsigned long long>(std::ceil(rows)))
                             : "never";
}

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

// What was measured. Times in seconds.
struct Measured {
  double tape = 0;    ///< of a row, recorded and swept
  double replay = 0;  ///< of a row
  std::size_t nodes = 0;
  double record = 0;
  std::optional<KernelReport> kernel;  ///< its run and break-even are those of the rows given here
  double pays_against_tape = 0, pays_against_replay = 0;
  double difference = 0;  ///< between kernel and tape
};

class Bench : public Verb {
 public:
  const char* name() const override { return "bench"; }
  const char* summary() const override {
    return "what a program and its gradient cost, on the tape and compiled";
  }
  const char* notes() const override {
    return "  chainrule bench 'x**2 * y + sin(y)'\n"
           "  chainrule bench -f price.cr rate=0.02 --wrt spot,volatility --threads 2 --json\n"
           "  chainrule bench 'tanh(x*w + b)' --dump=om\n"
           "\n"
           "Names that are given no value have another one in every row, drawn from (0,1) by a "
           "seed.\n"
           "The tape records and sweeps each row anew, as `grad` does; a replay runs what was "
           "recorded\n"
           "once; the kernel is that in machine code. The difference is the largest between kernel "
           "and\n"
           "tape, relative to the largest number of its column. Compiling has paid after as many "
           "rows as\n"
           "make up for recording, optimising and compiling.\n";
  }

  void declare(CLI::App& options) override {
    input_.declare(options);
    wrt_option_ = options.add_option("--wrt", wrt_, "differentiate by these names only, as in a,b")
                      ->type_name("NAMES");
    options.add_option("--order", order_, "2 adds the Hessian")->type_name("1|2");
    options.add_option("--rows", rows_, "rows of a run; if not given, as many as suit")
        ->type_name("N");
    options.add_option("--threads", threads_, "of the kernel; 1 if not given")->type_name("N");
    options.add_option("--backend", backend_, "the best there is, if not given")
        ->type_name(kBackends);
    options.add_flag("--strict", strict_, "the digits of the tape, at some cost in speed");
    options.add_option("--seed", seed_, "of the values that are not given; 1 if not given")
        ->type_name("N");
    options.add_flag("--passes", passes_, "what each pass of the optimiser did as well");
    options
        .add_option("--dump", dump_,
                    "print, instead: t the trace, o the optimised one, a the allocation of "
                    "registers, m the machine code")
        ->type_name("LETTERS");
    options.add_flag("--json", json_, "print JSON, times in seconds");
  }

  int run(const Arguments& arguments) override {
    if (order_ != 1 && order_ != 2) fail("bench", "--order is 1 or 2");
    require_threads(threads_);
    input_.read(arguments);
    if (input_.program().names().empty()) {
      fail("bench", "the program has no names: there is nothing to differentiate by");
    }
    wanted_.wrt = places_of(input_.program(), wrt_option_->count() > 0 ? &wrt_ : nullptr, "--wrt");
    wanted_.slopes = true;
    wanted_.curvatures = order_ == 2;
    if (wanted_.curvatures) require_hessian_size(wanted_.wrt.size());
    const std::optional<Backend> backend =
        backend_.empty() ? std::optional(Backend::best) : backend_called(backend_);
    const Function f = to_function(input_.program(), wanted_, values(1));
    if (!dump_.empty()) {
      if (!backend) fail("bench", "--dump shows a kernel, and eager has none");
      write_whole_file("-", compile(f, options(*backend)).dump(dump_));
      return kSuccess;
    }
    if (rows_ == 0) rows_ = std::clamp<std::size_t>(400'000 / f.trace().graph.size(), 64, 4096);
    const Measured measured = measure(f, backend);
    write_whole_file("-", json_ ? as_json(measured) : as_text(measured));
    return kSuccess;
  }

 private:
  CompileOptions options(Backend backend) const {
    return {.backend = backend, .arithmetic = strict_ ? Arithmetic::strict : Arithmetic::relaxed};
  }

  // So many rows: what is given is the same in all of them.
  std::vector<double> values(std::size_t rows) const {
    // 53 random bits at the middle of their interval: never 0 and never 1.
    std::mt19937_64 random(seed_);
    const auto between_0_and_1 = [&] {
      return std::ldexp(static_cast<double>(random() >> 12) + 0.5, -52);
    };
    std::vector<double> values;
    for (std::size_t row = 0; row < rows; ++row) {
      for (const std::string& name : input_.program().names()) {
        const double* given = input_.value_of(name);
        values.push_back(given != nullptr ? *given : between_0_and_1());
      }
    }
    return values;
  }

  Measured measure(const Function& f, std::optional<Backend> backend) const {
    Measured found;
    found.nodes = f.trace().graph.size();
    found.record = f.record_seconds();
    const std::size_t n = f.inputs(), m = f.outputs();
    const std::vector<double> in = values(rows_);
    const auto row_of = [&](std::size_t row) { return std::span(in).subspan(row * n, n); };

    // The slower ways take a part of the rows.
    const std::size_t some = std::max<std::size_t>(rows_ / 16, 1);
    std::vector<double> expected(some * m), replayed(some * m);
    EagerRows tape(input_.program(), wanted_);
    found.tape = least([&] {
                   for (std::size_t r = 0; r < some; ++r)
                     tape(row_of(r), std::span(expected).subspan(r * m, m));
                 }) /
                 static_cast<double>(some);
    found.replay =
        least([&] { f.rows(std::span(in).first(some * n), replayed); }) / static_cast<double>(some);
    if (!backend) return found;

    const Kernel kernel = compile(f, options(*backend));
    std::vector<double> out(rows_ * m);
    const double run =
        least([&] { kernel.map({}, in, out, threads_); }) / static_cast<double>(rows_);
    found.kernel = kernel.report();
    found.kernel->run = run;
    found.difference = difference(expected, std::span(out).first(some * m), m);
    const double cost = found.kernel->optimise + found.kernel->compile;
    const auto rows_to_pay = [](double once, double gain) {
      return gain > 0 ? once / gain : std::numeric_limits<double>::infinity();
    };
    found.pays_against_tape = rows_to_pay(found.record + cost, found.tape - run);
    found.pays_against_replay = rows_to_pay(cost, found.replay - run);
    return found;
  }

  // Infinite where one of them is no number, or infinite, and the other is not the same.
  static double difference(std::span<const double> expected, std::span<const double> got,
                           std::size_t columns) {
    double worst = 0;
    for (std::size_t column = 0; column < columns; ++column) {
      double largest = 0, most = 0;
      for (std::size_t k = column; k < expected.size(); k += columns) {
        const double e = expected[k], g = got[k];
        if (e == g || (std::isnan(e) && std::isnan(g))) {
          if (std::isfinite(e)) largest = std::max(largest, std::abs(e));
          continue;
        }
        if (!std::isfinite(e - g)) return std::numeric_limits<double>::infinity();
        largest = std::max(largest, std::abs(e));
        most = std::max(most, std::abs(e - g));
      }
      if (most > 0) worst = std::max(worst, most / largest);
    }
    return worst;
  }

  // ---- what is printed ------------------------------------------------------------------------

  bool has_given() const {
    const auto names = input_.program().names();
    return std::ranges::any_of(
        names, [&](const std::string& name) { return input_.value_of(name) != nullptr; });
  }
  bool has_seeded() const {
    const auto names = input_.program().names();
    return std::ranges::any_of(
        names, [&](const std::string& name) { return input_.value_of(name) == nullptr; });
  }

  std::string about_values() const {
    const std::string seeded = "drawn from (0,1) by seed " + std::to_string(seed_);
    if (!has_seeded()) return "as given, the same in every row";
    return has_given() ? "as given, the others " + seeded : seeded;
  }

  std::string as_text(const Measured& found) const {
    std::vector<std::vector<std::string>> facts = {{"values", ""}, {"rows", ""}, {"nodes", ""}};
    facts[0][1] = about_values();
    facts[1][1] = counted(rows_, "row") + ", " + counted(threads_, "thread");
    facts[2][1] = counted(found.nodes, "node") + " recorded";
    if (found.kernel) {
      const KernelReport& kernel = *found.kernel;
      facts[2][1] += ", " + std::to_string(kernel.optimised_nodes) + " optimised";
      facts.push_back({"backend", std::string(kernel.backend) + ", " +
                                      counted(kernel.lanes, "row") + " a vector, " +
                                      counted(kernel.row_vectors, "vector") + " a pass, " +
                                      (strict_ ? "strict" : "relaxed")});
      facts.push_back({"bytes", std::to_string(kernel.code_bytes) + " of code, " +
                                    std::to_string(kernel.constant_bytes) + " of constants, " +
                                    std::to_string(kernel.spill_bytes) + " spilled"});
      facts.push_back({"difference", short_number(found.difference, 2)});
    }
    std::string text = lined_up(facts);
    std::vector<std::vector<std::string>> once = {{"once", "time"}};
    once.push_back({"record", as_time(found.record)});
    if (found.kernel) {
      once.push_back({"optimise", as_time(found.kernel->optimise)});
      once.push_back({"compile", as_time(found.kernel->compile)});
    }
    text += '\n' + aligned(once);
    std::vector<std::vector<std::string>> rows = {{"a row", "time", "as fast as the tape"}};
    const auto add = [&](const char* what, double time) {
      rows.push_back({what, as_time(time), short_number(found.tape / time, 3) + " x"});
    };
    add("tape", found.tape);
    add("replay", found.replay);
    if (found.kernel) add("kernel", found.kernel->run);
    text += '\n' + aligned(rows);
    if (!found.kernel) return text;
    text += '\n' + aligned({{"compiling pays after", "rows"},
                            {"against the tape", as_rows(found.pays_against_tape)},
                            {"against replay", as_rows(found.pays_against_replay)}});
    if (!passes_) return text;
    std::vector<std::vector<std::string>> passes = {{"pass", "nodes before", "after", "time"}};
    for (const PassReport& pass : found.kernel->passes) {
      passes.push_back({std::string(pass.name), std::to_string(pass.nodes_before),
                        std::to_string(pass.nodes_after), as_time(pass.seconds)});
    }
    return text + '\n' + aligned(passes);
  }

  // Both columns to the left.
  static std::string lined_up(const std::vector<std::vector<std::string>>& facts) {
    std::vector<std::vector<std::string>> rows = {{"", ""}};
    rows.insert(rows.end(), facts.begin(), facts.end());
    const std::string text = aligned(rows);
    return text.substr(text.find('\n') + 1);
  }

  std::string as_json(const Measured& found) const {
    const auto whole = [](std::size_t number) { return std::to_string(number); };
    const auto quoted = [](std::string_view word) { return '"' + std::string(word) + '"'; };
    Members nodes = {{"recorded", whole(found.nodes)}};
    Members seconds = {{"record", json_number(found.record)}};
    Members row = {{"tape", json_number(found.tape)}, {"replay", json_number(found.replay)}};
    Members members = {{"values", quoted(about_values())},
                       {"rows", whole(rows_)},
                       {"threads", whole(threads_)},
                       {"order", std::to_string(order_)}};
    if (found.kernel) {
      const KernelReport& kernel = *found.kernel;
      nodes.emplace_back("optimised", whole(kernel.optimised_nodes));
      seconds.emplace_back("optimise", json_number(kernel.optimise));
      seconds.emplace_back("compile", json_number(kernel.compile));
      row.emplace_back("kernel", json_number(kernel.run));
      members.emplace_back("backend", quoted(kernel.backend));
      members.emplace_back("arithmetic", quoted(strict_ ? "strict" : "relaxed"));
      members.emplace_back("lanes", whole(kernel.lanes));
      members.emplace_back("row_vectors", whole(kernel.row_vectors));
      members.emplace_back("bytes", json_object({{"code", whole(kernel.code_bytes)},
                                                 {"constants", whole(kernel.constant_bytes)},
                                                 {"spilled", whole(kernel.spill_bytes)}}));
      members.emplace_back("difference", json_number(found.difference));
    } else {
      members.emplace_back("backend", quoted("eager"));
    }
    members.emplace_back("nodes", json_object(nodes));
    members.emplace_back("seconds", json_object(seconds));
    members.emplace_back("seconds_a_row", json_object(row));
    if (found.kernel) {
      members.emplace_back("speed_against_tape", json_number(found.tape / found.kernel->run));
      members.emplace_back("rows_to_pay",
                           json_object({{"tape", json_number(found.pays_against_tape)},
                                        {"replay", json_number(found.pays_against_replay)}}));
    }
    if (passes_ && found.kernel) {
      std::string passes;
      for (const PassReport& pass : found.kernel->passes) {
        passes +=
            (passes.empty() ? "[" : ", ") + json_object({{"name", quoted(pass.name)},
                                                         {"before", whole(pass.nodes_before)},
                                                         {"after", whole(pass.nodes_after)},
                                                         {"seconds", json_number(pass.seconds)}});
      }
      members.emplace_back("passes", passes + "]");
    }
    return json_object(members) + '\n';
  }

  ProgramInput input_;
  CLI::Option* wrt_option_ = nullptr;
  std::string wrt_, backend_, dump_;
  Wanted wanted_;
  int order_ = 1;
  std::size_t rows_ = 0;
  unsigned threads_ = 1;
  std::uint64_t seed_ = 1;
  bool strict_ = false, passes_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_bench() { return std::make_unique<Bench>(); }

}  // namespace chainrule::cli
