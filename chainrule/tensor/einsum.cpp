// einsum and its kin: sums of products over axes that are named by letters.
//
// An axis is a label: a letter, or a place in the ellipsis, counted from the back. Each operand is
// first made plain (diagonals of letters that it has twice, sums over those that nobody else has).
// Then two operands at a time become one: with labels
//
//   b  in both, needed later      s  in both, not needed      m, n  in one of them
//
// the sum Σₛ x[b,m,s] y[b,s,n] is one batched product of matrices; without s it is an elementwise
// product. All of it is made of recorded operations, so that there is nothing to differentiate
// here.
#include <algorithm>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/linalg.hpp"

namespace chainrule {
namespace {

using Label = int;
// Letters are labels below, in the order of their characters; then the axes of the ellipsis, the
// last one first.
constexpr Label kLetters = 128, kMostLabels = kLetters + static_cast<Label>(Shape::kMostAxes);
using Labels = std::vector<Label>;

bool has(const Labels& labels, Label label) {
  return std::ranges::find(labels, label) != labels.end();
}
std::int64_t place(const Labels& labels, Label label) {
  return std::ranges::find(labels, label) - labels.begin();
}

struct Term {
  Tensor x;
  Labels labels;
};

// ---- reading ----------------------------------------------------------------------------------

class Subscripts {
 public:
  Subscripts(std::string_view text, std::span<const Tensor> operands) : text_(text) {
    const std::size_t arrow = text.find("->");
    const std::string_view inputs = text.substr(0, arrow);
    std::size_t begin = 0;
    for (const Tensor& x : operands) {
      if (begin > inputs.size()) fail_count(inputs, operands.size());
      const std::size_t end = std::min(inputs.find(',', begin), inputs.size());
      terms.push_back({x, labels_of(inputs.substr(begin, end - begin), &x)});
      begin = end + 1;
    }
    if (begin <= inputs.size()) fail_count(inputs, operands.size());
    if (arrow == std::string_view::npos) {
      implicit_output();
    } else {
      explicit_output(text.substr(arrow + 2));
    }
  }

  std::vector<Term> terms;
  Labels output;

 private:
  [[noreturn]] void fail_here(const std::string& facts) const {
    fail("einsum", std::string(text_) + ": " + facts);
  }
  [[noreturn]] void fail_count(std::string_view inputs, std::size_t operands) const {
    fail_here(std::to_string(std::ranges::count(inputs, ',') + 1) + " terms for " +
              std::to_string(operands) + (operands == 1 ? " tensor" : " tensors"));
  }

  // The labels of one term; of the output if there is no operand.
  Labels labels_of(std::string_view term, const Tensor* operand) {
    Labels labels;
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto letters = static_cast<std::size_t>(std::ranges::count_if(term, is_letter));
    bool has_rest = false;
    for (std::size_t k = 0; k < term.size(); ++k) {
      const char c = term[k];
      if (c == ' ') continue;
      if (is_letter(c)) {
        labels.push_back(static_cast<Label>(c));
      } else if (term.substr(k, 3) == "..." && !has_rest) {
        has_rest = true;
        k += 2;
        std::size_t rest = widest_;
        if (operand != nullptr) {
          rest = operand->rank() - std::min(letters, operand->rank());
          widest_ = std::max(widest_, rest);
        }
        while (rest > 0) labels.push_back(kLetters + static_cast<Label>(--rest));
      } else {
        fail_here(std::string("'") + c + "' is no letter, nor an ellipsis, comma or arrow");
      }
    }
    if (operand == nullptr) {
      if (!has_rest && widest_ > 0) {
        fail_here("the output has no ellipsis, but that of the operands stands for " +
                  std::to_string(widest_) + " axes");
      }
    } else if (labels.size() != operand->rank()) {
      fail_here("'" + std::string(term) + "' for the shape " + to_string(operand->shape()));
    }
    return labels;
  }

  std::size_t times(Label label) const {
    std::size_t count = 0;
    for (const Term& term : terms)
      count += static_cast<std::size_t>(std::ranges::count(term.labels, label));
    return count;
  }

  void implicit_output() {
    for (std::size_t k = widest_; k-- > 0;) output.push_back(kLetters + static_cast<Label>(k));
    for (Label letter = 0; letter < kLetters; ++letter) {
      if (times(letter) == 1) output.push_back(letter);
    }
  }
  void explicit_output(std::string_view text) {
    output = labels_of(text, nullptr);
    for (std::size_t k = 0; k < output.size(); ++k) {
      const Label label = output[k];
      const std::string letter(1, static_cast<char>(label));
      if (label >= kLetters) continue;
      if (times(label) == 0) fail_here("the output's " + letter + " stands in no operand");
      if (place(output, label) != static_cast<std::int64_t>(k)) {
        fail_here("the output has " + letter + " twice");
      }
    }
  }

