// DOT, the language of Graphviz. Every label is HTML-like, so that all of a user's text is escaped
// in one way; what is quoted is ours, or a tooltip.
#include "chainrule/draw/far_internal.hpp"
#include "chainrule/draw/render_internal.hpp"
#include "chainrule/draw/words_internal.hpp"
#include "chainrule/op/op.hpp"

#include <algorithm>

namespace chainrule::detail {
namespace {

// A fill to write on, and a line and head of the same hue.
struct Ink {
  std::string_view fill, line;
};

struct Palette {
  Ink variable, constant, placeholder, operation, fault;
  std::string_view text, quiet, zero, edge, backprop;
};

// With so many bends a layout of 300 random operations takes 2 s; with all of them, 150 s (2.6
// GHz).
constexpr std::size_t kBends = 400;
// Beyond it Graphviz is told to settle for less: 1,000 nodes in some ten seconds.
constexpr std::size_t kManyNodes = 320;

constexpr Palette kColoured{{"#e4eef8", "#3f76ad"},
                            {"#eceef0", "#6b7785"},
                            {"#e6f3ea", "#3d8a5f"},
                            {"#fdf1df", "#b9772a"},
                            {"#fbe4e4", "#b3261e"},
                            "#1f2933",
                            "#66717d",
                            "#9a6b00",
                            "#7b8794",
                            "#b3405f"};
constexpr Palette kPlain{{"white", "black"},
                         {"white", "black"},
                         {"white", "black"},
                         {"white", "black"},
                         {"white", "black"},
                         "black",
                         "black",
                         "black",
                         "black",
                         "black"};

std::string html(std::string_view text) { return escaped_xml(text); }

// A string of DOT: only the quote and the backslash mean something in it.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

std::string font(std::string_view colour, std::string_view inside) {
  return "<font color=\"" + std::string(colour) + "\">" + std::string(inside) + "</font>";
}

class Dot {
 public:
  Dot(const Picture& picture, const DrawOptions& options)
      : picture_(picture),
        options_(options),
        palette_(options.colours == Colours::on ? kColoured : kPlain),
        far_(far_edges(picture, kBends)) {}

  std::string render() {
    head();
    for_each_node(picture_, [this](PictureIndex i, const PictureNode& node,
                                   std::span<const PictureEdge> uses) {
      if (node.kind == PictureKind::number) return;  // it stands in its user's juncture
      if (node.kind == PictureKind::more) {
        margin_note(i, node);
      } else if (options_.look == Look::table) {
        table(i, node, uses);
      } else {
        box(i, node);
        if (!uses.empty()) juncture(i, node, uses);
      }
      for (const PictureEdge& use : uses) {
        if (picture_[use.from].kind != PictureKind::number) edge(use);
      }
    });
    return out_ + "}\n";
  }

 private:
  const Ink& ink_of(const PictureNode& node) const {
    if (is_faulty(node)) return palette_.fault;
    switch (node.kind) {
      case PictureKind::variable: return palette_.variable;
      case PictureKind::constant: return palette_.constant;
      case PictureKind::placeholder: return palette_.placeholder;
      case PictureKind::number:
      case PictureKind::operation:
      case PictureKind::more: return palette_.operation;
    }
    __builtin_unreachable();
  }

  static std::string id(PictureIndex i) { return "n" + std::to_string(i.index); }
  // Where an edge into a node ends: at its juncture, if it has one.
  std::string entry(PictureIndex i) const {
    return options_.look == Look::graph ? "j" + std::to_string(i.index) : id(i);
  }

  void line(std::string_view text) { out_.append("  ").append(text).append("\n"); }

