// One C function of a Formula. A statement is the definition of a step that has a name, the check
// of a guard, or the storing of an output; checks stand in the order of the guards, stores last, so
// that nothing is written where a guard does not hold.
//
// Compilers take more than linear time for a long function (gcc 12: 0.9 s for 2,500 statements, 60
// s for 12,700 whose values live long; in parts 2.4 s), so beyond a size the statements are dealt
// out to parts. A value that another part than its own reads stands in a workspace v, whose slots
// are used again after the last part that reads them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "chainrule/emit/c/program_internal.hpp"

namespace chainrule::detail {
namespace {

constexpr std::size_t kLongest = 500;   // statements of a function in one piece
constexpr std::size_t kPart = 250;      // statements of a part
constexpr std::size_t kOnStack = 4096;  // numbers of a workspace that is no malloc

constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

std::vector<StepId> roots_of(const CProgram& program) {
  std::vector<StepId> roots = program.outputs;
  for (const CCheck& check : program.checks) roots.push_back(check.step);
  return roots;
}

// What is true where the value is not the expected one, bit for bit.
std::string broken(const CText& value, double expected) {
  if (value.is_truth && expected == 1) return "!(" + value.text + ")";
  if (value.is_truth && expected == 0) return value.text;
  const std::string v = "(" + value.text + ")";
  if (std::isnan(expected)) return v + " == " + v;
  if (expected != 0) return "!(" + v + " == " + c_number(expected).text + ")";
  return "!(" + v + " == 0.0) || " + (std::signbit(expected) ? "!" : "") + "signbit" + v;
}

class Writer {
 public:
  Writer(const CProgram& program, const std::string& name, std::span<const CArray> arrays,
         CRows& rows)
      : program_(program),
        formula_(program.formula),
        name_(name),
        arrays_(arrays),
        rows_(rows),
        names_(formula_, roots_of(program)) {}

  CFunction run() {
    lay_out();
    CSteps steps(
        formula_, names_, rows_,
        [this](StepId operand, StepId by) { return reference(operand, part_[by.index]); },
        [this](StepId step, const CText& value) { define(step, value); });
    const auto root = [&](StepId step) {
      return is_inlined(step) ? steps.use(step, step) : reference(step, here_);
    };
    each_step(
        [&](StepId step) {
          if (names_.is_named[step.index]) enter(part_[step.index]);
          steps.spell(step);
        },
        [&](std::size_t k) {
          enter(check_part_[k]);
          check(k, root(program_.checks[k].step));
        });
    std::size_t array = 0, place = 0;
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      while (place == arrays_[array].count) ++array, place = 0;
      enter(store_part_[k]);
      body_ += "  " + arrays_[array].name + "[" + std::to_string(place++) + "] = ";
      body_ += root(program_.outputs[k]).text + ";\n";
      stores_[array] = true;
    }
    close_part();
    if (parts_ > 1) text_ += main_function();
    return {std::move(text_), parts_ > 1, parts_ > 1 && slots_ > kOnStack};
  }

 private:
  bool is_operation(StepId step) const { return formula_[step].kind == Formula::Kind::operation; }
  bool is_inlined(StepId step) const { return is_operation(step) && !names_.is_named[step.index]; }

  // Calls visit(step) for each step that is used, and check(k) for each guard as soon as its value
  // and all guards before it are there.
  template <class Visit, class Check>
  void each_step(Visit&& visit, Check&& check) const {
    std::size_t next = 0;
    for (std::uint32_t i = 0; i < formula_.size(); ++i) {
      if (names_.uses[i] > 0) visit(StepId{i});
      for (; next < program_.checks.size() && program_.checks[next].step.index <= i; ++next) {
        check(next);
      }
    }
  }

