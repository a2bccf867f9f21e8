#include "chainrule/tape/dense.hpp"

#include <string>

namespace chainrule {

void detail::fail_entries(std::size_t rows, std::size_t columns, std::size_t got) {
  fail("Dense", std::to_string(rows) + "x" + std::to_string(columns) + ": takes " +
                    std::to_string(rows * columns) + " entries, got " + std::to_string(got));
}

}  // namespace chainrule
