#include "bench/suite/measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace bench::suite {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

struct Timing {
  double least, median;
  int runs;
};

/// Runs shorter than this are timed several together, lest the clock be what is measured.
constexpr double kShortest = 50e-6;

Timing time_of(Runner& runner, Result& result, const Effort& effort) {
  auto start = Clock::now();
  runner.run(result);
  const double first = seconds_between(start, Clock::now());
  const int together = first < kShortest ? static_cast<int>(kShortest / (first + 1e-9)) + 1 : 1;
  std::vector<double> times;
  double total = 0;
  while ((static_cast<int>(times.size()) < effort.runs || total < effort.seconds) &&
         (times.size() < 3 || total < effort.most)) {
    start = Clock::now();
    for (int i = 0; i < together; ++i) runner.run(result);
    const double took = seconds_between(start, Clock::now());
    total += took;
    times.push_back(took / together);
  }
  std::sort(times.begin(), times.end());
  const std::size_t n = times.size();
  const double median = n % 2 == 1 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2;
  return {times.front(), median, static_cast<int>(n) * together};
}

double error_against(const double* truth, const double* got, Index size) {
  double largest = 0, worst = 0;
  for (Index i = 0; i < size; ++i) largest = std::max(largest, std::fabs(truth[i]));
  for (Index i = 0; i < size; ++i) {
    if (got[i] == truth[i]) continue;
    const double error = std::fabs(got[i] - truth[i]) / (std::fabs(truth[i]) + 1e-3 * largest);
    worst = error <= worst ? worst : error;  // a NaN is the worst
  }
  return worst;
}

/// Against the hand-written result, in the parts that the contestant gives.
double error_of(const Case& c, const Entry& entry, const Result& truth, const Result& result) {
  double worst = 0;
  const auto take = [&worst](double error) { worst = error <= worst ? worst : error; };
  if (entry.gives == Gives::values || entry.gives == Gives::both) {
    take(error_against(truth.values.data(), result.values.data(), truth.values.size()));
  }
  if (entry.gives == Gives::values) return worst;
  Index first = 0;
  for (const Part& part : c.parts) {
    take(error_against(&truth.derivatives[first], &result.derivatives[first], part.size));
    first += part.size;
    if (entry.gives == Gives::gradient) break;
  }
  return worst;
}

Result empty_result(const Case& c) {
  // NaN: what a contestant forgets is seen.
  const double unset = std::numeric_limits<double>::quiet_NaN();
  return {std::vector<double>(c.values, unset), std::vector<double>(c.derivatives(), unset)};
}

Result result_of_manual(const Case& c) {
  Result result = empty_result(c);
  for (const Entry& entry : c.entries) {
    if (entry.name == "manual") entry.make()->run(result);
  }
  return result;
}

std::string wrong_by(const std::string& who, double error) {
  char text[120];
  std::snprintf(text, sizeof text, "%s is wrong by %.2g", who.c_str(), error);
  return text;
}

}  // namespace

Row measure(const Family& family, const Size& size, const Effort& effort) {
  const Case c = size.make();
  Row row;
  row.family = family.name;
  row.label = size.label;
  row.abscissa = size.abscissa;
  row.inputs = c.inputs;
  row.derivatives = c.derivatives();
  const Result truth = result_of_manual(c);
  row.error_of_manual = c.error_of_manual(truth);
  if (!(row.error_of_manual <= kDifferencesTolerance)) {
    row.failure = wrong_by("the derivative by hand", row.error_of_manual);
    return row;
  }
  for (const Entry& entry : c.entries) {
    Column column;
    column.name = entry.name;
    column.left_out = entry.left_out;
    if (entry.left_out.empty()) {
      const std::unique_ptr<Runner> runner = entry.make();
      Result result = empty_result(c);
      runner->run(result);
      column.error = error_of(c, entry, truth, result);
      if (entry.gives != Gives::estimate && !(column.error <= kTolerance)) {
        row.failure = wrong_by(entry.name, column.error);
        return row;
      }
      const Timing timing = time_of(*runner, result, effort);
      column.least = timing.least;
      column.median = timing.median;
      column.runs = timing.runs;
      column.notes = runner->notes();
    }
    row.columns.push_back(std::move(column));
  }
  return row;
}

}  // namespace bench::suite
