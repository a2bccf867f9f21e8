#include "chainrule/nn/number.hpp"

#include <fast_float/fast_float.h>

#include <cmath>

#include "chainrule/base/text.hpp"

namespace chainrule::nn {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

enum class Reading { number, nonsense, too_large };

Reading read(std::string_view text, double& number) {
  text = trimmed(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  const auto [at, error] = fast_float::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range) return Reading::too_large;
  if (error != std::errc() || at != end) return Reading::nonsense;
  const char first = text[0] == '-' ? text[1] : text[0];
  const bool spelled = first == 'i' || first == 'I';
  return std::isinf(number) && !spelled ? Reading::too_large : Reading::number;
}

}  // namespace

std::optional<double> read_number(std::string_view text) {
  double number = 0;
  if (read(text, number) != Reading::number) return std::nullopt;
  return number;
}

std::string refusal(std::string_view text) {
  double number = 0;
  const bool too_large = read(text, number) == Reading::too_large;
  return in_quotes(text) + (too_large
                                ? " is too large: the largest number is 1.7976931348623157e308"
                                : " is no number");
}

}  // namespace chainrule::nn
