// Derivatives as recorded operations: the reverse sweep and the forward sweep, read over Scalars.
//
// On an ordinary tape the formulas choose by the values in hand. While a Function is recorded they
// choose nothing: each adjoint carries the Predicate under which it was reached, and a contribution
// whose predicate is narrower than its target's enters as select(P, contribution, 0). So the rule
// that an untaken branch adds exactly nothing holds wherever the recording is run, at every order.
#include <algorithm>
#include <cassert>

#include "chainrule/op/reading.hpp"
#include "chainrule/tape/cone_internal.hpp"
#include "chainrule/tape/sweep.hpp"
#include "chainrule/tape/traced_internal.hpp"

namespace chainrule {
namespace {

using detail::Code;

bool is_true(bool p) { return p; }
bool is_true(const Predicate& p) { return p.is_true(); }
bool is_false(bool p) { return !p; }
bool is_false(const Predicate& p) { return p.is_false(); }
bool is_same(bool p, bool q) { return p == q; }
bool is_same(const Predicate& p, const Predicate& q) { return p.is(q); }
const Scalar& scalar_in(const Scalar& v) { return v; }
const Scalar& scalar_in(const Traced& v) { return v.scalar(); }
Scalar truth_in(bool p) { return p ? 1.0 : 0.0; }
const Scalar& truth_in(const Predicate& p) { return p.truth(); }
template <class V>
Truth<V> condition_of(const Arrival& seed) {
  if constexpr (std::same_as<Truth<V>, bool>) {
    return primal(seed.holds) != 0;
  } else {
    return Predicate(seed.holds);
  }
}

// A sum of contributions (adjoints of a node, or tangents), each of which holds under a condition.
template <class V>
class Sum {
 public:
  void add(const V& value, const Truth<V>& condition) {
    if (is_false(condition)) return;
    if (is_false(holds_)) {
      value_ = value, holds_ = condition, gated_ = is_true(condition);
    } else if (is_same(holds_, condition)) {
      value_ = value_ + value;
    } else {
      using rules::or_;
      value_ = gated() + choose(condition, value, V(0.0));
      holds_ = or_(holds_, condition);
      gated_ = true;
    }
  }

  const Truth<V>& holds() const { return holds_; }
  /// The sum where it holds; anything elsewhere.
  const V& value() const { return value_; }
  /// The sum, 0 where it does not hold.
  V gated() const { return gated_ ? value_ : choose(holds_, value_, V(0.0)); }

 private:
  V value_ = V(0.0);
  Truth<V> holds_ = false;
  bool gated_ = true;  // value_ is 0 where it does not hold
};

// While it lives, what is recorded has the source lines of the rows that it is told.
class OnBehalf {
 public:
  explicit OnBehalf(Tape::State& state) : state_(state), before_(state.on_behalf_of) {}
  ~OnBehalf() { state_.on_behalf_of = before_; }
  OnBehalf(const OnBehalf&) = delete;
  OnBehalf& operator=(const OnBehalf&) = delete;
  void of(std::uint32_t row) {
    if (row >= state_.lines.size()) return;
    line_ = state_.lines[row];
    state_.on_behalf_of = &line_;
  }

 private:
  Tape::State& state_;
  const Location* before_;
  Location line_;
};

template <class V>
class Sweeps {
 public:
  // Nothing goes through `ends`.
  Sweeps(Tape::State& state, std::span<const Scalar> ys, std::span<const Scalar> ends,
         std::string_view where)
      : state_(state),
        cone_(state, ys, where, ends),
        sums_(cone_.rows.size()),
        is_end_(cone_.rows.size()) {
    for (const Scalar& end : ends) {
      if (cone_.place_of(end) != Cone::kNowhere) is_end_[cone_.place_of(end)] = true;
    }
  }

  // Adjoints from the ys down.
  void reverse(std::span<const Scalar> ys, std::span<const Arrival> seeds) {
    for (std::size_t k = 0; k < ys.size(); ++k) {
      if (Sum<V>* sum = sum_of(ys[k])) sum->add(V(seeds[k].value), condition_of<V>(seeds[k]));
    }
    OnBehalf behalf(state_);
    for (std::size_t k = cone_.rows.size(); k-- > 0;) {
      behalf.of(cone_.rows[k]);
      if (is_false(sums_[k].holds()) || is_end_[k]) continue;
      const std::uint32_t row = cone_.rows[k];
      const Code code = state_.rows.codes[row];
      if (code == Code::block_output)
        sums_[cone_.place[state_.rows.links[row].x]].add(V(0.0), sums_[k].holds());
      if (code == Code::block) pull_back_block(row, sums_[k].holds());
      if (is_operation(code)) pull_back(row, sums_[k]);
    }
  }

