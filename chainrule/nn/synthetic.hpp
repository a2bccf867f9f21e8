// Data sets that are made: two inputs and a class that no straight line finds, and a curve.
//
// The same seed gives the same rows (up to the last digits of the C library's sine and cosine).
// Rows stand in a random order, classes are as even as the number of rows allows.
#pragma once

#include "chainrule/nn/data.hpp"

namespace chainrule::nn {

/// Two half circles that reach into each other: (cos t, sin t) and (1 − cos t, ½ − sin t), t evenly
/// from 0 to π, plus Gaussian noise of that deviation. Inputs (rows, 2), targets (rows,): 0 or 1.
/// These functions throw Error for rows < 0, and for noise that is negative or not finite.
DataSet moons(std::int64_t rows, double noise, Random& random);
/// Two arms of a spiral, one the other turned by π: the radius 0.1 + 0.9 s at the angle 3π s, s
/// evenly from 0 to 1. Inputs (rows, 2), targets (rows,): 0 or 1.
DataSet spirals(std::int64_t rows, double noise, Random& random);
/// Gaussian clouds of deviation `noise` round as many points as there are classes, evenly on a
/// circle of radius 4. Inputs (rows, 2), targets (rows,). Throws Error for classes < 1.
DataSet blobs(std::int64_t rows, double noise, Random& random, int classes = 3);
/// sin x plus noise, x evenly from −π to π. Inputs (rows, 1), targets (rows, 1).
DataSet sine(std::int64_t rows, double noise, Random& random);

}  // namespace chainrule::nn
