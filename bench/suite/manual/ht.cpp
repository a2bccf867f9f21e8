// Hand tracking: the derivative of every bone by every angle that moves it, then of every used
// vertex, then copied to the measurements. A vertex is at R q + t, q blended from the bones:
//   ∂/∂r_k = ∂R/∂r_k q      ∂/∂t = I      ∂/∂angle = R Σ_b w_b ∂T_b/∂angle v
#include <algorithm>

#include "bench/suite/manual/manual.hpp"

namespace bench::manual {

void plain(const HandTracking& problem, const double* theta, Values values) {
  problem.evaluate(theta, values.data());
}
void plain_on_triangles(const HandTracking& problem, Values values) {
  problem.evaluate(problem.theta().data(), problem.us().data(), values.data());
}

namespace {

/// R and ∂R/∂r_k: of R = cos I + sin [x]× + (1 − cos) x xᵀ with x = r/θ, ∂x/∂r = (I − x xᵀ)/θ.
void turn_with_slopes(const double* r, double* R, double (*S)[9]) {
  bench::detail::rotation_matrix(r, R);
  const double norm = std::sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
  if (norm < 1e-4) {
    for (Index k = 0; k < 3; ++k) std::fill(S[k], S[k] + 9, 0.0);
    return;
  }
  const double c = std::cos(norm), s = std::sin(norm), rest = 1 - c;
  const double x[3] = {r[0] / norm, r[1] / norm, r[2] / norm};
  const double cross[9] = {0, -x[2], x[1], x[2], 0, -x[0], -x[1], x[0], 0};
  for (Index k = 0; k < 3; ++k) {
    double d[3];
    for (Index i = 0; i < 3; ++i) d[i] = ((i == k ? 1 : 0) - x[i] * x[k]) / norm;
    const double turned[9] = {0, -d[2], d[1], d[2], 0, -d[0], -d[1], d[0], 0};
    for (Index i = 0; i < 3; ++i) {
      for (Index j = 0; j < 3; ++j) {
        const Index e = 3 * i + j;
        S[k][e] = x[k] * ((i == j ? -s : 0) + c * cross[e] + s * x[i] * x[j]) + s * turned[e] +
                  rest * (d[i] * x[j] + x[i] * d[j]);
      }
    }
  }
}

/// How the angles of a finger move one of its bones.
struct Moved {
  Affine by[kFingerAngles];
  Index count = 0;  ///< of angles that do, the first ones
  Index first = 0;  ///< of the finger's angles among all 26
};

struct Pose {
  double R[9], S[3][9];
  std::vector<Affine> bones;
  std::vector<Moved> moved;
};

/// E = R_z R_x, and its derivatives by x and by z.
void euler(double x, double z, double* e, double* by_x, double* by_z) {
  const double cx = std::cos(x), sx = std::sin(x), cz = std::cos(z), sz = std::sin(z);
  const double E[12] = {cz, -sz * cx, sz * sx, 0, sz, cz * cx, -cz * sx, 0, 0, sx, cx, 0};
  const double X[12] = {0, sz * sx, sz * cx, 0, 0, -cz * sx, -cz * cx, 0, 0, cx, -sx, 0};
  const double Z[12] = {-sz, -cz * cx, cz * sx, 0, cz, -sz * cx, sz * sx, 0, 0, 0, 0, 0};
  std::copy(E, E + 12, e);
  std::copy(X, X + 12, by_x);
  std::copy(Z, Z + 12, by_z);
}

/// out = a b where a is the derivative of an affine map: nothing is added for the last row.
void multiply_linear(const double* a, const double* b, double* out) {
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 4; ++j) {
      out[4 * i + j] = a[4 * i] * b[j] + a[4 * i + 1] * b[4 + j] + a[4 * i + 2] * b[8 + j] +
                       (j == 3 ? a[4 * i + 3] : 0);
    }
  }
}

/// out = a d where d is one.
void multiply_by_linear(const double* a, const double* d, double* out) {
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 4; ++j) {
      out[4 * i + j] = a[4 * i] * d[j] + a[4 * i + 1] * d[4 + j] + a[4 * i + 2] * d[8 + j];
    }
  }
}

/// R times the linear part and the translation alike.
Affine turned(const double* R, const double* a) {
  Affine out;
  multiply_by_linear(
      std::array<double, 12>{R[0], R[1], R[2], 0, R[3], R[4], R[5], 0, R[6], R[7], R[8], 0}.data(),
      a, out.data());
  return out;
}

