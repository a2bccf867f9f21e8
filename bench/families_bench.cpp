// The table: record, reverse and both, of chainrule and of every peer that is found, on the four
// problems, in cache and out of it.
//
// Before anything is timed, chainrule's derivatives are held against central differences in long
// double, and every peer's against chainrule's, to kTolerance. Repetitions of a row's benchmarks
// are interleaved at random; the table shows the least of each. A row is a process of its own, so
// that no library meets what another row left in its global tape. Options are Google Benchmark's.
#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>

#include "bench/contest.hpp"
#include "bench/differences.hpp"

namespace bench {
namespace {

constexpr double kTolerance = 1e-9;

/// The code without derivatives.
template <class Problem>
class WithDouble : public Contestant {
 public:
  explicit WithDouble(const Problem& problem) : problem_(problem) {}
  void record(Index t) override {
    const double* point = problem_.point(t);
    benchmark::DoNotOptimize(point);
    problem_.evaluate(t, point, y_);
    benchmark::DoNotOptimize(y_);
  }
  void reverse(std::span<double>) override {}

 private:
  const Problem& problem_;
  double y_[Problem::kOutputs] = {};
};

std::vector<Library> peers() {
  return {
#ifdef BENCH_WITH_ADOLC
      with_adolc(),
#endif
#ifdef BENCH_WITH_SACADO
      with_sacado(),
#endif
#ifdef BENCH_WITH_STAN
      with_stan(),
#endif
  };
}

// ---- are the derivatives right? ----------------------------------------------------------------

/// The largest error of chainrule's derivatives along a few directions.
template <class Problem>
double error_against_differences(const Problem& problem, Index t,
                                 const std::vector<double>& jacobian) {
  const auto f = [&](const long double* x, long double* y) { problem.evaluate(t, x, y); };
  return bench::error_against_differences(f, std::span(problem.point(t), problem.inputs()),
                                          Problem::kOutputs, problem.step(), jacobian);
}

double error_against(const std::vector<double>& ours, const std::vector<double>& theirs) {
  double size = 0, worst = 0;
  for (const double d : ours) size = std::max(size, std::fabs(d));
  for (Index i = 0; i < ours.size(); ++i) {
    const double error = std::fabs(theirs[i] - ours[i]) / (std::fabs(ours[i]) + 1e-3 * size);
    worst = error <= worst ? worst : error;  // a NaN is the worst
  }
  return worst;
}

void require(bool holds, const std::string& name, const char* library, double error) {
  if (holds) return;
  std::fprintf(stderr, "%s: the derivatives of %s are wrong by %g\n", name.c_str(), library, error);
  _exit(1);
}

template <class Problem>
std::vector<double> jacobian_by(const Library& library, const Problem& problem, Index t) {
  std::vector<double> jacobian(Problem::kOutputs * problem.inputs());
  const Made contestant = library.with(problem);
  contestant->record(t);
  contestant->reverse(jacobian);
  return jacobian;
}

template <class Problem>
void verify(const std::string& name, const Problem& problem) {
  constexpr Index kTasks = 20;
  for (Index t = 0; t < std::min(problem.count(), kTasks); ++t) {
    const std::vector<double> ours = jacobian_by(with_chainrule(), problem, t);
    const double error = error_against_differences(problem, t, ours);
    require(error <= kTolerance, name, "chainrule", error);
    for (const Library& peer : peers()) {
      const double difference = error_against(ours, jacobian_by(peer, problem, t));
      require(difference <= kTolerance, name, peer.name, difference);
    }
  }
}

// ---- timing ------------------------------------------------------------------------------------

enum class Phase { record, reverse, both };
constexpr const char* kPhases[] = {"record", "reverse", "both"};

/// All tasks of a problem, once an iteration. `reverse` sweeps the last task's recording as often
/// as there are tasks.
template <class Problem>
void run(benchmark::State& state, const Library& library, const Problem& problem, Phase phase) {
  std::vector<double> jacobian(Problem::kOutputs * problem.inputs());
  const Made contestant = library.with(problem);
  contestant->record(problem.count() - 1);
  contestant->reverse(jacobian);
  for (auto unused : state) {
    static_cast<void>(unused);
    for (Index t = 0; t < problem.count(); ++t) {
      if (phase != Phase::reverse) contestant->record(t);
      if (phase != Phase::record) contestant->reverse(jacobian);
      benchmark::DoNotOptimize(jacobian.data());
    }
  }
}

/// A row of the table.
struct Row {
  std::string name;
  double operations;  // of all tasks
  double recording_bytes;
};

std::map<std::string, double> least;  // benchmark → ns an iteration

std::string key(const std::string& row, const char* library, Phase phase) {
  return row + "/" + library + "/" + kPhases[static_cast<int>(phase)];
}

template <class Problem>
Row enter(const std::string& name, const Problem& problem) {
  verify(name, problem);
  const Made ours = with_chainrule().with(problem);
  ours->record(0);
  std::vector<double> jacobian(Problem::kOutputs * problem.inputs());
  ours->reverse(jacobian);
  const Contestant::Size size = ours->size();
  const auto tasks = static_cast<double>(problem.count());
  const auto time = [&](const Library& library, Phase phase) {
    benchmark::RegisterBenchmark(key(name, library.name, phase).c_str(),
                                 [library, &problem, phase](benchmark::State& state) {
                                   run(state, library, problem, phase);
                                 });
  };
  time(library_of<WithDouble, Library>("double"), Phase::record);
  std::vector<Library> all = peers();
  all.insert(all.begin(), with_chainrule());
  for (const Library& library : all) {
    for (const Phase phase : {Phase::record, Phase::reverse, Phase::both}) time(library, phase);
  }
  return {name, static_cast<double>(size.operations) * tasks,
          static_cast<double>(size.recording_bytes) * tasks};
}

class Least : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      const double ns = run.cpu_accumulated_time / static_cast<double>(run.iterations) * 1e9;
      const auto [at, fresh] = least.try_emplace(run.run_name.function_name, ns);
      if (!fresh) at->second = std::min(at->second, ns);
    }
  }
};

