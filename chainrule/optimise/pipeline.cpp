// The pipeline: its passes, a line each.
#include <cassert>
#include <chrono>
#include <cstdio>

#include "chainrule/base/error.hpp"
#include "chainrule/optimise/passes_internal.hpp"

namespace chainrule {
namespace {

struct Pass {
  std::string_view name;
  Trace (*run)(Trace, const OptimiseOptions&);
};

constexpr Pass kPipeline[] = {
    {"prune", &passes::prune},            // dead code, before anything looks at it
    {"fold", &passes::fold},              // what depends on numbers alone
    {"share", &passes::share},            // common subexpressions
    {"rewrite", &passes::rewrite},        // exact rules
    {"power", &passes::power},            // powers as products and roots
    {"reciprocal", &passes::reciprocal},  // divisions as products
    {"sigmoids", &passes::sigmoids},      // σ(x) and σ(−x) by one exp
    {"scale", &passes::scale},            // factors 2 and ½
    {"fuse", &passes::fuse},              // products and sums as one
    {"signs", &passes::signs},            // negations that no sum has taken up
    {"prune", &passes::prune},            // what the passes have replaced
    {"order", &passes::order},            // fewer values at once
};

// For assert: says on stderr which pass made what fault.
[[maybe_unused]] bool is_sound(std::string_view pass, const Trace& trace) {
  const std::string fault = verify(trace);
  if (!fault.empty()) {
    std::fprintf(stderr, "optimise: after %.*s: %s\n", static_cast<int>(pass.size()), pass.data(),
                 fault.c_str());
  }
  return fault.empty();
}

}  // namespace

Trace optimise(Trace trace, const OptimiseOptions& options, std::vector<PassReport>* reports) {
  using Clock = std::chrono::steady_clock;
  if (options.arithmetic > Arithmetic::strict) {
    fail("optimise", "there is no arithmetic number " +
                         std::to_string(static_cast<unsigned>(options.arithmetic)));
  }
  if (options.fma > OptimiseOptions::Fma::as_instruction) {
    fail("optimise",
         "there is no way to fuse number " + std::to_string(static_cast<unsigned>(options.fma)));
  }
  assert(is_sound("nothing", trace));
  if (options.notes == OptimiseOptions::Notes::drop) trace.graph.forget_notes();
  for (const Pass& pass : kPipeline) {
    PassReport report{pass.name, trace.graph.size(), 0, 0};
    const auto start = Clock::now();
    trace = pass.run(std::move(trace), options);
    report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    report.nodes_after = trace.graph.size();
    if (reports != nullptr) reports->push_back(report);
    assert(is_sound(pass.name, trace));
  }
  return trace;
}

}  // namespace chainrule
