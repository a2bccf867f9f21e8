// Updates of parts of a tensor.
//
//   z = x with y in a part:     x̄ = z̄ outside of the part, ȳ = z̄ in it
//   z = x with y added there:   x̄ = z̄,                     ȳ = z̄ in it
//
// An update writes into x's memory where nobody else looks at it, and its pullback into z̄'s, so
// that a loop over n elements that sets each costs n and not n², forwards and backwards. Of a place
// that is set twice the last one counts, and nothing arrives at the others.
#include <unordered_set>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/index_internal.hpp"
#include "chainrule/tensor/table_internal.hpp"

namespace chainrule {
namespace {

// Operands: x, y, and places if there are any.
class UpdateOp : public TensorOp {
 public:
  explicit UpdateOp(Update how) : how_(how) {}
  std::string_view name() const override { return how_ == Update::set ? "set" : "add_at"; }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    copy_numbers(x[0], z);
    write(x, z);
  }
  /// Writes x[1] into z, which has the numbers of x[0].
  virtual void write(std::span<const Tensor> x, const Tensor& z) const = 0;

 protected:
  const Update how_;
};

// g, of which nothing arrives at what cut(z) clears: in its own memory if nobody else looks at it.
template <class Cut>
Tensor cut_out(const Tensor& g, Cut&& cut) {
  const bool is_own = is_unshared(g) && g.is_contiguous();
  Tensor z = is_own ? g : make_tensor(g.element(), g.shape());
  if (!is_own) copy_numbers(g, z);
  TensorAccess::body(z).may_have_gaps = true;
  cut(z);
  return z;
}

// z = x, of which nothing arrives at a part.
class CutPart final : public TensorOp {
 public:
  explicit CutPart(std::shared_ptr<const Part> part) : part_(std::move(part)) {}
  std::string_view name() const override { return "cut"; }
  std::string parameters() const override { return part_->parameters(); }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    copy_numbers(x[0], z);
    fill_numbers(part_->window(z), kUnreached);
  }
  bool leaves_gaps() const override { return true; }
  Tensor batch(std::span<const Tensor> x, std::uint32_t) const override {
    return call(std::make_shared<const CutPart>(part_->on_batch(x[0].size(0))), {x[0]});
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, call(shared_from_this(), {at.g()}));
  }
  std::uint32_t reads() const override { return 0; }

 private:
  std::shared_ptr<const Part> part_;
};

class UpdatePart final : public UpdateOp {
 public:
  UpdatePart(std::shared_ptr<const Part> part, Update how)
      : UpdateOp(how), part_(std::move(part)) {}
  std::string parameters() const override { return part_->parameters(); }
  void write(std::span<const Tensor> x, const Tensor& z) const override {
    how_ == Update::set ? copy_numbers(x[1], part_->window(z))
                        : add_numbers(x[1], part_->window(z));
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    return call(std::make_shared<const UpdatePart>(part_->on_batch(batch_count(x, mask)), how_),
                {as_batch(x, mask, 0), as_batch(x, mask, 1)});
  }
  void pull(const Pull& at) const override {
    const Tensor& g = at.g();
    if (at.wants(1)) {
      if (g.is_recorded()) {
        at.push(1, call(part_, {g}));
      } else {
        const Tensor part = part_->window(g);  // copied: g is to be nobody else's
        Tensor own = make_tensor(part.element(), part.shape());
        copy_numbers(part, own);
        TensorAccess::body(own).may_have_gaps = TensorAccess::body(g).may_have_gaps;
        at.push(1, own);
      }
    }
    if (!at.wants(0)) return;
    if (how_ == Update::add) {
      at.push(0, g);
    } else if (g.is_recorded()) {
      at.push(0, call(std::make_shared<const CutPart>(part_), {g}));
    } else {
      at.push(0,
              cut_out(g, [this](const Tensor& z) { fill_numbers(part_->window(z), kUnreached); }));
    }
  }
  std::uint32_t reads() const override { return 0; }

 private:
  std::shared_ptr<const Part> part_;
};

void cut_rows(const Tensor& t, std::span<const Tensor> places, std::string_view where) {
  const Tensor nothing = full({}, kUnreached, t.element());
  const Shape rows = rows_shape(t.shape(), places, where);
  write_rows(t, places, make_view(nothing, rows, {}), Update::set, seen_plainly(where, t.shape()));
}

class CutRows final : public TensorOp {
 public:
  explicit CutRows(std::size_t axes) : axes_(axes) {}
  std::string_view name() const override { return "cut_rows"; }
  TensorType infer(std::span<const Tensor> x) const override { return x[0].type(); }
  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    copy_numbers(x[0], z);
    cut_rows(z, x.subspan(1), name());
  }
  bool leaves_gaps() const override { return true; }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    return call_with(std::make_shared<const CutRows>(axes_ + 1), {as_batch(x, mask, 0)},
                     batch_places(x, mask, 1));
  }
  void pull(const Pull& at) const override {
    if (at.wants(0)) at.push(0, call_with(shared_from_this(), {at.g()}, places_from(at, 1)));
  }
  std::uint32_t places() const override { return operands_from(1, axes_); }
  std::uint32_t reads() const override { return operands_from(1, axes_); }

 private:
  std::size_t axes_;
};

