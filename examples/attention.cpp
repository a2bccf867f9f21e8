// A block of a transformer learns to reverse sequences: for each place it has to look at another.
#include <chainrule/nn/nn.hpp>
#include <iostream>

using namespace chainrule;

constexpr std::int64_t kLength = 8, kWidth = 32, kHeads = 4;

struct Reverser : nn::Module {
  nn::Embedding digits, places;
  nn::TransformerBlock block;
  nn::Linear answer;

  explicit Reverser(Random& random)
      : digits(10, kWidth, random, f32),
        places(kLength, kWidth, random, f32),
        block(kWidth, kHeads, random, {.element = f32}),
        answer(kWidth, 10, random, {.element = f32}) {}
  void parts(nn::Parts& part) override {
    part("digits", digits);
    part("places", places);
    part("block", block);
    part("answer", answer);
  }
  // Scores of the ten digits at each place: (batch, kLength) to (batch, kLength, 10).
  Tensor operator()(const Tensor& x) const {
    return answer(block(digits(x) + places(arange(double(kLength)))));
  }
};

int main() {
  Random random(1);
  Reverser net(random);
  nn::AdamW adam(net.parameters(), {.rate = 3e-3});
  const auto sequences = [&](std::int64_t count) {
    return floor(random.uniform({count, kLength}, 0, 10));
  };

  for (int step = 0; step < 300; ++step) {
    const Tensor x = sequences(32);
    const double loss = adam.step([&] { return cross_entropy(net(x), flip(x, 1)); });
    if (step % 50 == 49) std::cout << "step " << step << ": loss " << loss << '\n';
  }

  net.mode(nn::Mode::evaluation);
  const Tensor x = sequences(500);
  const Tensor y = argmax(net(x), -1);
  const double right = mean(y == flip(x, 1)).item();
  std::cout << slice(x, 0, {0, 3}) << " becomes\n"
            << slice(y, 0, {0, 3}) << "\nright: " << 100 * right << " % of the digits\n";
  return right > 0.99 ? 0 : 1;
}
