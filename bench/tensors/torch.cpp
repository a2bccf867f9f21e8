// The same in libtorch.
#include <torch/torch.h>

#include "bench/tensors/work.hpp"

namespace bench {
namespace {

struct Net : torch::nn::Module {
  torch::nn::Linear a{nullptr}, b{nullptr}, c{nullptr};
  Net() {
    a = register_module("a", torch::nn::Linear(784, 128));
    b = register_module("b", torch::nn::Linear(128, 64));
    c = register_module("c", torch::nn::Linear(64, 10));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    return c->forward(torch::relu(b->forward(torch::relu(a->forward(x)))));
  }
};

template <class Optimiser, class Options>
Doing mlp_step(int batch) {
  auto net = std::make_shared<Net>();
  auto optimiser = std::make_shared<Optimiser>(net->parameters(), Options(1e-3));
  const torch::Tensor x = torch::randn({batch, 784});
  const torch::Tensor y = torch::arange(batch).remainder(10);
  return [=] {
    optimiser->zero_grad();
    torch::nn::functional::cross_entropy(net->forward(x), y).backward();
    optimiser->step();
  };
}

Doing lstm_step(int batch) {
  auto net = std::make_shared<torch::nn::LSTM>(torch::nn::LSTMOptions(32, 64));
  const torch::Tensor x = torch::randn({32, batch, 32});
  return [=] {
    (*net)->zero_grad();
    std::get<0>((*net)->forward(x)).sum().backward();
  };
}

Doing attention_step(int batch) {
  auto net =
      std::make_shared<torch::nn::MultiheadAttention>(torch::nn::MultiheadAttentionOptions(64, 4));
  const torch::Tensor x = torch::randn({64, batch, 64}).requires_grad_();
  return [=]() mutable {
    (*net)->zero_grad();
    x.mutable_grad() = torch::Tensor();
    std::get<0>((*net)->forward(x, x, x)).sum().backward();
  };
}

Doing chain_step() {
  const torch::Tensor x = torch::randn({1000000}).requires_grad_();
  return [=]() mutable {
    x.mutable_grad() = torch::Tensor();
    const torch::Tensor a = torch::tanh(x * 0.5 + 0.1);
    (torch::exp(-(a * a)) * torch::sigmoid(x) + a).sum().backward();
  };
}

constexpr int kSmall = 100;

Doing small(bool backward) {
  const torch::Tensor x = torch::randn({16});
  const torch::Tensor w = torch::randn({16}).requires_grad_();
  return [=]() mutable {
    torch::Tensor y = x;
    for (int k = 0; k < kSmall; ++k) y = y * w;
    if (backward) {
      w.mutable_grad() = torch::Tensor();
      y.backward(x);
    }
  };
}

}  // namespace

Doing torch_doing(const Work& work, unsigned threads) {
  torch::set_num_threads(static_cast<int>(threads));
  torch::manual_seed(1);
  if (work.name == "mlp_sgd")
    return mlp_step<torch::optim::SGD, torch::optim::SGDOptions>(work.batch);
  if (work.name == "mlp_adam")
    return mlp_step<torch::optim::Adam, torch::optim::AdamOptions>(work.batch);
  if (work.name == "lstm") return lstm_step(work.batch);
  if (work.name == "attention") return attention_step(work.batch);
  if (work.name == "chain") return chain_step();
  if (work.name == "small_forward") return small(false);
  if (work.name == "small_both") return small(true);
  return {};
}

}  // namespace bench
