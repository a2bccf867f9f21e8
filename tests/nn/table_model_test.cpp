// A model of a table: what it standardises by, what it says, and what becomes of it in a file.
#include "chainrule/nn/table_model.hpp"

#include <gtest/gtest.h>

#include "chainrule/tape/tape.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "tests/support/scratch.hpp"

namespace chainrule::nn {
namespace {

using test::error_of;
using Numbers = std::vector<double>;

// 10 x + 100 y in all; standardised by hand.
TableModel line() {
  Random random(1);
  const std::int64_t sizes[] = {2, 1};
  TableModel model{{"x", "y"},
                   "z",
                   {},
                   {tensor({1, 2}), tensor({2, 4})},
                   {tensor({210}), tensor({20})},
                   MLP(sizes, Op::relu, random)};
  // z = 210 + 20 (u + 20 v), x = 1 + 2 u, y = 2 + 4 v.
  model.net.layers[0].weight.assign(tensor({{1, 20}}));
  model.net.layers[0].bias->assign(tensor({0}));
  return model;
}

TEST(Standard, shifts_and_scales_each_column) {
  const Tensor rows = tensor({{1, 10, 5}, {3, 30, 5}, {5, 50, 5}});
  const Standard standard = Standard::of(rows);
  EXPECT_EQ(standard.mean.values(), (Numbers{3, 30, 5}));
  const double d = std::sqrt(8.0 / 3.0);  // of −2, 0 and 2
  EXPECT_NEAR(standard.deviation.at({0}), d, 1e-15);
  EXPECT_NEAR(standard.deviation.at({1}), 10 * d, 1e-14);
  EXPECT_EQ(standard.deviation.at({2}), 1.0);  // all are equal
  EXPECT_NEAR(standard(rows).at({0, 1}), -2 / d, 1e-15);
  EXPECT_EQ(standard(rows).at({0, 2}), 0.0);
  const Numbers back = standard.inverse(standard(rows)).values();
  for (std::size_t k = 0; k < back.size(); ++k) EXPECT_NEAR(back[k], rows.values()[k], 1e-14);
}

TEST(TableModel, predicts_in_the_units_of_the_table) {
  const TableModel model = line();
  for (const auto& [x, y] : {std::pair{0.0, 0.0}, {1.0, 2.0}, {-3.0, 0.5}}) {
    EXPECT_NEAR(model.predict(tensor({{x, y}})).item(), 10 * x + 100 * y, 1e-12);
  }
  EXPECT_TRUE(model.hidden().empty());
  EXPECT_FALSE(model.is_classifier());
}

TEST(TableModel, records_nothing_though_its_net_is_in_training) {
  const TableModel model = line();
  ASSERT_EQ(model.net.mode(), Mode::training);
  Tape tape;
  const chainrule::Activation active = tape.activate();
  const std::size_t before = tape.size();
  EXPECT_FALSE(model.scores(tensor({{0, 0}})).is_recorded());
  EXPECT_EQ(tape.size(), before);
}

TEST(TableModel, comes_back_from_a_file) {
  const test::Scratch scratch;
  const TableModel model = line();
  SavedTensors saved{model.net.state_dict(), {}};
  model.describe(saved);
  save_tensors(scratch / "model", saved.tensors, saved.metadata);
  const TableModel loaded = TableModel::load(scratch / "model");
  EXPECT_EQ(loaded.inputs, model.inputs);
  EXPECT_EQ(loaded.target, "z");
  EXPECT_EQ(loaded.net.activation.op(), Op::relu);
  EXPECT_EQ(loaded.net.mode(), Mode::evaluation);
  EXPECT_EQ(loaded.predict(tensor({{4, 5}})).item(), model.predict(tensor({{4, 5}})).item());
}

TEST(TableModel, names_that_are_no_text_cannot_be_saved) {
  TableModel model = line();
  model.inputs[0] = "caf\xE9";
  SavedTensors saved;
  EXPECT_EQ(error_of([&] { model.describe(saved); }),
            "[model] the name of a column or of a class is no UTF-8, and cannot be saved");
}

}  // namespace
}  // namespace chainrule::nn
