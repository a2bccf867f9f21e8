// chainrule's own: eager on the tape, and compiled.
#include <memory>
#include <numeric>

#include "bench/tensors/work.hpp"
#include "chainrule/emit/kernel.hpp"
#include "chainrule/nn/attention.hpp"
#include "chainrule/nn/micro.hpp"
#include "chainrule/nn/optimisers.hpp"
#include "chainrule/nn/recurrent.hpp"
#include "chainrule/nn/synthetic.hpp"
#include "chainrule/tensor/compile.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/loss.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace bench {
namespace {

using namespace chainrule;

Random& source() {
  static Random random(1);
  return random;
}

template <class Optimiser>
Doing mlp_step(int batch) {
  struct State {
    nn::MLP net{{784, 128, 64, 10}, Op::relu, source(), f32};
    Optimiser optimiser{net.parameters(), {.rate = 1e-3}};
    Tensor x, y;
  };
  auto state = std::make_shared<State>();
  state->x = randn({batch, 784}, source(), f32);
  std::vector<double> classes;
  for (int k = 0; k < batch; ++k) classes.push_back(k % 10);
  state->y = tensor(classes);
  return [state] {
    state->optimiser.step([&] { return cross_entropy(state->net(state->x), state->y); });
  };
}

Doing lstm_step(int batch) {
  auto net = std::make_shared<nn::LSTM>(32, 64, source(), f32);
  const Tensor x = randn({32, batch, 32}, source(), f32);
  return [net, x] {
    const Frame frame = Tape::active().frame();
    const Tensor loss = sum((*net)(x).outputs);
    gradient(loss, net->leaves());
  };
}

Doing attention_step(int batch) {
  auto net = std::make_shared<nn::MultiHeadAttention>(64, 4, source(),
                                                      nn::AttentionOptions{.element = f32});
  const Tensor x = randn({batch, 64, 64}, source(), f32);
  return [net, x] {
    const Frame frame = Tape::active().frame();
    const Tensor input = variable(x);
    const Tensor loss = sum((*net)(input));
    std::vector<Tensor> by = net->leaves();
    by.push_back(input);
    gradient(loss, by);
  };
}

Tensor chain(const Tensor& x) {
  const Tensor a = tanh(x * 0.5 + 0.1);
  return sum(exp(-(a * a)) * sigmoid(x) + a);
}

Doing chain_eager() {
  const Tensor x = randn({1000000}, source(), f32);
  return [x] {
    const Frame frame = Tape::active().frame();
    const Tensor v = variable(x);
    gradient(chain(v), {v});
  };
}

Doing chain_compiled() {
  const Tensor x = randn({1000000}, source(), f32);
  auto kernel = std::make_shared<TensorKernel>(compile(value_and_grad(record(chain, x))));
  auto out = std::make_shared<std::vector<Tensor>>(2, Tensor());
  return [x, kernel, out] { kernel->run({&x, 1}, *out); };
}

constexpr int kSmall = 100;

Doing small(bool backward) {
  const Tensor x = randn({16}, source(), f32), w = randn({16}, source(), f32);
  return [x, w, backward] {
    const Frame frame = Tape::active().frame();
    const Tensor leaf = variable(w);
    Tensor y = x;
    for (int k = 0; k < kSmall; ++k) y = y * leaf;
    if (backward) vjp({&y, 1}, {&x, 1}, {&leaf, 1});
  };
}

struct Moons {
  nn::micro::MLP net{2, {16, 16, 1}, source(), Op::relu};
  std::vector<std::array<double, 2>> x;
  std::vector<double> y;
  Moons() {
    const nn::DataSet data = nn::moons(100, 0.1, source());
    const std::vector<double> inputs = data.inputs.values(), targets = data.targets.values();
    for (std::size_t k = 0; k < 100; ++k) {
      x.push_back({inputs[2 * k], inputs[2 * k + 1]});
      y.push_back(targets[k] > 0 ? 1.0 : -1.0);
    }
  }
};

// Hinge loss and weight decay, as micrograd's demonstration has them.
Doing moons_tape() {
  auto moons = std::make_shared<Moons>();
  return [moons] {
    const Frame frame = Tape::active().frame();
    Scalar loss = 0.0;
    for (std::size_t k = 0; k < moons->x.size(); ++k) {
      const Scalar score = moons->net({moons->x[k][0], moons->x[k][1]})[0];
      loss += relu(1.0 - moons->y[k] * score);
    }
    loss = loss / 100.0;
    for (nn::micro::Weight* weight : moons->net.parameters()) {
      const Scalar w = weight->scalar();
      loss += 1e-4 * w * w;
    }
    moons->net.zero_grad();
    loss.backward();
    moons->net.step(0.05);
  };
}

Doing moons_compiled(unsigned threads) {
  struct State {
    std::vector<double> weights, rows;
    std::shared_ptr<Kernel> kernel;
  };
  auto state = std::make_shared<State>();
  Moons moons;
  for (nn::micro::Weight* weight : moons.net.parameters())
    state->weights.push_back(weight->value());
  for (std::size_t k = 0; k < 100; ++k) {
    state->rows.insert(state->rows.end(), {moons.x[k][0], moons.x[k][1], moons.y[k]});
  }
  const auto loss = [](const std::vector<Scalar>& w, const std::vector<Scalar>& row) {
    std::vector<Scalar> x = {row[0], row[1]};
    std::size_t at = 0;
    for (const std::size_t outputs : {16, 16, 1}) {
      std::vector<Scalar> y;
      for (std::size_t j = 0; j < outputs; ++j) {
        Scalar sum = w[at + x.size()];
        for (std::size_t i = 0; i < x.size(); ++i) sum += w[at + i] * x[i];
        at += x.size() + 1;
        y.push_back(outputs == 1 ? sum : relu(sum));
      }
      x = y;
    }
    return relu(1.0 - row[2] * x[0]);
  };
  state->kernel = std::make_shared<Kernel>(
      compile(value_and_grad(record(loss, state->weights, std::vector<double>(3, 0.5)))));
  return [state, threads] {
    const std::vector<double> sums = state->kernel->sum(state->weights, state->rows, threads);
    for (std::size_t k = 0; k < state->weights.size(); ++k) {
      double& w = state->weights[k];
      w -= 0.05 * (sums[k + 1] / 100.0 + 2e-4 * w);
    }
  };
}

}  // namespace

Doing chainrule_doing(const Work& work, unsigned threads) {
  set_threads(threads);
  if (work.name == "mlp_sgd") return mlp_step<nn::SGD>(work.batch);
  if (work.name == "mlp_adam") return mlp_step<nn::Adam>(work.batch);
  if (work.name == "lstm") return lstm_step(work.batch);
  if (work.name == "attention") return attention_step(work.batch);
  if (work.name == "chain") return chain_eager();
  if (work.name == "small_forward") return small(false);
  if (work.name == "small_both") return small(true);
  if (work.name == "moons") return moons_tape();
  return {};
}

Doing chainrule_compiled_doing(const Work& work, unsigned threads) {
  set_threads(threads);
  if (work.name == "chain") return chain_compiled();
  if (work.name == "moons") return moons_compiled(threads);
  return {};
}

}  // namespace bench
