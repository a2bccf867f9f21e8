// grad --data and eval --data: tables in, tables out.
#include <signal.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "chainrule/emit/kernel.hpp"
#include "tests/cli/tool.hpp"

namespace chainrule::test {
namespace {

Outcome on_rows(const std::string& rows, std::vector<std::string> line = {"grad", "x*y"}) {
  line.insert(line.end(), {"--data", "-"});
  return run(line, rows);
}

void expect_complaint(const std::string& rows, const std::string& facts) {
  const Outcome outcome = on_rows(rows);
  EXPECT_EQ(outcome.err, "chainrule grad: " + facts + "\n");
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.code, 2);
}

TEST(Table, adds_value_and_derivatives) {
  EXPECT_EQ(on_rows("x,y\n1,2\n3,0.1\n").out,
            "x,y,value,d_x,d_y\n1,2,2,2,1\n3,0.1,0.30000000000000004,0.1,3\n");
  EXPECT_EQ(on_rows("x,y\n1,2\n", {"eval", "x/y"}).out, "x,y,value\n1,2,0.5\n");
  EXPECT_EQ(on_rows("x,note\n3,hello\n", {"grad", "k*x*x", "k=2", "--wrt", "x"}).out,
            "x,note,value,d_x\n3,hello,18,12\n");
  EXPECT_EQ(on_rows("x\n3\n", {"grad", "k*x*x", "k=2"}).out, "x,value,d_k,d_x\n3,18,9,12\n")
      << "names without a column are differentiated as well";
  EXPECT_EQ(on_rows("x,y\n2,5\n", {"grad", "x**3*y", "--order", "2"}).out,
            "x,y,value,d_x,d_y,d2_x_x,d2_x_y,d2_y_y\n2,5,40,60,8,60,12,0\n");
  EXPECT_EQ(on_rows("x,y\n").out, "x,y,value,d_x,d_y\n");
  EXPECT_EQ(on_rows("x,y\nnan,inf\n").out, "x,y,value,d_x,d_y\nnan,inf,nan,inf,nan\n");
}

TEST(Table, a_column_named_as_a_constant_is_refused_where_the_program_uses_that) {
  const Outcome clash = on_rows("x,e\n1,2\n", {"grad", "x*e"});
  EXPECT_EQ(clash.err,
            "chainrule grad: 'e' is a column of the standard input and a constant that the program "
            "uses: give the column another name\n");
  EXPECT_EQ(clash.code, 2);
  EXPECT_EQ(on_rows("x,e\n3,2\n", {"grad", "x*x"}).out, "x,e,value,d_x\n3,2,9,6\n");
}

TEST(Table, reads_what_files_in_the_wild_have) {
  EXPECT_EQ(on_rows("\xEF\xBB\xBFx,\"na\"\"me, q\",y\r\n1,\"hi, \"\"x\"\"\n there\",2\r\n\"3\", z "
                    ",+4\r\n\r\n")
                .out,
            "x,\"na\"\"me, q\",y,value,d_x,d_y\n"
            "1,\"hi, \"\"x\"\"\n there\",2,2,2,1\n"
            "\"3\", z ,+4,12,4,3\n");
  EXPECT_EQ(on_rows("\"x\", y\n 1 ,\t2").out, "\"x\", y,value,d_x,d_y\n 1 ,\t2,2,2,1\n");
}

TEST(Table, names_file_line_and_column_of_a_bad_cell) {
  const std::string where = "the standard input: line ";
  expect_complaint("x,y\n1,2\n3,abc\n", where + "3, column 2 (y): 'abc' is no number");
  expect_complaint("x,y\n1,2\n3,\n", where + "3, column 2 (y): the cell is empty");
  expect_complaint(
      "x,y\n1,1e999\n",
      where +
          "2, column 2 (y): '1e999' is too large: the largest number is 1.7976931348623157e308");
  expect_complaint("x,y\n1,2 3\n", where + "2, column 2 (y): '2 3' is no number");
  expect_complaint("x,y\n1,\"2\"3\n", where + "2, column 2 (y): '\"2\"3' is no number");
  expect_complaint("x,q,y\n1,\"\n\n\",2\n1,1,z\n", where + "5, column 3 (y): 'z' is no number");
  const Scratch scratch;
  const std::string file = scratch.write("rows.csv", "x,y\n1,two\n");
  EXPECT_EQ(run({"grad", "x*y", "--data", file}).err,
            "chainrule grad: " + file + ": line 2, column 2 (y): 'two' is no number\n");
}

TEST(Table, refuses_what_is_no_table) {
  const std::string where = "the standard input: line ";
  expect_complaint("", "the standard input is empty: its first line names the columns");
  expect_complaint("x,y\n1,2\n3\n", where + "3, column 2: the row has 1 cell, the header 2");
  expect_complaint("x,y\n1,2,3\n", where + "2, column 3: the row has 3 cells, the header 2");
  expect_complaint("x,y\n1,2\n\n3,4\n", where + "3 is blank, and rows follow it");
  expect_complaint("x,y\n1,\"2\n", where + "2, column 2: the quotation mark is not closed");
  expect_complaint("x,\n1,2\n", where + "1, column 2 has no name");
  expect_complaint("x,y,x\n1,2,3\n", where + "1, column 3: a second column is called 'x'");
  expect_complaint("x,y,value\n1,2,3\n", "the result would have two columns called 'value'");
}

TEST(Table, every_name_has_one_source) {
  EXPECT_EQ(on_rows("x,y\n1,2\n", {"grad", "x*y", "x=3"}).err,
            "chainrule grad: 'x' is a column of the standard input and is given a value as well\n");
  EXPECT_EQ(
      on_rows("x,y\n1,2\n", {"grad", "x*q"}).err,
      "chainrule grad: no value for 'q': it is no column of the standard input (which has x, y), "
      "and no q=NUMBER is given\n");
  EXPECT_EQ(on_rows("x,y\n1,2\n", {"grad", "q", "q=1"}).code, 2);
  EXPECT_EQ(on_rows("x,y\n", {"grad", "x", "--json"}).code, 2);
  EXPECT_EQ(run({"grad", "-f", "-", "--data", "-"}, "x").code, 2);
}

TEST(Table, chunks_do_not_show) {
  std::string rows = "x,text,y\n", expected = "x,text,y,value,d_x,d_y\n";
  for (int i = 0; i < 30'000; ++i) {
    // Cells of all lengths, some quoted with a newline in them, so that rows straddle every chunk.
    const std::string text =
        '"' + std::string(static_cast<std::size_t>(i * 37 % 101), 'q') + "\n\"\"\"";
    const std::string x = std::to_string(i), row = x + "," + text + ",2";
    rows += row + "\n";
    expected += row + "," + std::to_string(2 * i) + ",2," + x + "\n";
  }
  EXPECT_EQ(on_rows(rows).out, expected);
  const std::string wide(3'000'000, 'w');
  EXPECT_EQ(on_rows("x,y,t\n1,2," + wide + "\n").out,
            "x,y,t,value,d_x,d_y\n1,2," + wide + ",2,2,1\n");
}

// Rows with the numbers that sweeps find hard, several chunks of them.
std::string hard_rows() {
  const char* const hard[] = {"0",   "-0",   "1",     "-1",     "nan",     "inf", "-inf",
                              "0.3", "-2.5", "1e308", "5e-324", "-1e-300", "710"};
  std::string rows = "x,y\n";
  for (int i = 0; i < 70; ++i) {
    for (const char* x : hard) {
      for (const char* y : hard) rows += std::string(x) + "," + y + "\n";
    }
  }
  return rows;
}

TEST(Table, backends_and_threads_give_the_same_digits) {
  const std::string rows = hard_rows();
  for (const std::string program :
       {"x*y + sin(x)/y", "x > y ? sqrt(x*y) : relu(x)**3", "pow(x, y) + hypot(x, k)",
        "z = x - 2; tanh(z) * max(x, y) + copysign(x, y) + fmod(x, y) + log1p(exp(-k*x*x))"}) {
    for (const std::string order : {"1", "2"}) {
      std::vector<std::string> line = {"grad", program, "--order", order, "--wrt", "y,x"};
      if (program.find('k') != std::string::npos) line.push_back("k=0.5");
      const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), line.begin(), line.end());
        const Outcome outcome = on_rows(rows, more);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        return outcome.out;
      };
      const std::string expected = with({"--backend", "eager"});
      EXPECT_EQ(std::ranges::count(expected, '\n'), 70 * 13 * 13 + 1);
      EXPECT_EQ(with({}), expected) << program;
      EXPECT_EQ(with({"--threads", "3"}), expected) << program;
      EXPECT_EQ(with({"--threads", "2", "--backend", "eager"}), expected) << program;
      EXPECT_EQ(with({"--threads", "2", "--backend", "interpret"}), expected) << program;
      if (is_available(Backend::avx2)) {
        EXPECT_EQ(with({"--backend", "x64"}), expected) << program;
        EXPECT_EQ(with({"--backend", "avx2"}), expected) << program;
      }
    }
  }
}

