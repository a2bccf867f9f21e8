// Polygons are painted from the largest to the smallest, so that what lies within another is over
// it: since loops do not cross, this is right however they are nested.
#include "chainrule/draw/map.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "chainrule/base/error.hpp"
#include "chainrule/base/text.hpp"
#include "chainrule/draw/gnuplot_internal.hpp"
#include "chainrule/draw/words_internal.hpp"

namespace chainrule {
namespace {

using detail::in_script;

struct Colour {
  double red, green, blue;
};

Colour colour_of(std::string_view hex) {  // "#0072b2"
  unsigned red = 0, green = 0, blue = 0;
  std::sscanf(std::string(hex).c_str(), "#%2x%2x%2x", &red, &green, &blue);
  return {static_cast<double>(red), static_cast<double>(green), static_cast<double>(blue)};
}

Colour mixed(const Colour& a, const Colour& b, double part_of_b) {
  const auto mix = [&](double x, double y) { return x + part_of_b * (y - x); };
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

std::string hex(const Colour& c) {
  char text[8];
  const auto byte = [](double x) { return static_cast<unsigned>(std::lround(x)) & 0xFFU; };
  std::snprintf(text, sizeof text, "#%02x%02x%02x", byte(c.red), byte(c.green), byte(c.blue));
  return text;
}

constexpr Colour kWhite = {255, 255, 255};

// An area in one colour.
struct Area {
  Points corners;
  double size;
  std::string colour;
};

// One 'plot' command with the data of its parts.
class Script {
 public:
  void add(const Points& points, const std::string& how, std::string_view title = {}) {
    command_ += (command_.empty() ? "plot '-' " : ", '-' ") + how +
                (title.empty() ? std::string(" notitle") : " title " + in_script(title));
    data_.push_back(points);
  }
  void paint(std::vector<Area>& areas) {
    std::ranges::stable_sort(areas, std::greater(), &Area::size);
    for (const Area& area : areas) {
      // An edge of its own colour closes the seam between neighbours.
      add(area.corners, "with filledcurves closed fillcolor rgb '" + area.colour +
                            "' fillstyle solid border linecolor rgb '" + area.colour + "'");
    }
  }
  const std::string& command() const { return command_; }
  const std::vector<Points>& data() const { return data_; }

 private:
  std::string command_;
  std::vector<Points> data_;
};

std::string ends(double from, double to) { return "[" + shortest(from) + ":" + shortest(to) + "]"; }

// All but what is drawn.
std::string frame(const Rectangle& where, std::string_view title, std::string_view x_label,
                  std::string_view y_label, PlotFormat format, const PlotOptions& options) {
  if (format == PlotFormat::text) {
    fail("map", "a map cannot be drawn as text: it is .svg, .png or .pdf");
  }
  if (!(where.x_from < where.x_to && where.y_from < where.y_to)) {
    fail("map", "the ranges x " + ends(where.x_from, where.x_to) + " and y " +
                    ends(where.y_from, where.y_to) + " enclose nothing");
  }
  return detail::terminal_command(format, options.width, options.height, options) +
         detail::axes_commands() +
         "unset grid\nunset xzeroaxis\nunset yzeroaxis\n"
         "set border 15 front\nset tics front\n"
         "set xrange " +
         ends(where.x_from, where.x_to) + "\nset yrange " + ends(where.y_from, where.y_to) +
         "\nset title " + in_script(title) + " noenhanced\nset xlabel " + in_script(x_label) +
         " noenhanced\nset ylabel " + in_script(y_label) + " noenhanced\n";
}

// ---- regions ------------------------------------------------------------------------------------

// How much of its colour a region has at each step; the first soft, the last not yet that of its
// points.
double strength(std::size_t step, std::size_t steps) {
  constexpr double kFirst = 0.14, kLast = 0.34;
  if (steps < 2) return kFirst;
  return kFirst + (kLast - kFirst) * static_cast<double>(step) / static_cast<double>(steps - 1);
}

// The areas of a region: those of each step, and the holes in them, which have the colour of the
// step before. Holes in the first belong to others, who paint them.
void add_areas(const Region& region, const Colour& colour, const std::vector<double>& steps,
               std::vector<Area>& areas) {
  const auto tint = [&](std::size_t step) {
    return hex(mixed(kWhite, colour, strength(step, steps.size())));
  };
  for (std::size_t k = 0; k < steps.size(); ++k) {
    for (Loop& loop : loops_above(region.lead, steps[k])) {
      if (loop.area > 0)
        areas.push_back({std::move(loop.corners), loop.area, tint(k)});
      else if (k > 0)
        areas.push_back({std::move(loop.corners), -loop.area, tint(k - 1)});
    }
  }
}

}  // namespace

std::string render(const RegionMap& map, PlotFormat format, const PlotOptions& options) {
  if (map.regions.empty()) fail("map", "there are no regions");
  const Rectangle& where = map.regions[0].lead.where;
  std::string head = frame(where, map.title, map.x_label, map.y_label, format, options);
  head += "set key outside right top vertical Left reverse noenhanced samplen 0 width -1 title " +
          in_script(map.legend) + " noenhanced left\n";
  const auto colour = [](std::size_t k) { return detail::kColours[k % detail::kColours.size()]; };
  std::vector<Area> areas;
  Script script;
  for (std::size_t k = 0; k < map.regions.size(); ++k) {
    add_areas(map.regions[k], colour_of(colour(k)), map.steps, areas);
  }
  script.paint(areas);
  // The boundary: each region's edge.
  for (const Region& region : map.regions) {
    for (const Loop& loop : loops_above(region.lead, 0.0)) {
      Points line = loop.corners;
      line.x.push_back(line.x[0]);
      line.y.push_back(line.y[0]);
      script.add(line, "with lines linewidth 1.2 linecolor rgb '#ffffff'");
    }
  }
  for (const Region& region : map.regions) {
    script.add(region.points, "with points pointtype 7 pointsize 0.55 linecolor rgb '#ffffff'");
  }
  std::string legend;
  for (std::size_t k = 0; k < map.regions.size(); ++k) {
    const std::string is = "with points pointtype 7 linecolor rgb '" + std::string(colour(k)) + "'";
    script.add(map.regions[k].points, is + " pointsize 0.4");
    legend += ", keyentry " + is + " pointsize 0.8 title " + in_script(map.regions[k].label);
  }
  return detail::run_gnuplot({{head + script.command() + legend + "\n", script.data()}});
}

// ---- surfaces -----------------------------------------------------------------------------------

namespace {

// From low to high: light to dark, so that it reads in grey as well (after Brewer's YlGnBu).
constexpr std::string_view kHeights[] = {"#fbf8d4", "#c9e8c0", "#8fd0c1", "#5cb5c8",
                                         "#4a8fc0", "#4a63a8", "#3f3f86"};

Colour height_colour(double part) {
  constexpr std::size_t kLast = std::size(kHeights) - 1;
  const double place = std::clamp(part, 0.0, 1.0) * static_cast<double>(kLast);
  const auto below = std::min(static_cast<std::size_t>(place), kLast - 1);
  return mixed(colour_of(kHeights[below]), colour_of(kHeights[below + 1]),
               place - static_cast<double>(below));
}

// Bounds of bands round a range: multiples of 1, 2 or 5 times a power of ten, about ten of them.
struct Bands {
  double first = 0, step = 1;
  std::size_t count = 1;
  double bound(std::size_t k) const { return first + step * static_cast<double>(k); }
};

Bands bands_of(double low, double high) {
  constexpr double kAbout = 11;
  if (!(high > low)) high = low + std::max(1.0, std::fabs(low));
  const double rough = (high - low) / kAbout;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  Bands bands;
  double nearest = HUGE_VAL;
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    const double distance = std::fabs(std::log(rough / (factor * power)));
    if (distance < nearest) bands.step = factor * power;
    nearest = std::min(nearest, distance);
  }
  bands.first = std::floor(low / bands.step) * bands.step;
  bands.count = static_cast<std::size_t>(std::ceil((high - bands.first) / bands.step));
  return bands;
}

}  // namespace

std::string render(const SurfaceMap& map, PlotFormat format, const PlotOptions& options) {
  std::vector<double> finite;
  for (const double z : map.surface.values) {
    if (std::isfinite(z)) finite.push_back(z);
  }
  if (finite.empty()) fail("map", "nothing of the surface is finite");
  const auto [low, high] = std::ranges::minmax(finite);
  const Bands bands = bands_of(low, high);
  const auto colour = [&](std::size_t band) {
    return hex(height_colour((static_cast<double>(band) + 0.5) / static_cast<double>(bands.count)));
  };

  std::string head = frame(map.surface.where, map.title, map.x_label, map.y_label, format, options);
  head += "unset key\nset cblabel " + in_script(map.z_label) + " noenhanced\nset cbrange " +
          ends(bands.bound(0), bands.bound(bands.count)) + "\nset cbtics " + shortest(bands.step) +
          "\nset palette defined (";
  for (std::size_t k = 0; k < bands.count; ++k) {
    const std::string piece = (k > 0 ? ", " : "") + std::to_string(k) + " '" + colour(k) + "', ";
    head += piece + std::to_string(k + 1) + " '" + colour(k) + "'";
  }
  head += ")\n$rows << END\n";
  const std::size_t rows = std::min({map.points.x.size(), map.points.y.size(), map.heights.size()});
  for (std::size_t k = 0; k < rows; ++k) {
    head += shortest(map.points.x[k]) + ' ' + shortest(map.points.y[k]) + ' ' +
            shortest(map.heights[k]) + '\n';
  }
  head += "END\n";

  std::vector<Area> areas;
  for (std::size_t k = 0; k < bands.count; ++k) {
    // All of it is above the first bound, rounding aside.
    const double level = k == 0 ? -HUGE_VAL : bands.bound(k);
    for (Loop& loop : loops_above(map.surface, level)) {
      if (loop.area > 0) {
        areas.push_back({std::move(loop.corners), loop.area, colour(k)});
      } else if (k > 0) {
        areas.push_back({std::move(loop.corners), -loop.area, colour(k - 1)});
      }
    }
  }
  Script script;
  script.paint(areas);
  std::string plots = script.command();
  if (rows > 0) {
    plots +=
        ", $rows using 1:2 with points pointtype 7 pointsize 0.62 linecolor rgb '#ffffff' notitle"
        ", $rows using 1:2:3 with points pointtype 7 pointsize 0.45 linecolor palette notitle";
  }
  return detail::run_gnuplot({{head + plots + "\n", script.data()}});
}

}  // namespace chainrule
