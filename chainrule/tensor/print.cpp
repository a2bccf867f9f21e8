// to_string(Tensor): the text that NumPy's print() gives, digit for digit.
//
// NumPy's rule for an array of floating-point numbers (numpy/core/arrayprint.py): every finite
// number that is shown is written with as many digits as tell it from its neighbours, 8 after the
// point at most. If the largest magnitude is 1e8 or more, the least one below 1e-4 (zeros apart),
// or their quotient above 1000, all are scientific with the same number of digits; else all are
// aligned at the point, without zeros at the end. Lines hold 75 characters. Of more than 1000
// elements the first and the last three along each axis are shown. A single number is printed as
// a number: 2.0, 1e-05. What has no numbers yet (a placeholder) is printed as its type. Costs what
// is shown, not what there is.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "chainrule/tensor/body_internal.hpp"

namespace chainrule {
namespace {

constexpr int kDigits = 8;
constexpr std::size_t kLineWidth = 75;
constexpr std::int64_t kMostShown = 1000;
constexpr std::int64_t kAtEachEnd = 3;

// ---- one number -------------------------------------------------------------------------------

// The text of a number up to the point (sign and digits), behind it, and the exponent.
struct Parts {
  std::string whole, fraction;
  int exponent = 0;
};

// The shortest digits that read back as x, or, where they go beyond `most` behind the point, x
// rounded to these.
template <class T>
std::string shortest_digits(T x, std::chars_format format, int most) {
  char text[512];  // a double has at most 309 digits before the point, 343 behind it
  const auto [end, error] = std::to_chars(text, text + sizeof text, x, format);
  const std::string_view digits(text, static_cast<std::size_t>(end - text));
  const std::size_t point = digits.find('.');
  const std::size_t last = std::min(digits.find('e'), digits.size());
  if (most < 0 || point == std::string_view::npos ||
      last - point - 1 <= static_cast<std::size_t>(most)) {
    return std::string(digits);
  }
  return {text, std::to_chars(text, text + sizeof text, x, format, most).ptr};
}

template <class T>
Parts split(T x, std::chars_format format, int most) {
  const std::string digits = shortest_digits(x, format, most);
  Parts parts;
  const std::size_t e = std::min(digits.find('e'), digits.size());
  const std::size_t point = std::min(digits.find('.'), e);
  parts.whole = digits.substr(0, point);
  if (point < e) parts.fraction = digits.substr(point + 1, e - point - 1);
  parts.fraction.resize(parts.fraction.find_last_not_of('0') + 1);
  if (e < digits.size()) parts.exponent = std::stoi(digits.substr(e + 1));
  return parts;
}

// "+05", "-123": at least `width` digits.
std::string exponent_text(int exponent, std::size_t width) {
  std::string digits = std::to_string(std::abs(exponent));
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return (exponent < 0 ? "-" : "+") + digits;
}

// In fixed notation the shortest digits of a float are followed by zeros up to the point, and not
// by the digits of its exact value, which to_chars gives.
template <class T>
Parts positional(T x, int most) {
  Parts parts = split(x, std::chars_format::fixed, most);
  const Parts scientific = split(x, std::chars_format::scientific, -1);
  const std::size_t sign = parts.whole.starts_with('-') ? 1 : 0;
  const std::size_t known = scientific.fraction.size() + 1;
  if (scientific.exponent >= 0 && known < parts.whole.size() - sign) {
    std::string digits = scientific.whole + scientific.fraction;
    digits.resize(parts.whole.size(), '0');
    parts.whole = digits;
  }
  return parts;
}

// str(numpy.float32(x)) and str(numpy.float64(x)).
template <class T>
std::string number_text(T x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x < 0 ? "-inf" : "inf";
  const double magnitude = std::abs(static_cast<double>(x));
  if (x == 0 || (magnitude >= 1e-4 && magnitude < 1e16)) {
    const Parts parts = positional(x, -1);
    return parts.whole + '.' + (parts.fraction.empty() ? "0" : parts.fraction);
  }
  const Parts parts = split(x, std::chars_format::scientific, -1);
  return parts.whole + (parts.fraction.empty() ? "" : "." + parts.fraction) + 'e' +
         exponent_text(parts.exponent, 2);
}

// ---- the format that all of them share ----------------------------------------------------------

template <class T>
class NumberFormat {
 public:
  explicit NumberFormat(const std::vector<T>& shown) {
    T least = 0, largest = 0;
    bool has_other = false, has_minus_infinity = false;
    for (const T x : shown) {
      if (!std::isfinite(x)) {
        has_other = true;
        has_minus_infinity = has_minus_infinity || (std::isinf(x) && x < 0);
      } else if (const T magnitude = std::abs(x); magnitude != 0) {
        least = least == 0 ? magnitude : std::min(least, magnitude);
        largest = std::max(largest, magnitude);
      }
    }
    is_scientific_ = largest != 0 && (largest >= static_cast<T>(1e8) ||
                                      least < static_cast<T>(1e-4) || largest / least > T{1000});
    for (const T x : shown) {
      if (!std::isfinite(x)) continue;
      const Parts parts = parts_of(x);
      whole_ = std::max(whole_, parts.whole.size());
      fraction_ = std::max(fraction_, parts.fraction.size());
      exponent_ = std::max(exponent_, std::to_string(std::abs(parts.exponent)).size());
    }
    if (!has_other) return;
    const std::size_t others = has_minus_infinity ? 4 : 3, behind = width() - whole_;
    if (others > behind) whole_ = std::max(whole_, others - behind);
  }

