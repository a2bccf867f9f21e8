// What the tests of kernels share: the back ends there are, and how numbers are compared.
#pragma once

#include <bit>
#include <cmath>
#include <vector>

#include "chainrule/emit/kernel.hpp"

namespace chainrule::test {

/// Those that this build and this processor have.
inline std::vector<Backend> backends() {
  std::vector<Backend> all;
  for (const Backend backend : {Backend::avx512, Backend::avx2, Backend::interpret}) {
    if (is_available(backend)) all.push_back(backend);
  }
  return all;
}

inline std::string_view name_of(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::strict ? "strict" : "relaxed";
}

/// The same bits; a NaN is like any other.
inline bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

/// The distance from |x| to the next number: of a subnormal as of 0.
inline double ulp_of(double x) {
  const int exponent = x == 0 ? -1022 : std::max(std::ilogb(x), -1022);
  return std::ldexp(1.0, exponent - 52);
}

/// Both NaN; the same infinity or the same signed zero; or no more than `ulps` apart, in units of
/// the expected number's last place, or of that of `size`, where it is larger.
inline bool within_ulps(double ulps, double expected, double got, double size = 0) {
  if (same(expected, got)) return true;
  if (std::isnan(expected) || std::isnan(got) || std::isinf(expected) || std::isinf(got)) {
    return false;
  }
  if (expected == 0 && got == 0) return false;
  return std::fabs(expected - got) <= ulps * ulp_of(std::max(std::fabs(expected), size));
}

}  // namespace chainrule::test
