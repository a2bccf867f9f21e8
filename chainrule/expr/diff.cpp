#include "chainrule/expr/diff.hpp"

#include <algorithm>
#include <set>

#include "chainrule/base/error.hpp"
#include "chainrule/expr/dialects_internal.hpp"
#include "chainrule/expr/patterns_internal.hpp"
#include "chainrule/expr/record.hpp"
#include "chainrule/expr/steps_internal.hpp"
#include "chainrule/graph/function.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule::expr {
namespace {

constexpr std::size_t kMostNodes = 2'000'000;

class Code final : public Callable {
 public:
  explicit Code(const Program& program) : program_(program) {}
  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    Recording recording(program_);
    out = {recording(in)};
  }

 private:
  const Program& program_;
};

// The slopes of a Function's outputs, of the i-th by xs[i], xs[i+1], …: a second derivative comes
// once.
class Slopes final : public Callable {
 public:
  Slopes(Function f, std::span<const std::size_t> wrt) : f_(std::move(f)), wrt_(wrt) {}

  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    std::vector<Scalar> xs;
    for (const std::size_t i : wrt_) xs.push_back(in[i]);
    const std::vector<Scalar> ys = f_(in);
    for (std::size_t i = 0; i < ys.size(); ++i) {
      if (Tape::active().size() > kMostNodes) fail_size();
      const auto later = std::span<const Scalar>(xs).subspan(i);
      const std::vector<Scalar> row = ys[i].is_number()
                                          ? std::vector<Scalar>(later.size(), Scalar(0.0))
                                          : recorded_gradient(ys[i], later);
      out.insert(out.end(), row.begin(), row.end());
    }
  }

  [[noreturn]] static void fail_size() {
    fail("diff", "the derivative has more than " + std::to_string(kMostNodes) +
                     " operations; choose fewer names, or a lower order");
  }

 private:
  Function f_;
  std::span<const std::size_t> wrt_;
};

Trace record(const Program& program, const Differentiation& what) {
  std::vector<Argument> arguments;
  for (const std::string& name : program.names()) arguments.push_back({name, true, {1.0}});
  Function f(std::make_shared<const Code>(program), arguments);
  for (int k = 0; k < what.order; ++k) {
    f = Function(std::make_shared<const Slopes>(f, what.wrt), arguments);
    if (f.trace().graph.size() > kMostNodes) Slopes::fail_size();
    f = Function(without_power_branches(f.trace()));
  }
  return f.trace();
}

std::vector<std::string> output_names(const Program& program, const Differentiation& what,
                                      const std::set<std::string>& taken) {
  std::vector<std::string> names;
  const auto of = [&](std::size_t k) { return "_" + program.names()[what.wrt[k]]; };
  for (std::size_t i = 0; i < what.wrt.size(); ++i) {
    if (what.order == 1) names.push_back("d" + of(i));
    for (std::size_t j = i; what.order == 2 && j < what.wrt.size(); ++j) {
      names.push_back("d2" + of(i) + of(j));
    }
  }
  std::set<std::string> all = taken;
  for (std::string& name : names) {
    while (!all.insert(name).second) name += '_';
  }
  return names;
}

void require_sense(const Program& program, const Differentiation& what) {
  if (program.names().empty()) {
    fail("diff", "the program has no names, and so no derivative");
  }
  if (what.wrt.empty()) fail("diff", "there are no names to differentiate by");
  if (what.order < 1 || what.order > kHighestOrder) {
    fail("diff", "the order of a derivative is 1 to " + std::to_string(kHighestOrder));
  }
  if (what.order > 2 && what.wrt.size() > 1) {
    fail("diff", "derivatives by several names are of order 1 or 2");
  }
}

}  // namespace

std::string diff(const Program& program, const Differentiation& what) {
  require_sense(program, what);
  const Trace trace = record(program, what);
  Formulas formulas = simplify(trace);
  std::set<std::string> taken(program.names().begin(), program.names().end());
  for (const Assignment& assignment : program.assignments()) taken.insert(assignment.name);
  Page page;
  page.inputs = program.names();
  if (what.wrt.size() > 1) page.outputs = output_names(program, what, taken);
  // An assigned name may stand for its own value, and for nothing else.
  for (const Assignment& a : program.assignments()) page.assigned.push_back(a.name);
  page.taken.assign(page.outputs.begin(), page.outputs.end());
  for (const char* constant : {"pi", "e"}) page.taken.push_back(constant);
  if (what.steps == Steps::shown) {
    page.steps = rules_used(program, what.wrt);
    const std::vector<std::string> done = simplifications(formulas.terms);
    page.steps.insert(page.steps.end(), done.begin(), done.end());
  }
  switch (what.notation) {
    case Notation::program: return as_program(formulas, page);
    case Notation::latex: return as_latex(formulas, page);
    case Notation::cxx: return as_cxx(formulas, page);
  }
  __builtin_unreachable();
}

}  // namespace chainrule::expr