  std::string_view text_;
  std::size_t widest_ = 0;  // axes of the longest ellipsis
};

// ---- contracting ------------------------------------------------------------------------------

class Contraction {
 public:
  Contraction(std::string_view text, std::vector<Term> terms, Labels output, Location at)
      : text_(text), terms_(std::move(terms)), output_(std::move(output)), at_(at) {
    find_sizes();
  }

  Tensor run() {
    for (Term& term : terms_) take_diagonals(term);
    for (Term& term : terms_) sum_lonely(term);
    while (terms_.size() > 1) {
      const auto [i, j] = cheapest_pair();
      Term joined = join(terms_[i], terms_[j]);
      terms_.erase(terms_.begin() + static_cast<std::ptrdiff_t>(j));
      terms_[i] = std::move(joined);
    }
    return ordered(terms_[0], output_);
  }

 private:
  // Sizes by label. Axes of a letter agree; those of the ellipsis may have size 1.
  void find_sizes() {
    std::array<const Tensor*, kMostLabels> from = {};
    sizes_.fill(1);
    for (const Term& term : terms_) {
      for (std::size_t k = 0; k < term.labels.size(); ++k) {
        const auto label = static_cast<std::size_t>(term.labels[k]);
        const std::int64_t size = term.x.shape()[k];
        const bool stretches = term.labels[k] >= kLetters && (size == 1 || sizes_[label] == 1);
        if (from[label] != nullptr && size != sizes_[label] && !stretches) {
          const std::string name = term.labels[k] >= kLetters
                                       ? "an axis of the ellipsis"
                                       : std::string(1, static_cast<char>(term.labels[k]));
          fail("einsum", std::string(text_) + ": " + name + " is " + std::to_string(sizes_[label]) +
                             " in " + to_string(from[label]->shape()) + " and " +
                             std::to_string(size) + " in " + to_string(term.x.shape()));
        }
        if (from[label] == nullptr || size != 1) {
          sizes_[label] = size;
          from[label] = &term.x;
        }
      }
    }
  }

  void take_diagonals(Term& term) const {
    for (std::size_t k = 0; k < term.labels.size();) {
      const Label label = term.labels[k];
      const auto second = std::find(term.labels.begin() + static_cast<std::ptrdiff_t>(k) + 1,
                                    term.labels.end(), label);
      if (second == term.labels.end()) {
        ++k;
        continue;
      }
      term.x = diagonal(term.x, 0, static_cast<std::int64_t>(k), second - term.labels.begin(), at_);
      term.labels.erase(second);
      term.labels.erase(term.labels.begin() + static_cast<std::ptrdiff_t>(k));
      term.labels.push_back(label);
    }
  }

  // Whether the output or another term than these two has the label.
  bool is_needed(Label label, const Term& x, const Term& y) const {
    if (has(output_, label)) return true;
    return std::ranges::any_of(terms_, [&](const Term& term) {
      return &term != &x && &term != &y && has(term.labels, label);
    });
  }

  void sum_lonely(Term& term) const {
    std::vector<std::int64_t> axes;
    Labels rest;
    for (std::size_t k = 0; k < term.labels.size(); ++k) {
      if (is_needed(term.labels[k], term, term)) {
        rest.push_back(term.labels[k]);
      } else {
        axes.push_back(static_cast<std::int64_t>(k));
      }
    }
    if (axes.empty()) return;
    term.x = sum(term.x, Axes(std::span<const std::int64_t>(axes)), Dims::drop, at_);
    term.labels = rest;
  }

  double product_of_sizes(const Labels& labels) const {
    double product = 1;
    for (const Label label : labels)
      product *= static_cast<double>(sizes_[static_cast<std::size_t>(label)]);
    return product;
  }

  // The pair with the fewest multiplications; of equals the one with the smallest result.
  std::pair<std::size_t, std::size_t> cheapest_pair() const {
    std::pair<std::size_t, std::size_t> best{0, 1};
    std::pair<double, double> least{};
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      for (std::size_t j = i + 1; j < terms_.size(); ++j) {
        Labels together = terms_[i].labels, result;
        for (const Label label : terms_[j].labels) {
          if (!has(together, label)) together.push_back(label);
        }
        for (const Label label : together) {
          if (is_needed(label, terms_[i], terms_[j])) result.push_back(label);
        }
        const std::pair cost{product_of_sizes(together), product_of_sizes(result)};
        if ((i == 0 && j == 1) || cost < least) {
          least = cost;
          best = {i, j};
        }
      }
    }
    return best;
  }

