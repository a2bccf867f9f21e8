#include "tests/graph/traces.hpp"

#include <bit>
#include <charconv>
#include <cstdio>
#include <limits>

namespace chainrule {
namespace {

std::uint32_t pick(std::mt19937& random, std::uint32_t count) {
  return std::uniform_int_distribution<std::uint32_t>(0, count - 1)(random);
}

class Generator {
 public:
  Generator(std::mt19937& random, std::uint32_t size) : random_(random), size_(size) {}

  Trace run() {
    trace_.name = random_text(random_);
    while (graph_.size() < size_) add_node();
    for (std::uint32_t v = 0; v < graph_.size(); ++v) annotate({v});
    add_arguments();
    add_results();
    for (const Vertex v : valued_) {
      if (pick(8) == 0) trace_.guards.push_back({v, random_number(random_), random_line()});
    }
    return std::move(trace_);
  }

 private:
  std::uint32_t pick(std::uint32_t count) { return chainrule::pick(random_, count); }
  Vertex some() { return valued_[pick(static_cast<std::uint32_t>(valued_.size()))]; }

  void add_node() {
    const std::uint32_t kind = pick(12);
    if (kind == 0) {
      placeholders_.push_back(graph_.append({VertexKind::placeholder}));
      valued_.push_back(placeholders_.back());
    } else if (kind == 1) {
      const Type type{Element::f64, {1 + pick(3), 1 + pick(4)}};
      arrays_.push_back(graph_.append({VertexKind::placeholder, Op::add, graph_.type(type)}));
    } else if (kind <= 3 || valued_.empty()) {
      const bool is_variable = kind == 2;
      valued_.push_back(graph_.append_number(
          is_variable ? VertexKind::variable : VertexKind::constant, random_number(random_)));
      if (is_variable && pick(2) == 0) placeholders_.push_back(valued_.back());
    } else if (kind == 4) {
      add_call();
    } else {
      GraphNode node{VertexKind::operation, static_cast<Op>(pick(kOpCount))};
      for (int k = 0; k < info(node.op).arity; ++k) node.operand[k] = some().index;
      valued_.push_back(graph_.append(node));
    }
  }

  void add_call() {
    const std::uint32_t inputs = pick(4), outputs = pick(4);
    BlockCall call{std::make_shared<Sums>(0.5 * pick(4), inputs, outputs), {}};
    for (std::uint32_t k = 0; k < inputs; ++k) call.operands.push_back(some());
    const Vertex at = graph_.append_call(std::move(call));
    for (std::uint32_t k = 1; k <= outputs; ++k) valued_.push_back({at.index + k});
  }

  void annotate(Vertex v) {
    if (pick(3) == 0) graph_.label(v, random_text(random_));
    if (pick(3) == 0) graph_.locate(v, random_line());
  }

  SourceLine random_line() {
    if (pick(4) == 0) return {};
    return {graph_.file(random_text(random_)), pick(2) == 0 ? pick(1000) : ~0u};
  }

  void add_arguments() {
    for (std::size_t k = 0; k < placeholders_.size();) {
      const auto left = static_cast<std::uint32_t>(placeholders_.size() - k);
      add_group(trace_.arguments, trace_.inputs, &placeholders_[k], pick(left + 1));
      k = trace_.inputs.size();
    }
    for (const Vertex v : arrays_) {
      const auto first = static_cast<std::uint32_t>(trace_.inputs.size());
      trace_.arguments.push_back({random_text(random_), graph_.types()[graph_[v].type], first, 1});
      trace_.inputs.push_back(v);
    }
  }

  void add_results() {
    if (valued_.empty()) return;
    for (std::uint32_t groups = pick(4); groups > 0; --groups) {
      std::vector<Vertex> outputs;
      for (std::uint32_t k = pick(4); k > 0; --k) outputs.push_back(some());
      add_group(trace_.results, trace_.outputs, outputs.data(),
                static_cast<std::uint32_t>(outputs.size()));
    }
  }

