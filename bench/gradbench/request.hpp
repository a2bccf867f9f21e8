// A request of the public GradBench suite, and its answer: PROGRAM FILE FUNCTION.
//
// FILE holds the input as JSON, and `min_runs` and `min_seconds` where the eval has them. The
// function is run until both are reached. Standard output is the result as JSON, one line, then a
// line {"name": "evaluate", "nanoseconds": N} for each run. What depends on nothing but the input's
// shape, recording and compiling, is done before the runs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "bench/suite/manual/manual.hpp"

namespace bench::gradbench {

using Json = nlohmann::json;
using Numbers = std::vector<double>;

/// What is timed, and its result afterwards.
struct Evaluation {
  std::function<void()> compute;
  std::function<Json()> output;
};

/// The functions of an eval, by name: each makes an Evaluation of the input.
using Functions = std::map<std::string, std::function<Evaluation(const Json& input)>>;

/// The main function of an eval. 0; or 1, with a message on standard error.
int answer(int argc, char** argv, const Functions& functions);

/// A list of lists, one after another.
Numbers flattened(const Json& rows);
/// The reverse: lists of `width`.
Json in_rows(std::span<const double> numbers, std::size_t width);

/// The value of a problem of one output.
template <class P>
Evaluation value_of(std::shared_ptr<const P> problem) {
  const auto value = std::make_shared<double>();
  return {[=] {
            manual::plain(*problem, problem->point(0), {value.get(), 1});
          },
          [=] { return Json(*value); }};
}

/// Its gradient by the contestant C of the suite; `shown` is how the gradient is reported.
template <class C, class P>
Evaluation gradient_of(
    std::shared_ptr<const P> problem,
    std::function<Json(const Numbers&)> shown = [](const Numbers& g) { return Json(g); }) {
  const auto contestant = std::make_shared<C>(*problem);
  const auto gradient = std::make_shared<Numbers>(problem->inputs());
  return {[=] {
            static_cast<void>(problem);
            if constexpr (requires { contestant->run(*gradient, 1u); }) {
              contestant->run(*gradient, 1u);
            } else {
              contestant->run(*gradient);
            }
          },
          [=] { return shown(*gradient); }};
}

}  // namespace bench::gradbench
