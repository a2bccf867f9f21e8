// Bundle adjustment: the reprojection error of each observation and its 2 × 15 Jacobian. ADBench
// (Šrajer, Kukelova & Fitzgibbon 2018), section 4.2.
//
// An observation is a camera, a point, a weight and the measured feature. A camera is 11 numbers:
// rotation vector, centre, focal length, principal point, two of radial distortion. Inputs of an
// observation: those, 3 of the point, 1 weight. Outputs: weight · (projection − feature).
#pragma once

#include <array>
#include <span>

#include "bench/suite/problems/common.hpp"

namespace bench {

inline constexpr Index kCameraNumbers = 11, kObservationInputs = 15;

/// Rodrigues' formula.
template <class S>
void rotate(const S* rotation, const S* p, S* out) {
  using std::cos, std::sin, std::sqrt;
  const S square =
      rotation[0] * rotation[0] + rotation[1] * rotation[1] + rotation[2] * rotation[2];
  if (!(square > 0.0)) {
    for (Index i = 0; i < 3; ++i) {
      const Index j = (i + 1) % 3, k = (i + 2) % 3;
      out[i] = p[i] + (rotation[j] * p[k] - rotation[k] * p[j]);
    }
    return;
  }
  const S angle = sqrt(square);
  const S cosine = cos(angle), sine = sin(angle);
  const S inverse = 1.0 / angle;
  S axis[3];
  for (Index i = 0; i < 3; ++i) axis[i] = rotation[i] * inverse;
  const S along = (axis[0] * p[0] + axis[1] * p[1] + axis[2] * p[2]) * (1.0 - cosine);
  for (Index i = 0; i < 3; ++i) {
    const Index j = (i + 1) % 3, k = (i + 2) % 3;
    out[i] = p[i] * cosine + (axis[j] * p[k] - axis[k] * p[j]) * sine + axis[i] * along;
  }
}

/// The error of one observation. `feature` may be of another type than S.
template <class S, class F>
void reprojection_error(const S* camera, const S* place, const S& weight, const F* feature,
                        S* error) {
  const S *center = camera + 3, *radial = camera + 9;
  const S& focal = camera[6];
  S from_center[3], seen[3];
  for (Index i = 0; i < 3; ++i) from_center[i] = place[i] - center[i];
  rotate(camera, from_center, seen);
  S image[2] = {seen[0] / seen[2], seen[1] / seen[2]};
  const S square = image[0] * image[0] + image[1] * image[1];
  const S stretch = 1.0 + radial[0] * square + radial[1] * square * square;
  for (Index i = 0; i < 2; ++i) {
    const S pixel = image[i] * stretch * focal + camera[7 + i];
    error[i] = weight * (pixel - feature[i]);
  }
}

namespace detail {

inline void draw_camera(Draw& draw, double* camera) {
  for (Index i = 0; i < 3; ++i) camera[i] = 0.2 * draw.uniform(-1, 1);
  for (Index i = 3; i < 6; ++i) camera[i] = draw.uniform(-1, 1);
  camera[6] = 500 + 20 * draw.uniform(-1, 1);
  for (Index i = 7; i < 9; ++i) camera[i] = 10 * draw.uniform(-1, 1);
  for (Index i = 9; i < 11; ++i) camera[i] = 0.01 * draw.uniform(-1, 1);
}
inline void draw_place(Draw& draw, double* place) {
  for (Index i = 0; i < 2; ++i) place[i] = draw.uniform(-1, 1);
  place[2] = 6 + draw.uniform(-1, 1);
}

}  // namespace detail

/// Observations that each have a camera and a point of their own. One small tape an observation.
class Reprojection {
 public:
  static constexpr Index kOutputs = 2;
  static constexpr Tasks kTasks = Tasks::apart;