  void head() {
    constexpr std::string_view kRank[] = {"LR", "TB", "BT"};
    const std::string rank(kRank[static_cast<std::size_t>(options_.direction)]);
    const bool level = options_.direction == Direction::left_to_right;
    out_ = "digraph chainrule {\n";
    line("graph [rankdir=" + rank + ", bgcolor=white, pad=0.25, nodesep=" +
         (level ? "0.22" : "0.35") + ", ranksep=" + (level ? "0.38" : "0.32") +
         ", fontname=\"Helvetica,Arial,sans-serif\", fontsize=12, fontcolor=\"" +
         std::string(palette_.quiet) + "\"]");
    line("node [fontname=\"Helvetica,Arial,sans-serif\", fontsize=12, fontcolor=\"" +
         std::string(palette_.text) + "\", penwidth=1.1]");
    line("edge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=10, fontcolor=\"" +
         std::string(palette_.quiet) + "\", color=\"" + std::string(palette_.edge) +
         "\", arrowsize=0.6, penwidth=1.1" +
         (level && options_.backprop == Backprop::hidden ? ", tailport=e" : "") + "]");
    if (picture_.nodes.size() > kManyNodes) line("graph [nslimit=1, nslimit1=1, splines=line]");
    std::string title = title_of(picture_);
    if (std::count(far_.begin(), far_.end(), true) > 0) {
      title +=
          std::string(title.empty() ? "" : "; ") + "a bare name stands for the line from that node";
    }
    if (!title.empty()) line("label=<" + html(title) + ">; labelloc=t; labeljust=l");
  }

  std::string tooltip(const PictureNode& node) const {
    std::string text = shortened(node.name);
    if (const OpInfo* op = find_op(node.op); !node.op.empty() && op != nullptr) {
      text += ": " + std::string(op->text);
    }
    if (!node.source.empty()) text += " (" + shortened(node.source, 200) + ")";
    return "tooltip=" + quoted(text);
  }

  // Automatic names stand back.
  std::string name_cell(const PictureNode& node) const {
    const std::string name = html(name_of(node));
    return node.labelled ? "<b>" + name + "</b>" : font(palette_.quiet, name);
  }
  static bool is_unfed(const PictureNode& node) {
    return node.kind == PictureKind::placeholder && node.value != node.value;
  }
  std::string number(double value, bool zero_matters) const {
    const std::string text = html(short_number(value, kMinus));
    if (!(value - value == 0)) return "<b>" + font(palette_.fault.line, text) + "</b>";
    return zero_matters && value == 0 ? "<i>" + font(palette_.zero, text) + "</i>" : text;
  }
  std::string value_text(const PictureNode& node) const {
    return is_unfed(node) ? font(palette_.quiet, "not fed") : number(node.value, false);
  }
  // Once the output has its adjoint, a node that none reached says so.
  bool shows_grad(const PictureNode& node) const { return node.grad || picture_.output().grad; }
  std::string grad_text(const PictureNode& node) const {
    return node.grad ? number(*node.grad, true) : font(palette_.quiet, "none");
  }

  void box(PictureIndex i, const PictureNode& node) {
    const Ink& ink = ink_of(node);
    const auto cell = [this](std::string_view caption, std::string_view content) {
      return "<vr/><td>" + font(palette_.quiet, html(caption)) + "  " + std::string(content) +
             "</td>";
    };
    std::string cells = "<td>" + name_cell(node) + "</td>" + cell("value", value_text(node));
    if (shows_grad(node)) cells += cell(grad_caption(picture_, node), grad_text(node));
    const bool output = i.index + 1 == picture_.nodes.size();
    line(id(i) + " [shape=box, style=\"rounded,filled" +
         (node.kind == PictureKind::placeholder ? ",dashed" : "") + "\", fillcolor=\"" +
         std::string(ink.fill) + "\", color=\"" + std::string(ink.line) + "\", margin=0" +
         (output ? ", penwidth=2" : "") + ", " + tooltip(node) +
         ", label=<<table border=\"0\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"6\"><tr>" +
         cells + "</tr></table>>]");
  }

  // Operands that may not change places keep their order, so that a − b reads downwards.
  std::string order_of(const PictureNode& node, std::span<const PictureEdge> uses) const {
    const OpInfo* op = find_op(node.op);
    const bool any_order = op != nullptr && op->laws == Laws::commutes;
    return any_order || uses.size() < 2 ? "" : ", ordering=in";
  }

  void juncture(PictureIndex i, const PictureNode& node, std::span<const PictureEdge> uses) {
    const std::string glyph = action_of(picture_, node, uses);
    const bool sign = width_of(glyph) <= 2;
    line(entry(i) + " [shape=" +
         (sign ? "circle, fixedsize=true, width=0.34" : "box, height=0.3, margin=\"0.1,0.03\"") +
         ", style=\"" + (sign ? "filled" : "rounded,filled") + "\", fillcolor=white, color=\"" +
         std::string(palette_.operation.line) + "\", fontsize=" + (sign ? "14" : "12") +
         order_of(node, uses) + ", " + tooltip(node) + ", label=<" + html(glyph) + ">]");
    line(entry(i) + " -> " + id(i) + " [weight=4]");
    if (options_.backprop == Backprop::shown && node.grad && *node.grad != 0) {
      back(entry(i), id(i));
    }
  }