  // Deals the statements out to parts, and gives what crosses their borders slots in v.
  void lay_out() {
    const std::size_t named = static_cast<std::size_t>(std::ranges::count(names_.is_named, true));
    const std::size_t all = named + program_.checks.size() + program_.outputs.size();
    const std::size_t size = all > kLongest ? kPart : kLongest;
    parts_ = static_cast<std::uint32_t>(std::max<std::size_t>(1, (all + size - 1) / size));
    std::size_t count = 0;
    const auto next_part = [&] { return static_cast<std::uint32_t>(count++ / size); };
    part_.resize(formula_.size());
    each_step(
        [&](StepId step) {
          if (names_.is_named[step.index]) part_[step.index] = next_part();
        },
        [&](std::size_t k) {
          check_part_.push_back(next_part());
          settle(program_.checks[k].step, check_part_.back());
        });
    for (const StepId output : program_.outputs) {
      store_part_.push_back(next_part());
      settle(output, store_part_.back());
    }
    for (std::size_t i = formula_.size(); i-- > 0;) {
      each_operand(i, [&](StepId x) { settle(x, part_[i]); });
    }
    find_readers();
    assign_slots();
  }

  // What is spelled where it is used is spelled in the part of its one reader.
  void settle(StepId step, std::uint32_t part) {
    if (is_inlined(step)) part_[step.index] = part;
  }

  template <class Visit>
  void each_operand(std::size_t i, Visit&& visit) const {
    const Formula::Step& step = formula_.steps()[i];
    if (names_.uses[i] == 0 || step.kind != Formula::Kind::operation) return;
    for (int k = 0; k < info(step.op).arity; ++k) visit(StepId{step.at[k]});
  }

  void find_readers() {
    last_reader_.assign(formula_.size(), kNowhere);
    is_read_at_home_.resize(formula_.size());
    const auto read = [&](StepId x, std::uint32_t part) {
      if (!names_.is_named[x.index]) return;
      std::uint32_t& last = last_reader_[x.index];
      if (part == part_[x.index]) {
        is_read_at_home_[x.index] = true;
      } else if (last == kNowhere || last < part) {
        last = part;
      }
    };
    for (std::size_t i = 0; i < formula_.size(); ++i) {
      each_operand(i, [&](StepId x) { read(x, part_[i]); });
    }
    for (std::size_t k = 0; k < check_part_.size(); ++k) {
      read(program_.checks[k].step, check_part_[k]);
    }
    for (std::size_t k = 0; k < store_part_.size(); ++k) {
      read(program_.outputs[k], store_part_[k]);
    }
  }

  void assign_slots() {
    slot_.assign(formula_.size(), kNowhere);
    std::vector<std::vector<std::uint32_t>> let_go(parts_ + 1);
    std::vector<std::uint32_t> free;
    std::uint32_t part = 0;
    for (std::size_t i = 0; i < formula_.size(); ++i) {
      if (last_reader_[i] == kNowhere) continue;
      for (; part < part_[i]; ++part) {
        free.insert(free.end(), let_go[part + 1].begin(), let_go[part + 1].end());
      }
      if (free.empty()) free.push_back(slots_++);
      slot_[i] = free.back();
      free.pop_back();
      let_go[last_reader_[i] + 1].push_back(slot_[i]);
    }
  }

  // ---- text -----------------------------------------------------------------------------------

  CText reference(StepId step, std::uint32_t part) {
    switch (formula_[step].kind) {
      case Formula::Kind::input:
        reads_x_ = true;
        return {"x[" + std::to_string(formula_[step].at[0]) + "]"};
      case Formula::Kind::number: return c_number(formula_.number_of(step));
      case Formula::Kind::operation: break;
    }
    if (part == part_[step.index])
      return {local(step), Binding::atom, gives_truth(formula_[step].op)};
    uses_v_ = true;
    return {"v[" + std::to_string(slot_[step.index]) + "]"};
  }

  static std::string local(StepId step) { return "v" + std::to_string(step.index); }

