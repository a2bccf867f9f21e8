#include "tests/laws/kinks.hpp"

#include <cmath>
#include <cstdio>
#include <limits>

namespace chainrule::laws {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::nullopt_t kNone = std::nullopt;

constexpr const char* kMiddle = "the middle of the two slopes, which keeps the function even";
constexpr const char* kTie = "a tie is shared: the gradient does not depend on the operands' order";
constexpr const char* kStep = "flat on both sides; the jump has no slope to hand on";
constexpr const char* kLimit = "the limit from inside the domain";
constexpr const char* kNorm = "the subgradient of least size; a distance of 0 pulls nowhere";
constexpr const char* kPower0 =
    "x**0 is 1 for every x, and the slope's formula is 0 times an infinity";
constexpr const char* kLeft = "the slope on the left, as relu has at 0";
constexpr const char* kUntaken = "what was not chosen does not matter, be it NaN";
constexpr const char* kPole = "two sides with different limits";
constexpr const char* kQuotient = "the quotient's integer part stays as it is";
constexpr const char* kNumeric = "a computed zero is a zero, not `none`: the operand does matter";
constexpr const char* kNanHanded = "a NaN is handed on";
constexpr const char* kPassedOver = "the NaN is passed over, so the number was chosen";

const Kink kTable[] = {
    {Op::relu, {0}, 0, {kNone}, "a unit that is off passes nothing, and at 0 it is off"},
    {Op::relu, {-1}, 0, {kNone}, "off"},
    {Op::relu, {kNan}, kNan, {1}, kNanHanded},
    {Op::leaky_relu, {0, 0.01}, 0, {0.01, 0}, kLeft},
    {Op::leaky_relu, {1, 0.01}, 1, {1, kNone}, "above 0 the slope below does not matter"},
    {Op::elu, {0, 2}, 0, {2, 0}, kLeft},
    {Op::elu, {1, 2}, 1, {1, kNone}, "above 0 the scale below does not matter"},
    {Op::selu, {0, 1}, 0, {1.0507009873554804934, 0}, kLeft},
    {Op::abs, {0}, 0, {0}, kMiddle},
    {Op::abs, {-0.0}, 0, {0}, kMiddle},
    {Op::abs, {kNan}, kNan, {kNan}, kNanHanded},
    {Op::copysign, {0, 1}, 0, {0, kNone}, kMiddle},
    {Op::copysign, {2, -0.0}, -2, {-1, kNone}, "y gives only its sign, here a minus"},
    {Op::copysign, {-3, 2}, 3, {-1, kNone}, "y gives only its sign"},
    {Op::copysign, {kNan, 2}, kNan, {kNan, kNone}, kNanHanded},
    {Op::sign, {0}, 0, {kNone}, kStep},
    {Op::floor, {2}, 2, {kNone}, kStep},
    {Op::ceil, {2}, 2, {kNone}, kStep},
    {Op::trunc, {2}, 2, {kNone}, kStep},
    {Op::round, {2.5}, 3, {kNone}, kStep},
    {Op::rint, {2.5}, 2, {kNone}, kStep},
    {Op::nearbyint, {2.5}, 2, {kNone}, kStep},
    {Op::logb, {2}, 1, {kNone}, kStep},
    {Op::stop_gradient, {kNan}, kNan, {kNone}, "cut off on purpose, whatever the value"},
    {Op::eq, {1, 1}, 1, {kNone, kNone}, kStep},
    {Op::lt, {1, 1}, 0, {kNone, kNone}, kStep},
    {Op::max, {1, 1}, 1, {0.5, 0.5}, kTie},
    {Op::max, {2, 1}, 2, {1, kNone}, "the loser does not matter"},
    {Op::max, {kNan, 1}, kNan, {1, 1}, kNanHanded},
    {Op::min, {1, 1}, 1, {0.5, 0.5}, kTie},
    {Op::min, {2, 1}, 1, {kNone, 1}, "the loser does not matter"},
    {Op::min, {kNan, 1}, kNan, {1, 1}, kNanHanded},
    {Op::fmax, {1, 1}, 1, {0.5, 0.5}, kTie},
    {Op::fmax, {kNan, 1}, 1, {kNone, 1}, kPassedOver},
    {Op::fmax, {1, kNan}, 1, {1, kNone}, kPassedOver},
    {Op::fmin, {1, 1}, 1, {0.5, 0.5}, kTie},
    {Op::fmin, {kNan, 1}, 1, {kNone, 1}, kPassedOver},
    {Op::fmin, {1, kNan}, 1, {1, kNone}, kPassedOver},
    {Op::fdim, {1, 1}, 0, {kNone, kNone}, "as relu(x - y)"},
    {Op::select, {1, 2, kNan}, 2, {kNone, 1, kNone}, kUntaken},
    {Op::select, {0, kNan, 3}, 3, {kNone, kNone, 1}, kUntaken},
    {Op::mul, {2, 0}, 0, {0, 2}, kNumeric},
    {Op::div, {1, 0}, kInf, {kInf, -kInf}, kLimit},
    {Op::fmod, {-5.5, 2}, -1.5, {1, 2}, kQuotient},
    {Op::fmod, {1, 2}, 1, {1, kNone}, "x itself: the divisor does not matter"},
    {Op::remainder, {5.5, 2}, -0.5, {1, -3}, kQuotient},
    {Op::remainder, {0.5, 2}, 0.5, {1, kNone}, "x itself: the divisor does not matter"},
    {Op::fmod, {1, 5e-324}, 0, {1, -kInf}, "the quotient is beyond the largest number"},
    {Op::remainder, {1, 5e-324}, 0, {1, -kInf}, "the quotient is beyond the largest number"},
    {Op::ldexp, {1, -2}, 0.25, {0.25, kNone}, "the exponent is an integer"},
    {Op::sqrt, {0}, 0, {kInf}, kLimit},
    {Op::sqrt, {-0.0}, -0.0, {kInf}, "the same for both zeros"},
    {Op::cbrt, {0}, 0, {kInf}, "the limit from both sides"},
    {Op::hypot, {0, 0}, 0, {0, 0}, kNorm},
    {Op::hypot3, {0, 0, 0}, 0, {0, 0, 0}, kNorm},
    {Op::atan2, {0, 0}, 0, {0, 0}, "an angle without a direction pulls nowhere"},
    {Op::pow, {0, 0}, 1, {kNone, -kInf}, kPower0},
    {Op::pow, {kInf, 0}, 1, {kNone, kInf}, kPower0},
    {Op::pow, {kNan, 0}, 1, {kNone, kNan}, kPower0},
    {Op::pow,
     {2, 0},
     1,
     {0, 0.6931471805599453},
     "a computed zero, whose own derivative in y is 1/x"},
    {Op::pow, {0, 1}, 0, {1, 0}, "the power x is x; 0**y is 0 for every y > 0"},
    {Op::pow, {0, 2}, 0, {0, 0}, "0**y is 0 for every y > 0"},
    {Op::pow, {0, 0.5}, 0, {kInf, 0}, kLimit},
    {Op::pow, {0, -1}, kInf, {-kInf, -kInf}, kLimit},
    {Op::pow,
     {-2, 2},
     4,
     {-4, kNan},
     "off the integers the power is undefined; for a constant exponent nothing is recorded"},
    {Op::pow, {-2, 0.5}, kNan, {kNan, kNan}, "outside the domain"},
    {Op::log, {0}, -kInf, {kInf}, kLimit},
    {Op::log2, {0}, -kInf, {kInf}, kLimit},
    {Op::log10, {0}, -kInf, {kInf}, kLimit},
    {Op::log1p, {-1}, -kInf, {kInf}, kLimit},
    {Op::log, {-1}, kNan, {kNan}, "outside the domain"},
    {Op::log1mexp, {0}, -kInf, {-kInf}, kLimit},
    {Op::xlogy, {0, 0}, 0, {-kInf, 0}, "0 log(y) is 0 for every y"},
    {Op::xlogy, {0, 2}, 0, {0.6931471805599453, 0}, kNumeric},
    {Op::asin, {1}, 1.5707963267948966, {kInf}, kLimit},
    {Op::asin, {-1}, -1.5707963267948966, {kInf}, kLimit},
    {Op::acos, {1}, 0, {-kInf}, kLimit},
    {Op::acosh, {1}, 0, {kInf}, kLimit},
    {Op::atanh, {1}, kInf, {kInf}, kLimit},
    {Op::atanh, {-1}, -kInf, {kInf}, kLimit},
    {Op::expint, {0}, -kInf, {kInf}, "the limit from the right"},
    {Op::tgamma, {0}, kInf, {kNan}, kPole},
    {Op::lgamma, {0}, kInf, {kNan}, kPole},
    {Op::digamma, {0}, kNan, {kNan}, kPole},
    {Op::sinc, {0}, 1, {0}, "smooth: the limit"},
    {Op::tanh, {800}, 1, {0}, "smooth: it underflows"},
    {Op::softplus, {800}, 800, {1}, "smooth: exp(800) is never formed"},
    {Op::hermite, {0, 1}, 1, {kNone, kNone}, "a constant polynomial"},
    {Op::laguerre, {0, 1}, 1, {kNone, kNone}, "a constant polynomial"},
    {Op::assoc_laguerre, {0, 1, 1}, 1, {kNone, kNone, kNone}, "a constant polynomial"},
    {Op::legendre, {0, 0.5}, 1, {kNone, kNone}, "a constant polynomial"},
    {Op::gegenbauer, {0, 1, 0.5}, 1, {kNone, kNone, kNone}, "a constant polynomial"},
};

std::string number(double v) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.10g", v + 0.0);
  return std::isnan(v) ? "NaN" : buffer;
}

}  // namespace

std::span<const Kink> kinks() { return kTable; }

std::string kink_table() {
  std::string out =
      "| operation | at | value | derivatives | reason |\n"
      "|---|---|---|---|---|\n";
  for (const Kink& kink : kTable) {
    std::string at, partials;
    for (int k = 0; k < info(kink.op).arity; ++k) {
      const auto i = static_cast<std::size_t>(k);
      const bool minus_zero = kink.x[i] == 0 && std::signbit(kink.x[i]);
      at += (k > 0 ? ", " : "") + (minus_zero ? "-0" : number(kink.x[i]));
      partials += (k > 0 ? ", " : "") + (kink.partials[i] ? number(*kink.partials[i]) : "none");
    }
    out.append("| ").append(info(kink.op).name).append(" | ").append(at).append(" | ");
    out.append(number(kink.value)).append(" | ").append(partials).append(" | ");
    out.append(kink.reason).append(" |\n");
  }
  return out;
}

}  // namespace chainrule::laws
