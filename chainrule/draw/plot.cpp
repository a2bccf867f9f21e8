// A plot as commands and data for gnuplot.
#include "chainrule/draw/plot.hpp"

#include <algorithm>
#include <cmath>

#include "chainrule/base/error.hpp"
#include "chainrule/base/text.hpp"
#include "chainrule/base/whole_file.hpp"
#include "chainrule/draw/extent_internal.hpp"
#include "chainrule/draw/gnuplot_internal.hpp"
#include "chainrule/draw/words_internal.hpp"

namespace chainrule {
namespace {

using detail::Extent;
using detail::GnuplotStep;
using detail::in_script;

// Heights that differ by more than this are drawn in panels of their own.
constexpr double kOnePanel = 8;

constexpr std::string_view kTangentColour = "#4a4f55";

struct Panel {
  std::vector<std::size_t> curves;
  Extent extent;
  bool has_scatters = false;
  PlotPanel what = {};
};

// Of what a logarithm shows.
Extent positive_extent(const Points& points) {
  Extent extent{HUGE_VAL, -HUGE_VAL};
  for (const double y : points.y) {
    if (y > 0 && std::isfinite(y)) extent = detail::united(extent, {y, y});
  }
  return extent;
}

class Drawing {
 public:
  Drawing(const Plot& plot, PlotFormat format, const PlotOptions& options)
      : plot_(plot), format_(format), options_(options) {
    check();
    arrange();
  }

  std::string render() {
    if (format_ == PlotFormat::text) return text();
    const std::size_t n = panels_.size();
    const double tall = 1 + 0.55 * static_cast<double>(n - 1);
    std::string head = terminal(tall) + detail::axes_commands();
    std::size_t rows = 1;
    for (const Panel& one : panels_) rows = std::max(rows, legend_rows(one));
    const std::string above =
        shortest(static_cast<double>(rows) + (plot_.title.empty() ? 0.8 : 2.6));
    if (n == 1) head += "set tmargin " + above + "\n";
    if (n > 1) {
      head += "set multiplot layout " + std::to_string(n) + ",1 margins char " +
              (plot_.panels.empty() ? "8.5" : "11") + ", char 2.5, char 3.2, char " + above +
              " spacing 0, char " + shortest(static_cast<double>(rows) + 1.3) + "\n";
    }
    std::vector<GnuplotStep> steps{{head, {}}};
    for (std::size_t k = 0; k < n; ++k) {
      const bool last = k + 1 == n;
      std::string commands =
          (k == 0 ? "set title " + in_script(plot_.title) : std::string("unset title")) + "\n";
      commands += last ? "set format x\nset xlabel " + in_script(plot_.x_label) + " noenhanced\n"
                       : "set format x ''\nunset xlabel\n";
      commands += panel_commands(panels_[k].what);
      commands +=
          "set key at graph 0.5, graph 1.02 center bottom horizontal Left reverse noenhanced "
          "samplen 2 width 1 maxrows " +
          std::to_string(legend_rows(panels_[k])) + "\n";
      panel(panels_[k], commands, steps);
    }
    if (n > 1) steps.push_back({"unset multiplot\n", {}});
    return detail::run_gnuplot(steps);
  }

 private:
  void check() const {
    if (plot_.curves.empty()) fail("plot", "there is nothing to plot");
    const auto unnamed = [&](const Curve& c) { return c.panel >= plot_.panels.size(); };
    if (!plot_.panels.empty() && std::ranges::any_of(plot_.curves, unnamed)) {
      fail("plot", "a curve stands in a panel that there is not: there are " +
                       std::to_string(plot_.panels.size()));
    }
    if (!(plot_.from < plot_.to)) fail("plot", "the range of x is empty");
    for (const Curve& curve : plot_.curves) {
      if (curve.points.x.size() != curve.points.y.size()) {
        fail("plot", "the curve '" + detail::shortened(curve.label) + "' has " +
                         std::to_string(curve.points.x.size()) + " x and " +
                         std::to_string(curve.points.y.size()) + " y");
      }
    }
  }

