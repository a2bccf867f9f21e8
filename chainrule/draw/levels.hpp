// The parts of a rectangle where a function, known on a grid, is above a level, as polygons.
//
// Marching squares: along each edge of the grid whose ends lie on both sides, the crossing is
// interpolated; in a cell with two parts above at opposite corners the mean of the four decides
// whether they meet (Lorensen & Cline 1987, in the plane). Outside of the rectangle nothing is
// above, so that every edge closes. Cost: linear in the grid.
#pragma once

#include <vector>

#include "chainrule/draw/plot.hpp"

namespace chainrule {

struct Rectangle {
  double x_from = 0, x_to = 1, y_from = 0, y_to = 1;
};

/// A function on a grid: values[row * columns + column], the first row at y_from, both ends
/// included.
struct Field {
  Rectangle where;
  std::size_t columns = 0, rows = 0;
  std::vector<double> values;
};

/// The places of a grid of that many points, row by row.
std::vector<double> xs_of(const Rectangle& where, std::size_t columns, std::size_t rows);
std::vector<double> ys_of(const Rectangle& where, std::size_t columns, std::size_t rows);

/// A closed polygon without its first corner repeated. The part that is above lies to its left.
struct Loop {
  Points corners;
  /// Signed: negative where the part above lies outside of it, so that it is a hole.
  double area = 0;
};

/// Where the field is above the level. Loops do not cross each other. Corners are left out where
/// that moves no edge by more than a 4,000th of the rectangle. Values that are not numbers are not
/// above. Throws Error unless there are two columns and rows, and as many values.
std::vector<Loop> loops_above(const Field& field, double level);

}  // namespace chainrule
