// SVG, PNG and PDF by the Graphviz library.
//
// The library keeps its state in globals, so one layout is computed at a time. Its complaints are
// collected and become the text of the Error.
#include <array>
#include <string>

#include "chainrule/draw/render_internal.hpp"

#if CHAINRULE_WITH_GRAPHVIZ
#include <graphviz/gvc.h>

#include <memory>
#include <mutex>
#endif

namespace chainrule::detail {

#if CHAINRULE_WITH_GRAPHVIZ

namespace {

std::string* complaints = nullptr;  // where they go while a layout is computed

int collect(char* text) {
  if (complaints != nullptr && complaints->size() < 500) *complaints += text;
  return 0;
}

// Graphviz speaks to this until the end of the scope.
class Listening {
 public:
  explicit Listening(std::string& to) {
    complaints = &to;
    before_ = agseterrf(collect);
  }
  ~Listening() {
    agseterrf(before_);
    complaints = nullptr;
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  agusererrf before_;
};

struct CloseGraph {
  void operator()(Agraph_t* graph) const { agclose(graph); }
};

[[noreturn]] void refuse(std::string_view doing, const std::string& why) {
  const std::string first = why.substr(0, why.find('\n'));
  fail("draw", "Graphviz cannot " + std::string(doing) + (first.empty() ? "" : ": " + first));
}

// A bitmap for today's screens, and of at most 8640 × 8640 dots: what is larger is scaled down.
// (The library takes char*, and writes to none of them.)
char kDpi[] = "dpi", kDotsPerInch[] = "144", kSize[] = "size", kLargest[] = "60,60", kEmpty[] = "";

const char* renderer(DrawFormat format) {
  return format == DrawFormat::svg ? "svg" : format == DrawFormat::pdf ? "pdf" : "png";
}

}  // namespace

std::string render_layout(const std::string& dot, DrawFormat format) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  std::string said;
  const Listening listening(said);

  // One for the life of the process: the library's text layout remembers the name of the last font
  // by a pointer into the context, and would read it after gvFreeContext (2.42, plugin/pango).
  static GVC_t* const context = gvContext();
  if (context == nullptr) refuse("start", said);
  const std::unique_ptr<Agraph_t, CloseGraph> graph(agmemread(dot.c_str()));
  if (graph == nullptr) refuse("read the graph", said);
  if (format == DrawFormat::png) {
    agsafeset(graph.get(), kDpi, kDotsPerInch, kEmpty);
    agsafeset(graph.get(), kSize, kLargest, kEmpty);
  }
  if (gvLayout(context, graph.get(), "dot") != 0) refuse("lay the graph out", said);
  char* bytes = nullptr;
  unsigned length = 0;
  const int failed = gvRenderData(context, graph.get(), renderer(format), &bytes, &length);
  const std::string drawn =
      failed != 0 || bytes == nullptr ? std::string() : std::string(bytes, length);
  if (bytes != nullptr) gvFreeRenderData(bytes);
  gvFreeLayout(context, graph.get());
  if (drawn.empty()) refuse("render " + std::string(renderer(format)), said);
  return drawn;
}

#else

std::string render_layout(const std::string&, DrawFormat) {
  fail("draw",
       "this build has no Graphviz library (Debian: libgraphviz-dev), which SVG, PNG and "
       "PDF need; dot, mmd, json and txt remain");
}

#endif

}  // namespace chainrule::detail
