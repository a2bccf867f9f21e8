#include "chainrule/tensor/sweep.hpp"

#include <algorithm>

#include "chainrule/op/reading.hpp"
#include "chainrule/tape/inspect.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/table_internal.hpp"

namespace chainrule {

using detail::Code;

namespace {

void require_seeds(std::span<const Tensor> ys, std::span<const Tensor> seeds,
                   std::string_view where) {
  if (ys.size() != seeds.size()) {
    fail(where,
         std::to_string(seeds.size()) + " seeds for " + std::to_string(ys.size()) + " tensors");
  }
  for (std::size_t k = 0; k < ys.size(); ++k) {
    if (ys[k].shape() != seeds[k].shape()) {
      fail(where, "a seed of shape " + to_string(seeds[k].shape()) + " for a tensor of shape " +
                      to_string(ys[k].shape()));
    }
  }
}

double number_of(const Tensor& t) { return TensorAccess::plain(t).item(); }

// ---- plain numbers ----------------------------------------------------------------------------

class Collect final : public Arriving {
 public:
  Collect(Tape::State& state, std::span<const Scalar> nodes, std::span<const Tensor> xs)
      : state_(state), nodes_(nodes) {
    found.assign(xs.size(), TensorTable::nothing());
    arrived.resize(xs.size());
  }
  void operator()(std::size_t k, double adjoint) override {
    const std::uint32_t row = ScalarAccess::row(nodes_[k]);
    if (is_unreached(adjoint)) return;
    arrived[k] = true;
    if (state_.rows.codes[row] != Code::array) {
      found[k] = full({}, adjoint);
      return;
    }
    found[k] = without_gaps(TensorTable::of(state_).row(row).adjoint);
  }

  std::vector<Tensor> found;
  std::vector<bool> arrived;

 private:
  Tape::State& state_;
  std::span<const Scalar> nodes_;
};

// Seeds stand in the table of arrays before the sweep; a number's go with its row.
Collect swept(std::span<const Tensor> ys, std::span<const Tensor> seeds, std::span<const Tensor> xs,
              std::string_view where) {
  Tape::active();
  Tape::State& state = active_state();
  std::vector<Scalar> nodes, tops;
  for (const Tensor& x : xs) {
    row_of(x, where);
    nodes.push_back(TensorAccess::as_scalar(x));
  }
  std::vector<double> numbers;
  for (std::size_t k = 0; k < ys.size(); ++k) {
    if (!ys[k].is_recorded()) continue;
    row_of(ys[k], where);
    tops.push_back(TensorAccess::as_scalar(ys[k]));
    numbers.push_back(0.0);
  }
  Collect collect(state, nodes, xs);
  for (std::size_t k = 0, top = 0; k < ys.size(); ++k) {
    if (!ys[k].is_recorded()) continue;
    const std::uint32_t row = TensorAccess::row(ys[k]);
    if (state.rows.codes[row] == Code::array) {
      TensorTable::add(TensorTable::of(state).row(row).adjoint,
                       converted(seeds[k], ys[k].element()));
    } else {
      numbers[top] = number_of(seeds[k]);
    }
    ++top;
  }
  adjoints(tops, numbers, nodes, collect);
  for (std::size_t k = 0; k < xs.size(); ++k) {
    if (!collect.arrived[k]) collect.found[k] = zeros(xs[k].shape(), xs[k].element());
  }
  return collect;
}

bool is_tracing() {
  Tape::active();
  return active_state().tracing;
}

Tensor seed_of_one(const Tensor& y, std::string_view where) {
  if (y.size() != 1) {
    fail(where, "of a tensor of one element, but this has the shape " + to_string(y.shape()) +
                    ": sum() it, or give seeds to vjp()");
  }
  return full(y.shape(), 1.0, y.element());
}

// ---- recorded ---------------------------------------------------------------------------------

// The reverse sweep in recorded operations. Adjoints by row: of arrays tensors, of numbers Scalars.
class RecordedSweep {
 public:
  explicit RecordedSweep(std::span<const Tensor> ys) : state_(active_state()) {
    std::vector<std::uint32_t> tops;
    for (const Tensor& y : ys) {
      if (y.is_recorded()) tops.push_back(row_of(y, "recorded_vjp"));
    }
    rows_ = ancestor_rows(state_, tops);
    place_.assign(rows_.empty() ? 0 : rows_.back() + std::size_t{1}, kNowhere);
    for (std::uint32_t k = 0; k < rows_.size(); ++k) place_[rows_[k]] = k;
    arrays_.assign(rows_.size(), TensorTable::nothing());
    numbers_.assign(rows_.size(), Scalar(kUnreached));
  }

