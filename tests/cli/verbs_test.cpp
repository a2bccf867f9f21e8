// What the verbs print and write.
#include <nlohmann/json.hpp>

#include "tests/cli/tool.hpp"

namespace chainrule::test {
namespace {

using nlohmann::json;

json printed(std::vector<std::string> line) {
  line.push_back("--json");
  const Outcome outcome = run(line);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return json::parse(outcome.out);
}

TEST(GradVerb, prints_value_and_gradient) {
  const Outcome outcome = run({"grad", "a**3/5 + relu(b**2)", "a=1.5", "b=-4"});
  EXPECT_EQ(outcome.out,
            "value  16.675\n"
            "\n"
            "name  value  gradient\n"
            "a       1.5      1.35\n"
            "b        -4        -8\n");
  const json all = printed({"grad", "a**3/5 + relu(b**2)", "a=1.5", "b=-4"});
  EXPECT_EQ(all["value"], 16.675);
  EXPECT_EQ(all["gradient"], (json{{"a", 1.35}, {"b", -8}}));
  EXPECT_EQ(all.size(), 2u);
}

TEST(GradVerb, json_has_17_digits_and_words_for_what_is_no_number) {
  EXPECT_EQ(run({"grad", "x/3", "x=1", "--json"}).out,
            "{\"value\": 0.33333333333333331, \"gradient\": {\"x\": 0.33333333333333331}}\n");
  EXPECT_EQ(run({"grad", "sqrt(x)", "x=0", "--json"}).out,
            "{\"value\": 0, \"gradient\": {\"x\": \"inf\"}}\n");
  EXPECT_EQ(run({"grad", "-sqrt(x) + 0*y", "x=0", "y=nan", "--json"}).out,
            "{\"value\": \"nan\", \"gradient\": {\"x\": \"-inf\", \"y\": 0}}\n");
}

TEST(GradVerb, adds_the_hessian_and_named_nodes) {
  const json second = printed({"grad", "x**3*y", "x=2", "y=5", "--order", "2"});
  EXPECT_EQ(second["hessian"], json::parse(R"({"x": {"x": 60, "y": 12}, "y": {"x": 12, "y": 0}})"));
  const json some = printed({"grad", "x**3*y", "x=2", "y=5", "--order", "2", "--wrt", "y"});
  EXPECT_EQ(some["gradient"], (json{{"y", 8}}));
  EXPECT_EQ(some["hessian"], (json{{"y", {{"y", 0}}}}));
  const json all = printed({"grad", "k = 3; n = k*x; n*n", "x=2", "--all"});
  EXPECT_EQ(all["nodes"],
            json::parse(R"({"k": {"value": 3, "grad": 24}, "n": {"value": 6, "grad": 12}})"));
  EXPECT_EQ(run({"grad", "n = x*w; relu(n)", "x=2", "w=-1", "--all", "--order", "2"}).out,
            "value  0\n"
            "\n"
            "name  value  gradient\n"
            "x         2         0  cut\n"
            "w        -1         0  cut\n"
            "\n"
            "name  value  gradient\n"
            "n        -2         0  cut\n"
            "\n"
            "hessian  x  w\n"
            "x        0  0\n"
            "w        0  0\n");
}

TEST(GradVerb, a_program_without_names_has_an_empty_gradient) {
  EXPECT_EQ(printed({"grad", "2^10"}), json::parse(R"({"value": 1024, "gradient": {}})"));
  EXPECT_EQ(printed({"grad", "x; 3", "x=1"}), json::parse(R"({"value": 3, "gradient": {"x": 0}})"));
}

TEST(GradVerb, a_neuron_comes_out_as_known) {
  const json all = printed({"grad", "n = x1*w1 + x2*w2 + b; tanh(n)", "x1=2", "x2=0", "w1=-3",
                            "w2=1", "b=6.8813735870195432", "--all"});
  EXPECT_NEAR(all["value"].get<double>(), std::sqrt(0.5), 2e-16);
  EXPECT_NEAR(all["nodes"]["n"]["grad"].get<double>(), 0.5, 1e-15);
  const std::pair<const char*, double> expected[] = {
      {"x1", -1.5}, {"w1", 1}, {"x2", 0.5}, {"w2", 0}, {"b", 0.5}};
  for (const auto& [name, slope] : expected) {
    EXPECT_NEAR(all["gradient"][name].get<double>(), slope, 1e-15) << name;
  }
}

TEST(DiffVerb, prints_a_program_that_reads_back) {
  EXPECT_EQ(run({"diff", "3*x**2 - 4*x + 5", "--wrt", "x"}).out, "6*x - 4\n");
  EXPECT_EQ(run({"diff", "3*x**2 - 4*x + 5"}).out, "6*x - 4\n");
  EXPECT_EQ(run({"diff", "a*b + c", "--wrt", "a,b"}).out, "d_a = b\nd_b = a\n");
  EXPECT_EQ(run({"diff", "x*log(x)", "--order", "2"}).out, "1/x\n# where x > 0\n");
  EXPECT_EQ(run({"diff", "x*sin(x)", "--latex"}).out, "x \\cos(x) + \\sin(x)\n");
  EXPECT_EQ(run({"diff", "x*x", "--c++"}).out,
            "#include <cmath>\n\ndouble derivative(double x) {\n  return 2.0*x;\n}\n");
  const std::string gradient = run({"diff", "n = x*w + b; tanh(n)**2"}).out;
  EXPECT_EQ(printed({"eval", gradient, "x=2", "w=-3", "b=6.5", "--all"})["nodes"]["d_w"]["value"],
            printed({"eval", gradient + "; d_w", "x=2", "w=-3", "b=6.5"})["value"]);
  EXPECT_NEAR(printed({"grad", run({"diff", "sin(x)"}).out, "x=1"})["gradient"]["x"].get<double>(),
              -std::sin(1.0), 1e-15);
}

TEST(DiffVerb, refuses_in_one_line) {
  const std::pair<std::vector<std::string>, const char*> refused[] = {
      {{"diff", "x*x", "--wrt", "y"},
       "chainrule diff: --wrt: 'y' is no name of the program, which has x\n"},
      {{"diff", "x*x", "--order", "0"}, "chainrule diff: the order of a derivative is 1 to 12\n"},
      {{"diff", "x*x", "--order", "1000"},
       "chainrule diff: the order of a derivative is 1 to 12\n"},
      {{"diff", "x*y", "--order", "3"},
       "chainrule diff: derivatives by several names are of order 1 or 2\n"},
      {{"diff", "2 + 3"}, "chainrule diff: the program has no names, and so no derivative\n"},
      {{"diff", "x*y", "y=3"},
       "chainrule diff: a derivative is of formulas: 'y=3' has no use; chainrule grad computes "
       "with "
       "values\n"}};
  for (const auto& [line, message] : refused) {
    const Outcome outcome = run(line);
    EXPECT_EQ(outcome.err, message);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(EvalVerb, prints_the_value) {
  EXPECT_EQ(run({"eval", "a+b", "a=0.1", "b=0.2"}).out, "0.30000000000000004\n");
  EXPECT_EQ(printed({"eval", "n = 2*x; n+1", "x=3", "--all"}),
            json::parse(R"({"value": 7, "nodes": {"n": {"value": 6}}})"));
}

TEST(OpsVerb, prints_the_table) {
  const json table = json::parse(run({"ops", "--json"}).out);
  EXPECT_GT(table.size(), 90u);
  EXPECT_EQ(table[0]["name"], "add");
  const json some = json::parse(run({"ops", "tanh", "*", "--json"}).out);
  EXPECT_EQ(some[0]["name"], "tanh");
  EXPECT_EQ(some[1]["partials"], (json{"y", "x"}));
  EXPECT_EQ(run({"ops", "nothing"}).err, "chainrule ops: there is no operation 'nothing'\n");
  EXPECT_NE(run({"ops", "--markdown"}).out.find("| tanh |"), std::string::npos);
  EXPECT_NE(run({"ops"}).out.find("atan2(x, y)"), std::string::npos);
}

TEST(CheckVerb, gives_a_verdict) {
  EXPECT_EQ(printed({"check", "tanh(x*w + b)", "x=2", "w=-3", "b=6.5"})["verdict"], "right");
  EXPECT_EQ(printed({"check", "abs(x)", "x=0"})["components"]["x"]["verdict"], "at a kink");
  const Outcome text = run({"check", "x^2*y", "x=2", "y=3", "--wrt", "x"});
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find("verdict: right\n"), std::string::npos) << text.out;
  EXPECT_EQ(run({"check", "3"}).code, 2);
}

TEST(DrawVerb, writes_the_formats_and_nothing_else) {
  const Scratch scratch;
  for (const char* ending : {"dot", "mmd", "json", "txt"}) {
    const std::string file = scratch / (std::string("graph.") + ending);
    const Outcome outcome = run({"draw", "n = x*y; tanh(n)", "x=1", "y=2", "-o", file});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(contents(file).find("tanh"), std::string::npos) << file;
  }
  EXPECT_NE(run({"draw", "x*y", "x=1", "y=2"}).out.find("x"), std::string::npos);
  EXPECT_EQ(run({"draw", "x", "x=1", "-o", scratch / "graph.bmp"}).code, 2);
  EXPECT_EQ(run({"draw", "x", "x=1", "--direction", "up"}).err,
            "chainrule draw: --direction is LR, TB or BT\n");
  EXPECT_EQ(run({"draw", "3"}).code, 0);
}

TEST(DrawVerb, no_grad_shows_the_forward_pass_alone) {
  const std::vector<std::string> line = {"draw", "n = x*y; tanh(n)", "x=1",
                                         "y=2",  "--format",         "json"};
  std::vector<std::string> forward = line;
  forward.push_back("--no-grad");
  EXPECT_NE(run(line).out, run(forward).out);
}

bool has_gnuplot() { return std::system("gnuplot --version > /dev/null 2>&1") == 0; }

TEST(PlotVerb, draws_a_function_and_its_slopes) {
  if (!has_gnuplot()) GTEST_SKIP() << "there is no gnuplot";
  const Outcome text = run({"plot", "tanh(x)"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_NE(text.out.find("tanh(x)"), std::string::npos) << text.out;
  const Scratch scratch;
  const std::string file = scratch / "f.svg";
  const Outcome svg = run({"plot", "a*x**2 - 4*x + 5", "a=3", "--over", "x=-2:4", "--derivatives",
                           "2", "--tangent", "-1.5", "--tangent", "1", "-o", file});
  EXPECT_EQ(svg.code, 0) << svg.err;
  EXPECT_EQ(svg.out, "");
  EXPECT_NE(contents(file).find("<svg"), std::string::npos);
}

TEST(PlotVerb, refuses_what_it_cannot_plot) {
  EXPECT_EQ(run({"plot", "x*y"}).err,
            "chainrule plot: no value for x, y: give all but one, or say --over NAME=FROM:TO\n");
  EXPECT_EQ(run({"plot", "x*y", "--over", "x=0:1"}).err,
            "chainrule plot: no value for y: add y=NUMBER\n");
  EXPECT_EQ(run({"plot", "x", "--over", "q=0:1"}).err,
            "chainrule plot: --over: 'q' is no name of the program\n");
  EXPECT_EQ(run({"plot", "x", "x=1", "--over", "x=0:1"}).err,
            "chainrule plot: 'x' has a value and a range; it takes one of them\n");
  EXPECT_EQ(run({"plot", "x", "--over", "x=0"}).err,
            "chainrule plot: --over takes a range, as in x=-5:5, not '0'\n");
  EXPECT_EQ(run({"plot", "3"}).code, 2);
  EXPECT_EQ(run({"plot", "x", "--over", "x=1:1"}).code, 2);
  EXPECT_EQ(run({"plot", "x", "--over", "x=0:inf"}).code, 2);
  EXPECT_EQ(run({"plot", "x", "--derivatives", "9"}).err,
            "chainrule plot: --derivatives is 0 to 6\n");
  EXPECT_EQ(run({"plot", "x", "--derivatives", "two"}).code, 2);
}

TEST(Output, appears_whole_or_not_at_all) {
  const Scratch scratch;
  const std::string file = scratch.write("out.json", "old");
  EXPECT_EQ(run({"eval", "1 +", "-o", file}).code, 2);
  EXPECT_EQ(contents(file), "old");
  EXPECT_EQ(run({"eval", "1 + 1", "-o", file}).code, 0);
  EXPECT_EQ(contents(file), "2\n");
  const Outcome nowhere = run({"eval", "1", "-o", scratch / "no/such/dir"});
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_NE(nowhere.err.find("cannot be written: No such file or directory"), std::string::npos);
  const Outcome full = run({"eval", "1", "-o", "/dev/full"});
  EXPECT_EQ(full.code, 2);
  EXPECT_EQ(full.err, "chainrule eval: /dev/full cannot be written: No space left on device\n");
}

TEST(Programs, of_any_size_are_answered_or_refused) {
  std::string sum = "x";
  for (int i = 0; i < 60'000; ++i) sum += " + x*2.5";
  EXPECT_EQ(run({"grad", "-f", "-", "x=1", "--json"}, sum).out,
            "{\"value\": 150001, \"gradient\": {\"x\": 150001}}\n");
  std::string product = "x";
  for (int i = 1; i < 2'000; ++i) product += "*x";
  EXPECT_EQ(run({"grad", "-f", "-", "x=1", "--json"}, product).out,
            "{\"value\": 1, \"gradient\": {\"x\": 2000}}\n");
  const std::string deep(100'000, '(');
  EXPECT_EQ(run({"eval", "-f", "-"}, deep).code, 2);
  EXPECT_EQ(run({"eval", "-f", "-"}, deep + "7" + std::string(100'000, ')')).out, "7\n");
  std::string chain = "a0 = x";
  for (int i = 1; i < 5'000; ++i)
    chain += "; a" + std::to_string(i) + " = a" + std::to_string(i - 1) + "*1";
  EXPECT_EQ(run({"grad", "-f", "-", "x=3", "--json"}, chain).out,
            "{\"value\": 3, \"gradient\": {\"x\": 1}}\n");
  EXPECT_EQ(run({"grad", "-f", "-", "x=3", "--all", "--json"}, chain).code, 0);
  std::string many = "0";
  std::vector<std::string> line = {"grad", "-f", "-", "--json"};
  for (int i = 0; i < 1'000; ++i) {
    many += " + v" + std::to_string(i);
    line.push_back("v" + std::to_string(i) + "=1");
  }
  EXPECT_EQ(run(line, many).out.substr(0, 31), "{\"value\": 1000, \"gradient\": {\"v");
}

}  // namespace
}  // namespace chainrule::test
