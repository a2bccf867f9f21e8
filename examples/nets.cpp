// Nets, in the order of docs/nets.md: a module, its parts, a loop of training that keeps the best
// net, files, what a loop goes on from, second derivatives of a loss.
#include <chainrule/nn/nn.hpp>
#include <fstream>
#include <iostream>

using namespace chainrule;
using std::cout;

struct Net : nn::Module {
  nn::Linear hidden, out;
  nn::Dropout dropout;

  explicit Net(Random& random)
      : hidden(2, 32, random, {.gain = nn::gain(Op::relu)}),
        out(32, 2, random),
        dropout(0.1, random) {}
  void parts(nn::Parts& part) override {
    part("hidden", hidden);
    part("out", out);
    part("dropout", dropout);
  }
  Tensor operator()(const Tensor& x) const { return out(dropout(relu(hidden(x)))); }
};

// A layer of one's own: what is learned is a Parameter, which stands in formulas as a tensor does.
struct Gated : nn::Module {
  nn::Parameter gate;

  explicit Gated(std::int64_t width) : gate(zeros({width})) {}
  void parts(nn::Parts& part) override { part("gate", gate); }
  Tensor operator()(const Tensor& x) const { return x * sigmoid(gate); }
};

void names() {
  Random random(1);
  Net net(random);
  for (const auto& [name, parameter] : net.named_parameters()) {
    cout << name << ' ' << to_string(parameter.value().shape()) << '\n';
  }
  nn::Sequential stack(nn::Linear(2, 8, random), Op::tanh, Gated(8), nn::LayerNorm(8));
  for (const auto& [name, parameter] : stack.named_parameters()) cout << name << ' ';
  cout << stack.parameter_count() << '\n';
  net.out.weight.assign(nn::orthogonal({2, 32}, random));  // begins with other numbers
}

double accuracy(const Net& net, const nn::DataSet& data) {
  return mean(argmax(net(data.inputs), 1) == data.targets).item();
}

// Trains, and gives the net that did best on the rows it was not trained on.
Net trained(Net net, const nn::DataSet& data, Random& random) {
  const auto [train, validation] = data.split(0.8);
  nn::AdamW adam(net.parameters(), {.weight_decay = 1e-3});
  adam.clip.norm = 1.0;
  const nn::Schedule rate = nn::cosine(2e-2, 1000).after_warm_up(50);

  Net best = net;
  double most = 0;
  for (int epoch = 0; epoch < 40; ++epoch) {
    for (const nn::DataSet& batch : train.shuffled(random).batches(32)) {
      adam.rate = rate(adam.steps());
      adam.step([&] { return cross_entropy(net(batch.inputs), batch.targets); });
    }
    net.mode(nn::Mode::evaluation);
    if (const double right = accuracy(net, validation); right > most) {
      most = right;
      best = net;
    }
    net.mode(nn::Mode::training);
  }
  return best;
}

// One step with nothing hidden.
void by_hand(const nn::DataSet& data) {
  Random random(2);
  const nn::MLP net({2, 8, 2}, Op::tanh, random);
  nn::SGD sgd(net.parameters(), {.rate = 0.1});

  const Frame frame = Tape::active().frame();
  const Tensor loss = cross_entropy(net(data.inputs), data.targets);
  std::vector<Tensor> gradients = gradient(loss, net.leaves());
  nn::clip_norm(gradients, 1.0);
  sgd.step(gradients);

  const Tensor now = cross_entropy(net(data.inputs), data.targets);
  cout << "by hand: " << (now.item() < loss.item() ? "lower" : "no better") << '\n';
}

void tables() {
  std::ofstream("flowers.csv") << "length,width,kind\n5.1,3.5,0\n7,3.2,1\n6.3,3.3,1\n";
  const nn::DataSet data = nn::classification(nn::read_csv("flowers.csv"), "kind");
  cout << data.inputs << ' ' << data.targets << '\n';
}

// The same by the trainer, which a person can watch.
void fitted(const nn::DataSet& data) {
  struct Watching : nn::Observer {
    void after_epoch(const nn::Trainer& trainer) override {
      if (trainer.epochs() % 20 == 0) cout << "epoch " << trainer.epochs() << '\n';
    }
  } watching;
  Random random(4);
  nn::MLP net({2, 32, 2}, Op::tanh, random);
  nn::Adam adam(net.parameters(), {.rate = 1e-2});
  const auto loss = [](const Tensor& y, const Tensor& t) { return cross_entropy(y, t); };
  const nn::Fitted run = nn::fit(net, loss, adam, nn::hold_out(data, 0.2, random),
                                 {.epochs = 60, .score = nn::Score::accuracy}, watching);
  cout << "the best: " << (run.best().accuracy > 0.97 ? "good" : "bad") << '\n';
}

void saved(const Net& net) {
  nn::save_tensors("net.safetensors", net.state_dict());

  Random random(7);
  Net other(random);
  other.mode(nn::Mode::evaluation);
  other.load_state_dict(nn::load_tensors("net.safetensors").tensors);
  const Tensor x = tensor({{0.5, 0.25}});
  cout << "loaded: " << (other(x).values() == net(x).values() ? "the same" : "another") << '\n';

  try {
    nn::MLP({2, 16, 2}, Op::relu, random).load_state_dict(net.state_dict());
  } catch (const Error& error) {
    cout << error.what() << '\n';
  }
}

// A run of ten steps equals one of five, saved, and five more by others.
void resumed(const nn::DataSet& data) {
  const auto steps = [&](Net& net, nn::Adam& adam, int count) {
    for (int k = 0; k < count; ++k) {
      adam.step([&] { return cross_entropy(net(data.inputs), data.targets); });
    }
  };
  Random random(3);
  Net net(random);
  nn::Adam adam(net.parameters());
  steps(net, adam, 5);
  const Net kept = net;  // its numbers, and where its dropout's random numbers are
  const nn::StateDict state = adam.state();
  steps(net, adam, 5);

  Net again = kept;
  nn::Adam other(again.parameters());
  other.load_state(state);
  steps(again, other, 5);
  const bool is_same = net.out.weight.value().values() == again.out.weight.value().values();
  cout << "resumed: " << (is_same ? "bit for bit" : "not the same") << '\n';
}

void second_derivatives(const nn::DataSet& data) {
  Random random(5);
  const nn::MLP net({2, 3, 2}, Op::tanh, random);
  const std::vector<nn::ParameterRef> parameters = net.parameters();
  const auto loss_at = [&](const Tensor& bias) {
    std::vector<Tensor> numbers;
    for (const nn::ParameterRef& p : parameters) numbers.push_back(p.value());
    numbers.back() = bias;
    const nn::Bound bound(parameters, numbers);  // each parameter is the tensor beside it
    return cross_entropy(net(data.inputs), data.targets);
  };
  // What is added to both scores changes nothing: the rows of the Hessian add up to 0.
  const Tensor h = hessian(loss_at)(parameters.back().value());
  cout << "curvature " << (h.at({0, 0}) > 0 ? "above" : "below") << " 0, sum of a row "
       << (std::abs(sum(h(0)).item()) < 1e-12 ? "0" : "not 0") << '\n';
}

int main() {
  names();
  tables();
  Random random(1);
  const nn::DataSet data = nn::moons(500, 0.15, random);
  const Net best = trained(Net(random), data, random);
  fitted(data);
  by_hand(data);
  saved(best);
  resumed(data);
  second_derivatives(data);
  const double right = accuracy(best, data);
  cout << (right > 0.97 ? "more" : "less") << " than 97 % right\n";
  return right > 0.97 ? 0 : 1;
}