  void arrange() {
    if (plot_.panels.empty()) {
      arrange_by_height();
    } else {
      arrange_by_name();
    }
    if (panels_.empty()) {
      fail("plot", "nothing is finite: " + detail::shortened(plot_.curves[0].label, 60) +
                       " has no value in x from " + shortest(plot_.from) + " to " +
                       shortest(plot_.to));
    }
    for (const Tangent& tangent : plot_.tangents) {
      if (std::isfinite(tangent.y)) {
        panels_[0].extent = detail::united(panels_[0].extent, {tangent.y, tangent.y});
      }
    }
    panels_[0].has_scatters = true;
    for (const Scatter& scatter : plot_.scatters) {
      panels_[0].extent = detail::united(panels_[0].extent, detail::whole_extent(scatter.points));
    }
  }

  // Curves of like height share a panel; where heights differ too much each has its own. Tangents
  // stand with the first curve.
  void arrange_by_height() {
    double least = HUGE_VAL, most = 0;
    for (std::size_t k = 0; k < plot_.curves.size(); ++k) {
      const Extent extent = detail::shown_extent(plot_.curves[k].points);
      if (extent.empty()) continue;
      panels_.push_back({{k}, extent});
      // A level line fits in anywhere near its own size.
      const double height = extent.height() > 0 ? extent.height() : std::fabs(extent.low);
      if (height > 0) least = std::min(least, height);
      most =
          std::max(most, std::max(height, std::max(std::fabs(extent.low), std::fabs(extent.high))));
    }
    if (!panels_.empty() && most <= kOnePanel * least) {
      for (std::size_t k = 1; k < panels_.size(); ++k) {
        panels_[0].curves.push_back(panels_[k].curves[0]);
        panels_[0].extent = detail::united(panels_[0].extent, panels_[k].extent);
      }
      panels_.resize(1);
    }
  }

  void arrange_by_name() {
    for (std::size_t p = 0; p < plot_.panels.size(); ++p) {
      Panel panel{{}, {HUGE_VAL, -HUGE_VAL}, false, plot_.panels[p]};
      for (std::size_t k = 0; k < plot_.curves.size(); ++k) {
        if (plot_.curves[k].panel != p) continue;
        const Points& points = plot_.curves[k].points;
        const Extent extent = panel.what.scale == Scale::logarithmic ? positive_extent(points)
                                                                     : detail::whole_extent(points);
        if (extent.empty()) continue;
        panel.curves.push_back(k);
        panel.extent = detail::united(panel.extent, extent);
      }
      if (!panel.curves.empty()) panels_.push_back(std::move(panel));
    }
  }

  std::string terminal(double tall) const {
    return detail::terminal_command(format_, options_.width,
                                    static_cast<int>(options_.height * tall), options_);
  }

  // The legend stands above its panel, in columns as wide as its widest entry.
  std::size_t legend_rows(const Panel& panel) const {
    std::size_t widest = 0, entries = panel.curves.size();
    for (const std::size_t k : panel.curves) {
      widest = std::max(widest, detail::width_of(detail::shortened(plot_.curves[k].label, 60)));
    }
    if (panel.has_scatters) entries += plot_.scatters.size();
    if (panel.curves[0] == 0) {
      entries += plot_.tangents.size();
      for (const Tangent& tangent : plot_.tangents) {
        widest = std::max(widest, detail::width_of(detail::shortened(tangent.label, 60)));
      }
    }
    const std::size_t line = static_cast<std::size_t>(options_.width) / 8;
    const std::size_t columns = std::max<std::size_t>(1, line / (widest + 6));
    return (entries + columns - 1) / columns;
  }

  static std::string panel_commands(const PlotPanel& what) {
    // Ticks of a logarithm as 0.01, not as a power with a brace.
    const std::string label = "set ylabel " + in_script(what.y_label) + " noenhanced\n";
    return (what.y_label.empty() ? std::string("unset ylabel\n") : label) +
           (what.scale == Scale::logarithmic ? "set logscale y\nset format y '%g'\n"
                                             : "unset logscale y\nset format y\n");
  }

  // A twentieth of air above and below; a level line in the middle.
  static std::string range(const Panel& panel) {
    const Extent& extent = panel.extent;
    const auto text = [](double low, double high) {
      return "[" + shortest(low) + ":" + shortest(high) + "]";
    };
    if (panel.what.scale == Scale::logarithmic) {
      const double air = std::max(1.01, std::pow(extent.high / extent.low, 0.05));
      return text(extent.low / air, extent.high * air);
    }
    double air = 0.05 * extent.height();
    if (!(air > 0)) air = std::max(std::fabs(extent.low), 1.0) * 0.5;
    return text(extent.low - air, extent.high + air);
  }

