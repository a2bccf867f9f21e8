#include "bench/suite/compiled/ode.hpp"

#include "bench/gradbench/request.hpp"

using namespace bench;
using namespace bench::gradbench;

namespace {

std::shared_ptr<const RungeKutta> problem_of(const Json& input) {
  return std::make_shared<const RungeKutta>(input.at("x").get<Numbers>(),
                                            input.at("s").get<Index>());
}

/// All of the last state.
Evaluation primal(const Json& input) {
  const auto problem = problem_of(input);
  const auto last = std::make_shared<Numbers>();
  return {[=] { *last = manual::solve(*problem); }, [=] { return Json(*last); }};
}

}  // namespace

int main(int argc, char** argv) {
  return answer(argc, argv, {{"primal", primal}, {"gradient", [](const Json& input) {
                                                    return gradient_of<suite::CompiledRungeKutta>(
                                                        problem_of(input));
                                                  }}});
}
