// Second order: the reverse sweep read over Fan, forward over reverse. Where it meets a block,
// whose derivative is no row of the table, the recorded gradient is differentiated instead.
#include <algorithm>
#include <string>

#include "chainrule/op/reading.hpp"
#include "chainrule/tape/cone_internal.hpp"
#include "chainrule/tape/fan_internal.hpp"
#include "chainrule/tape/inspect.hpp"
#include "chainrule/tape/second_order_internal.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule {
namespace {

using detail::Code;
using detail::Recorder;

// What y depends on, and the leaves that it is differentiated by.
struct Problem {
  const Tape::State& state;
  std::span<const Scalar> xs;
  Cone cone;

  Problem(const Scalar& y, std::span<const Scalar> inputs)
      : state(active_state()), xs(inputs), cone(state, {&y, 1}, "hessian") {
    for (const Scalar& x : xs) {
      const NodeId node = Tape::active().node_of(x, "hessian");
      if (is_operation(state.rows.codes[node.index])) {
        fail("hessian",
             name_of(Tape::active(), node) +
                 " is the result of an operation: second derivatives are taken by leaves");
      }
    }
  }

  // Whether a sweep over rows does not do.
  bool needs_recording() const {
    return state.tracing || std::ranges::any_of(cone.rows, [this](std::uint32_t row) {
             return state.rows.codes[row] == Code::block || state.rows.codes[row] == Code::array;
           });
  }
};

// Carries the tangents of n directions forward, then adjoints with tangents back: the adjoints'
// tangents are the Hessian times the directions.
template <std::size_t n>
class SecondOrder {
 public:
  explicit SecondOrder(const Problem& problem)
      : problem_(problem), cone_(problem.cone), rows_(problem.state.rows) {}

  /// The products with `count` ≤ n directions, one after another in seeds and in out.
  void run(std::span<const double> seeds, std::span<double> out) {
    const std::size_t inputs = problem_.xs.size(), count = seeds.size() / inputs;
    begin();
    for (std::size_t i = 0; i < inputs; ++i) {
      const std::uint32_t place = cone_.place_of(problem_.xs[i]);
      for (std::size_t d = 0; place != Cone::kNowhere && d < count; ++d) {
        const double seed = seeds[d * inputs + i];
        if (!is_unreached(seed)) values_[place].seed(d, seed);
      }
    }
    forward();
    reverse();
    for (std::size_t i = 0; i < inputs; ++i) {
      const std::uint32_t place = cone_.place_of(problem_.xs[i]);
      for (std::size_t d = 0; d < count; ++d) {
        out[d * inputs + i] = place == Cone::kNowhere ? 0.0 : adjoints_[place].tangent[d];
      }
    }
  }

 private:
  using F = Fan<n>;

  // The operands of an operation: values, and where their tangents and adjoints are.
  struct Row {
    Op op;
    int arity;
    std::uint32_t place[3];  // Cone::kNowhere for a plain number
    double value[3];
  };
  Row read(std::uint32_t row) const {
    const Code code = rows_.codes[row];
    Row result{op_of(code), info(op_of(code)).arity, {}, {}};
    const std::uint32_t links[] = {rows_.links[row].x, rows_.links[row].y,
                                   result.arity == 3 ? rows_.links[row - 1].x : 0};
    for (int k = 0; k < result.arity; ++k) {
      const bool is_number = (mask_of(code) >> k & 1) != 0;
      result.place[k] = is_number ? Cone::kNowhere : cone_.place[links[k]];
      result.value[k] = (is_number ? rows_.numbers : rows_.values)[links[k]];
    }
    return result;
  }

  void begin() {
    values_.resize(cone_.rows.size());
    for (std::size_t k = 0; k < values_.size(); ++k) values_[k] = F(rows_.values[cone_.rows[k]]);
    F unreached;
    unreached.value = kUnreached;
    adjoints_.assign(cone_.rows.size(), unreached);
  }

  void forward() {
    for (std::size_t k = 0; k < cone_.rows.size(); ++k) {
      if (!is_operation(rows_.codes[cone_.rows[k]])) continue;
      const Row row = read(cone_.rows[k]);
      F& z = values_[k];
      read_pullback<double>(row.op, 1.0, row.value, z.value, [&](int i, double partial) {
        if (row.place[i] != Cone::kNowhere) z.chain(partial, values_[row.place[i]]);
      });
    }
  }

