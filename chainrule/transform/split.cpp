// Two Functions from one: see split.hpp.
#include "chainrule/transform/split.hpp"

#include "chainrule/tape/block.hpp"
#include "chainrule/transform/copying_internal.hpp"

namespace chainrule {
namespace {

class Splitting {
 public:
  Splitting(const Trace& trace, std::size_t argument)
      : trace_(trace),
        graph_(trace.graph),
        argument_(argument),
        is_late_(depending_on(trace, argument)),
        is_kept_(graph_.size()) {
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (!is_late_[v]) continue;
      graph_.each_operand({v}, [&](Vertex x) {
        if (!is_late_[x.index] && !is_number(x)) is_kept_[x.index] = true;
      });
    }
  }

  Split run() const {
    std::size_t kept = 0;
    Trace early = stage(Stage::early), late = stage(Stage::late);
    for (const bool is_kept : is_kept_) kept += is_kept;
    return {Function(std::move(early)), Function(std::move(late)), kept};
  }

 private:
  enum class Stage : std::uint8_t { early, late };

  bool is_number(Vertex v) const {
    const VertexKind kind = graph_[v].kind;
    return kind == VertexKind::constant || kind == VertexKind::variable;
  }
  bool is_in(Stage stage, Vertex v) const { return is_late_[v.index] == (stage == Stage::late); }

  Trace stage(Stage stage) const {
    Trace made;
    made.name = trace_.name + (stage == Stage::early ? ".early" : ".late");
    std::vector<Vertex> image(graph_.size(), kNoVertex);
    const auto take = [&](Vertex v) {
      image[v.index] = made.graph.append({VertexKind::placeholder});
      made.inputs.push_back(image[v.index]);
    };
    if (stage == Stage::late) {
      for (std::uint32_t v = 0; v < graph_.size(); ++v) {
        if (is_kept_[v]) take({v});
      }
      if (!made.inputs.empty()) made.arguments.push_back(flat_group("kept", 0, made.inputs.size()));
    }
    for (std::size_t a = 0; a < trace_.arguments.size(); ++a) {
      if ((a >= argument_) != (stage == Stage::late)) continue;
      Group argument = trace_.arguments[a];
      for (std::uint32_t k = 0; k < argument.count; ++k) take(trace_.inputs[argument.first + k]);
      argument.first = static_cast<std::uint32_t>(made.inputs.size()) - argument.count;
      made.arguments.push_back(std::move(argument));
    }
    for (std::uint32_t v = 0; v < graph_.size(); ++v) {
      if (image[v] != kNoVertex || !(is_in(stage, {v}) || is_number({v}))) continue;
      append_image(graph_, {v}, made.graph, image);
    }
    for (const Vertex output : trace_.outputs) {
      if (is_in(stage, output)) made.outputs.push_back(image[output.index]);
    }
    if (!made.outputs.empty()) made.results.push_back(flat_group("y", 0, made.outputs.size()));
    if (stage == Stage::early) {
      const std::size_t first = made.outputs.size();
      for (std::uint32_t v = 0; v < graph_.size(); ++v) {
        if (is_kept_[v]) made.outputs.push_back(image[v]);
      }
      if (made.outputs.size() > first) {
        made.results.push_back(flat_group("kept", first, made.outputs.size() - first));
      }
    }
    for (Guard guard : trace_.guards) {
      if (!is_in(stage, guard.node)) continue;
      if (guard.at.file != 0) guard.at.file = made.graph.file(graph_.files()[guard.at.file]);
      made.guards.push_back({image[guard.node.index], guard.expected, guard.at});
    }
    return made;
  }

  const Trace& trace_;
  const Graph& graph_;
  std::size_t argument_;
  std::vector<bool> is_late_, is_kept_;
};

}  // namespace

Split split(const Function& f, std::size_t argument) {
  if (argument == 0 || argument >= f.arguments().size()) {
    fail("split", "before argument " + std::to_string(argument) + " of a function of " +
                      std::to_string(f.arguments().size()) + ": there must be one on either side");
  }
  const std::optional<Trace> better = keep_steps_apart(f.trace(), argument);
  return Splitting(better ? *better : f.trace(), argument).run();
}

}  // namespace chainrule
