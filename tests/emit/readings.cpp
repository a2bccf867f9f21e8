#include "tests/emit/readings.hpp"

#include <algorithm>
#include <bit>
#include <map>

#include "chainrule/tape/block.hpp"
#include "chainrule/transform/split.hpp"
#include "tests/emit/expected.hpp"

namespace chainrule::test {
namespace {

// The arguments of the rows, each stored in some way, and where to find them.
struct Stored {
  std::vector<std::vector<double>> numbers;
  std::vector<std::vector<std::uint32_t>> index;
  std::vector<Source> sources;
};

std::vector<std::uint32_t> shuffled(std::size_t count, std::mt19937& random) {
  std::vector<std::uint32_t> order(count);
  for (std::uint32_t k = 0; k < count; ++k) order[k] = k;
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

// Where the rows of an argument stand in a table that has each once, in any order, and others.
std::vector<std::uint32_t> places_in_table(const Expected& expected, std::size_t first,
                                           std::size_t width, std::mt19937& random) {
  std::map<std::vector<std::uint64_t>, std::uint32_t> place;
  std::vector<std::uint32_t> index;
  for (std::size_t r = 0; r < expected.rows(); ++r) {
    std::vector<std::uint64_t> bits;
    for (std::size_t k = 0; k < width; ++k) {
      bits.push_back(std::bit_cast<std::uint64_t>(expected.in(r)[first + k]));
    }
    index.push_back(
        place.try_emplace(bits, static_cast<std::uint32_t>(place.size())).first->second);
  }
  const std::vector<std::uint32_t> order = shuffled(place.size() + random() % 4, random);
  for (std::uint32_t& at : index) at = order[at];
  return index;
}

Stored stored(const Expected& expected, std::mt19937& random) {
  const Subject& subject = expected.subject();
  const std::size_t rows = expected.rows(), count = subject.f.arguments().size();
  Stored all;
  all.numbers.resize(count), all.index.resize(count);
  std::size_t first = 0;
  for (std::size_t a = 0; a < count; ++a) {
    const std::size_t width = subject.f.arguments()[a].example.size();
    std::vector<double>& numbers = all.numbers[a];
    std::vector<std::uint32_t>& index = all.index[a];
    const auto number = [&](std::size_t r, std::size_t k) { return expected.in(r)[first + k]; };
    // Row r at r or index[r]; what is not read is 1e99.
    const auto fill = [&](std::size_t places, std::size_t stride, std::size_t step) -> auto& {
      numbers.assign((places - 1) * stride + (width - 1) * step + 1, 1e99);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t k = 0; k < width; ++k) {
          numbers[(index.empty() ? r : index[r]) * stride + k * step] = number(r, k);
        }
      }
      return numbers;
    };
    index = places_in_table(expected, first, width, random);
    const std::size_t places = *std::max_element(index.begin(), index.end()) + std::size_t{1};
    const bool are_same = std::ranges::count(index, index[0]) == std::ssize(index);
    const std::size_t kind = random() % 5;
    const std::size_t gap = random() % 4, step = 1 + random() % 3;
    if (width == 0 || (a == 0 && subject.first_is_shared) || (are_same && kind < 3)) {
      for (std::size_t k = 0; k < width; ++k) numbers.push_back(number(0, k));
      all.sources.push_back(Source::shared(numbers));
    } else if (kind == 0) {
      all.sources.push_back(Source::gathered(fill(places, width, 1), width, index));
    } else if (kind == 1) {
      const std::size_t stride = (width + gap) * step;
      fill(places, stride, step);
      all.sources.push_back({numbers.data(), numbers.size(), stride, step, index});
    } else {
      index.clear();
      if (kind == 2) {
        all.sources.push_back(Source::rows(fill(rows, width, 1), width));
      } else if (kind == 3) {
        all.sources.push_back(Source::columns(fill(rows, 1, rows), rows));
      } else {
        const std::size_t stride = (width + gap) * step;
        fill(rows, stride, step);
        all.sources.push_back({numbers.data(), numbers.size(), stride, step, {}});
      }
    }
    first += width;
  }
  return all;
}

// Some of the outputs, and what is to become of the numbers behind their Sink.
struct Taken {
  std::size_t first = 0, count = 0;
  std::vector<double> numbers, before;
  std::vector<std::uint32_t> index;
  Sink sink;

