// Tape::State: everything a tape owns. Private to this folder's sources and to the readings.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "chainrule/base/region.hpp"
#include "chainrule/op/reading.hpp"
#include "chainrule/tape/arrays_internal.hpp"
#include "chainrule/tape/block.hpp"
#include "chainrule/tape/tape.hpp"

#if defined(__FAST_MATH__) || __FINITE_MATH_ONLY__
#error "chainrule's own sources need signed zeros and NaN: compile them without -ffast-math"
#endif

namespace chainrule {

/// adjoint += contribution, where a sum of zero becomes +0: reached. From kUnreached, as −0 + v = v
/// for every v: tracking what is reached costs no memory and no branch. (The zero is added to the
/// old adjoint: the contribution, which is what arrives last, then waits for one addition only.)
[[gnu::always_inline]] inline void accumulate(double& adjoint, double contribution) {
  adjoint = (adjoint + 0.0) + contribution;
}

/// A sweep reads its arrays at the same row at the same time. Their beginnings are shifted by
/// different numbers of cache lines, so that they do not contend for one set of the cache.
inline constexpr std::size_t kLine = 64;

/// A buffer of adjoints, kUnreached wherever no sweep has written.
class Adjoints {
 public:
  /// The buffer, with room for `rows`. Throws Error when memory is refused.
  double* cover(std::size_t rows);
  /// Address space for `wanted` rows, or as many beyond `used` as the system grants; untouched, it
  /// costs no memory.
  std::size_t reserve(std::size_t used, std::size_t wanted);
  double* data() const { return region_.data(); }
  /// Rows below this have ever been covered.
  std::size_t covered() const { return covered_; }
  std::size_t bytes() const { return covered_ * sizeof(double); }
  void clear(std::size_t from, std::size_t to);

 private:
  Region<double, 17 * kLine> region_;
  std::size_t covered_ = 0;
};

/// A block on the tape: what its header row stands for.
struct BlockRow {
  std::uint32_t row;  ///< the header's
  std::shared_ptr<const Block> block;
  std::vector<std::uint32_t> links;  ///< the operands: rows, or places in the pool of numbers
  std::vector<bool> is_number;
  /// What has arrived at the outputs in the sweep that is running; kUnreached between sweeps.
  std::vector<double> zbar;
};

/// What recording a Function took for granted: that a row has this value.
struct GuardRow {
  std::uint32_t row;
  double expected;
  Location at;
};

struct Tape::State {
  State() = default;
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  detail::Recorder rows;
  Region<detail::Code> codes;
  Region<detail::Links, 33 * kLine> links;
  Region<double> values;
  Region<double> numbers;
  std::size_t capacity = 0;  ///< rows that fit; rows.limit is 0 instead while lines are kept

  std::string name;
  std::uint32_t id = 0;
  unsigned depth = 0;                            ///< open frames; also the slot of the innermost
  std::uint32_t first_row[detail::kSlots] = {};  ///< of each open frame
  std::atomic<bool> active{false};
  std::vector<std::uint32_t> chunks;   ///< of generations, by age: all that are held
  std::vector<std::uint32_t> used_up;  ///< scratch of new_stamp()
  std::uint32_t next_generation = 0, last_generation = 0;  ///< of the last chunk

  struct Label {
    std::uint32_t row;
    std::string text;
  };
  std::vector<Label> labels;  ///< by row, ascending
  bool keeps_lines = false;
  std::vector<Location> lines;  ///< by row, as far as kept
  /// Where what is recorded now comes from, instead of the line of ours that records it: the line
  /// of the row that is differentiated.
  const Location* on_behalf_of = nullptr;
  std::vector<std::uint32_t> order;  ///< scratch of the sweeps
  std::vector<BlockRow> blocks;      ///< by row, ascending
  std::unique_ptr<Arrays> arrays;    ///< once there is an array

  /// Recording a Function: choices become rows and guards, and no frame takes a row back.
  bool tracing = false;
  std::vector<GuardRow> guards;

  /// Standing for another tape (tape/inner.hpp): operands from outside become leaves here.
  bool capturing = false;
  detail::Recorder* outer = nullptr;
  struct Leaf {
    std::uint32_t row;  ///< kNoRow once its frame has been rewound
    bool is_listed;     ///< among `captured`
  };
  static constexpr std::uint32_t kNoRow = 0xFFFFFFFFu;
  std::unordered_map<std::uint64_t, Leaf> leaf_of;  ///< by outside handle
  std::vector<Scalar> captured;  ///< outside handles, in the order in which they were met

  /// The value that a Scalar from anywhere has here and now; null if it has none.
  const double* find_value(const Scalar& s) const;
  /// A live handle to the row that stands for an outside Scalar, made if need be. False if it can
  /// not be resolved.
  bool capture(Scalar& s);
  /// Makes a row a guard, if this tape is tracing.
  void guard(std::uint32_t row, Location at);

  Adjoints sweep;  ///< clean between sweeps
  Adjoints grads;  ///< what backward() accumulates

