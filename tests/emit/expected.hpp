// What a kernel's results are held against: the Function row by row, and sums of its results.
#pragma once

#include <algorithm>
#include <cstdio>
#include <optional>

#include "tests/emit/readings.hpp"
#include "tests/support/in_floats.hpp"
#include "tests/support/radius.hpp"

namespace chainrule::test {

inline constexpr double kUlp = std::numeric_limits<double>::epsilon();
inline double ulp_in(Precision precision) {
  return precision == Precision::f32 ? std::numeric_limits<float>::epsilon() : kUlp;
}

inline std::string print(double x) {
  char text[64];
  std::snprintf(text, sizeof text, "%.17g", x);
  return text;
}

inline std::string print(std::span<const double> numbers) {
  std::string text = "(";
  for (std::size_t k = 0; k < numbers.size(); ++k) text += (k == 0 ? "" : ", ") + print(numbers[k]);
  return text + ")";
}

/// What the Function gives for each row that it answers.
class Expected {
 public:
  Expected(const Subject& subject, Arithmetic arithmetic, Precision lanes)
      : subject_(subject), arithmetic_(arithmetic), lanes_(lanes) {
    const std::size_t outputs = subject.f.outputs();
    values_.resize(subject.rows * outputs);
    for (std::size_t r = 0; r < subject.rows; ++r) {
      try {
        const std::span<double> values = std::span(values_).subspan(r * outputs, outputs);
        bool is_sure = true;
        if (lanes == Precision::f32) {
          std::ranges::copy(value_in_floats(subject.f, subject.row(r)), values.begin());
          const InFloats found = in_floats(subject.f.trace(), subject.row(r));
          is_sure = found.loops_hold || !found.guards_hold;
        } else {
          subject.f.evaluate(subject.row(r), values);
        }
        rows_.push_back(r);
        is_sure_.push_back(is_sure);
      } catch (const BranchChanged&) {
      }
    }
    within_.resize(rows_.size());
  }

  const Subject& subject() const { return subject_; }
  Precision lanes() const { return lanes_; }
  std::size_t rows() const { return rows_.size(); }  ///< that are answered
  bool all() const { return rows() == subject_.rows; }
  std::span<const double> in(std::size_t row) const { return subject_.row(rows_[row]); }
  double value(std::size_t row, std::size_t output) const {
    return values_[rows_[row] * subject_.f.outputs() + output];
  }
  // Found out when it is asked for: most numbers have the same bits.
  double radius(std::size_t row, std::size_t output) const {
    if (!is_sure_[row]) return std::numeric_limits<double>::infinity();
    if (arithmetic_ == Arithmetic::strict) return 0;
    if (!within_[row]) {
      within_[row] = relaxed_at(subject_.f.trace(), in(row), Functions::in_ulps, lanes_);
    }
    switch (within_[row]->guards) {
      case Relaxed::Guards::fail: return 0;  // answered by the Function
      case Relaxed::Guards::unsure: return std::numeric_limits<double>::infinity();
      case Relaxed::Guards::hold: break;
    }
    return 8 * within_[row]->outputs[output].radius;
  }
  // Of a row that is added up with others, in an order of the kernel's own.
  double radius_in_a_sum(std::size_t row, std::size_t output) const {
    const double found = radius(row, output);
    const bool is_wild =
        within_[row] && within_[row]->guards == Relaxed::Guards::hold && !within_[row]->is_tame;
    return is_wild ? std::numeric_limits<double>::infinity() : found;
  }
  bool fits(std::size_t row, std::size_t output, double found) const {
    const double expected = value(row, output);
    return same(expected, found) || holds({expected, radius(row, output)}, found);
  }
  std::string says(std::size_t row, std::size_t output, double found) const {
    return "output " + std::to_string(output) + " at " + print(in(row)) + " is " + print(found) +
           " for " + print(value(row, output)) + " within " + print(radius(row, output));
  }

 private:
  const Subject& subject_;
  Arithmetic arithmetic_;
  Precision lanes_;
  std::vector<std::size_t> rows_;
  std::vector<bool> is_sure_;  // by row
  std::vector<double> values_;
  mutable std::vector<std::optional<Relaxed>> within_;
};

/// Terms that are added up in some order.
class Sum {
 public:
  explicit Sum(Precision lanes) : lanes_(lanes) {}
  void add(double term, double radius) {
    total_ += term, radius_ += radius, ++terms_;
    if (std::isfinite(term)) {
      size_ += std::fabs(term);
    } else {
      others_ += term;
    }
  }
  std::string difference(double found, CompileOptions::Summation summation) const {
    if (same(total_, found) || !(radius_ < std::numeric_limits<double>::infinity())) return "";
    // An overflow in one order is none in another.
    if (size_ > (lanes_ == Precision::f32 ? 1e37 : 1e300)) return "";
    if (others_ != 0) return says(found);
    const bool is_plain = summation == CompileOptions::Summation::plain;
    const double n = static_cast<double>(terms_ + 32);
    double each = is_plain ? n * kUlp : n * n * kUlp * kUlp;
    double tiny = std::numeric_limits<double>::denorm_min();
    if (lanes_ == Precision::f32) {  // some packs are added up as floats, and all as doubles
      const double some = std::min(n, 40.0) * ulp_in(lanes_);
      each += is_plain ? some : some * some;
      tiny = std::numeric_limits<float>::denorm_min();
    }
    const double allowed =
        radius_ + each * size_ + 2 * ulp_in(lanes_) * std::fabs(total_) + n * tiny;
    // The naive total is no better than a plain sum.
    const double of_total = n * kUlp * size_;
    const bool fits = std::fabs(total_ - found) <= allowed + of_total;
    return fits ? "" : says(found);
  }

 private:
  std::string says(double found) const {
    return "the sum is " + print(found) + " for " + print(total_) + " of size " + print(size_);
  }
  Precision lanes_;
  double total_ = 0, size_ = 0, radius_ = 0;
  double others_ = 0;  // infinities and NaN: the same in whatever order
  std::size_t terms_ = 0;
};

}  // namespace chainrule::test
