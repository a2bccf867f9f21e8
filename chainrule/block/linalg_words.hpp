// The blocks of linalg.hpp by their words: how a text is read back.
#pragma once

#include <memory>
#include <string_view>

#include "chainrule/tape/block.hpp"

namespace chainrule {

/// The block whose words() these are: a name and sizes, one space between, as in "solve 3 1". Null
/// if they are not those of a block of linear algebra: another name, a missing size, a size that is
/// 0 or not a plain decimal, or more than 2²⁶ numbers in and out.
///
///   matmul m k n      dot n            norm n          inverse n     logdet n
///   solve n k         solve_spd n k    solve_lower n k               solve_upper n k
///   cholesky n        logdet_spd n     eigh n          svd m n       qr m n
///
/// Matrices go in row by row; symmetric and triangular ones as their triangle, row by row (an upper
/// one as its transpose).
std::shared_ptr<const Block> linalg_block(std::string_view words);

/// Files these words with find_block() (graph/text.hpp), so that saved Functions with such blocks
/// are read back. Whoever includes linalg.hpp has done so; others call it. Again is nothing.
bool register_linalg_blocks();

}  // namespace chainrule
