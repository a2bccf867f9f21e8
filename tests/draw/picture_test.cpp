// What a picture holds, whatever draws it.
#include "chainrule/draw/picture.hpp"

#include "tests/draw/scenes.hpp"
#include "tests/support/stopwatch.hpp"

namespace chainrule::test {
namespace {

using PictureTest = Drawn;

std::vector<std::string> names_of(const Picture& picture) {
  std::vector<std::string> names;
  for (const PictureNode& node : picture.nodes) names.push_back(node.name);
  return names;
}

std::size_t shown_nodes(const Picture& picture) {
  std::size_t shown = 0;
  for (const PictureNode& node : picture.nodes) {
    shown += node.kind != PictureKind::number && node.kind != PictureKind::more;
  }
  return shown;
}

std::size_t stubs_total(const Picture& picture) {
  std::size_t total = 0;
  for (const PictureNode& node : picture.nodes) total += node.hidden;
  return total;
}

void expect_in_order(const Picture& picture) {
  for (std::size_t e = 0; e < picture.edges.size(); ++e) {
    EXPECT_LT(picture.edges[e].from, picture.edges[e].to);
    if (e > 0) {
      EXPECT_LE(picture.edges[e - 1].to, picture.edges[e].to);
    }
  }
}

TEST_F(PictureTest, nodes_stand_in_the_order_of_a_depth_first_walk) {
  EXPECT_EQ(names_of(picture_of(five())),
            (std::vector<std::string>{"x", "y", "mul/0", "c", "add/0", "mul/1", "add/1"}));
}

TEST_F(PictureTest, a_node_used_by_two_operations_is_there_once) {
  const Picture picture = picture_of(five());
  EXPECT_EQ(picture.nodes.size(), 7u);
  EXPECT_EQ(picture.edges.size(), 8u);
  expect_in_order(picture);
}

TEST_F(PictureTest, a_node_used_twice_by_one_operation_has_one_edge_with_both_places) {
  const Scalar a = variable(3, "a");
  const Picture picture = picture_of(a * a);
  ASSERT_EQ(picture.nodes.size(), 2u);
  ASSERT_EQ(picture.edges.size(), 1u);
  EXPECT_EQ(picture.edges[0].positions, (std::vector<unsigned>{0, 1}));
  EXPECT_EQ(picture.edges[0].partial, 6);
}

TEST_F(PictureTest, partials_over_both_uses_are_added) {
  const Scalar a = variable(3, "a");
  EXPECT_EQ(picture_of(a - a).edges[0].partial, 0);
  EXPECT_EQ(picture_of(a + a).edges[0].partial, 2);
}

TEST_F(PictureTest, an_edge_to_what_gets_no_adjoint_has_no_partial) {
  const Scalar a = variable(3, "a"), b = variable(4, "b");
  const Picture picture = picture_of(select(a > b, a, b));
  for (const PictureEdge& edge : picture.edges) {
    const bool taken = picture[edge.from].name == "b" && picture[edge.to].op == "select";
    EXPECT_EQ(edge.partial.has_value(), taken) << picture[edge.from].name;
  }
}

TEST_F(PictureTest, plain_numbers_are_nodes_of_their_own_one_a_use) {
  const Scalar x = variable(3, "x");
  const Picture picture = picture_of(2 * x + pow(x, 2));
  std::size_t numbers = 0;
  for (const PictureNode& node : picture.nodes) {
    if (node.kind != PictureKind::number) continue;
    ++numbers;
    EXPECT_EQ(node.value, 2);
    EXPECT_TRUE(node.name.empty());
  }
  EXPECT_EQ(numbers, 2u);
}

TEST_F(PictureTest, leaves_keep_their_kind_and_adjoints_come_with_backward) {
  const Scalar v = variable(2, "v"), k = constant(3, "k");
  Scalar p = placeholder("p");
  p.assign(4);
  const Scalar y = v * k + p;
  EXPECT_FALSE(picture_of(y).output().grad);
  y.backward();
  const Picture picture = picture_of(y);
  EXPECT_EQ(picture.nodes[0].kind, PictureKind::variable);
  EXPECT_EQ(picture.nodes[0].grad, 3);
  EXPECT_EQ(picture.nodes[1].kind, PictureKind::constant);
  EXPECT_EQ(picture.nodes[1].grad, 2);
  EXPECT_EQ(picture.nodes[3].kind, PictureKind::placeholder);
  EXPECT_EQ(picture.nodes[3].grad, 1);
}

TEST_F(PictureTest, source_lines_are_shown_when_the_tape_keeps_them) {
  tape_.keep_source_lines();
  const Scalar a = variable(3, "a");
  const Scalar y = a * a;
  const std::string line = std::to_string(__LINE__ - 1);
  const std::string source = picture_of(y).output().source;
  EXPECT_TRUE(source.ends_with("picture_test.cpp:" + line)) << source;
}

Scalar chain(int steps) {
  const Scalar x = variable(1.0001, "x");
  Scalar s = x;
  for (int i = 0; i < steps; ++i) s = s * x;
  return s;
}

TEST_F(PictureTest, a_large_graph_is_cut_near_the_output_and_says_by_how_much) {
  const Picture picture = picture_of(chain(50'000), {.nodes = 100});
  EXPECT_EQ(shown_nodes(picture), 100u);
  EXPECT_EQ(picture.hidden, 50'001u - 100u);
  EXPECT_EQ(stubs_total(picture), picture.hidden);
  EXPECT_EQ(picture.output().name, "mul/49999");
  expect_in_order(picture);
}

TEST_F(PictureTest, trimming_a_picture_gives_what_recording_less_gives) {
  const Scalar y = chain(400);
  const Picture once = picture_of(y, {.nodes = 40});
  const Picture twice = trimmed(trimmed(picture_of(y), 90), 40);
  EXPECT_EQ(names_of(once), names_of(twice));
  EXPECT_EQ(once.hidden, twice.hidden);
  EXPECT_EQ(stubs_total(twice), twice.hidden);
  expect_in_order(twice);
}

TEST_F(PictureTest, the_largest_adjoints_are_kept_once_they_are_known) {
  const Scalar loud = variable(1, "loud"), faint = variable(1, "faint");
  Scalar a = faint, b = loud;
  for (int i = 0; i < 10; ++i) {
    a = sin(a);
    b = cos(b);
  }
  const Scalar y = 1e-6 * a + b;
  y.backward();
  const Picture picture = picture_of(y, {.nodes = 12});
  for (const PictureNode& node : picture.nodes) EXPECT_NE(node.op, "sin");
}

TEST_F(PictureTest, the_cost_of_a_picture_grows_as_the_graph_does) {
  const auto picture_a_chain = [](unsigned steps) {
    const Frame frame = Tape::active().frame();
    const Scalar y = chain(static_cast<int>(steps));
    return test::seconds_of(
        [&y, steps] { EXPECT_EQ(picture_of(y, {.nodes = 50}).hidden, steps + 1 - 50); });
  };
  const double small = picture_a_chain(10'000), large = picture_a_chain(1'000'000);
  // A hundred times the rows; a cost that grew with their square would be 10 000 times.
  EXPECT_LT(large, 20 * 100 * small + 0.5);
}

TEST_F(PictureTest, a_plain_number_has_no_picture) { EXPECT_THROW(picture_of(Scalar(3)), Error); }

}  // namespace
}  // namespace chainrule::test