  void table(PictureIndex i, const PictureNode& node, std::span<const PictureEdge> uses) {
    const Ink& ink = ink_of(node);
    const bool coloured = options_.colours == Colours::on;
    const std::string kind =
        is_input(node) ? std::string(kind_word(node)) : action_of(picture_, node, uses);
    const std::string_view head_text = coloured ? "white" : palette_.text;
    const std::string name = html(name_of(node));
    // Each row is one cell with a table in it: two cells side by side would show a seam.
    const auto row = [](std::string_view fill, std::string_view left, std::string_view right) {
      return "<tr><td cellpadding=\"0\" bgcolor=\"" + std::string(fill) +
             "\"><table border=\"0\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"5\"><tr>"
             "<td align=\"left\">" +
             std::string(left) + "</td><td align=\"right\">" + std::string(right) +
             "</td></tr></table></td></tr>";
    };
    std::string rows = row(coloured ? ink.line : "white",
                           font(head_text, node.labelled ? "<b>" + name + "</b>" : name),
                           font(head_text, html(kind))) +
                       "<hr/>" + row(ink.fill, font(palette_.quiet, "value"), value_text(node));
    if (shows_grad(node)) {
      rows += "<hr/>" + row(ink.fill, font(palette_.quiet, html(grad_caption(picture_, node))),
                            grad_text(node));
    }
    line(id(i) + " [shape=plain" + order_of(node, uses) + ", " + tooltip(node) +
         ", label=<<table border=\"1\" cellborder=\"0\" cellspacing=\"0\" color=\"" +
         std::string(ink.line) + "\" bgcolor=\"" + std::string(coloured ? ink.line : "white") +
         "\">" + rows + "</table>>]");
  }

  static std::string_view kind_word(const PictureNode& node) {
    return node.kind == PictureKind::variable   ? "input"
           : node.kind == PictureKind::constant ? "constant"
                                                : "placeholder";
  }

  // What was cut off: text without a frame.
  void margin_note(PictureIndex i, const PictureNode& node) {
    line(id(i) +
         " [shape=plaintext, margin=\"0.04,0.02\", height=0, width=0, tooltip=\"not shown\", "
         "label=<<i>" +
         font(palette_.quiet, html(name_of(node))) + "</i>>]");
  }

  void edge(const PictureEdge& use) {
    std::string label;
    if (use.positions.size() > 1) label = "×" + std::to_string(use.positions.size());
    if (options_.partials == Partials::shown && use.partial) {
      label += (label.empty() ? "∂ " : "  ∂ ") + short_number(*use.partial, kMinus);
    }
    std::string attributes;
    if (!label.empty()) attributes = "label=<" + html(" " + label + " ") + ">";
    if (picture_[use.from].kind == PictureKind::more) {
      attributes += std::string(attributes.empty() ? "" : ", ") + "style=dotted";
    }
    const auto place = static_cast<std::size_t>(&use - picture_.edges.data());
    const std::string tail = far_[place] ? reference(use, place) : id(use.from);
    line(tail + " -> " + entry(use.to) + (attributes.empty() ? "" : " [" + attributes + "]"));
    if (options_.backprop == Backprop::shown && carries_adjoint(picture_, use)) {
      back(tail, entry(use.to));
    }
  }

  // The operand's name, in place of a line from afar.
  std::string reference(const PictureEdge& use, std::size_t place) {
    const PictureNode& node = picture_[use.from];
    std::string name = "r" + std::to_string(place);
    line(name + " [shape=plaintext, margin=\"0.04,0.02\", height=0, width=0, " + tooltip(node) +
         ", label=<" + font(ink_of(node).line, html(name_of(node))) + ">]");
    return name;
  }

  void back(const std::string& from, const std::string& to) {
    line(from + " -> " + to + " [dir=back, style=dashed, color=\"" +
         std::string(palette_.backprop) + "\"]");
  }

  const Picture& picture_;
  const DrawOptions& options_;
  const Palette& palette_;
  const std::vector<bool> far_;
  std::string out_;
};

}  // namespace

std::string render_dot(const Picture& picture, const DrawOptions& options) {
  return Dot(picture, options).render();
}

}  // namespace chainrule::detail
