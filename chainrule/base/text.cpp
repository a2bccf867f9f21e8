#include "chainrule/base/text.hpp"

#include <charconv>
#include <cmath>

namespace chainrule {

std::string shortest(double value) {
  if (std::isnan(value)) return "nan";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace chainrule
