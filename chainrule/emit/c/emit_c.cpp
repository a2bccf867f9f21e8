#include "chainrule/emit/c/emit_c.hpp"

#include <algorithm>
#include <numeric>

#include "chainrule/base/error.hpp"
#include "chainrule/base/whole_file.hpp"
#include "chainrule/emit/c/program_internal.hpp"
#include "chainrule/transform/functions.hpp"
#include "chainrule/transform/split.hpp"

namespace chainrule {
namespace {

using detail::CArray;
using detail::CProgram;
using detail::in_comment;

struct Signature {
  const char* suffix;
  const char* meaning;
};

Signature signature_of(CPart part) {
  switch (part) {
    case CPart::value: return {"value", "y"};
    case CPart::gradient: return {"gradient", "y, and g[k] = dy/dx[k]"};
    case CPart::jacobian: return {"jacobian", "y, and J[i*n + k] = dy[i]/dx[k], n columns"};
    case CPart::hessian: return {"hessian", "y, g, and H[i*n + k] = d2y/dx[i]dx[k], n columns"};
  }
  return {};
}

// f, and derivatives of what one run of it recorded.
class Derivatives final : public Callable {
 public:
  Derivatives(Function f, CPart part, std::span<const std::size_t> by)
      : f_(std::move(f)), part_(part), by_(by.begin(), by.end()) {}

  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    const std::vector<Scalar> y = f_(in);
    std::vector<Scalar> x;
    for (const std::size_t k : by_) x.push_back(in[k]);
    const auto give = [&](const std::vector<Scalar>& more) {
      out.insert(out.end(), more.begin(), more.end());
    };
    give(y);
    switch (part_) {
      case CPart::value: return;
      case CPart::gradient: return give(recorded_gradient(y[0], x));
      case CPart::jacobian: return give(detail::recorded_jacobian(y, x, Sweep::shorter).entries);
      case CPart::hessian:
        give(recorded_gradient(y[0], x));
        return give(detail::recorded_hessian(y[0], x).entries);
    }
  }

 private:
  Function f_;
  CPart part_;
  std::vector<std::size_t> by_;
};

std::vector<CArray> arrays_of(CPart part, std::size_t outputs, std::size_t by) {
  switch (part) {
    case CPart::value: return {{"y", outputs}};
    case CPart::gradient: return {{"y", 1}, {"g", by}};
    case CPart::jacobian: return {{"y", outputs}, {"J", outputs * by}};
    case CPart::hessian: return {{"y", 1}, {"g", by}, {"H", by * by}};
  }
  return {};
}

// The one place that a Trace passes on its way to C, whose fma() may be a slow function.
CProgram to_program(Trace trace, const EmitCOptions& options) {
  const OptimiseOptions passes{.arithmetic = options.arithmetic,
                               .fma = OptimiseOptions::Fma::as_function};
  std::optional<Trace> kept = keep_steps(trace);
  return detail::to_c_program(optimise(std::move(kept ? *kept : trace), passes), passes);
}

// ---- names ------------------------------------------------------------------------------------

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string name_for(const Function& f, const EmitCOptions& options) {
  constexpr std::size_t kLongest = 64;
  std::string name = options.name.empty() ? f.trace().name.substr(0, kLongest) : options.name;
  const bool is_identifier =
      !name.empty() && !is_digit(name[0]) &&
      std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c); });
  if (is_identifier) return name;
  if (!options.name.empty()) {
    fail("emit_c", "the name '" + in_comment(name) + "' is no C identifier: letters, digits and _");
  }
  for (char& c : name) {
    if (!is_letter(c) && !is_digit(c)) c = '_';
  }
  return name.empty() || is_digit(name[0]) ? "f" + name : name;
}

// ---- the comment at the head ------------------------------------------------------------------

constexpr std::size_t kListed = 100;  // lines of one list

std::string places(std::string_view array, const Group& group) {
  std::string text = "     " + std::string(array) + "[" + std::to_string(group.first);
  if (group.count != 1) text += ".." + std::to_string(group.first + group.count - 1);
  text += "]";
  text.resize(std::max<std::size_t>(text.size() + 1, 16), ' ');
  return text + in_comment(group.name) + "\n";
}

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string listed(std::string_view array, std::span<const Group> groups) {
  std::string text;
  for (const Group& group : groups.first(std::min(groups.size(), kListed))) {
    if (group.count > 0) text += places(array, group);
  }
  if (groups.size() > kListed) text += "     ...\n";
  return text;
}

std::string input_name(const Trace& trace, std::size_t k) {
  for (const Group& group : trace.arguments) {
    if (k < group.first || k >= group.first + group.count) continue;
    const std::string name = in_comment(group.name);
    return group.type.shape.empty() ? name : name + "[" + std::to_string(k - group.first) + "]";
  }
  return "x[" + std::to_string(k) + "]";
}

