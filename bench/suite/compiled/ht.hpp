// Hand tracking in two stages: the pose and its derivative by the 26 parameters, one point; then a
// row a used vertex, which reads the pose and its tangents. Of the tangents, 26 for each number of
// the pose, only those that are not 0 by structure are handed on. A last kernel of the complicated
// variant has a row a measurement.
#pragma once

#include <numeric>

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/ht.hpp"

namespace bench::suite {

class CompiledHandTracking {
 public:
  static constexpr Index kSlopes = 3 * kHandNumbers;
  /// Derivatives of a measurement in the complicated variant: by two u, then by θ.
  static constexpr Index kColumns = 2 + kHandNumbers;

  explicit CompiledHandTracking(const HandTracking& problem)
      : problem_(problem),
        bones_(problem.model().bones()),
        pose_(kernels_.make([&] { return pose(); })),
        vertex_(kernels_.make([&] { return vertex(); })),
        triangle_(problem.us().empty() ? vertex_ : kernels_.make([&] { return triangle(); })),
        posed_(pose_size() + tangents_.size()),
        skinned_((3 + kSlopes) * problem.used().size()) {
    for (const auto& v : problem.model().vertices) {
      vertices_.insert(vertices_.end(), v.begin(), v.end());
    }
    if (problem.us().empty()) return;
    for (Index k = 0; k < 3; ++k) {
      for (const std::uint32_t of : problem.of()) {
        corners_[k].push_back(problem.place_in_used()[problem.model().triangles[of][k]]);
      }
    }
  }

  const Kernels& kernels() const { return kernels_; }

  /// The simple variant: errors, and their Jacobian by θ row by row.
  void run(std::span<double> errors, std::span<double> jacobian, unsigned threads) {
    skin(threads);
    for (Index m = 0; m < problem_.measurements(); ++m) {
      const double* row = &skinned_[(3 + kSlopes) * problem_.place_in_used()[problem_.of()[m]]];
      for (Index i = 0; i < 3; ++i) errors[3 * m + i] = problem_.measured()[3 * m + i] - row[i];
      std::copy(row + 3, row + 3 + kSlopes, &jacobian[kSlopes * m]);
    }
  }
  /// The complicated one: rows of kColumns.
  void run_on_triangles(std::span<double> errors, std::span<double> jacobian, unsigned threads) {
    skin(threads);
    const Source sources[] = {Source::gathered(skinned_, 3 + kSlopes, corners_[0]),
                              Source::gathered(skinned_, 3 + kSlopes, corners_[1]),
                              Source::gathered(skinned_, 3 + kSlopes, corners_[2]),
                              Source::rows(problem_.us(), 2), Source::rows(problem_.measured(), 3)};
    const Sink sinks[] = {Sink::rows(errors, 3), Sink::rows(jacobian, 3 * kColumns)};
    triangle_.run(sources, sinks, problem_.measurements(), threads);
  }

 private:
  struct Tangent {
    Index direction, of;  ///< ∂(number of the pose)/∂θ
  };
  Index pose_size() const { return 9 + 12 * bones_; }

  void skin(unsigned threads) {
    const std::span<const double> theta = problem_.theta();
    pose_.evaluate(theta, posed_);
    const Source sources[] = {Source::shared(posed_), Source::shared(theta.subspan(3, 3)),
                              Source::gathered(vertices_, 4, problem_.used()),
                              Source::gathered(problem_.model().weights, bones_, problem_.used())};
    const Sink sinks[] = {Sink::rows(skinned_, 3 + kSlopes)};
    vertex_.run(sources, sinks, problem_.used().size(), threads);
  }

  /// θ ↦ rotation and bones, then their tangents, which are listed as they come.
  Function pose() {
    return chainrule::record(
        [this](const Scalars& theta) {
          Scalars posed(pose_size());
          problem_.pose(theta.data(), &posed[0], &posed[9]);
          Scalars out(posed);
          tangents_.clear();
          for (Index k = 0; k < kHandNumbers; ++k) {
            const Scalars slopes = chainrule::recorded_jvp(posed, {&theta[k], 1}, one());
            for (Index i = 0; i < slopes.size(); ++i) {
              if (slopes[i].is_number()) continue;
              tangents_.push_back({k, i});
              out.push_back(slopes[i]);
            }
          }
          return out;
        },
        std::vector<double>(problem_.theta().begin(), problem_.theta().end()));
  }
  /// (pose and tangents, translation; vertex, weights) ↦ its place, and minus ∂place/∂θ.
  Function vertex() const {
    return chainrule::record(
        [this](const Scalars& posed, const Scalars& translation, const Scalars& v,
               const Scalars& weights) {
          Scalars place(3);
          problem_.skinned_vertex(&posed[0], translation.data(), &posed[9], v.data(),
                                  weights.data(), place.data());
          Scalars out(place);
          out.resize(3 + kSlopes);
          Index next = 0;
          for (Index k = 0; k < kHandNumbers; ++k) {
            Scalars by, along;
            for (; next < tangents_.size() && tangents_[next].direction == k; ++next) {
              by.push_back(posed[tangents_[next].of]);
              along.push_back(posed[pose_size() + next]);
            }
            if (k >= 3 && k < 6) {
              by.push_back(translation[k - 3]);
              along.push_back(1.0);
            }
            const Scalars slopes = chainrule::recorded_jvp(place, by, along);
            for (Index i = 0; i < 3; ++i) out[3 + kHandNumbers * i + k] = -slopes[i];
          }
          return out;
        },
        chainrule::shape(pose_size() + tangents_.size()), chainrule::shape(3), chainrule::shape(4),
        chainrule::shape(bones_));
  }
  /// (three corners with their slopes; u, measured) ↦ the error, and by u and θ its derivative.
  Function triangle() const {
    const auto code = [](const Scalars& a, const Scalars& b, const Scalars& c, const Scalars& u,
                         const Scalars& measured) {
      Scalars error(3), corners(a.begin(), a.begin() + 3);
      HandTracking::on_triangle(a.data(), b.data(), c.data(), u.data(), measured.data(),
                                error.data());
      append(corners, std::span(b).first(3));
      append(corners, std::span(c).first(3));
      Scalars out(error);
      out.resize(3 + 3 * kColumns);
      for (Index k = 0; k < kColumns; ++k) {
        Scalars slopes;
        if (k < 2) {
          slopes = chainrule::recorded_jvp(error, {&u[k], 1}, one());
        } else {
          Scalars along;
          for (const Scalars* corner : {&a, &b, &c}) {
            for (Index i = 0; i < 3; ++i) {
              along.push_back(-(*corner)[3 + kHandNumbers * i + (k - 2)]);
            }
          }
          slopes = chainrule::recorded_jvp(error, corners, along);
        }
        for (Index i = 0; i < 3; ++i) out[3 + kColumns * i + k] = slopes[i];
      }
      return out;
    };
    return chainrule::record(code, chainrule::shape(3 + kSlopes), chainrule::shape(3 + kSlopes),
                             chainrule::shape(3 + kSlopes), chainrule::shape(2),
                             chainrule::shape(3));
  }
  static Scalars one() { return {1.0}; }

  const HandTracking& problem_;
  const Index bones_;
  std::vector<Tangent> tangents_;
  Kernels kernels_;
  Kernel pose_, vertex_, triangle_;
  std::vector<double> posed_, skinned_, vertices_;
  std::vector<std::uint32_t> corners_[3];
};

}  // namespace bench::suite