  // Tables are of such numbers.
  std::string difference(const Expected& expected, CompileOptions::Summation summation,
                         Precision tables) const;
};

// Where the rows go: to distinct places, or to any, at random or in runs.
std::vector<std::uint32_t> places_of_rows(std::size_t rows, std::mt19937& random) {
  if (random() % 3 == 0) {
    std::vector<std::uint32_t> places = shuffled(rows + random() % 5, random);
    places.resize(rows);
    return places;
  }
  const std::size_t count = 1 + random() % (random() % 2 == 0 ? rows : 3);
  std::vector<std::uint32_t> places;
  for (std::size_t r = 0; r < rows; ++r) {
    places.push_back(static_cast<std::uint32_t>(random() % count));
  }
  if (random() % 2 == 0) std::ranges::sort(places);
  return places;
}

std::vector<Taken> taken(const Expected& expected, std::mt19937& random) {
  const std::size_t rows = expected.rows(), outputs = expected.subject().f.outputs();
  std::vector<Taken> all;
  for (std::size_t first = 0; first < outputs;) {
    Taken& t = all.emplace_back();
    t.first = first;
    t.count = 1 + random() % (outputs - first);
    first += t.count;
  }
  for (Taken& t : all) {
    t.sink.count = t.count;
    t.sink.mode = static_cast<Sink::Mode>(random() % 3);
    const std::size_t gap = random() % 4 == 0 ? random() % 4 : 0;
    std::size_t places = t.sink.mode == Sink::Mode::sum ? 1 : rows;
    if (t.sink.mode != Sink::Mode::sum && random() % 2 == 0) {
      t.index = places_of_rows(rows, random);
      places = std::ranges::max(t.index) + std::size_t{1};
      t.sink.index = t.index;
    }
    if (random() % 3 == 0) {  // by columns
      t.sink.stride = 1 + gap, t.sink.step = places * t.sink.stride;
    } else {
      t.sink.step = 1 + (random() % 4 == 0 ? gap : 0);
      t.sink.stride = (t.count + gap) * t.sink.step;
    }
    if (t.sink.mode == Sink::Mode::sum) t.sink.stride = 0;
    t.numbers.resize((places - 1) * t.sink.stride + (t.count - 1) * t.sink.step + 1);
    for (double& x : t.numbers) x = static_cast<double>(random() % 5);
    t.before = t.numbers;
    t.sink.data = t.numbers.data(), t.sink.size = t.numbers.size();
  }
  return all;
}

std::string Taken::difference(const Expected& expected, CompileOptions::Summation summation,
                              Precision tables) const {
  const std::size_t rows = expected.rows();
  if (sink.mode == Sink::Mode::sum) {
    for (std::size_t k = 0; k < count; ++k) {
      Sum sum(expected.lanes());
      for (std::size_t r = 0; r < rows; ++r) {
        sum.add(expected.value(r, first + k), expected.radius_in_a_sum(r, first + k));
      }
      const std::string found = sum.difference(numbers[k * sink.step], summation);
      if (!found.empty()) return "output " + std::to_string(first + k) + ": " + found;
    }
    for (std::size_t at = 0; at < numbers.size(); ++at) {
      if (at % sink.step != 0 && numbers[at] != before[at]) return "a sum is written between";
    }
    return "";
  }
  std::vector<double> wanted = before, radius(before.size());
  std::vector<std::size_t> of_row(before.size());
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t row = index.empty() ? r : index[r];
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t at = row * sink.stride + k * sink.step;
      const double value = expected.value(r, first + k);
      of_row[at] = r;
      if (sink.mode == Sink::Mode::store) {
        wanted[at] = value;  // of the last row that goes there
        radius[at] = same(value, numbers[at]) ? 0 : expected.radius(r, first + k);
      } else {
        const double after = rounded(tables, wanted[at] + value);
        radius[at] += expected.radius(r, first + k);
        if (expected.radius(r, first + k) > 0) {
          radius[at] += 2 * ulp_in(tables) * (std::fabs(wanted[at]) + std::fabs(value));
        }
        wanted[at] = after;
      }
    }
  }
  for (std::size_t at = 0; at < wanted.size(); ++at) {
    if (same(wanted[at], numbers[at])) continue;
    const double most = tables == Precision::f32 ? 1e37 : 1e290;
    const bool is_beyond = !(radius[at] < most);  // inf − inf in another order
    if (is_beyond || holds({wanted[at], radius[at]}, numbers[at])) continue;
    return "outputs " + std::to_string(first) + " … at place " + std::to_string(at) +
           (sink.mode == Sink::Mode::add ? ", added to" : "") + ": " + print(numbers[at]) +
           " for " + print(wanted[at]) + " within " + print(radius[at]) + ", of the row " +
           print(expected.in(of_row[at]));
  }
  return "";
}

