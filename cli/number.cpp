#include "cli/number.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace chainrule::cli {

void append_number(std::string& out, double number) {
  if (std::isnan(number)) {
    out += "nan";
    return;
  }
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end);
}

std::string shortest(double number) {
  std::string text;
  append_number(text, number);
  return text;
}

std::string short_number(double number, int digits) {
  return std::isfinite(number) ? fmt::format("{:.{}g}", number, digits) : shortest(number);
}

std::string json_number(double number) {
  if (std::isfinite(number)) return fmt::format("{:.17g}", number);
  return '"' + shortest(number) + '"';
}

}  // namespace chainrule::cli
