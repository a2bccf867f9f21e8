#include "chainrule/draw/levels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "chainrule/base/error.hpp"

namespace chainrule {
namespace {

constexpr std::uint32_t kNone = 0xFFFFFFFF;
constexpr double kTolerance = 1.0 / 4000;

double at(double from, double to, std::size_t k, std::size_t count) {
  return from + (to - from) * static_cast<double>(k) / static_cast<double>(count - 1);
}

// The edges of a cell, counted round it from below.
enum Side : unsigned char { below, right, above, left };
struct Segment {
  Side from, to;
};

// Segments of a cell, by which of its corners are above: 1 below left, 2 below right, 4 above
// right, 8 above left. What is above lies to their left.
constexpr Segment kSegments[16][2] = {
    {},
    {{below, left}},
    {{right, below}},
    {{right, left}},
    {{above, right}},
    {{below, left}, {above, right}},  // apart; together: the other diagonal's, turned round
    {{above, below}},
    {{above, left}},
    {{left, above}},
    {{below, above}},
    {{right, below}, {left, above}},
    {{right, above}},
    {{left, right}},
    {{below, right}},
    {{left, below}},
    {},
};
constexpr int kCounts[16] = {0, 1, 1, 1, 1, 2, 1, 1, 1, 1, 2, 1, 1, 1, 1, 0};
constexpr Segment kTogether[2][2] = {{{below, right}, {above, left}},   // of 5
                                     {{left, below}, {right, above}}};  // of 10

// The grid with a ring of cells round it in which nothing is above.
class March {
 public:
  March(const Field& field, double level)
      : field_(field), level_(level), columns_(field.columns + 2), rows_(field.rows + 2) {
    next_.assign(2 * columns_ * rows_, kNone);
    for (std::size_t j = 0; j + 1 < rows_; ++j) {
      for (std::size_t i = 0; i + 1 < columns_; ++i) join(i, j);
    }
  }

  std::vector<Loop> loops() {
    std::vector<Loop> loops;
    for (std::uint32_t first = 0; first < next_.size(); ++first) {
      if (next_[first] == kNone) continue;
      Points corners;
      for (std::uint32_t edge = first; next_[edge] != kNone;) {
        const auto [x, y] = crossing(edge);
        corners.x.push_back(x);
        corners.y.push_back(y);
        const std::uint32_t following = next_[edge];
        next_[edge] = kNone;
        edge = following;
      }
      loops.push_back(simplified(corners));
      if (loops.back().corners.x.size() < 3) loops.pop_back();
    }
    return loops;
  }

 private:
  bool is_outside(std::size_t i, std::size_t j) const {
    return i == 0 || j == 0 || i + 1 == columns_ || j + 1 == rows_;
  }
  double value(std::size_t i, std::size_t j) const {
    return is_outside(i, j) ? std::nan("") : field_.values[(j - 1) * field_.columns + i - 1];
  }
  bool is_above(std::size_t i, std::size_t j) const { return value(i, j) > level_; }

  // An edge is named by the corner where it begins: one to the right and one upwards.
  std::uint32_t edge(std::size_t i, std::size_t j, Side side) const {
    const std::size_t corner = (side == above ? j + 1 : j) * columns_ + (side == right ? i + 1 : i);
    return static_cast<std::uint32_t>(2 * corner + (side == left || side == right));
  }

  void join(std::size_t i, std::size_t j) {
    const int corners = is_above(i, j) | is_above(i + 1, j) << 1 | is_above(i + 1, j + 1) << 2 |
                        is_above(i, j + 1) << 3;
    const Segment* segments = kSegments[corners];
    if (kCounts[corners] == 2) {
      const double mean =
          (value(i, j) + value(i + 1, j) + value(i, j + 1) + value(i + 1, j + 1)) / 4;
      if (mean > level_) segments = kTogether[corners == 10];
    }
    for (int k = 0; k < kCounts[corners]; ++k) {
      next_[edge(i, j, segments[k].from)] = edge(i, j, segments[k].to);
    }
  }

  std::pair<double, double> place(std::size_t i, std::size_t j) const {
    const std::size_t column = std::clamp<std::size_t>(i, 1, field_.columns) - 1;
    const std::size_t row = std::clamp<std::size_t>(j, 1, field_.rows) - 1;
    const Rectangle& r = field_.where;
    return {at(r.x_from, r.x_to, column, field_.columns), at(r.y_from, r.y_to, row, field_.rows)};
  }