  void add_group(std::vector<Group>& groups, std::vector<Vertex>& members, const Vertex* from,
                 std::uint32_t count) {
    const Type type = count == 1 && pick(2) == 0 ? Type{} : Type{Element::f64, {count}};
    groups.push_back(
        {random_text(random_), type, static_cast<std::uint32_t>(members.size()), count});
    members.insert(members.end(), from, from + count);
  }

  std::mt19937& random_;
  std::uint32_t size_;
  Trace trace_;
  Graph& graph_ = trace_.graph;
  std::vector<Vertex> valued_;  // what may be an operand
  std::vector<Vertex> placeholders_, arrays_;
};

std::shared_ptr<const Block> make_sums(std::string_view words) {
  const std::string text(words);
  double factor = 0;
  std::size_t inputs = 0, outputs = 0;
  if (std::sscanf(text.c_str(), "sums %lf %zu %zu", &factor, &inputs, &outputs) != 3)
    return nullptr;
  return std::make_shared<Sums>(factor, inputs, outputs);
}

}  // namespace

std::string Sums::words() const {
  if (is_user_code_) return {};
  char text[32];
  const std::string factor(text, std::to_chars(text, text + sizeof text, factor_).ptr);
  return "sums " + factor + " " + std::to_string(inputs_) + " " + std::to_string(outputs_);
}

void Sums::value(std::span<const double> x, std::span<double> z) const {
  double sum = 0;
  for (const double term : x) sum += factor_ * term;
  for (double& result : z) result = sum;
}

void Sums::vjp(std::span<const double>, std::span<const double>, std::span<const double> zbar,
               std::span<double> xbar) const {
  double sum = 0;
  for (const double adjoint : zbar) sum += adjoint;
  for (std::size_t k = 0; k < xbar.size(); ++k) {
    if (k != kUntouched) xbar[k] = factor_ * sum;
  }
  last_zbar.assign(zbar.begin(), zbar.end());
  ++vjps;
}

void register_sums() { register_block_maker("sums", &make_sums); }

Trace random_trace(std::mt19937& random, std::uint32_t size) {
  return Generator(random, size).run();
}

std::string random_text(std::mt19937& random) {
  static const std::string kPieces[] = {"x",
                                        "",
                                        " ",
                                        "\"",
                                        "\\",
                                        "\n",
                                        "\t",
                                        "\r\n",
                                        "%3",
                                        "@",
                                        "# no",
                                        "ω̄",
                                        "日本",
                                        "😀",
                                        "\x7F",
                                        "\x01",
                                        "\xFF",
                                        "\xC3",
                                        "\x80",
                                        "\\x41",
                                        "\xC2\x85",
                                        "\xED\xA0\x80",
                                        "/",
                                        "chainrule trace 1\n",
                                        "=",
                                        "hello",
                                        "[1,2]",
                                        "\xEF\xBB\xBF",
                                        "\xE2\x80\xA8",
                                        std::string(1, '\0')};
  std::string text;
  for (std::uint32_t k = pick(random, 4); k > 0; --k) {
    text += kPieces[pick(random, std::size(kPieces))];
  }
  return text;
}

double random_number(std::mt19937& random) {
  using Limits = std::numeric_limits<double>;
  static const double kNumbers[] = {0.0,
                                    -0.0,
                                    1,
                                    -3,
                                    0.1,
                                    1e300,
                                    Limits::infinity(),
                                    -Limits::infinity(),
                                    Limits::quiet_NaN(),
                                    -Limits::quiet_NaN(),
                                    Limits::denorm_min(),
                                    -Limits::min(),
                                    Limits::max()};
  if (pick(random, 2) == 0) return kNumbers[pick(random, std::size(kNumbers))];
  const auto bits = std::uint64_t{random()} << 32 | random();
  const bool nan = pick(random, 4) == 0;
  return std::bit_cast<double>(nan ? bits | 0x7FF0000000000001u : bits);
}

}  // namespace chainrule
