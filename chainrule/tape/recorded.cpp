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
const Arrival kNever = {kUnreached, 0.0};
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
  Sweeps(Tape::State& state, std::span<const Scalar> ys, std::string_view where)
      : state_(state), cone_(state, ys, where), sums_(cone_.rows.size()) {}

  // Adjoints from the ys down to the xs. Where cut_off, nothing goes on through an x.
  void reverse(std::span<const Scalar> ys, std::span<const Arrival> seeds,
               std::span<const Scalar> xs, bool cut_off) {
    for (std::size_t k = 0; k < ys.size(); ++k) {
      if (Sum<V>* sum = sum_of(ys[k])) sum->add(V(seeds[k].value), condition_of<V>(seeds[k]));
    }
    std::vector<bool> is_end(cut_off ? cone_.rows.size() : 0);
    for (const Scalar& x : xs) {
      if (cut_off && cone_.place_of(x) != Cone::kNowhere) is_end[cone_.place_of(x)] = true;
    }
    OnBehalf behalf(state_);
    for (std::size_t k = cone_.rows.size(); k-- > 0;) {
      behalf.of(cone_.rows[k]);
      if (is_false(sums_[k].holds()) || (cut_off && is_end[k])) continue;
      const std::uint32_t row = cone_.rows[k];
      const Code code = state_.rows.codes[row];
      if (code == Code::block_output)
        sums_[cone_.place[state_.rows.links[row].x]].add(V(0.0), sums_[k].holds());
      if (code == Code::block) pull_back_block(row, sums_[k].holds());
      if (is_operation(code)) pull_back(row, sums_[k]);
    }
  }

  // Tangents from the xs up to the ys.
  void forward(std::span<const Scalar> xs, std::span<const Arrival> seeds) {
    std::vector<bool> is_seeded(cone_.rows.size());
    for (std::size_t k = 0; k < xs.size(); ++k) {
      const Truth<V> condition = condition_of<V>(seeds[k]);
      if (cone_.place_of(xs[k]) == Cone::kNowhere || is_false(condition)) continue;
      sum_of(xs[k])->add(V(seeds[k].value), condition);
      is_seeded[cone_.place_of(xs[k])] = true;
    }
    OnBehalf behalf(state_);
    for (std::size_t k = 0; k < cone_.rows.size(); ++k) {
      const std::uint32_t row = cone_.rows[k];
      behalf.of(row);
      const Code code = state_.rows.codes[row];
      if (code == Code::block) push_forward_block(row);
      if (is_operation(code) && !is_seeded[k]) push_forward(row, sums_[k]);
    }
  }

  // What has arrived at x.
  Arrival arrived(const Scalar& x) {
    const Sum<V>* sum = sum_of(x);
    if (sum == nullptr || is_false(sum->holds())) return kNever;
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
    std::vector<Arrival> zbar, xbar(call.x.size(), kNever);
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
    std::vector<Arrival> xdot, zdot(call.z.size(), kNever);
    Truth<V> holds = false;
    for (std::size_t k = 0; k < call.x.size(); ++k) {
      xdot.push_back(at.is_number[k] ? kNever : arrived(call.x[k]));
      holds = or_(holds, condition_of<V>(xdot[k]));
    }
    if (is_false(holds)) return;
    block->push_arrivals(call.x, call.z, xdot, zdot);
    for (std::size_t j = 0; j < zdot.size(); ++j) {
      if (Sum<V>* sum = sum_of(call.z[j]))
        sum->add(V(zdot[j].value), and_(holds, condition_of<V>(zdot[j])));
    }
  }

  Tape::State& state_;
  const Cone cone_;
  std::vector<Sum<V>> sums_;
};

template <class V>
std::vector<Arrival> reverse_over(std::span<const Scalar> ys, std::span<const Arrival> seeds,
                                  std::span<const Scalar> xs, bool cut_off) {
  Sweeps<V> sweeps(active_state(), ys, "recorded_vjp");
  sweeps.reverse(ys, seeds, xs, cut_off);
  std::vector<Arrival> found;
  for (const Scalar& x : xs) found.push_back(sweeps.arrived(x));
  return found;
}

