// Nets under the transforms of the library: as functions of their parameters they are recorded,
// compiled, differentiated and mapped over an axis as any function is.
#include <gtest/gtest.h>

#include "chainrule/nn/attention.hpp"
#include "chainrule/nn/recurrent.hpp"
#include "chainrule/tensor/compile.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/loss.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/transform.hpp"

namespace chainrule::nn {
namespace {

using Numbers = std::vector<double>;

void expect_near(const Tensor& found, const Tensor& expected, double tolerance = 1e-12) {
  const Numbers numbers = found.values(), others = expected.values();
  ASSERT_EQ(found.shape(), expected.shape());
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    EXPECT_NEAR(numbers[k], others[k], tolerance) << "element " << k;
  }
}

TEST(Transforms, a_net_is_a_function_of_its_weights) {
  Random random(1);
  const MLP net({3, 4, 2}, Op::tanh, random);
  const auto parameters = net.parameters();
  const Tensor x = randn({5, 3}, random), y = tensor({0, 1, 1, 0, 1});
  const auto loss = [&](const Tensor& w0, const Tensor& b0, const Tensor& w1, const Tensor& b1) {
    const Tensor numbers[] = {w0, b0, w1, b1};
    const Bound bound(parameters, numbers);
    return cross_entropy(net(x), y);
  };
  const TensorFunction f = value_and_grad(record(loss, parameters[0].value(), parameters[1].value(),
                                                 parameters[2].value(), parameters[3].value()));
  const TensorKernel kernel = compile(f);
  for (int round = 0; round < 2; ++round) {
    std::vector<Tensor> numbers;
    for (const ParameterRef& parameter : parameters) numbers.push_back(parameter.value());
    const Frame frame = Tape::active().frame();
    const Tensor value = cross_entropy(net(x), y);
    const auto slopes = gradient(value, net.leaves());
    const auto replayed = f(std::span<const Tensor>(numbers)),
               compiled = kernel(std::span<const Tensor>(numbers));
    ASSERT_EQ(replayed.size(), 5U);
    expect_near(replayed[0], value.detached());
    expect_near(compiled[0], value.detached());
    for (std::size_t k = 0; k < 4; ++k) {
      expect_near(replayed[k + 1], slopes[k]);
      expect_near(compiled[k + 1], slopes[k]);
    }
    for (const ParameterRef& p : parameters) p.assign(randn(p.value().shape(), random));
  }
}

TEST(Transforms, a_compiled_sequence_forgets_what_an_earlier_run_kept) {
  Random random(2);
  const LSTM net(2, 3, random);
  const auto loss = [&](const Tensor& x, const Tensor& weight) {
    const Tensor none = zeros({2, 3});
    const Tensor states = lstm(x, {none, none}, net.weight_ih.value(), weight, net.bias.value());
    return sum(states * states);
  };
  const Tensor weight = net.weight_hh.value();
  const TensorFunction f = value_and_grad(record(loss, zeros({4, 2, 2}), weight));
  const TensorKernel kernel = compile(f);
  for (int round = 0; round < 3; ++round) {
    const Tensor x = randn({4, 2, 2}, random), w = randn(weight.shape(), random);
    const Frame frame = Tape::active().frame();
    const Tensor leaf = variable(x), weight_leaf = variable(w);
    const auto slopes = gradient(loss(leaf, weight_leaf), {leaf, weight_leaf});
    const auto replayed = f(x, w), compiled = kernel(x, w);
    for (std::size_t k = 0; k < 2; ++k) {
      expect_near(replayed[k + 1], slopes[k]);
      expect_near(compiled[k + 1], slopes[k]);
    }
  }
}

TEST(Transforms, a_net_mapped_over_examples_is_the_net_of_the_batch) {
  Random random(3);
  MLP net({3, 4, 2}, Op::tanh, random);
  MultiHeadAttention heads(4, 2, random);
  LSTM lstm_net(2, 3, random);
  net.mode(Mode::evaluation);
  heads.mode(Mode::evaluation);
  lstm_net.mode(Mode::evaluation);
  const Tensor x = randn({5, 3}, random);
  expect_near(vmap([&](const Tensor& row) { return net(row); })(x), net(x));
  const Tensor tokens = randn({3, 2, 2, 4}, random);
  const Tensor flat = reshape(tokens, {6, 2, 4});
  expect_near(vmap([&](const Tensor& batch) { return heads(batch); })(tokens),
              reshape(heads(flat), {3, 2, 2, 4}));
  const Tensor sequences = randn({2, 3, 1, 2}, random);
  const Tensor one = lstm_net(pick(sequences, 0, 1)).outputs;
  const Tensor all =
      vmap([&](const Tensor& sequence) { return lstm_net(sequence).outputs; })(sequences);
  expect_near(pick(all, 0, 1), one);
}

TEST(Transforms, gradients_of_each_example_add_up_to_that_of_the_batch) {
  Random random(4);
  const Tensor x = randn({5, 3}, random), w = randn({2, 3}, random), b = randn({2}, random);
  const auto loss_of = [&](const Tensor& weight, const Tensor& row) {
    const Linear linear(zeros({2, 3}), b);
    const Bound bound(std::vector<ParameterRef>{linear.weight, *linear.bias},
                      std::vector<Tensor>{weight, b});
    const Tensor y = linear(row);
    return sum(y * y);
  };
  const auto slope_of = [&](const Tensor& row) { return grad(loss_of)(w, row); };
  const Tensor each = vmap(slope_of)(x);
  EXPECT_EQ(each.shape(), (Shape{5, 2, 3}));
  expect_near(sum(each, 0), grad(loss_of)(w, x));
  expect_near(pick(each, 0, 2), grad(loss_of)(w, pick(x, 0, 2)));
}

}  // namespace
}  // namespace chainrule::nn
