// tensors_bench [--threads N] [--only NAME] [--seconds S] [--json FILE] [--markdown]
// tensors_bench --check: gradients beside libtorch's
//
// Every piece of work by every contestant, in turn, several rounds of the time that is given: the
// median of the rounds' least times, in microseconds, and ratios within this run.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "bench/tensors/work.hpp"

namespace bench {

std::vector<Work> all_work() {
  return {{"mlp_sgd", 1},
          {"mlp_sgd", 8},
          {"mlp_sgd", 32},
          {"mlp_sgd", 256},
          {"mlp_adam", 1},
          {"mlp_adam", 8},
          {"mlp_adam", 32},
          {"mlp_adam", 256},
          {"lstm", 1},
          {"lstm", 32},
          {"attention", 1},
          {"attention", 8},
          {"chain", 1},
          {"small_forward", 1, 100},
          {"small_both", 1, 100},
          {"moons", 1}};
}

#ifndef BENCH_WITH_TORCH
Doing torch_doing(const Work&, unsigned) { return {}; }
bool check_gradients() {
  std::printf("there is no libtorch to compare with\n");
  return false;
}
#endif

}  // namespace bench

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The least time of a call in about `seconds`.
double least(const bench::Doing& doing, double seconds) {
  double best = 1e9;
  const double end = now() + seconds;
  do {
    const double start = now();
    doing();
    best = std::min(best, now() - start);
  } while (now() < end);
  return best;
}

struct Contestant {
  const char* name;
  bench::Doing (*doing)(const bench::Work&, unsigned);
};

constexpr Contestant kContestants[] = {{"chainrule", bench::chainrule_doing},
                                       {"compiled", bench::chainrule_compiled_doing},
                                       {"manual", bench::manual_doing},
                                       {"libtorch", bench::torch_doing}};

}  // namespace

int main(int argc, char** argv) {
  unsigned threads = 1;
  double seconds = 0.3;
  std::string only, json;
  bool markdown = false;
  for (int k = 1; k < argc; ++k) {
    const auto is = [&](const char* option) { return std::strcmp(argv[k], option) == 0; };
    if (is("--check")) return bench::check_gradients() ? 0 : 1;
    if (is("--markdown")) {
      markdown = true;
    } else if (k + 1 < argc && is("--threads")) {
      threads = static_cast<unsigned>(std::stoul(argv[++k]));
    } else if (k + 1 < argc && is("--only")) {
      only = argv[++k];
    } else if (k + 1 < argc && is("--seconds")) {
      seconds = std::stod(argv[++k]);
    } else if (k + 1 < argc && is("--json")) {
      json = argv[++k];
    } else {
      std::fprintf(stderr,
                   "usage: tensors_bench [--threads N] [--only NAME] [--seconds S] [--json FILE] "
                   "[--markdown]\n");
      return 2;
    }
  }
  const char* row =
      markdown ? "| %s | %s | %s | %s | %s | %s | %s |\n" : "%-18s %10s %10s %10s %10s %12s %12s\n";
  std::printf(row, "work, µs", "chainrule", "compiled", "manual", "libtorch", "to manual",
              "to libtorch");
  if (markdown) std::printf("|---|---|---|---|---|---|---|\n");
  std::string records;
  for (const bench::Work& work : bench::all_work()) {
    if (!only.empty() && work.name != only) continue;
    double time[std::size(kContestants)];
    for (std::size_t c = 0; c < std::size(kContestants); ++c) {
      const bench::Doing first = kContestants[c].doing(work, threads);
      time[c] = 0;
      if (!first) continue;
      for (int k = 0; k < 3; ++k) first();
      std::vector<double> rounds;
      for (int round = 0; round < 5; ++round) rounds.push_back(least(first, seconds / 5));
      std::sort(rounds.begin(), rounds.end());
      time[c] = rounds[2] * 1e6 / work.scale;
    }
    const double ours = time[1] > 0 ? time[1] : time[0];
    const auto text = [](double value, const char* format) {
      char buffer[32];
      std::snprintf(buffer, sizeof buffer, format, value);
      return value > 0 ? std::string(buffer) : std::string("-");
    };
    const std::string name = work.name + "/" + std::to_string(work.batch);
    std::printf(row, name.c_str(), text(time[0], "%.4g").c_str(), text(time[1], "%.4g").c_str(),
                text(time[2], "%.4g").c_str(), text(time[3], "%.4g").c_str(),
                time[2] > 0 ? text(ours / time[2], "%.2f").c_str() : "-",
                time[3] > 0 ? text(ours / time[3], "%.2f").c_str() : "-");
    std::fflush(stdout);
    records += std::string(records.empty() ? "" : ",\n") + "  {\"work\": \"" + name +
               "\", \"threads\": " + std::to_string(threads);
    for (std::size_t c = 0; c < std::size(kContestants); ++c) {
      if (time[c] > 0)
        records += ", \"" + std::string(kContestants[c].name) + "\": " + text(time[c], "%.6g");
    }
    records += "}";
  }
  if (!json.empty()) std::ofstream(json) << "[\n" << records << "\n]\n";
  return 0;
}
