// Why is my gradient zero, and where was the NaN born?
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "chainrule/base/text.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/inspect.hpp"
#include "chainrule/tape/state_internal.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule {
namespace {

std::string place_of(const Tape::State& state, std::uint32_t row) {
  if (row >= state.lines.size() || state.lines[row].file == nullptr) return "";
  return std::string(", recorded at ") + state.lines[row].file + ":" +
         std::to_string(state.lines[row].line);
}

std::string_view operation_name(const Tape::State& state, std::uint32_t row) {
  const detail::Code code = state.rows.codes[row];
  if (is_operation(code)) return info(op_of(code)).name;
  if (code == detail::Code::array) return state.arrays->name(row);
  if (code == detail::Code::element) return "element";
  return block_at(state, state.rows.links[row].x).block->name();
}

bool is_array(const Tape::State& state, std::uint32_t row) {
  return state.rows.codes[row] == detail::Code::array;
}
bool is_nan(const Tape::State& state, std::uint32_t row) {
  return is_array(state, row) ? state.arrays->has_nan(row) : std::isnan(state.rows.values[row]);
}
std::string value_text(const Tape::State& state, std::uint32_t row) {
  return is_array(state, row) ? state.arrays->value_text(row) : shortest(state.rows.values[row]);
}
// Whether an operand is NaN already.
bool takes_nan(const Tape::State& state, const Operands& operands) {
  for (std::size_t k = 0; k < operands.count(); ++k) {
    const bool is_one =
        operands.is_number(k) ? std::isnan(operands.values()[k]) : is_nan(state, operands.link(k));
    if (is_one) return true;
  }
  return false;
}

// "log/0 = log(x = -1) = nan, recorded at f.cpp:12"
std::string sentence(const Tape& tape, std::uint32_t row) {
  const Tape::State& state = TapeAccess::state(tape);
  const Operands operands(state, row);
  std::string text = name_of(tape, {row});
  if (operands.count() > 0) {
    constexpr std::size_t kMostShown = 8;
    text.append(" = ").append(operation_name(state, row)).append("(");
    for (std::size_t k = 0; k < operands.count() && k < kMostShown; ++k) {
      if (k > 0) text += ", ";
      if (operands.is_number(k)) {
        text += shortest(operands.values()[k]);
      } else {
        text += name_of(tape, {operands.link(k)}) + " = " + value_text(state, operands.link(k));
      }
    }
    text += operands.count() > kMostShown ? ", ...)" : ")";
  }
  return text + " = " + value_text(state, row) + place_of(state, row);
}

// Walks the reverse sweep of y over `rows`, calling visit(row, operand, adjoint, contribution) for
// each contribution that is pushed.
template <class Visit>
void walk_contributions(const Tape::State& state, const std::vector<std::uint32_t>& rows,
                        Visit&& visit) {
  std::vector<double> adjoints(rows.back() + std::size_t{1}, kUnreached);
  accumulate(adjoints[rows.back()], 1.0);
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    const double g = adjoints[*row];
    if (is_unreached(g)) continue;
    const Operands operands(state, *row);
    operands.pull_back(g, [&](std::size_t k, double contribution) {
      if (operands.is_number(k)) return;
      accumulate(adjoints[operands.link(k)], contribution);
      visit(*row, operands.link(k), g, contribution);
    });
  }
}

}  // namespace

std::optional<Fault> first_nan(const Scalar& y) {
  const Tape& tape = Tape::active();
  const Tape::State& state = TapeAccess::state(tape);
  const auto rows = ancestor_rows(state, tape.node_of(y, "first_nan").index);
  for (const std::uint32_t row : rows) {
    if (!is_nan(state, row)) continue;
    const Operands operands(state, row);
    if (!takes_nan(state, operands)) {
      return Fault{{row}, false, "the value is NaN first at " + sentence(tape, row)};
    }
  }
  std::optional<Fault> fault;
  walk_contributions(
      state, rows, [&](std::uint32_t row, std::uint32_t operand, double g, double contribution) {
        if (fault || !std::isnan(contribution) || std::isnan(g)) return;
        fault =
            Fault{{row},
                  true,
                  "the adjoint is NaN first where " + sentence(tape, row) + " passes its adjoint " +
                      shortest(g) + " on to " + name_of(tape, {operand})};
      });
  return fault;
}

