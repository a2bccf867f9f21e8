#include "chainrule/tensor/table_internal.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "chainrule/base/text.hpp"
#include "chainrule/tape/inspect.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"

namespace chainrule {

using detail::Code;

// ---- the table --------------------------------------------------------------------------------

TensorTable& TensorTable::of(Tape::State& state) {
  if (!state.arrays) state.arrays = std::make_unique<TensorTable>(state);
  return static_cast<TensorTable&>(*state.arrays);
}

namespace {

// What stands in a row as its value: the number, if it is a single one. (So that pictures show it,
// and a NaN is found.)
double row_value(const Tensor& value) {
  if (value.size() != 1 || is_symbolic(value)) return 0.0;
  return value.element() == f32 ? static_cast<double>(*TensorAccess::data<float>(value))
                                : *TensorAccess::data<double>(value);
}

}  // namespace

Tensor TensorTable::append(const std::shared_ptr<const TensorOp>& op, std::span<const Tensor> x,
                           const Tensor& value, Location at) {
  state_.make_room();
  const std::uint32_t reads = op->reads();
  const auto first_operand = static_cast<std::uint32_t>(operands_.size());
  const auto first_link = static_cast<std::uint32_t>(links_.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    const bool is_read = (reads >> std::min<std::size_t>(k, 30) & 1u) != 0;
    const std::uint32_t link = x[k].is_recorded() ? TensorAccess::row(x[k]) : Operand::kPlain;
    const bool is_kept = is_read || (link == Operand::kPlain && (keeps_plain_ || state_.tracing));
    operands_.push_back({is_kept ? TensorAccess::with_handle(x[k], 0) : nothing(), link});
    if (link != Operand::kPlain) links_.push_back(link);
  }
  const auto place = static_cast<std::uint32_t>(rows_.size());
  const std::uint32_t tape_row = state_.rows.append(Code::array, place, 0, row_value(value));
  Row& row = rows_.emplace_back();
  row.op = op;
  row.tape_row = tape_row;
  row.first_operand = first_operand;
  row.operand_count = static_cast<std::uint32_t>(x.size());
  row.first_link = first_link;
  row.link_count = static_cast<std::uint32_t>(links_.size()) - first_link;
  row.type = value.type();
  const bool is_kept = (reads & TensorOp::kReadsResult) != 0 || state_.keeps_lines;
  if (is_kept) row.value = TensorAccess::with_handle(value, 0);
  if (state_.keeps_lines) state_.keep_line(at);
  return TensorAccess::with_handle(
      value, ScalarAccess::handle(ScalarAccess::make(0.0, tape_row, state_.rows.stamp)));
}

Tensor TensorTable::append_leaf(TensorLeaf leaf, const Tensor& value, std::string_view label,
                                Location at) {
  state_.make_room();
  const auto place = static_cast<std::uint32_t>(rows_.size());
  const std::uint32_t tape_row = state_.rows.append(Code::array, place, 0, row_value(value));
  Row& row = rows_.emplace_back();
  row.tape_row = tape_row;
  row.first_operand = static_cast<std::uint32_t>(operands_.size());
  row.first_link = static_cast<std::uint32_t>(links_.size());
  row.leaf = leaf;
  row.type = value.type();
  row.value = TensorAccess::with_handle(value, 0);
  if (!label.empty()) state_.set_label(tape_row, label);
  state_.keep_line(at);
  return TensorAccess::with_handle(
      value, ScalarAccess::handle(ScalarAccess::make(0.0, tape_row, state_.rows.stamp)));
}

void TensorTable::rewind_to(std::uint32_t tape_row) noexcept {
  while (!rows_.empty() && rows_.back().tape_row >= tape_row) {
    operands_.erase(operands_.begin() + rows_.back().first_operand, operands_.end());
    links_.resize(rows_.back().first_link);
    rows_.pop_back();
  }
}

std::string_view TensorTable::name(std::uint32_t tape_row) const {
  const Row& at = row(tape_row);
  switch (at.leaf) {
    case TensorLeaf::none: return at.op->name();
    case TensorLeaf::variable: return "variable";
    case TensorLeaf::constant: return "constant";
  }
  __builtin_unreachable();
}

namespace {

// The place of the first NaN, or the size.
std::int64_t first_nan_in(const Tensor& value) {
  const Tensor plain = dense(value);
  return visit_element(plain.element(), [&]<class T>(T) {
    const T* x = TensorAccess::data<T>(plain);
    return std::find_if(x, x + plain.size(), [](T number) { return std::isnan(number); }) - x;
  });
}

}  // namespace

bool TensorTable::has_nan(std::uint32_t tape_row) const {
  const Row& at = row(tape_row);
  const bool is_known = is_there(at.value) && !is_symbolic(at.value);
  return is_known ? first_nan_in(at.value) < at.value.size()
                  : std::isnan(state_.rows.values[tape_row]);
}

std::string TensorTable::value_text(std::uint32_t tape_row) const {
  const Row& at = row(tape_row);
  if (at.type.shape.size() == 1) return shortest(state_.rows.values[tape_row]);
  std::string text = to_string(at.type);
  if (!has_nan(tape_row)) return text;
  std::int64_t place = first_nan_in(at.value);
  Shape index = at.type.shape;
  for (std::size_t k = index.rank(); k-- > 0;) {
    const std::int64_t size = at.type.shape[k];
    index[k] = place % size;
    place /= size;
  }
  return text + " with nan at " + to_string(index);
}

std::span<const std::uint32_t> TensorTable::links(std::uint32_t tape_row) const {
  const Row& at = row(tape_row);
  return {links_.data() + at.first_link, at.link_count};
}

// ---- the reverse sweep over plain numbers -----------------------------------------------------

void TensorTable::add(Tensor& adjoint, Tensor contribution) {
  if (!is_there(adjoint)) {
    adjoint = std::move(contribution);
  } else if (adjoint.element() == contribution.element() && adjoint.is_contiguous() &&
             is_unshared(adjoint)) {
    add_in_place(adjoint, contribution);
  } else {
    adjoint = sum_of(adjoint, contribution);
  }
}

Tensor TensorTable::sum_of(const Tensor& adjoint, const Tensor& contribution) {
  Tensor both = adjoint + contribution;
  TensorAccess::body(both).may_have_gaps =
      TensorAccess::body(adjoint).may_have_gaps && TensorAccess::body(contribution).may_have_gaps;
  return both;
}

void TensorTable::own_adjoint(Tensor& adjoint, const TensorType& type) {
  if (!is_there(adjoint)) {
    adjoint = full(type.shape, kUnreached, type.element);
    TensorAccess::body(adjoint).may_have_gaps = true;
  } else if (adjoint.element() != type.element || !adjoint.is_contiguous() ||
             !is_unshared(adjoint)) {
    Tensor own = make_tensor(type.element, type.shape);
    copy_numbers(adjoint, own);
    TensorAccess::body(own).may_have_gaps = TensorAccess::body(adjoint).may_have_gaps;
    adjoint = std::move(own);
  }
}

namespace {

class PlainPull final : public Pull {
 public:
  PlainPull(TensorTable& table, Tape::State& state, const TensorTable::Row& row, const Tensor& g,
            double* adjoints, std::uint32_t low)
      : table_(table),
        state_(state),
        row_(row),
        operands_(table.operands(row)),
        g_(g),
        adjoints_(adjoints),
        low_(low) {}

