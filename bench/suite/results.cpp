#include "bench/suite/results.hpp"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

namespace bench::suite {

namespace {

using nlohmann::json;

/// The value after a key of /proc/cpuinfo.
std::string processor_fact(const std::string& key) {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with(key)) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return {};
}

std::string widest_vectors() {
  const std::string flags = " " + processor_fact("flags") + " ";
  for (const char* level : {"avx512f", "avx2", "avx", "sse2"}) {
    if (flags.find(std::string(" ") + level + " ") != std::string::npos) return level;
  }
  return "none";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

template <class... Args>
std::string format(const char* pattern, Args... args) {
  char text[400];
  std::snprintf(text, sizeof text, pattern, args...);
  return text;
}

/// JSON has no NaN: it writes null.
double number_of(const json& j, const char* key) {
  const auto at = j.find(key);
  if (at == j.end()) return 0;
  return at->is_null() ? std::numeric_limits<double>::quiet_NaN() : at->get<double>();
}

}  // namespace

double Column::note(const std::string& note_name) const {
  for (const auto& [key, value] : notes) {
    if (key == note_name) return value;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

const Column* Row::ran(const std::string& column_name) const {
  for (const Column& column : columns) {
    if (column.name == column_name && column.runs > 0) return &column;
  }
  return nullptr;
}

Machine this_machine() {
  Machine machine;
  machine.processor = processor_fact("model name");
  if (machine.processor.empty()) machine.processor = "unknown processor";
  machine.cores = static_cast<int>(std::thread::hardware_concurrency());
  machine.vectors = widest_vectors();
#ifdef __clang__
  machine.compiler = std::string("clang ") + __clang_version__;
#else
  machine.compiler = std::string("g++ ") + __VERSION__;
#endif
  machine.hand_flags = BENCH_HAND_FLAGS;
  machine.library_flags = BENCH_FLAGS;
  machine.date = today();
  return machine;
}

void to_json(json& j, const Column& column) {
  j = {{"name", column.name}};
  if (!column.left_out.empty()) j["left_out"] = column.left_out;
  if (column.runs == 0) return;
  j["least"] = column.least;
  j["median"] = column.median;
  j["runs"] = column.runs;
  j["error"] = column.error;
  for (const auto& [key, value] : column.notes) j["notes"].push_back({key, value});
}

void from_json(const json& j, Column& column) {
  column.name = j.at("name");
  column.left_out = j.value("left_out", std::string());
  column.least = number_of(j, "least");
  column.median = number_of(j, "median");
  column.runs = j.value("runs", 0);
  column.error = number_of(j, "error");
  if (j.contains("notes")) {
    for (const json& note : j["notes"]) column.notes.emplace_back(note.at(0), note.at(1));
  }
}

void to_json(json& j, const Row& row) {
  j = {{"family", row.family},           {"size", row.label},
       {"abscissa", row.abscissa},       {"inputs", row.inputs},
       {"derivatives", row.derivatives}, {"error_of_manual", row.error_of_manual},
       {"columns", row.columns}};
  if (!row.failure.empty()) j["failure"] = row.failure;
}

void from_json(const json& j, Row& row) {
  row.family = j.at("family");
  row.label = j.at("size");
  row.abscissa = j.at("abscissa");
  row.inputs = j.at("inputs");
  row.derivatives = j.at("derivatives");
  row.error_of_manual = number_of(j, "error_of_manual");
  row.failure = j.value("failure", std::string());
  row.columns = j.at("columns").get<std::vector<Column>>();
}

void write(const Results& results, const std::string& path) {
  const Machine& m = results.machine;
  const json j = {{"machine",
                   {{"processor", m.processor},
                    {"cores", m.cores},
                    {"vectors", m.vectors},
                    {"compiler", m.compiler},
                    {"hand_flags", m.hand_flags},
                    {"library_flags", m.library_flags},
                    {"date", m.date}}},
                  {"rows", results.rows}};
  std::ofstream out(path);
  out << j.dump(1) << '\n';
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

Results read(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  const json j = json::parse(in);
  Results results;
  const json& m = j.at("machine");
  results.machine = {m.at("processor"),     m.at("vectors"), m.at("compiler"), m.at("hand_flags"),
                     m.at("library_flags"), m.at("date"),    m.at("cores")};
  results.rows = j.at("rows").get<std::vector<Row>>();
  return results;
}

std::string time_text(double seconds) {
  const double ns = seconds * 1e9;
  const int step = ns < 1e3 ? 0 : ns < 1e6 ? 1 : ns < 1e9 ? 2 : 3;
  const double shown = ns / std::pow(1e3, step);
  static constexpr const char* kUnits[] = {"ns", "µs", "ms", "s"};
  return format("%.*f %s", shown < 10 ? 2 : shown < 100 ? 1 : 0, shown, kUnits[step]);
}

std::string text_of(const Machine& m) {
  return format("%s, %d cores, %s; %s; %s\n", m.processor.c_str(), m.cores, m.vectors.c_str(),
                m.compiler.c_str(), m.date.c_str()) +
         "plain and manual:" + m.hand_flags + "\nall else:" + m.library_flags + "\n";
}

std::string text_of(const Row& row) {
  std::string text = format("\n%s %s: %zu inputs, %zu derivatives", row.family.c_str(),
                            row.label.c_str(), row.inputs, row.derivatives);
  if (!row.failure.empty()) return text + "\n  FAILED: " + row.failure + "\n";
  text += format("; by hand within %.0e of central differences\n", row.error_of_manual);
  text += format("  %-15s %10s %10s %6s %9s %9s %8s  %s\n", "", "least", "median", "runs",
                 "x manual", "x plain", "error", "notes");
  const Column *plain = row.ran("plain"), *manual = row.ran("manual");
  for (const Column& c : row.columns) {
    if (c.runs == 0) {
      text += format("  %-15s left out: %s\n", c.name.c_str(), c.left_out.c_str());
      continue;
    }
    // "µ" is two bytes wide and one column: what is padded is one wider then.
    const auto padded = [](double seconds) {
      const std::string shown = time_text(seconds);
      const bool is_micro = shown.find("µ") != std::string::npos;
      return std::string(shown.size() < 11 ? (is_micro ? 11 : 10) - shown.size() : 0, ' ') + shown;
    };
    text +=
        format("  %-15s %s %s %6d %9.3g %9.3g %8.0e ", c.name.c_str(), padded(c.least).c_str(),
               padded(c.median).c_str(), c.runs, manual == nullptr ? 0.0 : c.least / manual->least,
               plain == nullptr ? 0.0 : c.least / plain->least, c.error);
    for (const auto& [key, value] : c.notes) text += format(" %s %.4g;", key.c_str(), value);
    text += '\n';
  }
  return text;
}

}  // namespace bench::suite
