#include "chainrule/draw/draw.hpp"

#include <algorithm>

#include "chainrule/base/whole_file.hpp"
#include "chainrule/draw/render_internal.hpp"
#include "chainrule/draw/words_internal.hpp"

namespace chainrule {
namespace {

struct Extension {
  std::string_view text;
  DrawFormat format;
};
constexpr Extension kExtensions[] = {
    {"svg", DrawFormat::svg},   {"png", DrawFormat::png},  {"pdf", DrawFormat::pdf},
    {"dot", DrawFormat::dot},   {"gv", DrawFormat::dot},   {"mmd", DrawFormat::mermaid},
    {"json", DrawFormat::json}, {"txt", DrawFormat::text},
};

// The most that is laid out, whatever is asked for.
constexpr std::size_t kMostLaidOut = 1'000;

bool is_laid_out(DrawFormat format) {
  return format == DrawFormat::svg || format == DrawFormat::png || format == DrawFormat::pdf;
}

std::size_t budget(DrawFormat format, const DrawOptions& options) {
  const std::size_t asked = options.nodes == 0 ? usual_budget(format) : options.nodes;
  return is_laid_out(format) ? std::min(asked, kMostLaidOut) : asked;
}

}  // namespace

std::size_t usual_budget(DrawFormat format) {
  switch (format) {
    case DrawFormat::svg:
    case DrawFormat::png:
    case DrawFormat::pdf: return 300;
    // Mermaid refuses texts with more than 500 edges or 50,000 characters (its maxEdges,
    // maxTextSize).
    case DrawFormat::mermaid: return 120;
    case DrawFormat::dot:
    case DrawFormat::text: return 2'000;
    case DrawFormat::json: return 1'000'000;
  }
  __builtin_unreachable();
}

DrawFormat format_of(std::string_view path) {
  const std::size_t name = path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1;
  const std::size_t dot = path.rfind('.');
  const std::string_view ending =
      dot == path.npos || dot < name ? std::string_view() : path.substr(dot + 1);
  for (const auto& [text, format] : kExtensions) {
    if (ending == text) return format;
  }
  fail("draw", "'" + detail::shortened(path, 60) +
                   "' has no known ending: it is one of .svg .png .pdf .dot .mmd .json .txt");
}

std::string render(const Picture& whole, DrawFormat format, const DrawOptions& options) {
  if (whole.nodes.empty()) fail("draw", "the picture is empty");
  const Picture picture = trimmed(whole, budget(format, options));
  switch (format) {
    case DrawFormat::svg:
    case DrawFormat::png:
    case DrawFormat::pdf:
      return detail::render_layout(detail::render_dot(picture, options), format);
    case DrawFormat::dot: return detail::render_dot(picture, options);
    case DrawFormat::mermaid: return detail::render_mermaid(picture, options);
    case DrawFormat::json: return detail::render_json(picture);
    case DrawFormat::text: return detail::render_text(picture);
  }
  __builtin_unreachable();
}

void draw(const Scalar& y, std::string_view path, const DrawOptions& options) {
  const DrawFormat format = format_of(path);
  const Picture picture = picture_of(y, {.nodes = budget(format, options)});
  write_whole_file(std::string(path), render(picture, format, options));
}

}  // namespace chainrule