  explicit Reprojection(Index observations)
      : count_(observations), inputs_(kObservationInputs * count_), features_(2 * count_) {
    Draw draw(4);
    for (Index t = 0; t < count_; ++t) {
      double* x = &inputs_[kObservationInputs * t];
      detail::draw_camera(draw, x);
      detail::draw_place(draw, x + kCameraNumbers);
      x[14] = 1 + 0.1 * draw.uniform(-1, 1);
      for (Index i = 0; i < 2; ++i) features_[2 * t + i] = 100 * draw.uniform(-1, 1);
    }
  }
  Index count() const { return count_; }
  Index inputs() const { return kObservationInputs; }
  double step() const { return 1e-4; }
  const double* point(Index t) const { return &inputs_[kObservationInputs * t]; }

  template <class S>
  void evaluate(Index t, const S* x, S* y) const {
    reprojection_error(x, x + kCameraNumbers, x[14], &features_[2 * t], y);
  }

 private:
  Index count_;
  std::vector<double> inputs_, features_;
};

/// The whole problem: tables of cameras and of points, and observations that name a row of each.
class BundleAdjustment {
 public:
  static constexpr Index kOutputs = 2;
  static constexpr Tasks kTasks = Tasks::apart;

  BundleAdjustment(Index cameras, Index places, Index observations)
      : cameras_(kCameraNumbers * cameras),
        places_(3 * places),
        weights_(observations),
        features_(2 * observations),
        camera_of_(observations),
        place_of_(observations) {
    Draw draw(4);
    for (Index c = 0; c < cameras; ++c) detail::draw_camera(draw, &cameras_[kCameraNumbers * c]);
    for (Index p = 0; p < places; ++p) detail::draw_place(draw, &places_[3 * p]);
    for (double& weight : weights_) weight = 1 + 0.1 * draw.uniform(-1, 1);
    for (double& feature : features_) feature = 100 * draw.uniform(-1, 1);
    // As the data sets have it: the observations of a point follow one another.
    for (Index t = 0; t < observations; ++t) {
      camera_of_[t] = static_cast<std::uint32_t>(draw.below(cameras));
      place_of_[t] = static_cast<std::uint32_t>(t * places / observations);
    }
  }
  BundleAdjustment(std::vector<double> cameras, std::vector<double> places,
                   std::vector<double> weights, std::vector<double> features,
                   std::vector<std::uint32_t> camera_of, std::vector<std::uint32_t> place_of)
      : cameras_(std::move(cameras)),
        places_(std::move(places)),
        weights_(std::move(weights)),
        features_(std::move(features)),
        camera_of_(std::move(camera_of)),
        place_of_(std::move(place_of)) {}

  Index count() const { return weights_.size(); }
  Index inputs() const { return kObservationInputs; }
  double step() const { return 1e-4; }
  std::array<double, kObservationInputs> point(Index t) const {
    std::array<double, kObservationInputs> x;
    for (Index i = 0; i < kCameraNumbers; ++i) x[i] = camera(t)[i];
    for (Index i = 0; i < 3; ++i) x[kCameraNumbers + i] = place(t)[i];
    x[14] = weights_[t];
    return x;
  }
  std::vector<Part> groups() const { return {{"Jacobians", 2 * kObservationInputs * count()}}; }

  template <class S>
  void evaluate(Index t, const S* x, S* y) const {
    reprojection_error(x, x + kCameraNumbers, x[14], feature(t), y);
  }

  const double* camera(Index t) const { return &cameras_[kCameraNumbers * camera_of_[t]]; }
  const double* place(Index t) const { return &places_[3 * place_of_[t]]; }
  const double* feature(Index t) const { return &features_[2 * t]; }
  std::span<const double> cameras() const { return cameras_; }
  std::span<const double> places() const { return places_; }
  std::span<const double> weights() const { return weights_; }
  std::span<const double> features() const { return features_; }
  std::span<const std::uint32_t> camera_of() const { return camera_of_; }
  std::span<const std::uint32_t> place_of() const { return place_of_; }

 private:
  std::vector<double> cameras_, places_, weights_, features_;
  std::vector<std::uint32_t> camera_of_, place_of_;
};

}  // namespace bench