  std::size_t count() const override { return operands_.size(); }
  bool wants(std::size_t k) const override {
    return operands_[k].row != TensorTable::Operand::kPlain;
  }
  Tensor x(std::size_t k) const override { return operands_[k].value; }
  Tensor z() const override { return row_.value; }
  const Tensor& g() const override { return g_; }
  TensorType type(std::size_t k) const override {
    const std::uint32_t link = operands_[k].row;
    if (state_.rows.codes[link] == Code::array) return table_.row(link).type;
    return {};
  }
  void push(std::size_t k, Tensor contribution) const override {
    const std::uint32_t link = operands_[k].row;
    low_ = std::min(low_, link);
    if (state_.rows.codes[link] == Code::array) {
      assert(contribution.shape() == table_.row(link).type.shape);
      TensorTable::add(table_.row(link).adjoint, std::move(contribution));
      accumulate(adjoints_[link], 0.0);
    } else {
      const double number = row_value(contribution);
      if (!is_unreached(number)) accumulate(adjoints_[link], number);
    }
  }
  const Tensor* accumulator(std::size_t k) const override {
    const std::uint32_t link = operands_[k].row;
    if (state_.rows.codes[link] != Code::array) return nullptr;
    low_ = std::min(low_, link);
    accumulate(adjoints_[link], 0.0);
    TensorTable::Row& row = table_.row(link);
    TensorTable::own_adjoint(row.adjoint, row.type);
    return &row.adjoint;
  }
  std::uint32_t low() const { return low_; }

