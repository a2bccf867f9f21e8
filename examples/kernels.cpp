// Kernels: Functions compiled to run over many rows.
#include <chainrule/chainrule.hpp>
#include <chainrule/emit/c/emit_c.hpp>
#include <chainrule/emit/kernel.hpp>
#include <chainrule/transform/loop.hpp>
#include <cmath>
#include <cstdio>
#include <vector>

using namespace chainrule;

int failures = 0;
void expect(bool truth, const char* what) {
  if (!truth) std::printf("not so: %s\n", what);
  failures += !truth;
}

void rows_and_sums() {
  // The loss of a row: weights are shared by all rows, features and target are the row's own.
  const Function loss = record(
      [](const std::vector<Scalar>& w, const std::vector<Scalar>& x, Scalar target) {
        const Scalar miss = tanh(w[0] * x[0] + w[1] * x[1]) - target;
        return miss * miss;
      },
      shape(2), shape(2), 0.0);
  const Kernel kernel = compile(value_and_grad(loss));  // by the first argument, the weights

  const std::vector<double> weights = {0.5, -1};
  const std::vector<double> rows = {1, 2, 0.5,   // x₀, x₁, target, row after row
                                    3, 1, -0.5,  //
                                    0, 1, 0.25};
  std::vector<double> out(3 * 3);  // loss, ∂/∂w₀, ∂/∂w₁ of each row
  kernel.map(weights, rows, out);
  const std::vector<double> total = kernel.sum(weights, rows);
  std::printf("row 0: loss %.6f, slopes %.6f %.6f\n", out[0], out[1], out[2]);
  std::printf("sum:   loss %.6f, slopes %.6f %.6f\n", total[0], total[1], total[2]);
  expect(std::abs(total[1] - (out[1] + out[4] + out[7])) < 1e-14, "sum() is the sum of map()");
}

void springs() {
  // A net of springs of length 1: row r joins the points from[r] and to[r].
  const Function spring = record(
      [](const std::vector<Scalar>& a, const std::vector<Scalar>& b) {
        const Scalar stretch = hypot(b[0] - a[0], b[1] - a[1]) - 1.0;
        return 0.5 * stretch * stretch;
      },
      shape(2), shape(2));
  const Kernel kernel = compile(value_and_grad(spring, kEveryArgument));

  const std::vector<double> points = {0, 0, 2, 0, 1, 1};  // x, y of each
  const std::vector<std::uint32_t> from = {0, 1, 2}, to = {1, 2, 0};
  std::vector<double> energy(1), slopes(points.size());
  const Source sources[] = {Source::gathered(points, 2, from), Source::gathered(points, 2, to)};
  const Sink sinks[] = {Sink::sum(energy), Sink::added(slopes, 2, from),
                        Sink::added(slopes, 2, to)};
  kernel.run(sources, sinks, from.size());
  std::printf("springs: energy %.6f, slope by the first x %.6f\n", energy[0], slopes[0]);
  // ½ (1 + 2 (√2 − 1)²); −(2 − 1) − (√2 − 1)/√2.
  expect(std::abs(energy[0] - 0.671572875253810) < 1e-14, "the energy is ½ Σ stretch²");
  expect(std::abs(slopes[0] + 1.292893218813452) < 1e-14, "slopes of both springs are added");
}

void floats() {
  const Function f = record([](Scalar x, Scalar y) { return tanh(x) * y + 0.1; }, 0.0, 0.0);
  const std::vector<float> x = {0.5F, -1, 2, 0.25F}, y = {1, 2, -0.5F, 4};
  std::vector<float> z(4);
  const Kernel kernel = compile(f, {.lanes = Precision::f32});
  const FloatSource sources[] = {FloatSource::columns(x, 4), FloatSource::columns(y, 4)};
  const FloatSink sink = FloatSink::columns(z, 4);
  kernel.run(sources, std::span(&sink, 1), 4);
  std::printf("floats: %.6f in the first row\n", static_cast<double>(z[0]));
  expect(std::abs(z[0] - (std::tanh(0.5) + 0.1)) < 1e-6, "a row in floats");
}

void branches_and_digits() {
  const Function f = record(
      [](Scalar x) {
        Scalar y = sin(x);
        if (x > 1.0) y = exp(-x);  // a guard: lanes that leave it are answered by the Function
        return y;
      },
      0.5);
  const Kernel exact = compile(f, {.arithmetic = Arithmetic::strict});
  const std::vector<double> xs = {0.25, 2, -3, 7, 0.75};
  std::vector<double> ys(xs.size());
  exact.map({}, xs, ys);
  for (std::size_t r = 0; r < xs.size(); ++r) {
    expect(ys[r] == f(xs[r])[0], "strict kernels give the digits of the Function");
  }
  std::printf("branches: %.6f %.6f\n", ys[0], ys[1]);
}

Function decay(int steps) {
  return record(
      [steps](Scalar y, Scalar rate) {
        return fold(
            steps, [rate](Scalar v) { return v - 0.01 * rate * v * v; }, y);
      },
      1.0, 0.5);
}

void loops() {
  // A loop stays a loop: its code does not grow with its steps.
  const Kernel few = compile(grad(decay(10))), many = compile(grad(decay(1000)));
  const auto code = [](const Kernel& kernel) { return kernel.report().code_bytes; };
  if (many.backend() != Backend::interpret) {
    expect(code(many) < 2 * code(few), "a thousand steps take the code of ten");
  }
  std::printf("loop: slope after 1000 steps %.6f\n", many({1.0, 0.5})[0]);
}

void on_scalars() {
  // On Scalars a kernel is one node of the tape, and its pullback is compiled as well.
  const Kernel kernel = compile(record([](Scalar x, Scalar y) { return x * exp(y); }, 1.0, 0.0));
  const std::vector<Scalar> xy = {variable(2.0, "x"), variable(0.5, "y")};
  const Scalar z = 3.0 * kernel(std::span<const Scalar>(xy))[0];
  const auto slopes = gradient(z, xy);
  std::printf("scalars: %.6f %.6f\n", slopes[0], slopes[1]);
  expect(std::abs(slopes[1] - 6 * std::exp(0.5)) < 1e-13, "∂z/∂y = 3 x eʸ");
}

int main() {
  rows_and_sums();
  springs();
  floats();
  branches_and_digits();
  loops();
  on_scalars();

  const Function f = record([](Scalar x) { return x * x + 1.0; }, 3.0);
  const CSource c = emit_c(f, {.name = "parabola"});
  save_c(c, "parabola.c");  // and parabola.h
  const KernelReport report = compile(f).report();
  std::printf("x² + 1: %zu nodes, %zu bytes of C\n", report.trace_nodes, c.source.size());
  return failures;
}
