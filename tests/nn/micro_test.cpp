// Nets of single numbers: by hand, against tensors, and trained.
#include "chainrule/nn/micro.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "chainrule/nn/layers.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule::nn::micro {
namespace {

TEST(Neuron, has_the_value_and_slopes_that_one_derives_by_hand) {
  // The neuron of examples/neuron.cpp: tanh(2·(−3) + 0·1 + 6.88…) = √½.
  const Frame frame = Tape::active().frame();
  Random random(1);
  Neuron neuron(2, random, Op::tanh);
  neuron.weights[0].assign(-3);
  neuron.weights[1].assign(1);
  neuron.bias.assign(6.8813735870195432);
  const Scalar o = neuron({2.0, 0.0});
  EXPECT_NEAR(o.value(), std::sqrt(0.5), 1e-15);
  o.backward();
  EXPECT_NEAR(neuron.weights[0].grad(), 1.0, 1e-15);
  EXPECT_NEAR(neuron.weights[1].grad(), 0.0, 1e-15);
  EXPECT_NEAR(neuron.bias.grad(), 0.5, 1e-15);
  neuron.zero_grad();
  EXPECT_EQ(neuron.bias.grad(), 0.0);
  EXPECT_THROW(neuron({1.0}), Error);
}

TEST(Neuron, a_weight_is_one_leaf_in_a_frame_and_another_in_the_next) {
  Random random(2);
  Neuron neuron(1, random);
  neuron.weights[0].assign(3);
  for (int round = 0; round < 2; ++round) {
    const Frame frame = Tape::active().frame();
    const Scalar x = 5.0;
    const Scalar y = neuron({x}) + neuron({x});
    y.backward();
    EXPECT_EQ(neuron.weights[0].grad(), 10.0);
    EXPECT_EQ(neuron.leaves()[0].grad(), 10.0);
  }
  EXPECT_EQ(neuron.weights[0].grad(), 0.0);
}

TEST(MicroMLP, equals_the_same_net_of_tensors) {
  const Frame frame = Tape::active().frame();
  Random random(3);
  MLP net(2, {3, 1}, random, Op::tanh);
  std::vector<Weight*> parameters = net.parameters();
  ASSERT_EQ(parameters.size(), 3U * 3U + 4U);
  const auto layer_of = [&](std::size_t place) {
    std::vector<double> weight, bias;
    for (const Neuron& neuron : net.layers[place].neurons) {
      for (const Weight& w : neuron.weights) weight.push_back(w.value());
      bias.push_back(neuron.bias.value());
    }
    const auto out = static_cast<std::int64_t>(bias.size());
    return Linear(tensor(weight, {out, static_cast<std::int64_t>(weight.size()) / out}),
                  tensor(bias));
  };
  const Sequential tensors(layer_of(0), Op::tanh, layer_of(1));
  const Scalar y = net({0.5, -1.5})[0];
  EXPECT_NEAR(y.value(), tensors(tensor({0.5, -1.5})).item(), 1e-15);
}

TEST(MicroMLP, learns_which_side_of_a_circle_points_are_on) {
  Random random(4);
  MLP net(2, {8, 1}, random, Op::tanh);
  double loss_now = 1;
  for (int step = 0; step < 300; ++step) {
    const Frame frame = Tape::active().frame();
    Scalar loss = 0.0;
    for (int k = 0; k < 16; ++k) {
      const double angle = 0.7 * k, radius = k % 2 == 0 ? 0.4 : 1.2;
      const Scalar score = net({radius * std::cos(angle), radius * std::sin(angle)})[0];
      loss += softplus(k % 2 == 0 ? score : -score) / 16.0;
    }
    net.zero_grad();
    loss.backward();
    net.step(1.0);
    loss_now = loss.value();
  }
  EXPECT_LT(loss_now, 0.05);
}

TEST(MicroMLP, refuses_activations_of_two_operands) {
  Random random(5);
  EXPECT_THROW(Neuron(2, random, Op::mul), Error);
  EXPECT_NO_THROW(Neuron(2, random, Op::leaky_relu));
}

}  // namespace
}  // namespace chainrule::nn::micro
