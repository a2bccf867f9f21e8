// Runners that are the same for every problem: the plain value, the hand-written derivative,
// chainrule's tape, a replayed Function, finite differences; and the entries made of them.
#pragma once

#include <chrono>

#include "bench/chainrule_contestant.hpp"
#include "bench/contest.hpp"
#include "bench/differences.hpp"
#include "bench/suite/manual/manual.hpp"
#include "bench/suite/peers/peers.hpp"
#include "bench/suite/suite.hpp"
#include "chainrule/transform/functions.hpp"

namespace bench::suite {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A Runner of a callable.
template <class Run>
std::unique_ptr<Runner> runner(Run run) {
  struct Of : Runner {
    explicit Of(Run code) : run_(std::move(code)) {}
    void run(Result& result) override { run_(result); }
    Run run_;
  };
  return std::make_unique<Of>(std::move(run));
}

template <class P>
const double* inputs_of(const P& problem) {
  return problem.point(0);
}

template <class P>
std::unique_ptr<Runner> plain_runner(std::shared_ptr<const P> problem) {
  return runner([problem](Result& result) {
    if constexpr (requires { manual::plain(*problem, result.values); }) {
      manual::plain(*problem, result.values);
    } else {
      manual::plain(*problem, inputs_of(*problem), result.values);
    }
  });
}

template <class P>
std::unique_ptr<Runner> manual_runner(std::shared_ptr<const P> problem) {
  return runner(
      [problem](Result& result) { manual::derive(*problem, result.values, result.derivatives); });
}

/// Central differences of the plain value, input after input.
template <class P>
std::unique_ptr<Runner> differences_runner(std::shared_ptr<const P> problem) {
  struct Differences : Runner {
    explicit Differences(std::shared_ptr<const P> p) : problem(std::move(p)) {
      x.assign(inputs_of(*problem), inputs_of(*problem) + problem->inputs());
    }
    void run(Result& result) override {
      const Index outputs = result.values.size(), n = x.size();
      above.resize(outputs);
      below.resize(outputs);
      for (Index i = 0; i < n; ++i) {
        const double at = x[i], step = 6e-6 * std::max(1.0, std::fabs(at));
        x[i] = at + step;
        manual::plain(*problem, x.data(), above);
        x[i] = at - step;
        manual::plain(*problem, x.data(), below);
        x[i] = at;
        for (Index o = 0; o < outputs; ++o) {
          result.derivatives[o * n + i] = (above[o] - below[o]) / (2 * step);
        }
      }
    }
    std::shared_ptr<const P> problem;
    std::vector<double> x, above, below;
  };
  return std::make_unique<Differences>(std::move(problem));
}

/// A library's tape: every task recorded and swept.
template <class P>
class TapeRunner : public Runner {
 public:
  TapeRunner(std::shared_ptr<const P> problem, Made contestant)
      : problem_(std::move(problem)),
        contestant_(std::move(contestant)),
        jacobian_(P::kOutputs * problem_->inputs()) {}
  void run(Result& result) override {
    if constexpr (P::kTasks == Tasks::added) {
      if (problem_->count() == 1) return sweep(0, {result.derivatives.data(), jacobian_.size()});
      std::fill(result.derivatives.begin(), result.derivatives.end(), 0.0);
      for (Index t = 0; t < problem_->count(); ++t) {
        sweep(t, jacobian_);
        for (Index i = 0; i < jacobian_.size(); ++i) result.derivatives[i] += jacobian_[i];
      }
    } else {
      for (Index t = 0; t < problem_->count(); ++t) {
        sweep(t, {&result.derivatives[t * jacobian_.size()], jacobian_.size()});
      }
    }
  }
  Notes notes() const override {
    const Contestant::Size size = contestant_->size();
    if (size.operations == 0) return {};
    const auto tasks = static_cast<double>(problem_->count());
    const auto operations = static_cast<double>(size.operations);
    return {{"operations", operations * tasks},
            {"tape bytes/op", static_cast<double>(size.recording_bytes) / operations}};
  }

 private:
  void sweep(Index t, std::span<double> jacobian) {
    contestant_->record(t);
    contestant_->reverse(jacobian);
  }