TEST(Table, relaxed_rows_differ_by_rounding_alone) {
  std::string rows = "x,y\n";
  for (int i = 1; i <= 500; ++i) rows += "0." + std::to_string(i) + "," + std::to_string(i) + "\n";
  const std::vector<std::string> line = {"grad", "exp(x)/y + x/y + y**3/x"};
  const auto numbers = [&](std::vector<std::string> more) {
    more.insert(more.begin(), line.begin(), line.end());
    std::string out = on_rows(rows, more).out;
    std::ranges::replace(out, ',', ' ');
    std::istringstream words(out.substr(out.find('\n')));
    return std::vector<double>(std::istream_iterator<double>(words), {});
  };
  const auto strict = numbers({}), relaxed = numbers({"--relaxed"});
  ASSERT_EQ(strict.size(), 500u * 5);
  ASSERT_EQ(relaxed.size(), strict.size());
  for (std::size_t k = 0; k < strict.size(); ++k) {
    // Three roundings of terms that do not cancel but for y's slope, whose terms are within 10³.
    EXPECT_NEAR(relaxed[k], strict[k], 1e-12 * std::abs(strict[k]) + 1e-12);
  }
}

TEST(Table, options_of_rows_need_rows) {
  const std::string facts =
      "chainrule grad: --threads, --backend and --relaxed are for the rows of --data\n";
  EXPECT_EQ(run({"grad", "x", "x=1", "--threads", "2"}).err, facts);
  EXPECT_EQ(run({"grad", "x", "x=1", "--backend", "eager"}).err, facts);
  EXPECT_EQ(run({"grad", "x", "x=1", "--relaxed"}).err, facts);
  EXPECT_EQ(on_rows("x\n1\n", {"grad", "x", "--threads", "0"}).err,
            "chainrule grad: 0 threads: it is 1 to 256\n");
  EXPECT_EQ(
      on_rows("x\n1\n", {"grad", "x", "--backend", "simd"}).err,
      "chainrule grad: there is no 'simd': it is one of x64, avx512, avx2, interpret, eager\n");
}

