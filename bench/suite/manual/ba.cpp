// Bundle adjustment: the 2 × 15 Jacobian of an observation in closed form.
//
// With X = P − C, θ = |r|, w = r/θ, c = cos θ, s = sin θ:   y = c X + s w×X + (1 − c)(w·X) w
//   ∂y/∂X = c I + s [w]× + (1 − c) w wᵀ = R,   ∂y/∂C = −R
//   ∂y/∂r = a wᵀ + B (I − w wᵀ)/θ    with  a = −s X + c w×X + s (w·X) w,
//                                          B = −s [X]× + (1 − c)((w·X) I + w Xᵀ)
#include "bench/suite/manual/manual.hpp"

namespace bench::manual {

void plain(const BundleAdjustment& problem, Values values) {
  for (Index t = 0; t < problem.count(); ++t) {
    reprojection_error(problem.camera(t), problem.place(t), problem.weights()[t],
                       problem.feature(t), &values[2 * t]);
  }
}

void plain_observation(const BundleAdjustment& problem, Index t, const double* x, double* error) {
  problem.evaluate(t, x, error);
}

namespace {

/// y, R and ∂y/∂r, the matrices row-major.
void rotate_with_slopes(const double* r, const double* X, double* y, double* R, double* S) {
  const double square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
  if (!(square > 0)) {
    // y = X + r × X
    const double cross[9] = {0, -r[2], r[1], r[2], 0, -r[0], -r[1], r[0], 0};
    const double slope[9] = {0, X[2], -X[1], -X[2], 0, X[0], X[1], -X[0], 0};
    for (Index i = 0; i < 3; ++i) {
      y[i] = X[i];
      for (Index j = 0; j < 3; ++j) {
        y[i] += cross[3 * i + j] * X[j];
        R[3 * i + j] = cross[3 * i + j] + (i == j ? 1 : 0);
        S[3 * i + j] = slope[3 * i + j];
      }
    }
    return;
  }
  const double theta = std::sqrt(square), inverse = 1 / theta;
  const double c = std::cos(theta), s = std::sin(theta), rest = 1 - c;
  const double w0 = r[0] * inverse, w1 = r[1] * inverse, w2 = r[2] * inverse;
  const double x0 = w1 * X[2] - w2 * X[1], x1 = w2 * X[0] - w0 * X[2], x2 = w0 * X[1] - w1 * X[0];
  const double along = w0 * X[0] + w1 * X[1] + w2 * X[2];
  const double k = rest * along;
  y[0] = c * X[0] + s * x0 + k * w0;
  y[1] = c * X[1] + s * x1 + k * w1;
  y[2] = c * X[2] + s * x2 + k * w2;

  const double r0 = rest * w0, r1 = rest * w1, r2 = rest * w2;
  R[0] = c + r0 * w0;
  R[1] = r0 * w1 - s * w2;
  R[2] = r0 * w2 + s * w1;
  R[3] = r1 * w0 + s * w2;
  R[4] = c + r1 * w1;
  R[5] = r1 * w2 - s * w0;
  R[6] = r2 * w0 - s * w1;
  R[7] = r2 * w1 + s * w0;
  R[8] = c + r2 * w2;

  const double sa = s * along;
  const double a0 = -s * X[0] + c * x0 + sa * w0;
  const double a1 = -s * X[1] + c * x1 + sa * w1;
  const double a2 = -s * X[2] + c * x2 + sa * w2;
  const double B[9] = {k + r0 * X[0],         s * X[2] + r0 * X[1],  -s * X[1] + r0 * X[2],
                       -s * X[2] + r1 * X[0], k + r1 * X[1],         s * X[0] + r1 * X[2],
                       s * X[1] + r2 * X[0],  -s * X[0] + r2 * X[1], k + r2 * X[2]};
  const double a[3] = {a0, a1, a2}, w[3] = {w0, w1, w2};
  for (Index i = 0; i < 3; ++i) {
    const double* b = B + 3 * i;
    // a wᵀ + (b − (b·w) wᵀ)/θ
    const double turn = a[i] - inverse * (b[0] * w0 + b[1] * w1 + b[2] * w2);
    for (Index j = 0; j < 3; ++j) S[3 * i + j] = turn * w[j] + inverse * b[j];
  }
}

}  // namespace

void derive(const BundleAdjustment& problem, Values values, Derivatives derivatives) {
  for (Index t = 0; t < problem.count(); ++t) {
    const double* camera = problem.camera(t);
    const double* place = problem.place(t);
    const double* feature = problem.feature(t);
    const double weight = problem.weights()[t];
    const double X[3] = {place[0] - camera[3], place[1] - camera[4], place[2] - camera[5]};
    double y[3], R[9], S[9];
    rotate_with_slopes(camera, X, y, R, S);

    const double inverse = 1 / y[2], u = y[0] * inverse, v = y[1] * inverse;
    const double square = u * u + v * v, k1 = camera[9], k2 = camera[10], focal = camera[6];
    const double stretch = 1 + square * (k1 + k2 * square), slope = 2 * (k1 + 2 * k2 * square);
    const double scale = weight * focal;
    // ∂error/∂(u, v) is symmetric; then through u = y₀/y₂, v = y₁/y₂.
    const double uu = scale * (stretch + slope * u * u) * inverse;
    const double uv = scale * slope * u * v * inverse;
    const double vv = scale * (stretch + slope * v * v) * inverse;
    const double G[2][3] = {{uu, uv, -(uu * u + uv * v)}, {uv, vv, -(uv * u + vv * v)}};
    const double image[2] = {u, v};
    for (Index i = 0; i < 2; ++i) {
      double* row = &derivatives[2 * kObservationInputs * t + kObservationInputs * i];
      for (Index j = 0; j < 3; ++j) {
        row[j] = G[i][0] * S[j] + G[i][1] * S[3 + j] + G[i][2] * S[6 + j];
        const double by_place = G[i][0] * R[j] + G[i][1] * R[3 + j] + G[i][2] * R[6 + j];
        row[3 + j] = -by_place;
        row[11 + j] = by_place;
      }
      const double distorted = image[i] * stretch, bent = scale * image[i] * square;
      const double error = distorted * focal + camera[7 + i] - feature[i];
      row[6] = weight * distorted;
      row[7 + i] = weight;
      row[8 - i] = 0;
      row[9] = bent;
      row[10] = bent * square;
      row[14] = error;
      values[2 * t + i] = weight * error;
    }
  }
}

}  // namespace bench::manual
