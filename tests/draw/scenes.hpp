// Graphs that are drawn in the tests, and goldens.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "chainrule/draw/draw.hpp"
#include "chainrule/tape/tape.hpp"

namespace chainrule::test {

/// A tape of its own, so that automatic names begin at 0.
class Drawn : public testing::Test {
 protected:
  Tape tape_;
  Activation active_ = tape_.activate();
};

/// Worked example 4: o = tanh(x1 w1 + x2 w2 + b).
inline Scalar neuron() {
  const Scalar x1 = variable(2, "x1"), w1 = variable(-3, "w1");
  const Scalar x2 = variable(0, "x2"), w2 = variable(1, "w2");
  const Scalar b = variable(6.8813735870195432, "b");
  const Scalar first = x1 * w1;
  const Scalar second = x2 * w2;
  const Scalar n = (first + second + b).label("n");
  return tanh(n).label("o");
}

/// Worked example 5: (x y + c) c + x.
inline Scalar five() {
  const Scalar x = variable(0.9, "x"), y = variable(0.4, "y"), c = variable(1.3, "c");
  return (x * y + c) * c + x;
}

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Compares with tests/golden/NAME; CHAINRULE_GOLDENS=write writes it instead.
inline void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(CHAINRULE_SOURCE_DIR) + "/tests/golden/" + name;
  const char* wish = std::getenv("CHAINRULE_GOLDENS");
  if (wish != nullptr && std::string_view(wish) == "write") {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  EXPECT_EQ(text, content_of(path)) << "differs from " << path;
}

inline std::size_t count(std::string_view text, std::string_view part) {
  std::size_t times = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++times;
  return times;
}

/// The message of the Error that f throws; empty if it throws none.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// Whether this build can lay graphs out.
inline bool can_lay_out() {
  Tape tape;
  const Activation active = tape.activate();
  const Picture picture = picture_of(variable(1, "x"));
  return error_of([&] { render(picture, DrawFormat::svg); }).find("no Graphviz") ==
         std::string::npos;
}

}  // namespace chainrule::test