class UpdateRows final : public UpdateOp {
 public:
  UpdateRows(std::size_t axes, Update how, const Seen& seen)
      : UpdateOp(how), axes_(axes), seen_(seen) {}
  void write(std::span<const Tensor> x, const Tensor& z) const override {
    write_rows(z, x.subspan(2), x[1], how_, seen_);
  }
  Tensor batch(std::span<const Tensor> x, std::uint32_t mask) const override {
    const Tensor all_of_them = as_batch(x, mask, 0);
    const Seen seen = seen_plainly(name(), all_of_them.shape());
    return call_with(std::make_shared<const UpdateRows>(axes_ + 1, how_, seen),
                     {all_of_them, as_batch(x, mask, 1)}, batch_places(x, mask, 2));
  }
  void pull(const Pull& at) const override {
    const Tensor& g = at.g();
    const std::vector<Tensor> places = places_from(at, 2);
    if (at.wants(1)) {
      Tensor rows = take_rows(g, places);
      if (how_ == Update::set) {
        const Tensor stays = last_ones(g, places);
        if (stays.size() != 0) rows = select(stays, rows, Tensor(kUnreached));
      }
      at.push(1, rows);
    }
    if (!at.wants(0)) return;
    if (how_ == Update::add) {
      at.push(0, g);
    } else if (g.is_recorded()) {
      at.push(0, call_with(std::make_shared<const CutRows>(axes_), {g}, places));
    } else {
      at.push(0, cut_out(g, [&](const Tensor& z) { cut_rows(z, places, name()); }));
    }
  }
  std::uint32_t places() const override { return operands_from(2, axes_); }
  std::uint32_t reads() const override { return operands_from(2, axes_); }

 private:
  // 1 for each entry of places that is the last to name its row, else 0, to be broadcast to rows;
  // nothing if each names a row of its own.
  Tensor last_ones(const Tensor& t, std::span<const Tensor> places) const {
    const Tensor rows = make_view(t, t.shape(), dense_strides(t.shape()));
    const std::vector<std::int64_t> offsets = offsets_of(rows, places, seen_);
    std::unordered_set<std::int64_t> seen;
    std::vector<double> stays(offsets.size());
    bool are_all = true;
    for (std::size_t k = offsets.size(); k-- > 0;) {
      stays[k] = seen.insert(offsets[k]).second ? 1.0 : 0.0;
      are_all = are_all && stays[k] == 1.0;
    }
    if (are_all) return {};
    Shape shape = places[0].shape();
    for (std::size_t k = axes_; k < t.rank(); ++k) shape.push_back(1);
    return cast(tensor(stays, shape), t.element());
  }

  std::size_t axes_;
  Seen seen_;
};

// x = op(x, …), in x's own memory where nobody else looks at it. An operand that shares it counts.
void update(Tensor& x, const std::shared_ptr<const UpdateOp>& op, const Tensor& y,
            std::span<const Tensor> places, Location at) {
  x = cast(x, x.element(), at);
  std::vector<Tensor> operands{x, cast(y, x.element(), at)};
  operands.insert(operands.end(), places.begin(), places.end());
  bool is_recorded = false, has_numbers = true;
  for (const Tensor& operand : operands) {
    is_recorded = lead_in_tensor(operand, op->name()) || is_recorded;
    has_numbers = has_numbers && !is_symbolic(operand);
  }
  operands[0] = TensorTable::nothing();  // so that nobody else looks
  const bool is_own = x.is_contiguous() && is_unshared(x);
  Tensor z = TensorTable::nothing();
  if (!has_numbers) {
    z = make_symbolic(x.type());
  } else if (is_own) {
    z = TensorAccess::plain(x);
  } else {
    z = make_tensor(x.element(), x.shape());
    copy_numbers(x, z);
  }
  operands[0] = x;
  if (has_numbers) op->write(operands, z);
  x = is_recorded ? TensorTable::of(active_state()).append(op, operands, z, at) : z;
}

}  // namespace

void update_part(Tensor& x, const std::shared_ptr<const Part>& part, const Tensor& y, Update how,
                 Location at) {
  update(x, std::make_shared<const UpdatePart>(part, how), y, {}, at);
}

void update_rows(Tensor& x, std::span<const Tensor> places, const Tensor& y, Update how,
                 const Seen& seen, Location at) {
  update(x, std::make_shared<const UpdateRows>(places.size(), how, seen), y, places, at);
}

}  // namespace chainrule