std::string difference_of_points(const Expected& expected, const Kernel& kernel) {
  std::vector<double> out(kernel.outputs());
  for (std::size_t r = 0; r < expected.rows(); r += 5) {
    kernel.evaluate(expected.in(r), out);
    for (std::size_t k = 0; k < out.size(); ++k) {
      if (!expected.fits(r, k, out[k])) return expected.says(r, k, out[k]);
    }
  }
  return "";
}

// Shared numbers, and rows of the others.
struct Flat {
  std::vector<double> shared, rows;
};
Flat flat(const Expected& expected) {
  Flat numbers;
  const Subject& subject = expected.subject();
  std::size_t first = 0;
  if (subject.first_is_shared && subject.f.arguments().size() > 1) {
    first = subject.f.arguments()[0].example.size();
    const auto x = expected.in(0).first(first);
    numbers.shared.assign(x.begin(), x.end());
  }
  for (std::size_t r = 0; r < expected.rows(); ++r) {
    const auto x = expected.in(r).subspan(first);
    numbers.rows.insert(numbers.rows.end(), x.begin(), x.end());
  }
  return numbers;
}

// Lanes of floats go with tables of either kind.
Precision tables_of(const Reading& reading, std::mt19937& random) {
  return reading.lanes == Precision::f32 && random() % 2 == 0 ? Precision::f32 : Precision::f64;
}

std::vector<float> as_floats(std::span<const double> numbers) {
  std::vector<float> all;
  for (const double x : numbers) all.push_back(static_cast<float>(x));
  return all;
}

// The same tables as floats.
void run_on_floats(const Kernel& kernel, const Stored& in, std::vector<Taken>& out,
                   std::size_t rows, unsigned threads) {
  std::vector<std::vector<float>> from, to;
  std::vector<FloatSource> sources;
  std::vector<FloatSink> sinks;
  for (const Source& s : in.sources) {
    from.push_back(as_floats({s.data, s.size}));
    sources.push_back({from.back().data(), s.size, s.stride, s.step, s.index});
  }
  for (const Taken& t : out) {
    to.push_back(as_floats(t.numbers));
    const Sink& s = t.sink;
    sinks.push_back({to.back().data(), s.size, s.count, s.stride, s.step, s.index, s.mode});
  }
  kernel.run(sources, sinks, rows, threads);
  for (std::size_t k = 0; k < out.size(); ++k) std::ranges::copy(to[k], out[k].numbers.begin());
}

std::string difference_of_map(const Expected& expected, const Kernel& kernel,
                              const Reading& reading, std::mt19937& random) {
  const Flat numbers = flat(expected);
  if (numbers.rows.empty()) return "";  // nothing says how many there are
  const std::size_t outputs = kernel.outputs();
  std::vector<double> out(expected.rows() * outputs, 1e99);
  if (tables_of(reading, random) == Precision::f32) {
    std::vector<float> floats(out.size());
    kernel.map(as_floats(numbers.shared), as_floats(numbers.rows), floats, reading.threads);
    std::ranges::copy(floats, out.begin());
  } else {
    kernel.map(numbers.shared, numbers.rows, out, reading.threads);
  }
  for (std::size_t r = 0; r < expected.rows(); ++r) {
    for (std::size_t k = 0; k < outputs; ++k) {
      if (!expected.fits(r, k, out[r * outputs + k])) {
        return "row " + std::to_string(r) + " of " + std::to_string(expected.rows()) + ", " +
               expected.says(r, k, out[r * outputs + k]);
      }
    }
  }
  return "";
}

std::string difference_of_sum(const Expected& expected, const Kernel& kernel,
                              const Reading& reading, std::mt19937& random) {
  const Flat numbers = flat(expected);
  if (numbers.rows.empty()) return "";
  const std::vector<double> sums =
      tables_of(reading, random) == Precision::f32
          ? kernel.sum(as_floats(numbers.shared), as_floats(numbers.rows), reading.threads)
          : kernel.sum(numbers.shared, numbers.rows, reading.threads);
  for (std::size_t k = 0; k < sums.size(); ++k) {
    Sum sum(expected.lanes());
    for (std::size_t r = 0; r < expected.rows(); ++r) {
      sum.add(expected.value(r, k), expected.radius_in_a_sum(r, k));
    }
    const std::string found = sum.difference(sums[k], reading.summation);
    if (!found.empty()) return "output " + std::to_string(k) + ": " + found;
  }
  return "";
}

