// What an index selects: first a view, of which its integers, ranges and new axes are the
// parameters; then rows of it, where it has tensors of places.
#include "chainrule/tensor/index.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/index_internal.hpp"
#include "chainrule/tensor/table_internal.hpp"

namespace chainrule {

struct NoIndex {
  static constexpr Index entry() { return Index(Index::Kind::nothing); }
};
const constinit Index detail::kNoIndex = NoIndex::entry();

namespace {

using Kind = Index::Kind;
using Axis = std::int64_t;

// An index, resolved for a shape.
struct Selection {
  std::shared_ptr<const IndexPart> region;  // none: all of x
  Shape region_shape;
  std::vector<Tensor> places;   // of one shape
  std::vector<Axis> axes;       // of the region, one for each of the places
  std::size_t first_place = 0;  // the axis of the result at which those of the places begin
  Seen seen;                    // the axes of x that the places are of

  /// The axes of the region with those of the places in front.
  std::vector<Axis> places_first() const {
    std::vector<Axis> order = axes;
    for (std::size_t k = 0; k < region_shape.rank(); ++k) {
      const auto axis = static_cast<Axis>(k);
      if (std::ranges::find(axes, axis) == axes.end()) order.push_back(axis);
    }
    return order;
  }
  /// From (places…, rest…) to the order of the result.
  std::vector<Axis> result_order() const {
    const std::size_t count = places[0].rank();
    const std::size_t rest = region_shape.rank() - axes.size();
    std::vector<Axis> order(count + rest);
    for (std::size_t k = 0; k < order.size(); ++k) {
      const std::size_t from = k < first_place           ? count + k
                               : k < first_place + count ? k - first_place
                                                         : k;
      order[k] = static_cast<Axis>(from);
    }
    return order;
  }
};

bool is_in_order(std::span<const Axis> order) {
  for (std::size_t k = 0; k < order.size(); ++k) {
    if (order[k] != static_cast<Axis>(k)) return false;
  }
  return true;
}

Tensor permuted(const Tensor& x, const std::vector<Axis>& order, Location at) {
  return is_in_order(order) ? x : permute(x, order, at);
}

std::vector<Axis> inverse(const std::vector<Axis>& order) {
  std::vector<Axis> result(order.size());
  for (std::size_t k = 0; k < order.size(); ++k)
    result[static_cast<std::size_t>(order[k])] = static_cast<Axis>(k);
  return result;
}

// How many axes of the tensor an entry takes.
std::size_t axes_of(const Index& entry) {
  switch (entry.kind()) {
    case Kind::nothing:
    case Kind::rest:
    case Kind::new_axis: return 0;
    case Kind::number:
    case Kind::range:
    case Kind::places: return 1;
    case Kind::mask: return entry.tensor().rank();
  }
  __builtin_unreachable();
}

// Reads entries one by one.
class Resolver {
 public:
  Resolver(const Shape& shape, std::span<const Index> entries, std::string_view where, Location at)
      : shape_(shape), entries_(entries), at_(at) {
    found_.seen = seen_plainly(where, shape);
    std::size_t taken = 0, gaps = 0;
    for (const Index& entry : entries) {
      taken += axes_of(entry);
      gaps += entry.kind() == Kind::rest ? 1u : 0u;
      has_places_ = has_places_ || entry.kind() == Kind::places || entry.kind() == Kind::mask;
    }
    if (taken > shape.rank()) {
      fail("index", std::to_string(taken) + " axes are indexed of the shape " + to_string(shape));
    }
    if (gaps > 1) fail("index", "more than one ellipsis");
    left_over_ = shape.rank() - taken;
    if (gaps == 0) after_ = left_over_;
  }

  Selection run() {
    for (const Index& entry : entries_) {
      if (entry.kind() == Kind::nothing) continue;
      const bool selects_places = read(entry);
      if (!selects_places) {
        is_parted_ = is_parted_ || !found_.places.empty();
      } else if (is_parted_) {
        found_.first_place = 0;
      }
    }
    for (; after_ > 0; --after_) range({});
    if (!found_.places.empty()) broadcast_places();
    if (!is_whole_ || new_axes_ != 0) {
      found_.region =
          std::make_shared<const IndexPart>(std::span<const IndexPart::Cut>(cuts_), new_axes_);
    }
    return std::move(found_);
  }

