#include "bench/suite/compiled/det.hpp"

#include "bench/suite/compiled_runner.hpp"

namespace bench::suite {

namespace {

Case at(Index size) {
  const auto problem = std::make_shared<const Determinant>(size);
  // M(ℓ) = ℓ (2 + M(ℓ − 1))
  double operations = 0;
  for (Index l = 2; l <= size; ++l) operations = static_cast<double>(l) * (2 + operations);
  Case c = case_of(problem, operations, Gives::derivatives);
  add_compiled<CompiledDeterminant>(c, problem, size > 8 ? Rows::many : Rows::one,
                                    [](CompiledDeterminant& det, Result& result, unsigned threads) {
                                      result.values[0] = det.run(result.derivatives, threads);
                                    });
  add_replay(c, problem, operations);
  add_differences(c, problem, operations);
  return c;
}

Size size(Index l, SizeClass of) {
  return {"size=" + std::to_string(l), static_cast<double>(l), of, [=] { return at(l); }};
}

}  // namespace

Family det() {
  return {"det",
          "Determinant by minors and gradient",
          "rows of the matrix",
          "GradBench",
          {size(5, SizeClass::small), size(6, SizeClass::small), size(7, SizeClass::small),
           size(8, SizeClass::small), size(9, SizeClass::large), size(10, SizeClass::large)}};
}

}  // namespace bench::suite
