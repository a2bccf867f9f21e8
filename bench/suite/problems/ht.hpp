// Hand tracking: a mesh skinned by the bones of a hand, and its distance from measured points.
// ADBench (Šrajer, Kukelova & Fitzgibbon 2018), section 4.3; the simple variant, where a
// measurement belongs to a vertex, and the complicated one, where it belongs to a place on a
// triangle with two coordinates u of its own.
//
//   error = measured − (R Σ_b w_b T_b v + t)        T_b = A_b B_b⁻¹,   A_b = A_parent(b) L_b E_b
//
// θ is 26 numbers: a rotation vector, a translation t, and four angles a finger: at its second bone
// two, at its third and fourth one each. L_b is the bone's place beside its parent, E_b the
// rotation by its Euler angles, B_b its place at rest, v a vertex at rest (four coordinates), w its
// weights, of which few are not 0. The model is synthetic, of the published shape: 22 bones, 544
// vertices.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "bench/suite/problems/common.hpp"

namespace bench {

/// Row-major; the last row of a place in space is 0 0 0 1 and is not kept.
using Affine = std::array<double, 12>;

struct HandModel {
  std::vector<int> parents;  ///< −1 for a root; a parent stands before its children
  std::vector<Affine> beside_parent, inverse_at_rest;
  std::vector<std::array<double, 4>> vertices;
  std::vector<double> weights;  ///< vertices × bones
  std::vector<std::array<std::uint32_t, 3>> triangles;
  bool is_mirrored = false;

  Index bones() const { return parents.size(); }
};

inline constexpr Index kHandNumbers = 26, kFingers = 5, kFingerBones = 4, kFingerAngles = 4;

/// Where the angle of a finger acts: the bone of the finger (1, 2 or 3) and the axis.
struct HandJoint {
  Index bone;
  Index axis;
};
inline constexpr HandJoint kHandJoints[kFingerAngles] = {{1, 0}, {1, 1}, {2, 0}, {3, 0}};
/// The wrist is bone 0; a finger's bones follow one another.
inline constexpr Index first_bone_of(Index finger) { return 1 + kFingerBones * finger; }

namespace detail {

/// out = a b, of affine maps.
template <class A, class B, class C>
void multiply_affine(const A* a, const B* b, C* out) {
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 4; ++j) {
      C sum = a[4 * i] * b[j] + a[4 * i + 1] * b[4 + j] + a[4 * i + 2] * b[8 + j];
      if (j == 3) sum += a[4 * i + 3];
      out[4 * i + j] = sum;
    }
  }
}

/// The rotation by a rotation vector, row-major; the identity for the shortest ones.
template <class S>
void rotation_matrix(const S* vector, S* r) {
  using std::cos, std::sin, std::sqrt;
  const S norm = sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2]);
  if (norm < 1e-4) {
    for (Index i = 0; i < 9; ++i) r[i] = i % 4 == 0 ? 1.0 : 0.0;
    return;
  }
  const S x = vector[0] / norm, y = vector[1] / norm, z = vector[2] / norm;
  const S s = sin(norm), c = cos(norm);
  const S rest = 1.0 - c;
  r[0] = x * x * rest + c;
  r[1] = x * y * rest - z * s;
  r[2] = x * z * rest + y * s;
  r[3] = x * y * rest + z * s;
  r[4] = y * y * rest + c;
  r[5] = y * z * rest - x * s;
  r[6] = x * z * rest - y * s;
  r[7] = y * z * rest + x * s;
  r[8] = z * z * rest + c;
}

}  // namespace detail

class HandTracking {
 public:
  HandTracking(HandModel model, std::vector<double> theta, std::vector<std::uint32_t> of,
               std::vector<double> measured, std::vector<double> us = {})
      : model_(std::move(model)),
        theta_(std::move(theta)),
        of_(std::move(of)),
        measured_(std::move(measured)),
        us_(std::move(us)) {
    find_influences();
  }
  explicit HandTracking(Index measurements) : model_(synthetic_model()) {
    Draw draw(7);
    theta_.resize(kHandNumbers);
    for (double& angle : theta_) angle = 0.4 * draw.normal();
    for (Index i = 0; i < measurements; ++i) {
      of_.push_back(static_cast<std::uint32_t>(draw.below(model_.vertices.size())));
      for (Index j = 0; j < 3; ++j) measured_.push_back(draw.normal());
    }
    find_influences();
  }

  Index inputs() const { return kHandNumbers; }
  Index measurements() const { return of_.size(); }
  Index outputs() const { return 3 * of_.size(); }
  double step() const { return 1e-3; }
  const double* point(Index) const { return theta_.data(); }
  std::vector<Part> groups() const { return {{"Jacobian", outputs() * kHandNumbers}}; }

  const HandModel& model() const { return model_; }
  std::span<const double> theta() const { return theta_; }
  /// The vertex, or the triangle, of each measurement.
  std::span<const std::uint32_t> of() const { return of_; }
  std::span<const double> measured() const { return measured_; }
  std::span<const double> us() const { return us_; }

