// chainrule predict: the rows of a table with what a model says of them.
#include <cmath>
#include <sstream>

#include "chainrule/nn/safetensors.hpp"
#include "chainrule/tensor/core.hpp"
#include "tests/cli/tool.hpp"

namespace chainrule::test {
namespace {

using Metadata = std::vector<std::pair<std::string, std::string>>;

// Models that are written down, so that what they say is known.
class Predict : public testing::Test {
 protected:
  // score of "no" = u, score of "yes" = v, u = (a − 1)/2, v = (b + 2)/4.
  static nn::SavedTensors classes() {
    return {{{"layers.0.weight", tensor({{1, 0}, {0, 1}})},
             {"layers.0.bias", tensor({0, 0})},
             {"inputs.mean", tensor({1, -2})},
             {"inputs.deviation", tensor({2, 4})}},
            {{"chainrule.model",
              R"({"inputs": ["a", "b"], "target": "t", "classes": ["no", "yes"],
                   "activation": "tanh"})"}}};
  }
  // 100 + 10 (3 tanh(2 x) + 0.5).
  static nn::SavedTensors numbers() {
    return {{{"layers.0.weight", tensor({{2}})},
             {"layers.0.bias", tensor({0})},
             {"layers.1.weight", tensor({{3}})},
             {"layers.1.bias", tensor({0.5})},
             {"inputs.mean", tensor({0})},
             {"inputs.deviation", tensor({1})},
             {"target.mean", tensor({100})},
             {"target.deviation", tensor({10})}},
            {{"chainrule.model",
              R"({"inputs": ["x"], "target": "y", "classes": [], "activation": "tanh"})"}}};
  }
  std::string saved(const nn::SavedTensors& model) const {
    nn::save_tensors(scratch_ / "model", model.tensors, model.metadata);
    return scratch_ / "model";
  }
  std::string table(const std::string& text) const { return scratch_.write("data.csv", text); }
  static std::string refusal(const std::string& model, const std::string& data) {
    const Outcome outcome = run({"predict", model, data});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  }

  Scratch scratch_;
};

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> all;
  std::istringstream text(line);
  for (std::string cell; std::getline(text, cell, ',');) all.push_back(cell);
  return all;
}

TEST_F(Predict, writes_each_row_with_its_class_and_the_probabilities) {
  const std::string model = saved(classes());
  const Outcome outcome = run({"predict", model, table("a,b\n3,-2\n1,6\n")});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  std::istringstream lines(outcome.out);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "a,b,prediction,p_no,p_yes");
  // u = 1, v = 0; then u = 0, v = 2: a softmax of two is the logistic function of the difference.
  const double differences[] = {1, -2};
  const char* expected[] = {"no", "yes"};
  for (std::size_t row = 0; row < 2; ++row) {
    std::getline(lines, line);
    const std::vector<std::string> found = cells(line);
    ASSERT_EQ(found.size(), 5U);
    EXPECT_EQ(found[2], expected[row]);
    const double p = 1 / (1 + std::exp(-differences[row]));
    EXPECT_NEAR(std::stod(found[3]), p, 1e-15);
    EXPECT_NEAR(std::stod(found[4]), 1 - p, 1e-15);
  }
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(Predict, writes_numbers_in_the_unit_of_the_target) {
  const std::string model = saved(numbers());
  const Outcome outcome = run({"predict", model, "-"}, "x\n0\n0.25\n");
  std::istringstream lines(outcome.out);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "x,prediction");
  std::getline(lines, line);
  EXPECT_EQ(line, "0,105");
  std::getline(lines, line);
  EXPECT_NEAR(std::stod(cells(line)[1]), 100 + 10 * (3 * std::tanh(0.5) + 0.5), 1e-12);
}

TEST_F(Predict, finds_columns_by_name_and_copies_the_others) {
  const std::string model = saved(classes());
  const std::string straight = run({"predict", model, table("a,b\n3,-2\n1,6\n")}).out;
  const std::string mixed =
      run({"predict", model, table("\"b\", name ,a\n-2,\"x, y\",3\n6,z,1\n")}).out;
  std::istringstream lines(mixed);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "\"b\", name ,a,prediction,p_no,p_yes");
  std::getline(lines, line);
  EXPECT_TRUE(line.starts_with("-2,\"x, y\",3,no,0.731058578630004"));
  std::getline(lines, line);
  EXPECT_EQ(line.substr(std::string("6,z,1,").size()),
            straight.substr(straight.find("1,6,") + 4, line.size() - 6));
}