  // Tangents from the xs up to the ys. What has a seed has no other tangent.
  void forward(std::span<const Scalar> xs, std::span<const Arrival> seeds) {
    for (std::size_t k = 0; k < xs.size(); ++k) {
      const Truth<V> condition = condition_of<V>(seeds[k]);
      if (cone_.place_of(xs[k]) == Cone::kNowhere || is_false(condition)) continue;
      sum_of(xs[k])->add(V(seeds[k].value), condition);
      is_end_[cone_.place_of(xs[k])] = true;
    }
    OnBehalf behalf(state_);
    for (std::size_t k = 0; k < cone_.rows.size(); ++k) {
      const std::uint32_t row = cone_.rows[k];
      behalf.of(row);
      const Code code = state_.rows.codes[row];
      if (code == Code::block) push_forward_block(row);
      if (is_operation(code) && !is_end_[k]) push_forward(row, sums_[k]);
    }
  }

  // What has arrived at x.
  Arrival arrived(const Scalar& x) {
    const Sum<V>* sum = sum_of(x);
    if (sum == nullptr || is_false(sum->holds())) return {};
    return {scalar_in(sum->gated()), truth_in(sum->holds())};
  }

 private:
  Sum<V>* sum_of(const Scalar& x) {
    const std::uint32_t place = cone_.place_of(x);
    return place == Cone::kNowhere ? nullptr : &sums_[place];
  }

  V value_of(std::uint32_t row) const { return V(state_.handle_to(row)); }

  void read(const Operands& operands, V* x) const {
    for (std::size_t i = 0; i < operands.count(); ++i) {
      x[i] = operands.is_number(i) ? V(operands.values()[i]) : value_of(operands.link(i));
    }
  }

  // Calls push(operand, contribution, condition) for each operand that is recorded.
  template <class Pushed>
  void each_push(std::uint32_t row, const Operands& operands, const V& g, Pushed&& push) {
    V x[3] = {V(0.0), V(0.0), V(0.0)};
    read(operands, x);
    const V z = value_of(row);
    visit(op_of(state_.rows.codes[row]), [&]<class Row>(Row) {
      const auto pushes = [&] {
        if constexpr (Row::arity == 1) return Row::template pullback<V>(g, x[0], z);
        if constexpr (Row::arity == 2) return Row::template pullback<V>(g, x[0], x[1], z);
        if constexpr (Row::arity == 3) return Row::template pullback<V>(g, x[0], x[1], x[2], z);
      }();
      for (std::size_t k = 0; k < Row::arity; ++k) {
        if (!operands.is_number(k)) push(k, pushes.entry[k].value, pushes.entry[k].taken);
      }
    });
  }

  void pull_back(std::uint32_t row, const Sum<V>& adjoint) {
    using rules::and_;
    const Operands operands(state_, row);
    const Truth<V> holds = adjoint.holds();
    each_push(row, operands, V(adjoint.value()),
              [&](std::size_t k, const V& contribution, const Truth<V>& taken) {
                sums_[cone_.place[operands.link(k)]].add(contribution, and_(holds, taken));
              });
  }

  void push_forward(std::uint32_t row, Sum<V>& tangent) {
    using rules::and_;
    const Operands operands(state_, row);
    bool any = false;
    for (std::size_t k = 0; k < operands.count(); ++k) {
      any = any || (!operands.is_number(k) && !is_false(tangent_of(operands.link(k)).holds()));
    }
    if (!any) return;
    each_push(row, operands, V(1.0), [&](std::size_t k, const V& partial, const Truth<V>& taken) {
      const Sum<V>& from = tangent_of(operands.link(k));
      if (is_false(from.holds()) || is_false(taken)) return;
      tangent.add(partial * from.value(), and_(from.holds(), taken));
    });
  }

  const Sum<V>& tangent_of(std::uint32_t row) const { return sums_[cone_.place[row]]; }