std::string difference_of_run(const Expected& expected, const Kernel& kernel,
                              const Reading& reading, std::mt19937& random) {
  const Stored in = stored(expected, random);
  std::vector<Taken> out = taken(expected, random);
  const Precision tables = tables_of(reading, random);
  if (tables == Precision::f32) {
    run_on_floats(kernel, in, out, expected.rows(), reading.threads);
  } else {
    std::vector<Sink> sinks;
    for (const Taken& t : out) sinks.push_back(t.sink);
    kernel.run(in.sources, sinks, expected.rows(), reading.threads);
  }
  for (const Taken& t : out) {
    const std::string found = t.difference(expected, reading.summation, tables);
    if (!found.empty()) return found;
  }
  return "";
}

// A Kernel that a Function records is a block.
class KernelCode final : public Callable {
 public:
  explicit KernelCode(Kernel kernel) : kernel_(std::move(kernel)) {}
  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    out = kernel_(in);
  }

 private:
  Kernel kernel_;
};

// The kernel called by another Function, and in strict arithmetic on doubles the pullbacks of both.
std::string difference_of_block(const Expected& expected, const Kernel& kernel,
                                Arithmetic arithmetic, std::mt19937& random) {
  const Function& f = expected.subject().f;
  // Sums, the block of random traces, has one derivative.
  const auto calls = f.trace().graph.calls();
  const bool has_derivative =
      std::ranges::all_of(calls, [](const BlockCall& call) { return call.block->words().empty(); });
  // Nodes: of what is differentiated twice more come many.
  constexpr std::size_t kMost = 200, kMostPulledBack = 60;
  const std::size_t size = f.trace().graph.size();
  if (!has_derivative || size > kMost) return "";
  // Recorded at a row that is answered.
  std::vector<Argument> arguments(f.arguments().begin(), f.arguments().end());
  auto next = expected.in(0).begin();
  for (Argument& argument : arguments) {
    for (double& x : argument.example) x = *next++;
  }
  const Function outer(std::make_shared<const KernelCode>(kernel), arguments);
  std::vector<double> out(f.outputs());
  for (std::size_t r = 0; r < expected.rows(); r += 7) {
    outer.evaluate(expected.in(r), out);
    for (std::size_t k = 0; k < out.size(); ++k) {
      if (!expected.fits(r, k, out[k])) return "as a block, " + expected.says(r, k, out[k]);
    }
  }
  const bool is_exact = arithmetic == Arithmetic::strict && expected.lanes() == Precision::f64;
  if (!is_exact || !calls.empty() || size > kMostPulledBack || f.inputs() == 0) return "";
  const Function wanted = vjp(f, kEveryArgument), found = vjp(outer, kEveryArgument);
  std::vector<double> x_bar(wanted.outputs()), y_bar(found.outputs());
  for (std::size_t r = 0; r < expected.rows(); r += 7) {
    std::vector<double> in(expected.in(r).begin(), expected.in(r).end());
    while (in.size() < wanted.inputs()) in.push_back(static_cast<double>(random() % 7) - 3);
    wanted.evaluate(in, x_bar), found.evaluate(in, y_bar);
    for (std::size_t k = 0; k < x_bar.size(); ++k) {
      if (same(x_bar[k], y_bar[k]) || (x_bar[k] == 0 && y_bar[k] == 0)) continue;
      return "pulled back as a block, output " + std::to_string(k) + " at " + print(in) + " is " +
             print(y_bar[k]) + " for " + print(x_bar[k]);
    }
  }
  return "";
}

std::string difference_of_way(const Expected& expected, const Kernel& kernel,
                              const Reading& reading, Reading::Way way, std::mt19937& random) {
  switch (way) {
    case Reading::Way::points: return difference_of_points(expected, kernel);
    case Reading::Way::map: return difference_of_map(expected, kernel, reading, random);
    case Reading::Way::sum: return difference_of_sum(expected, kernel, reading, random);
    case Reading::Way::general: return difference_of_run(expected, kernel, reading, random);
  }
  __builtin_unreachable();
}

// The way that is asked for; another one with what the kernel has by then; and as a block.
std::string difference_of_ways(const Expected& expected, const Kernel& kernel,
                               const Reading& reading) {
  std::mt19937 random(reading.seed);
  std::string found = difference_of_way(expected, kernel, reading, reading.way, random);
  if (found.empty() && random() % 4 == 0) {
    const auto other = static_cast<Reading::Way>(random() % 4);
    found = difference_of_way(expected, kernel, reading, other, random);
    if (!found.empty()) found = "a second time, " + found;
  }
  if (found.empty() && random() % 32 == 0) {
    found = difference_of_block(expected, kernel, reading.arithmetic, random);
  }
  return found;
}

