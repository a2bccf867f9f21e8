// min over x of max over y of (x₁² + x₂²) − (y₁² + y₂²), both by gradient descent: the outer
// gradient is taken through every step of the inner ascent, which takes gradients itself. The name
// of a function says in which mode the outer and then the inner derivative are taken.
#include "bench/gradbench/descent.hpp"
#include "bench/gradbench/request.hpp"
#include "chainrule/transform/derive.hpp"

using namespace bench::gradbench;
using chainrule::Scalar;

namespace {

enum class Mode { forward, reverse };

template <class S>
S saddle(const std::vector<S>& x, const std::vector<S>& y) {
  return square_of(x) - square_of(y);
}

/// The gradient of f at x, over numbers or Scalars, in one sweep or in one a direction.
template <class S, class F>
std::vector<S> slope_of(const F& f, const std::vector<S>& x, Mode mode) {
  if (mode == Mode::reverse) return chainrule::grad(f)(x);
  std::vector<S> slope;
  for (std::size_t i = 0; i < x.size(); ++i) {
    Numbers along(x.size(), 0.0);
    along[i] = 1;
    slope.push_back(chainrule::jvp(f)(x, along).tangent);
  }
  return slope;
}

/// The y that f(x, ·) is largest at, found from `start`.
template <class S>
std::vector<S> argmax(const std::vector<S>& x, const Numbers& start, Mode mode) {
  const auto f = [&](const auto& y) {
    using T = typename std::remove_cvref_t<decltype(y)>::value_type;
    return -saddle(std::vector<T>(x.begin(), x.end()), y);
  };
  const auto slope = [&](const std::vector<S>& y) { return slope_of(f, y, mode); };
  return argmin(f, slope, std::vector<S>(start.begin(), start.end()));
}

Evaluation point(const Json& input, Mode outer, Mode inner) {
  const auto result = std::make_shared<Numbers>();
  const auto start = input.at("start").get<Numbers>();
  return {[=] {
            const auto largest = [&](const auto& x) { return saddle(x, argmax(x, start, inner)); };
            const auto slope = [&](const Numbers& x) { return slope_of(largest, x, outer); };
            Numbers x = argmin(largest, slope, start);
            const Numbers y = argmax(x, start, outer);
            x.insert(x.end(), y.begin(), y.end());
            *result = x;
          },
          [=] { return Json(*result); }};
}

}  // namespace

int main(int argc, char** argv) {
  const auto of = [](Mode outer, Mode inner) {
    return [=](const Json& input) { return point(input, outer, inner); };
  };
  return answer(argc, argv,
                {{"ff", of(Mode::forward, Mode::forward)},
                 {"fr", of(Mode::forward, Mode::reverse)},
                 {"rf", of(Mode::reverse, Mode::forward)},
                 {"rr", of(Mode::reverse, Mode::reverse)}});
}
