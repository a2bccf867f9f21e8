// The forward sweep over numbers: tangents of many directions at once, in the order of recording.
//
// ż = Σ ∂z/∂x ẋ. A tangent that nobody seeded is absent (−0.0), not 0: partial × absent = absent,
// also where the partial is infinite.
#include <algorithm>

#include "chainrule/tape/cone_internal.hpp"
#include "chainrule/tape/inner.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule {
namespace {

using detail::Code;

class Forward {
 public:
  Forward(Tape::State& state, std::span<const Scalar> ys, std::size_t directions)
      : state_(state),
        cone_(state, ys, "jvp"),
        directions_(directions),
        tangents_(cone_.rows.size() * directions, kUnreached),
        is_seeded_(cone_.rows.size()) {}

  // The tangents of a node, or null if it is none of the cone's.
  double* at(const Scalar& x) {
    const std::uint32_t place = cone_.place_of(x);
    return place == Cone::kNowhere ? nullptr : &tangents_[place * directions_];
  }

  void seed(const Scalar& x, std::size_t direction, double tangent) {
    const std::uint32_t place = cone_.place_of(x);
    if (place == Cone::kNowhere || is_unreached(tangent)) return;
    accumulate(tangents_[place * directions_ + direction], tangent);
    is_seeded_[place] = true;
  }

  void run() {
    std::vector<double> seeds;
    for (std::size_t k = 0; k < cone_.rows.size(); ++k) {
      const std::uint32_t row = cone_.rows[k];
      const Code code = state_.rows.codes[row];
      if (code == Code::block) run_block(block_at(state_, row));
      if (!is_operation(code)) continue;
      double* to = &tangents_[k * directions_];
      if (is_seeded_[k]) seeds.assign(to, to + directions_);
      const Operands operands(state_, row);
      operands.pull_back(1.0, [&](std::size_t i, double partial) {
        if (operands.is_number(i)) return;
        const double* from = of(operands.link(i));
        for (std::size_t d = 0; d < directions_; ++d) {
          if (!is_unreached(from[d])) accumulate(to[d], partial * from[d]);
        }
      });
      if (!is_seeded_[k]) continue;
      // What has a seed has no other tangent.
      for (std::size_t d = 0; d < directions_; ++d) {
        if (!is_unreached(seeds[d])) to[d] = seeds[d];
      }
    }
  }

 private:
  double* of(std::uint32_t row) { return &tangents_[cone_.place[row] * directions_]; }

  void run_block(const BlockRow& block) {
    const std::vector<double> x = operand_values(state_, block);
    const std::span<const double> z(state_.rows.values + block.row + 1, block.zbar.size());
    std::vector<double> xdot(x.size()), zdot(z.size());
    for (std::size_t d = 0; d < directions_; ++d) {
      bool any = false;
      for (std::size_t k = 0; k < x.size(); ++k) {
        xdot[k] = block.is_number[k] ? kUnreached : of(block.links[k])[d];
        any = any || !is_unreached(xdot[k]);
      }
      if (!any) continue;
      std::ranges::fill(zdot, kUnreached);
      {
        const Inner apart(Inner::Sealed{});
        block.block->jvp(x, z, xdot, zdot);
      }
      for (std::uint32_t j = 0; j < zdot.size(); ++j) {
        if (cone_.place_of(block.row + 1 + j) == Cone::kNowhere) continue;
        double& to = of(block.row + 1 + j)[d];
        if (is_unreached(to)) to = zdot[j];  // what has arrived is a seed
      }
    }
  }

  Tape::State& state_;
  const Cone cone_;
  const std::size_t directions_;
  std::vector<double> tangents_;  // by place in the cone, then direction
  std::vector<bool> is_seeded_;   // by place in the cone, in any direction
};

// Where there are arrays, whose operations have a pullback only: ẏ is linear in ẋ, and x̄(ȳ) in ȳ,
// so that ẏ = ∂(Σ ẋ x̄)/∂ȳ, by a reverse sweep over a recorded one.
template <class Found>
void transposed_sweep_for(std::span<const Scalar> ys, std::span<const Scalar> xs,
                          std::span<const double> seeds, std::size_t directions, Found&& found) {
  const Frame frame = Tape::active().frame();
  std::vector<Scalar> weights;
  for (std::size_t j = 0; j < ys.size(); ++j) weights.push_back(variable(0.0));
  const std::vector<Scalar> slopes = recorded_vjp(ys, weights, xs);
  std::vector<double> tangents(ys.size());
  for (std::size_t d = 0; d < directions; ++d) {
    adjoints(slopes, seeds.subspan(d * xs.size(), xs.size()), weights, tangents);
    for (std::size_t j = 0; j < ys.size(); ++j) found(j, d, tangents[j]);
  }
}

// Calls found(j, direction, tangent) for each y, kUnreached where nothing arrives.
template <class Found>
void sweep_for(std::span<const Scalar> ys, std::span<const Scalar> xs,
               std::span<const double> seeds, std::size_t directions, Found&& found) {
  if (active_state().arrays && has_arrays(active_state(), Cone(active_state(), ys, "jvp").rows)) {
    return transposed_sweep_for(ys, xs, seeds, directions, found);
  }
  Forward forward(active_state(), ys, directions);
  for (std::size_t k = 0; k < xs.size(); ++k) {
    for (std::size_t d = 0; d < directions; ++d) forward.seed(xs[k], d, seeds[d * xs.size() + k]);
  }
  forward.run();
  for (std::size_t j = 0; j < ys.size(); ++j) {
    const double* tangents = forward.at(ys[j]);
    for (std::size_t d = 0; d < directions; ++d) {
      found(j, d, tangents == nullptr ? kUnreached : tangents[d]);
    }
  }
}

}  // namespace

std::vector<double> jvp(std::span<const Scalar> ys, std::span<const Scalar> xs,
                        std::span<const double> seeds) {
  const std::size_t directions = xs.empty() ? 0 : seeds.size() / xs.size();
  if (directions * xs.size() != seeds.size()) {
    fail("jvp", std::to_string(seeds.size()) + " seeds for directions of " +
                    std::to_string(xs.size()) + " inputs");
  }
  for (const Scalar& x : xs) Tape::active().node_of(x, "jvp");
  std::vector<double> out(ys.size() * directions);
  if (active_state().tracing) {
    for (std::size_t d = 0; d < directions; ++d) {
      const std::span<const double> direction = seeds.subspan(d * xs.size(), xs.size());
      std::ranges::transform(
          recorded_jvp(ys, xs, std::vector<Scalar>(direction.begin(), direction.end())),
          out.begin() + static_cast<std::ptrdiff_t>(d * ys.size()),
          [](const Scalar& slope) { return slope.value({}); });
    }
    return out;
  }
  sweep_for(ys, xs, seeds, directions, [&](std::size_t j, std::size_t d, double tangent) {
    out[d * ys.size() + j] = arrived(tangent);
  });
  return out;
}

void tangents(std::span<const Scalar> ys, std::span<const Scalar> xs, std::span<const double> seeds,
              std::span<double> out) {
  sweep_for(ys, xs, seeds, 1,
            [&](std::size_t j, std::size_t, double tangent) { out[j] = tangent; });
}

}  // namespace chainrule
