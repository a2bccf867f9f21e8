// A sinusoid fitted by a net from noisy samples; and the slope of the net, which is a cosine though
// nobody showed it one.
#include <chainrule/nn/nn.hpp>
#include <cmath>
#include <cstdio>

using namespace chainrule;

int main() {
  Random random(1);
  const nn::DataSet data = nn::sine(400, 0.02, random);
  nn::MLP net({1, 32, 32, 1}, Op::tanh, random);
  nn::Adam adam(net.parameters());
  const nn::Schedule rate = nn::cosine(1e-2, 2000);

  for (int epoch = 0; epoch < 160; ++epoch) {
    const nn::Batches batches = data.shuffled(random).batches(32);
    double loss = 0;
    for (const auto& batch : batches) {
      adam.rate = rate(adam.steps());
      loss += adam.step([&] { return mse(net(batch.inputs), batch.targets); });
    }
    if (epoch % 40 == 39) {
      std::printf("epoch %d: loss %.5f\n", epoch, loss / double(batches.count()));
    }
  }

  net.mode(nn::Mode::evaluation);
  const auto f = [&](const Tensor& x) { return squeeze(net(unsqueeze(x, 1)), 1); };
  const Tensor x = linspace(-3, 3, 7), y = f(x);
  const Tensor slope = grad([&](const Tensor& t) { return sum(f(t)); })(x);
  std::printf("   x   net     sin     slope   cos\n");
  for (std::int64_t k = 0; k < x.size(); ++k) {
    const double at = x.at({k});
    std::printf("%4.1f %7.3f %7.3f %7.3f %7.3f\n", at, y.at({k}), std::sin(at), slope.at({k}),
                std::cos(at));
  }
  const double error = amax(abs(y - sin(x))).item(), of_slope = amax(abs(slope - cos(x))).item();
  return error < 0.05 && of_slope < 0.15 ? 0 : 1;
}
