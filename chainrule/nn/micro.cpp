#include "chainrule/nn/micro.hpp"

#include <cmath>
#include <string>

#include "chainrule/tape/tape.hpp"

namespace chainrule::nn::micro {

// ---- weight -----------------------------------------------------------------------------------

bool Weight::is_live() const {
  return !leaf_.is_number() && detail::active_recorder->live(ScalarAccess::stamp(leaf_));
}

const Scalar& Weight::scalar() const {
  Tape::active();
  if (!is_live()) leaf_ = variable(value_);
  return leaf_;
}

void Weight::assign(double value) {
  value_ = value;
  leaf_ = Scalar();
}

double Weight::grad() const { return is_live() ? leaf_.grad() : 0.0; }

// ---- what all have ----------------------------------------------------------------------------

std::vector<Scalar> Part::leaves() {
  std::vector<Scalar> all;
  for (const Weight* weight : parameters()) all.push_back(weight->scalar());
  return all;
}

void Part::zero_grad() { Tape::active().zero_grad(); }

void Part::step(double rate) {
  for (Weight* weight : parameters()) weight->assign(weight->value() - rate * weight->grad());
}

namespace {

template <class Parts>
std::vector<Weight*> parameters_of(Parts& parts) {
  std::vector<Weight*> all;
  for (auto& part : parts) {
    const std::vector<Weight*> own = part.parameters();
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

bool takes_one(Op op) {
  return info(op).arity == 1 || (info(op).arity == 2 && !std::isnan(usual_last_operand(op)));
}

}  // namespace

// ---- neuron, layer, net -----------------------------------------------------------------------

Neuron::Neuron(std::size_t inputs, Random& random, Op its_activation) : activation(its_activation) {
  if (!takes_one(activation)) {
    fail("neuron", std::string(info(activation).name) + " takes " +
                       std::to_string(info(activation).arity) +
                       " numbers: an activation is a function of one");
  }
  const Tensor first = random.uniform({static_cast<std::int64_t>(inputs)}, -1.0, 1.0);
  for (const double value : first.values()) weights.emplace_back(value);
}

Scalar Neuron::operator()(std::span<const Scalar> x) const {
  if (x.size() != weights.size()) {
    fail("neuron",
         std::to_string(x.size()) + " inputs for " + std::to_string(weights.size()) + " weights");
  }
  Scalar sum = bias;
  for (std::size_t k = 0; k < x.size(); ++k) sum += weights[k].scalar() * x[k];
  if (activation == Op::copy) return sum;
  const Scalar operands[] = {sum, usual_last_operand(activation)};
  return apply(activation, operands);
}

std::vector<Weight*> Neuron::parameters() {
  std::vector<Weight*> all;
  for (Weight& weight : weights) all.push_back(&weight);
  all.push_back(&bias);
  return all;
}

Layer::Layer(std::size_t inputs, std::size_t outputs, Random& random, Op activation) {
  for (std::size_t k = 0; k < outputs; ++k) neurons.emplace_back(inputs, random, activation);
}

std::vector<Scalar> Layer::operator()(std::span<const Scalar> x) const {
  std::vector<Scalar> y;
  y.reserve(neurons.size());
  for (const Neuron& neuron : neurons) y.push_back(neuron(x));
  return y;
}

std::vector<Weight*> Layer::parameters() { return parameters_of(neurons); }

MLP::MLP(std::size_t inputs, std::span<const std::size_t> outputs, Random& random, Op activation) {
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const bool is_last = k + 1 == outputs.size();
    layers.emplace_back(k == 0 ? inputs : outputs[k - 1], outputs[k], random,
                        is_last ? Op::copy : activation);
  }
}

std::vector<Scalar> MLP::operator()(std::span<const Scalar> x) const {
  std::vector<Scalar> y(x.begin(), x.end());
  for (const Layer& layer : layers) y = layer(y);
  return y;
}

std::vector<Weight*> MLP::parameters() { return parameters_of(layers); }

}  // namespace chainrule::nn::micro
