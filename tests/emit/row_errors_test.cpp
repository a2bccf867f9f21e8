// What is left, and what is said, where a row throws in the middle of a run.
#include <gtest/gtest.h>

#include <stdexcept>

#include "chainrule/graph/function.hpp"
#include "chainrule/tape/block.hpp"
#include "tests/emit/kernels.hpp"

namespace chainrule {
namespace {

using namespace test;

constexpr std::size_t kRows = 150;

struct OwnError : Error {
  using Error::Error;
};
struct OwnRuntimeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// y = 2x, or what is thrown for an x that is no number of these.
class Picky final : public Block {
 public:
  std::string_view name() const override { return "picky"; }
  std::size_t inputs() const override { return 1; }
  std::size_t outputs() const override { return 1; }
  void value(std::span<const double> x, std::span<double> z) const override {
    if (x[0] == -1) throw std::domain_error("no negative numbers");
    if (x[0] == -2) throw OwnError("[picky] two is too much");
    if (x[0] == -3) throw OwnRuntimeError("own");
    if (x[0] == -4) throw 4;
    z[0] = 2 * x[0];
  }
  void vjp(std::span<const double>, std::span<const double>, std::span<const double> zbar,
           std::span<double> xbar) const override {
    xbar[0] = 2 * zbar[0];
  }
};

Function picky() {
  return record([](Scalar x) { return call(std::make_shared<const Picky>(), {{x}})[0] + x; }, 1.0);
}

// Positive numbers alone: it has no code for others.
Function recorded_above_zero() {
  return Function(record([](Scalar x) { return x > 0.0 ? 3.0 * x : x; }, 1.0).trace());
}

class RowErrors : public testing::TestWithParam<Backend> {
 protected:
  std::vector<double> in_ = std::vector<double>(kRows, 1.0);
  std::vector<double> out_ = std::vector<double>(kRows, 7.0);

  template <class E>
  std::string message(const Kernel& kernel, unsigned threads = 1) {
    try {
      kernel.map({}, in_, out_, threads);
    } catch (const E& error) {
      EXPECT_TRUE(typeid(error) == typeid(E)) << typeid(error).name();
      return error.what();
    }
    return "";
  }
};

INSTANTIATE_TEST_SUITE_P(, RowErrors, testing::ValuesIn(backends()),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST_P(RowErrors, say_which_row_it_was_and_keep_their_type) {
  const Kernel kernel = compile(picky(), {.backend = GetParam()});
  for (const std::size_t row : {0u, 1u, 8u, 63u, 64u, 149u}) {
    const std::string place = ", in row " + std::to_string(row) + " of 0..149";
    in_[row] = -1;
    EXPECT_EQ(message<std::domain_error>(kernel), "no negative numbers" + place);
    in_[row] = -2;
    EXPECT_EQ(message<OwnError>(kernel), "[picky] two is too much" + place);
    in_[row] = -3;
    EXPECT_EQ(message<OwnRuntimeError>(kernel), "own") << "what it says is its own affair";
    in_[row] = -4;
    EXPECT_THROW(kernel.map({}, in_, out_), int);
    in_[row] = 1;
  }
}

TEST_P(RowErrors, of_a_branch_say_the_row_what_was_expected_and_what_was_found) {
  const Kernel kernel = compile(recorded_above_zero(), {.backend = GetParam()});
  in_[77] = -0.5;
  const std::string text = message<BranchChanged>(kernel);
  EXPECT_TRUE(text.starts_with("[replay] the branch ")) << text;
  EXPECT_NE(text.find("was recorded as 1, but is 0 now"), text.npos) << text;
  EXPECT_NE(text.find("= -0.5"), text.npos) << text;
  EXPECT_TRUE(text.ends_with(", in row 77 of 0..149")) << text;
}

TEST_P(RowErrors, of_several_rows_are_those_of_the_first) {
  const Kernel kernel = compile(picky(), {.backend = GetParam()});
  in_[20] = -2, in_[70] = -1, in_[140] = -1;
  for (const unsigned threads : {1u, 3u}) {
    EXPECT_EQ(message<OwnError>(kernel, threads), "[picky] two is too much, in row 20 of 0..149");
  }
}

// Columns are written vector by vector, so that rows after it may be there already.
TEST_P(RowErrors, leave_the_rows_before_written_and_the_row_itself_as_it_was) {
  const Kernel kernel = compile(picky(), {.backend = GetParam()});
  for (const std::size_t row : {0u, 5u, 63u, 64u, 100u}) {
    in_[row] = -1;
    std::ranges::fill(out_, 7.0);
    EXPECT_EQ(message<std::domain_error>(kernel).substr(0, 3), "no ");
    for (std::size_t r = 0; r < row; ++r) EXPECT_EQ(out_[r], 3.0) << row;
    EXPECT_EQ(out_[row], 7.0);
    for (std::size_t r = row + 1; r < kRows; ++r) EXPECT_TRUE(out_[r] == 7 || out_[r] == 3) << row;
    in_[row] = 1;
  }
}

TEST_P(RowErrors, leave_the_rows_before_added_and_sums_as_they_were) {
  const Function f = record(
      [](Scalar x) {
        const Scalar y = call(std::make_shared<const Picky>(), {{x}})[0];
        return std::pair(y, x * y);
      },
      1.0);
  const Kernel kernel = compile(f, {.backend = GetParam()});
  std::vector<std::uint32_t> index(kRows);
  for (std::uint32_t r = 0; r < kRows; ++r) index[r] = r % 4;
  const std::size_t row = 90;
  in_[row] = -2;
  std::vector<double> table(4, 100.0), sum(1, 5.0);
  const Source source = Source::rows(in_, 1);
  const Sink sinks[] = {Sink::added(table, 1, index), Sink::sum(sum)};
  const auto run_all = [&] { kernel.run(std::span(&source, 1), sinks, kRows, 2); };
  EXPECT_THROW(run_all(), OwnError);
  std::vector<double> expected(4, 100.0);
  for (std::size_t r = 0; r < row; ++r) expected[r % 4] += 2.0;
  EXPECT_EQ(table, expected);
  EXPECT_EQ(sum[0], 5.0);

  // Going on from there adds each of the others once.
  in_[row] = 1;
  const Source rest = Source::rows(std::span(in_).subspan(row), 1);
  const Sink more[] = {Sink::added(table, 1, std::span(index).subspan(row)), Sink::sum(sum)};
  kernel.run(std::span(&rest, 1), more, kRows - row);
  for (std::size_t r = row; r < kRows; ++r) expected[r % 4] += 2.0;
  EXPECT_EQ(table, expected);
}

// Refused before the first row is computed.
TEST_P(RowErrors, of_misuse_leave_everything_as_it_was) {
  const Kernel kernel = compile(picky(), {.backend = GetParam()});
  const std::vector<std::uint32_t> index = {0, 1, 4};
  std::vector<double> table(4, 100.0);
  const Source source = Source::rows(in_, 1);
  const Sink sink = Sink::added(table, 1, index);
  EXPECT_THROW(kernel.run(std::span(&source, 1), std::span(&sink, 1), 3), Error);
  EXPECT_EQ(table, std::vector<double>(4, 100.0));
}

}  // namespace
}  // namespace chainrule