  // The axes of a term in the order of these labels, all of which it has.
  Tensor ordered(const Term& term, const Labels& labels) const {
    std::vector<std::int64_t> order;
    bool is_in_order = true;
    for (const Label label : labels) {
      is_in_order = is_in_order && place(term.labels, label) == std::ssize(order);
      order.push_back(place(term.labels, label));
    }
    return is_in_order ? term.x : permute(term.x, order, at_);
  }

  static Labels joined(std::initializer_list<const Labels*> parts) {
    Labels all_of_them;
    for (const Labels* part : parts)
      all_of_them.insert(all_of_them.end(), part->begin(), part->end());
    return all_of_them;
  }

  static std::int64_t size_of(const Tensor& x, std::size_t first, std::size_t count) {
    std::int64_t size = 1;
    for (std::size_t k = first; k < first + count; ++k) size *= x.shape()[k];
    return size;
  }

  Term join(const Term& x, const Term& y) const {
    Labels both, summed, m, n;
    for (const Label label : x.labels) {
      if (!has(y.labels, label)) {
        m.push_back(label);
      } else {
        (is_needed(label, x, y) ? both : summed).push_back(label);
      }
    }
    for (const Label label : y.labels) {
      if (!has(x.labels, label)) n.push_back(label);
    }
    if (summed.empty() || (m.empty() && n.empty() && !both.empty())) {
      return multiplied(x, y, both, m, n, summed);
    }
    return contracted(x, y, both, m, n, summed);
  }

  // x[b,m,1,s] · y[b,1,n,s], summed over s.
  Term multiplied(const Term& x, const Term& y, const Labels& both, const Labels& m,
                  const Labels& n, const Labels& summed) const {
    const Tensor left = ordered(x, joined({&both, &m, &summed}));
    const Tensor right = ordered(y, joined({&both, &n, &summed}));
    Shape wide;
    for (std::size_t k = 0; k < left.rank(); ++k) {
      if (k == both.size() + m.size()) wide = with_ones(wide, n.size());
      wide.push_back(left.shape()[k]);
    }
    if (summed.empty()) wide = with_ones(wide, n.size());
    Shape other;
    for (std::size_t k = 0; k < right.rank(); ++k) {
      if (k == both.size()) other = with_ones(other, m.size());
      other.push_back(right.shape()[k]);
    }
    if (right.rank() == both.size()) other = with_ones(other, m.size());
    Tensor z = mul(reshape(left, wide, at_), reshape(right, other, at_), at_);
    std::vector<std::int64_t> axes;
    for (std::size_t k = 1; k <= summed.size(); ++k) axes.push_back(-static_cast<std::int64_t>(k));
    if (!axes.empty()) z = sum(z, Axes(std::span<const std::int64_t>(axes)), Dims::drop, at_);
    return {z, joined({&both, &m, &n})};
  }
  static Shape with_ones(Shape shape, std::size_t count) {
    while (count-- > 0) shape.push_back(1);
    return shape;
  }

  // x[b,m,s] · y[b,s,n] as matrices. More axes of b than fit beside two others are stretched and
  // joined to one.
  Term contracted(const Term& x, const Term& y, const Labels& both, const Labels& m,
                  const Labels& n, const Labels& summed) const {
    Tensor left = ordered(x, joined({&both, &m, &summed}));
    Tensor right = ordered(y, joined({&both, &summed, &n}));
    const std::size_t b = both.size();
    const std::int64_t rows = size_of(left, b, m.size()),
                       inner = size_of(left, b + m.size(), summed.size()),
                       columns = size_of(right, b + summed.size(), n.size());
    Shape batch, batch_left, batch_right;
    for (std::size_t k = 0; k < b; ++k) {
      batch.push_back(sizes_[static_cast<std::size_t>(both[k])]);
      batch_left.push_back(left.shape()[k]);
      batch_right.push_back(right.shape()[k]);
    }
    if (b + 2 > Shape::kMostAxes) {
      left = broadcast_to(left, with_tail(batch, left, b), at_);
      right = broadcast_to(right, with_tail(batch, right, b), at_);
      batch_left = batch_right = Shape{batch.size()};
    }
    const auto matrices = [](Shape shape, std::int64_t height, std::int64_t width) {
      shape.push_back(height);
      shape.push_back(width);
      return shape;
    };
    const Tensor z = matmul(reshape(left, matrices(batch_left, rows, inner), at_),
                            reshape(right, matrices(batch_right, inner, columns), at_), at_);
    Shape result = b + 2 > Shape::kMostAxes ? batch : broadcast(batch_left, batch_right, "einsum");
    for (std::size_t k = 0; k < m.size(); ++k) result.push_back(left.shape()[b + k]);
    for (std::size_t k = 0; k < n.size(); ++k)
      result.push_back(right.shape()[b + summed.size() + k]);
    return {reshape(z, result, at_), joined({&both, &m, &n})};
  }
  static Shape with_tail(Shape shape, const Tensor& x, std::size_t from) {
    for (std::size_t k = from; k < x.rank(); ++k) shape.push_back(x.shape()[k]);
    return shape;
  }