 private:
  // Whether the entry selects places.
  bool read(const Index& entry) {
    switch (entry.kind()) {
      case Kind::nothing: return false;
      case Kind::number:
        if (has_places_) {
          const std::int64_t place = place_of(entry.number(), cuts_.size(), shape_, "index");
          places(full({}, static_cast<double>(place)));
          return true;
        }
        number(entry.number());
        return false;
      case Kind::range: range(entry.range()); return false;
      case Kind::rest:
        for (std::size_t k = 0; k < left_over_; ++k) range({});
        return false;
      case Kind::new_axis:
        new_axes_ |= 1u << found_.region_shape.rank();
        found_.region_shape.push_back(1);
        return false;
      case Kind::places: places(entry.tensor()); return true;
      case Kind::mask: mask(entry.tensor()); return true;
    }
    __builtin_unreachable();
  }

  void number(std::int64_t index) {
    cuts_.push_back({{place_of(index, cuts_.size(), shape_, "index"), 1, 1}, true});
    is_whole_ = false;
  }
  void range(const Range& range) {
    const std::int64_t size = shape_[cuts_.size()];
    const Places at = places_of(range, size, "index");
    is_whole_ = is_whole_ && at.count == size && (at.step == 1 || size == 1);
    cuts_.push_back({at, false});
    found_.region_shape.push_back(at.count);
  }
  void places(const Tensor& t) {
    if (found_.places.empty()) found_.first_place = found_.region_shape.rank();
    found_.seen.axes[found_.places.size()] = static_cast<std::uint8_t>(cuts_.size());
    found_.axes.push_back(static_cast<Axis>(found_.region_shape.rank()));
    found_.places.push_back(t);
    range({});
  }
  void mask(const Tensor& truths) {
    if (truths.rank() == 0) fail("index", "a mask of shape () selects along no axis");
    for (std::size_t k = 0; k < truths.rank(); ++k) {
      if (truths.shape()[k] == shape_[cuts_.size() + k]) continue;
      fail("index", "a mask of shape " + to_string(truths.shape()) + " at axis " +
                        std::to_string(cuts_.size()) + " of the shape " + to_string(shape_) +
                        ": the sizes must be the same");
    }
    const Tensor found = argwhere(truths, at_);
    for (std::size_t k = 0; k < truths.rank(); ++k) {
      places(pick(found, 1, static_cast<Axis>(k)));
    }
  }

  void broadcast_places() {
    Shape common;
    for (const Tensor& t : found_.places) common = broadcast(common, t.shape(), "index");
    for (Tensor& t : found_.places) t = broadcast_to(t, common, at_);
  }

