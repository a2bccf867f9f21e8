// Why is my gradient zero, and where was the NaN born?
#include <algorithm>
#include <cmath>
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
      if (!operands.is_number(k)) text += name_of(tape, {operands.link(k)}) + " = ";
      text += shortest(operands.values()[k]);
    }
    text += operands.count() > kMostShown ? ", ...)" : ")";
  }
  return text + " = " + shortest(state.rows.values[row]) + place_of(state, row);
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
    if (!std::isnan(state.rows.values[row])) continue;
    const Operands operands(state, row);
    if (std::ranges::none_of(operands.values(), [](double value) { return std::isnan(value); })) {
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
    operands.pull_back(1.0, [&](std::size_t k, double partial) {
      const std::uint32_t from = operands.link(k);
      if (operands.is_number(k) || strength[from] < 0) return;
      const double along = strength[from] * std::fabs(partial);
      if (!(along <= strength[row])) {
        strength[row] = along;
        through[row] = from;
        partial_there[row] = partial;
      }
    });
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
  std::string text = y_name + " depends on " + x_name + ", most strongly along:";
  std::vector<std::uint32_t> path;
  for (std::uint32_t row = top; row != kNone; row = through[row]) path.push_back(row);
  for (auto row = path.rbegin(); row != path.rend(); ++row) {
    text += "\n  " + sentence(tape, *row);
    if (*row != bottom) {
      text += ", times " + shortest(partial_there[*row]);
    }
  }
  return text;
}

}  // namespace chainrule
