// The script goes to a file and the answer comes from one, so that nothing waits on a pipe: a
// gnuplot that dies, hangs or talks cannot stop, kill or litter the program that asked it.
#include "chainrule/draw/gnuplot_internal.hpp"

#include "chainrule/base/error.hpp"
#include "chainrule/base/text.hpp"
#include "chainrule/draw/words_internal.hpp"

#if CHAINRULE_WITH_GNUPLOT
#include <fcntl.h>
#include <gnuplot-iostream.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

extern char** environ;
#endif

namespace chainrule::detail {

// ---- what scripts are made of -------------------------------------------------------------------

// In single quotes gnuplot substitutes nothing. A quote in the text becomes a typographic one: a
// doubled one would be read as a quote only where it is not the first.
std::string in_script(std::string_view text) {
  std::string result = "'";
  for (const char c : shortened(text, 60)) {
    if (c == '\'') {
      result += "’";
    } else {
      result += c;
    }
  }
  return result + "'";
}

std::string terminal_command(PlotFormat format, int width, int height, const PlotOptions& options) {
  const auto inches = [](int points) { return shortest(points / 72.0) + "in"; };
  switch (format) {
    case PlotFormat::svg:
      return "set terminal svg noenhanced size " + std::to_string(width) + "," +
             std::to_string(height) + " font 'Helvetica,13' background '#ffffff' linewidth 1.1\n";
    case PlotFormat::png:
      return "set terminal pngcairo noenhanced size " + std::to_string(2 * width) + "," +
             std::to_string(2 * height) +
             " font 'Helvetica,12' fontscale 2 pointscale 2 linewidth 2.2\n";
    case PlotFormat::pdf:
      return "set terminal pdfcairo noenhanced size " + inches(width) + "," + inches(height) +
             " font 'Helvetica,12' fontscale 1 linewidth 1.8\n";
    case PlotFormat::text:
      return "set terminal dumb noenhanced size " + std::to_string(options.columns) + "," +
             std::to_string(options.rows) + "\n";
  }
  __builtin_unreachable();
}

std::string axes_commands() {
  return "set encoding utf8\n"
         "set minussign\n"
         "set border 3 linecolor rgb '#8a939c' linewidth 0.8\n"
         "set tics nomirror out scale 0.6 textcolor rgb '#30363c'\n"
         "set grid linecolor rgb '#e4e8ec' linetype 1 linewidth 0.6, linecolor rgb '#e4e8ec' "
         "linetype 1 linewidth 0.6\n"
         "set xzeroaxis linecolor rgb '#9aa3ac' linetype 1 linewidth 0.9\n"
         "set yzeroaxis linecolor rgb '#9aa3ac' linetype 1 linewidth 0.9\n";
}

// ---- running it ---------------------------------------------------------------------------------

#if CHAINRULE_WITH_GNUPLOT

namespace {

constexpr const char* kMissing =
    "there is no gnuplot on the PATH, which plots are drawn by (Debian: gnuplot-nox)";

// A folder for one run, removed with what is in it.
class Workplace {
 public:
  Workplace() {
    const char* parent = getenv("TMPDIR");
    path_ =
        std::string(parent != nullptr && *parent != '\0' ? parent : "/tmp") + "/chainrule-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) {
      fail("plot", path_ + " cannot be made: " + std::generic_category().message(errno));
    }
  }
  ~Workplace() {
    for (const std::string& file : {script(), answer(), complaint()}) unlink(file.c_str());
    rmdir(path_.c_str());
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  std::string script() const { return path_ + "/script"; }
  std::string answer() const { return path_ + "/answer"; }
  std::string complaint() const { return path_ + "/complaint"; }

 private:
  std::string path_;
};

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_script(const std::string& path, const std::vector<GnuplotStep>& steps) {
  gnuplotio::Gnuplot gnuplot(">" + path);
  for (const GnuplotStep& step : steps) {
    gnuplot << step.commands;
    for (const Points& points : step.data) gnuplot.send1d(std::make_pair(points.x, points.y));
  }
}

pid_t start(const Workplace& workplace) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  constexpr int kNew = O_WRONLY | O_CREAT | O_TRUNC;
  const std::string script = workplace.script(), answer = workplace.answer(),
                    complaint = workplace.complaint();
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, answer.c_str(), kNew, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, complaint.c_str(), kNew, 0600);
  // --default-settings: nobody's ~/.gnuplot changes the picture.
  std::string words[] = {"gnuplot", "--default-settings", script};
  char* const arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t child = 0;
  const int refused = posix_spawnp(&child, "gnuplot", &files, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&files);
  if (refused == ENOENT) fail("plot", kMissing);
  if (refused != 0)
    fail("plot", "gnuplot cannot be started: " + std::generic_category().message(refused));
  return child;
}

// Its exit status; ends it when its time is over.
int wait_for(pid_t child) {
  constexpr int kMilliseconds = 30'000;
  int status = 0;
  for (int waited = 0; waited < kMilliseconds; ++waited) {
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    if (ended < 0 && errno != EINTR) fail("plot", "gnuplot's end cannot be waited for");
    constexpr timespec kMillisecond{0, 1'000'000};
    nanosleep(&kMillisecond, nullptr);
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  fail("plot", "gnuplot took more than 30 seconds and was ended");
}

// The last line that says something, without the name of the script.
std::string reason(const std::string& complaint) {
  std::string last, line;
  for (const char c : complaint + "\n") {
    if (c != '\n') {
      line += c;
    } else if (line.find_first_not_of(" ^\t") != line.npos) {
      last = std::exchange(line, {});
    } else {
      line.clear();
    }
  }
  const std::size_t after = last.find(": ", last.find("line "));
  if (last.starts_with('"') && after != last.npos) last.erase(0, after + 2);
  return shortened(last, 200);
}

}  // namespace

std::string run_gnuplot(const std::vector<GnuplotStep>& steps) {
  const Workplace workplace;
  write_script(workplace.script(), steps);
  const int status = wait_for(start(workplace));
  std::string answer = content_of(workplace.answer());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) fail("plot", kMissing);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || answer.empty()) {
    const std::string why = reason(content_of(workplace.complaint()));
    fail("plot", "gnuplot could not draw this" + (why.empty() ? std::string() : ": " + why));
  }
  return answer;
}

#else

std::string run_gnuplot(const std::vector<GnuplotStep>&) {
  fail("plot",
       "this build has no gnuplot-iostream (Debian: libgnuplot-iostream-dev and gnuplot-nox), "
       "which plots are drawn by");
}

#endif

}  // namespace chainrule::detail
