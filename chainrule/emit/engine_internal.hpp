// Engine: what computes a block of rows, for one division into shared numbers and numbers of rows.
// Two kinds: machine code (x64) and an interpreter, behind one small interface.
//
// In a block, input k of row i stands at in[input_at(k) + i], output k at out[output_at(k) + i]; a
// shared input stands at shared[input_at(k)]: doubles or floats, as holds() says. Inputs and
// outputs that layout() has in columns stand where the user has them.
#pragma once

#include <memory>

#include "chainrule/emit/kernel.hpp"
#include "chainrule/emit/lower_internal.hpp"

namespace chainrule::emit {

/// Memory that a thread keeps for running kernels: aligned to 64 bytes, grown, never given back.
class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  /// Room for `bytes`; what was there is lost where it has to grow.
  std::byte* fit(std::size_t bytes);

 private:
  std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
};

/// Sums over rows, by output: with what rounding took away from each of them, or without.
class Totals {
 public:
  /// `rests` is empty, or as long as `sums`.
  Totals(std::span<double> sums, std::span<double> rests) : sums_(sums), rests_(rests) {}

  std::size_t size() const { return sums_.size(); }
  void add(std::size_t k, double term) {
    if (rests_.empty()) {
      sums_[k] += term;
      return;
    }
    // Knuth's two-sum: s + rest is sums[k] + term exactly.
    const double sum = sums_[k], s = sum + term, part = s - sum;
    rests_[k] += (sum - (s - part)) + (term - part);
    sums_[k] = s;
  }
  /// What rounding took away elsewhere.
  void add_rest(std::size_t k, double rest) {
    if (!rests_.empty()) rests_[k] += rest;
  }
  /// Beyond all numbers there is no rest.
  double operator[](std::size_t k) const {
    const bool has_rest = !rests_.empty() && sums_[k] - sums_[k] == 0;
    return has_rest ? sums_[k] + rests_[k] : sums_[k];
  }
  void add(const Totals& more) {
    for (std::size_t k = 0; k < size(); ++k) {
      add(k, more.sums_[k]);
      if (!rests_.empty()) add_rest(k, more.rests_[k]);
    }
  }

 private:
  std::span<double> sums_, rests_;
};

/// What one run works on. Memory holds numbers as Engine::holds() says.
struct Work {
  std::byte* shared = nullptr;  ///< may be another thread's: prepared once a run
  std::byte* in = nullptr;
  std::byte* out = nullptr;
  std::byte* sums = nullptr;
  std::byte* frame = nullptr;
  std::size_t added = 0;  ///< packs whose terms the lanes of the sums have, at most
  std::size_t whole = 0;  ///< the first packs, all of whose rows take part
  bool has_sums = false;  ///< a row has taken part in them
};

template <class Number>
Number* numbers(std::byte* memory) {
  return reinterpret_cast<Number*>(memory);
}

class Engine {
 public:
  virtual ~Engine() = default;

  const Layout& layout() const { return layout_; }
  /// What the numbers of a block are. (The interpreter's are doubles, rounded to float or not.)
  virtual Precision holds() const { return Precision::f64; }
  std::size_t rows() const { return rows_; }    ///< of a block
  std::size_t packs() const { return packs_; }  ///< blocks that one run() computes, at most
  std::span<const std::uint32_t> input_at() const { return input_at_; }
  std::span<const std::uint32_t> output_at() const { return output_at_; }
  /// Whether it adds up the outputs that are to be summed, all of them; else they are stored.
  bool sums_itself() const { return sums_itself_; }

  std::size_t shared_bytes() const { return shared_bytes_; }
  /// Of everything else.
  std::size_t work_bytes() const {
    return packs_ * (in_bytes_ + out_bytes_ + frame_bytes_) + sums_bytes_;
  }
  /// Lays `work` out in memory of that size: what it holds of the first block.
  void lay_out(std::byte* memory, Work& work) const;
  /// The same of another one.
  Work block(const Work& first, std::size_t number) const {
    Work work = first;
    work.in += number * in_bytes_;
    work.out += number * out_bytes_;
    work.frame += number * frame_bytes_;
    return work;
  }

  /// Once a run, when the shared inputs are in place; on any one Work.
  virtual void prepare(Work& work) const = 0;
  /// Once a thread of a run, when what is shared is ready.
  virtual void begin(Work& work) const = 0;
  /// Of a block, where each table has its first row: of layout().sources, then layout().sinks.
  virtual const std::byte** tables(const Work& block) const = 0;
  /// Whether a row may leave: where there is neither guard nor block, all are answered.
  bool may_fail() const { return may_fail_; }
  /// Computes blocks whose rows are in place, `count` of them; the rest of the last block repeats
  /// one of them. The first `skipped` rows of the last block take no part.
  virtual void run(Work& first, std::size_t count, std::size_t skipped = 0) const = 0;
  /// Whether blocks whose rows all stand in tables are computed by repeat(): where there is neither
  /// guard nor block, and nothing else that tells one from the next.
  virtual bool repeats() const { return false; }
  /// Computes `blocks` blocks that follow one another from where the tables are, all rows of each.
  virtual void repeat(Work&, std::size_t) const {}
  /// Whether all guards of a row held in the last run().
  virtual bool is_answered(const Work& work, std::size_t row) const = 0;
  virtual bool all_answered(const Work& work, std::size_t count) const = 0;
  /// Adds what has been summed to totals, by output. False if factors that came after the sums met
  /// what is not finite: then the totals may not be what rows by themselves add up to.
  virtual bool add_sums(const Work& work, Totals& totals) const = 0;

  struct Cost {
    std::size_t code_bytes = 0, spill_bytes = 0, constant_bytes = 0;
  };
  virtual Cost cost() const = 0;
  virtual std::size_t row_vectors() const { return 1; }

 protected:
  explicit Engine(const Layout& layout) : layout_(layout) {}

  Layout layout_;
  std::size_t rows_ = 1, packs_ = 1;
  std::vector<std::uint32_t> input_at_, output_at_;
  bool sums_itself_ = false, may_fail_ = true;
  std::size_t shared_bytes_ = 0, in_bytes_ = 0, out_bytes_ = 0, sums_bytes_ = 0, frame_bytes_ = 0;
};

struct EngineOptions {
  CompileOptions compile;
  unsigned row_vectors = 1;
  unsigned packs = 1;  ///< more than one: in segments
  Factors factors = Factors::in_rows;
  std::string_view name = {};
};

/// The trace is optimised already. Throws Error where the backend is not to be had.
std::unique_ptr<Engine> make_x64(const Trace& trace, const Layout& layout,
                                 const EngineOptions& options);
std::unique_ptr<Engine> make_interpreter(const Trace& trace, const Layout& layout,
                                         const OptimiseOptions& options);

/// What dump() tells of the machine code.
struct X64Dump {
  std::string allocation, code;
};
X64Dump dump_x64(const Trace& trace, const Layout& layout, const EngineOptions& options);

}  // namespace chainrule::emit
