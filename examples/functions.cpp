// A Function: recorded once, replayed, differentiated, saved; never a stale branch.
#include <chainrule/graph/save.hpp>
#include <chainrule/transform/functions.hpp>
#include <cstdio>

using namespace chainrule;

int main() {
  const Function f = record(
      [](Scalar x, Scalar k) {
        Scalar y = x;
        while (y < 100.0) y = y * k;  // the comparison is kept as a guard
        return y;
      },
      3.0, 2.0);
  const Function slope = grad(f);
  std::printf("%g %g\n", f(3.0, 2.0)[0], slope(3.0, 2.0)[0]);
  std::printf("%g %g\n", f(5.0, 7.0)[0], slope(5.0, 7.0)[0]);  // another trip count: recorded anew

  save(slope.trace(), "slope.crt");
  const Function loaded(load("slope.crt"));  // without its code
  std::printf("%g\n", loaded(3.1, 2.0)[0]);
  try {
    loaded(5.0, 7.0);
  } catch (const BranchChanged& change) {
    std::printf("refused: %s\n", change.what());
  }

  const std::vector<double> in = {3, 2, 5, 7, 4, 1.5};  // rows: x, k
  std::vector<double> out(3);
  f.rows(in, out);
  std::printf("%g %g %g\n", out[0], out[1], out[2]);
}
