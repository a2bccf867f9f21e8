#include "bench/suite/compiled/gmm.hpp"

#include "bench/gradbench/request.hpp"

using namespace bench;
using namespace bench::gradbench;

namespace {

using Problem = std::shared_ptr<const Mixture>;

Problem problem_of(const Json& input) {
  const Index d = input.at("d"), k = input.at("k");
  Numbers x = input.at("alpha").get<Numbers>();
  const Numbers means = flattened(input.at("mu"));
  x.insert(x.end(), means.begin(), means.end());
  // A factor is its diagonal's logarithms and then its lower triangle.
  for (Index c = 0; c < k; ++c) {
    for (const char* part : {"q", "l"}) {
      for (const Json& number : input.at(part).at(c)) x.push_back(number.get<double>());
    }
  }
  return std::make_shared<const Mixture>(d, k, flattened(input.at("x")), std::move(x),
                                         input.at("gamma").get<double>(),
                                         input.at("m").get<double>());
}

Evaluation objective(const Json& input) { return value_of(problem_of(input)); }

Evaluation jacobian(const Json& input) {
  const Problem problem = problem_of(input);
  return gradient_of<suite::CompiledMixture>(problem, [problem](const Numbers& gradient) {
    const Index d = problem->d(), k = problem->k(), factor = problem->factor();
    const std::span<const double> all(gradient);
    Json q = Json::array(), l = Json::array();
    for (Index c = 0; c < k; ++c) {
      const auto own = all.subspan(k + k * d + c * factor, factor);
      q.push_back(Numbers(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(d)));
      l.push_back(Numbers(own.begin() + static_cast<std::ptrdiff_t>(d), own.end()));
    }
    const auto weights = all.first(k);
    return Json{{"alpha", Numbers(weights.begin(), weights.end())},
                {"mu", in_rows(all.subspan(k, k * d), d)},
                {"q", q},
                {"l", l}};
  });
}

}  // namespace

int main(int argc, char** argv) {
  return answer(argc, argv, {{"objective", objective}, {"jacobian", jacobian}});
}
