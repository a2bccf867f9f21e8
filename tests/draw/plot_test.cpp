// Plots: where functions are sampled, and what gnuplot makes of it.
#include "chainrule/draw/plot.hpp"

#include <csignal>
#include <filesystem>

#include "tests/draw/scenes.hpp"

namespace chainrule::test {
namespace {

template <class F>
Points sampled(double from, double to, F&& f) {
  return sample(from, to, 1, [&](double x, std::span<double> y) { y[0] = f(x); })[0];
}

Plot plot_of(double from, double to, Points points) {
  return {.title = "",
          .x_label = "x",
          .from = from,
          .to = to,
          .curves = {{"f", std::move(points)}},
          .tangents = {}};
}

bool there_is_gnuplot() {
  return error_of([] { render(plot_of(0, 1, {{0, 1}, {0, 1}}), PlotFormat::text); }).empty();
}

class PlotTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!there_is_gnuplot()) GTEST_SKIP() << "no gnuplot";
  }
};

std::size_t gaps(const Points& points) {
  std::size_t gaps = 0;
  for (const double y : points.y) gaps += std::isnan(y);
  return gaps;
}

// The largest distance of a curve from the lines through its points.
template <class F>
double error_of_lines(const Points& points, F&& f) {
  double worst = 0;
  for (std::size_t p = 1; p < points.x.size(); ++p) {
    const double middle = (points.x[p - 1] + points.x[p]) / 2;
    worst = std::max(worst, std::fabs((points.y[p - 1] + points.y[p]) / 2 - f(middle)));
  }
  return worst;
}

TEST(SamplingTest, a_line_needs_no_more_than_the_first_points) {
  EXPECT_EQ(sampled(-1, 2, [](double x) { return 2 * x; }).x.size(), 257u);
}

