// Traces made at random from every row of the table, and numbers that find what a rule forgot.
#pragma once

#include <random>
#include <vector>

#include "chainrule/graph/trace.hpp"

namespace chainrule {

/// Of `size` nodes or some more: four inputs, numbers, every row, and now and then a block.
struct Wild {
  Trace trace;
  std::vector<double> point;  ///< numbers for the inputs, at which the guards hold
};
/// Quick rows leave out those that take an order: Bessel functions take long at huge numbers.
enum class Rows : unsigned char { all, quick };
enum class Calls : unsigned char { some, none };
Wild wild_trace(std::mt19937& random, std::uint32_t size, Rows rows = Rows::all,
                Calls calls = Calls::some);

/// ±0, ±inf, NaN, subnormal and huge numbers, 1, small integers, halves, and ordinary numbers.
double wild_number(std::mt19937& random);

/// The outputs at a point; the guards are not asked.
std::vector<double> values_at(const Trace& trace, std::vector<double> point);

}  // namespace chainrule
