// Two moons told apart by a net of single numbers: 2 inputs, 16, 16 and 1 neurons (the example of
// A. Karpathy's micrograd). Every weight is a Scalar, and a step is what one would write by hand.
#include <chainrule/chainrule.hpp>
#include <chainrule/nn/micro.hpp>
#include <chainrule/nn/synthetic.hpp>
#include <cstdio>

using namespace chainrule;

int main() {
  Random random(1);
  const nn::DataSet data = nn::moons(100, 0.1, random);
  const std::vector<double> points = data.inputs.values(), classes = data.targets.values();
  nn::micro::MLP net(2, {16, 16, 1}, random, Op::relu);

  std::size_t right = 0;
  for (int step = 0; step < 100; ++step) {
    const Frame frame = Tape::active().frame();  // what the step records is given back at its end
    Scalar loss = 0.0;
    right = 0;
    for (std::size_t k = 0; k < classes.size(); ++k) {
      const double side = classes[k] == 1.0 ? 1.0 : -1.0;
      const Scalar score = net({points[2 * k], points[2 * k + 1]})[0];
      loss += relu(1.0 - side * score) / 100.0;  // the margin that is missing
      right += score * side > 0.0;
    }
    for (const Scalar& w : net.leaves()) loss += 1e-4 * w * w;

    net.zero_grad();
    loss.backward();
    net.step(1.0 - 0.009 * step);
    if (step % 10 == 9) {
      std::printf("step %3d: loss %.4f, %zu of 100 right\n", step, loss.value(), right);
    }
  }
  return right == classes.size() ? 0 : 1;
}
