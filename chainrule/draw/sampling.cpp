// Where a function is evaluated so that its plot looks right.
//
// 257 equidistant points, then rounds of bisection: of an interval where the curve bends away from
// its chord by more than a third of a dot, where it rises by more than a tenth of the height, or
// where it stops being finite. What still rises as much in an interval 4,096 times finer is a jump
// or a pole. Heights are taken twice: of the whole curve, so that spikes are found, and of the part
// where most of it lies, so that what is beside a pole is smooth.
#include <algorithm>
#include <cmath>
#include <limits>

#include "chainrule/base/error.hpp"
#include "chainrule/base/text.hpp"
#include "chainrule/draw/extent_internal.hpp"
#include "chainrule/draw/plot.hpp"

namespace chainrule {
namespace {

using detail::Extent;

constexpr std::size_t kFirst = 257;
constexpr int kRounds = 12;
constexpr std::size_t kEnoughForBends = 3'000, kEnough = 6'000;
constexpr double kDot = 0.0007;  // of the height
constexpr double kRise = 0.1;

// A piece of one curve in units of an extent's height; beyond the extent everything is one dot off.
class InUnits {
 public:
  explicit InUnits(const Extent& extent) : low_(extent.low), height_(extent.high - extent.low) {}
  double operator()(double y) const {
    return height_ > 0 ? std::clamp((y - low_) / height_, -0.1, 1.1) : 0.5;
  }

 private:
  double low_, height_;
};

struct Curves {
  const std::vector<double>& x;
  const std::vector<double>& y;
  std::size_t functions;

  double at(std::size_t point, std::size_t f) const { return y[point * functions + f]; }
  bool finite(std::size_t point, std::size_t f) const { return std::isfinite(at(point, f)); }
  Points points(std::size_t f) const {
    Points one{x, {}};
    for (std::size_t p = 0; p < x.size(); ++p) one.y.push_back(at(p, f));
    return one;
  }
};

// Marks the intervals (by their left point) where function f steps, and those where it bends.
void mark(const Curves& curves, std::size_t f, const Extent& extent, std::vector<bool>& steps,
          std::vector<bool>& bends) {
  const InUnits unit(extent);
  for (std::size_t p = 0; p + 1 < curves.x.size(); ++p) {
    const bool here = curves.finite(p, f), there = curves.finite(p + 1, f);
    if (here != there) steps[p] = true;
    if (!here || !there) continue;
    if (std::fabs(unit(curves.at(p + 1, f)) - unit(curves.at(p, f))) > kRise) steps[p] = true;
    if (p == 0 || !curves.finite(p - 1, f)) continue;
    const double width = curves.x[p + 1] - curves.x[p - 1];
    const double part = (curves.x[p] - curves.x[p - 1]) / width;
    const double before = unit(curves.at(p - 1, f)), after = unit(curves.at(p + 1, f));
    if (std::fabs(before + part * (after - before) - unit(curves.at(p, f))) > kDot) {
      bends[p - 1] = bends[p] = true;
    }
  }
}

}  // namespace

Sampling::Sampling(double from, double to, std::size_t functions)
    : from_(from), to_(to), functions_(functions) {
  if (!(std::isfinite(from) && std::isfinite(to) && from < to && std::isfinite(to - from))) {
    fail("plot", "the range of x is two finite numbers, the smaller first, not " + shortest(from) +
                     " to " + shortest(to));
  }
  const double spacing = (to - from) / (kFirst - 1);
  const double coarse = std::max(std::fabs(from), std::fabs(to)) * 0x1p-50;
  if (!(spacing > coarse)) {
    fail("plot", "the range of x from " + shortest(from) + " to " + shortest(to) +
                     " is too narrow to hold points");
  }
  for (std::size_t k = 0; k < kFirst; ++k) {
    wanted_.push_back(from + spacing * static_cast<double>(k));
  }
  wanted_.back() = to;
}

void Sampling::answer(std::span<const double> values) {
  if (values.size() != wanted_.size() * functions_) {
    fail("plot", "the sampling asked for " + std::to_string(wanted_.size() * functions_) +
                     " values and was given " + std::to_string(values.size()));
  }
  // Both lists are in order of x.
  std::vector<double> x, y;
  std::size_t old = 0;
  const auto take = [&](double at, const double* from) {
    x.push_back(at);
    y.insert(y.end(), from, from + functions_);
  };
  for (std::size_t k = 0; k < wanted_.size(); ++k) {
    for (; old < x_.size() && x_[old] < wanted_[k]; ++old) take(x_[old], &y_[old * functions_]);
    take(wanted_[k], &values[k * functions_]);
  }
  for (; old < x_.size(); ++old) take(x_[old], &y_[old * functions_]);
  x_ = std::move(x);
  y_ = std::move(y);
  choose();
}

void Sampling::choose() {
  wanted_.clear();
  if (rounds_++ == kRounds) return;
  const Curves curves{x_, y_, functions_};
  std::vector<bool> steps(x_.size()), bends(x_.size());
  for (std::size_t f = 0; f < functions_; ++f) {
    const Points points = curves.points(f);
    mark(curves, f, detail::whole_extent(points), steps, bends);
    mark(curves, f, detail::core_extent(points), steps, bends);
  }
  const double finest = (to_ - from_) / (kFirst - 1) * std::ldexp(1.0, -kRounds);
  const bool bends_too = x_.size() < kEnoughForBends;
  for (std::size_t p = 0; p + 1 < x_.size(); ++p) {
    if (!steps[p] && !(bends_too && bends[p])) continue;
    const double middle = x_[p] + (x_[p + 1] - x_[p]) / 2;
    if (x_[p + 1] - x_[p] < 1.5 * finest || !(x_[p] < middle && middle < x_[p + 1])) continue;
    wanted_.push_back(middle);
  }
  if (x_.size() + wanted_.size() > kEnough) wanted_.clear();
}

Points Sampling::points(std::size_t f) const {
  const Curves curves{x_, y_, functions_};
  const Points all = curves.points(f);
  const InUnits whole(detail::whole_extent(all)), core(detail::core_extent(all));
  const double narrow = (to_ - from_) / (kFirst - 1) * std::ldexp(1.0, 2 - kRounds);
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  Points points;
  for (std::size_t p = 0; p < x_.size(); ++p) {
    const double y = std::isfinite(all.y[p]) ? all.y[p] : kNaN;
    points.x.push_back(x_[p]);
    points.y.push_back(y);
    if (p + 1 == x_.size() || x_[p + 1] - x_[p] > narrow) continue;
    const double next = all.y[p + 1];
    const bool jumps = std::fabs(whole(next) - whole(y)) > kRise / 2 ||
                       std::fabs(core(next) - core(y)) > kRise / 2;
    if (!jumps) continue;
    points.x.push_back(x_[p] + (x_[p + 1] - x_[p]) / 2);
    points.y.push_back(kNaN);
  }
  return points;
}

}  // namespace chainrule
