// suite [options]: the families that the literature measures, with chainrule's contestants, the
// hand-written derivative and the peers.
//
//   --family NAME     one family (may be given again)
//   --sizes small|all the smaller sizes, or all (the default)
//   --quick           few runs, to see that all is well
//   --json FILE       writes the results
//   --from FILE       takes the results of an earlier run instead of running
//   --svg FOLDER      plots time against size, one file a family
//   --markdown FILE   writes the suite's section between its markers in FILE
//   --plots PATH      where the section says that the plots are
//
// Each case runs in a process of its own, so that no library meets what another left behind.
// Exits with 1 if a derivative was wrong.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/suite/measure.hpp"

namespace bench::suite {

std::vector<Family> all_families() {
  return {gmm(), ba(), ht(), lstm(), lse(), llsq(), kmeans(), ode(), det(), swaption()};
}

namespace {

struct Options {
  std::vector<std::string> families;
  bool small_alone = false;
  Effort effort;
  std::string json, from, svg, markdown, plots;
};

[[noreturn]] void usage(const std::string& complaint) {
  std::fprintf(
      stderr,
      "suite: %s\nusage: suite [--family NAME] [--sizes small|all] [--quick] [--json FILE] "
      "[--from FILE]\n             [--svg FOLDER] [--markdown FILE] [--plots PATH]\n",
      complaint.c_str());
  std::exit(2);
}

Options options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) usage(name + " lacks its value");
      return argv[i];
    };
    if (name == "--family") {
      options.families.push_back(value());
    } else if (name == "--sizes") {
      const std::string sizes = value();
      if (sizes != "small" && sizes != "all") usage("--sizes is small or all, not " + sizes);
      options.small_alone = sizes == "small";
    } else if (name == "--quick") {
      options.effort = {3, 0.02, 1};
    } else if (name == "--json") {
      options.json = value();
    } else if (name == "--from") {
      options.from = value();
    } else if (name == "--svg") {
      options.svg = value();
    } else if (name == "--markdown") {
      options.markdown = value();
    } else if (name == "--plots") {
      options.plots = value();
    } else {
      usage("there is no option " + name);
    }
  }
  for (const std::string& wanted : options.families) {
    const std::vector<Family> all = all_families();
    if (std::none_of(all.begin(), all.end(), [&](const Family& f) { return f.name == wanted; })) {
      usage("there is no family " + wanted);
    }
  }
  return options;
}

/// Everything that is written to the pipe until it is closed.
std::string read_all(int pipe) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = ::read(pipe, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

/// Measures in a process of its own, in a folder of its own: some libraries write files where they
/// run.
Row row_of(const Family& family, const Size& size, const Effort& effort) {
  namespace fs = std::filesystem;
  const fs::path scratch = fs::temp_directory_path() / ("suite" + std::to_string(getpid()));
  fs::create_directory(scratch);
  int ends[2];
  if (pipe(ends) != 0) usage("cannot open a pipe");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    fs::current_path(scratch);
    Row row;
    try {
      row = measure(family, size, effort);
    } catch (const std::exception& error) {
      row = {};
      row.failure = error.what();
    }
    const std::string text = nlohmann::json(row).dump();
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t now = ::write(ends[1], text.data() + sent, text.size() - sent);
      if (now <= 0) _exit(1);
      sent += static_cast<std::size_t>(now);
    }
    _exit(0);
  }
  close(ends[1]);
  const std::string text = read_all(ends[0]);
  close(ends[0]);
  int status = 1;
  if (child > 0) waitpid(child, &status, 0);
  fs::remove_all(scratch);
  Row row;
  if (status == 0) {
    row = nlohmann::json::parse(text).get<Row>();
  } else {
    row.failure = WIFSIGNALED(status)
                      ? std::string("the process died: ") + strsignal(WTERMSIG(status))
                      : "the process failed";
  }
  row.family = family.name;
  row.label = size.label;
  row.abscissa = size.abscissa;
  return row;
}

Results run(const Options& options) {
  Results results{this_machine(), {}};
  std::fputs(text_of(results.machine).c_str(), stdout);
  for (const Family& family : all_families()) {
    if (!options.families.empty() && std::find(options.families.begin(), options.families.end(),
                                               family.name) == options.families.end()) {
      continue;
    }
    std::printf("\n%s (%s)\n", family.title.c_str(), family.source.c_str());
    for (const Size& size : family.sizes) {
      if (options.small_alone && size.of != SizeClass::small) continue;
      results.rows.push_back(row_of(family, size, options.effort));
      std::fputs(text_of(results.rows.back()).c_str(), stdout);
      std::fflush(stdout);
    }
  }
  return results;
}

}  // namespace
}  // namespace bench::suite

int main(int argc, char** argv) try {
  using namespace bench::suite;
  const Options options = options_of(argc, argv);
  const Results results = options.from.empty() ? run(options) : read(options.from);
  if (!options.json.empty()) write(results, options.json);
  if (!options.svg.empty() && !plot(results, options.svg)) return 1;
  if (!options.markdown.empty()) write_page(results, options.markdown, options.plots);
  const bool failed = std::any_of(results.rows.begin(), results.rows.end(),
                                  [](const Row& row) { return !row.failure.empty(); });
  return failed ? 1 : 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "suite: %s\n", error.what());
  return 2;
}