TEST_F(Predict, rows_beyond_those_computed_at_once_are_the_same) {
  const std::string model = saved(numbers());
  std::string text = "x\n";
  for (int k = 0; k < 9'000; ++k) text += std::to_string(k % 10) + "\n";
  const std::string file = scratch_ / "out.csv";
  const Outcome outcome = run({"predict", model, table(text), "-o", file});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out + outcome.err, "");
  std::istringstream lines(contents(file));
  std::string line;
  std::getline(lines, line);
  std::vector<std::string> first;
  int rows = 0;
  for (; std::getline(lines, line); ++rows) {
    if (rows < 10) first.push_back(line);
    EXPECT_EQ(line, first[static_cast<std::size_t>(rows % 10)]);
  }
  EXPECT_EQ(rows, 9'000);
}

TEST_F(Predict, a_table_without_rows_stays_one) {
  EXPECT_EQ(run({"predict", saved(numbers()), table("x\n")}).out, "x,prediction\n");
}

TEST_F(Predict, names_of_classes_are_quoted_where_they_must_be) {
  nn::SavedTensors model = classes();
  model.metadata[0].second =
      R"({"inputs": ["a", "b"], "target": "t", "classes": ["a, b", "\""], "activation": "tanh"})";
  const Outcome outcome = run({"predict", saved(model), table("a,b\n3,-2\n")});
  EXPECT_TRUE(outcome.out.starts_with("a,b,prediction,\"p_a, b\",\"p_\"\"\"\n3,-2,\"a, b\",0.73"))
      << outcome.out;
}

TEST_F(Predict, says_what_is_wrong_with_a_table) {
  const std::string model = saved(classes());
  const std::string data = scratch_ / "data.csv";
  EXPECT_EQ(refusal(model, table("c,d\n1,2\n")),
            "chainrule predict: " + data + " lacks the columns a, b; it has c, d\n");
  EXPECT_EQ(refusal(model, table("a,c\n1,2\n")),
            "chainrule predict: " + data + " lacks the column b; it has a, c\n");
  EXPECT_EQ(refusal(model, table("a,b\n1,2\n1,x\n")),
            "chainrule predict: " + data + ": line 3, column 2 (b): 'x' is no number\n");
  EXPECT_EQ(
      refusal(model, table("a,b\n1,2\n1,nan\n")),
      "chainrule predict: " + data + ": row 2, column 'b': nan is nothing that a net can read\n");
  EXPECT_EQ(refusal(model, table("a,b,prediction\n1,2,3\n")),
            "chainrule predict: " + data +
                " has a column 'prediction' already, and the result would have two\n");
  EXPECT_EQ(run({"predict", model}).err,
            "chainrule predict: a model and a table are expected, as in: chainrule predict "
            "model.safetensors data.csv\n");
}

