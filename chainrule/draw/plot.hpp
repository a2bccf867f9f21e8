// Plots of functions of one variable and of their derivatives.
//
//   const auto curves = sample(-5, 5, 2, [](double x, std::span<double> y) {
//     y[0] = std::tanh(x);
//     y[1] = 1 - y[0] * y[0];
//   });
//   plot({.x_label = "x", .from = -5, .to = 5, .curves = {{"tanh(x)", curves[0]}, …}}, "tanh.svg");
//
// SVG, PNG, PDF and text for a terminal are drawn by the program gnuplot, which is looked for on
// the PATH; nothing but its answer is waited for, and that for half a minute at most.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chainrule {

/// Points in order of x. A NaN in y is a gap: there the line is interrupted.
struct Points {
  std::vector<double> x, y;
};

struct Curve {
  std::string label;
  Points points;
  std::size_t panel = 0;  ///< where it stands, if the plot names its panels
};

/// Points that no line joins; in any order.
struct Scatter {
  std::string label;
  Points points;
};

/// A straight line that touches a curve.
struct Tangent {
  std::string label;
  double x = 0, y = 0, slope = 0;
};

enum class Scale : unsigned char { linear, logarithmic };

/// One of several plots over the same x, one above the other.
struct PlotPanel {
  std::string y_label;
  Scale scale = Scale::linear;
};

struct Plot {
  std::string title;
  std::string x_label;
  double from = 0, to = 1;  ///< the range of x
  std::vector<Curve> curves;
  std::vector<Tangent> tangents = {};  ///< of the first curve
  std::vector<Scatter> scatters = {};  ///< behind the curves, in the first panel
  std::vector<PlotPanel> panels = {};  ///< none: curves of like height share one
};

enum class PlotFormat : unsigned char { svg, png, pdf, text };

struct PlotOptions {
  int width = 720, height = 450;  ///< of a picture, in points of 1/72 inch (SVG: px)
  int columns = 79, rows = 24;    ///< of a text
};

/// The format that a file's name asks for: .svg .png .pdf .txt. Throws Error for any other.
PlotFormat plot_format_of(std::string_view path);

/// The bytes of a plot. The range of y is that of the curves, but where one of them has a pole or
/// a jump it is cut to where most of it lies. Unless the plot names its panels, curves of very
/// different sizes get panels of their own, one above the other. Throws Error if gnuplot is missing
/// or refuses, or if nothing is finite.
std::string render(const Plot& plot, PlotFormat format, const PlotOptions& options = {});

/// Plots into a file, which appears whole or not at all.
void plot(const Plot& plot, std::string_view path, const PlotOptions& options = {});

/// Chooses where functions are evaluated, so that steep places, kinks and the ends of their domains
/// look right: asks in rounds, from 257 points up to at most 6,000.
///
///   for (Sampling s(from, to, 1); !s.wanted().empty();) s.answer(values at s.wanted());
class Sampling {
 public:
  /// Throws Error unless from < to, both finite, and far enough apart to hold the points.
  Sampling(double from, double to, std::size_t functions);

  /// Where to evaluate next; empty when enough is known.
  std::span<const double> wanted() const { return wanted_; }
  /// The functions' values there, point by point: values[p * functions + f].
  void answer(std::span<const double> values);

  /// The curve of function f, with gaps where it is not finite or jumps.
  Points points(std::size_t f) const;

 private:
  void choose();

  double from_, to_;
  std::size_t functions_;
  std::vector<double> x_, y_;  ///< known points in order; y_[p * functions + f]
  std::vector<double> wanted_;
  int rounds_ = 0;
};

/// The curves of `functions` functions that f(x, values) evaluates at once.
template <class F>
std::vector<Points> sample(double from, double to, std::size_t functions, F&& f) {
  Sampling sampling(from, to, functions);
  std::vector<double> values;
  while (!sampling.wanted().empty()) {
    values.assign(sampling.wanted().size() * functions, 0.0);
    for (std::size_t p = 0; p < sampling.wanted().size(); ++p) {
      f(sampling.wanted()[p], std::span<double>(values.data() + p * functions, functions));
    }
    sampling.answer(values);
  }
  std::vector<Points> curves;
  for (std::size_t k = 0; k < functions; ++k) curves.push_back(sampling.points(k));
  return curves;
}

}  // namespace chainrule
