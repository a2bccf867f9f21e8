// Modules: names, copies, modes, states; parameters as leaves of the tape.
#include "chainrule/nn/module.hpp"

#include <gtest/gtest.h>

#include "chainrule/graph/function.hpp"
#include "chainrule/nn/layers.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace chainrule::nn {
namespace {

using Numbers = std::vector<double>;
using Names = std::vector<std::string>;

struct Net : Module {
  Linear hidden, out;
  explicit Net(Random& random) : hidden(2, 3, random), out(3, 1, random) {}
  void parts(Parts& part) override {
    part("hidden", hidden);
    part("out", out);
  }
  Tensor operator()(const Tensor& x) const { return out(tanh(hidden(x))); }
};

Net a_net(std::uint64_t seed = 1) {
  Random random(seed);
  return Net(random);
}

Names names_of(const Module& module) {
  Names names;
  for (const auto& [name, parameter] : module.named_parameters()) names.push_back(name);
  return names;
}

std::string message_of(const auto& code) {
  try {
    code();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Module, parameters_have_dotted_paths_in_the_order_of_the_parts) {
  const Net net = a_net();
  EXPECT_EQ(names_of(net), (Names{"hidden.weight", "hidden.bias", "out.weight", "out.bias"}));
  EXPECT_EQ(net.parameter_count(), 3 * 2 + 3 + 3 + 1);
}

TEST(Module, parts_of_lists_are_numbered_and_of_sequences_named_by_their_place) {
  Random random(1);
  const MLP mlp({2, 4, 4, 1}, Op::relu, random);
  EXPECT_EQ(names_of(mlp), (Names{"layers.0.weight", "layers.0.bias", "layers.1.weight",
                                  "layers.1.bias", "layers.2.weight", "layers.2.bias"}));
  const Sequential sequence(Linear(2, 4, random), Op::tanh, Linear(4, 1, random));
  EXPECT_EQ(names_of(sequence), (Names{"0.weight", "0.bias", "2.weight", "2.bias"}));
}

TEST(Module, a_parameter_that_occurs_twice_is_one) {
  struct Tied : Module {
    Parameter weight{tensor({1, 2, 3})};
    void parts(Parts& part) override {
      part("encoder", weight);
      part("decoder", weight);
    }
  };
  const Tied tied;
  EXPECT_EQ(names_of(tied), Names{"encoder"});
}

TEST(Module, a_copy_is_a_snapshot) {
  Net net = a_net();
  const Net snapshot = net;
  const Numbers before = net.out.weight.value().values();
  net.out.weight.assign(tensor({{1, 2, 3}}));
  EXPECT_EQ(snapshot.out.weight.value().values(), before);
  const ParameterRef weight = net.out.weight;
  net = snapshot;
  EXPECT_EQ(weight.value().values(), before);
  EXPECT_TRUE(weight.is_owned());
}

TEST(Module, assigning_a_copy_keeps_the_parameters_of_sequences_and_lists_in_place) {
  Random random(1);
  Sequential sequence(Linear(2, 4, random), Op::tanh, Linear(4, 1, random));
  MLP mlp({2, 3, 1}, Op::tanh, random);
  const Sequential other_sequence(Linear(2, 4, random), Op::tanh, Linear(4, 1, random));
  const MLP other_mlp({2, 3, 1}, Op::tanh, random);
  const auto in_sequence = sequence.parameters(), in_mlp = mlp.parameters();
  sequence = other_sequence;
  mlp = other_mlp;
  EXPECT_EQ(sequence.parameters(), in_sequence);
  EXPECT_EQ(mlp.parameters(), in_mlp);
  EXPECT_EQ(in_sequence[2].value().values(), other_sequence.parameters()[2].value().values());
}

TEST(Module, what_was_replaced_is_no_longer_owned) {
  Random random(1);
  MLP mlp({2, 3, 1}, Op::tanh, random);
  const auto old = mlp.parameters();
  mlp.layers.clear();
  EXPECT_FALSE(old[0].is_owned());
}

TEST(Module, a_parameter_is_one_leaf_in_a_frame_and_another_in_the_next) {
  const Parameter weight(tensor({2, 3}));
  {
    const Frame frame = Tape::active().frame();
    const Tensor leaf = weight;
    const std::size_t rows = Tape::active().size();
    static_cast<void>(weight.tensor());
    EXPECT_EQ(Tape::active().size(), rows);
    const auto slopes = gradient(sum(weight.tensor() * weight.tensor()), {leaf});
    EXPECT_EQ(slopes[0].values(), (Numbers{4, 6}));
  }
  const Frame frame = Tape::active().frame();
  const Tensor leaf = weight;
  EXPECT_EQ(gradient(sum(leaf * 3.0), {leaf})[0].values(), (Numbers{3, 3}));
}

TEST(Module, parameters_stand_in_formulas_and_are_differentiated_by) {
  const Frame frame = Tape::active().frame();
  const Parameter gain(tensor({2, 3})), shift(tensor({1, 1}));
  const Tensor y = sum(tanh(gain) * 0.0 + gain * gain + shift * 5.0);
  EXPECT_EQ(y.item(), 4 + 9 + 10);
  const auto slopes = gradient(y, {gain, shift});
  EXPECT_EQ(slopes[0].values(), (Numbers{4, 6}));
  EXPECT_EQ(slopes[1].values(), (Numbers{5, 5}));
}

TEST(Module, new_numbers_are_a_new_leaf_and_the_old_one_keeps_its_own) {
  const Frame frame = Tape::active().frame();
  const Parameter weight(tensor({2, 3}));
  const Tensor old = weight.tensor() * weight.tensor();
  const Tensor leaf = weight;
  weight.assign(tensor({5, 7}));
  EXPECT_EQ(weight.tensor().values(), (Numbers{5, 7}));
  EXPECT_EQ(gradient(sum(old), {leaf})[0].values(), (Numbers{4, 6}));
}

TEST(Module, in_evaluation_mode_nothing_is_recorded) {
  Net net = a_net();
  net.mode(Mode::evaluation);
  EXPECT_EQ(net.hidden.mode(), Mode::evaluation);
  const std::size_t rows = Tape::active().size();
  EXPECT_FALSE(net(tensor({{1, 2}})).is_recorded());
  EXPECT_EQ(Tape::active().size(), rows);
  net.mode(Mode::training);
  const Frame frame = Tape::active().frame();
  EXPECT_TRUE(net(tensor({{1, 2}})).is_recorded());
}

TEST(Module, leaves_are_what_the_net_was_computed_from) {
  const Frame frame = Tape::active().frame();
  const Net net = a_net();
  const Tensor y = sum(net(tensor({{1, 2}, {3, 4}})));
  const auto slopes = gradient(y, net.leaves());
  // The bias of the last layer is added once to each of two rows.
  EXPECT_EQ(slopes[3].values(), Numbers{2});
}

TEST(Module, a_loss_is_a_function_of_its_bound_parameters) {
  const Frame frame = Tape::active().frame();
  const Net net = a_net();
  std::vector<Tensor> numbers;
  for (const ParameterRef& parameter : net.parameters()) {
    numbers.push_back(variable(parameter.value() * 2.0));
  }
  const Tensor x = tensor({{1, 2}});
  Tensor bound_y;
  {
    const Bound bound(net.parameters(), numbers);
    bound_y = sum(net(x));
  }
  EXPECT_EQ(gradient(bound_y, numbers)[3].values(), Numbers{1});
  Net twice = net;
  for (const ParameterRef& parameter : twice.parameters()) {
    parameter.assign(parameter.value() * 2.0);
  }
  EXPECT_EQ(bound_y.values(), sum(twice(x)).values());
  EXPECT_NE(bound_y.values(), sum(net(x)).values());
  const auto too_few = [&] { const Bound bound(net.parameters(), std::span(numbers).first(2)); };
  EXPECT_THROW(too_few(), Error);
}

TEST(Module, a_parameter_read_where_its_derivative_would_be_lost_is_an_error) {
  const Frame frame = Tape::active().frame();
  const Parameter weight(tensor({2, 3}));
  const auto loses = [&] {
    record([&](const Scalar& s) { return s * weight.tensor().size(); }, 1.0);
  };
  EXPECT_NE(message_of(loses).find("its derivative would be lost"), std::string::npos)
      << message_of(loses);
}

TEST(Module, a_state_dict_goes_to_another_net) {
  const Net net = a_net(1);
  Net other = a_net(2);
  const Tensor x = tensor({{1, 2}});
  const Frame frame = Tape::active().frame();
  EXPECT_NE(net(x).values(), other(x).values());
  const ParameterRef weight = other.hidden.weight;
  other.load_state_dict(net.state_dict());
  EXPECT_EQ(net(x).values(), other(x).values());
  EXPECT_EQ(weight.value().values(), net.hidden.weight.value().values());
}

TEST(Module, a_state_that_does_not_fit_is_refused_in_one_error_that_names_all) {
  Net net = a_net();
  const StateDict before = net.state_dict();
  StateDict state = before;
  state[0].first = "hidden.weigth";
  state[1].second = zeros({4});
  state[3].second = zeros({1}, f32);
  const std::string message = message_of([&] { net.load_state_dict(state); });
  EXPECT_EQ(message,
            "[load_state_dict] missing: hidden.weight; unexpected: hidden.weigth; of another type: "
            "hidden.bias is f64(3,) and got f64(4,), out.bias is f64(1,) and got f32(1,)");
  EXPECT_EQ(net.out.weight.value().values(), before[2].second.values());
}

TEST(Module, converts_to_floats) {
  Net net = a_net();
  const Numbers before = net.out.weight.value().values();
  net.to(f32);
  for (const ParameterRef& parameter : net.parameters()) {
    EXPECT_EQ(parameter.value().element(), f32);
  }
  EXPECT_EQ(net.out.weight.value().values()[0], static_cast<double>(static_cast<float>(before[0])));
  net.mode(Mode::evaluation);
  EXPECT_EQ(net(tensor({{1, 2}}, f32)).element(), f32);
}

TEST(Module, refuses_recorded_numbers_and_those_of_another_type) {
  const Frame frame = Tape::active().frame();
  const Parameter weight(tensor({2, 3}));
  EXPECT_THROW(weight.assign(variable(tensor({2, 3}))), Error);
  EXPECT_THROW(weight.assign(tensor({2, 3, 4})), Error);
  EXPECT_THROW(weight.assign(tensor({2, 3}, f32)), Error);
  EXPECT_THROW(Parameter(variable(tensor({2, 3}))), Error);
}

}  // namespace
}  // namespace chainrule::nn
