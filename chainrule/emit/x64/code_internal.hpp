// Code: a Program as machine code.
#pragma once

#include <memory>
#include <string>

#include "chainrule/emit/program_internal.hpp"
#include "chainrule/emit/x64/debug_internal.hpp"
#include "chainrule/emit/x64/vector_math_internal.hpp"
#include "chainrule/optimise/optimise.hpp"

namespace chainrule::x64 {

/// What the code is given: numbers of the program's precision. All but `shared` are aligned to 64
/// bytes.
struct Context {
  const std::byte* shared;
  const std::byte* rows;  ///< input k, row vector r, lane i at (k · R + r) · W + i
  const void* constants;  ///< Code::constants()
  std::byte* frame;       ///< Code::frame_bytes(), the active lanes filled in
  std::byte* out;         ///< as rows
  std::byte* sums;        ///< sum k, lane i at k · W + i; after them what they were rounded by
  // Of a program in segments: how many packs there are, and how far each one's memory is from that
  // of the one before, in bytes. Of a whole one: how many blocks of rows follow one another in the
  // tables, which are all that tells one from the next; at the end the tables stand at the last.
  std::size_t packs = 1;
  std::size_t frame_stride = 0, rows_stride = 0, out_stride = 0;
};

enum class Compensation : std::uint8_t { none, running };

/// Code that is longer than the cache of instructions is run in segments: each for several packs of
/// row vectors, before the next one. What it costs to fetch a segment is then shared by them.
enum class Form : std::uint8_t { whole, segments };

struct CodeOptions {
  Form form = Form::whole;
  Isa isa = Isa::avx2;
  unsigned row_vectors = 1;
  Arithmetic arithmetic = Arithmetic::relaxed;
  Compensation compensation = Compensation::none;
  std::string name = {};              ///< what debuggers and profilers call it
  std::string* allocation = nullptr;  ///< gets a line an instruction: what lies in which register
  std::string* listing = nullptr;     ///< gets the assembler's listing
};

/// Whether this build has one.
bool has_assembler();

class Code {
 public:
  /// Throws Error where executable memory is refused.
  Code(const emit::Program& program, const CodeOptions& options);
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

  void operator()(const Context& context) const { (*run_)(&context); }

  std::size_t lanes() const { return lanes_; }  ///< of a row vector
  std::size_t row_vectors() const { return row_vectors_; }
  std::size_t rows() const { return lanes_ * row_vectors_; }  ///< computed by one call
  const void* constants() const { return constants_.get(); }
  std::size_t code_bytes() const { return code_bytes_; }
  std::size_t frame_bytes() const { return frame_bytes_; }
  std::size_t spill_bytes() const { return spill_bytes_; }
  std::size_t constant_bytes() const { return constant_bytes_; }

  /// Fills in which rows take part: `count` of rows() from row `first`.
  void activate(std::byte* frame, std::size_t first, std::size_t count) const;
  /// Where each table has its first row, to be filled in.
  const std::byte** tables(std::byte* frame) const;
  /// Whether a row still took part at the end: all its guards held.
  bool is_active(const std::byte* frame, std::size_t row) const;
  bool all_active(const std::byte* frame, std::size_t count) const;
  bool any_active(const std::byte* frame) const;

 private:
  using Entry = void(const Context*);
  struct Release {
    void operator()(Entry* run) const;
  };
  struct FreeAligned {
    void operator()(void* memory) const;
  };
  std::unique_ptr<Entry, Release> run_;
  std::unique_ptr<const Registered> registered_;  // while run_ is there
  std::unique_ptr<void, FreeAligned> constants_;
  Isa isa_;
  std::size_t mask_bytes_;  ///< of a lane, for AVX2
  std::size_t lanes_, row_vectors_;
  std::size_t code_bytes_ = 0, frame_bytes_ = 0, spill_bytes_ = 0, constant_bytes_ = 0;
};

}  // namespace chainrule::x64
