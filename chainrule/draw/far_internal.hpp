// Which edges are too long to be drawn as lines.
#pragma once

#include <vector>

#include "chainrule/draw/picture.hpp"

namespace chainrule::detail {

/// For each edge, whether it is drawn as the operand's name beside the user instead of a line.
/// Layered layouts put a bend of every edge into every layer that it passes, and their time grows
/// with the square of these and worse (Gansner et al. 1993, sect. 2.3: "virtual nodes"); a chain of
/// 300 steps that share 20 inputs has 20,000. The longest edges are given up until at most `bends`
/// are left.
std::vector<bool> far_edges(const Picture& picture, std::size_t bends);

}  // namespace chainrule::detail