  struct Call {
    std::vector<Scalar> x, z;
  };
  Call call_at(const BlockRow& block) const {
    Call call;
    for (std::size_t k = 0; k < block.links.size(); ++k) {
      call.x.push_back(block.is_number[k] ? Scalar(state_.rows.numbers[block.links[k]])
                                          : state_.handle_to(block.links[k]));
    }
    for (std::uint32_t j = 0; j < block.zbar.size(); ++j) {
      call.z.push_back(state_.handle_to(block.row + 1 + j));
    }
    return call;
  }

  void pull_back_block(std::uint32_t row, Truth<V> holds) {
    using rules::and_;
    const BlockRow& at = block_at(state_, row);
    const std::shared_ptr<const Block> block = at.block;
    const std::vector<std::uint32_t> links = at.links;
    const std::vector<bool> is_number = at.is_number;
    const Call call = call_at(at);
    std::vector<Arrival> zbar, xbar(call.x.size());
    for (const Scalar& z : call.z) zbar.push_back(arrived(z));
    block->pull_arrivals(call.x, call.z, zbar, xbar);
    for (std::size_t k = 0; k < links.size(); ++k) {
      if (!is_number[k])
        sums_[cone_.place[links[k]]].add(V(xbar[k].value), and_(holds, condition_of<V>(xbar[k])));
    }
  }

  void push_forward_block(std::uint32_t row) {
    using rules::and_;
    using rules::or_;
    const BlockRow& at = block_at(state_, row);
    const std::shared_ptr<const Block> block = at.block;
    const Call call = call_at(at);
    std::vector<Arrival> xdot, zdot(call.z.size());
    Truth<V> holds = false;
    for (std::size_t k = 0; k < call.x.size(); ++k) {
      xdot.push_back(at.is_number[k] ? Arrival() : arrived(call.x[k]));
      holds = or_(holds, condition_of<V>(xdot[k]));
    }
    if (is_false(holds)) return;
    block->push_arrivals(call.x, call.z, xdot, zdot);
    for (std::size_t j = 0; j < zdot.size(); ++j) {
      const std::uint32_t place = cone_.place_of(call.z[j]);
      if (place == Cone::kNowhere || is_end_[place]) continue;
      sums_[place].add(V(zdot[j].value), and_(holds, condition_of<V>(zdot[j])));
    }
  }

