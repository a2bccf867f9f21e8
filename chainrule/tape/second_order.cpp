// Second and higher orders: the reverse sweep read over Dual (forward over reverse), and over
// Scalar (recorded, to be differentiated again).
#include <algorithm>
#include <string>

#include "chainrule/op/dual.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/inspect.hpp"
#include "chainrule/tape/state_internal.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule {
namespace {

using detail::Recorder;

// The reverse sweep over any algebra V, entering only what y depends on. `rows` are those nodes,
// ascending; value_of(k) is the value of rows[k] in V. place[row] is a row's index in `rows`.
template <class V, class ValueOf, class NumberOf>
std::vector<Push<V>> adjoints_over(const Recorder& recorder, std::span<const std::uint32_t> rows,
                                   std::span<const std::uint32_t> place, ValueOf value_of,
                                   NumberOf number_of) {
  std::vector<Push<V>> adjoints(rows.size(), Push<V>(None{}));
  adjoints.back() = Push<V>(V(1.0));
  for (std::size_t k = rows.size(); k-- > 0;) {
    const Push<V> g = adjoints[k];
    const Operands operands(recorder, rows[k]);
    if (!g.taken || operands.count == 0) continue;
    V x[3] = {V(0.0), V(0.0), V(0.0)};
    for (int i = 0; i < operands.count; ++i) {
      x[i] =
          operands.is_number[i] ? number_of(operands.values[i]) : value_of(place[operands.link[i]]);
    }
    read_pullback<V>(
        op_of(recorder.codes[rows[k]]), g.value, x, value_of(k), [&](int i, const V& contribution) {
          if (operands.is_number[i]) return;
          Push<V>& target = adjoints[place[operands.link[i]]];
          target = target.taken ? Push<V>(target.value + contribution) : Push<V>(contribution);
        });
  }
  return adjoints;
}

// What y depends on, and where each of those rows stands in the list.
struct Cone {
  std::vector<std::uint32_t> rows;
  std::vector<std::uint32_t> place;

  Cone(const Recorder& recorder, std::uint32_t top) : rows(ancestor_rows(recorder, top)) {
    place.assign(top + std::size_t{1}, kNowhere);
    for (std::uint32_t k = 0; k < rows.size(); ++k) place[rows[k]] = k;
  }

  static constexpr std::uint32_t kNowhere = 0xFFFFFFFFu;
  std::uint32_t place_of(const Scalar& x) const {
    const std::uint32_t row = ScalarAccess::row(x);
    return row < place.size() ? place[row] : kNowhere;
  }
};

using D = Dual<double>;

// Seeds the xs with a direction, carries tangents forward, then adjoints in dual numbers back: the
// adjoints' tangents are the Hessian times the direction.
class SecondOrder {
 public:
  SecondOrder(const Scalar& y, std::span<const Scalar> xs)
      : recorder_(TapeAccess::state(Tape::active()).rows),
        xs_(xs),
        cone_(recorder_, Tape::active().node_of(y, "hessian").index),
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

  void clear() {
    for (std::size_t k = 0; k < cone_.rows.size(); ++k) values_[k] = D(value_of(k));
  }

  void seed(std::size_t i, double tangent) {
    const std::uint32_t place = cone_.place_of(xs_[i]);
    if (place != Cone::kNowhere) values_[place] = D(value_of(place), tangent);
  }

  void run(std::span<double> out) {
    for (std::size_t k = 0; k < cone_.rows.size(); ++k) {
      const Operands operands(recorder_, cone_.rows[k]);
      if (operands.count == 0) continue;
      D x[3];
      for (int i = 0; i < operands.count; ++i) {
        x[i] =
            operands.is_number[i] ? D(operands.values[i]) : values_[cone_.place[operands.link[i]]];
      }
      values_[k] = read_value<D>(op_of(recorder_.codes[cone_.rows[k]]), x);
    }
    const auto adjoints = adjoints_over<D>(
        recorder_, cone_.rows, cone_.place, [this](std::size_t k) { return values_[k]; },
        [](double number) { return D(number); });
    for (std::size_t i = 0; i < xs_.size(); ++i) {
      const std::uint32_t place = cone_.place_of(xs_[i]);
      const bool reached = place != Cone::kNowhere && adjoints[place].taken;
      out[i] = reached ? adjoints[place].value.tangent : 0.0;
    }
  }

 private:
  double value_of(std::size_t k) const { return recorder_.values[cone_.rows[k]]; }

  const Recorder& recorder_;
  std::span<const Scalar> xs_;
  Cone cone_;
  std::vector<D> values_;
};

}  // namespace

std::vector<Scalar> recorded_gradient(const Scalar& y, std::span<const Scalar> xs) {
  Tape& tape = Tape::active();
  for (const Scalar& x : xs) tape.node_of(x, "recorded_gradient");
  std::vector<Scalar> out(xs.size());
  if (y.is_number()) return out;
  const Tape::State& state = TapeAccess::state(tape);
  const Cone cone(state.rows, tape.node_of(y, "recorded_gradient").index);
  const auto adjoints = adjoints_over<Scalar>(
      state.rows, cone.rows, cone.place,
      [&](std::size_t k) { return state.handle_to(cone.rows[k]); },
      [](double number) { return Scalar(number); });
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const std::uint32_t place = cone.place_of(xs[i]);
    if (place != Cone::kNowhere && adjoints[place].taken) out[i] = adjoints[place].value;
  }
  return out;
}

std::vector<Scalar> recorded_gradient(const Scalar& y, std::initializer_list<Scalar> xs) {
  return recorded_gradient(y, std::span(xs.begin(), xs.size()));
}

std::vector<double> hvp(const Scalar& y, std::span<const Scalar> xs,
                        std::span<const double> direction) {
  if (direction.size() != xs.size()) {
    fail("hvp", "a direction of " + std::to_string(direction.size()) + " numbers for " +
                    std::to_string(xs.size()) + " inputs");
  }
  std::vector<double> out(xs.size());
  if (y.is_number()) return out;
  SecondOrder second(y, xs);
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