 private:
  TensorTable& table_;
  Tape::State& state_;
  const TensorTable::Row& row_;
  const std::span<const TensorTable::Operand> operands_;
  const Tensor& g_;
  double* adjoints_;
  mutable std::uint32_t low_;
};

}  // namespace

std::uint32_t TensorTable::pull_back(std::uint32_t tape_row, double* adjoints, std::uint32_t low,
                                     Keep keep) {
  Row& at = row(tape_row);
  // Where a sweep was begun at an array without a tensor as its seed, to see what it reaches.
  if (!is_there(at.adjoint)) at.adjoint = full(at.type.shape, 1.0, at.type.element);
  const Tensor g = std::exchange(at.adjoint, nothing());
  if (keep == Keep::grad) add(at.grad, g);
  if (at.link_count == 0) return low;
  const PlainPull pull(*this, state_, at, g, adjoints, low);
  at.op->pull(pull);
  return pull.low();
}

void TensorTable::arrive(std::uint32_t tape_row, std::uint32_t element, double g) {
  Row& at = row(tape_row);
  own_adjoint(at.adjoint, at.type);
  visit_element(at.type.element, [&]<class T>(T) {
    T& adjoint = TensorAccess::data<T>(at.adjoint)[element];
    adjoint = (adjoint + T{0}) + static_cast<T>(g);
  });
}

void TensorTable::clear_adjoints(std::uint32_t from, std::uint32_t to) noexcept {
  for (std::size_t k = rows_.size(); k-- > 0 && rows_[k].tape_row >= from;) {
    if (rows_[k].tape_row < to) rows_[k].adjoint = nothing();
  }
}

void TensorTable::clear_grads() noexcept {
  for (Row& row : rows_) row.grad = nothing();
}

// ---- calls ------------------------------------------------------------------------------------

bool lead_in_tensor(const Tensor& x, std::string_view where) {
  if (!x.is_recorded()) return false;
  const Tape::State& state = active_state();
  if (state.rows.live(TensorAccess::stamp(x))) return true;
  if (state.capturing) {
    fail_handle(where,
                "a tensor that was recorded outside is read inside of a checkpoint, a solve or "
                "another block: pass its detached() numbers");
  }
  // The tape's words for numbers, of a tensor.
  std::string why = state.reason(TensorAccess::row(x), TensorAccess::stamp(x), row_value(x));
  const auto replace = [&why](std::string_view old, const std::string& now) {
    const std::size_t at = why.find(old);
    if (at != std::string::npos) why.replace(at, old.size(), now);
  };
  replace("the operand with value " + shortest(row_value(x)),
          "a tensor of type " + to_string(x.type()));
  replace("value()", "detached()");
  fail_handle(where, why);
}

Tensor tensor_at(Tape::State& state, std::uint32_t row) {
  const Scalar handle = state.handle_to(row);
  if (state.rows.codes[row] != Code::array) return Tensor(handle);
  return TensorAccess::with_handle(TensorTable::of(state).row(row).value,
                                   ScalarAccess::handle(handle));
}

Tensor TensorOp::view(const Tensor&) const { return TensorAccess::nothing(); }
Tensor TensorOp::batch(std::span<const Tensor>, std::uint32_t) const {
  return TensorAccess::nothing();
}

Tensor detail::value_of(const TensorOp& op, std::span<const Tensor> x) {
  bool has_numbers = true;
  for (const Tensor& t : x) has_numbers = has_numbers && !is_symbolic(t);
  if (has_numbers && op.is_view()) return op.view(x[0]);
  const TensorType type = op.infer(x);
  Tensor z = has_numbers ? make_tensor(type.element, type.shape) : make_symbolic(type);
  TensorAccess::body(z).may_have_gaps =
      op.leaves_gaps() || (op.is_view() && TensorAccess::body(x[0]).may_have_gaps);
  if (has_numbers) op.compute(x, z);
  return z;
}

namespace {

// The element type of a result: the widest of the operands', those apart that are made of numbers.
Precision common_element(std::span<const Tensor> x) {
  bool any = false;
  Precision element = f32;
  for (const Tensor& t : x) {
    if (TensorAccess::body(t).is_weak) continue;
    any = true;
    if (t.element() == f64) element = f64;
  }
  return any ? element : f64;
}

}  // namespace

Tensor call(const std::shared_ptr<const TensorOp>& op, std::span<const Tensor> x, Location at) {
  bool is_mixed = false, is_recorded = false;
  const std::uint32_t places = op->places();
  const auto is_place = [places](std::size_t k) { return k < 32 && (places >> k & 1u) != 0; };
  for (std::size_t k = 0; k < x.size(); ++k) {
    is_mixed = is_mixed || (x[k].element() != x[0].element() && !is_place(k));
    is_recorded = lead_in_tensor(x[k], op->name()) || is_recorded;
  }
  if (is_mixed) {
    std::vector<Tensor> same(x.begin(), x.end()), numbers;
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (!is_place(k)) numbers.push_back(x[k]);
    }
    const Precision element = common_element(numbers);
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (!is_place(k)) same[k] = cast(x[k], element, at);
    }
    return call(op, same, at);
  }
  Tensor value = detail::value_of(*op, x);
  if (!is_recorded) return value;
  return TensorTable::of(active_state()).append(op, x, value, at);
}

