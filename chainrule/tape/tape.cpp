#include "chainrule/tape/tape.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "chainrule/base/text.hpp"
#include "chainrule/tape/generations_internal.hpp"
#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

using detail::Code;
using detail::Recorder;

constexpr std::size_t kFirstRows = std::size_t{1} << 15;
constexpr std::size_t kFirstNumbers = std::size_t{1} << 12;
constexpr std::size_t kMostRows = std::numeric_limits<std::uint32_t>::max();

// With 2¹⁶ chunks held at most, 2²³ generations go by before one is given out again.
constinit Generations<(1u << 24) / kChunk, 1u << 16> generations;
std::atomic<std::uint32_t> next_tape_id{1};

std::string tape_words(std::uint32_t id, std::string_view name) {
  std::string words = "tape " + std::to_string(id);
  if (!name.empty()) words.append(" '").append(name).append("'");
  return words;
}

// Grows region to hold `count` elements, or as many more as the system grants.
template <class T, std::size_t shift>
std::size_t grow(Region<T, shift>& region, std::size_t used, std::size_t wanted) {
  while (wanted > used) {
    if (region.reserve(wanted)) return region.capacity();
    wanted = used + (wanted - used) / 2;
  }
  return region.capacity();
}

}  // namespace

double* Adjoints::cover(std::size_t rows) {
  if (rows > covered_) {
    const std::size_t wanted = std::max(rows, region_.capacity());
    if (!region_.reserve(wanted)) {
      fail("tape", "out of memory: no room for " + std::to_string(rows) + " adjoints");
    }
    std::fill(region_.data() + covered_, region_.data() + rows, kUnreached);
    covered_ = rows;
  }
  return region_.data();
}

std::size_t Adjoints::reserve(std::size_t used, std::size_t wanted) {
  return grow(region_, used, wanted);
}

void Adjoints::clear(std::size_t from, std::size_t to) {
  to = std::min(to, covered_);
  if (from < to) std::fill(region_.data() + from, region_.data() + to, kUnreached);
}

// ---- stamps -----------------------------------------------------------------------------------

// The stamps of open frames are as old as the frames are deep, so that in the order of drawing each
// chunk is of no open frame's, or of the next ones'. The frame of `slot`, if it is open, is to have
// the new stamp.
std::uint32_t Tape::State::new_stamp(unsigned slot) {
  if (next_generation == last_generation) {
    used_up.clear();
    std::size_t held = 0;
    unsigned frame = 0;
    for (const std::uint32_t chunk : chunks) {
      bool is_held = false;
      for (; frame <= depth; ++frame) {
        if (frame == slot) continue;
        if (rows.stamps[frame] / detail::kSlots / kChunk != chunk) break;
        is_held = true;
      }
      if (is_held) {
        chunks[held++] = chunk;
      } else {
        used_up.push_back(chunk);
      }
    }
    chunks.resize(held);
    const auto [first, last] = generations.draw(used_up, id);
    if (first == last) fail("tape", "all stamps are taken: too many tapes and frames are open");
    chunks.push_back(first / kChunk);
    next_generation = first;
    last_generation = last;
  }
  return next_generation++ * detail::kSlots + slot;
}

void Tape::State::open(unsigned slot, std::uint32_t stamp) {
  rows.stamp = rows.stamps[slot] = stamp;
  first_row[slot] = rows.size;
}

Tape::State::~State() { generations.give_back(chunks, next_generation); }

Scalar Tape::State::handle_to(std::uint32_t row) const {
  unsigned slot = depth;
  while (first_row[slot] > row) --slot;
  return ScalarAccess::make(rows.values[row], row, rows.stamps[slot]);
}

const std::string* Tape::State::label_of(std::uint32_t row) const {
  const auto at = std::ranges::lower_bound(labels, row, {}, &Label::row);
  return at != labels.end() && at->row == row ? &at->text : nullptr;
}

void Tape::State::set_label(std::uint32_t row, std::string_view text) {
  const auto at = std::ranges::lower_bound(labels, row, {}, &Label::row);
  if (at != labels.end() && at->row == row) {
    at->text = text;
  } else {
    labels.insert(at, {row, std::string(text)});
  }
}

