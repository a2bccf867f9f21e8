// The suite: families of problems, the sizes of each, and what runs at a size.
//
// A Case is one problem at one size with its contestants. Each contestant is a Runner that fills in
// a Result: the values and the derivative, in one layout for all. The hand-written derivative is
// the truth of the others, and is itself held against central differences before anything is timed.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/suite/problems/common.hpp"

namespace bench::suite {

struct Result {
  std::vector<double> values, derivatives;
};

/// Facts about a contestant, by name: bytes of tape, nodes, seconds of preparation.
using Notes = std::vector<std::pair<std::string, double>>;

class Runner {
 public:
  virtual ~Runner() = default;
  virtual void run(Result& result) = 0;
  virtual Notes notes() const { return {}; }
};

/// What of a Result a Runner fills in, and how far the derivative is to be trusted.
enum class Gives {
  values,       ///< no derivative
  both,         ///< verified
  derivatives,  ///< verified
  gradient,     ///< the first part of the derivative alone, verified
  estimate      ///< not exact: the error is reported
};

struct Entry {
  std::string name;
  Gives gives = Gives::both;
  std::function<std::unique_ptr<Runner>()> make;
  std::string left_out = {};  ///< why it does not run, if it does not
};

struct Case {
  Index inputs = 0, values = 0;
  std::vector<Part> parts;  ///< of the derivative
  std::vector<Entry> entries;
  /// The largest relative error of the hand-written derivative against central differences.
  std::function<double(const Result&)> error_of_manual;

  Index derivatives() const {
    Index sum = 0;
    for (const Part& part : parts) sum += part.size;
    return sum;
  }
};

enum class SizeClass { small, large };

struct Size {
  std::string label;
  double abscissa;  ///< what the plots show on their x axis
  SizeClass of;     ///< the small ones alone are run by `--sizes small`
  std::function<Case()> make;
};

struct Family {
  std::string name, title, abscissa, source;
  std::vector<Size> sizes;
};

Family gmm();
Family ba();
Family ht();
Family lstm();
Family lse();
Family llsq();
Family kmeans();
Family ode();
Family det();
Family swaption();

std::vector<Family> all_families();

/// Limits beyond which a contestant is left out.
inline constexpr double kMostReplayNodes = 2e6;     ///< of a recorded gradient
inline constexpr double kMostTapeOperations = 1e8;  ///< 2.5 GB of tape
inline constexpr double kMostPeerOperations = 3e7;  ///< peers take 40 to 150 bytes an operation
inline constexpr double kMostDifferences = 5e8;     ///< operations × inputs

}  // namespace bench::suite