Pose pose_of(const HandTracking& problem) {
  using bench::detail::multiply_affine;
  const HandModel& model = problem.model();
  const double* theta = problem.theta().data();
  Pose pose;
  turn_with_slopes(theta, pose.R, pose.S);
  const Index bones = model.bones();
  std::vector<Affine> absolute(bones), absolute_by[kFingerAngles];
  for (auto& by : absolute_by) by.resize(bones);
  pose.bones.resize(bones);
  pose.moved.resize(bones);
  const double mirror = model.is_mirrored ? -1 : 1;
  for (Index b = 0; b < bones; ++b) {
    const bool in_finger = b >= 1 && b < first_bone_of(kFingers);
    const Index place = in_finger ? (b - 1) % kFingerBones : 0;
    Moved& moved = pose.moved[b];
    double beside[12];
    std::copy(model.beside_parent[b].begin(), model.beside_parent[b].end(), beside);
    double local[12], by_x[12], by_z[12];
    if (in_finger && place > 0) {
      moved.first = 6 + kFingerAngles * ((b - 1) / kFingerBones);
      const double* angles = theta + moved.first;
      moved.count = place + 1;
      double E[12], X[12], Z[12];
      euler(angles[place == 1 ? 0 : place], place == 1 ? angles[1] : 0, E, X, Z);
      multiply_affine(beside, E, local);
      multiply_by_linear(beside, X, by_x);
      multiply_by_linear(beside, Z, by_z);
    } else {
      std::copy(beside, beside + 12, local);
    }
    const double* inverse = model.inverse_at_rest[b].data();
    if (model.parents[b] < 0) {
      std::copy(local, local + 12, absolute[b].begin());
    } else {
      const auto parent = static_cast<Index>(model.parents[b]);
      multiply_affine(absolute[parent].data(), local, absolute[b].data());
      for (Index a = 0; a < pose.moved[parent].count; ++a) {
        multiply_linear(absolute_by[a][parent].data(), local, absolute_by[a][b].data());
      }
      if (moved.count > 0) {
        const Index own = place == 1 ? 0 : place;
        multiply_by_linear(absolute[parent].data(), by_x, absolute_by[own][b].data());
        if (place == 1) {
          multiply_by_linear(absolute[parent].data(), by_z, absolute_by[1][b].data());
        }
      }
    }
    multiply_affine(absolute[b].data(), inverse, pose.bones[b].data());
    for (Index j = 0; j < 4; ++j) pose.bones[b][j] *= mirror;
    for (Index a = 0; a < moved.count; ++a) {
      double by[12];
      multiply_linear(absolute_by[a][b].data(), inverse, by);
      for (Index j = 0; j < 4; ++j) by[j] *= mirror;
      moved.by[a] = turned(pose.R, by);
    }
  }
  return pose;
}

void add_moved(double weight, const Affine& a, const std::array<double, 4>& v, double* out) {
  for (Index i = 0; i < 3; ++i) {
    out[i] += weight *
              (a[4 * i] * v[0] + a[4 * i + 1] * v[1] + a[4 * i + 2] * v[2] + a[4 * i + 3] * v[3]);
  }
}

}  // namespace

void derive(const HandTracking& problem, Values values, Derivatives derivatives) {
  const Pose pose = pose_of(problem);
  const double* t = problem.theta().data() + 3;
  // Of each used vertex its place and minus the 3 × 26 derivatives, direction by direction.
  constexpr Index kDirections = 3 * kHandNumbers;
  const Index used = problem.used().size();
  std::vector<double> places(3 * used), slopes(kDirections * used);
  for (Index u = 0; u < used; ++u) {
    const Index vertex = problem.used()[u];
    const auto& v = problem.model().vertices[vertex];
    double* rows = &slopes[kDirections * u];
    double q[3] = {};
    double by[kHandNumbers][3] = {};
    for (const auto& influence : problem.influences(vertex)) {
      add_moved(influence.weight, pose.bones[influence.bone], v, q);
      const Moved& moved = pose.moved[influence.bone];
      for (Index a = 0; a < moved.count; ++a) {
        add_moved(influence.weight, moved.by[a], v, by[moved.first + a]);
      }
    }
    for (Index i = 0; i < 3; ++i) {
      const double* r = pose.R + 3 * i;
      places[3 * u + i] = r[0] * q[0] + r[1] * q[1] + r[2] * q[2] + t[i];
      for (Index k = 0; k < 3; ++k) {
        const double* s = pose.S[k] + 3 * i;
        rows[kHandNumbers * i + k] = -(s[0] * q[0] + s[1] * q[1] + s[2] * q[2]);
        rows[kHandNumbers * i + 3 + k] = i == k ? -1 : 0;
      }
      for (Index a = 6; a < kHandNumbers; ++a) rows[kHandNumbers * i + a] = -by[a][i];
    }
  }
  for (Index m = 0; m < problem.measurements(); ++m) {
    const Index u = problem.place_in_used()[problem.of()[m]];
    for (Index i = 0; i < 3; ++i) {
      values[3 * m + i] = problem.measured()[3 * m + i] - places[3 * u + i];
    }
    const double* rows = &slopes[kDirections * u];
    std::copy(rows, rows + kDirections, &derivatives[kDirections * m]);
  }
}

}  // namespace bench::manual