std::string explain(const Scalar& y, const Scalar& x) {
  const Tape& tape = Tape::active();
  const Tape::State& state = TapeAccess::state(tape);
  const std::uint32_t bottom = tape.node_of(x, "explain").index;
  const std::string x_name = name_of(tape, {bottom});
  if (y.is_number())
    return "the plain number " + shortest(y.value()) + " does not depend on " + x_name;
  const std::uint32_t top = tape.node_of(y, "explain").index;
  const std::string y_name = name_of(tape, {top});
  const auto rows = ancestor_rows(state, top);
  if (!std::ranges::binary_search(rows, bottom)) {
    return y_name + " does not depend on " + x_name + ": no path leads from one to the other";
  }

  // Forward from x: which nodes depend on it, and through which operand most strongly, measured by
  // |∂node/∂x| along that single path; and, where nothing is pushed, that the path is cut there.
  constexpr std::uint32_t kNone = 0xFFFFFFFFu;
  constexpr double kNoPartial = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> strength(top + std::size_t{1}, -1.0);
  std::vector<std::uint32_t> through(top + std::size_t{1}, kNone);
  std::vector<double> partial_there(top + std::size_t{1});
  std::vector<bool> depends(top + std::size_t{1});
  std::vector<std::uint32_t> cuts;
  strength[bottom] = 1.0;
  depends[bottom] = true;
  for (const std::uint32_t row : rows) {
    const Operands operands(state, row);
    if (row == bottom || operands.count() == 0) continue;
    for (std::size_t k = 0; k < operands.count(); ++k) {
      if (!operands.is_number(k) && depends[operands.link(k)]) depends[row] = true;
    }
    const auto go_on = [&](std::size_t k, double partial, double along) {
      if (!(along <= strength[row])) {
        strength[row] = along;
        through[row] = operands.link(k);
        partial_there[row] = partial;
      }
    };
    operands.pull_back(1.0, [&](std::size_t k, double partial) {
      if (operands.is_number(k) || strength[operands.link(k)] < 0) return;
      go_on(k, partial, strength[operands.link(k)] * std::fabs(partial));
    });
    // Through an array there is no one number to multiply by.
    if (is_array(state, row) || state.rows.codes[row] == detail::Code::element) {
      for (std::size_t k = 0; k < operands.count(); ++k) {
        const double along = strength[operands.link(k)];
        if (along >= 0) go_on(k, kNoPartial, along);
      }
    }
    if (strength[row] < 0) {
      for (std::size_t k = 0; k < operands.count(); ++k) {
        if (!operands.is_number(k) && strength[operands.link(k)] >= 0) {
          cuts.push_back(row);
          break;
        }
      }
    }
  }
  if (strength[top] < 0) {
    std::string text = y_name + " depends on " + x_name + ", but every path is cut:";
    for (std::size_t k = 0; k < cuts.size() && k < 5; ++k) {
      text += "\n  at " + sentence(tape, cuts[k]) + ", which passes nothing on";
    }
    return text;
  }
  if (has_arrays(state, rows) && reach(y, x) == Reach::cut) {
    return y_name + " depends on " + x_name +
           ", but nothing arrives: every path is cut inside of a tensor operation";
  }
  std::string text = y_name + " depends on " + x_name + ", most strongly along:";
  std::vector<std::uint32_t> path;
  for (std::uint32_t row = top; row != kNone; row = through[row]) path.push_back(row);
  for (auto row = path.rbegin(); row != path.rend(); ++row) {
    text += "\n  " + sentence(tape, *row);
    const bool has_partial =
        *row != bottom && !is_array(state, *row) && state.rows.codes[*row] != detail::Code::element;
    if (has_partial) {
      text += ", times " + shortest(partial_there[*row]);
    }
  }
  return text;
}

}  // namespace chainrule