  void reverse() {
    adjoints_.back().value = 1.0;
    F x[3];
    for (std::size_t k = cone_.rows.size(); k-- > 0;) {
      const F g = adjoints_[k];
      if (is_unreached(g.value) || !is_operation(rows_.codes[cone_.rows[k]])) continue;
      const Row row = read(cone_.rows[k]);
      for (int i = 0; i < row.arity; ++i) {
        x[i] = row.place[i] == Cone::kNowhere ? F(row.value[i]) : values_[row.place[i]];
      }
      read_pullback<F>(row.op, g, x, values_[k], [&](int i, const F& contribution) {
        if (row.place[i] == Cone::kNowhere) return;
        F& to = adjoints_[row.place[i]];
        accumulate(to.value, contribution.value);
        for (std::size_t d = 0; d < n; ++d) to.tangent[d] += contribution.tangent[d];
        to.seeded |= contribution.seeded;
      });
    }
  }

  const Problem& problem_;
  const Cone& cone_;
  const Recorder& rows_;
  std::vector<F> values_;
  std::vector<F> adjoints_;
};

// By differentiating the recorded gradient: through blocks, and while a Function is recorded.
void products_of_recording(const Scalar& y, std::span<const Scalar> xs,
                           std::span<const double> seeds, std::span<double> out) {
  const Frame frame = Tape::active().frame();
  const std::vector<Scalar> slopes = recorded_gradient(y, xs);
  std::vector<Scalar> seeded;
  std::vector<double> weights;
  for (std::size_t at = 0; at < seeds.size(); at += xs.size()) {
    seeded.clear(), weights.clear();
    for (std::size_t i = 0; i < xs.size(); ++i) {
      if (is_unreached(seeds[at + i])) continue;
      seeded.push_back(slopes[i]);
      weights.push_back(seeds[at + i]);
    }
    vjp(seeded, weights, xs, out.subspan(at, xs.size()));
  }
}

// Directions swept together: tangents of four fill a cache line with the value.
constexpr std::size_t kTogether = 4;

void products(const Scalar& y, const Problem& problem, std::span<const double> seeds,
              std::span<double> out) {
  const std::size_t inputs = problem.xs.size();
  if (problem.needs_recording()) {
    products_of_recording(y, problem.xs, seeds, out);
  } else if (seeds.size() == inputs) {
    SecondOrder<1>(problem).run(seeds, out);
  } else {
    SecondOrder<kTogether> sweep(problem);
    for (std::size_t at = 0; at < seeds.size(); at += kTogether * inputs) {
      const std::size_t size = std::min(kTogether * inputs, seeds.size() - at);
      sweep.run(seeds.subspan(at, size), out.subspan(at, size));
    }
  }
}

}  // namespace

std::vector<double> hvps(const Scalar& y, std::span<const Scalar> xs,
                         std::span<const double> seeds) {
  std::vector<double> out(seeds.size());
  if (!y.is_number() && !xs.empty()) products(y, Problem(y, xs), seeds, out);
  return out;
}

std::vector<double> hvp(const Scalar& y, std::span<const Scalar> xs,
                        std::span<const double> direction) {
  if (direction.size() != xs.size()) {
    fail("hvp", "a direction of " + std::to_string(direction.size()) + " numbers for " +
                    std::to_string(xs.size()) + " inputs");
  }
  std::vector<double> seeds(direction.begin(), direction.end());
  for (double& seed : seeds) seed += 0.0;  // a −0 of the caller's is a seed
  return hvps(y, xs, seeds);
}

std::vector<double> hessian(const Scalar& y, std::span<const Scalar> xs) {
  const std::size_t n = xs.size();
  std::vector<double> out(n * n);
  if (y.is_number() || n == 0) return out;
  const Problem problem(y, xs);
  if (problem.needs_recording()) {
    const Frame frame = Tape::active().frame();
    const std::vector<Scalar> slopes = recorded_gradient(y, xs);
    for (std::size_t i = 0; i < n; ++i) {
      gradient(slopes[i], xs, std::span(out).subspan(i * n, n));
    }
    return out;
  }
  SecondOrder<kTogether> sweep(problem);
  std::vector<double> seeds;
  for (std::size_t first = 0; first < n; first += kTogether) {
    const std::size_t count = std::min(kTogether, n - first);
    seeds.assign(count * n, kUnreached);
    for (std::size_t d = 0; d < count; ++d) seeds[d * n + first + d] = 1.0;
    sweep.run(seeds, std::span(out).subspan(first * n, count * n));
  }
  return out;
}

std::vector<double> hessian(const Scalar& y, std::initializer_list<Scalar> xs) {
  return hessian(y, std::span(xs.begin(), xs.size()));
}

}  // namespace chainrule