  std::pair<double, double> crossing(std::uint32_t edge) const {
    const std::size_t corner = edge / 2, i = corner % columns_, j = corner / columns_;
    const bool is_upward = edge % 2 == 1;
    const std::size_t i2 = i + !is_upward, j2 = j + is_upward;
    const double a = value(i, j), b = value(i2, j2);
    const auto [x, y] = place(i, j);
    const auto [x2, y2] = place(i2, j2);
    // Beside what is no finite number: at the corner that is.
    const double t = !std::isfinite(a) ? 1.0 : !std::isfinite(b) ? 0.0 : (level_ - a) / (b - a);
    return {x + t * (x2 - x), y + t * (y2 - y)};
  }

  // Douglas and Peucker 1973, without recursion: of the corners between two that are kept the one
  // farthest from the line through them is kept, if it is farther than the tolerance.
  Loop simplified(const Points& all) const {
    const Rectangle& r = field_.where;
    const double wide = r.x_to - r.x_from, high = r.y_to - r.y_from;
    const std::size_t n = all.x.size();
    const auto x = [&](std::size_t k) { return all.x[k % n] / wide; };
    const auto y = [&](std::size_t k) { return all.y[k % n] / high; };
    std::size_t opposite = 0;
    double farthest = -1;
    for (std::size_t k = 0; k < n; ++k) {
      const double d = std::hypot(x(k) - x(0), y(k) - y(0));
      if (d > farthest) farthest = d, opposite = k;
    }
    std::vector<char> is_kept(n, 0);
    is_kept[0] = is_kept[opposite] = 1;
    std::vector<std::pair<std::size_t, std::size_t>> open = {{0, opposite}, {opposite, n}};
    while (!open.empty()) {
      const auto [begin, end] = open.back();
      open.pop_back();
      const double dx = x(end) - x(begin), dy = y(end) - y(begin), length = std::hypot(dx, dy);
      double most = kTolerance;
      std::size_t chosen = 0;
      for (std::size_t k = begin + 1; k < end; ++k) {
        const double ex = x(k) - x(begin), ey = y(k) - y(begin);
        const double d = length > 0 ? std::fabs(ex * dy - ey * dx) / length : std::hypot(ex, ey);
        if (d > most) most = d, chosen = k;
      }
      if (chosen == 0) continue;
      is_kept[chosen] = 1;
      open.push_back({begin, chosen});
      open.push_back({chosen, end});
    }
    Loop loop;
    for (std::size_t k = 0; k < n; ++k) {
      if (is_kept[k] == 0) continue;
      loop.corners.x.push_back(all.x[k]);
      loop.corners.y.push_back(all.y[k]);
    }
    const Points& c = loop.corners;
    for (std::size_t k = 0, m = c.x.size(); k < m; ++k) {
      const std::size_t following = k + 1 == m ? 0 : k + 1;
      loop.area += (c.x[k] * c.y[following] - c.x[following] * c.y[k]) / 2;
    }
    return loop;
  }

  const Field& field_;
  const double level_;
  const std::size_t columns_, rows_;
  std::vector<std::uint32_t> next_;  ///< of each edge that is crossed: the one that follows
};

std::vector<double> places(const Rectangle& where, std::size_t columns, std::size_t rows,
                           bool is_x) {
  std::vector<double> all;
  all.reserve(columns * rows);
  for (std::size_t j = 0; j < rows; ++j) {
    for (std::size_t i = 0; i < columns; ++i) {
      all.push_back(is_x ? at(where.x_from, where.x_to, i, columns)
                         : at(where.y_from, where.y_to, j, rows));
    }
  }
  return all;
}

}  // namespace

std::vector<double> xs_of(const Rectangle& where, std::size_t columns, std::size_t rows) {
  return places(where, columns, rows, true);
}
std::vector<double> ys_of(const Rectangle& where, std::size_t columns, std::size_t rows) {
  return places(where, columns, rows, false);
}

std::vector<Loop> loops_above(const Field& field, double level) {
  if (field.columns < 2 || field.rows < 2 || field.values.size() != field.columns * field.rows) {
    fail("map", "a grid of " + std::to_string(field.columns) + " columns and " +
                    std::to_string(field.rows) + " rows with " +
                    std::to_string(field.values.size()) + " values");
  }
  return March(field, level).loops();
}

}  // namespace chainrule
