#include "bench/suite/compiled/det.hpp"

#include "bench/gradbench/request.hpp"

using namespace bench;
using namespace bench::gradbench;

namespace {

std::shared_ptr<const Determinant> problem_of(const Json& input) {
  return std::make_shared<const Determinant>(input.at("ell").get<Index>(),
                                             input.at("A").get<Numbers>());
}

}  // namespace

int main(int argc, char** argv) {
  return answer(argc, argv,
                {{"primal", [](const Json& input) { return value_of(problem_of(input)); }},
                 {"gradient", [](const Json& input) {
                    return gradient_of<suite::CompiledDeterminant>(problem_of(input));
                  }}});
}