  void arrive(std::uint32_t row, const Tensor& contribution) {
    if (state_.rows.codes[row] != Code::array) {
      // Only where an operation may leave gaps is −0.0 one: elsewhere it is a zero like any other.
      const bool is_gap = TensorAccess::body(contribution).may_have_gaps && !state_.tracing &&
                          is_unreached(number_of(contribution));
      return is_gap ? void() : arrive(row, scalar(contribution));
    }
    Tensor& adjoint = arrays_[place_[row]];
    adjoint =
        TensorTable::is_there(adjoint) ? TensorTable::sum_of(adjoint, contribution) : contribution;
  }
  void arrive(std::uint32_t row, const Scalar& contribution) {
    Scalar& adjoint = numbers_[place_[row]];
    adjoint = is_cut(adjoint) ? arrived(contribution) : adjoint + contribution;
  }

  void run() {
    for (std::size_t k = rows_.size(); k-- > 0;) {
      const std::uint32_t row = rows_[k];
      const Code code = state_.rows.codes[row];
      if (code == Code::array) {
        if (TensorTable::is_there(arrays_[k])) step_of_array(row, arrays_[k]);
      } else if (code == Code::block) {
        step_of_block(row);
      } else if (!is_cut(numbers_[k])) {
        step_of_number(row, numbers_[k]);
      }
    }
  }

  /// What has arrived at x, or nothing.
  Tensor adjoint_of(const Tensor& x) const {
    const std::uint32_t row = TensorAccess::row(x);
    const std::uint32_t place = row < place_.size() ? place_[row] : kNowhere;
    if (place == kNowhere) return TensorTable::nothing();
    if (state_.rows.codes[row] == Code::array) return arrays_[place];
    return is_cut(numbers_[place]) ? TensorTable::nothing() : Tensor(numbers_[place]);
  }

 private:
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFFu;

  // Operands are copied: recording moves the tables.
  class Recorded final : public Pull {
   public:
    Recorded(RecordedSweep& sweep, std::uint32_t row, const Tensor& g) : sweep_(sweep), g_(g) {
      const TensorTable& table = TensorTable::of(sweep.state_);
      const TensorTable::Row& at = table.row(row);
      op = at.op;
      const auto all = table.operands(at);
      operands_.assign(all.begin(), all.end());
      z_ = at.value;
      z_handle_ = ScalarAccess::handle(sweep.state_.handle_to(row));
    }
    std::size_t count() const override { return operands_.size(); }
    bool wants(std::size_t k) const override {
      return operands_[k].row != TensorTable::Operand::kPlain;
    }
    Tensor x(std::size_t k) const override {
      const TensorTable::Operand& operand = operands_[k];
      if (operand.row == TensorTable::Operand::kPlain) return operand.value;
      const Scalar handle = sweep_.state_.handle_to(operand.row);
      return TensorAccess::with_handle(operand.value, ScalarAccess::handle(handle));
    }
    Tensor z() const override { return TensorAccess::with_handle(z_, z_handle_); }
    TensorType type(std::size_t k) const override {
      const std::uint32_t link = operands_[k].row;
      if (sweep_.state_.rows.codes[link] != Code::array) return {};
      return TensorTable::of(sweep_.state_).row(link).type;
    }
    const Tensor& g() const override { return g_; }
    void push(std::size_t k, Tensor contribution) const override {
      sweep_.arrive(operands_[k].row, contribution);
    }

    std::shared_ptr<const TensorOp> op;

