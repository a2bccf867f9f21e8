#include "chainrule/nn/layers.hpp"

#include <cmath>
#include <string>

#include "chainrule/base/text.hpp"
#include "chainrule/nn/affine.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/index.hpp"
#include "chainrule/tensor/normalise.hpp"

namespace chainrule::nn {

// ---- linear -----------------------------------------------------------------------------------

namespace {

Tensor first_weight(std::int64_t in, std::int64_t out, Random& random, const LinearOptions& how) {
  if (in < 1 || out < 1) {
    fail("linear", "from " + std::to_string(in) + " to " + std::to_string(out) +
                       " numbers: at least one is needed on both sides");
  }
  return he_uniform({out, in}, random, how.gain, how.element);
}

}  // namespace

Linear::Linear(std::int64_t in, std::int64_t out, Random& random, const LinearOptions& options)
    : weight(first_weight(in, out, random, options)) {
  if (options.bias == Bias::zero) bias.emplace(zeros({out}, options.element));
}

Linear::Linear(const Tensor& weight_numbers) : weight(weight_numbers) {
  if (weight_numbers.rank() != 2) {
    fail("linear", "a weight of shape " + to_string(weight_numbers.shape()) + ": it is (out, in)");
  }
}

Linear::Linear(const Tensor& weight_numbers, const Tensor& bias_numbers) : Linear(weight_numbers) {
  if (bias_numbers.type() != TensorType{weight_numbers.element(), {outputs()}}) {
    fail("linear", "a bias of type " + to_string(bias_numbers.type()) + " for a weight of type " +
                       to_string(weight_numbers.type()));
  }
  bias.emplace(bias_numbers);
}

Tensor Linear::operator()(const Tensor& x) const {
  return bias ? affine(x, weight, *bias) : affine(x, weight);
}

void Linear::parts(Parts& part) {
  part("weight", weight);
  part("bias", bias);
}

// ---- activation -------------------------------------------------------------------------------

namespace {

bool takes_one(const OpInfo& row) {
  return row.arity == 1 || (row.arity == 2 && !std::isnan(usual_last_operand(row.op)));
}

Op op_named(std::string_view name) {
  const OpInfo* row = find_op(name);
  if (row != nullptr && takes_one(*row)) return row->op;
  std::string names;
  for (const OpInfo& other : kOps) {
    if (takes_one(other)) names += (names.empty() ? "" : ", ") + std::string(other.name);
  }
  fail("activation",
       "no function of one number is called " + std::string(name) + "; there are: " + names);
}

}  // namespace

Activation::Activation(Op op) : op_(op) {
  if (takes_one(info(op))) return;
  fail("activation", std::string(info(op).name) + " takes " + std::to_string(info(op).arity) +
                         " operands: an activation is a function of one");
}

Activation::Activation(std::string_view name) : op_(op_named(name)) {}

Tensor Activation::operator()(const Tensor& x) const {
  if (info(op_).arity == 1) return apply(op_, {&x, 1});
  const Tensor both[] = {x, Tensor(usual_last_operand(op_))};
  return apply(op_, both);
}

// ---- sequential -------------------------------------------------------------------------------

Sequential::Sequential(const Sequential& other) : Module(other) {
  for (const auto& stage : other.stages_) stages_.push_back(stage->copy());
}

Sequential& Sequential::operator=(const Sequential& other) {
  if (this == &other) return *this;
  // Stage by stage where it can be done, so that parameters keep their place.
  Module::operator=(other);
  stages_.resize(other.stages_.size());
  for (std::size_t k = 0; k < stages_.size(); ++k) {
    if (stages_[k] == nullptr || !stages_[k]->take(*other.stages_[k])) {
      stages_[k] = other.stages_[k]->copy();
    }
  }
  return *this;
}

Tensor Sequential::operator()(const Tensor& x) const {
  Tensor y = x;
  for (const auto& stage : stages_) y = stage->apply(y);
  return y;
}

void Sequential::parts(Parts& part) {
  for (std::size_t k = 0; k < stages_.size(); ++k) {
    if (Module* module = stages_[k]->module()) part(std::to_string(k), *module);
  }
}

// ---- mlp --------------------------------------------------------------------------------------

MLP::MLP(std::span<const std::int64_t> sizes, Op between, Random& random, Precision element)
    : activation(between) {
  if (sizes.size() < 2) {
    fail("mlp", std::to_string(sizes.size()) +
                    " sizes: those of the input and of the output are "
                    "needed at least");
  }
  for (std::size_t k = 0; k + 1 < sizes.size(); ++k) {
    const bool is_last = k + 2 == sizes.size();
    layers.emplace_back(sizes[k], sizes[k + 1], random,
                        LinearOptions{.gain = is_last ? 1.0 : gain(between), .element = element});
  }
}

Tensor MLP::operator()(const Tensor& x) const {
  Tensor y = layers[0](x);
  for (std::size_t k = 1; k < layers.size(); ++k) y = layers[k](activation(y));
  return y;
}

// ---- embedding, layer norm, dropout -----------------------------------------------------------

Embedding::Embedding(std::int64_t rows, std::int64_t width, Random& random, Precision element)
    : weight(random.normal({rows, width}, 0.0, 1.0, element)) {}

Tensor Embedding::operator()(const Tensor& rows) const { return embedding(weight, rows); }

LayerNorm::LayerNorm(std::int64_t width, double its_eps, Precision element)
    : weight(ones({width}, element)), bias(zeros({width}, element)), eps(its_eps) {}

Tensor LayerNorm::operator()(const Tensor& x) const { return layer_norm(x, weight, bias, eps); }

void LayerNorm::parts(Parts& part) {
  part("weight", weight);
  part("bias", bias);
}

Dropout::Dropout(double its_rate, Random& source) : rate(its_rate), random(source.bits()) {
  if (!(rate >= 0.0 && rate <= 1.0)) {
    fail("dropout", "a rate of " + shortest(rate) + ": it is a probability");
  }
}

Tensor Dropout::operator()(const Tensor& x) const {
  if (mode() == Mode::evaluation || rate == 0.0) return x;
  return dropout(x, rate, random.uniform(x.shape(), 0.0, 1.0, x.element()) >= rate);
}

}  // namespace chainrule::nn