TEST(Table, a_program_may_have_no_slopes_to_compute) {
  EXPECT_EQ(on_rows("x\n1\n2\n", {"grad", "2*3", "--backend", "interpret"}).out,
            "x,value\n1,6\n2,6\n");
  EXPECT_EQ(on_rows("x\n1\n", {"grad", "y = 2; y + 0*floor(x)", "--backend", "interpret"}).out,
            "x,value,d_x\n1,2,0\n");
}

TEST(Table, the_result_appears_whole_or_not_at_all) {
  const Scratch scratch;
  const std::string out = scratch.write("out.csv", "old");
  std::string rows = "x,y\n";
  for (int i = 0; i < 50'000; ++i) rows += "1,2\n";
  EXPECT_EQ(on_rows(rows + "1,z\n", {"grad", "x*y", "-o", out}).code, 2);
  EXPECT_EQ(contents(out), "old");
  EXPECT_EQ(on_rows(rows, {"grad", "x*y", "-o", out}).code, 0);
  EXPECT_EQ(contents(out).substr(0, 28), "x,y,value,d_x,d_y\n1,2,2,2,1\n");
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(scratch / ""))
    ++files;
  EXPECT_EQ(files, 1) << "no temporary file is left";
}

TEST(Table, an_interrupt_leaves_nothing_behind) {
  const Scratch scratch;
  const std::string fifo = scratch / "rows", folder = scratch / "results";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
  const std::string out = folder + "/out.csv";
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGINT, SIG_DFL);
    execl(CHAINRULE_TOOL, "chainrule", "grad", "x*y", "--data", fifo.c_str(), "-o", out.c_str(),
          nullptr);
    _exit(99);
  }
  std::ofstream rows(fifo);
  rows << "x,y\n1,2\n" << std::flush;
  for (int i = 0; i < 1000 && std::filesystem::is_empty(folder); ++i) usleep(10'000);
  EXPECT_FALSE(std::filesystem::is_empty(folder)) << "the result is being written";
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(Table, a_reader_that_goes_away_is_no_error) {
  const Scratch scratch;
  std::string rows = "x,y\n";
  for (int i = 0; i < 200'000; ++i) rows += "1,2\n";
  const std::string file = scratch.write("rows.csv", rows);
  const std::string command = std::string(CHAINRULE_TOOL) + " grad 'x*y' --data " + file + " 2> " +
                              scratch / "err" + "; echo $? > " + scratch / "code";
  std::FILE* pipe = popen(command.c_str(), "r");
  char line[64];
  ASSERT_NE(fgets(line, sizeof line, pipe), nullptr);
  pclose(pipe);
  EXPECT_EQ(contents(scratch / "err"), "");
  EXPECT_EQ(contents(scratch / "code"), "0\n");
}

}  // namespace
}  // namespace chainrule::test