  /// A bone that moves a vertex.
  struct Influence {
    std::uint32_t bone;
    double weight;
  };
  std::span<const Influence> influences(Index vertex) const {
    return {influences_.data() + first_influence_[vertex],
            first_influence_[vertex + 1] - first_influence_[vertex]};
  }
  /// The vertices that a measurement speaks of, in ascending order; no other is skinned.
  std::span<const std::uint32_t> used() const { return used_; }
  /// Of each vertex its place in used().
  std::span<const std::uint32_t> place_in_used() const { return place_in_used_; }

  /// The errors of the simple variant.
  template <class S>
  void evaluate(const S* theta, S* errors) const {
    const std::vector<S> skinned = skin(theta);
    for (Index i = 0; i < of_.size(); ++i) {
      const S* at = &skinned[3 * place_in_used_[of_[i]]];
      for (Index j = 0; j < 3; ++j) errors[3 * i + j] = measured_[3 * i + j] - at[j];
    }
  }
  /// Those of the complicated one, with two u a measurement.
  template <class S>
  void evaluate(const S* theta, const S* us, S* errors) const {
    const std::vector<S> skinned = skin(theta);
    for (Index i = 0; i < of_.size(); ++i) {
      const S* at[3];
      for (Index k = 0; k < 3; ++k) {
        at[k] = &skinned[3 * place_in_used_[model_.triangles[of_[i]][k]]];
      }
      on_triangle(at[0], at[1], at[2], us + 2 * i, &measured_[3 * i], errors + 3 * i);
    }
  }

  // ---- the parts
  // ---------------------------------------------------------------------------------

  /// R, 9 numbers, and T of every bone, 12 each, the mirror in them. What R and t do is not in T.
  template <class S>
  void pose(const S* theta, S* rotation, S* bones) const {
    detail::rotation_matrix(theta, rotation);
    std::vector<S> absolute(12 * model_.bones());
    for (Index b = 0; b < model_.bones(); ++b) {
      S local[12];
      local_place(theta, b, local);
      if (model_.parents[b] < 0) {
        std::copy(local, local + 12, &absolute[12 * b]);
      } else {
        detail::multiply_affine(&absolute[12 * static_cast<Index>(model_.parents[b])], local,
                                &absolute[12 * b]);
      }
      detail::multiply_affine(&absolute[12 * b], model_.inverse_at_rest[b].data(), bones + 12 * b);
      if (model_.is_mirrored) {
        for (Index j = 0; j < 4; ++j) bones[12 * b + j] = -bones[12 * b + j];
      }
    }
  }

  /// R Σ_b T_b (w_b v) + t over all bones; `weights` and `vertex` may be of another type than S.
  template <class S, class W>
  void skinned_vertex(const S* rotation, const S* translation, const S* bones, const W* vertex,
                      const W* weights, S* out) const {
    S blended[3] = {0.0, 0.0, 0.0};
    for (Index b = 0; b < model_.bones(); ++b) {
      for (Index j = 0; j < 4; ++j) {
        const W share = weights[b] * vertex[j];
        for (Index i = 0; i < 3; ++i) blended[i] += bones[12 * b + 4 * i + j] * share;
      }
    }
    turn(rotation, translation, blended, out);
  }

  template <class S, class M>
  static void on_triangle(const S* a, const S* b, const S* c, const S* u, const M* measured,
                          S* error) {
    for (Index j = 0; j < 3; ++j) {
      error[j] = measured[j] - (u[0] * a[j] + u[1] * b[j] + (1.0 - u[0] - u[1]) * c[j]);
    }
  }

 private:
  template <class S>
  static void turn(const S* r, const S* t, const S* p, S* out) {
    for (Index i = 0; i < 3; ++i) {
      out[i] = r[3 * i] * p[0] + r[3 * i + 1] * p[1] + r[3 * i + 2] * p[2] + t[i];
    }
  }

  /// Every used vertex, 3 numbers each.
  template <class S>
  std::vector<S> skin(const S* theta) const {
    S rotation[9];
    std::vector<S> bones(12 * model_.bones()), skinned(3 * used_.size());
    pose(theta, rotation, bones.data());
    for (Index u = 0; u < used_.size(); ++u) {
      const auto& v = model_.vertices[used_[u]];
      S blended[3] = {0.0, 0.0, 0.0};
      for (const Influence& by : influences(used_[u])) {
        const S* t = &bones[12 * by.bone];
        for (Index i = 0; i < 3; ++i) {
          blended[i] += by.weight * (t[4 * i] * v[0] + t[4 * i + 1] * v[1] + t[4 * i + 2] * v[2] +
                                     t[4 * i + 3] * v[3]);
        }
      }
      turn(rotation, theta + 3, blended, &skinned[3 * u]);
    }
    return skinned;
  }