  const Shape shape_;
  const std::span<const Index> entries_;
  const Location at_;
  bool has_places_ = false;
  std::size_t left_over_ = 0,
              after_ = 0;  // axes that no entry names: where the ellipsis is, or last
  Selection found_;
  std::vector<IndexPart::Cut> cuts_;
  std::uint32_t new_axes_ = 0;
  bool is_whole_ = true;    // each cut takes all of its axis
  bool is_parted_ = false;  // another entry after places
};

Tensor region_of(const Tensor& x, const Selection& selection, Location at) {
  return selection.region ? call(selection.region, {x}, at) : x;
}

Tensor selected(const Tensor& x, std::span<const Index> entries, Location at) {
  const Selection selection = Resolver(x.shape(), entries, "index", at).run();
  const Tensor part = region_of(x, selection, at);
  if (selection.places.empty()) return part;
  const Tensor rows =
      take_rows(permuted(part, selection.places_first(), at), selection.places, selection.seen, at);
  return permuted(rows, selection.result_order(), at);
}

// y, stretched to what it is written into.
Tensor fitted(const Tensor& y, const Shape& part, const Shape& x, std::string_view where,
              Location at) {
  if (y.shape() == part) return y;
  if (y.rank() > part.rank() || broadcast(y.shape(), part, where) != part) {
    fail(where, to_string(y.shape()) + " into a part of shape " + to_string(part) +
                    " of a tensor of shape " + to_string(x));
  }
  return broadcast_to(y, part, at);
}

// A mask whose selection gets the same value all over, with as many axes as x.
std::optional<Tensor> plain_mask(const Tensor& x, std::span<const Index> entries, const Tensor& y) {
  if (entries.size() != 1 || entries[0].kind() != Kind::mask) return {};
  const Tensor& truths = entries[0].tensor();
  Shape shape = truths.shape();
  if (truths.rank() == 0 || truths.rank() > x.rank() || y.rank() > x.rank() - truths.rank())
    return {};
  for (std::size_t k = 0; k < x.rank(); ++k) {
    if (k >= truths.rank()) {
      shape.push_back(1);
    } else if (shape[k] != x.shape()[k]) {
      return {};
    }
  }
  return cast(reshape(truths, shape), x.element());
}

void update(Tensor& x, std::span<const Index> entries, const Tensor& y, Update how, Location at) {
  const std::string_view where = how == Update::set ? "set" : "add_at";
  if (const std::optional<Tensor> mask = plain_mask(x, entries, y)) {
    const Tensor part = fitted(cast(y, x.element(), at), x.shape(), x.shape(), where, at);
    x = select(*mask, how == Update::set ? part : add(x, part, at), x, at);
    return;
  }
  const Selection selection = Resolver(x.shape(), entries, where, at).run();
  if (selection.places.empty()) {
    if (!selection.region) {  // all of it
      const Tensor all_of_it = cast(fitted(y, x.shape(), x.shape(), where, at), x.element(), at);
      x = how == Update::set ? all_of_it : add(x, all_of_it, at);
      return;
    }
    const Shape part = selection.region->window(x).shape();
    update_part(x, selection.region, fitted(y, part, x.shape(), where, at), how, at);
    return;
  }
  const std::vector<Axis> order = selection.places_first(), result = selection.result_order();
  Shape rows = selection.places[0].shape();
  for (std::size_t k = selection.axes.size(); k < order.size(); ++k) {
    rows.push_back(selection.region_shape[static_cast<std::size_t>(order[k])]);
  }
  Shape part;
  for (const Axis axis : result) part.push_back(rows[static_cast<std::size_t>(axis)]);
  const Tensor stretched = permuted(fitted(y, part, x.shape(), where, at), inverse(result), at);
  if (!selection.region && is_in_order(order)) {
    return update_rows(x, selection.places, stretched, how, selection.seen, at);
  }
  Tensor inner = permuted(region_of(x, selection, at), order, at);
  update_rows(inner, selection.places, stretched, how, selection.seen, at);
  inner = permuted(inner, inverse(order), at);
  if (!selection.region) {
    x = inner;
  } else {
    update_part(x, selection.region, inner, Update::set, at);
  }
}

}  // namespace

Tensor Tensor::operator()(const Index& first, const Index& second, const Index& third,
                          const Index& fourth, const Index& fifth, const Index& sixth,
                          const Index& seventh, const Index& eighth, Location at) const {
  const Index entries[] = {first, second, third, fourth, fifth, sixth, seventh, eighth};
  return selected(*this, entries, at);
}

Tensor& Tensor::set(const IndexList& part, const Tensor& y, Location at) & {
  update(*this, part.entries(), y, Update::set, at);
  return *this;
}
Tensor& Tensor::add_at(const IndexList& part, const Tensor& y, Location at) & {
  update(*this, part.entries(), y, Update::add, at);
  return *this;
}

Tensor indexed(const Tensor& x, const IndexList& entries, Location at) {
  return selected(x, entries.entries(), at);
}

Tensor argwhere(const Tensor& mask, Location at) {
  std::vector<double> truths;
  if (mask.is_recorded() && detail::active_recorder->watching) {
    for (const Scalar& truth : scalars(mask, at)) truths.push_back(truth.value(at));
  } else {
    truths = mask.values();
  }
  std::vector<double> found;
  std::array<std::int64_t, Shape::kMostAxes> place = {};
  std::int64_t count = 0;
  for (const double truth : truths) {
    if (truth != 0) {
      ++count;
      for (std::size_t k = 0; k < mask.rank(); ++k) found.push_back(static_cast<double>(place[k]));
    }
    for (std::size_t k = mask.rank(); k-- > 0;) {
      if (++place[k] < mask.shape()[k]) break;
      place[k] = 0;
    }
  }
  return tensor(found, {count, static_cast<std::int64_t>(mask.rank())});
}

Tensor take(const Tensor& x, const Tensor& places, std::int64_t axis, Location at) {
  const std::size_t along = x.shape().axis(axis, "take");
  if (along == 0) return take_rows(x, {&places, 1}, at);
  Selection selection;
  selection.region_shape = x.shape();
  selection.places = {places};
  selection.axes = {static_cast<Axis>(along)};
  selection.first_place = along;
  selection.seen = seen_plainly("take", x.shape());
  selection.seen.axes[0] = static_cast<std::uint8_t>(along);
  const Tensor rows =
      take_rows(permuted(x, selection.places_first(), at), selection.places, selection.seen, at);
  return permuted(rows, selection.result_order(), at);
}

Tensor embedding(const Tensor& table, const Tensor& rows, Location at) {
  if (table.rank() == 0) fail("embedding", "a table of shape () has no rows");
  return take_rows(table, {&rows, 1}, seen_plainly("embedding", table.shape()), at);
}

}  // namespace chainrule
