// What the compiled contestants share: recording, compiling, and the account of what that cost.
//
// Each family's derivative is made of Functions of one row, recorded once over Scalars and
// compiled; the numbers that rows share are prepared outside. Where a derivative is made in stages,
// each stage's adjoint is chainrule's, and this code only hands it from one to the next.
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "chainrule/emit/kernel.hpp"
#include "chainrule/transform/functions.hpp"

namespace bench::suite {

using chainrule::Function;
using chainrule::Kernel;
using chainrule::Scalar;
using chainrule::Sink;
using chainrule::Source;
using Scalars = std::vector<Scalar>;

/// A stretch of a vector of Scalars, as a problem's templates read it.
inline const Scalar* at(const Scalars& x, std::size_t place) { return x.data() + place; }

inline void append(Scalars& out, std::span<const Scalar> more) {
  out.insert(out.end(), more.begin(), more.end());
}

/// Number j of row r at numbers[j · step + r], for as many j as the Function takes: what is stored
/// structure by structure and read one element of each.
inline Source columns_of(std::span<const double> numbers, std::size_t step) {
  Source source;
  source.data = numbers.data();
  source.size = numbers.size();
  source.stride = 1;
  source.step = step;
  return source;
}
inline Sink to_columns(std::span<double> numbers, std::size_t count, std::size_t step,
                       Sink::Mode mode = Sink::Mode::store) {
  Sink sink;
  sink.data = numbers.data();
  sink.size = numbers.size();
  sink.count = count;
  sink.stride = 1;
  sink.step = step;
  sink.mode = mode;
  return sink;
}

/// Kernels, and what making them cost. `make` records: it is timed with the compilation.
class Kernels {
 public:
  template <class Make>
  Kernel make(const Make& make) {
    const auto start = std::chrono::steady_clock::now();
    Kernel kernel = chainrule::compile(make());
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    kernels_.push_back(kernel);
    return kernel;
  }

  double seconds() const { return seconds_; }
  std::size_t code_bytes() const {
    std::size_t sum = 0;
    for (const Kernel& kernel : kernels_) sum += kernel.report().code_bytes;
    return sum;
  }
  std::size_t nodes() const {
    std::size_t sum = 0;
    for (const Kernel& kernel : kernels_) sum += kernel.report().optimised_nodes;
    return sum;
  }

 private:
  std::vector<Kernel> kernels_;
  double seconds_ = 0;
};

}  // namespace bench::suite