// If the Function does not answer all rows, neither does the kernel.
std::string difference_of_branches(const Expected& expected, const Kernel& kernel) {
  const Subject& subject = expected.subject();
  if (expected.all() || subject.in.empty()) return "";
  std::vector<double> out(subject.rows * kernel.outputs());
  try {
    kernel.map({}, subject.in, out);
  } catch (const BranchChanged&) {
    return "";
  }
  return "the kernel answers rows that have left the branch";
}

}  // namespace

std::string to_string(const Reading& reading) {
  const char* const ways[] = {"points", "map", "sum", "general"};
  return std::string(chainrule::name_of(reading.backend)) + ", " +
         std::string(name_of(reading.arithmetic)) + ", " + std::to_string(reading.row_vectors) +
         " row vectors, " +
         (reading.summation == CompileOptions::Summation::plain ? "plain" : "compensated") + ", " +
         ways[static_cast<std::size_t>(reading.way)] +
         (reading.lanes == Precision::f32 ? ", f32" : "") +
         (reading.threads > 1 ? ", " + std::to_string(reading.threads) + " threads" : "");
}

std::string difference(const Subject& subject, const Reading& reading) {
  const Expected expected(subject, reading.arithmetic, reading.lanes);
  const Kernel kernel = compile(subject.f, {.backend = reading.backend,
                                            .arithmetic = reading.arithmetic,
                                            .lanes = reading.lanes,
                                            .summation = reading.summation,
                                            .row_vectors = reading.row_vectors});
  // A relaxed guard may hold where the Function's, by a rounding, does not.
  if (reading.arithmetic == Arithmetic::strict) {
    const std::string found = difference_of_branches(expected, kernel);
    if (!found.empty()) return found;
  }
  if (expected.rows() == 0) return "";
  try {
    return difference_of_ways(expected, kernel, reading);
  } catch (const BranchChanged& error) {
    // A relaxed guard may fail where the Function's, by a rounding, does not.
    return reading.arithmetic == Arithmetic::relaxed ? "" : error.what();
  }
}

std::string difference_of_split(const Subject& subject, std::size_t argument) {
  // Stages have no code: they answer what was recorded first.
  const Trace& trace = subject.f.trace();
  const Subject recorded{Function(trace), subject.in, subject.rows};
  const Expected expected(recorded, Arithmetic::strict, Precision::f64);
  const std::size_t first = trace.arguments[argument].first;
  std::vector<bool> is_late(trace.graph.size());
  for (std::size_t k = first; k < trace.inputs.size(); ++k) is_late[trace.inputs[k].index] = true;
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
    trace.graph.each_operand({v}, [&](Vertex x) { is_late[v] = is_late[v] || is_late[x.index]; });
  }
  const Split stages = split(subject.f, argument);
  std::vector<double> early(stages.early.outputs()), late(stages.late.outputs());
  for (std::size_t r = 0; r < expected.rows(); r += 3) {
    const auto in = expected.in(r);
    stages.early.evaluate(in.first(first), early);
    std::vector<double> left(early.end() - static_cast<std::ptrdiff_t>(stages.kept), early.end());
    left.insert(left.end(), in.begin() + static_cast<std::ptrdiff_t>(first), in.end());
    stages.late.evaluate(left, late);
    std::size_t taken[2] = {};
    for (std::size_t k = 0; k < trace.outputs.size(); ++k) {
      const bool second = is_late[trace.outputs[k].index];
      const double found = (second ? late : early)[taken[second]++];
      if (!same(found, expected.value(r, k))) return "in stages, " + expected.says(r, k, found);
    }
    if (taken[0] + stages.kept != early.size() || taken[1] != late.size()) {
      return "stages that give more than the Function";
    }
  }
  return "";
}

std::string difference_of_replays(const Subject& subject) {
  const Expected expected(subject, Arithmetic::strict, Precision::f64);
  const std::size_t outputs = subject.f.outputs();
  if (subject.in.empty()) return "";
  std::vector<double> in, out(expected.rows() * outputs);
  for (std::size_t r = 0; r < expected.rows(); ++r) {
    const auto x = expected.in(r);
    in.insert(in.end(), x.begin(), x.end());
  }
  subject.f.rows(in, out);
  for (std::size_t r = 0; r < expected.rows(); ++r) {
    for (std::size_t k = 0; k < outputs; ++k) {
      if (!same(out[r * outputs + k], expected.value(r, k))) {
        return "in rows, " + expected.says(r, k, out[r * outputs + k]);
      }
    }
  }
  return "";
}

}  // namespace chainrule::test
