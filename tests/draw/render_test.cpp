// DOT, Mermaid, JSON and text: the same bytes for the same graph, whatever the labels.
#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/draw/scenes.hpp"

namespace chainrule::test {
namespace {

using RenderTest = Drawn;

constexpr std::pair<DrawFormat, const char*> kTexts[] = {{DrawFormat::dot, ".dot"},
                                                         {DrawFormat::mermaid, ".mmd"},
                                                         {DrawFormat::json, ".json"},
                                                         {DrawFormat::text, ".txt"}};

void expect_goldens(const std::string& name, const Scalar& y, const DrawOptions& options = {}) {
  for (const auto& [format, ending] : kTexts) {
    expect_golden(name + ending, render(picture_of(y), format, options));
  }
}

TEST_F(RenderTest, the_neuron_before_and_after_the_backward_pass) {
  const Scalar o = neuron();
  expect_goldens("neuron_before", o);
  o.backward();
  expect_goldens("neuron_after", o);
}

TEST_F(RenderTest, a_shared_node_is_drawn_once) {
  const Scalar y = five();
  y.backward();
  expect_goldens("shared", y);
}

TEST_F(RenderTest, the_table_look_downwards_with_backprop_and_partials) {
  const Scalar o = neuron();
  o.backward();
  const DrawOptions options{.direction = Direction::top_to_bottom,
                            .look = Look::table,
                            .backprop = Backprop::shown,
                            .partials = Partials::shown};
  expect_golden("neuron_table.dot", render(picture_of(o), DrawFormat::dot, options));
  expect_golden("neuron_table.mmd", render(picture_of(o), DrawFormat::mermaid, options));
}

TEST_F(RenderTest, a_node_that_one_operation_uses_twice_is_drawn_once_and_marked) {
  const Scalar a = variable(3, "a");
  const Picture picture = picture_of(a * a);
  const std::string dot = render(picture, DrawFormat::dot);
  EXPECT_EQ(count(dot, "<b>a</b>"), 1u);
  EXPECT_EQ(count(dot, "n0 -> j1"), 1u);
  EXPECT_EQ(count(dot, "×2"), 1u);
  const std::string mermaid = render(picture, DrawFormat::mermaid);
  EXPECT_EQ(count(mermaid, "n0 -->|\"×2\"| j1"), 1u);
  EXPECT_NE(render(picture, DrawFormat::json).find("\"count\":2"), std::string::npos);
  EXPECT_EQ(render(picture, DrawFormat::text),
            "               value\n"
            "mul/0 = a * a      9\n"
            "└─ a               3\n");
}

TEST_F(RenderTest, backprop_arrows_stand_only_where_the_adjoint_is_not_zero) {
  const Scalar o = neuron();
  const DrawOptions options{.look = Look::table, .backprop = Backprop::shown};
  EXPECT_EQ(count(render(picture_of(o), DrawFormat::dot, options), "dir=back"), 0u);
  o.backward();
  const std::string dot = render(picture_of(o), DrawFormat::dot, options);
  // Nine edges, and w2's adjoint is x2 · 0.5 = 0.
  EXPECT_EQ(count(dot, "dir=back, style=dashed"), 8u);
}

TEST_F(RenderTest, a_derivative_is_named_only_where_it_is_one) {
  const Scalar o = neuron();
  EXPECT_EQ(count(render(picture_of(o), DrawFormat::dot), "do/d"), 0u);
  o.backward();
  EXPECT_EQ(count(render(picture_of(o), DrawFormat::dot), "do/dx1"), 1u);
  o.backward();  // adjoints are now twice the derivatives
  const std::string dot = render(picture_of(o), DrawFormat::dot);
  EXPECT_EQ(count(dot, "do/d"), 0u);
  EXPECT_NE(dot.find("grad"), std::string::npos);
}

TEST_F(RenderTest, inputs_and_operations_differ_in_colour_unless_colours_are_off) {
  const Picture picture = picture_of(neuron());
  const std::string coloured = render(picture, DrawFormat::dot);
  EXPECT_EQ(count(coloured, "fillcolor=\"#e4eef8\""), 5u);
  EXPECT_EQ(count(coloured, "fillcolor=\"#fdf1df\""), 5u);
  const DrawOptions off{.colours = Colours::off};
  EXPECT_EQ(count(render(picture, DrawFormat::dot, off), "#"), 0u);
  EXPECT_EQ(count(render(picture, DrawFormat::mermaid, off), "classDef"), 0u);
}

TEST_F(RenderTest, plain_operands_stand_in_the_juncture) {
  const Scalar x = variable(3, "x");
  const Scalar y = pow(1 - x, 2) / 4 + leaky_relu(x);
  const std::string dot = render(picture_of(y), DrawFormat::dot);
  for (const char* text : {"<1 −>", "<^2>", "<÷ 4>", "<leaky_relu(·, 0.01)>"}) {
    EXPECT_EQ(count(dot, text), 1u) << text << "\n" << dot;
  }
}

TEST_F(RenderTest, nan_and_infinity_stand_out_and_are_words_in_json) {
  const Scalar x = variable(-1, "x");
  const Scalar y = sqrt(x) + 1 / (x + 1);
  y.backward();
  const Picture picture = picture_of(y);
  EXPECT_GT(count(render(picture, DrawFormat::dot), "#b3261e"), 3u);
  const auto json = nlohmann::json::parse(render(picture, DrawFormat::json));
  EXPECT_EQ(json["nodes"][json["output"].get<std::size_t>()]["value"], "nan");
  EXPECT_NE(render(picture, DrawFormat::json).find("\"-inf\""), std::string::npos);
}

TEST_F(RenderTest, json_keeps_every_digit_and_every_name_whole) {
  const std::string label = std::string(10'000, 'a') + "\"\\\n\x01 é";
  const Scalar x = variable(0.1 + 0.2, label);
  const auto json = nlohmann::json::parse(render(picture_of(exp(x)), DrawFormat::json));
  EXPECT_EQ(json["nodes"][0]["name"], label);
  EXPECT_EQ(json["nodes"][0]["value"].get<double>(), 0.1 + 0.2);
}

TEST_F(RenderTest, a_deep_graph_is_listed_in_the_order_of_computation) {
  Scalar s = variable(1, "x");
  for (int i = 0; i < 40; ++i) s = sin(s);
  const std::string text = render(picture_of(s), DrawFormat::text);
  EXPECT_EQ(count(text, "└─"), 0u);
  EXPECT_EQ(text.find("sin/0 = sin(x)"), text.find('\n', text.find("x ")) + 1);
}

TEST_F(RenderTest, what_is_cut_off_is_said_in_the_title_and_at_the_cut) {
  Scalar s = variable(1, "x");
  for (int i = 0; i < 2'000; ++i) s = sin(s);
  const Picture picture = picture_of(s);
  const DrawOptions few{.nodes = 10};
  for (const DrawFormat format : {DrawFormat::dot, DrawFormat::mermaid, DrawFormat::text}) {
    const std::string text = render(picture, format, few);
    EXPECT_NE(text.find("10 of 2,001 nodes"), std::string::npos) << text;
    EXPECT_NE(text.find(format == DrawFormat::mermaid ? "1#44;991 more" : "1,991 more"),
              std::string::npos)
        << text;
  }
}

TEST_F(RenderTest, a_mermaid_text_stays_within_what_mermaid_accepts) {
  std::vector<Scalar> all{variable(0.5, "x")};
  for (std::size_t i = 1; i < 3'000; ++i) all.push_back(fma(all[i - 1], all[i / 2], all[i / 3]));
  const std::string text = render(picture_of(all.back()), DrawFormat::mermaid);
  EXPECT_LT(text.size(), 50'000u);
  EXPECT_LT(count(text, " -->"), 500u);
}

TEST_F(RenderTest, labels_cannot_break_out_of_mermaid) {
  const Scalar x = variable(1, "end\"]; click n0 call evil() `$$x$$` #quot; <script> 1. a");
  const std::string text = render(picture_of(exp(x)), DrawFormat::mermaid);
  EXPECT_EQ(text.find("<script"), std::string::npos);
  EXPECT_EQ(text.find('`'), std::string::npos);
  EXPECT_EQ(text.find("$$"), std::string::npos);
  EXPECT_EQ(text.find("end\""), std::string::npos);
  EXPECT_EQ(text.find("1. a"), std::string::npos);
}

TEST(Formats, are_known_by_the_ending_of_the_file) {
  EXPECT_EQ(format_of("a.b/c.svg"), DrawFormat::svg);
  EXPECT_EQ(format_of("x.mmd"), DrawFormat::mermaid);
  for (const char* path : {"graph", "graph.", "graph.jpg", "a.svg/graph", ""}) {
    EXPECT_EQ(error_of([&] { format_of(path); }),
              "[draw] '" + std::string(path) +
                  "' has no known ending: it is one of .svg .png .pdf .dot .mmd .json .txt");
  }
}

}  // namespace
}  // namespace chainrule::test
