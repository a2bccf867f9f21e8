// A program outside the tree: what a user writes first, and what a project's own -ffast-math must
// not take from the library: NaN, and the -0.0 by which a sweep tells reached from cut.

#include <bit>
#include <chainrule/chainrule.hpp>
#include <cstdint>
#include <cstdio>

// By its bits: under -ffast-math the compiler takes x != x for false.
static bool is_nan(double x) {
  return (std::bit_cast<std::uint64_t>(x) & ~(1ull << 63)) > 0x7FF0'0000'0000'0000u;
}

static int failures = 0;
static void expect(bool truth, const char* what) {
  if (!truth) std::printf("not so: %s\n", what);
  failures += !truth;
}

int main() {
  using chainrule::Reach;
  const auto a = chainrule::variable(1.5, "a");
  const auto y = a * a + 1.0;
  y.backward();
  expect(a.grad() == 3.0, "(a a + 1)' = 3 at 1.5");

  const auto x = chainrule::variable(-1.0, "x"), zero = chainrule::variable(0.0, "zero");
  expect(is_nan(log(x).value()), "log(-1) is NaN");
  expect(is_nan(chainrule::gradient(log(x), {x})[0]), "log'(-1) is NaN");
  expect(chainrule::reach(log(x), x) == Reach::reached, "log reaches x");
  expect(chainrule::reach(x * zero, x) == Reach::reached, "a slope of 0 is reached");
  expect(chainrule::reach(relu(x), x) == Reach::cut, "relu cuts x off below 0");
  return failures;
}
