// The libraries that the suite compares with, each where it is found (peers.cmake).
#pragma once

#include "bench/contest.hpp"
#include "bench/suite/problems/ba.hpp"
#include "bench/suite/problems/det.hpp"
#include "bench/suite/problems/gmm.hpp"
#include "bench/suite/problems/kmeans.hpp"
#include "bench/suite/problems/llsq.hpp"
#include "bench/suite/problems/lse.hpp"
#include "bench/suite/problems/lstm.hpp"
#include "bench/suite/problems/ode.hpp"
#include "bench/suite/problems/swaption.hpp"

namespace bench::suite {

using SuiteLibrary = LibraryOf<Mixture, BundleAdjustment, Lstm, LogSumExp, LeastSquares, KMeans,
                               RungeKutta, Determinant, Swaptions>;

SuiteLibrary with_adolc();
SuiteLibrary with_sacado();
SuiteLibrary with_stan();

/// Those that are there.
std::vector<SuiteLibrary> peers();

}  // namespace bench::suite