struct Emitted {
  CPart part;
  std::vector<std::string> guards;  // the place of each
  detail::CFunction function;
};

std::string declaration(const std::string& name, const Emitted& one,
                        const std::vector<CArray>& arrays) {
  std::string text = "int " + name + "_" + signature_of(one.part).suffix + "(const double *x";
  for (const CArray& array : arrays) text += ", double *" + array.name;
  return text + ");\n";
}

class Document {
 public:
  Document(const Function& f, const EmitCOptions& options, std::vector<std::size_t> by)
      : f_(f), options_(options), by_(std::move(by)), name_(name_for(f, options)) {}

  CSource run(std::span<const CPart> parts);

 private:
  Emitted emit(CPart part, CRows& rows) const;
  std::string about() const;
  std::string guards() const;
  std::string header() const;
  std::vector<CArray> arrays(CPart part) const { return arrays_of(part, f_.outputs(), by_.size()); }

  const Function& f_;
  const EmitCOptions& options_;
  std::vector<std::size_t> by_;
  std::string name_;
  std::vector<Emitted> emitted_;
};

Emitted Document::emit(CPart part, CRows& rows) const {
  const auto trace = [&] {
    if (part == CPart::value) return f_.trace();
    if (f_.outputs() != 1 && part != CPart::jacobian) {
      fail("emit_c", "the function has " + std::to_string(f_.outputs()) +
                         " outputs, not one: it has no " + signature_of(part).suffix +
                         ", but a jacobian");
    }
    const std::vector<Argument> arguments(f_.arguments().begin(), f_.arguments().end());
    return Function(std::make_shared<const Derivatives>(f_, part, by_), arguments).trace();
  };
  CProgram program = to_program(trace(), options_);
  std::vector<std::string> guards = detail::number_checks(program);
  return {part, std::move(guards),
          detail::c_function(program, name_ + "_" + signature_of(part).suffix, arrays(part), rows)};
}

// The guards of each function. Those of a derivative are more where it decides something itself;
// mostly they are those of the value.
std::string Document::guards() const {
  std::string text, last;
  for (const Emitted& one : emitted_) {
    if (one.guards.empty()) continue;
    std::string list;
    for (std::size_t k = 0; k < std::min(one.guards.size(), kListed); ++k) {
      list += "     " + std::to_string(k + 1);
      if (!one.guards[k].empty()) list += "  " + one.guards[k];
      list += "\n";
    }
    if (one.guards.size() > kListed) list += "     ...\n";
    text += "   " + name_ + "_" + signature_of(one.part).suffix + " has " +
            counted(one.guards.size(), "guard");
    text += list == last ? ", the same.\n" : ":\n" + list;
    last = std::move(list);
  }
  return text;
}

std::string Document::about() const {
  const Trace& trace = f_.trace();
  std::string text = "/* " + name_ + ": C99, written by chainrule from " +
                     std::to_string(trace.graph.size()) + " recorded nodes.\n\n";
  text += "   " + counted(f_.inputs(), "input") + "\n" + listed("x", trace.arguments);
  text += "   " + counted(f_.outputs(), "output") + "\n" + listed("y", trace.results);
  const bool is_some = by_.size() != f_.inputs();
  bool differentiates = false, allocates = false;
  for (const Emitted& one : emitted_) {
    differentiates = differentiates || one.part != CPart::value;
    allocates = allocates || one.function.allocates;
  }
  if (differentiates && is_some) {
    text += "   Differentiated by " + std::to_string(by_.size()) + " of them: column k is by\n";
    for (std::size_t k = 0; k < std::min(by_.size(), kListed); ++k) {
      text += "     " + std::to_string(k) + "  x[" + std::to_string(by_[k]) + "] " +
              input_name(trace, by_[k]) + "\n";
    }
    if (by_.size() > kListed) text += "     ...\n";
  }
  text += "\n";
  for (const Emitted& one : emitted_) {
    const Signature signature = signature_of(one.part);
    text += "   " + name_ + "_" + signature.suffix + " computes " + signature.meaning + ".\n";
  }
  text += "   The arrays must not overlap. Any thread may call them.\n\n";
  const std::string which = guards();
  if (which.empty()) {
    text += "   Each gives 0";
  } else {
    text +=
        "   Each gives 0; or k > 0, where guard k does not hold: then the inputs take a branch\n"
        "   other than the recorded one, and nothing has been written";
  }
  text += allocates ? "; or -1, where there is no memory.\n" : ".\n";
  text += which;
  if (options_.arithmetic == Arithmetic::strict) {
    text +=
        "   The results are, bit for bit, what chainrule computes with the same math library, if\n"
        "   this is compiled without contraction to fma: gcc needs -ffp-contract=off for that.\n";
  }
  text += "   Not to be compiled with -ffast-math: NaN, infinities and -0 mean something. */\n";
  return text;
}

