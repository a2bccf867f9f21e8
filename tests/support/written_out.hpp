// A block held against its operations written out: the same derivatives whatever arrives, forward
// and reverse, as numbers, recorded, and in a Function that was recorded at another point.
//
// What arrives is told by infinite slopes beside the block: √ at 0 before it and behind it gives
// NaN where a zero arrives, and passes over what does not.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "chainrule/chainrule.hpp"
#include "chainrule/tape/state_internal.hpp"
#include "chainrule/transform/functions.hpp"

namespace chainrule::test {

using Vector = std::vector<double>;
using Scalars = std::vector<Scalar>;

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kAbsent = -0.0;

// What may come to an output, or to an input: nothing, and numbers.
inline const Vector kAnySeed = {kAbsent, 0.0, 1.0, -2.0, kInfinity};
// Where there are more of them.
inline const Vector kFewSeeds = {kAbsent, 0.0, 1.5};
// For a block that is dense in floating point as well: it multiplies infinities by zeros.
inline const Vector kFiniteSeed = {kAbsent, 0.0, 1.0, -2.0};

inline bool is_same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b)) ||
         std::abs(a - b) <= 1e-12 * std::max(1.0, std::abs(b));
}

inline void expect_same_numbers(const Vector& found, const Vector& truth, const char* of) {
  ASSERT_EQ(found.size(), truth.size()) << of;
  for (std::size_t k = 0; k < found.size(); ++k) {
    EXPECT_TRUE(is_same(found[k], truth[k]))
        << of << ", entry " << k << ": " << found[k] << " for " << truth[k];
  }
}

// Calls use(choice) for all choices of `count` of these numbers.
template <class Use>
void each_choice(const Vector& of, std::size_t count, Use use) {
  std::size_t choices = 1;
  for (std::size_t k = 0; k < count; ++k) choices *= of.size();
  for (std::size_t number = 0; number < choices; ++number) {
    Vector choice;
    for (std::size_t k = 0, rest = number; k < count; ++k, rest /= of.size())
      choice.push_back(of[rest % of.size()]);
    use(choice);
  }
}

inline std::string words(const char* what, const Vector& numbers) {
  std::string text = what;
  for (const double number : numbers) {
    const bool is_absent = is_unreached(number);
    text += " " + (is_absent ? std::string("absent") : std::to_string(number));
  }
  return text;
}

inline Vector values_of(const Scalars& all) {
  Vector values;
  for (const Scalar& s : all) values.push_back(s.value());
  return values;
}

// Numbers w, x = √w in even places and w in odd ones, z = code(x), and √(0 z).
struct Scene {
  Scalars w, x, z, behind;
};
template <class Code>
Scene scene_of(const Code& code, const Scalars& w) {
  Scene scene{w, {}, {}, {}};
  for (std::size_t k = 0; k < w.size(); ++k) scene.x.push_back(k % 2 == 0 ? sqrt(w[k]) : w[k]);
  scene.z = code(scene.x);
  for (const Scalar& z : scene.z) scene.behind.push_back(sqrt(z * 0.0));
  return scene;
}

// What is found in all ways in which seeds arrive, in words and numbers.
using Findings = std::vector<std::pair<std::string, Vector>>;

inline Scalars recorded(const Vector& numbers) { return {numbers.begin(), numbers.end()}; }

template <class Code>
Findings adjoints_of(const Code& code, const Vector& at, const Vector& seeds) {
  Findings found;
  const Frame frame = Tape::active().frame();
  Scalars w;
  for (const double number : at) w.push_back(variable(number));
  const Scene scene = scene_of(code, w);
  each_choice(seeds, scene.z.size(), [&](const Vector& zbar) {
    const auto add = [&](const char* what, const Vector& numbers) {
      found.emplace_back(words(what, zbar), numbers);
    };
    const Frame apart = Tape::active().frame();
    Vector xbar(w.size());
    adjoints(scene.z, zbar, scene.x, xbar);
    Vector has_arrived;
    for (const double entry : xbar) has_arrived.push_back(is_unreached(entry) ? 0.0 : 1.0);
    add("adjoints", xbar);
    add("what has an adjoint", has_arrived);
    add("adjoints before", vjp(scene.z, zbar, w));
    add("recorded adjoints before", values_of(recorded_vjp(scene.z, recorded(zbar), w)));
  });
  return found;
}

template <class Code>
Findings tangents_of(const Code& code, const Vector& at, const Vector& seeds) {
  Findings found;
  const Frame frame = Tape::active().frame();
  Scalars w;
  for (const double number : at) w.push_back(variable(number));
  const Scene scene = scene_of(code, w);
  each_choice(seeds, w.size(), [&](const Vector& wdot) {
    const auto add = [&](const char* what, const Vector& numbers) {
      found.emplace_back(words(what, wdot), numbers);
    };
    const Frame apart = Tape::active().frame();
    add("tangents from before", jvp(scene.z, w, wdot));
    add("tangents", jvp(scene.z, scene.x, wdot));
    add("tangents behind", jvp(scene.behind, scene.x, wdot));
    add("recorded tangents", values_of(recorded_jvp(scene.z, scene.x, recorded(wdot))));
    add("recorded tangents behind", values_of(recorded_jvp(scene.behind, scene.x, recorded(wdot))));
  });
  return found;
}