   private:
    RecordedSweep& sweep_;
    Tensor g_;
    std::vector<TensorTable::Operand> operands_;
    Tensor z_ = TensorTable::nothing();
    std::uint64_t z_handle_ = 0;
  };

  void step_of_array(std::uint32_t row, const Tensor& g) {
    const Recorded pull(*this, row, g);
    if (pull.op) pull.op->pull(pull);
  }

  // The adjoint of an element goes to its place in the array's.
  void step_of_element(std::uint32_t row, const Scalar& g) {
    const auto [array, place] = state_.rows.links[row];
    const TensorType type = TensorTable::of(state_).row(array).type;
    const auto at = static_cast<std::int64_t>(place);
    const Tensor flat = slice_into(reshape(cast(Tensor(g), type.element), Shape{1}),
                                   Shape{type.shape.size()}, 0, {at, at + 1, 1});
    arrive(array, reshape(flat, type.shape));
  }

  void step_of_number(std::uint32_t row, const Scalar& g) {
    const Code code = state_.rows.codes[row];
    if (code == Code::element) return step_of_element(row, g);
    if (!is_operation(code)) return;
    if (state_.tracing) {
      fail("recorded_vjp",
           "while a function of tensors is recorded, derivatives go through tensors only: compute "
           "with tensors of shape () instead of Scalars");
    }
    const Operands operands(state_, row);
    Scalar x[3];
    for (std::size_t k = 0; k < operands.count(); ++k) {
      x[k] =
          operands.is_number(k) ? Scalar(operands.values()[k]) : state_.handle_to(operands.link(k));
    }
    read_pullback<Scalar>(op_of(code), g, x, state_.handle_to(row),
                          [&](int k, const Scalar& contribution) {
                            const auto place = static_cast<std::size_t>(k);
                            if (!operands.is_number(place))
                              arrive(operands.link(place), contribution);
                          });
  }

  void step_of_block(std::uint32_t row) {
    const BlockRow& at = block_at(state_, row);
    std::vector<Arrival> zbar;
    std::vector<Scalar> x, z;
    bool any = false;
    for (std::uint32_t j = 0; j < at.zbar.size(); ++j) {
      z.push_back(state_.handle_to(row + 1 + j));
      const std::uint32_t place = row + 1 + j < place_.size() ? place_[row + 1 + j] : kNowhere;
      zbar.emplace_back(place == kNowhere ? Scalar(kUnreached) : numbers_[place]);
      any = any || !zbar.back().is_never();
    }
    if (!any) return;
    for (std::size_t k = 0; k < at.links.size(); ++k) {
      x.push_back(at.is_number[k] ? Scalar(state_.rows.numbers[at.links[k]])
                                  : state_.handle_to(at.links[k]));
    }
    const std::vector<std::uint32_t> links = at.links;
    const std::vector<bool> is_number = at.is_number;
    const std::shared_ptr<const Block> block = at.block;
    std::vector<Arrival> xbar(x.size());
    block->pull_arrivals(x, z, zbar, xbar);
    for (std::size_t k = 0; k < links.size(); ++k) {
      if (!is_number[k] && !xbar[k].is_never()) arrive(links[k], xbar[k].value);
    }
  }

