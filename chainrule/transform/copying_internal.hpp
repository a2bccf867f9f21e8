// Copying a part of a graph into another one: what split() and keep_steps() share.
#pragma once

#include <optional>
#include <vector>

#include "chainrule/graph/trace.hpp"

namespace chainrule {

inline constexpr Vertex kNoVertex{0xFFFFFFFFu};

/// `count` inputs or outputs from `first` as one group.
Group flat_group(const char* name, std::size_t first, std::size_t count);

/// Appends a node of `from` to `to`, its operands by their images, and notes its own. A block
/// brings its outputs; of an output nothing is left to do.
void append_image(const Graph& from, Vertex v, Graph& to, std::vector<Vertex>& image);

/// By node: whether it depends on an argument, or on a later one. Of no argument: if it is their
/// number.
std::vector<bool> depending_on(const Trace& trace, std::size_t argument);

/// keep_steps() of what depends on an argument or a later one, and apart from it of what does not:
/// so that what does not depend on them still does not.
std::optional<Trace> keep_steps_apart(const Trace& trace, std::size_t argument);

}  // namespace chainrule
