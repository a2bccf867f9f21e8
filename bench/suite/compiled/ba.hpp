// Bundle adjustment: rows are observations, which read their camera and point through an index.
#pragma once

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/ba.hpp"

namespace bench::suite {

/// (camera, place, weight, feature) ↦ the error, 2 numbers, and its 2 × 15 Jacobian.
inline Function observation() {
  return chainrule::record(
      [](const Scalars& camera, const Scalars& place, const Scalar& weight,
         const Scalars& feature) {
        Scalar error[2];
        reprojection_error(camera.data(), place.data(), weight, feature.data(), error);
        Scalars by(camera), out(error, error + 2);
        append(by, place);
        by.push_back(weight);
        for (const Scalar& e : error) append(out, chainrule::recorded_gradient(e, by));
        return out;
      },
      std::vector{0.1, 0.2, 0.3, 0.0, 0.0, 0.0, 500.0, 0.0, 0.0, 0.01, 0.01},
      std::vector{0.0, 0.0, 6.0}, 1.0, std::vector{0.0, 0.0});
}

class CompiledBundleAdjustment {
 public:
  explicit CompiledBundleAdjustment(const BundleAdjustment& problem)
      : problem_(problem), observation_(kernels_.make([] { return observation(); })) {}

  const Kernels& kernels() const { return kernels_; }

  void run(std::span<double> errors, std::span<double> jacobians, unsigned threads) const {
    const Source sources[] = {
        Source::gathered(problem_.cameras(), kCameraNumbers, problem_.camera_of()),
        Source::gathered(problem_.places(), 3, problem_.place_of()),
        Source::rows(problem_.weights(), 1), Source::rows(problem_.features(), 2)};
    const Sink sinks[] = {Sink::rows(errors, 2), Sink::rows(jacobians, 2 * kObservationInputs)};
    observation_.run(sources, sinks, problem_.count(), threads);
  }

 private:
  const BundleAdjustment& problem_;
  Kernels kernels_;
  Kernel observation_;
};

}  // namespace bench::suite