  /// L_b E_b. E = R_z R_y R_x, of the angles (x, z, y); at most the first two move.
  template <class S>
  void local_place(const S* theta, Index b, S* local) const {
    using std::cos, std::sin;
    const double* beside = model_.beside_parent[b].data();
    const S* angles[2] = {nullptr, nullptr};
    for (Index a = 0; a < kFingers * kFingerAngles; ++a) {
      const HandJoint joint = kHandJoints[a % kFingerAngles];
      if (first_bone_of(a / kFingerAngles) + joint.bone == b) angles[joint.axis] = theta + 6 + a;
    }
    if (angles[0] == nullptr) {
      for (Index i = 0; i < 12; ++i) local[i] = beside[i];
      return;
    }
    const S cx = cos(*angles[0]), sx = sin(*angles[0]);
    S euler[12] = {1.0, 0.0, 0.0, 0.0, 0.0, cx, -sx, 0.0, 0.0, sx, cx, 0.0};
    if (angles[1] != nullptr) {
      const S cz = cos(*angles[1]), sz = sin(*angles[1]);
      const S both[12] = {cz,         -(sz * cx), sz * sx, 0.0, sz, cz * cx,
                          -(cz * sx), 0.0,        0.0,     sx,  cx, 0.0};
      std::copy(both, both + 12, euler);
    }
    detail::multiply_affine(beside, euler, local);
  }

  void find_influences() {
    const Index vertices = model_.vertices.size(), bones = model_.bones();
    for (Index v = 0; v < vertices; ++v) {
      first_influence_.push_back(static_cast<std::uint32_t>(influences_.size()));
      for (Index b = 0; b < bones; ++b) {
        const double weight = model_.weights[v * bones + b];
        if (weight != 0) influences_.push_back({static_cast<std::uint32_t>(b), weight});
      }
    }
    first_influence_.push_back(static_cast<std::uint32_t>(influences_.size()));
    std::vector<char> speaks(vertices, 0);
    for (const std::uint32_t of : of_) {
      if (us_.empty()) {
        speaks[of] = 1;
      } else {
        for (const std::uint32_t v : model_.triangles[of]) speaks[v] = 1;
      }
    }
    place_in_used_.resize(vertices);
    for (Index v = 0; v < vertices; ++v) {
      place_in_used_[v] = static_cast<std::uint32_t>(used_.size());
      if (speaks[v]) used_.push_back(static_cast<std::uint32_t>(v));
    }
  }

  /// A wrist, five fingers of four bones, a forearm; each vertex moved by at most four bones.
  static HandModel synthetic_model() {
    constexpr Index kVertices = 544;
    Draw draw(6);
    HandModel model;
    const Index bones = 2 + kFingers * kFingerBones;
    std::vector<Affine> at_rest(bones);
    for (Index b = 0; b < bones; ++b) {
      const bool at_wrist = b == bones - 1 || (b > 0 && (b - 1) % kFingerBones == 0);
      model.parents.push_back(b == 0 ? -1 : at_wrist ? 0 : static_cast<int>(b) - 1);
      const double vector[3] = {0.3 * draw.normal(), 0.3 * draw.normal(), 0.3 * draw.normal()};
      double r[9];
      detail::rotation_matrix(vector, r);
      Affine& place = model.beside_parent.emplace_back();
      for (Index i = 0; i < 3; ++i) {
        for (Index j = 0; j < 3; ++j) place[4 * i + j] = r[3 * i + j];
        place[4 * i + 3] = 0.1 * draw.normal();
      }
      if (b == 0) {
        at_rest[b] = place;
      } else {
        detail::multiply_affine(at_rest[static_cast<Index>(model.parents[b])].data(), place.data(),
                                at_rest[b].data());
      }
      model.inverse_at_rest.push_back(inverse_of(at_rest[b]));
    }
    model.weights.assign(kVertices * bones, 0.0);
    for (Index v = 0; v < kVertices; ++v) {
      model.vertices.push_back(
          {0.3 * draw.normal(), 0.3 * draw.normal(), 0.3 * draw.normal(), 1.0});
      const Index first = draw.below(bones - 3), many = 1 + draw.below(4);
      double sum = 0;
      for (Index k = 0; k < many; ++k) {
        sum += model.weights[v * bones + first + k] = draw.uniform(0.1, 1);
      }
      for (Index k = 0; k < many; ++k) model.weights[v * bones + first + k] /= sum;
    }
    return model;
  }

  /// Of a rotation and a translation.
  static Affine inverse_of(const Affine& a) {
    Affine inverse{};
    for (Index i = 0; i < 3; ++i) {
      for (Index j = 0; j < 3; ++j) {
        inverse[4 * i + j] = a[4 * j + i];
        inverse[4 * i + 3] -= a[4 * j + i] * a[4 * j + 3];
      }
    }
    return inverse;
  }

  HandModel model_;
  std::vector<double> theta_;
  std::vector<std::uint32_t> of_;
  std::vector<double> measured_, us_;
  std::vector<Influence> influences_;
  std::vector<std::uint32_t> first_influence_, used_, place_in_used_;
};

}  // namespace bench
