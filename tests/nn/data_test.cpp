// Data sets: tables, IDX files, rows and batches, and data that are made.
#include "chainrule/nn/data.hpp"

#include <map>
#include <numbers>

#include "chainrule/nn/synthetic.hpp"
#include "chainrule/tensor/body_internal.hpp"
#include "tests/support/scratch.hpp"

namespace chainrule::nn {
namespace {

using test::error_of;
using test::Scratch;
using Values = std::vector<double>;

bool shares_memory(const Tensor& a, const Tensor& b) {
  return TensorAccess::body(a).buffer == TensorAccess::body(b).buffer;
}

// ---- CSV --------------------------------------------------------------------------------------

class Csv : public ::testing::Test {
 protected:
  Table table(const std::string& text, Header header = Header::found) const {
    return read_csv(scratch.write("a.csv", text), header);
  }
  std::string refusal(const std::string& text, Header header = Header::found) const {
    const std::string path = scratch.write("a.csv", text);
    const std::string line = error_of([&] { read_csv(path, header); });
    const std::string head = "[table] " + path;
    return line.starts_with(head) ? line.substr(head.size()) : line;
  }
  Scratch scratch;
};

TEST_F(Csv, is_a_table_of_named_columns) {
  const Table t = table("x,\"the \"\"y\"\"\"\r\n1,2\r\n\"3\", -4.5e1 \r\n");
  EXPECT_EQ(t.columns, (std::vector<std::string>{"x", "the \"y\""}));
  EXPECT_EQ(t.numbers.type(), (TensorType{f64, {2, 2}}));
  EXPECT_EQ(t.numbers.values(), (Values{1, 2, 3, -45}));
  EXPECT_EQ(t.column("the \"y\""), 1U);
}

TEST_F(Csv, finds_out_whether_there_is_a_header) {
  const Table without = table("1,2\n3,4\n");
  EXPECT_EQ(without.columns, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(without.numbers.values(), (Values{1, 2, 3, 4}));
  EXPECT_EQ(table("\xEF\xBB\xBF"
                  "1,\"2\"\n")
                .numbers.values(),
            (Values{1, 2}));
  EXPECT_EQ(table("1,b\n3,4\n").columns, (std::vector<std::string>{"1", "b"}));
  EXPECT_EQ(table("1,2\n3,4\n", Header::required).numbers.values(), (Values{3, 4}));
  EXPECT_EQ(table("1,2\n3,4\n", Header::none).numbers.values(), (Values{1, 2, 3, 4}));
  EXPECT_EQ(table("x,y\n").numbers.shape(), (Shape{0, 2}));
}

TEST_F(Csv, cells_are_words_as_well) {
  const std::string path = scratch.write("t.csv", "a,b\n 1 ,\"x, \"\"y\"\"\"\n,two words\n");
  CsvReader rows(path);
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.word(0), "1");
  EXPECT_EQ(rows.word(1), "x, \"y\"");
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.word(0), "");
  EXPECT_EQ(rows.word(1), "two words");
}

TEST_F(Csv, that_is_broken_says_where) {
  EXPECT_EQ(refusal("x,y\n1,2\n3,four\n"), ": line 3, column 2 (y): 'four' is no number");
  EXPECT_EQ(refusal("1,2\n3,\n"), ": line 2, column 2 (2): the cell is empty");
  EXPECT_EQ(refusal("x,y\n1,2,3\n"), ": line 2, column 3: the row has 3 cells, the header 2");
  EXPECT_EQ(refusal("1,2\n3\n"), ": line 2, column 2: the row has 1 cell, the first 2");
  EXPECT_EQ(refusal("x,y\n", Header::none), ": line 1, column 1 (1): 'x' is no number");
  EXPECT_EQ(refusal("x,x\n"), ": line 1, column 2: a second column is called 'x'");
  EXPECT_EQ(refusal("x\n\"1\n"), ": line 2, column 1: the quotation mark is not closed");
  EXPECT_EQ(refusal(""), " is empty");
  EXPECT_EQ(refusal("", Header::required), " is empty: its first line names the columns");
  EXPECT_EQ(error_of([&] { read_csv(scratch / "none"); }),
            "[read] " + scratch / "none" + " cannot be read: No such file or directory");
  EXPECT_EQ(error_of([&] { table("x,y\n1,2\n").column("z"); }),
            "[table] there is no column 'z', but 'x', 'y'");
}

TEST_F(Csv, gives_what_is_to_be_predicted_and_from_what) {
  const Table t = table("a,class,b\n1,0,2\n3,1,4\n5,2,6\n");
  const DataSet classes = classification(t, "class");
  EXPECT_EQ(classes.inputs.shape(), (Shape{3, 2}));
  EXPECT_EQ(classes.inputs.values(), (Values{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(classes.targets.shape(), (Shape{3}));
  EXPECT_EQ(classes.targets.values(), (Values{0, 1, 2}));
  const DataSet numbers = regression(t, "b");
  EXPECT_EQ(numbers.inputs.values(), (Values{1, 0, 3, 1, 5, 2}));
  EXPECT_EQ(numbers.targets.shape(), (Shape{3, 1}));
  EXPECT_EQ(numbers.targets.values(), (Values{2, 4, 6}));
  EXPECT_EQ(regression(t, "a").inputs.values(), (Values{0, 2, 1, 4, 2, 6}));
  EXPECT_EQ(error_of([&] { regression(t, "z"); }),
            "[table] there is no column 'z', but 'a', 'class', 'b'");
  EXPECT_EQ(error_of([&] { regression(table("a\n1\n"), "a"); }),
            "[data] the table has the target's column only");
  for (const char* bad : {"0.5", "-1", "nan", "inf"}) {
    EXPECT_EQ(
        error_of([&] { classification(table("a,b\n1,0\n2," + std::string(bad) + "\n"), "b"); }),
        "[data] row 2 has the class " + std::string(bad) +
            " in the column 'b': classes are 0, 1, 2, …");
  }
}

// ---- IDX --------------------------------------------------------------------------------------

class Idx : public Csv {
 protected:
  Tensor loaded(const std::string& hex, Precision element = f64) const {
    return load_idx(scratch.write("a.idx", test::from_hex(hex)), element);
  }
  std::string idx_refusal(const std::string& bytes) const {
    const std::string path = scratch.write("a.idx", bytes);
    const std::string line = error_of([&] { load_idx(path); });
    const std::string head = "[load_idx] " + path + ": ";
    return line.starts_with(head) ? line.substr(head.size()) : line;
  }
};

TEST_F(Idx, holds_any_type_and_shape) {
  // Two images of 1 × 3 bytes; the first 4 bytes are those of MNIST's images.
  const Tensor images = loaded(
      "00000803"
      "00000002"
      "00000001"
      "00000003"
      "0001FF"
      "7F8010");
  EXPECT_EQ(images.type(), (TensorType{f64, {2, 1, 3}}));
  EXPECT_EQ(images.values(), (Values{0, 1, 255, 127, 128, 16}));
  EXPECT_EQ(loaded("00000801"
                   "00000002"
                   "0509",
                   f32)
                .type(),
            (TensorType{f32, {2}}));
  EXPECT_EQ(loaded("00000901"
                   "00000001"
                   "FF")
                .values(),
            Values{-1});
  EXPECT_EQ(loaded("00000B01"
                   "00000001"
                   "FF00")
                .values(),
            Values{-256});
  EXPECT_EQ(loaded("00000C01"
                   "00000001"
                   "80000000")
                .values(),
            Values{-2147483648.0});
  EXPECT_EQ(loaded("00000D01"
                   "00000001"
                   "3FC00000")
                .values(),
            Values{1.5});
  EXPECT_EQ(loaded("00000E01"
                   "00000001"
                   "BFE0000000000000")
                .values(),
            Values{-0.5});
  EXPECT_EQ(loaded("00000800"
                   "2A")
                .shape(),
            Shape{});
}

TEST_F(Idx, that_is_broken_says_where) {
  using test::from_hex;
  EXPECT_EQ(idx_refusal("ab"), "it has 2 bytes and is no IDX file");
  EXPECT_EQ(idx_refusal("text, and more"), "it does not begin as an IDX file does");
  EXPECT_EQ(idx_refusal(from_hex("1F8B0800")), "it is compressed: gunzip it first");
  EXPECT_EQ(idx_refusal(from_hex("00000A01"
                                 "00000001"
                                 "00")),
            "the type of its elements is 10: 8, 9, 11, 12, 13 and 14 can be read");
  EXPECT_EQ(idx_refusal(from_hex("00000802"
                                 "00000001"
                                 "00")),
            "it ends within its header");
  EXPECT_EQ(idx_refusal(from_hex("00000801"
                                 "00000003"
                                 "0000")),
            "the shape (3,) takes 3 bytes, but there are 2");
  EXPECT_EQ(idx_refusal(from_hex("00000E02"
                                 "FFFFFFFF"
                                 "0000FFFF"
                                 "00")),
            "the shape (4294967295,65535) takes 2251765453422600 bytes, but there are 1");
  EXPECT_EQ(idx_refusal(from_hex("00000803"
                                 "FFFFFFFF"
                                 "FFFFFFFF"
                                 "FFFFFFFF")),
            "it has more than 8 axes, or more elements than memory has bytes");
  EXPECT_EQ(idx_refusal(from_hex("00000809") + std::string(36, '\0')),
            "it has more than 8 axes, or more elements than memory has bytes");
}

// ---- rows -------------------------------------------------------------------------------------

// Row k: inputs (10 k, 10 k + 1), target k.
DataSet counted(std::int64_t rows) {
  Values inputs, targets;
  for (std::int64_t k = 0; k < rows; ++k) {
    inputs.push_back(static_cast<double>(10 * k));
    inputs.push_back(static_cast<double>(10 * k + 1));
    targets.push_back(static_cast<double>(k));
  }
  return {tensor(std::span<const double>(inputs), {rows, 2}),
          tensor(std::span<const double>(targets), {rows})};
}

TEST(Rows, are_batched_without_a_copy) {
  const DataSet data = counted(7);
  std::vector<Shape> shapes;
  Values seen;
  for (const auto& [inputs, targets] : data.batches(3)) {
    EXPECT_TRUE(shares_memory(inputs, data.inputs));
    EXPECT_TRUE(shares_memory(targets, data.targets));
    EXPECT_TRUE(inputs.is_contiguous());
    shapes.push_back(inputs.shape());
    for (const double k : targets.values()) seen.push_back(k);
    EXPECT_EQ(inputs.values()[1], 10 * targets.values()[0] + 1);
  }
  EXPECT_EQ(shapes, (std::vector<Shape>{{3, 2}, {3, 2}, {1, 2}}));
  EXPECT_EQ(seen, (Values{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(data.batches(3).count(), 3);
  EXPECT_EQ(data.batches(7).count(), 1);
  EXPECT_EQ(data.batches(std::numeric_limits<std::int64_t>::max()).count(), 1);
  EXPECT_EQ(counted(0).batches(5).count(), 0);
  EXPECT_EQ(error_of([&] { data.batches(0); }), "[data] batches of 0 rows");
}

TEST(Rows, of_batches_outlive_the_data_set) {
  Values seen;
  for (const auto& batch : counted(4).split(0.5).second.batches(1)) {
    seen.push_back(batch.inputs.values()[0]);
  }
  EXPECT_EQ(seen, (Values{20, 30}));
}

TEST(Rows, written_in_a_batch_leave_the_data_set_as_it_was) {
  const DataSet data = counted(4);
  DataSet batch = *data.batches(2).begin();
  batch.inputs.writable<double>()[0] = -1;
  EXPECT_EQ(data.inputs.values()[0], 0);
}

TEST(Rows, are_split_in_two_parts) {
  const DataSet data = counted(10);
  const auto [train, rest] = data.split(0.75);
  EXPECT_EQ(train.targets.values(), (Values{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(rest.targets.values(), (Values{8, 9}));
  EXPECT_TRUE(shares_memory(rest.inputs, data.inputs));
  EXPECT_EQ(rest.inputs.values(), (Values{80, 81, 90, 91}));
  EXPECT_EQ(data.split(0).first.rows(), 0);
  EXPECT_EQ(data.split(1).second.rows(), 0);
  EXPECT_EQ(error_of([&] { data.split(1.5); }),
            "[data] a part of 1.5 of the rows: a number from 0 to 1 is expected");
  EXPECT_EQ(error_of([&] { data.slice(3, 11); }), "[data] rows 3 to 11 of 10");
}

TEST(Rows, are_shuffled_together) {
  const DataSet data = counted(100);
  Random random(5);
  const DataSet mixed = data.shuffled(random);
  const Values inputs = mixed.inputs.values(), targets = mixed.targets.values();
  for (std::size_t k = 0; k < 100; ++k) {
    EXPECT_EQ(inputs[2 * k], 10 * targets[k]);
    EXPECT_EQ(inputs[2 * k + 1], 10 * targets[k] + 1);
  }
  Values sorted = targets;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, data.targets.values());
  EXPECT_NE(targets, sorted);
  // Row k is row permutation(100)[k].
  const auto order = Random(5).permutation(100);
  for (std::size_t k = 0; k < 100; ++k) EXPECT_EQ(targets[k], static_cast<double>(order[k]));
  EXPECT_EQ(data.targets.values()[0], 0) << "the data set itself is as it was";
}

TEST(Rows, may_be_views_of_any_strides) {
  const DataSet data = counted(5);
  const DataSet turned = {make_view(data.inputs, {2, 5}, {1, 2}),
                          make_view(data.targets, {2}, {-1}, 4)};
  EXPECT_EQ(turned.slice(1, 2).inputs.values(), (Values{1, 11, 21, 31, 41}));
  EXPECT_EQ(turned.slice(1, 2).targets.values(), Values{3});
  Random random(1);
  EXPECT_EQ(turned.shuffled(random).inputs.shape(), (Shape{2, 5}));
}

TEST(Rows, change_their_element_type) {
  const DataSet data = counted(3).to(f32);
  EXPECT_EQ(data.inputs.type(), (TensorType{f32, {3, 2}}));
  EXPECT_EQ(data.targets.type(), (TensorType{f32, {3}}));
  EXPECT_EQ(data.inputs.values(), counted(3).inputs.values());
}

TEST(Rows, of_inputs_and_targets_are_as_many) {
  const DataSet uneven = {zeros({3, 2}), zeros({4})};
  EXPECT_EQ(error_of([&] { uneven.batches(1); }),
            "[data] inputs (3,2), targets (4,): the first axis must be the same rows");
  const DataSet single = {full({}, 1), full({}, 1)};
  EXPECT_EQ(error_of([&] { single.rows(); }),
            "[data] inputs (), targets (): the first axis must be the same rows");
}

// ---- made data ----------------------------------------------------------------------------------

TEST(Made, moons_are_two_half_circles) {
  Random random(1);
  const DataSet data = moons(201, 0.0, random);
  EXPECT_EQ(data.inputs.type(), (TensorType{f64, {201, 2}}));
  EXPECT_EQ(data.targets.type(), (TensorType{f64, {201}}));
  const Values xy = data.inputs.values(), classes = data.targets.values();
  double ends[2][2] = {{9, -9}, {9, -9}};
  int of_class[2] = {};
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const auto c = static_cast<std::size_t>(classes[k]);
    ++of_class[c];
    const double x = c == 0 ? xy[2 * k] : 1 - xy[2 * k];
    const double y = c == 0 ? xy[2 * k + 1] : 0.5 - xy[2 * k + 1];
    EXPECT_NEAR(x * x + y * y, 1, 1e-14);
    EXPECT_GE(y, 0);
    ends[c][0] = std::min(ends[c][0], x);
    ends[c][1] = std::max(ends[c][1], x);
  }
  EXPECT_EQ(of_class[0], 101);
  EXPECT_EQ(of_class[1], 100);
  for (const auto& end : ends) {
    EXPECT_EQ(end[0], -1);
    EXPECT_EQ(end[1], 1);
  }
}

TEST(Made, spirals_are_one_arm_turned_by_half) {
  Random random(1);
  const DataSet data = spirals(400, 0.0, random);
  const Values xy = data.inputs.values(), classes = data.targets.values();
  std::map<long, std::vector<std::pair<double, double>>> by_radius;
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const double x = xy[2 * k], y = xy[2 * k + 1], sign = classes[k] == 0 ? 1 : -1;
    const double radius = std::hypot(x, y), s = (radius - 0.1) / 0.9;
    EXPECT_NEAR(sign * x, radius * std::cos(3 * std::numbers::pi * s), 1e-12);
    EXPECT_NEAR(sign * y, radius * std::sin(3 * std::numbers::pi * s), 1e-12);
    by_radius[std::lround(s * 199)].emplace_back(x, y);
  }
  EXPECT_EQ(by_radius.size(), 200U);
  for (const auto& [radius, points] : by_radius) EXPECT_EQ(points.size(), 2U);
}

TEST(Made, blobs_have_their_centres_on_a_circle) {
  Random random(3);
  const DataSet data = blobs(4000, 0.5, random, 4);
  const double centres[4][2] = {{4, 0}, {0, 4}, {-4, 0}, {0, -4}};
  double sums[4][2] = {}, squares[4] = {};
  const Values xy = data.inputs.values(), classes = data.targets.values();
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const auto c = static_cast<std::size_t>(classes[k]);
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const double d = xy[2 * k + axis] - centres[c][axis];
      sums[c][axis] += d / 1000;
      squares[c] += d * d / 2000;
    }
  }
  for (std::size_t c = 0; c < 4; ++c) {  // within five standard errors
    EXPECT_NEAR(sums[c][0], 0, 5 * 0.5 / std::sqrt(1000));
    EXPECT_NEAR(sums[c][1], 0, 5 * 0.5 / std::sqrt(1000));
    EXPECT_NEAR(squares[c], 0.25, 5 * 0.25 * std::sqrt(2.0 / 2000));
  }
}

TEST(Made, sine_is_one_period) {
  Random random(2);
  const DataSet data = sine(101, 0.0, random);
  EXPECT_EQ(data.inputs.shape(), (Shape{101, 1}));
  EXPECT_EQ(data.targets.shape(), (Shape{101, 1}));
  const Values x = data.inputs.values(), y = data.targets.values();
  for (std::size_t k = 0; k < x.size(); ++k) EXPECT_EQ(y[k], std::sin(x[k]));
  EXPECT_NEAR(*std::min_element(x.begin(), x.end()), -std::numbers::pi, 1e-15);
  EXPECT_NEAR(*std::max_element(x.begin(), x.end()), std::numbers::pi, 1e-15);
  EXPECT_FALSE(std::is_sorted(x.begin(), x.end()));
}

TEST(Made, noise_is_gaussian_of_the_deviation_asked_for) {
  Random random(8);
  const DataSet data = sine(10'000, 0.3, random);
  const Values x = data.inputs.values(), y = data.targets.values();
  double sum = 0, squares = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double d = y[k] - std::sin(x[k]);
    sum += d / 10'000;
    squares += d * d / 10'000;
  }
  EXPECT_NEAR(sum, 0, 5 * 0.3 / 100);
  EXPECT_NEAR(squares, 0.09, 5 * 0.09 * std::sqrt(2.0) / 100);
}

TEST(Made, rows_depend_on_the_seed_alone) {
  Random one(1), again(1), two(2);
  const Values first = moons(50, 0.1, one).inputs.values();
  EXPECT_EQ(moons(50, 0.1, again).inputs.values(), first);
  EXPECT_NE(moons(50, 0.1, two).inputs.values(), first);
  EXPECT_NE(moons(50, 0.1, one).inputs.values(), first) << "the generator goes on";
}

TEST(Made, few_rows_are_no_special_case) {
  Random random(1);
  for (const std::int64_t rows : {0, 1, 2, 3}) {
    EXPECT_EQ(moons(rows, 0.1, random).rows(), rows);
    EXPECT_EQ(spirals(rows, 0.1, random).rows(), rows);
    EXPECT_EQ(blobs(rows, 0.1, random).rows(), rows);
    EXPECT_EQ(sine(rows, 0.1, random).rows(), rows);
  }
  EXPECT_EQ(error_of([&] { moons(-1, 0.1, random); }), "[moons] -1 rows");
  EXPECT_EQ(error_of([&] { sine(1, -0.1, random); }),
            "[sine] noise of -0.1: a finite number from 0 on is expected");
  EXPECT_EQ(error_of([&] { blobs(1, 0.1, random, 0); }), "[blobs] 0 classes");
}

}  // namespace
}  // namespace chainrule::nn