  std::string_view text_;
  std::vector<Term> terms_;
  Labels output_;
  Location at_;
  std::array<std::int64_t, kMostLabels> sizes_ = {};
};

std::vector<std::int64_t> front_axes(const Tensor& x, std::span<const std::int64_t> axes,
                                     std::string_view where) {
  std::vector<std::int64_t> found;
  for (const std::int64_t axis : axes) {
    const auto place = static_cast<std::int64_t>(x.shape().axis(axis, where));
    if (std::ranges::find(found, place) != found.end()) {
      fail(where, "axis " + std::to_string(axis) + " of the shape " + to_string(x.shape()) +
                      " is named twice");
    }
    found.push_back(place);
  }
  return found;
}

void require_vectors(const Tensor& x, const Tensor& y, std::string_view where) {
  if (x.rank() == 1 && y.rank() == 1) return;
  fail(where, to_string(x.shape()) + " x " + to_string(y.shape()) + ": two vectors are needed");
}

}  // namespace

Tensor einsum(std::string_view subscripts, std::span<const Tensor> operands, Location at) {
  if (operands.empty()) fail("einsum", std::string(subscripts) + ": of no tensor at all");
  Subscripts read(subscripts, operands);
  return Contraction(subscripts, std::move(read.terms), std::move(read.output), at).run();
}

Tensor dot(const Tensor& x, const Tensor& y, Location at) {
  require_vectors(x, y, "dot");
  if (x.size() != y.size()) {
    fail("dot", to_string(x.shape()) + " x " + to_string(y.shape()) + ": sizes must agree");
  }
  return matmul(x, y, at);
}

Tensor outer(const Tensor& x, const Tensor& y, Location at) {
  require_vectors(x, y, "outer");
  return mul(unsqueeze(x, -1, at), unsqueeze(y, 0, at), at);
}

Tensor tensordot(const Tensor& x, const Tensor& y, std::span<const std::int64_t> x_axes,
                 std::span<const std::int64_t> y_axes, Location at) {
  const auto facts = [&] { return to_string(x.shape()) + " x " + to_string(y.shape()); };
  if (x_axes.size() != y_axes.size()) {
    fail("tensordot", facts() + ": " + std::to_string(x_axes.size()) + " axes of one and " +
                          std::to_string(y_axes.size()) + " of the other");
  }
  const auto left = front_axes(x, x_axes, "tensordot"), right = front_axes(y, y_axes, "tensordot");
  Term a{x, Labels(x.rank())}, b{y, Labels(y.rank())};
  Labels output;
  Label next = 0;
  std::ranges::fill(b.labels, -1);
  for (std::size_t k = 0; k < x.rank(); ++k) {
    a.labels[k] = next;
    const auto at_axis = std::ranges::find(left, static_cast<std::int64_t>(k));
    if (at_axis == left.end()) {
      output.push_back(next);
    } else {
      const auto other =
          static_cast<std::size_t>(right[static_cast<std::size_t>(at_axis - left.begin())]);
      if (x.shape()[k] != y.shape()[other]) {
        fail("tensordot", facts() + ": axis " + std::to_string(k) + " and axis " +
                              std::to_string(other) + " must have the same size");
      }
      b.labels[other] = next;
    }
    ++next;
  }
  for (Label& label : b.labels) {
    if (label < 0) output.push_back(label = next++);
  }
  return Contraction("tensordot", {std::move(a), std::move(b)}, std::move(output), at).run();
}
Tensor tensordot(const Tensor& x, const Tensor& y, std::initializer_list<std::int64_t> x_axes,
                 std::initializer_list<std::int64_t> y_axes, Location at) {
  return tensordot(x, y, std::span(x_axes.begin(), x_axes.size()),
                   std::span(y_axes.begin(), y_axes.size()), at);
}
Tensor tensordot(const Tensor& x, const Tensor& y, std::int64_t axes, Location at) {
  const auto least = static_cast<std::int64_t>(std::min(x.rank(), y.rank()));
  if (axes < 0 || axes > least) {
    fail("tensordot", to_string(x.shape()) + " x " + to_string(y.shape()) + ": over " +
                          std::to_string(axes) + " axes");
  }
  std::vector<std::int64_t> left, right;
  for (std::int64_t k = 0; k < axes; ++k) {
    left.push_back(static_cast<std::int64_t>(x.rank()) - axes + k);
    right.push_back(k);
  }
  return tensordot(x, y, left, right, at);
}

}  // namespace chainrule
