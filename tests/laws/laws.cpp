#include "tests/laws/laws.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "tests/laws/kinks.hpp"
#include "tests/laws/slope.hpp"

namespace chainrule::laws {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// What differences are asked to reproduce, beyond their own estimate of their error. A fault of
// 1e-6 in a derivative shows.
constexpr double kDifference = 2e-7;
constexpr double kComplexStep = 1e-20;

std::string fault(const Reading& row, const Point& x, const char* what, double got, double want) {
  char buffer[160];
  std::snprintf(buffer, sizeof buffer, ": %s is %.17g, expected %.17g", what, got, want);
  return row.name() + print(x, row.arity()) + buffer;
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

double at(const Entry<double>& entry) { return entry.taken ? entry.value : 0; }

std::size_t arity(const Reading& row) { return static_cast<std::size_t>(row.arity()); }

bool is_parameter(const Reading& row, std::size_t k) {
  return laws::is_parameter(row.row().domain[k]);
}

bool inside(const OpInfo& row, const Point& x) {
  for (std::size_t k = 0; k < static_cast<std::size_t>(row.arity); ++k) {
    if (!contains(row.domain[k], x[k])) return false;
  }
  return true;
}

bool finite(const Point& x, std::size_t arity) {
  return std::all_of(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(arity),
                     [](double v) { return std::isfinite(v); });
}

Point with(Point x, std::size_t k, double v) {
  x[k] = v;
  return x;
}

// How far x may move before it leaves its domain or meets a pole.
double room(const Interval& domain, double x) {
  const std::string_view name = domain.name;
  if (name == domains::nonzero.name) return std::fabs(x);
  if (name == domains::nonpole.name) return x > 0.5 ? x : std::fabs(x - std::round(x));
  return std::min(x - domain.lower, domain.upper - x);
}

bool agrees(const Slope& slope, double derivative) {
  return std::fabs(slope.value - derivative) <=
         kDifference * std::fabs(slope.value) + 10 * slope.error + 1e-300;
}

// ---- the laws -------------------------------------------------------------------------------

// The published table of kinks holds, `none` told from 0.
std::string kinks_hold(const Reading& row, const Samples&) {
  for (const Kink& kink : kinks()) {
    if (kink.op != row.row().op) continue;
    const double z = row.value(kink.x);
    if (!same(z, kink.value)) return fault(row, kink.x, "value", z, kink.value);
    const Entries<double> partials = row.partials(kink.x);
    for (std::size_t k = 0; k < arity(row); ++k) {
      const double want = kink.partials[k].value_or(0);
      if (partials[k].taken != kink.partials[k].has_value()) {
        return fault(row, kink.x, "an entry's being pushed", partials[k].taken,
                     kink.partials[k].has_value());
      }
      if (partials[k].taken && !same(partials[k].value, want)) {
        return fault(row, kink.x, "a derivative", partials[k].value, want);
      }
    }
  }
  return {};
}

// Subnormal numbers have lost digits, and with them what is computed from them.
bool has_all_digits(const Truth& truth) {
  return truth.nearest == 0 || std::fabs(truth.nearest) > 1e-305;
}

// Value and partials are the truth's, to the digits that the row states (with a wide margin: the
// bounds themselves are the accuracy tests' business).
std::string truth_is_met(const Reading& row, const Samples& samples) {
  constexpr double kWide = 1e5;  // ulps: 1e-11
  for (const Measure& measure : samples.measured) {
    double size = 0;  // near a zero the last places are those of the operands
    for (std::size_t k = 0; k < arity(row); ++k) {
      size = std::max(size, std::fabs(measure.x[k] * measure.partials[k].nearest));
    }
    const double z = row.value(measure.x);
    if (ulps(z, measure.value, size) > kWide) {
      return fault(row, measure.x, "value", z, measure.value.nearest);
    }
    const Entries<double> partials = row.partials(measure.x);
    for (std::size_t k = 0; k < arity(row); ++k) {
      // Beside a partial beyond the largest double another may be lost halfway.
      const bool overflows =
          std::any_of(measure.partials.begin(), measure.partials.end(), [&](const Truth& other) {
            return &other != &measure.partials[k] && std::isinf(other.nearest);
          });
      if (is_parameter(row, k) || overflows || !has_all_digits(measure.partials[k]) ||
          (!std::isinf(measure.partials[k].nearest) && !has_all_digits(measure.value))) {
        continue;
      }
      const double partial = at(partials[k]), scale = std::fabs(measure.value.nearest);
      if (ulps(partial, measure.partials[k], 1e-3 * scale) > kWide) {
        return fault(row, measure.x, "a partial", partial, measure.partials[k].nearest);
      }
    }
  }
  return {};
}

// Steps reach no kink, and orders stay small.
bool is_moderate(const Point& x, std::size_t arity) {
  return std::all_of(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(arity),
                     [](double v) { return std::fabs(v) <= 20; });
}

// Whether left and right slopes differ, or the value jumps, or operands are too coarse to tell.
bool is_bent(const Reading& row, const Point& x, std::size_t k) {
  const double h = x[k] == 0 ? 1e-6 : 1e-6 * std::fabs(x[k]), z = row.value(x);
  if (std::isinf(z)) return false;
  if (x[k] + h / 16 == x[k]) return true;
  const auto rise = [&](double step) { return row.value(with(x, k, x[k] + step)) - z; };
  const double right = rise(h), left = -rise(-h), noise = 4e-16 * std::fabs(z);
  const double larger = std::max(std::fabs(right), std::fabs(left));
  const bool level = std::fabs(right - left) <= 1e-3 * larger + noise;
  const bool jumps = std::fabs(rise(h / 16)) > larger / 8 + noise;
  return !std::isfinite(larger) || !level || jumps;
}

bool is_kink(const OpInfo& row, const Point& x) {
  return std::any_of(kinks().begin(), kinks().end(), [&](const Kink& kink) {
    if (kink.op != row.op) return false;
    for (std::size_t k = 0; k < static_cast<std::size_t>(row.arity); ++k) {
      if (kink.x[k] != x[k]) return false;
    }
    return true;
  });
}

// An entry is `none` exactly where the result does not depend on the operand anywhere near.
// Steps (entries that are `none` everywhere), kinks and the points of their table are exempt.
std::string none_means_independent(const Reading& row, const Samples& samples) {
  std::array<bool, 3> ever{};
  for (const Point& x : samples.ordinary) {
    const Entries<double> partials = row.partials(x);
    for (std::size_t k = 0; k < arity(row); ++k) ever[k] = ever[k] || partials[k].taken;
  }
  const auto depends = [&](const Point& x, std::size_t operand) {
    for (const double other : {0.0, 1e-4, -1e-4}) {
      Point moved = x;
      for (std::size_t k = 0; k < arity(row); ++k) {
        const double own = other * static_cast<double>(k + 1);
        if (!is_parameter(row, k)) moved[k] += own * std::max(std::fabs(x[k]), 1.0);
      }
      const double z = row.value(moved);
      for (const double relative : {1e-3, -1e-3}) {
        const double step = relative * std::max(std::fabs(x[operand]), 1.0);
        if (!same(row.value(with(moved, operand, moved[operand] + step)), z)) return true;
      }
    }
    return false;
  };
  for (const std::vector<Point>* points : {&samples.ordinary, &samples.simple}) {
    for (const Point& x : *points) {
      if (!inside(row.row(), x) || !is_moderate(x, arity(row)) || is_kink(row.row(), x)) {
        continue;
      }
      const Entries<double> partials = row.partials(x);
      for (std::size_t k = 0; k < arity(row); ++k) {
        if (is_parameter(row, k)) {
          if (partials[k].taken) return fault(row, x, "a parameter's being pushed", 1, 0);
        } else if (partials[k].taken) {
          if (partials[k].value == 0 && std::fabs(x[k]) < 10 && !depends(x, k)) {
            return fault(row, x, "a zero's being pushed where nothing depends", 1, 0);
          }
        } else if (ever[k] && depends(x, k) && !is_bent(row, x, k)) {
          return fault(row, x, "an entry's being pushed where the result depends", 0, 1);
        }
      }
    }
  }
  return {};
}

// An entry that ordinary points always push is pushed at extreme ones too, be it a zero.
std::string zeros_are_pushed(const Reading& row, const Samples& samples) {
  std::array<bool, 3> always{true, true, true};
  for (const Point& x : samples.ordinary) {
    const Entries<double> partials = row.partials(x);
    for (std::size_t k = 0; k < arity(row); ++k) always[k] = always[k] && partials[k].taken;
  }
  for (const std::vector<Point>* points : {&samples.simple, &samples.special}) {
    for (const Point& x : *points) {
      bool within = !is_kink(row.row(), x);
      for (std::size_t k = 0; k < arity(row); ++k) {
        const Interval& domain = row.row().domain[k];
        const bool at_infinity = std::isinf(x[k]) && (x[k] == domain.lower || x[k] == domain.upper);
        within = within && (at_infinity || contains(domain, x[k]));
      }
      if (!within) continue;
      const Entries<double> partials = row.partials(x);
      for (std::size_t k = 0; k < arity(row); ++k) {
        if (always[k] && !partials[k].taken) return fault(row, x, "an entry's being pushed", 0, 1);
      }
    }
  }
  return {};
}

// Where a partial grows without bound, towards infinity or the end of a domain, it is infinite (or,
// at a pole, NaN) when it gets there.
std::string growth_ends_in_infinity(const Reading& row, const Samples& samples) {
  for (std::size_t i = 0; i < samples.ordinary.size(); ++i) {
    for (std::size_t j = 0; j < arity(row); ++j) {
      const Interval& domain = row.row().domain[j];
      if (is_parameter(row, j) && std::string_view(domain.name) != domains::parameter.name)
        continue;
      const auto partial = [&](double v, std::size_t k) {
        return at(row.partials(with(samples.ordinary[i], j, v))[k]);
      };
      for (const double end : {domain.lower, domain.upper}) {
        for (std::size_t k = 0; k < arity(row); ++k) {
          const auto grows = [&](double near, double nearer, double times) {
            const double a = partial(near, k), b = partial(nearer, k);
            return a != 0 && std::isfinite(b) && b / a > times;
          };
          bool unbounded = false;
          if (std::isinf(end)) {
            const double sign = end > 0 ? 1 : -1;
            unbounded = grows(sign * 1e2, sign * 6e2, 1e3) || grows(sign * 1e100, sign * 1e300, 2);
          } else {
            const double inward = end == domain.lower ? 1 : -1;
            unbounded = grows(end + inward * 1e-3, end + inward * 1e-6, 5) &&
                        grows(end + inward * 1e-6, end + inward * 1e-9, 5);
          }
          if (unbounded && std::isfinite(partial(end, k))) {
            return fault(row, with(samples.ordinary[i], j, end), "a partial", partial(end, k),
                         kInfinity);
          }
        }
      }
    }
  }
  return {};
}

// commutes, odd, even: bit for bit (but for the sign of a zero), derivatives included.
std::string declared_laws_hold(const Reading& row, const Samples& samples) {
  const Laws declared = row.row().laws;
  if (declared == Laws::no_law) return {};
  for (const std::vector<Point>* points : {&samples.ordinary, &samples.special}) {
    for (const Point& x : *points) {
      const Entries<double> partials = row.partials(x);
      const double z = row.value(x);
      if (obeys(declared, Laws::commutes)) {
        const Point swapped{x[1], x[0], 0};
        const Entries<double> crossed = row.partials(swapped);
        if (!same(z, row.value(swapped))) return fault(row, x, "value", z, row.value(swapped));
        for (std::size_t k = 0; k < 2; ++k) {
          if (!same(at(partials[k]), at(crossed[1 - k])) ||
              partials[k].taken != crossed[1 - k].taken) {
            return fault(row, x, "a partial", at(partials[k]), at(crossed[1 - k]));
          }
        }
      } else {
        const double sign = obeys(declared, Laws::odd) ? -1 : 1;
        const Point mirrored{-x[0], 0, 0};
        const Entries<double> crossed = row.partials(mirrored);
        if (!same(z, sign * row.value(mirrored))) {
          return fault(row, x, "value", z, sign * row.value(mirrored));
        }
        if (!same(at(partials[0]), -sign * at(crossed[0])) ||
            partials[0].taken != crossed[0].taken) {
          return fault(row, x, "the partial", at(partials[0]), -sign * at(crossed[0]));
        }
      }
    }
  }
  return {};
}

// NaN in, NaN out: for value and for every partial that varies with the operand. An operand that
// the pullback never serves, or does not serve here, may be passed over; so says the text of fmax
// and fmin.
std::string nan_is_handed_on(const Reading& row, const Samples& samples) {
  const bool passes_over = row.row().text.find("NaN is passed over") != std::string_view::npos;
  for (const Point& x : samples.ordinary) {
    const Entries<double> partials = row.partials(x);
    for (std::size_t k = 0; k < arity(row); ++k) {
      const Point broken = with(x, k, kNan);
      const bool serves = partials[k].taken || (arity(row) == 1 && !is_parameter(row, k));
      if (serves && !passes_over && !std::isnan(row.value(broken))) {
        return fault(row, broken, "value", row.value(broken), kNan);
      }
      if (is_parameter(row, k)) continue;
      const Entries<double> near = row.partials(with(x, k, x[k] * (1 + 1e-6)));
      const Entries<double> lost = row.partials(broken);
      for (std::size_t j = 0; j < arity(row); ++j) {
        const bool varies = partials[j].taken && near[j].taken && lost[j].taken &&
                            partials[j].value != near[j].value;
        if (varies && !std::isnan(lost[j].value)) {
          return fault(row, broken, "a partial", lost[j].value, kNan);
        }
      }
    }
    if (partials[0].taken || (arity(row) > 1 && partials[1].taken)) {
      const Point all{kNan, kNan, kNan};
      if (!std::isnan(row.value(all))) return fault(row, all, "value", row.value(all), kNan);
    }
  }
  return {};
}

// Where finite operands have no value, no partial is finite; beyond the ends of a domain it is NaN.
std::string no_value_no_derivative(const Reading& row, const Samples& samples) {
  const auto outside = [&](const Point& x) {
    bool out = false;
    for (std::size_t k = 0; k < arity(row); ++k) {
      const Interval& domain = row.row().domain[k];
      out = out || x[k] < domain.lower || x[k] > domain.upper;
    }
    return out;
  };
  for (const std::vector<Point>* points : {&samples.simple, &samples.special}) {
    for (const Point& x : *points) {
      if (!finite(x, arity(row)) || !std::isnan(row.value(x))) continue;
      for (const Entry<double>& entry : row.partials(x)) {
        if (!entry.taken || std::isnan(entry.value)) continue;
        if (std::isfinite(entry.value) || outside(x)) {
          return fault(row, x, "a partial", entry.value, kNan);
        }
      }
    }
  }
  return {};
}

// ⟨g, Jv⟩ = ⟨Jᵀg, v⟩ between forward and reverse mode, for every pattern of variables and
// constants.
std::string forward_is_the_transpose_of_reverse(const Reading& row, const Samples& samples) {
  const double directions[] = {0.7, -1.3, 2.1};
  for (const Point& x : samples.ordinary) {
    for (unsigned pattern = 0; pattern < 1u << arity(row); ++pattern) {
      for (const double g : {1.0, -0.6}) {
        Operands<Dual1> seeded{x[0], x[1], x[2]};
        const Entries<double> pulled = row.pullback(g, x);
        double want = 0, size = 0;
        bool reached = false;
        for (std::size_t k = 0; k < arity(row); ++k) {
          if ((pattern >> k & 1u) == 0) continue;
          seeded[k] = Dual1(x[k], directions[k]);
          want += at(pulled[k]) * directions[k];
          size += std::fabs(at(pulled[k]) * directions[k]);
          reached = reached || pulled[k].taken;
        }
        const Dual1 pushed = row.forward(seeded);
        if (!same(pushed.value, row.value(x))) {
          return fault(row, x, "forward mode's value", pushed.value, row.value(x));
        }
        if (pushed.seeded != reached) {
          return fault(row, x, "a tangent's being there", pushed.seeded, reached);
        }
        if (reached && !(std::fabs(g * pushed.tangent - want) <= 1e-13 * size + 1e-300)) {
          return fault(row, x, "forward mode's tangent", g * pushed.tangent, want);
        }
      }
    }
  }
  return {};
}

// f'(x) = Im f(x + ih)/h, wherever the row continues to complex numbers.
template <class Visit>
int each_complex_step(const Reading& row, const Samples& samples, Visit&& visit) {
  int valid = 0;
  for (const Point& x : samples.ordinary) {
    for (std::size_t k = 0; k < arity(row); ++k) {
      if (is_parameter(row, k)) continue;
      Operands<Complex> stepped{x[0], x[1], x[2]};
      const double h = kComplexStep * std::min(1.0, std::fabs(x[k]));
      stepped[k] = Complex(x[k], h);
      const Complex z = row.value(stepped);
      if (!z.valid() || !std::isfinite(z.imag())) continue;
      ++valid;
      visit(x, k, z.imag() / h);
    }
  }
  return valid;
}

std::string complex_steps_agree(const Reading& row, const Samples& samples) {
  std::string broken;
  each_complex_step(row, samples, [&](const Point& x, std::size_t k, double slope) {
    const double partial = at(row.partials(x)[k]);
    const double size =
        std::fabs(slope) + 1e-3 * std::fabs(row.value(x) / std::min(1.0, std::fabs(x[k])));
    if (broken.empty() && !(std::fabs(partial - slope) <= 1e-12 * size)) {
      broken = fault(row, x, "a partial", partial, slope);
    }
  });
  return broken;
}

// Partials are central differences of values.
std::string differences_agree(const Reading& row, const Samples& samples) {
  std::array<int, 3> conclusive{};
  for (const std::vector<Point>* points : {&samples.ordinary, &samples.simple}) {
    for (const Point& x : *points) {
      if (!inside(row.row(), x) || !is_moderate(x, arity(row))) continue;
      const Entries<double> partials = row.partials(x);
      for (std::size_t k = 0; k < arity(row); ++k) {
        if (is_parameter(row, k)) continue;
        const auto f = [&](double v) { return row.value(with(x, k, v)); };
        const Slope slope = slope_of(f, x[k], room(row.row().domain[k], x[k]));
        if (!slope.conclusive(0.1 * f(x[k]))) continue;
        ++conclusive[k];
        if (!agrees(slope, at(partials[k]))) {
          return fault(row, x, "a partial", at(partials[k]), slope.value);
        }
      }
    }
  }
  for (std::size_t k = 0; k < arity(row); ++k) {
    if (!is_parameter(row, k) && conclusive[k] < 4) {
      return row.name() + ": too few differences of operand " + std::to_string(k) + " converge";
    }
  }
  return {};
}

// The same value as every operand: f(t, t) has the sum of the partials for its derivative.
std::string the_same_operand_twice_adds_up(const Reading& row, const Samples& samples) {
  if (row.arity() == 1) return {};
  for (Point x : samples.ordinary) {
    double t = 0, space = kInfinity;
    for (std::size_t k = 0; k < arity(row); ++k) {
      if (!is_parameter(row, k)) t = x[k];
    }
    for (std::size_t k = 0; k < arity(row); ++k) {
      if (is_parameter(row, k)) continue;
      x[k] = t;
      space = std::min(space, room(row.row().domain[k], t));
    }
    if (!inside(row.row(), x)) continue;
    const auto f = [&](double v) {
      Point moved = x;
      for (std::size_t k = 0; k < arity(row); ++k) {
        if (!is_parameter(row, k)) moved[k] = v;
      }
      return row.value(moved);
    };
    const Slope slope = slope_of(f, t, space);
    if (!slope.conclusive(0.1 * f(t))) continue;
    double sum = 0, size = 0;
    for (const Entry<double>& entry : row.partials(x)) {
      sum += at(entry);
      size += std::fabs(at(entry));
    }
    Slope loose = slope;
    loose.error += 1e-15 * size;
    if (!agrees(loose, sum)) return fault(row, x, "the sum of the partials", sum, slope.value);
  }
  return {};
}

double tangent(const Dual1& x) { return x.seeded ? x.tangent : 0; }
Dual1 tangent(const Dual2& x) { return x.seeded ? x.tangent : Dual1(0.0); }

// Second derivatives, from the pullback read over dual numbers, are differences of first ones.
std::string second_order_agrees(const Reading& row, const Samples& samples) {
  for (const std::vector<Point>* points : {&samples.ordinary, &samples.simple}) {
    for (const Point& x : *points) {
      if (!inside(row.row(), x) || !is_moderate(x, arity(row))) continue;
      for (std::size_t j = 0; j < arity(row); ++j) {
        if (is_parameter(row, j)) continue;
        Operands<Dual1> seeded{x[0], x[1], x[2]};
        seeded[j] = Dual1(x[j], 1.0);
        const Entries<Dual1> partials = row.partials(seeded);
        for (std::size_t k = 0; k < arity(row); ++k) {
          const auto f = [&](double v) { return at(row.partials(with(x, j, v))[k]); };
          const Slope slope = slope_of(f, x[j], room(row.row().domain[j], x[j]));
          if (!slope.conclusive(0.1 * f(x[j]))) continue;
          const double second = partials[k].taken ? tangent(partials[k].value) : 0;
          if (!agrees(slope, second)) {
            return fault(row, x, "a second derivative", second, slope.value);
          }
        }
      }
    }
  }
  return {};
}

// Third derivatives in one operand are differences of second ones.
std::string third_order_agrees(const Reading& row, const Samples& samples) {
  for (const Point& x : samples.ordinary) {
    for (std::size_t j = 0; j < arity(row); ++j) {
      if (is_parameter(row, j)) continue;
      Operands<Dual2> twice{Dual1(x[0]), Dual1(x[1]), Dual1(x[2])};
      twice[j] = Dual2(Dual1(x[j], 1.0), Dual1(1.0));
      const Entry<Dual2> entry = row.partials(twice)[j];
      const auto f = [&](double v) {
        Operands<Dual1> once{x[0], x[1], x[2]};
        once[j] = Dual1(v, 1.0);
        const Entry<Dual1> second = row.partials(once)[j];
        return second.taken ? tangent(second.value) : 0;
      };
      const Slope slope = slope_of(f, x[j], room(row.row().domain[j], x[j]));
      if (!slope.conclusive(0.1 * f(x[j]))) continue;
      const double third = entry.taken ? tangent(tangent(entry.value)) : 0;
      if (!agrees(slope, third)) return fault(row, x, "a third derivative", third, slope.value);
    }
  }
  return {};
}

constexpr Law kLaws[] = {
    {"the published kinks hold", kinks_hold},
    {"value and partials are the truth's", truth_is_met},
    {"declared laws hold bit for bit", declared_laws_hold},
    {"none means independent", none_means_independent},
    {"NaN in, NaN out", nan_is_handed_on},
    {"without a value there is no derivative", no_value_no_derivative},
    {"zeros are pushed", zeros_are_pushed},
    {"growth ends in infinity", growth_ends_in_infinity},
    {"forward mode is the transpose of reverse mode", forward_is_the_transpose_of_reverse},
    {"complex steps agree", complex_steps_agree},
    {"the same operand twice adds up", the_same_operand_twice_adds_up},
    {"central differences agree", differences_agree},
    {"second order agrees", second_order_agrees},
    {"third order agrees", third_order_agrees},
};

}  // namespace

Samples::Samples(const OpInfo& row)
    : ordinary(ordinary_points(row, 24)), simple(simple_points(row)), special(special_points(row)) {
  const auto size = static_cast<std::size_t>(row.arity);
  const auto add = [&](const Point& x) {
    if (!inside(row, x) || !finite(x, size) || !is_measurable(row.op, x)) return;
    const Measure truth = measure(row.op, x);
    if (truth.smooth) measured.push_back(truth);
  };
  for (std::size_t i = 0; i < 12; ++i) add(ordinary[i]);
  for (const Point& x : simple) add(x);
  if (row.arity < 3) {
    for (const Point& x : special) add(x);
  }
}

std::span<const Law> laws() { return kLaws; }

int complex_steps(const Reading& row, const Samples& samples) {
  return each_complex_step(row, samples, [](const Point&, std::size_t, double) {});
}

}  // namespace chainrule::laws
