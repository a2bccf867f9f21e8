// Second order: the reverse sweep read over Dual, forward over reverse. Where it meets a block,
// whose derivative is no row of the table, the recorded gradient is differentiated instead.
#include <algorithm>
#include <string>

#include "chainrule/op/dual.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/cone_internal.hpp"
#include "chainrule/tape/inspect.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule {
namespace {

using detail::Recorder;

using D = Dual<double>;

// Seeds the xs with a direction, carries tangents forward, then adjoints in dual numbers back: the
// adjoints' tangents are the Hessian times the direction.
class SecondOrder {
 public:
  SecondOrder(const Scalar& y, std::span<const Scalar> xs)
      : state_(active_state()),
        recorder_(state_.rows),
        xs_(xs),
        cone_(state_, {&y, 1}, "hessian"),
        values_(cone_.rows.size()) {
    for (const Scalar& x : xs) {
      const NodeId node = Tape::active().node_of(x, "hessian");
      if (is_operation(recorder_.codes[node.index])) {
        fail("hessian",
             name_of(Tape::active(), node) +
                 " is the result of an operation: second derivatives are taken by leaves");
      }
    }
  }

  bool has_blocks() const {
    return std::ranges::any_of(cone_.rows, [this](std::uint32_t row) {
      return recorder_.codes[row] == detail::Code::block;
    });
  }

  void clear() {
    for (std::size_t k = 0; k < cone_.rows.size(); ++k) values_[k] = D(value_of(k));
  }

  void seed(std::size_t i, double tangent) {
    const std::uint32_t place = cone_.place_of(xs_[i]);
    if (place != Cone::kNowhere) values_[place] = D(value_of(place), tangent);
  }

  void run(std::span<double> out) {
    D x[3];
    for (std::size_t k = 0; k < cone_.rows.size(); ++k) {
      const Operands operands(state_, cone_.rows[k]);
      if (operands.count() == 0) continue;
      read(operands, x);
      values_[k] = read_value<D>(op_of(recorder_.codes[cone_.rows[k]]), x);
    }
    adjoints_.assign(cone_.rows.size(), Push<D>(None{}));
    adjoints_.back() = Push<D>(D(1.0));
    for (std::size_t k = cone_.rows.size(); k-- > 0;) {
      const Push<D> g = adjoints_[k];
      const Operands operands(state_, cone_.rows[k]);
      if (!g.taken || operands.count() == 0) continue;
      read(operands, x);
      read_pullback<D>(op_of(recorder_.codes[cone_.rows[k]]), g.value, x, values_[k],
                       [&](int i, const D& contribution) {
                         const auto operand = static_cast<std::size_t>(i);
                         if (operands.is_number(operand)) return;
                         Push<D>& target = adjoints_[cone_.place[operands.link(operand)]];
                         target =
                             Push<D>(target.taken ? target.value + contribution : contribution);
                       });
    }
    for (std::size_t i = 0; i < xs_.size(); ++i) {
      const std::uint32_t place = cone_.place_of(xs_[i]);
      const bool reached = place != Cone::kNowhere && adjoints_[place].taken;
      out[i] = reached ? adjoints_[place].value.tangent : 0.0;
    }
  }

 private:
  double value_of(std::size_t k) const { return recorder_.values[cone_.rows[k]]; }

  void read(const Operands& operands, D* x) const {
    for (std::size_t i = 0; i < operands.count(); ++i) {
      x[i] =
          operands.is_number(i) ? D(operands.values()[i]) : values_[cone_.place[operands.link(i)]];
    }
  }

  const Tape::State& state_;
  const Recorder& recorder_;
  std::span<const Scalar> xs_;
  Cone cone_;
  std::vector<D> values_;
  std::vector<Push<D>> adjoints_;
};

// By differentiating the recorded gradient: through blocks, and while a Function is recorded.
void hessian_of_recording(const Scalar& y, std::span<const Scalar> xs, std::span<double> out) {
  const Frame frame = Tape::active().frame();
  const std::vector<Scalar> slopes = recorded_gradient(y, xs);
  for (std::size_t i = 0; i < xs.size(); ++i) {
    gradient(slopes[i], xs, out.subspan(i * xs.size(), xs.size()));
  }
}

void hvp_of_recording(const Scalar& y, std::span<const Scalar> xs,
                      std::span<const double> direction, std::span<double> out) {
  const Frame frame = Tape::active().frame();
  const std::vector<Scalar> slopes = recorded_gradient(y, xs);
  Scalar along = 0.0;
  for (std::size_t i = 0; i < xs.size(); ++i) along += slopes[i] * direction[i];
  gradient(along, xs, out);
}

}  // namespace

std::vector<double> hvp(const Scalar& y, std::span<const Scalar> xs,
                        std::span<const double> direction) {
  if (direction.size() != xs.size()) {
    fail("hvp", "a direction of " + std::to_string(direction.size()) + " numbers for " +
                    std::to_string(xs.size()) + " inputs");
  }
  std::vector<double> out(xs.size());
  if (y.is_number()) return out;
  SecondOrder second(y, xs);
  if (second.has_blocks() || active_state().tracing) {
    hvp_of_recording(y, xs, direction, out);
    return out;
  }
  second.clear();
  for (std::size_t i = 0; i < xs.size(); ++i) second.seed(i, direction[i]);
  second.run(out);
  return out;
}

std::vector<double> hessian(const Scalar& y, std::span<const Scalar> xs) {
  const std::size_t n = xs.size();
  std::vector<double> out(n * n);
  if (y.is_number()) return out;
  SecondOrder second(y, xs);
  if (second.has_blocks() || active_state().tracing) {
    hessian_of_recording(y, xs, out);
    return out;
  }
  for (std::size_t i = 0; i < n; ++i) {
    second.clear();
    second.seed(i, 1.0);
    second.run(std::span(out).subspan(i * n, n));
  }
  return out;
}

std::vector<double> hessian(const Scalar& y, std::initializer_list<Scalar> xs) {
  return hessian(y, std::span(xs.begin(), xs.size()));
}

}  // namespace chainrule
