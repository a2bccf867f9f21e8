#include "bench/suite/compiled/lstm.hpp"

#include "bench/gradbench/request.hpp"

using namespace bench;
using namespace bench::gradbench;

namespace {

std::shared_ptr<const Lstm> problem_of(const Json& input) {
  Numbers x = flattened(input.at("main_params"));
  const Numbers ends = flattened(input.at("extra_params"));
  x.insert(x.end(), ends.begin(), ends.end());
  return std::make_shared<const Lstm>(
      input.at("main_params").size() / 2, input.at("main_params").at(0).size() / 4, std::move(x),
      flattened(input.at("state")), flattened(input.at("sequence")));
}

}  // namespace

int main(int argc, char** argv) {
  return answer(argc, argv,
                {{"objective", [](const Json& input) { return value_of(problem_of(input)); }},
                 {"jacobian", [](const Json& input) {
                    return gradient_of<suite::CompiledLstm>(problem_of(input));
                  }}});
}
