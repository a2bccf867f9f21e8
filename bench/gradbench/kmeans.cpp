#include "bench/suite/compiled/kmeans.hpp"

#include "bench/gradbench/request.hpp"

using namespace bench;
using namespace bench::gradbench;

namespace {

using Problem = std::shared_ptr<const KMeans>;

Problem problem_of(const Json& input) {
  const Json& points = input.at("points");
  return std::make_shared<const KMeans>(points.at(0).size(), flattened(points),
                                        flattened(input.at("centroids")));
}

/// Newton's step: the gradient over the Hessian's diagonal.
Evaluation direction(const Json& input) {
  const Problem problem = problem_of(input);
  const auto means = std::make_shared<suite::CompiledKMeans>(*problem);
  const auto gradient = std::make_shared<Numbers>(problem->inputs());
  const auto curvature = std::make_shared<Numbers>(problem->inputs());
  return {[=] {
            means->run(*gradient, *curvature, 1);
            for (Index i = 0; i < gradient->size(); ++i) (*gradient)[i] /= (*curvature)[i];
          },
          [=] { return in_rows(*gradient, problem->d()); }};
}

}  // namespace

int main(int argc, char** argv) {
  return answer(argc, argv,
                {{"cost", [](const Json& input) { return value_of(problem_of(input)); }},
                 {"dir", direction}});
}
