#include "bench/suite/compiled/llsq.hpp"

#include "bench/gradbench/request.hpp"

using namespace bench;
using namespace bench::gradbench;

namespace {

std::shared_ptr<const LeastSquares> problem_of(const Json& input) {
  return std::make_shared<const LeastSquares>(input.at("n").get<Index>(),
                                              input.at("x").get<Numbers>());
}

}  // namespace

int main(int argc, char** argv) {
  return answer(argc, argv,
                {{"primal", [](const Json& input) { return value_of(problem_of(input)); }},
                 {"gradient", [](const Json& input) {
                    return gradient_of<suite::CompiledLeastSquares>(problem_of(input));
                  }}});
}