inline void expect_same_findings(const Findings& found, const Findings& truth) {
  ASSERT_EQ(found.size(), truth.size());
  for (std::size_t k = 0; k < found.size(); ++k)
    expect_same_numbers(found[k].second, truth[k].second, truth[k].first.c_str());
}

template <class Code>
Vector value_of(const Code& code, const Vector& at) {
  return values_of(code(recorded(at)));
}

// The same in a Function in which it is decided by inputs what arrives.
template <class Code>
Findings traced_derivatives(const Code& code, const Vector& example,
                            const std::vector<Vector>& points, std::size_t outputs) {
  const std::size_t n = example.size();
  const Function reverse = record(
      [&](const Scalars& w, const Scalars& arrives) {
        const Scene scene = scene_of(code, w);
        Scalar sum = 0.0;
        for (std::size_t j = 0; j < outputs; ++j) {
          sum = sum + select(arrives[j] > 0.0, (2.0 + static_cast<double>(j)) * scene.z[j], 0.0);
        }
        return sum;
      },
      example, Vector(outputs, 1.0));
  const Function forward = record(
      [&](const Scalars& w, const Scalars& arrives) {
        Scalars x;
        for (std::size_t k = 0; k < n; ++k) x.push_back(select(arrives[k] > 0.0, w[k], 0.5));
        const Scalars z = code(x);
        Scalars out = z;
        for (const Scalar& number : z) out.push_back(sqrt(number * 0.0));
        return out;
      },
      example, Vector(n, 1.0));
  const Function slopes = grad(reverse), along = jvp(forward);
  const Vector direction(n, 1.5);
  Findings found;
  for (const Vector& at : points) {
    each_choice({0.0, 1.0}, outputs, [&](const Vector& arrives) {
      found.emplace_back(words("gradient of a Function, where arrives", arrives),
                         slopes(at, arrives));
    });
    each_choice({0.0, 1.0}, n, [&](const Vector& arrives) {
      found.emplace_back(words("tangents of a Function, where arrives", arrives),
                         along(at, arrives, direction));
    });
  }
  return found;
}

// blocked and plain take and give as many Scalars. `example` is where Functions are recorded.
template <class Blocked, class Plain>
void expect_written_out(const Blocked& blocked, const Plain& plain, const Vector& example,
                        const std::vector<Vector>& points, const Vector& seeds = kAnySeed) {
  for (const Vector& at : points) {
    SCOPED_TRACE(words("at", at));
    expect_same_numbers(value_of(blocked, at), value_of(plain, at), "value");
    expect_same_findings(adjoints_of(blocked, at, seeds), adjoints_of(plain, at, seeds));
    expect_same_findings(tangents_of(blocked, at, seeds), tangents_of(plain, at, seeds));
  }
  const std::size_t outputs = value_of(plain, example).size();
  expect_same_findings(traced_derivatives(blocked, example, points, outputs),
                       traced_derivatives(plain, example, points, outputs));
}

// ---- bodies -----------------------------------------------------------------------------------

struct Body {
  const char* name;
  Scalars (*code)(const Scalars& x);
};

// Of two numbers.
inline const Body kBodies[] = {
    {"dense",
     [](const Scalars& x) {
       return Scalars{x[0] * x[1], x[0] + sin(x[1])};
     }},
    {"each of one",
     [](const Scalars& x) {
       return Scalars{sin(x[0]), x[1] * x[1]};
     }},
    {"singular",
     [](const Scalars& x) {
       return Scalars{sqrt(x[0]), x[1] / x[0]};
     }},
    {"passed through",
     [](const Scalars& x) {
       return Scalars{x[1], x[0]};
     }},
    {"cut off",
     [](const Scalars& x) {
       return Scalars{floor(x[0]) + x[1], relu(x[1])};
     }},
    {"with choices",
     [](const Scalars& x) {
       return Scalars{select(x[0] > x[1], x[0], sqrt(x[1])), max(x[0], x[1])};
     }},
    {"with a branch",
     [](const Scalars& x) {
       const Scalar both = x[0] * x[1];
       if (x[0] > 0.5) return Scalars{x[0] + 0.0, both};
       return Scalars{sqrt(x[1]), x[0] * 3.0};
     }},
};

inline std::string name_of_body(const testing::TestParamInfo<Body>& body) {
  std::string name = body.param.name;
  std::ranges::replace(name, ' ', '_');
  return name;
}

inline const std::vector<Vector> kPoints = {{0, 0}, {0, 1}, {1, 0}, {0.25, 0.5}, {4, 0.75}, {1, 2}};

}  // namespace chainrule::test
