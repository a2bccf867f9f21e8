// Text for a terminal: equations in the first column, their values and adjoints beside them.
//
// A graph of few levels is a tree from the output down, where what was shown above is only named
// again; a deep one is a list in the order of computation.
#include <algorithm>
#include <cctype>

#include "chainrule/draw/render_internal.hpp"
#include "chainrule/draw/words_internal.hpp"

namespace chainrule::detail {
namespace {

constexpr std::size_t kDeepest = 14;

struct Row {
  std::string text;
  std::string value, grad;
};

class Listing {
 public:
  explicit Listing(const Picture& picture) : picture_(picture), uses_(picture.nodes.size()) {
    for_each_node(picture, [this](PictureIndex i, const PictureNode&,
                                  std::span<const PictureEdge> uses) { uses_[i.index] = uses; });
  }

  std::string render() {
    if (depth() <= kDeepest) {
      tree();
    } else {
      list();
    }
    return table();
  }

 private:
  std::size_t depth() const {
    std::vector<std::size_t> level(picture_.nodes.size());
    for (std::size_t k = level.size(); k-- > 0;) {
      for (const PictureEdge& use : uses_[k]) {
        level[use.from.index] = std::max(level[use.from.index], level[k] + 1);
      }
    }
    return *std::max_element(level.begin(), level.end());
  }

  std::string term(PictureIndex i) const {
    const PictureNode& node = picture_[i];
    if (node.kind == PictureKind::number) return short_number(node.value);
    if (node.kind == PictureKind::more) return "…";
    return shortened(node.name, 24);
  }

  // mul/0 = x1 * w1, n = tanh(x): in the language of the tool where all is labelled.
  std::string equation(PictureIndex i) const {
    const PictureNode& node = picture_[i];
    const std::string name = name_of(node);
    if (node.kind != PictureKind::operation) return name;
    std::vector<std::string> terms;
    for (const PictureEdge& use : uses_[i.index]) {
      for (const unsigned position : use.positions) {
        if (terms.size() <= position) terms.resize(position + std::size_t{1});
        terms[position] = term(use.from);
      }
    }
    const std::string glyph = shortened(node.glyph, 24);
    const bool sign = std::isalpha(static_cast<unsigned char>(glyph[0])) == 0;
    if (sign && terms.size() == 1) return name + " = " + glyph + terms[0];
    if (sign && terms.size() == 2) return name + " = " + terms[0] + " " + glyph + " " + terms[1];
    std::string text = name + " = " + glyph + "(";
    for (std::size_t k = 0; k < terms.size(); ++k) text += (k == 0 ? "" : ", ") + terms[k];
    return text + ")";
  }

  Row row(std::string lead, PictureIndex i) const {
    const PictureNode& node = picture_[i];
    lead += equation(i);
    if (node.kind == PictureKind::more) return {lead, "", ""};
    const bool unfed = node.kind == PictureKind::placeholder && node.value != node.value;
    const bool swept = picture_.output().grad.has_value();
    return {lead, unfed ? "not fed" : short_number(node.value),
            node.grad ? short_number(*node.grad)
            : swept   ? "none"
                      : ""};
  }

  void list() {
    for (std::uint32_t k = 0; k < picture_.nodes.size(); ++k) {
      const PictureKind kind = picture_.nodes[k].kind;
      if (kind != PictureKind::number) rows_.push_back(row("", {k}));
    }
  }

  // Depth first without recursion: each entry is a node still to be written.
  void tree() {
    struct Entry {
      PictureIndex node;
      std::string lead, below;
    };
    std::vector<bool> written(picture_.nodes.size());
    std::vector<Entry> stack{{{static_cast<std::uint32_t>(picture_.nodes.size() - 1)}, "", ""}};
    while (!stack.empty()) {
      const Entry entry = stack.back();
      stack.pop_back();
      if (written[entry.node.index]) {
        rows_.push_back({entry.lead + name_of(picture_[entry.node]) + " ↑", "", ""});
        continue;
      }
      written[entry.node.index] = true;
      rows_.push_back(row(entry.lead, entry.node));
      std::vector<PictureIndex> children;
      for (const PictureEdge& use : uses_[entry.node.index]) {
        if (picture_[use.from].kind != PictureKind::number) children.push_back(use.from);
      }
      for (std::size_t k = children.size(); k-- > 0;) {
        const bool last = k + 1 == children.size();
        stack.push_back({children[k], entry.below + (last ? "└─ " : "├─ "),
                         entry.below + (last ? "   " : "│  ")});
      }
    }
  }

  static std::string padded(std::string_view text, std::size_t width, bool right) {
    const std::string space(width - std::min(width, width_of(text)), ' ');
    return right ? space + std::string(text) : std::string(text) + space;
  }

  std::string table() const {
    const bool grads =
        picture_.output().grad ||
        std::any_of(rows_.begin(), rows_.end(), [](const Row& r) { return !r.grad.empty(); });
    std::size_t text = 0, value = 5, grad = 4;
    for (const Row& row : rows_) {
      text = std::max(text, width_of(row.text));
      value = std::max(value, width_of(row.value));
      grad = std::max(grad, width_of(row.grad));
    }
    std::string out;
    if (const std::string title = title_of(picture_); !title.empty()) out = title + "\n\n";
    const auto write = [&](const Row& row) {
      std::string line = padded(row.text, text, false) + "  " + padded(row.value, value, true);
      if (grads) line += "  " + padded(row.grad, grad, true);
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    };
    write({"", "value", grads ? "grad" : ""});
    for (const Row& row : rows_) write(row);
    return out;
  }

  const Picture& picture_;
  std::vector<std::span<const PictureEdge>> uses_;
  std::vector<Row> rows_;
};

}  // namespace

std::string render_text(const Picture& picture) { return Listing(picture).render(); }

}  // namespace chainrule::detail
