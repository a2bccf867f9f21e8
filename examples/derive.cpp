// Derivatives of callables: functions in, functions out.
#include <chainrule/chainrule.hpp>
#include <cstdio>

using namespace chainrule;

template <class S>
struct Vec3 {
  S x, y, z;
};
template <class S>
auto fields(Vec3<S>& v) {
  return std::tie(v.x, v.y, v.z);
}

int main() {
  auto f = [](auto x) { return sin(x) * x; };
  const double slope = grad(f)(2.0);
  const double curvature = grad(grad(f))(2.0);
  std::printf("%g %g\n", slope, curvature);

  auto length = [](const auto& v) { return hypot(v.x, v.y, v.z); };
  const Vec3<double> direction =
      grad(length)(Vec3<double>{2, 3, 6});  // in the argument's own shape
  std::printf("%g %g %g\n", direction.x, direction.y, direction.z);

  auto polar = [](const std::vector<Scalar>& p) {
    return std::vector<Scalar>{p[0] * cos(p[1]), p[0] * sin(p[1])};
  };
  const Dense<double> j = jacobian(polar)(std::vector<double>{2, 0});
  const auto moved = jvp(polar)(std::vector<double>{2, 0}, std::vector<double>{0, 1});
  std::printf("%g %g, %g\n", j(0, 0), j(1, 1), moved.tangent[1]);

  // An inner derivative sees outer values as constants: ∂/∂x (x · ∂(x + y)/∂y) = 1.
  auto nested = [](Scalar x) { return x * grad([&](Scalar y) { return x + y; })(x); };
  std::printf("%g\n", grad(nested)(1.0));
}
