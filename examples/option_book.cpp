// A book of European calls, and the closed forms of their sensitivities.
//
//   option_book write N FILE     a seeded book: spot, strike, rate, volatility, expiry
//   option_book compare FILE     holds value and d_NAME columns, as `chainrule grad --data` wrote
//   them
//                                for examples/black_scholes.cr, against the closed forms
//   option_book                  the formulas against the tape, on a small book
#include <algorithm>
#include <array>
#include <chainrule/chainrule.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

using chainrule::Scalar;

constexpr std::array kInputs{"spot", "strike", "rate", "volatility", "expiry"};
using Option = std::array<double, kInputs.size()>;
using Sensitivities = std::array<double, 1 + kInputs.size()>;  // value, then by each input

Option draw_option(std::mt19937_64& engine) {
  // The engine's numbers are the same everywhere; std::uniform_real_distribution's are not.
  const auto uniform = [&](double low, double high) {
    return low + (high - low) * (static_cast<double>(engine() >> 11) * 0x1p-53);
  };
  const double spot = uniform(50, 150);
  return {spot, spot * uniform(0.7, 1.4), uniform(0.0, 0.06), uniform(0.1, 0.6), uniform(0.1, 3)};
}

// Black and Scholes 1973; Hull, Options, Futures, and Other Derivatives, ch. 19.
Sensitivities closed_form(const Option& option) {
  const auto [spot, strike, rate, volatility, expiry] = option;
  const auto cdf = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  const double root = std::sqrt(expiry), discount = std::exp(-rate * expiry);
  const double d1 = (std::log(spot / strike) + (rate + volatility * volatility / 2) * expiry) /
                    (volatility * root);
  const double d2 = d1 - volatility * root;
  const double pdf = std::exp(-d1 * d1 / 2) / std::sqrt(8 * std::atan(1.0));
  return {spot * cdf(d1) - strike * discount * cdf(d2),
          cdf(d1),                                                                     // delta
          -discount * cdf(d2),                                                         // by strike
          strike * expiry * discount * cdf(d2),                                        // rho
          spot * pdf * root,                                                           // vega
          spot * pdf * volatility / (2 * root) + rate * strike * discount * cdf(d2)};  // -theta
}

template <class T>
T black_scholes(const T& spot, const T& strike, const T& rate, const T& volatility,
                const T& expiry) {
  const auto cdf = [](const T& x) { return erfc(-x / std::sqrt(2.0)) / 2; };
  const T spread = volatility * sqrt(expiry);
  const T d1 = (log(spot / strike) + (rate + volatility * volatility / 2) * expiry) / spread;
  return spot * cdf(d1) - strike * exp(-rate * expiry) * cdf(d1 - spread);
}

double disagreement(const Sensitivities& found, const Sensitivities& expected) {
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double error = std::abs(found[i] - expected[i]) / std::abs(expected[i]);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

constexpr double kTolerance = 1e-10;

int write(int count, const char* path) {
  std::mt19937_64 engine(1973);
  std::ofstream file(path);
  for (const char* name : kInputs) file << name << (name == kInputs.back() ? "\n" : ",");
  char line[160];
  for (int i = 0; i < count; ++i) {
    const Option o = draw_option(engine);
    std::snprintf(line, sizeof line, "%.4f,%.4f,%.6f,%.6f,%.6f\n", o[0], o[1], o[2], o[3], o[4]);
    file << line;
  }
  if (!file.flush()) {
    std::cerr << "option_book: cannot write " << path << '\n';
    return 2;
  }
  return 0;
}

int compare(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  std::vector<std::string> header;
  for (std::stringstream cells(line); std::getline(cells, line, ',');) header.push_back(line);
  const auto column = [&](const std::string& name) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) {
      std::cerr << "option_book: " << path << " has no column " << name << '\n';
      std::exit(2);
    }
    return static_cast<std::size_t>(found - header.begin());
  };
  std::array<std::size_t, kInputs.size()> input_at{};
  std::array<std::size_t, 1 + kInputs.size()> output_at{column("value")};
  for (std::size_t i = 0; i < kInputs.size(); ++i) {
    input_at[i] = column(kInputs[i]);
    output_at[i + 1] = column(std::string("d_") + kInputs[i]);
  }
  double worst = 0;
  long rows = 0;
  std::vector<double> cells(header.size());
  for (; std::getline(file, line); ++rows) {
    const char* at = line.c_str();
    for (double& cell : cells) {
      char* end = nullptr;
      cell = std::strtod(at, &end);
      at = end + (*end == ',');
    }
    Option option{};
    Sensitivities found{};
    for (std::size_t i = 0; i < option.size(); ++i) option[i] = cells[input_at[i]];
    for (std::size_t i = 0; i < found.size(); ++i) found[i] = cells[output_at[i]];
    const double error = disagreement(found, closed_form(option));
    if (!(error <= worst)) worst = error;
  }
  std::printf(
      "%ld options: value and 5 sensitivities agree with the closed forms to %.1e relative\n", rows,
      worst);
  return rows > 0 && worst <= kTolerance ? 0 : 1;
}

int self_check() {
  std::mt19937_64 engine(1973);
  double worst = 0;
  for (int i = 0; i < 1000; ++i) {
    const Option o = draw_option(engine);
    const chainrule::Frame frame = chainrule::Tape::active().frame();
    std::vector<Scalar> inputs;
    for (const double value : o) inputs.push_back(chainrule::variable(value));
    const Scalar price = black_scholes(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]);
    Sensitivities found{price.value()};
    chainrule::gradient(price, inputs, std::span(found).subspan(1));
    worst = std::max(worst, disagreement(found, closed_form(o)));
  }
  std::printf("largest relative disagreement: %.1e\n", worst);
  return worst <= kTolerance ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb.empty()) return self_check();
  if (verb == "write" && argc == 4) return write(std::atoi(argv[2]), argv[3]);
  if (verb == "compare" && argc == 3) return compare(argv[2]);
  std::cerr << "usage: option_book [write N FILE | compare FILE]\n";
  return 2;
}
