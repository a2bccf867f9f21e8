// One C function of a program. Checks stand in the order of the guards and stores last, so that
// nothing is written where a guard does not hold.
#include <algorithm>
#include <cmath>

#include "chainrule/emit/c/scope_internal.hpp"

namespace chainrule::detail {
namespace {

constexpr std::size_t kOnStack = 4096;  // numbers of a workspace that is no malloc
constexpr std::size_t kRun = 4;         // numbers side by side that are copied by a loop

// What is true where the value is not the expected one, bit for bit.
std::string broken(const CText& value, double expected) {
  if (value.is_truth && expected == 1) return "!(" + value.text + ")";
  if (value.is_truth && expected == 0) return value.text;
  const std::string v = "(" + value.text + ")";
  if (std::isnan(expected)) return v + " == " + v;
  if (expected != 0) return "!(" + v + " == " + c_number(expected).text + ")";
  return "!(" + v + " == 0.0) || " + (std::signbit(expected) ? "!" : "") + "signbit" + v;
}

}  // namespace

// ---- text -------------------------------------------------------------------------------------

Source Scope::source(StepId step, std::uint32_t part) const {
  const Formula::Step& s = program_.formula[step];
  switch (s.kind) {
    case Formula::Kind::input: {
      if (s.at[0] < program_.inputs) return inputs_[s.at[0]];
      const auto after =
          std::ranges::upper_bound(program_.loops, s.at[0], {}, &CLoop::first_result);
      const auto j = static_cast<std::size_t>(after - program_.loops.begin() - 1);
      return Source(result(j, s.at[0] - program_.loops[j].first_result));
    }
    case Formula::Kind::number: return Source(c_number(program_.formula.number_of(step)));
    case Formula::Kind::operation: break;
  }
  if (part == layout_.part(step)) {
    return Source(CText{"v" + number(step.index), Binding::atom, gives_truth(s.op)});
  }
  return Source(in_v(layout_.slot(step)));
}

void Scope::statements() {
  CSteps steps(
      program_.formula, layout_.names(), file_.rows,
      [this](StepId operand, StepId by) { return now_.of(source(operand, layout_.part(by))); },
      [this](StepId step, const CText& value) { define(step, value); });
  const auto root = [&](StepId step) {
    return layout_.is_inlined(step) ? steps.use(step, step) : now_.of(source(step, here_));
  };
  layout_.each_step(
      [&](StepId step) {
        if (layout_.names().is_named[step.index]) enter(layout_.part(step));
        steps.spell(step);
      },
      [&](std::size_t j) {
        for (const CCopy& copy : layout_.copies(j)) {
          enter(copy.part);
          store({in_v(copy.to)}, root(copy.from).text);
        }
        enter(layout_.loop_part(j));
        loop(j);
      },
      [&](std::size_t k) {
        enter(layout_.check_part(k));
        check(program_.checks[k], root(program_.checks[k].step));
      });
  store_all(root);
}

void Scope::define(StepId step, const CText& value) {
  const std::string& label = program_.labels[step.index];
  const std::string comment = label.empty() ? ";\n" : "; /* " + label + " */\n";
  const bool is_local = layout_.is_read_at_home(step);
  const std::string local = "v" + number(step.index);
  const char* const type = value.is_truth ? "const int " : "const double ";
  if (is_local) now_.text += indent_ + type + local + " = " + value.text + comment;
  if (layout_.slot(step) == kNowhere) return;
  now_.text += indent_ + now_.at(in_v(layout_.slot(step))) + " = ";
  now_.text += is_local ? local + ";\n" : value.text + comment;
}

void Scope::check(const CCheck& guard, const CText& value) {
  now_.text += indent_ + "if (" + broken(value, guard.expected) + ") return ";
  now_.text += number(guard.number) + ";";
  now_.text += guard.place.empty() ? "\n" : " /* " + guard.place + " */\n";
}

template <class Root>
void Scope::store_all(const Root& root) {
  for (std::size_t k = 0; k < program_.outputs.size();) {
    enter(layout_.store_part(k));
    const std::size_t count = run_from(k);
    if (count >= kRun) {
      const Place from = *source(program_.outputs[k], here_).place;
      const Place next = *source(program_.outputs[k + 1], here_).place;
      copy_run(*targets_[k].place, from, count, *distance(from, next));
      k += count;
    } else {
      store(targets_[k], root(program_.outputs[k]).text);
      ++k;
    }
  }
}

// How many outputs from this one on are inputs, evenly spaced, that go side by side.
std::size_t Scope::run_from(std::size_t output) const {
  const auto place = [&](std::size_t k) -> std::optional<Place> {
    const bool is_input = program_.formula[program_.outputs[k]].kind == Formula::Kind::input;
    if (!is_input || !targets_[k].place || targets_[k].sets != " = ") return std::nullopt;
    return source(program_.outputs[k], here_).place;
  };
  auto last = place(output);
  if (!last) return 0;
  std::optional<std::int64_t> step;
  std::size_t count = 1;
  for (std::size_t k = output + 1; k < program_.outputs.size(); ++k, ++count) {
    const auto next = place(k);
    if (!next || distance(*targets_[k - 1].place, *targets_[k].place) != 1) break;
    const auto apart = distance(*last, *next);
    if (!apart || (step && *apart != *step)) break;
    step = apart;
    last = next;
  }
  return count;
}

void Scope::store(const Target& target, const std::string& value) {
  now_.text += indent_ + (target.place ? now_.at(*target.place) : target.text);
  now_.text.append(target.sets).append(value).append(";\n");
}

void Scope::copy_run(const Place& to, const Place& from, std::size_t count, std::int64_t step) {
  const std::string left = now_.at(to.moving("k", 1)), right = now_.at(from.moving("k", step));
  now_.text +=
      indent_ + "for (long k = 0; k < " + number(count) + "; ++k) " + left + " = " + right + ";\n";
}

// Statements come in the order of parts.
void Scope::enter(std::uint32_t part) {
  if (part == here_) return;
  close_part();
  here_ = part;
}

void Scope::close_part() {
  if (now_.text.empty()) return;
  const std::string name = name_ + "_part" + number(++written_);
  add_function(name, depth_ == 0 ? Reaches::outputs : Reaches::workspace, now_);
  now_ = {};
}

// The indices are those of the loops around.
std::string Scope::parameters(Reaches reaches) const {
  std::string text = "const double *x, double *v";
  for (unsigned d = 1; d <= depth_; ++d) text += ", long " + index_name(d);
  if (reaches == Reaches::outputs) {
    for (const CArray& array : file_.arrays) text += ", double *" + array.name;
  }
  return text;
}

void Scope::add_function(const std::string& name, Reaches reaches, const Body& body) {
  file_.text += "CHAINRULE_PART int " + name + "(" + parameters(reaches) + ") {\n";
  file_.text += body.unused("x") + body.unused("v");
  for (unsigned d = 1; d <= depth_; ++d) file_.text += body.unused(index_name(d));
  if (reaches == Reaches::outputs) {
    for (const CArray& array : file_.arrays) file_.text += body.unused(array.name);
  }
  file_.text += body.text + "  return 0;\n}\n\n";
  calls_.push_back({name, reaches});
}

// ---- the function -------------------------------------------------------------------------------

CFunction Scope::whole(std::vector<Target> targets) {
  std::string head = "int " + name_ + "(const double *x";
  for (const CArray& array : file_.arrays) head += ", double *" + array.name;
  head += ") {\n";
  if (is_in_one_piece()) {
    Body body;
    write_into(body, std::move(targets));
    head += body.unused("x");
    for (const CArray& array : file_.arrays) head += body.unused(array.name);
    return {head + body.text + "  return 0;\n}\n\n", false, false};
  }
  write_functions(std::move(targets));
  std::string& text = file_.text += head;
  const bool allocates = file_.workspace > kOnStack;
  const std::string slots = number(std::max<std::size_t>(1, file_.workspace));
  text += allocates ? "  double *v = (double *)malloc(" + slots + " * sizeof(double));\n"
                    : "  double v[" + slots + "];\n";
  text += "  int guard = 0;\n";
  if (allocates) text += "  if (v == NULL) return -1;\n";
  for (const Call& call : calls_) {
    text += "  if (guard == 0) guard = " + call.name + "(x, v";
    if (call.reaches == Reaches::outputs) {
      for (const CArray& array : file_.arrays) text += ", " + array.name;
    }
    text += ");\n";
  }
  if (allocates) text += "  free(v);\n";
  return {text + "  return guard;\n}\n\n", true, allocates};
}

CFunction c_function(const CProgram& program, const std::string& name,
                     std::span<const CArray> arrays, CRows& rows) {
  File file{name, arrays, rows};
  std::vector<Source> inputs;
  for (std::size_t k = 0; k < program.inputs; ++k) {
    inputs.push_back(Source(Place{"x", static_cast<std::int64_t>(k)}));
  }
  std::vector<Target> targets;
  for (const CArray& array : arrays) {
    for (std::size_t k = 0; k < array.count; ++k) {
      targets.push_back({Place{array.name, static_cast<std::int64_t>(k)}});
    }
  }
  return Scope(file, program, name, 0, std::move(inputs)).whole(std::move(targets));
}

}  // namespace chainrule::detail
