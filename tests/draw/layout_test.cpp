// SVG, PNG and PDF by the Graphviz library.
#include <chrono>
#include <filesystem>
#include <random>

#include "chainrule/base/whole_file.hpp"
#include "tests/draw/scenes.hpp"

namespace chainrule::test {
namespace {

class LayoutTest : public Drawn {
 protected:
  void SetUp() override {
    if (!can_lay_out()) GTEST_SKIP() << "built without Graphviz";
  }
};

TEST_F(LayoutTest, each_format_begins_as_it_should) {
  const Picture picture = picture_of(neuron());
  EXPECT_NE(render(picture, DrawFormat::svg).find("<svg "), std::string::npos);
  EXPECT_TRUE(render(picture, DrawFormat::png).starts_with("\x89PNG\r\n"));
  EXPECT_TRUE(render(picture, DrawFormat::pdf).starts_with("%PDF-"));
}

TEST_F(LayoutTest, every_node_and_juncture_of_the_neuron_is_in_the_svg) {
  const Scalar o = neuron();
  o.backward();
  const std::string svg = render(picture_of(o), DrawFormat::svg);
  EXPECT_EQ(count(svg, "class=\"node\""), 10u + 5u);
  EXPECT_EQ(count(svg, "class=\"edge\""), 9u + 5u);
  for (const char* text : {">x1<", ">do/dx1<", "−1.5<", "0.70711<", ">tanh<"}) {
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  }
}

// The library reads the DOT back, so what stands in the SVG has gone through both.
TEST_F(LayoutTest, weird_labels_come_through_every_format) {
  const std::string labels[] = {"\"quoted\"",
                                "{a|b}",
                                "<b>bold</b>",
                                "a & b &amp; c",
                                "back\\slash\\",
                                "two\nlines",
                                "Gewicht ω₁ 重み",
                                std::string("nul\0inside", 10),
                                "\xff\xfe broken \xc3",
                                "-->",
                                "]]>",
                                "%s%n",
                                "",
                                "  "};
  for (const std::string& label : labels) {
    const Scalar x = variable(2, label);
    const Picture picture = picture_of(x * x);
    for (const Look look : {Look::graph, Look::table}) {
      const std::string svg = render(picture, DrawFormat::svg, {.look = look});
      EXPECT_EQ(count(svg, "class=\"node\""), look == Look::graph ? 3u : 2u) << label;
    }
    for (const DrawFormat format : {DrawFormat::mermaid, DrawFormat::json, DrawFormat::text}) {
      EXPECT_FALSE(render(picture, format).empty());
    }
  }
  const Scalar x = variable(2, "<b>&\"'");
  EXPECT_NE(render(picture_of(x * x), DrawFormat::svg).find("&lt;b&gt;&amp;&quot;"),
            std::string::npos);
}

TEST_F(LayoutTest, a_label_of_ten_thousand_bytes_is_cut) {
  const Scalar x = variable(2, std::string(10'000, 'w'));
  const std::string svg = render(picture_of(x * x), DrawFormat::svg);
  EXPECT_LT(svg.size(), 10'000u);
  EXPECT_NE(svg.find("www…<"), std::string::npos);
}

TEST_F(LayoutTest, every_direction_and_look_is_drawn) {
  const Scalar o = neuron();
  o.backward();
  for (const Direction direction :
       {Direction::left_to_right, Direction::top_to_bottom, Direction::bottom_to_top}) {
    for (const Look look : {Look::graph, Look::table}) {
      for (const Colours colours : {Colours::on, Colours::off}) {
        const DrawOptions options{.direction = direction,
                                  .look = look,
                                  .colours = colours,
                                  .backprop = Backprop::shown,
                                  .partials = Partials::shown};
        EXPECT_FALSE(render(picture_of(o), DrawFormat::svg, options).empty());
      }
    }
  }
}

// A layered layout of these takes minutes when every edge is drawn as a line.
TEST_F(LayoutTest, a_tangled_graph_is_drawn_in_seconds) {
  std::mt19937 random(1);
  std::vector<Scalar> all;
  for (int i = 0; i < 5; ++i) all.push_back(variable(i + 0.5));
  for (int i = 0; i < 2'000; ++i) {
    const Scalar a = all[random() % all.size()], b = all[random() % all.size()];
    all.push_back(random() % 3 == 0 ? a + b : a * b);
  }
  Scalar y = 0;
  for (const Scalar& x : all) y += x;
  const auto start = std::chrono::steady_clock::now();
  const std::string svg = render(picture_of(y), DrawFormat::svg);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_NE(svg.find("300 of 4,0"), std::string::npos);
  EXPECT_NE(svg.find("a bare name stands for the line from that node"), std::string::npos);
  EXPECT_LT(took.count(), 60);  // 1 s on an idle machine
}

TEST_F(LayoutTest, a_file_appears_whole_or_not_at_all) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("chainrule-draw-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const Scalar o = neuron();
  for (const char* name : {"n.svg", "n.png", "n.pdf", "n.dot", "n.mmd", "n.json", "n.txt"}) {
    draw(o, (folder / name).string());
    EXPECT_FALSE(content_of((folder / name).string()).empty()) << name;
  }
  EXPECT_THROW(draw(o, (folder / "n.bmp").string()), Error);
  EXPECT_THROW(draw(o, (folder / "none" / "n.svg").string()), Error);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 7);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace chainrule::test