  void define(StepId step, const CText& value) {
    const std::string label = program_.labels[step.index];
    const std::string comment = label.empty() ? ";\n" : "; /* " + label + " */\n";
    const bool is_local = is_read_at_home_[step.index];
    const char* const type = value.is_truth ? "  const int " : "  const double ";
    if (is_local) body_ += type + local(step) + " = " + value.text + comment;
    if (slot_[step.index] == kNowhere) return;
    uses_v_ = true;
    body_ += "  v[" + std::to_string(slot_[step.index]) + "] = ";
    body_ += is_local ? local(step) + ";\n" : value.text + comment;
  }

  void check(std::size_t k, const CText& value) {
    const CCheck& guard = program_.checks[k];
    body_ += "  if (" + broken(value, guard.expected) + ") return " + std::to_string(k + 1) + ";";
    body_ += guard.place.empty() ? "\n" : " /* " + guard.place + " */\n";
  }

  // Statements come in the order of parts.
  void enter(std::uint32_t part) {
    while (here_ < part) {
      close_part();
      ++here_;
    }
  }

  std::string part_name(std::uint32_t part) const {
    return name_ + "_part" + std::to_string(part + 1);
  }

  std::string signature(const std::string& name, std::string_view workspace) const {
    std::string text = "int " + name + "(const double *x";
    text += workspace;
    for (const CArray& array : arrays_) text += ", double *" + array.name;
    return text + ")";
  }

  void close_part() {
    const bool is_whole = parts_ == 1;
    text_ += is_whole ? signature(name_, "")
                      : "CHAINRULE_PART " + signature(part_name(here_), ", double *v");
    text_ += " {\n";
    if (!reads_x_) text_ += "  (void)x;\n";
    if (!is_whole && !uses_v_) text_ += "  (void)v;\n";
    for (std::size_t k = 0; k < arrays_.size(); ++k) {
      if (!stores_[k]) text_ += "  (void)" + arrays_[k].name + ";\n";
    }
    text_ += body_ + "  return 0;\n}\n\n";
    body_.clear();
    reads_x_ = uses_v_ = false;
    stores_.assign(arrays_.size(), false);
  }

  std::string main_function() const {
    std::string text = signature(name_, "") + " {\n";
    const bool allocates = slots_ > kOnStack;
    const std::string slots = std::to_string(std::max<std::uint32_t>(1, slots_));
    if (allocates) {
      text += "  double *v = (double *)malloc(" + slots + " * sizeof(double));\n";
    } else {
      text += "  double v[" + slots + "];\n";
    }
    text += "  int guard = 0;\n";
    if (allocates) text += "  if (v == NULL) return -1;\n";
    for (std::uint32_t part = 0; part < parts_; ++part) {
      text += "  if (guard == 0) guard = " + part_name(part) + "(x, v";
      for (const CArray& array : arrays_) text += ", " + array.name;
      text += ");\n";
    }
    if (allocates) text += "  free(v);\n";
    return text + "  return guard;\n}\n\n";
  }

  const CProgram& program_;
  const Formula& formula_;
  const std::string& name_;
  std::span<const CArray> arrays_;
  CRows& rows_;
  CNames names_;
  std::uint32_t parts_ = 1, slots_ = 0;
  // By step: the part that its text stands in; the last other part that reads it; its place in v.
  std::vector<std::uint32_t> part_, last_reader_, slot_;
  std::vector<bool> is_read_at_home_;
  std::vector<std::uint32_t> check_part_, store_part_;
  // The part that is being written.
  std::uint32_t here_ = 0;
  std::string text_, body_;
  bool reads_x_ = false, uses_v_ = false;
  std::vector<bool> stores_ = std::vector<bool>(arrays_.size());
};

}  // namespace

CFunction c_function(const CProgram& program, const std::string& name,
                     std::span<const CArray> arrays, CRows& rows) {
  return Writer(program, name, arrays, rows).run();
}

}  // namespace chainrule::detail
