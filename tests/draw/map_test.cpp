// Maps: the parts of a rectangle above a level, against areas that are known; and what is drawn of
// them.
#include "chainrule/draw/map.hpp"

#include <cmath>
#include <numbers>
#include <set>

#include "tests/draw/scenes.hpp"

namespace chainrule::test {
namespace {

constexpr Rectangle kSquare = {-2, 2, -2, 2};

template <class F>
Field field_of(const Rectangle& where, std::size_t columns, std::size_t rows, F&& f) {
  Field field{where, columns, rows, {}};
  const std::vector<double> x = xs_of(where, columns, rows), y = ys_of(where, columns, rows);
  for (std::size_t k = 0; k < x.size(); ++k) field.values.push_back(f(x[k], y[k]));
  return field;
}

double total_area(const std::vector<Loop>& loops) {
  double area = 0;
  for (const Loop& loop : loops) area += loop.area;
  return area;
}

// ---- loops
// ---------------------------------------------------------------------------------------

TEST(Levels, a_grid_has_its_ends) {
  EXPECT_EQ(xs_of({1, 3, 10, 40}, 3, 2), (std::vector<double>{1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(ys_of({1, 3, 10, 40}, 3, 2), (std::vector<double>{10, 10, 10, 40, 40, 40}));
}

TEST(Levels, all_above_is_the_rectangle_and_none_is_nothing) {
  const Field one = field_of({0, 3, 0, 2}, 7, 5, [](double, double) { return 1.0; });
  const std::vector<Loop> loops = loops_above(one, 0.5);
  ASSERT_EQ(loops.size(), 1U);
  EXPECT_EQ(loops[0].area, 6.0);
  EXPECT_EQ(loops[0].corners.x.size(), 4U);  // straight edges need no corners
  EXPECT_TRUE(loops_above(one, 1.0).empty());
}

// A plane is interpolated without error.
TEST(Levels, a_straight_edge_is_where_it_is) {
  const Field plane = field_of(kSquare, 11, 7, [](double x, double y) { return x + 2 * y; });
  for (const double level : {-1.3, 0.0, 2.2}) {
    double area = 0;  // ∫ over y of 2 − (level − 2 y), cut to [0, 4]
    constexpr int kSteps = 4000;
    for (int k = 0; k < kSteps; ++k) {
      const double y = -2 + 4 * (k + 0.5) / kSteps;
      area += std::clamp(2 - (level - 2 * y), 0.0, 4.0) * 4 / kSteps;
    }
    EXPECT_NEAR(total_area(loops_above(plane, level)), area, 2e-3) << level;
  }
}

TEST(Levels, a_disc_has_its_area_and_a_ring_has_a_hole) {
  const auto radius = [](double x, double y) { return std::hypot(x, y); };
  const Field minus =
      field_of(kSquare, 201, 201, [&](double x, double y) { return -radius(x, y); });
  const std::vector<Loop> disc = loops_above(minus, -1.5);
  ASSERT_EQ(disc.size(), 1U);
  EXPECT_NEAR(disc[0].area, std::numbers::pi * 1.5 * 1.5, 5e-3);
  EXPECT_LT(disc[0].corners.x.size(), 150U);  // of some 850 crossings
  for (std::size_t k = 0; k < disc[0].corners.x.size(); ++k) {
    EXPECT_NEAR(radius(disc[0].corners.x[k], disc[0].corners.y[k]), 1.5, 1e-3);
  }

  const Field ring =
      field_of(kSquare, 201, 201, [&](double x, double y) { return -std::fabs(radius(x, y) - 1); });
  const std::vector<Loop> loops = loops_above(ring, -0.5);
  ASSERT_EQ(loops.size(), 2U);
  EXPECT_NEAR(std::max(loops[0].area, loops[1].area), std::numbers::pi * 1.5 * 1.5, 6e-3);
  EXPECT_NEAR(std::min(loops[0].area, loops[1].area), -std::numbers::pi * 0.25, 6e-3);
}

// Of two parts at opposite corners of a cell the mean decides whether they meet.
TEST(Levels, a_saddle_joins_what_its_mean_joins) {
  const Rectangle cell = {0, 1, 0, 1};
  for (const double high : {1.0, 5.0}) {
    for (const bool is_first : {true, false}) {
      const double low = -2;
      const std::vector<double> values = is_first ? std::vector<double>{high, low, low, high}
                                                  : std::vector<double>{low, high, high, low};
      const std::vector<Loop> loops = loops_above({cell, 2, 2, values}, 0.0);
      const double t = high / (high - low);  // how far a part reaches along an edge
      if (high < -low) {
        ASSERT_EQ(loops.size(), 2U);
        EXPECT_NEAR(total_area(loops), t * t, 1e-12);
      } else {
        ASSERT_EQ(loops.size(), 1U);
        EXPECT_NEAR(total_area(loops), 1 - (1 - t) * (1 - t), 1e-12);
      }
    }
  }
}

// Whatever the field: what is above and what is not share the rectangle between them.
TEST(Levels, two_sides_of_a_level_fill_the_rectangle) {
  for (int seed = 1; seed < 30; ++seed) {
    const auto wild = [&](double x, double y) {
      return std::sin(1.7 * seed * x + y) + std::cos(0.9 * seed * y - x * y);
    };
    const Field f = field_of(kSquare, 40, 33, wild);
    Field minus = f;
    for (double& v : minus.values) v = -v;
    const double level = 0.1 * (seed % 5);
    // Corners that were left out move an edge by a 4,000th of the rectangle at most.
    EXPECT_NEAR(total_area(loops_above(f, level)) + total_area(loops_above(minus, -level)), 16,
                0.05);
  }
}

TEST(Levels, what_is_no_number_is_not_above) {
  const Field f = field_of(kSquare, 81, 81, [](double x, double) { return std::sqrt(x); });
  EXPECT_NEAR(total_area(loops_above(f, -1.0)), 8, 0.01);
  EXPECT_NEAR(total_area(loops_above(f, 1.0)), 4, 0.01);
}

TEST(Levels, a_grid_that_is_none_is_refused) {
  EXPECT_EQ(error_of([] {
              (void)loops_above({kSquare, 1, 2, {1, 2}}, 0);
            }),
            "[map] a grid of 1 columns and 2 rows with 2 values");
  EXPECT_EQ(error_of([] {
              (void)loops_above({kSquare, 2, 2, {1, 2}}, 0);
            }),
            "[map] a grid of 2 columns and 2 rows with 2 values");
}

// ---- pictures
// ------------------------------------------------------------------------------------

RegionMap halves() {
  const auto x_of = [](double x, double) { return x; };
  RegionMap map;
  map.x_label = "width";
  map.y_label = "height";
  map.legend = "side";
  map.regions.push_back({"right", field_of(kSquare, 21, 21, x_of), {{1, 1.5}, {0, 1}}});
  map.regions.push_back({"left",
                         field_of(kSquare, 21, 21, [&](double x, double y) { return -x_of(x, y); }),
                         {{-1}, {0.5}}});
  return map;
}

class MapTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!error_of([] { render(halves(), PlotFormat::svg); }).empty()) GTEST_SKIP() << "no gnuplot";
  }
};

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\t'; });
  return text;
}

TEST_F(MapTest, regions_have_their_colours_and_names) {
  const std::string svg = without_blanks(render(halves(), PlotFormat::svg));
  for (const std::string text : {">width<", ">height<", ">side<", ">right<", ">left<"}) {
    EXPECT_NE(svg.find(text), svg.npos) << text;
  }
  // 14 % of #0072b2 and of #d55e00 on white: 255 − 0.14 (255 − c).
  EXPECT_NE(svg.find("fill='rgb(219,235,244)'"), svg.npos);
  EXPECT_NE(svg.find("fill='rgb(249,232,219)'"), svg.npos);
  EXPECT_EQ(render(halves(), PlotFormat::svg), render(halves(), PlotFormat::svg));
}

TEST_F(MapTest, stronger_leads_have_stronger_colours) {
  RegionMap map = halves();
  map.steps = {0, 1, 5};  // no lead reaches 5
  const std::string svg = without_blanks(render(map, PlotFormat::svg));
  EXPECT_NE(svg.find("fill='rgb(219,235,244)'"), svg.npos);
  EXPECT_NE(svg.find("fill='rgb(194,221,237)'"), svg.npos);  // 24 %
  EXPECT_EQ(svg.find("fill='rgb(168,207,229)'"), svg.npos);  // 34 %
}

TEST_F(MapTest, a_surface_has_bands_and_a_scale) {
  SurfaceMap map;
  map.x_label = "u";
  map.y_label = "v";
  map.z_label = "it's a price";
  map.surface = field_of(kSquare, 41, 41, [](double x, double y) { return 10 * x * y; });
  map.points = {{0, 1}, {0, 1}};
  map.heights = {0, 10};
  const std::string svg = render(map, PlotFormat::svg);
  EXPECT_NE(svg.find("it’s a price"), svg.npos);
  // From −40 to 40 in steps of 10.
  EXPECT_NE(svg.find("−40"), svg.npos);
  EXPECT_NE(svg.find(" 30<"), svg.npos);
  EXPECT_TRUE(render(map, PlotFormat::png).starts_with("\x89PNG"));
  EXPECT_TRUE(render(map, PlotFormat::pdf).starts_with("%PDF"));
}

TEST_F(MapTest, a_level_surface_is_drawn) {
  SurfaceMap map;
  map.surface = field_of(kSquare, 5, 5, [](double, double) { return 7.0; });
  EXPECT_NE(render(map, PlotFormat::svg).find("<svg"), std::string::npos);
}

TEST(Maps, say_what_cannot_be_drawn) {
  EXPECT_EQ(error_of([] { render(RegionMap{}, PlotFormat::svg); }), "[map] there are no regions");
  EXPECT_EQ(error_of([] { render(halves(), PlotFormat::text); }),
            "[map] a map cannot be drawn as text: it is .svg, .png or .pdf");
  SurfaceMap empty;
  empty.surface = field_of(kSquare, 2, 2, [](double, double) { return std::nan(""); });
  EXPECT_EQ(error_of([&] { render(empty, PlotFormat::svg); }),
            "[map] nothing of the surface is finite");
  RegionMap flat = halves();
  flat.regions[0].lead.where = {1, 1, 0, 2};
  EXPECT_EQ(error_of([&] { render(flat, PlotFormat::svg); }),
            "[map] the ranges x [1:1] and y [0:2] enclose nothing");
}

}  // namespace
}  // namespace chainrule::test