std::string Tape::State::reason(std::uint32_t row, std::uint32_t stamp, double value) const {
  const std::uint32_t owner = generations.owner_of(stamp / detail::kSlots);
  const std::string what = "the operand with value " + shortest(value);
  if (owner != id && rows.watching && !tracing) {
    return what +
           " is read by the code of a block, and is none of its operands: pass it as an "
           "argument, or capture it in a checkpoint, and read it on every branch";
  }
  const std::string tape = owner == 0 ? "a tape that is gone" : "tape " + std::to_string(owner);
  if (owner != id && tracing) {
    return what + " comes from outside of the code that is recorded (" + tape +
           "): pass it as an argument, or capture its value()";
  }
  if (owner != id) {
    return what + " was recorded on " + tape + ", but the active one is " +
           (rows.tape == nullptr ? "none on this thread" : tape_words(id, name));
  }
  if (detail::slot_of(stamp) == detail::kUnfedSlot) {
    const std::string* label = row < rows.size ? label_of(row) : nullptr;
    return "the placeholder" + (label == nullptr ? "" : " " + *label) +
           " has no value yet: assign() it one first";
  }
  return what + " is stale: the frame of " + tape_words(id, name) +
         " in which it was recorded (row " + std::to_string(row) + ") has been rewound";
}

// ---- rows -------------------------------------------------------------------------------------

void Tape::State::set_limit() {
  rows.limit = keeps_lines ? 0 : static_cast<std::uint32_t>(capacity);
}

// Room for a ternary operation and its numbers, or an Error.
void Tape::State::make_room() {
  if (rows.size + std::size_t{2} >= capacity) {
    const std::size_t wanted = std::min(kMostRows, std::max(kFirstRows, capacity * 2));
    const std::size_t used = rows.size;
    // With room for a sweep: a tape that could be recorded can be reversed.
    capacity = std::min({kMostRows, sweep.reserve(used, wanted), grow(values, used, wanted),
                         grow(links, used, wanted), grow(codes, used, wanted)});
    rows.values = values.data();
    rows.links = links.data();
    rows.codes = codes.data();
    if (used + 2 >= capacity) {
      fail("tape", used + 2 >= kMostRows
                       ? "full: a tape holds at most " + std::to_string(kMostRows) + " rows"
                       : "out of memory after " + std::to_string(used) + " rows");
    }
  }
  if (rows.number_count + 3 > rows.number_limit) {
    const std::size_t used = rows.number_count;
    const std::size_t granted =
        grow(numbers, used, std::max(kFirstNumbers, std::size_t{2} * rows.number_limit));
    rows.numbers = numbers.data();
    rows.number_limit = static_cast<std::uint32_t>(std::min(kMostRows, granted));
    if (used + 3 > rows.number_limit) {
      fail("tape", "out of memory after " + std::to_string(used) + " plain operands");
    }
  }
  set_limit();
}

void Tape::State::keep_line(Location at) {
  if (keeps_lines) lines.resize(rows.size, on_behalf_of != nullptr ? *on_behalf_of : at);
}

void Tape::State::rewind_to(std::uint32_t row, std::uint32_t number_count) {
  if (tracing) return;  // what a branch was decided by stays
  while (!blocks.empty() && blocks.back().row >= row) blocks.pop_back();
  if (arrays) arrays->rewind_to(row);
  for (auto& [handle, leaf] : leaf_of) {
    if (leaf.row >= row) leaf.row = kNoRow;
  }
  grads.clear(row, rows.size);
  rows.size = row;
  rows.number_count = number_count;
  while (!labels.empty() && labels.back().row >= row) labels.pop_back();
  if (lines.size() > row) lines.resize(row);
}

Tape::Tape(std::string_view name)
    : state_([&] {
        auto state = std::make_unique<State>();
        state->name = name;
        state->id = next_tape_id.fetch_add(1, std::memory_order_relaxed);
        state->rows.tape = this;
        state->make_room();
        state->open(0, state->new_stamp(0));
        return state.release();
      }()) {}

Tape::~Tape() {
  if (detail::active_recorder == &state_->rows) detail::active_recorder = &detail::no_recorder;
  delete state_;
}

Tape& Tape::active() {
  if (detail::active_recorder == &detail::no_recorder) {
    static thread_local Tape tape("default");
    detail::active_recorder = &tape.state_->rows;
    tape.state_->active = true;
  }
  return *detail::active_recorder->tape;
}

Activation Tape::activate() { return Activation(*this); }
Frame Tape::frame() { return Frame(*this); }
std::size_t Tape::size() const { return state_->rows.size; }
std::string_view Tape::name() const { return state_->name; }

TapeBytes Tape::bytes() const {
  const Recorder& rows = state_->rows;
  constexpr std::size_t kRow = sizeof(Code) + sizeof(detail::Links) + sizeof(double);
  return {rows.size * kRow, rows.number_count * sizeof(double),
          state_->sweep.bytes() + state_->grads.bytes()};
}

