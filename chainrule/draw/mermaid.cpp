// Mermaid flowcharts, as drawn by GitHub and many wikis. All that is not a letter or a digit of
// ASCII becomes an entity code (#34;), so that no label can end a string or start a list or a
// formula.
#include "chainrule/draw/render_internal.hpp"
#include "chainrule/draw/words_internal.hpp"

namespace chainrule::detail {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool beyond_ascii = static_cast<unsigned char>(c) >= 0x80;
    if (letter || beyond_ascii || c == ' ' || c == '_') {
      result += c;
    } else {
      result += "#" + std::to_string(static_cast<int>(c)) + ";";
    }
  }
  return result;
}

class Mermaid {
 public:
  Mermaid(const Picture& picture, const DrawOptions& options)
      : picture_(picture), options_(options) {}

  std::string render() {
    const std::string title = title_of(picture_);
    if (!title.empty()) out_ = "---\ntitle: \"" + quoted_yaml(title) + "\"\n---\n";
    constexpr std::string_view kRank[] = {"LR", "TB", "BT"};
    out_.append("flowchart ")
        .append(kRank[static_cast<std::size_t>(options_.direction)])
        .append("\n");
    for_each_node(picture_, [this](PictureIndex i, const PictureNode& node,
                                   std::span<const PictureEdge> uses) {
      if (node.kind == PictureKind::number) return;  // it stands in its user's juncture
      this->node(i, node, uses);
      if (options_.look == Look::graph && !uses.empty()) juncture(i, node, uses);
      for (const PictureEdge& use : uses) {
        if (picture_[use.from].kind != PictureKind::number) edge(use);
      }
    });
    styles();
    return out_;
  }

 private:
  static std::string quoted_yaml(std::string_view text) {
    std::string result;
    for (const char c : text) {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
    return result;
  }

  static std::string id(PictureIndex i) { return "n" + std::to_string(i.index); }
  std::string entry(PictureIndex i) const {
    return options_.look == Look::graph ? "j" + std::to_string(i.index) : id(i);
  }
  void line(const std::string& text) { out_.append("  ").append(text).append("\n"); }

  static std::string_view style_of(const PictureNode& node) {
    if (is_faulty(node)) return "fault";
    switch (node.kind) {
      case PictureKind::variable: return "variable";
      case PictureKind::constant: return "constant";
      case PictureKind::placeholder: return "placeholder";
      case PictureKind::number:
      case PictureKind::more: return "note";
      case PictureKind::operation: return "operation";
    }
    __builtin_unreachable();
  }

  void node(PictureIndex i, const PictureNode& node, std::span<const PictureEdge> uses) {
    std::string label;
    const bool note = node.kind == PictureKind::more;
    if (note) {
      label = escaped(name_of(node));
    } else {
      label = node.labelled ? "<b>" + escaped(name_of(node)) + "</b>" : escaped(name_of(node));
      if (options_.look == Look::table && !node.glyph.empty()) {
        label += " = " + escaped(action_of(picture_, node, uses));
      }
      const bool unfed = node.kind == PictureKind::placeholder && node.value != node.value;
      label += "<br/>value " + (unfed ? "not fed" : short_number(node.value, kMinus));
      if (node.grad) {
        label += "<br/>" + escaped(grad_caption(picture_, node)) + " " +
                 short_number(*node.grad, kMinus);
      } else if (picture_.output().grad) {
        label += "<br/>grad none";
      }
    }
    const std::string style =
        options_.colours == Colours::on ? ":::" + std::string(style_of(node)) : std::string();
    line(id(i) + (note ? "[\"" : "(\"") + label + (note ? "\"]" : "\")") + style);
  }

  void juncture(PictureIndex i, const PictureNode& node, std::span<const PictureEdge> uses) {
    const std::string action = action_of(picture_, node, uses);
    const bool sign = width_of(action) <= 2;
    line(entry(i) + (sign ? "((\"" : "([\"") + escaped(action) + (sign ? "\"))" : "\"])") +
         (options_.colours == Colours::on ? ":::juncture" : ""));
    line(entry(i) + " --> " + id(i));
    if (options_.backprop == Backprop::shown && node.grad && *node.grad != 0) {
      line(id(i) + " -.-> " + entry(i));
    }
  }

  void edge(const PictureEdge& use) {
    std::string label;
    if (use.positions.size() > 1) label = "×" + std::to_string(use.positions.size());
    if (options_.partials == Partials::shown && use.partial) {
      label += (label.empty() ? "∂ " : " ∂ ") + short_number(*use.partial, kMinus);
    }
    const bool cut = picture_[use.from].kind == PictureKind::more;
    line(id(use.from) + (cut ? " -.-" : " -->") + (label.empty() ? " " : "|\"" + label + "\"| ") +
         entry(use.to));
    if (options_.backprop == Backprop::shown && carries_adjoint(picture_, use)) {
      line(entry(use.to) + " -.-> " + id(use.from));
    }
  }

  void styles() {
    if (options_.colours == Colours::off) return;
    line("classDef variable fill:#e4eef8,stroke:#3f76ad,color:#1f2933");
    line("classDef constant fill:#eceef0,stroke:#6b7785,color:#1f2933");
    line("classDef placeholder fill:#e6f3ea,stroke:#3d8a5f,color:#1f2933,stroke-dasharray:4");
    line("classDef operation fill:#fdf1df,stroke:#b9772a,color:#1f2933");
    line("classDef juncture fill:#ffffff,stroke:#b9772a,color:#1f2933");
    line("classDef fault fill:#fbe4e4,stroke:#b3261e,color:#b3261e");
    line("classDef note fill:none,stroke:none,color:#66717d");
  }

  const Picture& picture_;
  const DrawOptions& options_;
  std::string out_;
};

}  // namespace

std::string render_mermaid(const Picture& picture, const DrawOptions& options) {
  return Mermaid(picture, options).render();
}

}  // namespace chainrule::detail
