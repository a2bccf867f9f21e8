// A sinusoid fitted by a net from noisy samples; and the slope of the net, which is a cosine though
// nobody showed it one.
#include <chainrule/nn/nn.hpp>
#include <cstdio>

using namespace chainrule;

int main() {
  Random random(1);
  const nn::DataSet data = nn::sine(400, 0.05, random);
  nn::MLP net({1, 32, 32, 1}, Op::tanh, random);
  nn::Adam adam(net.parameters());
  const nn::Schedule rate = nn::cosine(1e-2, 1000);

  for (int epoch = 0; epoch < 80; ++epoch) {
    double loss = 0;
    for (const nn::DataSet& batch : data.shuffled(random).batches(32)) {
      adam.rate = rate(adam.steps());
      loss = adam.step([&] { return mse(net(batch.inputs), batch.targets); });
    }
    if (epoch % 10 == 9) std::printf("epoch %2d: loss %.5f\n", epoch, loss);
  }

  net.mode(nn::Mode::evaluation);
  const Tensor x = linspace(-3, 3, 13);
  const Tensor y = squeeze(net(unsqueeze(x, 1)), 1);
  const Tensor slope = grad([&](const Tensor& t) { return sum(net(unsqueeze(t, 1))); })(x);
  std::printf("   x       net       sin     slope       cos\n");
  const Tensor table = stack({x, y, sin(x), slope, cos(x)}, 1);
  for (std::int64_t k = 0; k < x.size(); ++k) {
    std::printf("%4.1f %9.4f %9.4f %9.4f %9.4f\n", table.at({k, 0}), table.at({k, 1}),
                table.at({k, 2}), table.at({k, 3}), table.at({k, 4}));
  }
  const double error = amax(abs(y - sin(x))).item(), of_slope = amax(abs(slope - cos(x))).item();
  return error < 0.05 && of_slope < 0.2 ? 0 : 1;
}
