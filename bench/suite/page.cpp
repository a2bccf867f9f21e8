// The suite's section of docs/benchmarks.md, from its results.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "bench/suite/results.hpp"

namespace bench::suite {

namespace {

constexpr const char* kBegin = "<!-- suite: begin -->";
constexpr const char* kEnd = "<!-- suite: end -->";

std::string ratio_text(double ratio) {
  char text[32];
  std::snprintf(text, sizeof text, ratio < 0.1 ? "%.2g" : ratio < 10 ? "%.2f" : "%.0f", ratio);
  return text;
}

/// The contestants that ran in any row, in the order of the first that has them.
std::vector<std::string> columns_of(const std::vector<const Row*>& rows) {
  std::vector<std::string> names;
  for (const Row* row : rows) {
    for (const Column& column : row->columns) {
      if (column.runs > 0 && std::find(names.begin(), names.end(), column.name) == names.end()) {
        names.push_back(column.name);
      }
    }
  }
  return names;
}

void add_table(std::string& page, const std::vector<const Row*>& rows) {
  const std::vector<std::string> names = columns_of(rows);
  page += "| size |";
  for (const std::string& name : names) page += " " + name + " |";
  page += "\n|---|";
  for (std::size_t i = 0; i < names.size(); ++i) page += "---|";
  page += "\n";
  for (const Row* row : rows) {
    page += "| " + row->label + " |";
    const Column* manual = row->ran("manual");
    for (const std::string& name : names) {
      const Column* column = row->ran(name);
      if (column == nullptr) {
        page += " – |";
        continue;
      }
      page += " " + time_text(column->least);
      if (manual != nullptr && column != manual) {
        page += " (" + ratio_text(column->least / manual->least) + ")";
      }
      page += " |";
    }
    page += "\n";
  }
  page += "\n";
}

/// What chainrule's columns cost beside their time.
void add_costs(std::string& page, const std::vector<const Row*>& rows) {
  const Row* last = nullptr;
  for (const Row* row : rows) {
    if (row->ran("compiled") != nullptr || row->ran("tape") != nullptr) last = row;
  }
  if (last == nullptr) return;
  char text[300];
  page += "At " + last->label + ":";
  if (const Column* tape = last->ran("tape"); tape != nullptr) {
    std::snprintf(text, sizeof text, " the tape holds %.3g operations, %.1f bytes each.",
                  tape->note("operations"), tape->note("tape bytes/op"));
    page += text;
  }
  if (const Column* compiled = last->ran("compiled"); compiled != nullptr) {
    std::snprintf(text, sizeof text,
                  " The kernels have %.4g nodes in %.4g bytes of code and took %s to record and "
                  "compile.",
                  compiled->note("nodes"), compiled->note("code bytes"),
                  time_text(compiled->note("prepare s")).c_str());
    page += text;
  }
  page += "\n\n";
}

/// Every row in which the best of chainrule is slower than the hand-written derivative, and every
/// one in which a peer is faster than chainrule's tape.
std::string behind(const Results& results) {
  std::string list;
  for (const Row& row : results.rows) {
    const Column *manual = row.ran("manual"), *tape = row.ran("tape");
    const Column* best = nullptr;
    for (const char* name : {"compiled", "replay", "tape"}) {
      const Column* column = row.ran(name);
      if (column != nullptr && (best == nullptr || column->least < best->least)) best = column;
    }
    if (best == nullptr || manual == nullptr) continue;
    if (best->least > manual->least) {
      list += "* " + row.family + ", " + row.label + ": " + best->name + " takes " +
              ratio_text(best->least / manual->least) + " × the hand-written derivative.\n";
    }
    for (const Column& column : row.columns) {
      const bool is_peer =
          column.name == "ADOL-C" || column.name == "Sacado" || column.name == "Stan";
      if (is_peer && tape != nullptr && column.runs > 0 && column.least < tape->least) {
        list += "* " + row.family + ", " + row.label + ": " + column.name + " takes " +
                ratio_text(column.least / tape->least) + " × chainrule's tape.\n";
      }
    }
  }
  return list.empty() ? "Nowhere in these rows.\n" : list;
}

std::string section(const Results& results, const std::string& plots) {
  const Machine& m = results.machine;
  std::string page;
  page += "Measured on " + m.date + " by `scripts/bench suite`: " + m.processor + ", " +
          std::to_string(m.cores) + " cores, " + m.vectors + "; " + m.compiler +
          ". Plain value and hand-written derivative: `" + m.hand_flags.substr(1) +
          "`; all else: `" + m.library_flags.substr(1) + "`.\n\n";
  page +=
      "*plain* is the value alone in C++, *manual* the derivative written by hand, *tape* "
      "chainrule's eager tape, recorded and swept each time, *replay* its Function of the "
      "gradient, "
      "*compiled* its kernels on one thread, *2 threads* the same on two. Times are the least of "
      "at "
      "least ten runs; in brackets the ratio to *manual*. Every derivative was within 10⁻⁹ of the "
      "hand-written one before it was timed, and that one within 10⁻⁸ of central differences in "
      "long "
      "double; "
      "finite differences are less exact by nature. A dash: left out as too large, or not to be "
      "had.\n\n";
  page += "Where chainrule is behind:\n\n" + behind(results) + "\n";
  for (const Family& family : all_families()) {
    std::vector<const Row*> rows;
    std::string failures;
    for (const Row& row : results.rows) {
      if (row.family != family.name) continue;
      if (row.failure.empty()) {
        rows.push_back(&row);
      } else {
        failures += "* " + row.label + ": no figures, " + row.failure + ".\n";
      }
    }
    if (rows.empty() && failures.empty()) continue;
    page += "### " + family.title + "\n\n";
    page += "As published: " + family.source + ".\n\n";
    if (!failures.empty()) page += failures + "\n";
    if (rows.empty()) continue;
    add_table(page, rows);
    add_costs(page, rows);
    if (!plots.empty()) {
      page +=
          "![" + family.title + ": time against size](" + plots + "/" + family.name + ".svg)\n\n";
    }
  }
  return page;
}

}  // namespace

void write_page(const Results& results, const std::string& path, const std::string& plots) {
  std::ifstream in(path);
  std::stringstream buffer;
  buffer << in.rdbuf();
  std::string text = buffer.str();
  const std::size_t begin = text.find(kBegin), end = text.find(kEnd);
  if (!in || begin == std::string::npos || end == std::string::npos || end < begin) {
    throw std::runtime_error(path + " has no " + kBegin + " … " + kEnd);
  }
  const std::size_t first = begin + std::string(kBegin).size();
  text.replace(first, end - first, "\n\n" + section(results, plots));
  std::ofstream out(path);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace bench::suite