// ---- the table ---------------------------------------------------------------------------------

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

// least, or a negative number where a filter left the benchmark out.
double time_of(const std::string& row, const char* library, Phase phase) {
  const auto at = least.find(key(row, library, phase));
  return at == least.end() ? -1 : at->second;
}

void print_row(const Row& row) {
  const double plain = time_of(row.name, "double", Phase::record);
  const double ours = time_of(row.name, "chainrule", Phase::both);
  std::printf("\n%s: %.0f operations, %.1f bytes each and 8 of adjoints", row.name.c_str(),
              row.operations, row.recording_bytes / row.operations);
  if (plain > 0) std::printf("; plain double %.2f ns each", plain / row.operations);
  std::printf("\n  %-14s %8s %8s %8s %10s %12s\n", "ns/operation", "record", "reverse", "both",
              "x double", "x chainrule");
  std::vector<Library> all = peers();
  all.insert(all.begin(), with_chainrule());
  for (const Library& library : all) {
    std::printf("  %-14s", library.name);
    for (const Phase phase : {Phase::record, Phase::reverse, Phase::both}) {
      std::printf(" %8.2f", time_of(row.name, library.name, phase) / row.operations);
    }
    const double both = time_of(row.name, library.name, Phase::both);
    std::printf(" %10.1f %12.2f\n", both / plain, both / ours);
  }
}

void print_header() {
  std::printf("%s; %s %s;%s\n", processor().c_str(),
#ifdef __clang__
              "clang",
#else
              "g++",
#endif
              __VERSION__, BENCH_FLAGS);
  std::printf("reverse: one recording swept again and again; both: recorded and swept each time\n");
}

/// Whether --benchmark_filter names anything of this row.
bool is_wanted(const std::string& name) {
  const std::string filter = benchmark::GetBenchmarkFilter();
  if (filter.empty() || filter == "all") return true;
  const std::regex pattern(filter);
  return std::ranges::any_of(
      std::initializer_list<Phase>{Phase::record, Phase::reverse, Phase::both},
      [&](Phase phase) { return std::regex_search(key(name, "chainrule", phase), pattern); });
}

/// A row of the table, in a process of its own; whether its derivatives are right.
template <class Problem, class... Sizes>
bool row(const std::string& name, Sizes... sizes) {
  if (!is_wanted(name)) return true;
  std::fflush(stdout);
  namespace fs = std::filesystem;
  const fs::path scratch = fs::temp_directory_path() / ("bench" + std::to_string(getpid()));
  fs::create_directory(scratch);
  const pid_t child = fork();
  if (child == 0) {
    fs::current_path(scratch);  // some libraries write files where they run
    const Problem problem(sizes...);
    const Row row = enter(name, problem);
    Least reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    if (time_of(row.name, "chainrule", Phase::both) > 0) print_row(row);
    std::fflush(stdout);
    _exit(0);
  }
  int status = 1;
  if (child > 0) waitpid(child, &status, 0);
  fs::remove_all(scratch);
  return status == 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  // Before the user's own, which then prevail.
  std::vector<std::string> options = {argv[0], "--benchmark_repetitions=5",
                                      "--benchmark_min_time=0.05",
                                      "--benchmark_enable_random_interleaving=true"};
  options.insert(options.end(), argv + 1, argv + argc);
  std::vector<char*> arguments;
  for (std::string& option : options) arguments.push_back(option.data());
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

  print_header();
  bool right = row<Chain>("chain, in cache", 1000u);
  right &= row<Chain>("chain, out of cache", 1'000'000u);
  right &= row<Expression>("chain of expressions, in cache", 1000u);
  right &= row<Expression>("chain of expressions, out of cache", 1'000'000u);
  right &= row<Dot>("dot product, in cache", 1000u);
  right &= row<Dot>("dot product, out of cache", 1'000'000u);
  right &= row<Mixture>("mixture d=10 k=25 n=4, in cache", 10u, 25u, 4u);
  right &= row<Mixture>("mixture d=10 k=25 n=1000, out of cache", 10u, 25u, 1000u);
  right &= row<Reprojection>("reprojection, 500 observations", 500u);
  right &= row<Reprojection>("reprojection, 31843 observations", 31'843u);
  return right ? 0 : 1;
}