  std::shared_ptr<const P> problem_;
  Made contestant_;
  std::vector<double> jacobian_;
};

/// A Function of value and gradient, replayed: problems of one task and one output.
template <class P>
std::unique_ptr<Runner> replay_runner(std::shared_ptr<const P> problem) {
  struct Replay : Runner {
    explicit Replay(std::shared_ptr<const P> p)
        : problem(std::move(p)),
          start(std::chrono::steady_clock::now()),
          f(chainrule::value_and_grad(chainrule::record(
              [this](const std::vector<chainrule::Scalar>& x) {
                chainrule::Scalar y;
                problem->evaluate(0, x.data(), &y);
                return y;
              },
              std::vector<double>(inputs_of(*problem), inputs_of(*problem) + problem->inputs())))),
          prepared(seconds_since(start)),
          out(1 + problem->inputs()) {}
    void run(Result& result) override {
      f.evaluate({inputs_of(*problem), problem->inputs()}, out);
      result.values[0] = out[0];
      std::copy(out.begin() + 1, out.end(), result.derivatives.begin());
    }
    Notes notes() const override {
      return {{"nodes", static_cast<double>(f.trace().graph.size())}, {"prepare s", prepared}};
    }
    std::shared_ptr<const P> problem;
    std::chrono::steady_clock::time_point start;
    chainrule::Function f;
    double prepared;
    std::vector<double> out;
  };
  return std::make_unique<Replay>(std::move(problem));
}

inline std::string too_large(double count, double most) {
  return count > most ? "more than " + std::to_string(static_cast<long>(most)) + " operations"
                      : std::string();
}

/// The derivative by hand, against differences of the sum of the tasks.
template <class P>
double error_of_manual(const P& problem, const Result& result) {
  if constexpr (P::kTasks == Tasks::added) {
    const auto f = [&](const long double* x, long double* y) {
      y[0] = 0;
      for (Index t = 0; t < problem.count(); ++t) {
        long double value;
        problem.evaluate(t, x, &value);
        y[0] += value;
      }
    };
    return error_against_differences(
        f, std::span<const double>(inputs_of(problem), problem.inputs()), 1, problem.step(),
        std::span(result.derivatives).first(problem.inputs()));
  } else {
    constexpr Index kTasks = 20;
    const Index size = P::kOutputs * problem.inputs();
    double worst = 0;
    for (Index t = 0; t < std::min(problem.count(), kTasks); ++t) {
      const auto f = [&](const long double* x, long double* y) { problem.evaluate(t, x, y); };
      const auto point = problem.point(t);
      worst = std::max(
          worst, error_against_differences(f, std::span<const double>(&point[0], problem.inputs()),
                                           P::kOutputs, problem.step(),
                                           std::span(result.derivatives).subspan(t * size, size)));
    }
    return worst;
  }
}

/// A Case with the entries that every family has: plain, manual, the tape and the peers.
/// `operations` is about how many the value takes.
template <class P>
Case case_of(std::shared_ptr<const P> problem, double operations, Gives of_tapes) {
  Case c;
  c.inputs = problem->inputs();
  c.values = P::kTasks == Tasks::added ? 1 : problem->count() * P::kOutputs;
  c.parts = problem->groups();
  c.entries.push_back({"plain", Gives::values, [problem] { return plain_runner(problem); }});
  c.entries.push_back({"manual", Gives::both, [problem] { return manual_runner(problem); }});
  const double on_one_tape = operations / static_cast<double>(problem->count());
  c.entries.push_back({"tape", of_tapes,
                       [problem] {
                         return std::make_unique<TapeRunner<P>>(problem,
                                                                make<WithChainrule>(*problem));
                       },
                       too_large(on_one_tape, kMostTapeOperations)});
  for (const SuiteLibrary& peer : peers()) {
    c.entries.push_back(
        {peer.name, of_tapes,
         [problem, peer] { return std::make_unique<TapeRunner<P>>(problem, peer.with(*problem)); },
         too_large(on_one_tape, kMostPeerOperations)});
  }
  c.error_of_manual = [problem](const Result& result) { return error_of_manual(*problem, result); };
  return c;
}

/// After the entry of that name.
inline void insert_after(Case& c, const std::string& name, Entry entry) {
  auto at = c.entries.begin();
  while (at != c.entries.end() && at->name != name) ++at;
  c.entries.insert(at == c.entries.end() ? at : at + 1, std::move(entry));
}

template <class P>
void add_replay(Case& c, std::shared_ptr<const P> problem, double operations) {
  insert_after(c, "tape",
               {"replay", Gives::both, [problem] { return replay_runner(problem); },
                too_large(4 * operations, kMostReplayNodes)});
}

template <class P>
void add_differences(Case& c, std::shared_ptr<const P> problem, double operations) {
  c.entries.push_back(
      {"differences", Gives::estimate, [problem] { return differences_runner(problem); },
       too_large(operations * static_cast<double>(problem->inputs()), kMostDifferences)});
}

}  // namespace bench::suite
