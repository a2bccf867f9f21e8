// Two moons told apart by the same net of tensors: all points at once, in floats, tried on points
// that it was not trained on.
#include <chainrule/nn/nn.hpp>
#include <cstdio>

using namespace chainrule;

// The part of the points on whose side of 0 the net stands.
double accuracy(const nn::MLP& net, const nn::DataSet& data) {
  return mean((squeeze(net(data.inputs), 1) > 0.0) == data.targets).item();
}

int main() {
  Random random(1);
  const nn::DataSet points = nn::moons(1000, 0.1, random).to(f32);
  const nn::DataSet train = points.slice(0, 800), test = points.slice(800, 1000);
  nn::MLP net({2, 16, 16, 1}, Op::relu, random, f32);
  nn::SGD sgd(net.parameters(), {.momentum = 0.9, .weight_decay = 1e-4});

  const Tensor side = unsqueeze(2.0 * train.targets - 1.0, 1);  // −1 or 1
  for (int step = 0; step < 100; ++step) {
    sgd.rate = 0.2 - 0.0018 * step;
    const double loss = sgd.step([&] { return mean(relu(1.0 - side * net(train.inputs))); });
    if (step % 10 == 9) std::printf("step %3d: loss %.4f\n", step, loss);
  }

  net.mode(nn::Mode::evaluation);
  std::printf("right: %.1f %% of those it has seen, %.1f %% of others\n",
              100 * accuracy(net, train), 100 * accuracy(net, test));
  return accuracy(net, test) >= 0.99 ? 0 : 1;
}