std::string Document::header() const {
  std::string text = about();
  const std::string guard = name_ + "_IS_DECLARED";
  text += "#ifndef " + guard + "\n#define " + guard + "\n\n";
  text += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  text += "enum { " + name_ + "_inputs = " + std::to_string(f_.inputs()) + ", " + name_ +
          "_outputs = " + std::to_string(f_.outputs()) + ", " + name_ +
          "_columns = " + std::to_string(by_.size()) + " };\n";
  for (const Emitted& one : emitted_) text += declaration(name_, one, arrays(one.part));
  return text + "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}

CSource Document::run(std::span<const CPart> parts) {
  CRows rows(CLanguage::c99, name_ + "_",
             options_.arithmetic == Arithmetic::strict ? CCalls::opaque : CCalls::plain);
  for (const CPart part : parts) emitted_.push_back(emit(part, rows));
  std::string functions;
  bool is_in_parts = false, allocates = false;
  for (Emitted& one : emitted_) {
    functions += one.function.text;
    one.function.text.clear();
    is_in_parts = is_in_parts || one.function.is_in_parts;
    allocates = allocates || one.function.allocates;
  }
  CSource c{name_, {}, header()};
  c.source = c.header + "\n#include <math.h>\n";
  if (allocates) c.source += "#include <stdlib.h>\n";
  c.source += "\n";
  if (options_.arithmetic == Arithmetic::strict) {
    c.source +=
        "#if defined(__clang__) || !defined(__GNUC__)\n#pragma STDC FP_CONTRACT OFF\n#endif\n\n";
  }
  if (is_in_parts) {
    // One function again would take a compiler more than linear time.
    c.source +=
        "#ifndef CHAINRULE_PART\n#ifdef __GNUC__\n"
        "#define CHAINRULE_PART static __attribute__((noinline))\n"
        "#else\n#define CHAINRULE_PART static\n#endif\n#endif\n";
    c.source += "\n";
  }
  c.source += rows.helpers();
  if (!rows.helpers().empty()) c.source += "\n";
  c.source += functions;
  c.source.pop_back();
  return c;
}

// The inputs to differentiate by are there, each once, and something is differentiated.
void require_columns(const Function& f, std::span<const std::size_t> by,
                     std::span<const CPart> parts) {
  std::vector<std::size_t> column(f.inputs(), by.size());
  for (std::size_t k = 0; k < by.size(); ++k) {
    if (by[k] >= f.inputs()) {
      fail("emit_c", "there is no input " + std::to_string(by[k]) + ": the function has " +
                         std::to_string(f.inputs()));
    }
    std::size_t& first = column[by[k]];
    if (first != by.size()) {
      fail("emit_c", "input " + std::to_string(by[k]) + " is to be differentiated by twice: as " +
                         "column " + std::to_string(first) + " and column " + std::to_string(k));
    }
    first = k;
  }
  if (!by.empty() && parts.back() == CPart::value) {
    fail("emit_c", counted(by.size(), "input") +
                       " to differentiate by, but the value alone is to be written");
  }
}

std::vector<CPart> usual_parts(const Function& f) {
  return {CPart::value, f.outputs() == 1 ? CPart::gradient : CPart::jacobian};
}

}  // namespace

CSource emit_c(const Function& f, const EmitCOptions& options) {
  std::vector<CPart> parts = options.parts.empty() ? usual_parts(f) : options.parts;
  std::sort(parts.begin(), parts.end());
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  if (parts.back() > CPart::hessian) {
    fail("emit_c",
         "there is no part number " + std::to_string(static_cast<unsigned>(parts.back())));
  }
  require_columns(f, options.by, parts);
  std::vector<std::size_t> by = options.by;
  if (by.empty()) {
    by.resize(f.inputs());
    std::iota(by.begin(), by.end(), std::size_t{0});
  }
  return Document(f, options, std::move(by)).run(parts);
}

void save_c(const CSource& c, const std::string& source, const std::string& header) {
  std::string beside = header;
  if (beside.empty()) {
    const std::size_t dot = source.rfind('.');
    const bool has_ending = dot != source.npos && source.find('/', dot) == source.npos;
    beside = source.substr(0, has_ending ? dot : source.npos) + ".h";
  }
  if (beside == source) fail("save_c", "the source and its header are both '" + source + "'");
  write_whole_file(source, c.source);
  write_whole_file(beside, c.header);
}

}  // namespace chainrule
