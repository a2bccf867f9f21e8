// The laws that every row of the table obeys, each a function of a Reading.
//
// A law answers with the first point at which it is broken, or with nothing. The same laws run on
// the rows as they are (laws_test.cpp) and on rows broken on purpose (mutation_test.cpp).
#pragma once

#include <span>
#include <string>

#include "tests/laws/samples.hpp"
#include "tests/laws/truth.hpp"

namespace chainrule::laws {

/// What the laws of one row are asked on. Made once a row: its mutants share it.
struct Samples {
  explicit Samples(const OpInfo& row);

  std::vector<Point> ordinary;
  std::vector<Point> simple;
  std::vector<Point> special;
  std::vector<Measure> measured;  ///< truth at some of the ordinary and simple points
};

struct Law {
  const char* name;
  std::string (*broken)(const Reading& row, const Samples& samples);
};

/// In order of cost.
std::span<const Law> laws();

/// How many of the samples of that row have a derivative by a complex step.
int complex_steps(const Reading& row, const Samples& samples);

}  // namespace chainrule::laws