void Tape::clear() {
  if (state_->depth != 0) fail("clear", "a frame is open: rewind it instead");
  const std::uint32_t stamp = state_->new_stamp(0);
  state_->rewind_to(0, 0);
  state_->open(0, stamp);
}

void Tape::zero_grad() {
  state_->grads.clear(0, state_->rows.size);
  if (state_->arrays) state_->arrays->clear_grads();
}

void Tape::keep_source_lines(bool on) {
  state_->keeps_lines = on;
  state_->set_limit();
}

NodeId Tape::node_of(const Scalar& s, std::string_view where) const {
  const std::uint32_t stamp = ScalarAccess::stamp(s);
  const std::uint32_t row = ScalarAccess::row(s);
  if (stamp == 0) {
    fail(where, "the plain number " + shortest(ScalarAccess::value(s)) +
                    " is recorded nowhere: start from variable()");
  }
  if (!state_->rows.live(stamp))
    fail_handle(where, state_->reason(row, stamp, ScalarAccess::value(s)));
  return {row};
}

// ---- scopes -----------------------------------------------------------------------------------

Frame::Frame(Tape& tape)
    : tape_(tape),
      rows_(tape.state_->rows.size),
      numbers_(tape.state_->rows.number_count),
      slot_(tape.state_->depth + 1) {
  if (slot_ == detail::kUnfedSlot) fail("frame", "254 frames are open already");
  stamp_ = tape.state_->new_stamp(slot_);
  tape.state_->depth = slot_;
  tape.state_->open(slot_, stamp_);
}

// A frame that is closed before frames inside of it closes them too; their turn then finds another
// stamp, or none, in their slot.
Frame::~Frame() {
  Tape::State& state = *tape_.state_;
  if (state.depth < slot_ || state.rows.stamps[slot_] != stamp_) return;
  state.rewind_to(rows_, numbers_);
  for (unsigned slot = slot_; slot <= state.depth; ++slot) state.rows.stamps[slot] = 0;
  state.depth = slot_ - 1;
  state.rows.stamp = state.rows.stamps[slot_ - 1];
}

void Frame::rewind() {
  Tape::State& state = *tape_.state_;
  if (state.depth < slot_ || state.rows.stamps[slot_] != stamp_) {
    fail("rewind", "the frame is closed: one outside of it was closed first");
  }
  if (state.depth != slot_) fail("rewind", "an inner frame is still open");
  stamp_ = state.new_stamp(slot_);
  state.rewind_to(rows_, numbers_);
  state.open(slot_, stamp_);
}

Activation::Activation(Tape& tape)
    : before_(detail::active_recorder), mine_(&tape.state_->rows), id_(tape.state_->id) {
  if (before_ == mine_) return;
  if (before_->tape != nullptr && TapeAccess::state(*before_->tape).tracing) {
    fail_handle("activate",
                "while a Function is recorded, what another tape computes would not be in it");
  }
  if (tape.state_->active.exchange(true)) {
    fail_handle("activate", tape_words(tape.state_->id, tape.state_->name) +
                                " is active already, on another thread or further out");
  }
  detail::active_recorder = mine_;
}

// The tape may have been destroyed inside of this scope, and another stand in its place: only what
// is active now is looked at.
Activation::~Activation() {
  if (before_ == mine_) return;
  if (detail::active_recorder == mine_) {
    Tape::State& state = *mine_->tape->state_;
    if (state.id == id_) state.active = false;
  }
  detail::active_recorder = before_;
}

// ---- looking at rows --------------------------------------------------------------------------

Operands::Operands(const Tape::State& state, std::uint32_t row) : state_(state), row_(row) {
  const Recorder& rows = state.rows;
  const Code code = rows.codes[row];
  if (code == Code::block_output) {
    block_ = &block_at(state, rows.links[row].x);
    count_ = block_->links.size();
  }
  if (code == Code::array) arrays_ = state.arrays->links(row);
  if (code == Code::element) arrays_ = {&rows.links[row].x, 1};
  if (!arrays_.empty()) count_ = arrays_.size();
  if (!is_operation(code)) return;
  count_ = static_cast<std::size_t>(info(op_of(code)).arity);
  const std::uint32_t links[] = {rows.links[row].x, rows.links[row].y,
                                 count_ == 3 ? rows.links[row - 1].x : 0};
  for (std::size_t k = 0; k < count_; ++k) {
    link_[k] = links[k];
    is_number_[k] = (mask_of(code) >> k & 1u) != 0;
    values_[k] = is_number_[k] ? rows.numbers[link_[k]] : rows.values[link_[k]];
  }
}