  /// Throws Error if there is none: see generations_internal.hpp.
  std::uint32_t new_stamp(unsigned slot);
  void open(unsigned slot, std::uint32_t stamp);
  void rewind_to(std::uint32_t row, std::uint32_t number_count);
  void make_room();
  void set_limit();
  /// Keeps the line of the last row, and of those before it that have none yet.
  void keep_line(Location at);
  /// The label of a row, or null.
  const std::string* label_of(std::uint32_t row) const;
  void set_label(std::uint32_t row, std::string_view text);
  /// A live handle to a row.
  Scalar handle_to(std::uint32_t row) const;
  /// Why a handle is not live here, in words.
  std::string reason(std::uint32_t row, std::uint32_t stamp, double value) const;
};

/// The operands of a row. Those of a block's output are the block's; its header has none.
class Operands {
 public:
  Operands(const Tape::State& state, std::uint32_t row);
  Operands(const Operands&) = delete;
  Operands& operator=(const Operands&) = delete;

  std::size_t count() const { return count_; }
  bool is_number(std::size_t k) const {
    if (!arrays_.empty()) return false;
    return block_ ? block_->is_number[k] : is_number_[k];
  }
  /// A row, or a place in the pool of numbers.
  std::uint32_t link(std::size_t k) const {
    if (!arrays_.empty()) return arrays_[k];
    return block_ ? block_->links[k] : link_[k];
  }
  std::span<const double> values() const;

  /// Calls push(k, contribution) for each operand that the row's pullback, at adjoint g, pushes
  /// into.
  template <class Pushed>
  void pull_back(double g, Pushed&& push) const;

 private:
  std::vector<double> pull_back_block(double g) const;

  const Tape::State& state_;
  const std::uint32_t row_;
  std::size_t count_ = 0;
  bool is_number_[3] = {};
  std::uint32_t link_[3] = {};
  double values_[3] = {};
  const BlockRow* block_ = nullptr;
  std::span<const std::uint32_t> arrays_;  ///< the operands of an array, or the array of an element
  mutable std::vector<double> many_;       ///< the values of a block's, once asked for
};

/// The block whose header stands in `row`.
inline BlockRow& block_at(Tape::State& state, std::uint32_t row) {
  return state.blocks[state.rows.links[row].x];
}
inline const BlockRow& block_at(const Tape::State& state, std::uint32_t row) {
  return state.blocks[state.rows.links[row].x];
}

/// The values of a block's operands.
std::vector<double> operand_values(const Tape::State& state, const BlockRow& block);

/// The adjoints of a block's operands, from those that have arrived at its outputs, which are
/// cleared.
std::vector<double> pull_back(Tape::State& state, BlockRow& block);

/// Makes an operand one of the active tape: returns false for what is recorded there, or a plain
/// number; true if it came from outside, and now is the leaf that stands for it. Throws
/// HandleError.
bool lead_in(Scalar& operand, std::string_view where);

/// The rows that `top` depends on, ascending, itself last; with the headers of blocks.
std::vector<std::uint32_t> ancestor_rows(const Tape::State& state, std::uint32_t top);
/// What any of them depends on, as far as `ends`, which are listed where they are met.
std::vector<std::uint32_t> ancestor_rows(const Tape::State& state,
                                         std::span<const std::uint32_t> tops,
                                         std::span<const std::uint32_t> ends = {});

/// Σⱼ seedⱼ ∂yⱼ/∂x and Σₖ ∂y/∂xₖ seedₖ, one direction, in numbers: kUnreached where nothing
/// arrives.
void adjoints(std::span<const Scalar> ys, std::span<const double> seeds, std::span<const Scalar> xs,
              std::span<double> out);
/// The adjoints one by one, from the last x on, each at the moment when all of it has arrived.
class Arriving {
 public:
  virtual void operator()(std::size_t k, double adjoint) = 0;

 protected:
  ~Arriving() = default;
};
void adjoints(std::span<const Scalar> ys, std::span<const double> seeds, std::span<const Scalar> xs,
              Arriving& arriving);
/// Scalar::backward(), from several nodes.
void add_grads(std::span<const Scalar> ys, std::span<const double> seeds);
/// Whether there are arrays among these rows.
bool has_arrays(const Tape::State& state, std::span<const std::uint32_t> rows);
void tangents(std::span<const Scalar> ys, std::span<const Scalar> xs, std::span<const double> seeds,
              std::span<double> out);

/// The same, recorded, where the xs are ends: nothing goes on through them, or comes from what they
/// depend on, as with the operands of a block. An x that stands for nothing may be a plain number.
std::vector<Arrival> recorded_adjoints(std::span<const Scalar> ys, std::span<const Arrival> seeds,
                                       std::span<const Scalar> xs);
std::vector<Arrival> recorded_tangents(std::span<const Scalar> ys, std::span<const Scalar> xs,
                                       std::span<const Arrival> seeds);

/// For the readings of this library: a tape's rows.
struct TapeAccess {
  static Tape::State& state(Tape& tape) { return *tape.state_; }
  static const Tape::State& state(const Tape& tape) { return *tape.state_; }
};

inline Tape::State& active_state() { return TapeAccess::state(Tape::active()); }

template <class Pushed>
void Operands::pull_back(double g, Pushed&& push) const {
  const detail::Code code = state_.rows.codes[row_];
  if (block_ != nullptr) {
    const std::vector<double> xbar = pull_back_block(g);
    for (std::size_t k = 0; k < count_; ++k) {
      if (!is_unreached(xbar[k])) push(k, xbar[k]);
    }
  } else if (is_operation(code)) {
    read_pullback<double>(
        op_of(code), g, values_, state_.rows.values[row_],
        [&](int k, double contribution) { push(static_cast<std::size_t>(k), contribution); });
  }
}

}  // namespace chainrule
