#include "bench/suite/compiled/ht.hpp"

#include "bench/gradbench/request.hpp"

using namespace bench;
using namespace bench::gradbench;

namespace {

using Problem = std::shared_ptr<const HandTracking>;

/// The upper three rows of a 4 × 4 matrix.
Affine affine_of(const Json& matrix) {
  Affine a;
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 4; ++j) a[4 * i + j] = matrix.at(i).at(j).get<double>();
  }
  return a;
}

Problem problem_of(const Json& input) {
  const Json& data = input.at("data");
  const Json& given = data.at("model");
  HandModel model;
  model.parents = given.at("parents").get<std::vector<int>>();
  for (const Json& matrix : given.at("base_relatives")) {
    model.beside_parent.push_back(affine_of(matrix));
  }
  for (const Json& matrix : given.at("inverse_base_absolutes")) {
    model.inverse_at_rest.push_back(affine_of(matrix));
  }
  model.vertices = given.at("base_positions").get<std::vector<std::array<double, 4>>>();
  model.weights = flattened(given.at("weights"));
  model.triangles = given.at("triangles").get<std::vector<std::array<std::uint32_t, 3>>>();
  model.is_mirrored = given.at("is_mirrored").get<bool>();
  return std::make_shared<const HandTracking>(
      std::move(model), input.at("theta").get<Numbers>(),
      data.at("correspondences").get<std::vector<std::uint32_t>>(), flattened(data.at("points")),
      input.contains("us") ? flattened(input.at("us")) : Numbers());
}

Evaluation objective(const Json& input) {
  const Problem problem = problem_of(input);
  const auto errors = std::make_shared<Numbers>(problem->outputs());
  return {[=] {
            if (problem->us().empty()) {
              manual::plain(*problem, problem->theta().data(), *errors);
            } else {
              manual::plain_on_triangles(*problem, *errors);
            }
          },
          [=] { return Json(*errors); }};
}

Evaluation jacobian(const Json& input) {
  const Problem problem = problem_of(input);
  const auto hand = std::make_shared<suite::CompiledHandTracking>(*problem);
  const Index columns =
      problem->us().empty() ? kHandNumbers : suite::CompiledHandTracking::kColumns;
  const auto errors = std::make_shared<Numbers>(problem->outputs());
  const auto entries = std::make_shared<Numbers>(problem->outputs() * columns);
  return {[=] {
            if (problem->us().empty()) {
              hand->run(*errors, *entries, 1);
            } else {
              hand->run_on_triangles(*errors, *entries, 1);
            }
          },
          [=] { return in_rows(*entries, columns); }};
}

}  // namespace

int main(int argc, char** argv) {
  return answer(argc, argv, {{"objective", objective}, {"jacobian", jacobian}});
}