  Tape::State& state_;
  std::vector<std::uint32_t> rows_, place_;
  std::vector<Tensor> arrays_;
  std::vector<Scalar> numbers_;
};

std::vector<Tensor> recorded(std::span<const Tensor> ys, std::span<const Tensor> seeds,
                             std::span<const Tensor> xs) {
  Tape::active();
  for (const Tensor& x : xs) row_of(x, "recorded_vjp");
  RecordedSweep sweep(ys);
  for (std::size_t k = 0; k < ys.size(); ++k) {
    if (ys[k].is_recorded()) sweep.arrive(TensorAccess::row(ys[k]), seeds[k]);
  }
  sweep.run();
  std::vector<Tensor> found;
  for (const Tensor& x : xs) found.push_back(sweep.adjoint_of(x));
  return found;
}

}  // namespace

std::vector<Scalar> TensorTable::recorded_adjoints(std::span<const Scalar> ys,
                                                   std::span<const Scalar> seeds,
                                                   std::span<const Scalar> xs) {
  std::vector<Tensor> tops, weights, nodes;
  for (std::size_t k = 0; k < ys.size(); ++k) {
    if (is_cut(seeds[k])) continue;
    tops.emplace_back(ys[k]);
    weights.emplace_back(seeds[k]);
  }
  for (const Scalar& x : xs) nodes.emplace_back(x);
  std::vector<Scalar> found;
  for (const Tensor& adjoint : recorded(tops, weights, nodes)) {
    found.push_back(is_there(adjoint) ? scalar(adjoint) : Scalar(kUnreached));
  }
  return found;
}

std::vector<Tensor> vjp(std::span<const Tensor> ys, std::span<const Tensor> seeds,
                        std::span<const Tensor> xs) {
  require_seeds(ys, seeds, "vjp");
  if (is_tracing()) return recorded_vjp(ys, seeds, xs);
  return swept(ys, seeds, xs, "vjp").found;
}

std::vector<Tensor> recorded_vjp(std::span<const Tensor> ys, std::span<const Tensor> seeds,
                                 std::span<const Tensor> xs) {
  require_seeds(ys, seeds, "recorded_vjp");
  std::vector<Tensor> found = recorded(ys, seeds, xs);
  for (std::size_t k = 0; k < xs.size(); ++k) {
    if (!TensorTable::is_there(found[k])) {
      found[k] = zeros(xs[k].shape(), xs[k].element());
    } else if (TensorAccess::body(found[k]).may_have_gaps) {
      found[k] = found[k] + 0.0;
    }
  }
  return found;
}

std::vector<Tensor> gradient(const Tensor& y, std::span<const Tensor> xs) {
  const Tensor seed = seed_of_one(y, "gradient");
  return vjp({&y, 1}, {&seed, 1}, xs);
}
std::vector<Tensor> gradient(const Tensor& y, std::initializer_list<Tensor> xs) {
  return gradient(y, std::span(xs.begin(), xs.size()));
}

std::vector<Tensor> recorded_gradient(const Tensor& y, std::span<const Tensor> xs) {
  const Tensor seed = seed_of_one(y, "recorded_gradient");
  return recorded_vjp({&y, 1}, {&seed, 1}, xs);
}
std::vector<Tensor> recorded_gradient(const Tensor& y, std::initializer_list<Tensor> xs) {
  return recorded_gradient(y, std::span(xs.begin(), xs.size()));
}

std::vector<Tensor> recorded_jvp(std::span<const Tensor> ys, std::span<const Tensor> xs,
                                 std::span<const Tensor> seeds) {
  require_seeds(xs, seeds, "recorded_jvp");
  std::vector<Tensor> weights;
  for (const Tensor& y : ys) weights.push_back(variable(zeros(y.shape(), y.element())));
  const std::vector<Tensor> slopes = recorded_vjp(ys, weights, xs);
  std::vector<Tensor> tops, weighted;
  for (std::size_t k = 0; k < slopes.size(); ++k) {
    if (!slopes[k].is_recorded()) continue;
    tops.push_back(slopes[k]);
    weighted.push_back(seeds[k]);
  }
  return recorded_vjp(tops, weighted, weights);
}

Reach reach(const Tensor& y, const Tensor& x) {
  const std::uint32_t bottom = row_of(x, "reach");
  if (!y.is_recorded()) return Reach::independent;
  const Tensor seed = full(y.shape(), 1.0, y.element());
  if (swept({&y, 1}, {&seed, 1}, {&x, 1}, "reach").arrived[0]) return Reach::reached;
  const std::vector<std::uint32_t> rows = ancestor_rows(active_state(), row_of(y, "reach"));
  return std::ranges::binary_search(rows, bottom) ? Reach::cut : Reach::independent;
}

std::string explain(const Tensor& y, const Tensor& x) {
  row_of(x, "explain");
  return explain(TensorAccess::as_scalar(y), TensorAccess::as_scalar(x));
}

std::optional<Fault> first_nan(const Tensor& y) {
  row_of(y, "first_nan");
  return first_nan(TensorAccess::as_scalar(y));
}

}  // namespace chainrule