TEST_F(Predict, a_model_that_cannot_be_is_refused_by_name_and_reason) {
  const std::string data = table("a,b\n1,2\n");
  const std::string path = scratch_ / "model";
  const auto spoiled = [&](auto spoil) {
    nn::SavedTensors model = classes();
    spoil(model);
    const std::string said = refusal(saved(model), data), begin = "chainrule predict: " + path;
    EXPECT_TRUE(said.starts_with(begin)) << said;
    return said.substr(std::min(said.size(), begin.size()));
  };
  const auto described = [&](const std::string& text) {
    return spoiled([&](nn::SavedTensors& model) { model.metadata[0].second = text; });
  };
  const auto with = [&](const std::string& name, const Tensor& numbers) {
    return spoiled([&](nn::SavedTensors& model) {
      for (auto& [own, tensor] : model.tensors) {
        if (own == name) tensor = numbers;
      }
    });
  };
  const auto without = [&](const std::string& name) {
    return spoiled([&](nn::SavedTensors& model) {
      std::erase_if(model.tensors, [&](const auto& entry) { return entry.first == name; });
    });
  };
  const std::string is_none = " is no model of a table that can be read: ";
  EXPECT_EQ(spoiled([](nn::SavedTensors& model) { model.metadata.clear(); }),
            " holds tensors, but no model of a table: it lacks the metadata 'chainrule.model'\n");
  EXPECT_EQ(described("{"), is_none + "the metadata 'chainrule.model' is no JSON object\n");
  EXPECT_EQ(described("[]"), is_none + "the metadata 'chainrule.model' is no JSON object\n");
  EXPECT_EQ(described("{}"), is_none + "its inputs is no list of texts\n");
  EXPECT_EQ(described(R"({"inputs": ["a", 2]})"), is_none + "its inputs is no list of texts\n");
  EXPECT_EQ(described(R"({"inputs": ["a", "a"]})"), is_none + "its inputs has 'a' twice\n");
  EXPECT_EQ(described(R"({"inputs": ["a", "b"], "classes": ["x"]})"),
            is_none + "it has one class only\n");
  EXPECT_EQ(described(R"({"inputs": [], "classes": []})"), is_none + "it has no inputs\n");
  EXPECT_EQ(described(R"({"inputs": ["a", "b"], "classes": ["x", "y"], "activation": "step"})"),
            is_none + "there is no activation 'step'\n");
  EXPECT_EQ(
      described(R"({"inputs": ["a", "b"], "classes": ["x", "y", "z"], "activation": "tanh"})"),
      is_none + "the net gives 2 numbers, but 3 are expected\n");
  EXPECT_EQ(
      described(R"({"inputs": ["a", "b", "c"], "classes": ["x", "y"], "activation": "tanh"})"),
      is_none + "the tensor 'layers.0.weight' has the shape (2,2), but it reads 3 numbers\n");
  EXPECT_EQ(without("layers.0.weight"), is_none + "it lacks the tensor 'layers.0.weight'\n");
  EXPECT_EQ(without("layers.0.bias"), is_none + "it lacks the tensor 'layers.0.bias'\n");
  EXPECT_EQ(without("inputs.mean"), is_none + "it lacks the tensor 'inputs.mean'\n");
  EXPECT_EQ(with("layers.0.bias", tensor({1, 2, 3})),
            is_none + "the tensor 'layers.0.bias' has the shape (3,), but (2,) is expected\n");
  EXPECT_EQ(with("inputs.deviation", tensor({1, 0})),
            is_none + "the tensor 'inputs.deviation' holds 0\n");
  EXPECT_EQ(with("layers.0.weight", tensor({{1, NAN}, {0, 1}})),
            is_none + "the tensor 'layers.0.weight' holds nan\n");
  EXPECT_EQ(with("layers.0.bias", tensor({0, HUGE_VAL})),
            is_none + "the tensor 'layers.0.bias' holds inf\n");
  EXPECT_EQ(with("layers.0.bias", zeros({2}, f32)),
            is_none + "of another type: layers.0.bias is f64(2,) and got f32(2,)\n");

  const std::string whole = contents(saved(classes()));
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() - 1}) {
    const std::string said = refusal(scratch_.write("model", whole.substr(0, size)), data);
    EXPECT_TRUE(said.starts_with("chainrule predict: " + path + ": ")) << said;
  }
  EXPECT_EQ(refusal(scratch_ / "nowhere", data),
            "chainrule predict: " + (scratch_ / "nowhere") +
                " cannot be read: No such file or directory\n");
}

TEST_F(Predict, floats_are_read_as_well) {
  nn::SavedTensors model = numbers();
  for (auto& [name, numbers] : model.tensors) {
    if (!name.starts_with("layers")) continue;
    std::vector<float> narrow;
    for (const double x : numbers.values()) narrow.push_back(static_cast<float>(x));
    numbers = tensor(narrow, numbers.shape());
  }
  const Outcome outcome = run({"predict", saved(model), table("x\n0\n")});
  EXPECT_EQ(outcome.out, "x,prediction\n0,105\n") << outcome.err;
}

}  // namespace
}  // namespace chainrule::test
