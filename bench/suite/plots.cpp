// A log–log plot of each family: seconds against size, a line a contestant.
#include <cstdio>
#include <filesystem>
#include <map>

#include "bench/suite/results.hpp"

#if BENCH_WITH_GNUPLOT
#include <gnuplot-iostream.h>
#endif

namespace bench::suite {

#if BENCH_WITH_GNUPLOT

namespace {

/// 'text' for gnuplot.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

void plot_family(const Results& results, const Family& family, const std::string& path) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<std::pair<double, double>>> lines;
  for (const Row& row : results.rows) {
    if (row.family != family.name) continue;
    for (const Column& column : row.columns) {
      if (column.runs == 0) continue;
      if (!lines.contains(column.name)) names.push_back(column.name);
      lines[column.name].emplace_back(row.abscissa, column.least);
    }
  }
  if (lines.empty()) return;
  Gnuplot gnuplot;
  gnuplot << "set terminal svg size 720,480 dynamic background rgb 'white' font 'sans,13'\n"
          << "set output " << quoted(path) << "\n"
          << "set logscale xy\nset key outside right\nset grid\n"
          << "set format xy '10^{%L}'\n"
          << "set title " << quoted(family.title) << " noenhanced\n"
          << "set xlabel " << quoted(family.abscissa) << " noenhanced\n"
          << "set ylabel 'seconds' noenhanced\nplot ";
  for (std::size_t k = 0; k < names.size(); ++k) {
    std::sort(lines[names[k]].begin(), lines[names[k]].end());
    const bool is_ours = names[k] == "compiled" || names[k] == "2 threads";
    // There are more lines than the terminal has colours.
    const char* style = names[k] == "plain"         ? " lc rgb 'black' dt 3"
                        : names[k] == "differences" ? " lc rgb '#808080' dt 2"
                                                    : "";
    gnuplot << (k == 0 ? "" : ", ") << "'-' with linespoints lw " << (is_ours ? 3 : 1.5) << style
            << " pt 7 ps 0.5 title " << quoted(names[k]) << " noenhanced";
  }
  gnuplot << "\n";
  for (const std::string& name : names) gnuplot.send1d(lines[name]);
}

}  // namespace

bool plot(const Results& results, const std::string& folder) {
  std::filesystem::create_directories(folder);
  for (const Family& family : all_families()) {
    plot_family(results, family, folder + "/" + family.name + ".svg");
  }
  return true;
}

#else

bool plot(const Results&, const std::string&) {
  std::fprintf(stderr, "suite: built without gnuplot-iostream, so there are no plots\n");
  return false;
}

#endif

}  // namespace bench::suite
