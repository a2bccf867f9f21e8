// Tape: the Wengert list. What a thread computes on Scalars is appended to its active tape.
//
// 17 bytes an operation (code, two links, value; a ternary one takes a second row), plus 8 for each
// distinct plain operand. Rows are never moved by growth. A frame marks a place to rewind to;
// handles recorded in a frame are stale once it is gone, and say so when used.
#pragma once

#include <string_view>

#include "chainrule/tape/scalar.hpp"

namespace chainrule {

class Frame;
class Activation;

/// Bytes that a tape holds now, and per recorded row.
struct TapeBytes {
  std::size_t rows;      ///< codes, links and values of the recorded rows: 17 each
  std::size_t numbers;   ///< the pool of plain operands
  std::size_t adjoints;  ///< buffers of the reverse sweeps
};

class Tape {
 public:
  struct State;

  explicit Tape(std::string_view name = {});
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// The thread's active tape; the thread's own default tape if none was activated.
  static Tape& active();

  /// Makes this the thread's active tape until the Activation goes out of scope. Throws HandleError
  /// if the tape is active on another thread.
  [[nodiscard]] Activation activate();

  /// Opens a frame: what is recorded from here on is rewound when the Frame goes out of scope.
  /// At most 254 frames nest.
  [[nodiscard]] Frame frame();

  /// Rows recorded (operations, leaves, third operands).
  std::size_t size() const;
  TapeBytes bytes() const;
  std::string_view name() const;

  /// Forgets every row; handles recorded so far become stale. Throws if a frame is open.
  void clear();

  /// Clears what backward() accumulated, in every node.
  void zero_grad();

  /// Debug mode: from now on keeps the source line of every row (16 bytes a row; recording takes
  /// the slow path). Off by default and then free.
  void keep_source_lines(bool on = true);

  /// Throws HandleError unless s was recorded on this tape and is not stale; Error for a number.
  NodeId node_of(const Scalar& s, std::string_view where) const;

 private:
  friend class Frame;
  friend class Activation;
  friend struct TapeAccess;
  State* const state_;  // owned
};

/// RAII: rewinds the tape to where the frame was opened. Frames close in reverse order of opening.
class [[nodiscard]] Frame {
 public:
  ~Frame();
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  /// Forgets what was recorded in this frame and goes on in it.
  void rewind();

 private:
  friend class Tape;
  explicit Frame(Tape& tape);
  Tape& tape_;
  std::uint32_t rows_, numbers_;
  unsigned slot_;
  std::uint32_t stamp_;
};

/// RAII: restores the tape that was active before.
class [[nodiscard]] Activation {
 public:
  ~Activation();
  Activation(const Activation&) = delete;
  Activation& operator=(const Activation&) = delete;

 private:
  friend class Tape;
  explicit Activation(Tape& tape);
  detail::Recorder* before_;
  detail::Recorder* mine_;
  std::uint32_t id_;
};

}  // namespace chainrule
