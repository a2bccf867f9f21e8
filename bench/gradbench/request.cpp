#include "bench/gradbench/request.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace bench::gradbench {

namespace {

using Clock = std::chrono::steady_clock;

/// A member of a request that may be absent, as of those whose input is a bare number.
double member_of(const Json& request, const char* name, double otherwise) {
  return request.is_object() ? request.value(name, otherwise) : otherwise;
}

void run(const std::string& path, const std::string& function, const Functions& functions) {
  const auto found = functions.find(function);
  if (found == functions.end()) {
    std::string known;
    for (const auto& entry : functions) known += " " + entry.first;
    throw std::runtime_error("there is no function " + function + "; there are:" + known);
  }
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  const Json request = Json::parse(file);
  const Evaluation evaluation = found->second(request);
  const double least_runs = member_of(request, "min_runs", 1);
  const double least_seconds = member_of(request, "min_seconds", 0);

  std::vector<std::chrono::nanoseconds> times;
  std::chrono::duration<double> total{};
  do {
    const auto start = Clock::now();
    evaluation.compute();
    times.push_back(Clock::now() - start);
    total += times.back();
  } while (static_cast<double>(times.size()) < least_runs || total.count() < least_seconds);

  std::cout << evaluation.output().dump() << '\n';
  for (const std::chrono::nanoseconds time : times) {
    std::cout << Json{{"name", "evaluate"}, {"nanoseconds", time.count()}}.dump() << '\n';
  }
  if (!std::cout.flush()) throw std::runtime_error("cannot write the answer");
}

}  // namespace

int answer(int argc, char** argv, const Functions& functions) {
  try {
    if (argc != 3) throw std::runtime_error("usage: PROGRAM FILE FUNCTION");
    run(argv[1], argv[2], functions);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argc > 0 ? argv[0] : "gradbench", error.what());
    return 1;
  }
}

Numbers flattened(const Json& rows) {
  Numbers all;
  for (const Json& row : rows) {
    for (const Json& number : row) all.push_back(number.get<double>());
  }
  return all;
}

Json in_rows(std::span<const double> numbers, std::size_t width) {
  Json rows = Json::array();
  for (std::size_t first = 0; first + width <= numbers.size() && width > 0; first += width) {
    rows.push_back(Numbers(numbers.begin() + static_cast<std::ptrdiff_t>(first),
                           numbers.begin() + static_cast<std::ptrdiff_t>(first + width)));
  }
  return rows;
}

}  // namespace bench::gradbench