  Tape::State& state_;
  const Cone cone_;
  std::vector<Sum<V>> sums_;
  std::vector<bool> is_end_;
};

template <class V>
std::vector<Arrival> reverse_over(std::span<const Scalar> ys, std::span<const Arrival> seeds,
                                  std::span<const Scalar> xs, std::span<const Scalar> ends) {
  Sweeps<V> sweeps(active_state(), ys, ends, "recorded_vjp");
  sweeps.reverse(ys, seeds);
  std::vector<Arrival> found;
  for (const Scalar& x : xs) found.push_back(sweeps.arrived(x));
  return found;
}

template <class V>
std::vector<Arrival> forward_over(std::span<const Scalar> ys, std::span<const Scalar> xs,
                                  std::span<const Arrival> seeds, std::span<const Scalar> ends) {
  Sweeps<V> sweeps(active_state(), ys, ends, "recorded_jvp");
  sweeps.forward(xs, seeds);
  std::vector<Arrival> found;
  for (const Scalar& y : ys) found.push_back(sweeps.arrived(y));
  return found;
}

// Cones with arrays, in which nothing depends on numbers whether it arrives.
std::vector<Scalar> certain(std::span<const Arrival> seeds) {
  std::vector<Scalar> values;
  for (const Arrival& seed : seeds) {
    if (!seed.is_never() && !seed.is_always()) {
      fail("recorded_vjp",
           "a branch of recorded code decides whether this adjoint of tensors is there at all: "
           "choose with where() on tensors instead");
    }
    values.push_back(seed.is_never() ? Scalar(kUnreached) : seed.value);
  }
  return values;
}

std::vector<Arrival> reverse_over_arrays(std::span<const Scalar> ys, std::span<const Arrival> seeds,
                                         std::span<const Scalar> xs) {
  return arrivals_of(active_state().arrays->recorded_adjoints(ys, certain(seeds), xs));
}

// By transposition, as numbers are in forward.cpp.
std::vector<Arrival> forward_over_arrays(std::span<const Scalar> ys, std::span<const Scalar> xs,
                                         std::span<const Arrival> seeds) {
  std::vector<Scalar> weights;
  for (std::size_t j = 0; j < ys.size(); ++j) weights.push_back(variable(0.0));
  Arrays& arrays = *active_state().arrays;
  const std::vector<Scalar> slopes = arrays.recorded_adjoints(ys, weights, xs);
  return arrivals_of(arrays.recorded_adjoints(slopes, certain(seeds), weights));
}

std::vector<Arrival> reverse(std::span<const Scalar> ys, std::span<const Arrival> seeds,
                             std::span<const Scalar> xs, std::span<const Scalar> ends) {
  if (active_state().arrays) {
    const Cone cone(active_state(), ys, "recorded_vjp", ends);
    if (has_arrays(active_state(), cone.rows)) return reverse_over_arrays(ys, seeds, xs);
  }
  return active_state().tracing ? reverse_over<Traced>(ys, seeds, xs, ends)
                                : reverse_over<Scalar>(ys, seeds, xs, ends);
}

std::vector<Arrival> forward(std::span<const Scalar> ys, std::span<const Scalar> xs,
                             std::span<const Arrival> seeds, std::span<const Scalar> ends) {
  if (active_state().arrays) {
    const Cone cone(active_state(), ys, "recorded_jvp", ends);
    if (has_arrays(active_state(), cone.rows)) return forward_over_arrays(ys, xs, seeds);
  }
  return active_state().tracing ? forward_over<Traced>(ys, xs, seeds, ends)
                                : forward_over<Scalar>(ys, xs, seeds, ends);
}

// The values, 0 for what nothing has arrived at.
std::vector<Scalar> values_of(const std::vector<Arrival>& found) {
  std::vector<Scalar> values;
  for (const Arrival& arrival : found) {
    values.push_back(arrived(arrival.value));
  }
  return values;
}

void require_sizes(const char* where, std::size_t expected, std::size_t got) {
  if (expected != got) {
    fail(where, std::to_string(got) + " seeds for " + std::to_string(expected) + " nodes");
  }
}

}  // namespace

Cone::Cone(const Tape::State& state, std::span<const Scalar> ys, std::string_view where,
           std::span<const Scalar> ends) {
  const auto rows_of = [&](std::span<const Scalar> nodes) {
    std::vector<std::uint32_t> found;
    for (const Scalar& node : nodes) {
      if (!node.is_number()) found.push_back(state.rows.tape->node_of(node, where).index);
    }
    return found;
  };
  rows = ancestor_rows(state, rows_of(ys), rows_of(ends));
  place.assign(rows.empty() ? 0 : rows.back() + std::size_t{1}, kNowhere);
  for (std::uint32_t k = 0; k < rows.size(); ++k) place[rows[k]] = k;
}

std::vector<Arrival> recorded_adjoints(std::span<const Scalar> ys, std::span<const Arrival> seeds,
                                       std::span<const Scalar> xs) {
  assert(seeds.size() == ys.size());
  return reverse(ys, seeds, xs, xs);
}

std::vector<Arrival> recorded_tangents(std::span<const Scalar> ys, std::span<const Scalar> xs,
                                       std::span<const Arrival> seeds) {
  assert(seeds.size() == xs.size());
  return forward(ys, xs, seeds, xs);
}

std::vector<Scalar> recorded_vjp(std::span<const Scalar> ys, std::span<const Scalar> seeds,
                                 std::span<const Scalar> xs) {
  require_sizes("recorded_vjp", ys.size(), seeds.size());
  for (const Scalar& x : xs) Tape::active().node_of(x, "recorded_vjp");
  return values_of(reverse(ys, arrivals_of(seeds), xs, {}));
}

std::vector<Scalar> recorded_jvp(std::span<const Scalar> ys, std::span<const Scalar> xs,
                                 std::span<const Scalar> seeds) {
  require_sizes("recorded_jvp", xs.size(), seeds.size());
  for (const Scalar& x : xs) Tape::active().node_of(x, "recorded_jvp");
  return values_of(forward(ys, xs, arrivals_of(seeds), {}));
}

std::vector<Scalar> recorded_gradient(const Scalar& y, std::span<const Scalar> xs) {
  const Scalar one = 1.0;
  return recorded_vjp({&y, 1}, {&one, 1}, xs);
}

std::vector<Scalar> recorded_gradient(const Scalar& y, std::initializer_list<Scalar> xs) {
  return recorded_gradient(y, std::span(xs.begin(), xs.size()));
}

}  // namespace chainrule