  void panel(const Panel& panel, std::string commands, std::vector<GnuplotStep>& steps) const {
    commands += "set xrange [" + shortest(plot_.from) + ":" + shortest(plot_.to) + "]\n";
    commands += "set yrange " + range(panel) + "\n";
    const bool text = format_ == PlotFormat::text;
    std::string plots;
    std::vector<Points> data;
    const auto add = [&](const Points& points, std::string_view how, std::string_view label) {
      plots += (plots.empty() ? "plot '-' " : ", '-' ") + std::string(how) + " title " +
               in_script(label);
      data.push_back(points);
    };
    const bool first = panel.curves[0] == 0;
    if (panel.has_scatters) {
      for (const Scatter& scatter : plot_.scatters) {
        add(scatter.points,
            text ? "with points pointtype '.'"
                 : "with points pointtype 7 pointsize 0.35 linecolor rgb '#8f9aa5'",
            scatter.label);
      }
    }
    for (const std::size_t k : panel.curves) {
      const Curve& curve = plot_.curves[k];
      const std::string colour(detail::kColours[k % detail::kColours.size()]);
      add(curve.points,
          text ? "with lines" : "with lines linewidth 2 linecolor rgb '" + colour + "'",
          curve.label);
    }
    if (first) {
      for (const Tangent& tangent : plot_.tangents) {
        const auto y = [&](double x) { return tangent.y + tangent.slope * (x - tangent.x); };
        const std::string colour = " linecolor rgb '" + std::string(kTangentColour) + "'";
        add({{plot_.from, tangent.x, plot_.to}, {y(plot_.from), tangent.y, y(plot_.to)}},
            text ? "with lines" : "with lines linewidth 1.3 dashtype '-'" + colour, tangent.label);
        add({{tangent.x}, {tangent.y}},
            text ? "with points pointtype 'o'" : "with points pointtype 7 pointsize 0.8" + colour,
            "");
      }
    }
    steps.push_back({commands + plots + "\n", data});
  }

  // Panels of text one after the other: gnuplot has no layout of these.
  std::string text() {
    std::string out;
    for (const Panel& one : panels_) {
      std::vector<GnuplotStep> steps;
      panel(
          one,
          terminal(1) +
              "set encoding utf8\nset border 3\nset tics nomirror\nset xzeroaxis\nset "
              "yzeroaxis\nset key outside top center horizontal noenhanced width 2\n" +
              (plot_.title.empty() || !out.empty() ? ""
                                                   : "set title " + in_script(plot_.title) + "\n") +
              "set xlabel " + in_script(plot_.x_label) + "\n",
          steps);
      out += without_blank_edges(detail::run_gnuplot(steps));
    }
    return out;
  }

  static std::string without_blank_edges(const std::string& page) {
    std::string out, line;
    for (const char c : page) {
      if (c == '\f') continue;
      if (c != '\n') {
        line += c;
        continue;
      }
      line.erase(line.find_last_not_of(' ') + 1);
      if (!out.empty() || !line.empty()) out += line + "\n";
      line.clear();
    }
    if (!line.empty()) out += line + "\n";
    while (out.size() > 1 && out[out.size() - 2] == '\n') out.pop_back();
    return out;
  }

  const Plot& plot_;
  const PlotFormat format_;
  const PlotOptions& options_;
  std::vector<Panel> panels_;
};

}  // namespace

PlotFormat plot_format_of(std::string_view path) {
  const std::size_t name = path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1;
  const std::size_t dot = path.rfind('.');
  const std::string_view ending = dot == path.npos || dot < name ? "" : path.substr(dot + 1);
  if (ending == "svg") return PlotFormat::svg;
  if (ending == "png") return PlotFormat::png;
  if (ending == "pdf") return PlotFormat::pdf;
  if (ending == "txt") return PlotFormat::text;
  fail("plot", "'" + detail::shortened(path, 60) +
                   "' has no known ending: it is one of .svg .png .pdf .txt");
}

std::string render(const Plot& plot, PlotFormat format, const PlotOptions& options) {
  return Drawing(plot, format, options).render();
}

void plot(const Plot& plot, std::string_view path, const PlotOptions& options) {
  write_whole_file(std::string(path), render(plot, plot_format_of(path), options));
}

}  // namespace chainrule
