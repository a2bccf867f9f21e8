// chainrule bench: what it says of a program; times are only held against each other's signs.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "chainrule/emit/kernel.hpp"
#include "tests/cli/tool.hpp"

namespace chainrule::test {
namespace {

using Json = nlohmann::json;

Json measured(std::vector<std::string> line) {
  line.insert(line.begin(), "bench");
  line.push_back("--json");
  const Outcome outcome = run(line);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return Json::parse(outcome.out, nullptr, false);
}

void expect_refused(const std::vector<std::string>& line, const std::string& message) {
  const Outcome outcome = run(line);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, message + "\n");
}

TEST(BenchVerb, strict_kernels_differ_from_the_tape_in_no_digit) {
  for (const std::string backend : {"avx512", "avx2", "interpret"}) {
    if (backend == "avx512" && !is_available(Backend::avx512)) continue;
    if (backend == "avx2" && !is_available(Backend::avx2)) continue;
    for (const std::string order : {"1", "2"}) {
      const Json json = measured({"x**2 * y + sin(x*y) / exp(y)", "--strict", "--backend", backend,
                                  "--order", order, "--rows", "333", "--threads", "2"});
      EXPECT_EQ(json["difference"], 0) << backend;
      EXPECT_EQ(json["backend"], backend);
      EXPECT_EQ(json["rows"], 333);
    }
  }
}

TEST(BenchVerb, relaxed_kernels_differ_by_rounding_alone) {
  const Json json = measured({"x**2 * y + sin(x*y) / exp(y)"});
  EXPECT_LT(json["difference"], 1e-14);
  EXPECT_EQ(json["arithmetic"], "relaxed");
}

TEST(BenchVerb, counts_nodes_and_measures_each_way) {
  // x, y, x y, sin; cos, cos·y, cos·x; the seed 1 needs no node.
  const Json json = measured({"sin(x*y)", "--passes"});
  EXPECT_GE(json["nodes"]["recorded"], 7);
  EXPECT_LE(json["nodes"]["optimised"], json["nodes"]["recorded"]);
  for (const char* what : {"record", "optimise", "compile"}) EXPECT_GT(json["seconds"][what], 0);
  for (const char* what : {"tape", "replay", "kernel"}) EXPECT_GT(json["seconds_a_row"][what], 0);
  const double tape = json["seconds_a_row"]["tape"], kernel = json["seconds_a_row"]["kernel"];
  EXPECT_DOUBLE_EQ(json["speed_against_tape"], tape / kernel);
  ASSERT_GT(json["passes"].size(), 3u);
  EXPECT_EQ(json["passes"].front()["before"], json["nodes"]["recorded"]);
  EXPECT_EQ(json["passes"].back()["after"], json["nodes"]["optimised"]);
}

TEST(BenchVerb, says_where_its_values_come_from) {
  EXPECT_EQ(measured({"x*y"})["values"], "drawn from (0,1) by seed 1");
  EXPECT_EQ(measured({"x*y", "x=2", "--seed", "7"})["values"],
            "as given, the others drawn from (0,1) by seed 7");
  EXPECT_EQ(measured({"x*y", "x=2", "y=nan"})["values"], "as given, the same in every row");
}

TEST(BenchVerb, eager_measures_without_a_kernel) {
  const Json json = measured({"x*y", "--backend", "eager"});
  EXPECT_EQ(json["backend"], "eager");
  EXPECT_FALSE(json["seconds"].contains("compile"));
  EXPECT_FALSE(json["seconds_a_row"].contains("kernel"));
  EXPECT_GT(json["seconds_a_row"]["replay"], 0);
}

TEST(BenchVerb, prints_a_table) {
  const std::string out = run({"bench", "x*y", "--wrt", "x", "--backend", "interpret"}).out;
  for (const char* line :
       {"values      drawn from (0,1) by seed 1\n", "rows        4096 rows, 1 thread\n",
        "backend     interpret, ", "difference  0\n", "\nrecord", "\ncompile", "\ntape", "\nkernel",
        "\ncompiling pays after", "\nagainst the tape"}) {
    EXPECT_NE(out.find(line), std::string::npos) << line << " is not in\n" << out;
  }
}

TEST(BenchVerb, dumps_what_it_is_asked_for_and_nothing_else) {
  const std::string interpret =
      run({"bench", "x*1*y", "--dump=to", "--backend", "interpret", "--wrt", "x"}).out;
  EXPECT_EQ(interpret,
            "; trace\nchainrule trace 1\nname \"f\"\n"
            "%0 = placeholder f64 \"x\"\n%1 = placeholder f64 \"y\"\n%2 = constant 1\n"
            "%3 = mul %0 %2\n%4 = mul %3 %1\n"
            "input \"x\" f64 %0\ninput \"y\" f64 %1\noutput \"y\" f64[2] %4 %1\nend\n"
            "; optimised\nchainrule trace 1\nname \"f\"\n"
            "%0 = placeholder f64 \"x\"\n%1 = placeholder f64 \"y\"\n"
            "%2 = mul %0 %1\n"
            "input \"x\" f64 %0\ninput \"y\" f64 %1\noutput \"y\" f64[2] %2 %1\nend\n");
  if (!is_available(Backend::avx2)) return;
  const std::string code = run({"bench", "x*y", "--dump=m", "--backend", "avx2"}).out;
  EXPECT_EQ(code.find("; machine code\n"), 0u);
  EXPECT_NE(code.find("vmulpd ymm"), std::string::npos) << code;
}

TEST(BenchVerb, refuses_what_it_cannot_measure) {
  expect_refused({"bench", "1 + 2"},
                 "chainrule bench: the program has no names: there is nothing to differentiate by");
  expect_refused({"bench", "x", "--order", "3"}, "chainrule bench: --order is 1 or 2");
  expect_refused({"bench", "x", "--threads", "0"}, "chainrule bench: 0 threads: it is 1 to 256");
  expect_refused({"bench", "x", "--backend", "gpu"},
                 "chainrule bench: there is no 'gpu': it is one of x64, avx512, avx2, interpret, "
                 "eager");
  expect_refused({"bench", "x", "--dump=z", "--backend", "interpret"},
                 "chainrule bench: there is no letter 'z': t is the trace, o the optimised one, a "
                 "the allocation of registers, m the machine code");
  expect_refused({"bench", "x", "--dump=t", "--backend", "eager"},
                 "chainrule bench: --dump shows a kernel, and eager has none");
}

}  // namespace
}  // namespace chainrule::test
