// One function a format. The picture is within its budget already.
#pragma once

#include "chainrule/draw/draw.hpp"

namespace chainrule::detail {

std::string render_dot(const Picture& picture, const DrawOptions& options);
std::string render_mermaid(const Picture& picture, const DrawOptions& options);
std::string render_json(const Picture& picture);
std::string render_text(const Picture& picture);

/// Lays DOT out and draws it; `format` is svg, png or pdf. Throws Error without Graphviz.
std::string render_layout(const std::string& dot, DrawFormat format);

}  // namespace chainrule::detail
