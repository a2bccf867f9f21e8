#include "bench/gradbench/request.hpp"
#include "chainrule/transform/derive.hpp"

using namespace bench::gradbench;

namespace {

constexpr auto square = [](const auto& x) { return x * x; };

template <class F>
Evaluation at_input(const Json& input, F f) {
  const auto result = std::make_shared<double>();
  const double x = input.get<double>();
  return {[=] { *result = f(x); }, [=] { return Json(*result); }};
}

}  // namespace

int main(int argc, char** argv) {
  return answer(
      argc, argv,
      {{"square", [](const Json& input) { return at_input(input, square); }},
       {"double", [](const Json& input) { return at_input(input, chainrule::grad(square)); }}});
}
