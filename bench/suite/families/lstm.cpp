#include "bench/suite/compiled/lstm.hpp"

#include "bench/suite/compiled_runner.hpp"

namespace bench::suite {

namespace {

Case at(Index layers, Index characters) {
  const auto problem = std::make_shared<const Lstm>(layers, characters);
  const double operations = static_cast<double>(characters * problem->bits() * (31 * layers + 7));
  Case c = case_of(problem, operations, Gives::derivatives);
  add_compiled<CompiledLstm>(c, problem, Rows::one_after_another,
                             [](CompiledLstm& lstm, Result& result, unsigned threads) {
                               result.values[0] = lstm.run(result.derivatives, threads);
                             });
  add_replay(c, problem, operations);
  add_differences(c, problem, operations);
  return c;
}

Size size(Index layers, Index characters, SizeClass of) {
  return {"layers=" + std::to_string(layers) + " characters=" + std::to_string(characters),
          static_cast<double>(layers * characters), of, [=] { return at(layers, characters); }};
}

}  // namespace

Family lstm() {
  return {"lstm",
          "LSTM, loss and gradient",
          "layers × characters",
          "ADBench",
          {size(2, 128, SizeClass::small), size(2, 1024, SizeClass::small),
           size(4, 1024, SizeClass::small), size(2, 4096, SizeClass::large),
           size(4, 4096, SizeClass::large), size(6, 8192, SizeClass::large)}};
}

}  // namespace bench::suite
