// Gradients of nets with the same numbers, by chainrule and by libtorch: the largest difference,
// relative to the largest gradient of a parameter.
#include <torch/torch.h>

#include <algorithm>
#include <cstdio>

#include "chainrule/nn/attention.hpp"
#include "chainrule/nn/layers.hpp"
#include "chainrule/nn/recurrent.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/loss.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace bench {
namespace {

using chainrule::f32;
using chainrule::Tensor;

torch::Tensor to_torch(const Tensor& t) {
  const Tensor plain = chainrule::contiguous(t.detached());
  std::vector<std::int64_t> sizes(plain.shape().begin(), plain.shape().end());
  return torch::from_blob(const_cast<float*>(plain.span<float>().data()), sizes).clone();
}

double difference(const Tensor& ours, const torch::Tensor& theirs) {
  const Tensor plain = chainrule::contiguous(ours);
  const auto mine = plain.span<float>();
  const torch::Tensor other = theirs.contiguous();
  double most = 0, largest = 0;
  for (std::size_t k = 0; k < mine.size(); ++k) {
    const double y = static_cast<double>(other.data_ptr<float>()[k]);
    most = std::max(most, std::abs(static_cast<double>(mine[k]) - y));
    largest = std::max(largest, std::abs(y));
  }
  return most / std::max(largest, 1e-30);
}

bool report(const char* name, double worst) {
  std::printf("%-12s %.2e\n", name, worst);
  return worst <= 1e-5;
}

bool check_mlp(chainrule::Random& random) {
  chainrule::nn::MLP net({784, 128, 64, 10}, chainrule::Op::relu, random, f32);
  const Tensor x = chainrule::randn({32, 784}, random, f32);
  std::vector<double> classes;
  for (int k = 0; k < 32; ++k) classes.push_back(k % 10);
  const chainrule::Frame frame = chainrule::Tape::active().frame();
  const auto ours = chainrule::gradient(
      chainrule::cross_entropy(net(x), chainrule::tensor(classes)), net.leaves());
  std::vector<torch::Tensor> w;
  for (const auto& parameter : net.parameters())
    w.push_back(to_torch(parameter.value()).requires_grad_());
  torch::Tensor y = to_torch(x);
  for (std::size_t k = 0; k < 3; ++k) {
    y = torch::linear(y, w[2 * k], w[2 * k + 1]);
    if (k < 2) y = torch::relu(y);
  }
  torch::nn::functional::cross_entropy(y, torch::arange(32).remainder(10)).backward();
  double worst = 0;
  for (std::size_t k = 0; k < w.size(); ++k)
    worst = std::max(worst, difference(ours[k], w[k].grad()));
  return report("MLP", worst);
}

bool check_lstm(chainrule::Random& random) {
  chainrule::nn::LSTM net(32, 64, random, f32);
  const Tensor x = chainrule::randn({32, 8, 32}, random, f32);
  const Tensor weights = chainrule::randn({32, 8, 64}, random, f32);
  const chainrule::Frame frame = chainrule::Tape::active().frame();
  const auto ours = chainrule::gradient(chainrule::sum(net(x).outputs * weights), net.leaves());
  torch::nn::LSTM other(torch::nn::LSTMOptions(32, 64));
  {
    const torch::NoGradGuard guard;
    const auto p = other->named_parameters();
    p["weight_ih_l0"].copy_(to_torch(net.weight_ih.value()));
    p["weight_hh_l0"].copy_(to_torch(net.weight_hh.value()));
    p["bias_ih_l0"].copy_(to_torch(net.bias.value()));
    p["bias_hh_l0"].zero_();
  }
  (std::get<0>(other->forward(to_torch(x))) * to_torch(weights)).sum().backward();
  const auto p = other->named_parameters();
  const double worst = std::max({difference(ours[0], p["weight_ih_l0"].grad()),
                                 difference(ours[1], p["weight_hh_l0"].grad()),
                                 difference(ours[2], p["bias_ih_l0"].grad())});
  return report("LSTM", worst);
}

bool check_attention(chainrule::Random& random) {
  chainrule::nn::MultiHeadAttention net(64, 4, random, {.element = f32});
  const Tensor x = chainrule::randn({2, 64, 64}, random, f32);
  const Tensor weights = chainrule::randn({2, 64, 64}, random, f32);
  const chainrule::Frame frame = chainrule::Tape::active().frame();
  const auto ours = chainrule::gradient(chainrule::sum(net(x) * weights), net.leaves());
  torch::nn::MultiheadAttention other(torch::nn::MultiheadAttentionOptions(64, 4));
  {
    const torch::NoGradGuard guard;
    const auto p = other->named_parameters();
    p["in_proj_weight"].copy_(to_torch(net.in_proj_weight.value()));
    p["in_proj_bias"].copy_(to_torch(net.in_proj_bias.value()));
    p["out_proj.weight"].copy_(to_torch(net.out_proj.weight.value()));
    p["out_proj.bias"].copy_(to_torch(net.out_proj.bias->value()));
  }
  const torch::Tensor tokens = to_torch(x).transpose(0, 1).contiguous();
  (std::get<0>(other->forward(tokens, tokens, tokens)).transpose(0, 1) * to_torch(weights))
      .sum()
      .backward();
  const auto p = other->named_parameters();
  const double worst = std::max({difference(ours[0], p["in_proj_weight"].grad()),
                                 difference(ours[1], p["in_proj_bias"].grad()),
                                 difference(ours[2], p["out_proj.weight"].grad()),
                                 difference(ours[3], p["out_proj.bias"].grad())});
  return report("attention", worst);
}

}  // namespace

bool check_gradients() {
  chainrule::Random random(3);
  const bool mlp = check_mlp(random), lstm = check_lstm(random);
  return check_attention(random) && mlp && lstm;
}

}  // namespace bench