Tensor Tensor::detached() const {
  if (is_recorded() && detail::active_recorder->watching) return stop_gradient(*this);
  return TensorAccess::plain(*this);
}

std::uint32_t row_of(const Tensor& t, std::string_view where) {
  if (!t.is_recorded()) {
    fail(where, "this " + to_string(t.type()) + " is recorded nowhere: start from variable()");
  }
  return Tape::active().node_of(TensorAccess::as_scalar(t), where).index;
}

// ---- Tensor on the tape -----------------------------------------------------------------------

namespace {

// A leaf keeps its numbers as they are now.
Tensor leaf(TensorLeaf kind, const Tensor& value, std::string_view label, Location at) {
  Tape::active();
  Tensor plain = TensorAccess::plain(value);
  if (TensorAccess::body(plain).is_weak) plain = full({}, row_value(value));
  return TensorTable::of(active_state()).append_leaf(kind, plain, label, at);
}

}  // namespace

Tensor variable(const Tensor& value, std::string_view label, Location at) {
  return leaf(TensorLeaf::variable, value, label, at);
}
Tensor constant(const Tensor& value, std::string_view label, Location at) {
  return leaf(TensorLeaf::constant, value, label, at);
}

Tensor& Tensor::label(std::string_view text) & {
  const std::uint32_t row = row_of(*this, "label");
  active_state().set_label(row, text);
  return *this;
}

std::string Tensor::name() const { return name_of(Tape::active(), {row_of(*this, "name")}); }

void Tensor::assign(const Tensor& value) {
  const std::uint32_t row = row_of(*this, "assign");
  if (value.is_recorded()) {
    fail("assign", "a recorded tensor, whose derivative would be lost: its detached() numbers");
  }
  Tape::State& state = active_state();
  if (state.rows.codes[row] != Code::array ||
      TensorTable::of(state).row(row).leaf != TensorLeaf::variable) {
    fail("assign", name() + " is no variable: only a variable can be assigned");
  }
  if (value.shape() != shape()) {
    fail("assign", "numbers of shape " + to_string(value.shape()) + " for " + name() +
                       ", which has the shape " + to_string(shape()));
  }
  const std::string* label = state.label_of(row);
  *this = variable(converted(value, element()), label != nullptr ? *label : std::string());
}

void Tensor::backward() const {
  if (size() != 1) {
    fail("backward", "a tensor of shape " + to_string(shape()) +
                         " needs a seed: only one of a single element has the seed 1");
  }
  backward(full(shape(), 1.0, element()));
}

void Tensor::backward(const Tensor& seed) const {
  const std::uint32_t row = row_of(*this, "backward");
  if (seed.shape() != shape()) {
    fail("backward", "a seed of shape " + to_string(seed.shape()) + " for a tensor of shape " +
                         to_string(shape()));
  }
  Tape::State& state = active_state();
  const Scalar node = TensorAccess::as_scalar(*this);
  double number = 0.0;
  if (state.rows.codes[row] == Code::array) {
    TensorTable::of(state).row(row).adjoint = converted(seed, element());
  } else {
    number = row_value(seed);
  }
  add_grads({&node, 1}, {&number, 1});
}

Tensor Tensor::grad() const {
  const std::uint32_t row = row_of(*this, "grad");
  const Tape::State& state = active_state();
  if (state.rows.codes[row] != Code::array) return full({}, TensorAccess::as_scalar(*this).grad());
  const Tensor& grad = TensorTable::of(active_state()).row(row).grad;
  return TensorTable::is_there(grad) ? without_gaps(grad) : zeros(shape(), element());
}

bool Tensor::has_grad() const {
  const std::uint32_t row = row_of(*this, "has_grad");
  const Tape::State& state = active_state();
  if (state.rows.codes[row] != Code::array) return TensorAccess::as_scalar(*this).has_grad();
  return TensorTable::is_there(TensorTable::of(active_state()).row(row).grad);
}

void Tensor::set_grad(const Tensor& adjoint) const {
  const std::uint32_t row = row_of(*this, "set_grad");
  if (adjoint.shape() != shape()) {
    fail("set_grad", "an adjoint of shape " + to_string(adjoint.shape()) + " for the shape " +
                         to_string(shape()));
  }
  Tape::State& state = active_state();
  if (state.rows.codes[row] != Code::array) {
    return TensorAccess::as_scalar(*this).set_grad(row_value(adjoint));
  }
  TensorTable::of(state).row(row).grad = converted(adjoint, element());
}

}  // namespace chainrule
