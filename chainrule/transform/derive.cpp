#include "chainrule/transform/derive.hpp"

#include <algorithm>
#include <string>

#include "chainrule/tape/inspect.hpp"
#include "chainrule/tape/state_internal.hpp"

namespace chainrule {

using detail::Code;

void detail::require_closed(const Tape& tape, std::size_t first, const char* where) {
  const Tape::State& state = TapeAccess::state(tape);
  for (const auto& [handle, leaf] : state.leaf_of) {
    if (leaf.row >= first && leaf.row != Tape::State::kNoRow) {
      fail(where,
           "the function reads a Scalar that was recorded outside of it, and the derivative, "
           "a plain number, would lose its dependence on it: pass Scalars as arguments");
    }
  }
  if (first == 0) return;
  const auto require = [&](std::uint32_t link, bool is_number) {
    if (is_number || link >= first) return;
    fail(where, "the function reads " + name_of(tape, {link}) +
                    ", recorded outside of it, and the derivative, a plain number, would lose its "
                    "dependence on it: pass Scalars as arguments, or the value() of what is read");
  };
  for (auto row = static_cast<std::uint32_t>(first); row < state.rows.size; ++row) {
    const Code code = state.rows.codes[row];
    if (code == Code::block) {
      const BlockRow& block = block_at(state, row);
      for (std::size_t k = 0; k < block.links.size(); ++k)
        require(block.links[k], block.is_number[k]);
    } else if (code == Code::array || code == Code::element) {
      const Operands operands(state, row);
      for (std::size_t k = 0; k < operands.count(); ++k) require(operands.link(k), false);
    } else if (code == Code::third_operand) {
      // A place in the pool of numbers may stand here: the operation's mask tells.
      require(state.rows.links[row].x, (mask_of(state.rows.codes[row + 1]) & 4u) != 0);
    } else if (is_operation(code)) {
      const unsigned mask = mask_of(code);
      require(state.rows.links[row].x, (mask & 1u) != 0);
      if (info(op_of(code)).arity > 1) require(state.rows.links[row].y, (mask & 2u) != 0);
    }
  }
}

void detail::require_seeds(const char* where, const char* what, std::size_t expected,
                           std::size_t got) {
  if (expected != got) {
    fail(where, "the " + std::string(what) + " has " + std::to_string(got) + " numbers, but " +
                    std::to_string(expected) + " are needed");
  }
}

Dense<Scalar> detail::recorded_hessian(const Scalar& y, std::span<const Scalar> xs) {
  return recorded_jacobian(recorded_gradient(y, xs), xs, Sweep::reverse);
}

Dense<Scalar> detail::recorded_jacobian(std::span<const Scalar> ys, std::span<const Scalar> xs,
                                        Sweep sweep) {
  Dense<Scalar> result(ys.size(), xs.size());
  if (sweep == Sweep::forward || (sweep == Sweep::shorter && xs.size() < ys.size())) {
    std::vector<Scalar> seeds(xs.size(), Scalar(kUnreached));
    for (std::size_t j = 0; j < xs.size(); ++j) {
      seeds[j] = 1.0;
      const std::vector<Scalar> column = recorded_jvp(ys, xs, seeds);
      for (std::size_t i = 0; i < ys.size(); ++i) result(i, j) = column[i];
      seeds[j] = kUnreached;
    }
  } else {
    for (std::size_t i = 0; i < ys.size(); ++i) {
      const std::vector<Scalar> row = recorded_gradient(ys[i], xs);
      for (std::size_t j = 0; j < xs.size(); ++j) result(i, j) = row[j];
    }
  }
  return result;
}

Dense<double> jacobian(std::span<const Scalar> ys, std::span<const Scalar> xs, Sweep sweep) {
  Dense<double> result(ys.size(), xs.size());
  if (sweep == Sweep::forward || (sweep == Sweep::shorter && xs.size() < ys.size())) {
    // Several columns a sweep.
    constexpr std::size_t kTogether = 8;
    for (std::size_t first = 0; first < xs.size(); first += kTogether) {
      const std::size_t count = std::min(kTogether, xs.size() - first);
      std::vector<double> seeds(count * xs.size(), kUnreached);
      for (std::size_t d = 0; d < count; ++d) seeds[d * xs.size() + first + d] = 1.0;
      const std::vector<double> columns = jvp(ys, xs, seeds);
      for (std::size_t d = 0; d < count; ++d) {
        for (std::size_t i = 0; i < ys.size(); ++i)
          result(i, first + d) = columns[d * ys.size() + i];
      }
    }
  } else {
    for (std::size_t i = 0; i < ys.size(); ++i) {
      gradient(ys[i], xs, std::span(result.entries).subspan(i * xs.size(), xs.size()));
    }
  }
  return result;
}

}  // namespace chainrule