TEST(SamplingTest, steep_places_are_refined_until_lines_are_within_a_dot) {
  const auto steep = [](double x) { return std::tanh(100 * x); };
  const Points points = sampled(-5, 5, steep);
  EXPECT_LT(error_of_lines(points, steep), 2 * 0.0015);
  EXPECT_EQ(gaps(points), 0u);
  EXPECT_LT(points.x.size(), 1'000u);
}

TEST(SamplingTest, the_root_is_followed_down_to_where_it_begins) {
  const Points points = sampled(-1, 1, [](double x) { return std::sqrt(x); });
  double first = 1;
  for (std::size_t p = 0; p < points.x.size(); ++p) {
    if (points.y[p] > 0) first = std::min(first, points.x[p]);
  }
  EXPECT_LT(first, 1e-5);
}

TEST(SamplingTest, the_root_that_begins_between_two_points_is_found) {
  const Points points = sampled(-1, 1, [](double x) { return std::sqrt(x - 0.1234567); });
  double lowest = 1;
  for (const double y : points.y) {
    if (y >= 0) lowest = std::min(lowest, y);
  }
  EXPECT_LT(lowest, 3e-3);
}

TEST(SamplingTest, poles_and_jumps_are_gaps) {
  EXPECT_EQ(gaps(sampled(-1, 1, [](double x) { return std::floor(x + 0.3); })), 2u);
  EXPECT_GE(gaps(sampled(-1, 1.1, [](double x) { return 1 / x; })), 1u);
  EXPECT_GE(gaps(sampled(-2, 2, [](double x) { return std::tan(x); })), 2u);
  EXPECT_EQ(gaps(sampled(-2, 2, [](double x) { return std::fabs(x); })), 0u);
}

TEST(SamplingTest, a_narrow_spike_is_resolved) {
  const auto spike = [](double x) { return std::exp(-1e4 * (x - 0.3137) * (x - 0.3137)); };
  const Points points = sampled(-5, 5, spike);
  EXPECT_GT(*std::max_element(points.y.begin(), points.y.end()), 0.99);
}

TEST(SamplingTest, the_wildest_function_ends) {
  const Points points = sampled(-1, 1, [](double x) { return std::sin(1 / (x * x)); });
  EXPECT_LE(points.x.size(), 12'000u);
}

TEST(SamplingTest, points_are_in_order_and_keep_the_ends) {
  const Points points = sampled(-0.7, 1.9, [](double x) { return std::tan(3 * x); });
  EXPECT_TRUE(std::is_sorted(points.x.begin(), points.x.end()));
  EXPECT_EQ(points.x.front(), -0.7);
  EXPECT_EQ(points.x.back(), 1.9);
}

TEST(SamplingTest, a_range_that_is_none_is_refused) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (const auto& [from, to] : {std::pair{1.0, 1.0},
                                 {2.0, 1.0},
                                 {0.0, kInf},
                                 {NAN, 1.0},
                                 {1e16, 1e16 + 4},
                                 {-1e308, 1e308}}) {
    EXPECT_THROW(Sampling(from, to, 1), Error) << from << " to " << to;
  }
}

TEST_F(PlotTest, each_format_begins_as_it_should) {
  const Plot plot = plot_of(0, 1, {{0, 0.5, 1}, {0, 1, 0}});
  EXPECT_TRUE(render(plot, PlotFormat::svg).starts_with("<?xml"));
  EXPECT_TRUE(render(plot, PlotFormat::png).starts_with("\x89PNG"));
  EXPECT_TRUE(render(plot, PlotFormat::pdf).starts_with("%PDF"));
  const std::string text = render(plot, PlotFormat::text);
  EXPECT_TRUE(text.ends_with("x\n")) << text;
  EXPECT_EQ(count(text, "\f"), 0u);
}

TEST_F(PlotTest, labels_are_shown_as_they_are_and_run_nothing) {
  const auto trap = std::filesystem::temp_directory_path() / ("trap-" + std::to_string(getpid()));
  Plot plot = plot_of(0, 1, {{0, 1}, {0, 1}});
  plot.curves[0].label = "it's `touch " + trap.string() + "` {x}_1^2 & \"<b>\"\\";
  plot.title = "'; system('touch " + trap.string() + "') #";
  plot.x_label = "\n!touch " + trap.string();
  const std::string svg = render(plot, PlotFormat::svg);
  EXPECT_NE(svg.find("it’s"), std::string::npos);
  EXPECT_NE(svg.find("{x}_1^2"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(trap));
}

TEST_F(PlotTest, a_pole_does_not_press_the_rest_flat) {
  const std::string text =
      render(plot_of(-2, 2, sampled(-2, 2, [](double x) { return 1 / x; })), PlotFormat::text);
  EXPECT_EQ(text.find("1e+"), std::string::npos) << text;
}

TEST_F(PlotTest, curves_of_like_height_share_a_panel_and_others_do_not) {
  const auto panels = [](double factor) {
    Plot plot = plot_of(0, 1, {{0, 1}, {0, 1}});
    plot.curves.push_back({"g", {{0, 1}, {0, factor}}});
    return count(render(plot, PlotFormat::text), " x\n");
  };
  EXPECT_EQ(panels(3), 1u);
  EXPECT_EQ(panels(300), 2u);
}

TEST_F(PlotTest, curves_stand_in_the_panels_that_are_named) {
  Plot plot = plot_of(0, 1, {{0, 1}, {0.001, 10}});
  plot.curves.push_back({"g", {{0, 1}, {0.5, 1}}, 1});
  plot.curves.push_back({"h", {{0, 1}, {1000, 2000}}, 1});
  plot.panels = {{"loss", Scale::logarithmic}, {"part"}};
  const std::string svg = render(plot, PlotFormat::svg);
  EXPECT_NE(svg.find("loss"), svg.npos);
  EXPECT_NE(svg.find("part"), svg.npos);
  EXPECT_EQ(count(render(plot, PlotFormat::text), " x\n"), 2u);
  // Of a logarithm each power of ten is marked, as far as it goes.
  for (const std::string_view mark : {"0.001<", "0.01<", "0.1<", "10<"}) {
    EXPECT_NE(svg.find(mark), svg.npos) << mark;
  }
  plot.curves[2].panel = 2;
  EXPECT_EQ(error_of([&] { render(plot, PlotFormat::svg); }),
            "[plot] a curve stands in a panel that there is not: there are 2");
}

TEST_F(PlotTest, scatters_stand_behind_the_curves_and_are_in_range) {
  Plot plot = plot_of(0, 1, {{0, 1}, {0, 1}});
  plot.scatters = {{"rows", {{0.5, 0.2, 0.9}, {0.5, 7, 0.1}}}};
  const std::string svg = render(plot, PlotFormat::svg);
  EXPECT_NE(svg.find("rows"), svg.npos);
  EXPECT_NE(svg.find(" 7<"), svg.npos);
}

TEST_F(PlotTest, level_curves_are_drawn) {
  for (const double level : {0.0, 3.0, -1e-200, 1e200}) {
    EXPECT_FALSE(render(plot_of(0, 1, {{0, 1}, {level, level}}), PlotFormat::text).empty());
  }
}

TEST_F(PlotTest, a_curve_without_a_finite_value_is_an_error) {
  const std::string error = error_of([] {
    render(plot_of(0, 1, sampled(0, 1, [](double) { return std::nan(""); })), PlotFormat::svg);
  });
  EXPECT_EQ(error, "[plot] nothing is finite: f has no value in x from 0 to 1");
}

// A program that stands on the PATH under gnuplot's name, until the end of the scope.
class Impostor {
 public:
  explicit Impostor(const std::string& script)
      : folder_(std::filesystem::temp_directory_path() / ("impostor-" + std::to_string(getpid()))),
        path_(getenv("PATH")) {
    std::filesystem::create_directory(folder_);
    if (!script.empty()) {
      std::ofstream(folder_ / "gnuplot") << "#!/bin/sh\n" << script << "\n";
      std::filesystem::permissions(folder_ / "gnuplot", std::filesystem::perms::owner_all);
    }
    setenv("PATH", folder_.c_str(), 1);
  }
  ~Impostor() {
    setenv("PATH", path_.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }

 private:
  std::filesystem::path folder_;
  std::string path_;
};

std::string error_with(const std::string& script) {
  const Impostor impostor(script);
  return error_of([] { render(plot_of(0, 1, {{0, 1}, {0, 1}}), PlotFormat::svg); });
}

TEST_F(PlotTest, without_gnuplot_it_is_said_what_to_install) {
  EXPECT_NE(error_with("").find("Debian: gnuplot-nox"), std::string::npos);
}

TEST_F(PlotTest, a_gnuplot_that_fails_dies_or_says_nothing_is_an_error) {
  EXPECT_EQ(error_with("echo '\"x\" line 3: no such terminal' >&2; exit 1"),
            "[plot] gnuplot could not draw this: no such terminal");
  EXPECT_EQ(error_with("exit 0"), "[plot] gnuplot could not draw this");
  EXPECT_EQ(error_with("kill -9 $$"), "[plot] gnuplot could not draw this");
}

TEST_F(PlotTest, what_gnuplot_says_goes_nowhere_else) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  render(plot_of(0, 1, {{0, 1}, {0, 1}}), PlotFormat::png);
  error_with("echo out; echo err >&2; exit 1");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace chainrule::test
