#include "chainrule/tape/inner.hpp"

#include <algorithm>

#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

// The tapes of this thread that stand by.
std::vector<std::unique_ptr<Tape>>& pool() {
  static thread_local std::vector<std::unique_ptr<Tape>> tapes;
  return tapes;
}

std::unique_ptr<Tape> take() {
  auto& tapes = pool();
  if (tapes.empty()) return std::make_unique<Tape>("inner");
  std::unique_ptr<Tape> tape = std::move(tapes.back());
  tapes.pop_back();
  return tape;
}

// The row of a tape that stands for an outside operand; null if there is none.
const std::uint32_t* leaf_in(const Tape::State& state, const Scalar& s) {
  const auto at = state.leaf_of.find(ScalarAccess::handle(s));
  const bool stands = at != state.leaf_of.end() && at->second.row != Tape::State::kNoRow;
  return stands ? &at->second.row : nullptr;
}

}  // namespace

const double* Tape::State::find_value(const Scalar& s) const {
  if (rows.live(ScalarAccess::stamp(s))) return &rows.values[ScalarAccess::row(s)];
  if (const std::uint32_t* leaf = leaf_in(*this, s)) return &rows.values[*leaf];
  if (!capturing || outer == nullptr || outer->tape == nullptr) return nullptr;
  return TapeAccess::state(*outer->tape).find_value(s);
}

bool Tape::State::capture(Scalar& s) {
  if (const std::uint32_t* leaf = leaf_in(*this, s)) {
    s = handle_to(*leaf);
    return true;
  }
  if (!capturing) return false;
  const double* value = find_value(s);
  if (value == nullptr) return false;
  const double now = *value;
  make_room();
  const std::uint32_t row = rows.append(detail::Code::variable, 0, 0, now);
  keep_line({});
  Leaf& leaf = leaf_of[ScalarAccess::handle(s)];
  if (!leaf.is_listed) captured.push_back(s);
  leaf = {row, true};
  s = handle_to(row);
  return true;
}

bool lead_in(Scalar& operand, std::string_view where) {
  const detail::Recorder& rows = *detail::active_recorder;
  const std::uint32_t stamp = ScalarAccess::stamp(operand);
  if (stamp == 0 || rows.live(stamp)) return false;
  static const Tape::State nowhere;
  if (rows.tape != nullptr && TapeAccess::state(*rows.tape).capture(operand)) return true;
  const Tape::State& state = rows.tape == nullptr ? nowhere : TapeAccess::state(*rows.tape);
  fail_handle(where, state.reason(ScalarAccess::row(operand), stamp, ScalarAccess::value(operand)));
}

Inner::Inner(Sealed) : Inner() { TapeAccess::state(*tape_).capturing = false; }

Inner::Inner(std::span<const Scalar> known, std::span<const double> values)
    : tape_(take()), before_(detail::active_recorder) {
  Tape::State& state = TapeAccess::state(*tape_);
  state.active = true;
  state.capturing = true;
  state.outer = before_;
  state.rows.watching = true;
  for (std::size_t k = 0; k < known.size(); ++k) {
    state.make_room();
    state.leaf_of[ScalarAccess::handle(known[k])] = {state.rows.size, true};
    state.rows.append(detail::Code::variable, 0, 0, values[k]);
    state.captured.push_back(known[k]);
  }
  detail::active_recorder = &state.rows;
}

Inner::~Inner() {
  detail::active_recorder = before_;
  Tape::State& state = TapeAccess::state(*tape_);
  // A frame left open by an exception's way out, or by mistake, is gone with the tape.
  if (state.depth != 0) return;
  state.active = false;
  state.capturing = state.tracing = state.rows.watching = false;
  state.outer = nullptr;
  state.leaf_of.clear();
  state.captured.clear();
  state.guards.clear();
  tape_->keep_source_lines(false);
  tape_->clear();
  pool().push_back(std::move(tape_));
}

const std::vector<Scalar>& Inner::captured() const { return TapeAccess::state(*tape_).captured; }

Scalar Inner::leaf(std::size_t k) const {
  const Tape::State& state = TapeAccess::state(*tape_);
  return state.handle_to(state.leaf_of.at(ScalarAccess::handle(state.captured[k])).row);
}

double Inner::value_of(const Scalar& s) const {
  if (s.is_number()) return ScalarAccess::value(s);
  const Tape::State& state = TapeAccess::state(*tape_);
  const double* value = state.find_value(s);
  if (value == nullptr) {
    fail_handle("inner",
                state.reason(ScalarAccess::row(s), ScalarAccess::stamp(s), ScalarAccess::value(s)));
  }
  return *value;
}

Scalar Inner::here(Scalar s) const {
  lead_in(s, "inner");
  return s;
}

// ---- substitution -----------------------------------------------------------------------------

using State = Tape::State;

struct Substitution::Before {
  State* state;
  bool watching;
  std::vector<std::uint64_t> added;
};

Substitution::Substitution(std::span<const Scalar> known, std::span<const Scalar> here)
    : before_(new Before{&active_state(), active_state().rows.watching, {}}) {
  Tape::State& state = *before_->state;
  for (std::size_t k = 0; k < known.size(); ++k) {
    const std::uint64_t handle = ScalarAccess::handle(known[k]);
    if (handle == 0 || state.rows.live(ScalarAccess::stamp(known[k]))) continue;
    Scalar row = here[k];
    // A plain number stands in a row of its own, so that there is something to stand for.
    if (row.is_number()) row = constant(ScalarAccess::value(row));
    if (state.leaf_of.try_emplace(handle, State::Leaf{ScalarAccess::row(row), false}).second) {
      before_->added.push_back(handle);
      state.rows.watching = true;
    }
  }
}

Substitution::~Substitution() {
  for (const std::uint64_t handle : before_->added) before_->state->leaf_of.erase(handle);
  before_->state->rows.watching = before_->watching;
}

}  // namespace chainrule
