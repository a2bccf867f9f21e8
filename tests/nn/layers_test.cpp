// Layers against plain loops and finite differences, at orders 1 and 2.
#include "chainrule/nn/layers.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "chainrule/nn/affine.hpp"
#include "chainrule/nn/attention.hpp"
#include "chainrule/nn/optimisers.hpp"
#include "chainrule/nn/recurrent.hpp"
#include "chainrule/tensor/index.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/loss.hpp"
#include "tests/support/tensor_laws.hpp"

namespace chainrule::nn {
namespace {

using laws::check_tensor_op;
using laws::TensorLaws;
using Numbers = std::vector<double>;
using Tensors = std::vector<Tensor>;

double sigmoid_of(double x) { return 1.0 / (1.0 + std::exp(-x)); }

void expect_near(const Tensor& found, const Numbers& expected, double tolerance = 1e-13) {
  const Numbers numbers = found.values();
  ASSERT_EQ(numbers.size(), expected.size());
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    EXPECT_NEAR(numbers[k], expected[k], tolerance) << "element " << k;
  }
}

/// The laws of a module as a function of its input and of all its parameters.
template <class Net>
::testing::AssertionResult check_layer(const Net& net, const Tensor& x, TensorLaws asked = {}) {
  std::vector<ParameterRef> parameters = net.parameters();
  Tensors inputs = {x};
  for (const ParameterRef& parameter : parameters) inputs.push_back(parameter.value());
  return check_tensor_op(
      [&net, parameters](const Tensors& at) -> Tensor {
        const Bound bound(parameters, std::span(at).subspan(1));
        return net(at[0]);
      },
      inputs, asked);
}

// ---- affine -----------------------------------------------------------------------------------

// Σⱼ xᵢⱼ wₖⱼ + bₖ.
Numbers affine_by_loops(const Tensor& x, const Tensor& w, const Tensor& b) {
  const auto in = static_cast<std::size_t>(w.size(1)), out = static_cast<std::size_t>(w.size(0));
  const Numbers xs = x.values(), ws = w.values(), bs = b.values();
  Numbers y;
  for (std::size_t i = 0; i < xs.size() / in; ++i) {
    for (std::size_t k = 0; k < out; ++k) {
      double sum = bs[k];
      for (std::size_t j = 0; j < in; ++j) sum += xs[i * in + j] * ws[k * in + j];
      y.push_back(sum);
    }
  }
  return y;
}

TEST(Affine, is_a_product_and_a_bias) {
  Random random(1);
  const Tensor w = randn({5, 3}, random), b = randn({5}, random);
  for (const Shape& shape : {Shape{3}, Shape{1, 3}, Shape{4, 3}, Shape{2, 4, 3}}) {
    const Tensor x = randn(shape, random);
    expect_near(affine(x, w, b), affine_by_loops(x, w, b));
    expect_near(affine(x, w), affine_by_loops(x, w, zeros({5})));
    EXPECT_EQ(affine(x, w, b).rank(), x.rank());
  }
}

TEST(Affine, obeys_the_laws_of_operations) {
  Random random(2);
  const Tensor w = randn({4, 3}, random), b = randn({4}, random);
  for (const Shape& shape : {Shape{3}, Shape{2, 3}, Shape{2, 2, 3}}) {
    EXPECT_TRUE(check_tensor_op([](const Tensor& x, const Tensor& weight,
                                   const Tensor& bias) { return affine(x, weight, bias); },
                                {randn(shape, random), w, b}));
  }
  EXPECT_TRUE(check_tensor_op([](const Tensor& x, const Tensor& weight,
                                 const Tensor& bias) { return affine(x, weight, bias); },
                              {randn({2, 3}, random), w, randn({2, 1}, random)}));
}

TEST(Affine, is_the_same_on_two_threads) {
  Random random(3);
  for (const Shape& shape : {Shape{300, 100}, Shape{20, 100}}) {
    const Tensor x = randn(shape, random), w = randn({1100, 100}, random),
                 b = randn({1100}, random);
    const Tensor one = affine(x, w, b);
    set_threads(2);
    const Tensor two = affine(x, w, b);
    set_threads(1);
    expect_near(two, one.values(), 1e-12);
  }
}

TEST(Affine, of_no_rows_and_of_no_columns) {
  EXPECT_EQ(affine(zeros({0, 3}), ones({2, 3}), ones({2})).shape(), (Shape{0, 2}));
  EXPECT_EQ(affine(zeros({2, 0}), ones({2, 0}), tensor({1, 2})).values(), (Numbers{1, 2, 1, 2}));
}

TEST(Affine, refuses_shapes_that_do_not_fit) {
  EXPECT_THROW(affine(ones({2, 3}), ones({3, 2})), Error);
  EXPECT_THROW(affine(ones({2, 3}), ones({4, 3}), ones({3})), Error);
  EXPECT_THROW(affine(ones({2, 3}), ones({4, 3}), ones({5, 2, 4})), Error);
}

// ---- linear, activation, sequential, mlp --------------------------------------------------------

TEST(Linear, has_the_values_and_slopes_of_its_formula) {
  Random random(4);
  const Linear linear(3, 2, random);
  EXPECT_EQ(linear.bias->value().values(), (Numbers{0, 0}));
  EXPECT_TRUE(check_layer(linear, randn({4, 3}, random)));
  const Linear given(tensor({{1, 2}, {3, 4}}), tensor({10, 20}));
  EXPECT_EQ(given(tensor({1, -1})).values(), (Numbers{9, 19}));
  EXPECT_EQ(Linear(3, 2, random, {.bias = Bias::none}).parameter_count(), 6);
  EXPECT_THROW(Linear(tensor({{1, 2}}), tensor({1, 2})), Error);
}

TEST(Activation, is_a_row_of_the_table) {
  const Tensor x = tensor({-1, 2});
  EXPECT_EQ(Activation(Op::relu)(x).values(), (Numbers{0, 2}));
  EXPECT_EQ(Activation("leaky_relu")(x).values(), (Numbers{-0.01, 2}));
  EXPECT_THROW(Activation{Op::add}, Error);
  EXPECT_THROW(Activation("softpuls"), Error);
}

TEST(Sequential, applies_one_stage_after_another) {
  const Linear first(tensor({{1, 1}}), tensor({-1}));
  const Sequential net(first, Op::relu, [](const Tensor& x) { return 10.0 * x; });
  EXPECT_EQ(net(tensor({{1, 2}, {0, 0}})).values(), (Numbers{20, 0}));
  EXPECT_EQ(net.size(), 3U);
}

TEST(MLP, has_the_values_and_slopes_of_its_formula) {
  Random random(5);
  const MLP net({3, 4, 2}, Op::tanh, random);
  const Tensor x = randn({5, 3}, random);
  const auto& [first, second] = std::tie(net.layers[0], net.layers[1]);
  const Tensor hidden =
      tensor(affine_by_loops(x, first.weight.value(), first.bias->value()), {5, 4});
  expect_near(net(x), affine_by_loops(tanh(hidden), second.weight.value(), second.bias->value()));
  EXPECT_TRUE(check_layer(net, x));
  EXPECT_THROW(MLP({3}, Op::tanh, random), Error);
}

// ---- initialisers -----------------------------------------------------------------------------

double deviation_of(const Tensor& t) {
  double square = 0;
  for (const double x : t.values()) square += x * x;
  return std::sqrt(square / static_cast<double>(t.size()));
}

TEST(Initialise, has_the_deviations_of_its_sources) {
  Random random(6);
  const Shape weight = {200, 300};  // out, in
  EXPECT_NEAR(deviation_of(xavier_normal(weight, random)), std::sqrt(2.0 / 500), 3e-4);
  EXPECT_NEAR(deviation_of(xavier_uniform(weight, random)), std::sqrt(2.0 / 500), 3e-4);
  EXPECT_NEAR(deviation_of(he_normal(weight, random, gain(Op::relu))), std::sqrt(2.0 / 300), 4e-4);
  EXPECT_NEAR(deviation_of(he_uniform(weight, random, 2.0)), 2 / std::sqrt(300.0), 4e-4);
  EXPECT_EQ(gain(Op::tanh), 5.0 / 3.0);
  const Tensor uniform = xavier_uniform(weight, random);
  for (const double x : uniform.values()) ASSERT_LE(std::fabs(x), std::sqrt(6.0 / 500));
  EXPECT_EQ(fans({8, 4, 3, 3}).in, 36);
  EXPECT_EQ(fans({8, 4, 3, 3}).out, 72);
  EXPECT_THROW(fans({8}), Error);
}

TEST(Initialise, orthogonal_rows_or_columns) {
  Random random(7);
  for (const Shape& shape : {Shape{4, 6}, Shape{6, 4}}) {
    const Tensor w = orthogonal(shape, random, 3.0);
    ASSERT_EQ(w.shape(), shape);
    const bool is_tall = shape[0] > shape[1];
    const Tensor product = is_tall ? matmul(transpose(w), w) : matmul(w, transpose(w));
    expect_near(product, (eye(4) * 9.0).values(), 1e-14);
  }
}

// ---- embedding, layer norm, dropout -------------------------------------------------------------

TEST(Embedding, looks_rows_up_and_adds_their_adjoints) {
  const Frame frame = Tape::active().frame();
  Random random(8);
  Embedding table(3, 2, random);
  table.weight.assign(tensor({{1, 2}, {3, 4}, {5, 6}}));
  const Tensor y = table(tensor({{2, 0}, {2, 2}}));
  EXPECT_EQ(y.shape(), (Shape{2, 2, 2}));
  EXPECT_EQ(y.values(), (Numbers{5, 6, 1, 2, 5, 6, 5, 6}));
  EXPECT_EQ(gradient(sum(y), table.leaves())[0].values(), (Numbers{1, 1, 0, 0, 3, 3}));
}

TEST(LayerNorm, shifts_and_scales_each_row) {
  Random random(9);
  LayerNorm norm(3);
  norm.weight.assign(tensor({1, 2, 3}));
  norm.bias.assign(tensor({0.5, 0, -1}));
  const Tensor x = tensor({{1, 2, 6}, {0, -1, 1}});
  Numbers expected;
  for (const Numbers& row : {Numbers{1, 2, 6}, Numbers{0, -1, 1}}) {
    const double mean = (row[0] + row[1] + row[2]) / 3;
    double variance = 0;
    for (const double v : row) variance += (v - mean) * (v - mean) / 3;
    const Numbers w = {1, 2, 3}, b = {0.5, 0, -1};
    for (std::size_t k = 0; k < 3; ++k)
      expected.push_back((row[k] - mean) / std::sqrt(variance + 1e-5) * w[k] + b[k]);
  }
  expect_near(norm(x), expected);
  EXPECT_TRUE(check_layer(norm, x));
}

TEST(Dropout, drops_that_share_and_scales_the_rest_in_training_only) {
  Random random(10);
  Dropout dropout(0.25, random);
  const Tensor x = ones({100, 100});
  const Tensor y = dropout(x);
  double dropped = 0;
  for (const double v : y.values()) {
    ASSERT_TRUE(v == 0.0 || v == 1 / 0.75) << v;
    dropped += v == 0.0;
  }
  EXPECT_NEAR(dropped / 1e4, 0.25, 0.02);
  EXPECT_NE(dropout(x).values(), y.values());
  dropout.mode(Mode::evaluation);
  EXPECT_EQ(dropout(x).values(), x.values());
  EXPECT_THROW(Dropout(1.5, random), Error);
}

TEST(Dropout, its_source_is_part_of_what_a_module_lists) {
  Random random(11);
  const Sequential net(Linear(4, 4, random), Dropout(0.5, random));
  const Parts parts = net.all_parts();
  ASSERT_EQ(parts.randoms.size(), 1U);
  EXPECT_EQ(parts.randoms[0].first, "1.random");
  const Random::State before = parts.randoms[0].second->state();
  const Tensor x = ones({8, 4});
  const Frame frame = Tape::active().frame();
  const Numbers y = net(x).values();
  *parts.randoms[0].second = Random(before);
  EXPECT_EQ(net(x).values(), y);
}

// ---- LSTM -------------------------------------------------------------------------------------

struct LSTMCase {
  Tensor x, h, c, weight_x, weight_h, bias;
  Tensors all() const { return {x, h, c, weight_x, weight_h, bias}; }
};

LSTMCase an_lstm(std::int64_t time, std::int64_t batch, std::int64_t in, std::int64_t hidden) {
  Random random(12);
  return {randn({time, batch, in}, random),    randn({batch, hidden}, random),
          randn({batch, hidden}, random),      randn({4 * hidden, in}, random),
          randn({4 * hidden, hidden}, random), randn({4 * hidden}, random)};
}

// (2, time + 1, batch, hidden), number by number.
Numbers lstm_by_loops(const LSTMCase& of) {
  const auto size = [](const Tensor& t, std::int64_t axis) {
    return static_cast<std::size_t>(t.size(axis));
  };
  const std::size_t time = size(of.x, 0), batch = size(of.x, 1), in = size(of.x, 2),
                    hidden = size(of.h, 1);
  const Numbers x = of.x.values(), wx = of.weight_x.values(), wh = of.weight_h.values(),
                bias = of.bias.values();
  Numbers h = of.h.values(), c = of.c.values();
  for (std::size_t t = 0; t < time; ++t) {
    for (std::size_t b = 0; b < batch; ++b) {
      const std::size_t before = (t * batch + b) * hidden;
      for (std::size_t j = 0; j < hidden; ++j) {
        double gate[4];
        for (std::size_t k = 0; k < 4; ++k) {
          const std::size_t row = k * hidden + j;
          gate[k] = bias[row];
          for (std::size_t i = 0; i < in; ++i)
            gate[k] += wx[row * in + i] * x[(t * batch + b) * in + i];
          for (std::size_t i = 0; i < hidden; ++i) gate[k] += wh[row * hidden + i] * h[before + i];
        }
        const double next =
            sigmoid_of(gate[1]) * c[before + j] + sigmoid_of(gate[0]) * std::tanh(gate[2]);
        c.push_back(next);
        h.push_back(sigmoid_of(gate[3]) * std::tanh(next));
      }
    }
  }
  h.insert(h.end(), c.begin(), c.end());
  return h;
}

const auto kRun = [](const Tensors& t) { return lstm(t[0], {t[1], t[2]}, t[3], t[4], t[5]); };

TEST(LSTM, has_the_values_of_its_formula) {
  for (const std::int64_t batch : {1, 3, 40}) {
    const LSTMCase of = an_lstm(5, batch, 2, 3);
    expect_near(kRun(of.all()), lstm_by_loops(of));
    expect_near(lstm_by_steps(of.x, {of.h, of.c}, of.weight_x, of.weight_h, of.bias),
                lstm_by_loops(of));
  }
}

TEST(LSTM, obeys_the_laws_of_operations) {
  EXPECT_TRUE(check_tensor_op(kRun, an_lstm(3, 2, 2, 2).all(), {.difference = 1e-6}));
  EXPECT_TRUE(check_tensor_op(kRun, an_lstm(2, 1, 1, 3).all(), {.orders = 1}));
}

TEST(LSTM, two_runs_of_one_size_keep_what_is_theirs) {
  const Frame frame = Tape::active().frame();
  const LSTMCase of = an_lstm(4, 2, 3, 3);
  const Tensor x = variable(of.x), other = variable(-0.5 * of.x);
  const auto run = [&](const Tensor& sequence) {
    return sum(lstm(sequence, {of.h, of.c}, of.weight_x, of.weight_h, of.bias));
  };
  const Tensor both = run(x) + run(other);
  const auto slopes = gradient(both, {x, other});
  EXPECT_EQ(slopes[0].values(), gradient(run(x), {x})[0].values());
  EXPECT_EQ(slopes[1].values(), gradient(run(other), {other})[0].values());
}

TEST(LSTM, gives_outputs_and_the_last_state) {
  Random random(13);
  const LSTM net(2, 3, random);
  net.bias.assign(randn({12}, random));
  const Tensor x = randn({4, 2, 2}, random);
  const LSTMOutput all = net(x);
  EXPECT_EQ(all.outputs.shape(), (Shape{4, 2, 3}));
  expect_near(pick(all.outputs, 0, 3), all.state.h.values());
  // In two parts, from where the first one stopped.
  const LSTMOutput first = net(slice(x, 0, {0, 1})), rest = net(slice(x, 0, {1}), first.state);
  expect_near(rest.outputs, slice(all.outputs, 0, {1}).values());
  expect_near(rest.state.c, all.state.c.values());
  EXPECT_TRUE(check_tensor_op([&](const Tensor& sequence) { return net(sequence).outputs; }, {x},
                              {.in_floats = 0}));
}

TEST(LSTM, of_no_steps_is_its_first_state) {
  const LSTMCase of = an_lstm(0, 2, 2, 2);
  Numbers expected = of.h.values();
  for (const double c : of.c.values()) expected.push_back(c);
  EXPECT_EQ(kRun(of.all()).values(), expected);
}

TEST(LSTM, refuses_shapes_that_do_not_fit) {
  for (std::size_t k = 0; k < 6; ++k) {
    Tensors operands = an_lstm(3, 2, 2, 2).all();
    operands[k] = ones({7, 5});
    EXPECT_THROW(kRun(operands), Error) << k;
  }
}

// ---- attention --------------------------------------------------------------------------------

// One head by loops: q, k, v (tokens, width).
Numbers attention_by_loops(const Tensor& q, const Tensor& k, const Tensor& v, Sight sight) {
  const auto width = static_cast<std::size_t>(q.size(1));
  const std::size_t rows = static_cast<std::size_t>(q.size(0));
  const std::size_t others = static_cast<std::size_t>(k.size(0));
  const Numbers qs = q.values(), ks = k.values(), vs = v.values();
  Numbers y(rows * width, 0.0);
  for (std::size_t i = 0; i < rows; ++i) {
    Numbers weight;
    double sum = 0;
    for (std::size_t j = 0; j < (sight == Sight::causal ? i + 1 : others); ++j) {
      double score = 0;
      for (std::size_t d = 0; d < width; ++d) score += qs[i * width + d] * ks[j * width + d];
      weight.push_back(std::exp(score / std::sqrt(static_cast<double>(width))));
      sum += weight.back();
    }
    for (std::size_t j = 0; j < weight.size(); ++j) {
      for (std::size_t d = 0; d < width; ++d)
        y[i * width + d] += weight[j] / sum * vs[j * width + d];
    }
  }
  return y;
}

TEST(Attention, is_a_mean_weighted_by_scores) {
  Random random(14);
  const Tensor q = randn({3, 2}, random), k = randn({4, 2}, random), v = randn({4, 2}, random);
  expect_near(attention(q, k, v), attention_by_loops(q, k, v, Sight::all));
  const Tensor below = tril(ones({4, 4})), q4 = randn({4, 2}, random);
  expect_near(attention(q4, k, v, below), attention_by_loops(q4, k, v, Sight::causal));
  EXPECT_TRUE(check_tensor_op(
      [](const Tensor& a, const Tensor& b, const Tensor& c) { return attention(a, b, c); },
      {q, k, v}));
  EXPECT_TRUE(check_tensor_op(
      [&](const Tensor& a, const Tensor& b, const Tensor& c) { return attention(a, b, c, below); },
      {q4, k, v}));
}

TEST(MultiHeadAttention, is_attention_head_by_head) {
  Random random(15);
  for (const Sight sight : {Sight::all, Sight::causal}) {
    const MultiHeadAttention net(6, 3, random, {.sight = sight});
    net.in_proj_bias.assign(randn({18}, random));
    net.out_proj.bias->assign(randn({6}, random));
    const Tensor x = randn({2, 4, 6}, random);
    Numbers expected;
    for (std::int64_t b = 0; b < 2; ++b) {
      const Tensor in = tensor(
          affine_by_loops(pick(x, 0, b), net.in_proj_weight.value(), net.in_proj_bias.value()),
          {4, 18});
      Tensor heads = zeros({4, 6});
      for (std::int64_t h = 0; h < 3; ++h) {
        const auto part = [&](std::int64_t of) {
          return slice(in, 1, {of * 6 + 2 * h, of * 6 + 2 * h + 2});
        };
        const Tensor own = tensor(attention_by_loops(part(0), part(1), part(2), sight), {4, 2});
        heads = heads + slice_into(own, {4, 6}, 1, {2 * h, 2 * h + 2});
      }
      const Numbers rows =
          affine_by_loops(heads, net.out_proj.weight.value(), net.out_proj.bias->value());
      expected.insert(expected.end(), rows.begin(), rows.end());
    }
    expect_near(net(x), expected, 1e-12);
    // Of a sequence to itself, told as to another one.
    if (sight == Sight::all) expect_near(net(x, x), expected, 1e-12);
  }
}

TEST(MultiHeadAttention, has_the_slopes_of_finite_differences) {
  Random random(16);
  const MultiHeadAttention net(4, 2, random, {.sight = Sight::causal});
  EXPECT_TRUE(check_layer(net, randn({1, 3, 4}, random), {.difference = 1e-6}));
  const MultiHeadAttention all(4, 2, random);
  EXPECT_TRUE(check_tensor_op([&](const Tensor& q, const Tensor& other) { return all(q, other); },
                              {randn({1, 2, 4}, random), randn({1, 3, 4}, random)},
                              {.in_floats = 0}));
  EXPECT_THROW(MultiHeadAttention(4, 3, random), Error);
}

TEST(TransformerBlock, has_the_slopes_of_finite_differences) {
  Random random(17);
  const TransformerBlock block(4, 2, random, {.sight = Sight::causal});
  EXPECT_TRUE(check_layer(block, randn({1, 3, 4}, random), {.orders = 1, .difference = 1e-6}));
  // What comes later changes nothing of what is causal.
  const Tensor x = randn({1, 4, 4}, random);
  const Tensor y = block(x), first = block(slice(x, 1, {0, 2}));
  expect_near(slice(y, 1, {0, 2}), first.values());
}

// ---- training ---------------------------------------------------------------------------------

struct Xor {
  Tensor x = tensor({{0, 0}, {0, 1}, {1, 0}, {1, 1}}), y = tensor({{0}, {1}, {1}, {0}});
};

TEST(Training, a_small_net_learns_xor) {
  const Xor data;
  Random random(18);
  const MLP net({2, 8, 1}, Op::tanh, random);
  Adam adam(net.parameters(), {.rate = 0.05});
  double loss = 1;
  for (int step = 0; step < 500; ++step) {
    const Frame frame = Tape::active().frame();
    loss = adam.step(binary_cross_entropy_with_logits(net(data.x), data.y));
  }
  EXPECT_LT(loss, 1e-2);
  adam.rate = 0.02;
  for (int step = 0; step < 1500; ++step) {
    loss = adam.step([&] { return binary_cross_entropy_with_logits(net(data.x), data.y); });
  }
  EXPECT_LT(loss, 1e-3);
}

std::size_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long total = 0, resident = 0;
  const int read = file == nullptr ? 0 : std::fscanf(file, "%lu %lu", &total, &resident);
  if (file != nullptr) std::fclose(file);
  return read == 2 ? resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

TEST(Training, memory_stays_flat_over_ten_thousand_steps) {
  Random random(19);
  const Sequential net(Linear(8, 16, random), Op::tanh, Dropout(0.1, random), LayerNorm(16),
                       Linear(16, 2, random));
  const LSTM lstm_net(4, 8, random);
  const Tensor x = randn({16, 8}, random),
               y = tensor({0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1});
  const Tensor sequence = randn({3, 2, 4}, random);
  std::vector<ParameterRef> all = net.parameters();
  for (const ParameterRef& parameter : lstm_net.parameters()) all.push_back(parameter);
  Adam adam(all);
  std::size_t before = 0;
  for (int step = 0; step < 10'000; ++step) {
    if (step == 200) before = resident_bytes();
    const Frame frame = Tape::active().frame();
    adam.step(cross_entropy(net(x), y) + mean(lstm_net(sequence).outputs));
  }
  if (CHAINRULE_TEST_SANITIZED) return;  // sanitizers keep what is freed
  ASSERT_GT(before, 0U);
  EXPECT_LT(resident_bytes(), before + (std::size_t{4} << 20));
}

}  // namespace
}  // namespace chainrule::nn