template <class V>
std::vector<Arrival> forward_over(std::span<const Scalar> ys, std::span<const Scalar> xs,
                                  std::span<const Arrival> seeds) {
  Sweeps<V> sweeps(active_state(), ys, "recorded_jvp");
  sweeps.forward(xs, seeds);
  std::vector<Arrival> found;
  for (const Scalar& y : ys) found.push_back(sweeps.arrived(y));
  return found;
}

// A seed that is cut never arrives, any other always.
std::vector<Arrival> arrivals_of(std::span<const Scalar> seeds) {
  std::vector<Arrival> all;
  for (const Scalar& seed : seeds) all.push_back({seed, is_cut(seed) ? 0.0 : 1.0});
  return all;
}

std::vector<Scalar> values_of(const std::vector<Arrival>& found) {
  std::vector<Scalar> values;
  for (const Arrival& arrival : found) values.push_back(arrival.value);
  return values;
}

// 0 for what nothing has arrived at.
std::vector<Scalar> zero_where_cut(std::vector<Scalar> found) {
  for (Scalar& entry : found) entry = is_cut(entry) ? Scalar(0.0) : entry;
  return found;
}

void require_sizes(const char* where, std::size_t expected, std::size_t got) {
  if (expected != got) {
    fail(where, std::to_string(got) + " seeds for " + std::to_string(expected) + " nodes");
  }
}

}  // namespace

Cone::Cone(const Tape::State& state, std::span<const Scalar> ys, std::string_view where) {
  std::vector<std::uint32_t> tops;
  for (const Scalar& y : ys) {
    if (!y.is_number()) tops.push_back(state.rows.tape->node_of(y, where).index);
  }
  rows = ancestor_rows(state, tops);
  place.assign(rows.empty() ? 0 : rows.back() + std::size_t{1}, kNowhere);
  for (std::uint32_t k = 0; k < rows.size(); ++k) place[rows[k]] = k;
}

std::vector<Scalar> recorded_adjoints(std::span<const Scalar> ys, std::span<const Scalar> seeds,
                                      std::span<const Scalar> xs, bool cut_off) {
  require_sizes("recorded_vjp", ys.size(), seeds.size());
  for (const Scalar& x : xs) {
    if (!x.is_number()) Tape::active().node_of(x, "recorded_vjp");
  }
  const std::vector<Arrival> arrivals = arrivals_of(seeds);
  return values_of(active_state().tracing ? reverse_over<Traced>(ys, arrivals, xs, cut_off)
                                          : reverse_over<Scalar>(ys, arrivals, xs, cut_off));
}

std::vector<Arrival> recorded_adjoints(std::span<const Scalar> ys, std::span<const Arrival> seeds,
                                       std::span<const Scalar> xs) {
  assert(active_state().tracing && seeds.size() == ys.size());
  return reverse_over<Traced>(ys, seeds, xs, true);
}

std::vector<Arrival> recorded_tangents(std::span<const Scalar> ys, std::span<const Scalar> xs,
                                       std::span<const Arrival> seeds) {
  assert(active_state().tracing && seeds.size() == xs.size());
  return forward_over<Traced>(ys, xs, seeds);
}

std::vector<Scalar> recorded_vjp(std::span<const Scalar> ys, std::span<const Scalar> seeds,
                                 std::span<const Scalar> xs) {
  for (const Scalar& x : xs) Tape::active().node_of(x, "recorded_vjp");
  return zero_where_cut(recorded_adjoints(ys, seeds, xs, false));
}

std::vector<Scalar> recorded_jvp(std::span<const Scalar> ys, std::span<const Scalar> xs,
                                 std::span<const Scalar> seeds) {
  require_sizes("recorded_jvp", xs.size(), seeds.size());
  for (const Scalar& x : xs) Tape::active().node_of(x, "recorded_jvp");
  const std::vector<Arrival> arrivals = arrivals_of(seeds);
  return zero_where_cut(values_of(active_state().tracing ? forward_over<Traced>(ys, xs, arrivals)
                                                         : forward_over<Scalar>(ys, xs, arrivals)));
}

std::vector<Scalar> recorded_gradient(const Scalar& y, std::span<const Scalar> xs) {
  const Scalar one = 1.0;
  return recorded_vjp({&y, 1}, {&one, 1}, xs);
}

std::vector<Scalar> recorded_gradient(const Scalar& y, std::initializer_list<Scalar> xs) {
  return recorded_gradient(y, std::span(xs.begin(), xs.size()));
}

}  // namespace chainrule
