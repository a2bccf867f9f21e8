#include "bench/suite/compiled/lse.hpp"

#include "bench/gradbench/request.hpp"

using namespace bench;
using namespace bench::gradbench;

namespace {

std::shared_ptr<const LogSumExp> problem_of(const Json& input) {
  return std::make_shared<const LogSumExp>(input.at("x").get<Numbers>());
}

}  // namespace

int main(int argc, char** argv) {
  return answer(argc, argv,
                {{"primal", [](const Json& input) { return value_of(problem_of(input)); }},
                 {"gradient", [](const Json& input) {
                    return gradient_of<suite::CompiledLogSumExp>(problem_of(input));
                  }}});
}