std::span<const double> Operands::values() const {
  if (!arrays_.empty() && many_.empty()) {
    for (const std::uint32_t link : arrays_) many_.push_back(state_.rows.values[link]);
  }
  if (block_ == nullptr) return many_.empty() ? std::span<const double>(values_, count_) : many_;
  if (many_.empty()) many_ = operand_values(state_, *block_);
  return many_;
}

std::vector<std::uint32_t> ancestor_rows(const Tape::State& state, std::uint32_t top) {
  return ancestor_rows(state, std::span(&top, 1));
}

std::vector<std::uint32_t> ancestor_rows(const Tape::State& state,
                                         std::span<const std::uint32_t> tops,
                                         std::span<const std::uint32_t> ends) {
  if (tops.empty()) return {};
  const Recorder& rows = state.rows;
  const std::uint32_t top = *std::ranges::max_element(tops);
  std::vector<bool> wanted(top + std::size_t{1});
  const auto want = [&](std::uint32_t link, bool is_number) {
    if (!is_number) wanted[link] = true;
  };
  for (const std::uint32_t row : tops) wanted[row] = true;
  std::vector<bool> is_end(ends.empty() ? 0 : wanted.size());
  for (const std::uint32_t row : ends) {
    if (row < is_end.size()) is_end[row] = true;
  }
  std::vector<std::uint32_t> found;
  for (std::uint32_t row = top + 1; row-- > 0;) {
    if (!wanted[row]) continue;
    found.push_back(row);
    if (!is_end.empty() && is_end[row]) continue;
    if (rows.codes[row] == Code::block_output) {
      wanted[rows.links[row].x] = true;
    } else if (rows.codes[row] == Code::block) {
      const BlockRow& block = block_at(state, row);
      for (std::size_t k = 0; k < block.links.size(); ++k) want(block.links[k], block.is_number[k]);
    } else {
      const Operands operands(state, row);
      for (std::size_t k = 0; k < operands.count(); ++k)
        want(operands.link(k), operands.is_number(k));
    }
  }
  std::ranges::reverse(found);
  return found;
}

bool has_arrays(const Tape::State& state, std::span<const std::uint32_t> rows) {
  return state.arrays && std::ranges::any_of(rows, [&](std::uint32_t row) {
           return state.rows.codes[row] == Code::array;
         });
}

// ---- recording, the slow path -----------------------------------------------------------------

namespace {

// The row of an operation whose operands are of this tape; there is room for it.
Scalar append_operation(Recorder& rows, Op op, double value, const Scalar* operands) {
  const int arity = info(op).arity;
  unsigned mask = 0;
  std::uint32_t links[3] = {};
  for (int k = 0; k < arity; ++k) {
    const bool number = operands[k].is_number();
    mask |= number ? 1u << k : 0;
    links[k] =
        number ? rows.intern(ScalarAccess::value(operands[k])) : ScalarAccess::row(operands[k]);
  }
  if (arity == 3) rows.append(Code::third_operand, links[2], 0, 0.0);
  const std::uint32_t row = rows.append(detail::code_of(op, mask), links[0], links[1], value);
  return ScalarAccess::make(value, row, rows.stamp);
}

[[gnu::noinline, gnu::cold]] Scalar record_slowest(Op op, double value, const Scalar* operands,
                                                   Location at) {
  Recorder& rows = *detail::active_recorder;
  const int arity = info(op).arity;
  Scalar here[3];
  bool from_outside = false;
  for (int k = 0; k < arity; ++k) {
    here[k] = operands[k];
    from_outside = lead_in(here[k], info(op).name) || from_outside;
  }
  Tape::State& state = TapeAccess::state(*rows.tape);
  // Outside, an operand may have had another value than it has here.
  if (from_outside) {
    double values[3];
    for (int k = 0; k < arity; ++k) values[k] = ScalarAccess::value(here[k]);
    value = read_value<double>(op, values);
  }
  state.make_room();
  const Scalar result = append_operation(rows, op, value, here);
  state.keep_line(at);
  return result;
}

}  // namespace

Scalar detail::record_slow(Op op, double value, const Scalar* operands, Location at) {
  Recorder& rows = *active_recorder;
  bool is_easy = rows.has_room();  // there is none while lines are kept
  for (int k = 0; k < info(op).arity; ++k) {
    is_easy = is_easy && (operands[k].is_number() || rows.live(ScalarAccess::stamp(operands[k])));
  }
  return is_easy ? append_operation(rows, op, value, operands)
                 : record_slowest(op, value, operands, at);
}

}  // namespace chainrule
