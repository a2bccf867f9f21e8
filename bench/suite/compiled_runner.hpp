// Entries of the compiled contestants, where the build has compile().
#pragma once

#include "bench/suite/runners.hpp"
#if BENCH_WITH_COMPILE
#include "bench/suite/compiled/compiled.hpp"
#endif

namespace bench::suite {

/// What there is to share out among threads.
enum class Rows { many, one_after_another, one };

/// Adds "compiled", and "2 threads" where rows can be shared out. `run` is called with the
/// contestant C, a Result and the number of threads.
template <class C, class P, class Run>
void add_compiled([[maybe_unused]] Case& c, [[maybe_unused]] std::shared_ptr<const P> problem,
                  [[maybe_unused]] Rows rows, [[maybe_unused]] Run run,
                  [[maybe_unused]] const std::string& left_out = {}) {
#if BENCH_WITH_COMPILE
  struct Compiled : Runner {
    Compiled(std::shared_ptr<const P> p, Run r, unsigned many)
        : problem(std::move(p)), contestant(*problem), code(std::move(r)), threads(many) {}
    void run(Result& result) override { code(contestant, result, threads); }
    Notes notes() const override {
      return {{"nodes", static_cast<double>(contestant.kernels().nodes())},
              {"code bytes", static_cast<double>(contestant.kernels().code_bytes())},
              {"prepare s", contestant.kernels().seconds()}};
    }
    std::shared_ptr<const P> problem;
    C contestant;
    Run code;
    unsigned threads;
  };
  const auto entry = [&](const char* name, unsigned threads) {
    return Entry{name, Gives::both,
                 [=] { return std::make_unique<Compiled>(problem, run, threads); }, left_out};
  };
  if (rows == Rows::many) insert_after(c, "tape", entry("2 threads", 2));
  insert_after(c, "tape", entry("compiled", 1));
#endif
}

}  // namespace bench::suite
