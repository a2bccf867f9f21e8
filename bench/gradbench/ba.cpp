#include "bench/suite/compiled/ba.hpp"

#include "bench/gradbench/request.hpp"

using namespace bench;
using namespace bench::gradbench;

namespace {

using Problem = std::shared_ptr<const BundleAdjustment>;
constexpr Index kOfObservation = 2 * kObservationInputs;

Numbers repeated(const Numbers& one, Index times) {
  Numbers all;
  for (Index i = 0; i < times; ++i) all.insert(all.end(), one.begin(), one.end());
  return all;
}

/// One camera, point, weight and feature stand for all; each observation takes the next camera and
/// the next point, round and round.
Problem problem_of(const Json& input) {
  const Index n = input.at("n"), m = input.at("m"), p = input.at("p");
  std::vector<std::uint32_t> camera_of(p), place_of(p);
  for (Index i = 0; i < p; ++i) {
    camera_of[i] = static_cast<std::uint32_t>(i % n);
    place_of[i] = static_cast<std::uint32_t>(i % m);
  }
  return std::make_shared<const BundleAdjustment>(
      repeated(input.at("cam").get<Numbers>(), n), repeated(input.at("x").get<Numbers>(), m),
      Numbers(p, input.at("w").get<double>()), repeated(input.at("feat").get<Numbers>(), p),
      std::move(camera_of), std::move(place_of));
}

/// What keeps the weights near 1.
template <class S>
S weight_error(const S& weight) {
  return 1.0 - weight * weight;
}

Evaluation objective(const Json& input) {
  const Problem problem = problem_of(input);
  const auto errors = std::make_shared<Numbers>(2 * problem->count());
  const auto of_weights = std::make_shared<Numbers>(problem->count());
  return {[=] {
            manual::plain(*problem, *errors);
            for (Index i = 0; i < problem->count(); ++i) {
              (*of_weights)[i] = weight_error(problem->weights()[i]);
            }
          },
          [=] {
            const Index p = problem->count();
            const Json elements = {errors->at(0), errors->at(1)};
            return Json{{"reproj_error", {{"elements", elements}, {"repeated", p}}},
                        {"w_err", {{"element", of_weights->at(0)}, {"repeated", p}}}};
          }};
}

/// The Jacobian in compressed rows, of which the first 30 entries and the last are reported: the
/// two rows of each observation, then a row of one entry for each weight.
class SparseJacobian {
 public:
  SparseJacobian(Problem problem, Index cameras, Index places)
      : problem_(std::move(problem)),
        cameras_(cameras),
        places_(places),
        reprojection_(*problem_),
        weights_(kernels_.make([] {
          return chainrule::grad(
              chainrule::record([](const suite::Scalar& w) { return weight_error(w); }, 1.0));
        })),
        errors_(2 * problem_->count()),
        values_((kOfObservation + 1) * problem_->count()) {}

  void compute() {
    const Index p = problem_->count();
    const std::span values(values_);
    reprojection_.run(errors_, values.first(kOfObservation * p), 1);
    weights_.map({}, problem_->weights(), values.last(p));
    fill_structure();
  }
  Json output() const {
    return {{"rows", ends_of(rows_)}, {"cols", ends_of(columns_)}, {"vals", ends_of(values_)}};
  }

 private:
  void fill_structure() {
    const Index p = problem_->count();
    rows_.resize(3 * p + 1);
    columns_.resize(values_.size());
    rows_[0] = 0;
    Index row = 0, entry = 0;
    for (Index t = 0; t < p; ++t) {
      const Index camera = kCameraNumbers * problem_->camera_of()[t];
      const Index place = kCameraNumbers * cameras_ + 3 * problem_->place_of()[t];
      for (int repeat = 0; repeat < 2; ++repeat) {
        for (Index i = 0; i < kCameraNumbers; ++i) columns_[entry++] = camera + i;
        for (Index i = 0; i < 3; ++i) columns_[entry++] = place + i;
        columns_[entry++] = kCameraNumbers * cameras_ + 3 * places_ + t;
        rows_[++row] = entry;
      }
    }
    for (Index t = 0; t < p; ++t) {
      columns_[entry++] = kCameraNumbers * cameras_ + 3 * places_ + t;
      rows_[++row] = entry;
    }
  }
  template <class T>
  static Json ends_of(const std::vector<T>& list) {
    const Index most = std::min<Index>(kOfObservation, list.size());
    std::vector<T> ends(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(most));
    ends.push_back(list.back());
    return ends;
  }

  Problem problem_;
  Index cameras_, places_;
  suite::Kernels kernels_;
  suite::CompiledBundleAdjustment reprojection_;
  chainrule::Kernel weights_;
  Numbers errors_, values_;
  std::vector<Index> rows_, columns_;
};

Evaluation jacobian(const Json& input) {
  const auto sparse = std::make_shared<SparseJacobian>(
      problem_of(input), input.at("n").get<Index>(), input.at("m").get<Index>());
  return {[=] { sparse->compute(); }, [=] { return sparse->output(); }};
}

}  // namespace

int main(int argc, char** argv) {
  return answer(argc, argv, {{"objective", objective}, {"jacobian", jacobian}});
}
