// The hand-written contestants: the value alone, and value and derivative written out by hand.
//
// Their sources are compiled with -O3 -march=native, contraction allowed and errno unread
// (suite.cmake). The values come of the problem's own evaluate(); the derivatives are ordinary
// scalar C++ as one writes it who knows the formula: adjoints in reverse, nothing computed twice
// that is cheap to keep, inner loops over contiguous numbers. `values` and `derivatives` are laid
// out as the suite lays them out: task by task, row by row.
#pragma once

#include <span>

#include "bench/suite/problems/ba.hpp"
#include "bench/suite/problems/det.hpp"
#include "bench/suite/problems/gmm.hpp"
#include "bench/suite/problems/ht.hpp"
#include "bench/suite/problems/kmeans.hpp"
#include "bench/suite/problems/llsq.hpp"
#include "bench/suite/problems/lse.hpp"
#include "bench/suite/problems/lstm.hpp"
#include "bench/suite/problems/ode.hpp"
#include "bench/suite/problems/swaption.hpp"

namespace bench::manual {

using Values = std::span<double>;
using Derivatives = std::span<double>;

void plain(const Mixture& problem, const double* inputs, Values values);
void plain(const BundleAdjustment& problem, Values values);
/// One observation, at 15 inputs of one's own.
void plain_observation(const BundleAdjustment& problem, Index t, const double* x, double* error);
void plain(const HandTracking& problem, const double* theta, Values values);
/// The complicated variant.
void plain_on_triangles(const HandTracking& problem, Values values);
void plain(const Lstm& problem, const double* inputs, Values values);
void plain(const LogSumExp& problem, const double* inputs, Values values);
void plain(const LeastSquares& problem, const double* inputs, Values values);
void plain(const KMeans& problem, const double* inputs, Values values);
void plain(const RungeKutta& problem, const double* inputs, Values values);
/// All of the last state.
std::vector<double> solve(const RungeKutta& problem);
void plain(const Determinant& problem, const double* inputs, Values values);
void plain(const Swaptions& problem, const double* inputs, Values values);

void derive(const Mixture& problem, Values values, Derivatives derivatives);
void derive(const BundleAdjustment& problem, Values values, Derivatives derivatives);
void derive(const HandTracking& problem, Values values, Derivatives derivatives);
void derive(const Lstm& problem, Values values, Derivatives derivatives);
void derive(const LogSumExp& problem, Values values, Derivatives derivatives);
void derive(const LeastSquares& problem, Values values, Derivatives derivatives);
void derive(const KMeans& problem, Values values, Derivatives derivatives);
void derive(const RungeKutta& problem, Values values, Derivatives derivatives);
void derive(const Determinant& problem, Values values, Derivatives derivatives);
void derive(const Swaptions& problem, Values values, Derivatives derivatives);

}  // namespace bench::manual