  std::string operator()(T x) const {
    std::string text;
    if (!std::isfinite(x)) {
      text = number_text(x);
      return std::string(width() - text.size(), ' ') + text;
    }
    const Parts parts = parts_of(x);
    text.assign(whole_ - parts.whole.size(), ' ');
    text += parts.whole + '.' + parts.fraction;
    text.append(fraction_ - parts.fraction.size(), is_scientific_ ? '0' : ' ');
    if (is_scientific_) text += 'e' + exponent_text(parts.exponent, exponent_);
    return text;
  }

 private:
  Parts parts_of(T x) const {
    return is_scientific_ ? split(x, std::chars_format::scientific, kDigits)
                          : positional(x, kDigits);
  }
  std::size_t width() const {
    return whole_ + 1 + fraction_ + (is_scientific_ ? 2 + exponent_ : 0);
  }

  bool is_scientific_ = false;
  std::size_t whole_ = 0, fraction_ = 0;
  std::size_t exponent_ = 2;  ///< its digits
};

// ---- brackets and lines -------------------------------------------------------------------------

template <class T>
class Printer {
 public:
  explicit Printer(const Tensor& t)
      : t_(t), is_summary_(t.size() > kMostShown), format_(shown_numbers()) {}

  std::string text() const { return block(0, 0, " ", kLineWidth); }

 private:
  // Calls f(index) for what is shown of an axis; f(-1) where the rest is left out.
  template <class F>
  void each_shown(std::size_t axis, F&& f) const {
    const std::int64_t n = t_.shape()[axis];
    if (!is_summary_ || n <= 2 * kAtEachEnd) {
      for (std::int64_t i = 0; i < n; ++i) f(i);
      return;
    }
    for (std::int64_t i = 0; i < kAtEachEnd; ++i) f(i);
    f(-1);
    for (std::int64_t i = n - kAtEachEnd; i < n; ++i) f(i);
  }

  std::vector<T> shown_numbers() const {
    std::vector<std::int64_t> offsets = {0}, next;
    for (std::size_t axis = 0; axis < t_.rank(); ++axis) {
      next.clear();
      for (const std::int64_t offset : offsets) {
        each_shown(axis, [&](std::int64_t i) {
          if (i >= 0) next.push_back(offset + i * t_.strides()[axis]);
        });
      }
      offsets.swap(next);
    }
    std::vector<T> numbers;
    for (const std::int64_t offset : offsets) numbers.push_back(at(offset));
    return numbers;
  }
  T at(std::int64_t offset) const { return TensorAccess::data<T>(t_)[offset]; }

  // What stands in the brackets of `axis` at `offset`. Lines after the first begin with `indent`.
  std::string block(std::size_t axis, std::int64_t offset, const std::string& indent,
                    std::size_t width) const {
    if (axis + 1 == t_.rank()) return row(axis, offset, indent, width);
    const std::string between(t_.rank() - 1 - axis, '\n');
    std::string text = "[";
    each_shown(axis, [&](std::int64_t i) {
      if (text.size() > 1) text += between + indent;
      text +=
          i < 0 ? "..." : block(axis + 1, offset + i * t_.strides()[axis], indent + ' ', width - 1);
    });
    return text + ']';
  }

  // A line that would be longer is broken before the word, and a bracket may have to close it.
  std::string row(std::size_t axis, std::int64_t offset, const std::string& indent,
                  std::size_t width) const {
    std::string text, line = indent;
    bool is_first = true;
    each_shown(axis, [&](std::int64_t i) {
      if (!is_first) line += ' ';
      is_first = false;
      const std::string word = i < 0 ? "..." : format_(at(offset + i * t_.strides()[axis]));
      if (line.size() + word.size() > width - 1 && line.size() > indent.size()) {
        line.resize(line.find_last_not_of(' ') + 1);
        text += line + '\n';
        line = indent;
      }
      line += word;
    });
    return '[' + (text + line).substr(indent.size()) + ']';
  }

  const Tensor& t_;
  bool is_summary_;
  NumberFormat<T> format_;
};

}  // namespace

std::string to_string(const Tensor& t) {
  if (is_symbolic(t)) return to_string(t.type());
  if (t.size() == 0) return "[]";
  return visit_element(t.element(), [&]<class T>(T) {
    if (t.rank() == 0) return number_text(*TensorAccess::data<T>(t));
    return Printer<T>(t).text();
  });
}

}  // namespace chainrule
