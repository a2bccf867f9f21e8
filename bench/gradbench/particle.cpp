// The control w that sends a charged particle through the origin: an argmin of a simulation whose
// every step needs the gradient of a potential. The name of a function says in which mode the outer
// and then the inner derivative are taken, f forward, r reverse.
#include "bench/gradbench/descent.hpp"
#include "bench/gradbench/request.hpp"
#include "chainrule/transform/functions.hpp"

using namespace bench::gradbench;
using chainrule::Function;
using chainrule::Scalar;

namespace {

enum class Mode { forward, reverse };

/// (x, y, w) ↦ 1/|(x, y) − (10, 10 − w)| + 1/|(x, y) − (10, 0)|.
Function potential() {
  return chainrule::record(
      [](const std::vector<Scalar>& place, const Scalar& w) {
        const auto inverse_distance = [&](const Scalar& x, const Scalar& y) {
          const Scalar dx = place[0] - x, dy = place[1] - y;
          return 1.0 / sqrt(dx * dx + dy * dy);
        };
        return inverse_distance(10.0, 10.0 - w) + inverse_distance(10.0, 0.0);
      },
      std::vector{0.0, 8.0}, 0.0);
}

class Simulation {
 public:
  explicit Simulation(Mode inner)
      : slope_(inner == Mode::reverse
                   ? chainrule::grad(potential())
                   : chainrule::jacobian(potential(), 0, chainrule::Sweep::forward)) {}

  /// The square of the place on the x axis that the particle reaches.
  template <class S>
  S operator()(const S& w) const {
    constexpr double kStep = 0.1;
    std::vector<S> place{0.0, 8.0}, velocity{0.75, 0.0};
    for (;;) {
      const std::vector<S> slope = slope_(place, w);
      for (std::size_t i = 0; i < 2; ++i) place[i] += kStep * velocity[i];
      if (place[1] <= 0.0) {
        const S rest = -place[1] / velocity[1];
        const S reached = place[0] + rest * velocity[0];
        return reached * reached;
      }
      for (std::size_t i = 0; i < 2; ++i) velocity[i] -= kStep * slope[i];
    }
  }

 private:
  Function slope_;
};

Evaluation control(const Json& input, Mode outer, Mode inner) {
  const auto result = std::make_shared<double>();
  const double start = input.at("w").get<double>();
  const Simulation simulate(inner);
  return {[=] {
            const auto f = [&](const Numbers& w) { return simulate(w[0]); };
            const auto slope = [&](const Numbers& w) -> Numbers {
              if (outer == Mode::reverse) return {chainrule::grad(simulate)(w[0])};
              return {chainrule::jvp(simulate)(w[0], 1.0).tangent};
            };
            *result = argmin(f, slope, Numbers{start})[0];
          },
          [=] { return Json(*result); }};
}

}  // namespace

int main(int argc, char** argv) {
  const auto of = [](Mode outer, Mode inner) {
    return [=](const Json& input) { return control(input, outer, inner); };
  };
  return answer(argc, argv,
                {{"ff", of(Mode::forward, Mode::forward)},
                 {"fr", of(Mode::forward, Mode::reverse)},
                 {"rf", of(Mode::reverse, Mode::forward)},
                 {"rr", of(Mode::reverse, Mode::reverse)}});
}
