// Tape::State: everything a tape owns. Private to this folder's sources and to the readings.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "chainrule/base/region.hpp"
#include "chainrule/tape/tape.hpp"

namespace chainrule {

/// -0.0 stands for "no contribution has arrived": -0 + v = v for every v, and an arrived zero is
/// kept as +0 (see accumulate). So reached-tracking costs no memory and no branch.
inline constexpr double kUnreached = -0.0;

constexpr bool is_unreached(double adjoint) {
  return std::bit_cast<std::uint64_t>(adjoint) == std::bit_cast<std::uint64_t>(kUnreached);
}

/// adjoint += contribution, where a sum of zero becomes +0: reached. (The zero is added to the old
/// adjoint: the contribution, which is what arrives last, then waits for one addition only.)
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

struct Tape::State {
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
  std::uint32_t next_generation = 0, last_generation = 0;

  struct Label {
    std::uint32_t row;
    std::string text;
  };
  std::vector<Label> labels;  ///< by row, ascending
  bool keeps_lines = false;
  std::vector<Location> lines;       ///< by row, as far as kept
  std::vector<std::uint32_t> order;  ///< scratch of the sweeps

  Adjoints sweep;  ///< clean between sweeps
  Adjoints grads;  ///< what backward() accumulates

  std::uint32_t new_stamp(unsigned slot);
  void open(unsigned slot);
  void rewind_to(std::uint32_t row, std::uint32_t number_count);
  void make_room();
  void set_limit();
  /// The label of a row, or null.
  const std::string* label_of(std::uint32_t row) const;
  void set_label(std::uint32_t row, std::string_view text);
  /// A live handle to a row.
  Scalar handle_to(std::uint32_t row) const;
  /// Why a handle is not live here, in words.
  std::string reason(std::uint32_t row, std::uint32_t stamp, double value) const;
};

/// The operands of an operation's row.
struct Operands {
  Operands(const detail::Recorder& rows, std::uint32_t row);
  int count;
  bool is_number[3] = {};
  std::uint32_t link[3] = {};  ///< a row, or a place in the pool of numbers
  double values[3] = {};
};

/// The rows that `top` depends on, ascending, itself last.
std::vector<std::uint32_t> ancestor_rows(const detail::Recorder& rows, std::uint32_t top);

/// For the readings of this library: a tape's rows.
struct TapeAccess {
  static Tape::State& state(Tape& tape) { return *tape.state_; }
  static const Tape::State& state(const Tape& tape) { return *tape.state_; }
};

}  // namespace chainrule
