#include "chainrule/emit/engine_internal.hpp"
#include "chainrule/emit/factor_internal.hpp"
#include "chainrule/graph/plan_internal.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "chainrule/emit/x64/code_internal.hpp"

namespace chainrule::emit {
namespace {

x64::CodeOptions code_options(const EngineOptions& options) {
  x64::CodeOptions code;
  code.name = options.name;
  code.isa = options.compile.backend == Backend::avx512 ? x64::Isa::avx512 : x64::Isa::avx2;
  code.row_vectors = options.row_vectors;
  code.form = options.packs > 1 ? x64::Form::segments : x64::Form::whole;
  code.arithmetic = options.compile.arithmetic;
  if (options.compile.summation == CompileOptions::Summation::compensated) {
    code.compensation = x64::Compensation::running;
  }
  return code;
}

constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

constexpr std::size_t kMostByLane = 4096;

SumForm form_of(const Layout& layout, const EngineOptions& options) {
  const auto sums =
      static_cast<std::size_t>(std::count(layout.is_summed.begin(), layout.is_summed.end(), true));
  const bool is_plain = options.compile.summation == CompileOptions::Summation::plain;
  return is_plain && sums > kMostByLane ? SumForm::narrow : SumForm::by_lane;
}

// Lanes of floats are added up for so many packs before they are added to doubles: what rounding
// may take away from a sum does not grow with the rows.
constexpr std::size_t kMostAdded = 32;

template <class Lane>
class X64Engine final : public Engine {
  static constexpr bool kIsSingle = sizeof(Lane) == sizeof(float);

 public:
  /// `after`: what is left to do with the sums, if they are not the outputs themselves.
  X64Engine(const Layout& layout, Lowered lowered, const EngineOptions& options, const Trace* after)
      : Engine(layout),
        lowered_(std::move(lowered)),
        rows_code_(lowered_.rows, code_options(options)) {
    if (after != nullptr) after_ = std::make_unique<Plan>(*after);
    if (lowered_.uniform.outs > 0) {
      x64::CodeOptions once = code_options(options);
      once.row_vectors = 1;
      once.form = x64::Form::whole;
      once.compensation = x64::Compensation::none;
      uniform_ = std::make_unique<x64::Code>(lowered_.uniform, once);
    }
    constexpr std::size_t kBytes = sizeof(Lane);
    rows_ = rows_code_.rows();
    sums_itself_ = lowered_.rows.sums > 0;
    may_fail_ = may_leave(lowered_.rows) || may_leave(lowered_.uniform);
    has_rests_ = options.compile.summation == CompileOptions::Summation::compensated;
    is_sound_ = lowered_.shared_inputs + lowered_.uniform.outs;
    shared_bytes_ = aligned(kBytes * (is_sound_ + 1));
    in_bytes_ = aligned(kBytes * rows_ * lowered_.row_inputs);
    // The uniform part leaves its results there as well, a vector each.
    out_bytes_ = aligned(
        kBytes * std::max(rows_ * lowered_.rows.outs, rows_code_.lanes() * lowered_.uniform.outs));
    lay_out_sums();
    frame_bytes_ = aligned(rows_code_.frame_bytes());
    if (uniform_) frame_bytes_ = std::max(frame_bytes_, aligned(uniform_->frame_bytes()));
    if (options.packs > 1) packs_ = options.packs;
    const auto wide = static_cast<std::uint32_t>(rows_);
    for (std::size_t k = 0; k < layout.is_shared.size(); ++k) {
      input_at_.push_back(lowered_.input_place[k] * (layout.is_shared[k] ? 1 : wide));
    }
    // With something left to do, those that are stored come first of the lowered outputs.
    std::size_t stored = 0;
    for (std::size_t k = 0; k < layout.is_summed.size(); ++k) {
      const bool is_summed = layout.is_summed[k];
      const std::size_t at = !after_ ? k : is_summed ? 0 : stored++;
      output_at_.push_back(lowered_.output_place[at] * (is_summed ? 1 : wide));
    }
    first_sum_ = stored;
  }

  Precision holds() const override { return kIsSingle ? Precision::f32 : Precision::f64; }

  void prepare(Work& work) const override {
    auto* const shared = numbers<Lane>(work.shared);
    shared[is_sound_] = 1;
    if (!uniform_) return;
    uniform_->activate(work.frame, 0, uniform_->lanes());
    (*uniform_)({.shared = work.shared,
                 .rows = nullptr,
                 .constants = uniform_->constants(),
                 .frame = work.frame,
                 .out = work.out,
                 .sums = nullptr});
    const auto* const out = numbers<Lane>(work.out);
    Lane* const to = shared + lowered_.shared_inputs;
    for (std::size_t k = 0; k < lowered_.uniform.outs; ++k) to[k] = out[k * uniform_->lanes()];
    // A loop took another branch, or a block threw: then every row is answered elsewhere.
    if (!uniform_->is_active(work.frame, 0)) shared[is_sound_] = 0;
  }

  void begin(Work& work) const override {
    std::memset(work.sums, 0, sums_bytes_);
    work.added = work.whole = 0;
    work.has_sums = false;
  }

  const std::byte** tables(const Work& block) const override {
    return rows_code_.tables(block.frame);
  }

  void run(Work& work, std::size_t count, std::size_t skipped) const override {
    const std::size_t packs = (count + rows_ - 1) / rows_;
    const bool is_sound = numbers<Lane>(work.shared)[is_sound_] != 0;
    for (std::size_t p = 0; p < packs; ++p) {
      // A block that skips rows has all of them.
      const std::size_t first = p + 1 == packs ? skipped : 0;
      const std::size_t end = first > 0 ? rows_ : std::min(rows_, count - p * rows_);
      const bool is_whole = first == 0 && end == rows_ && !may_fail_;
      if (is_whole && p < work.whole) continue;  // they are filled in
      rows_code_.activate(frame_of(work, p), first, is_sound ? end - first : 0);
      work.whole = is_whole ? p + 1 : std::min(work.whole, p);
    }
    rows_code_({work.shared, work.in, rows_code_.constants(), work.frame, work.out, work.sums,
                packs, frame_bytes_, in_bytes_, out_bytes_});
    for (std::size_t p = 0; p < packs && !work.has_sums; ++p) {
      work.has_sums = rows_code_.any_active(frame_of(work, p));
    }
    if (kIsSingle && sums_itself_) {
      work.added += packs;
      if (work.added >= kMostAdded) widen(work), work.added = 0;
    }
  }

  bool repeats() const override { return !may_fail_ && packs_ == 1; }

  void repeat(Work& work, std::size_t blocks) const override {
    if (work.whole == 0) rows_code_.activate(work.frame, 0, rows_);
    work.whole = 1;
    work.has_sums = true;
    const std::byte** const tables = rows_code_.tables(work.frame);
    const std::size_t count = lowered_.rows.tables.size();
    while (blocks > 0) {
      // Lanes of floats are added up in doubles now and then.
      const std::size_t room = kIsSingle && sums_itself_ ? kMostAdded - work.added : blocks;
      const std::size_t now = std::min(blocks, room);
      rows_code_({work.shared, work.in, rows_code_.constants(), work.frame, work.out, work.sums,
                  now, 0, 0, 0});
      blocks -= now;
      if (blocks > 0) {
        for (std::size_t t = 0; t < count; ++t) tables[t] += rows_ * sizeof(Lane);
      }
      if (kIsSingle && sums_itself_) {
        work.added += now;
        if (work.added >= kMostAdded) widen(work), work.added = 0;
      }
    }
  }

  bool is_answered(const Work& work, std::size_t row) const override {
    return rows_code_.is_active(work.frame, row);
  }
  bool all_answered(const Work& work, std::size_t count) const override {
    return rows_code_.all_active(work.frame, count);
  }

  bool add_sums(const Work& work, Totals& totals) const override {
    if (kIsSingle) widen(work);
    if (!work.has_sums) return true;  // what is left to do may not be 0 of nothing
    if (after_) return add_after(work, totals);
    const double* const sums = wide_sums(work);
    for (std::size_t k = 0; k < totals.size(); ++k) {
      if (!layout().is_summed[k]) continue;
      const std::size_t first = output_at_[k] * lanes_of_sum_;
      for (std::size_t i = first; i < first + lanes_of_sum_; ++i) {
        totals.add(k, sums[i]);
        if (has_rests_) totals.add_rest(k, sums[sum_numbers_ + i]);
      }
    }
    return true;
  }

  Cost cost() const override {
    Cost cost{rows_code_.code_bytes(), rows_code_.spill_bytes(), rows_code_.constant_bytes()};
    if (uniform_) {
      cost.code_bytes += uniform_->code_bytes();
      cost.constant_bytes += uniform_->constant_bytes();
    }
    return cost;
  }
  std::size_t row_vectors() const override { return rows_code_.row_vectors(); }

 private:
  std::byte* frame_of(const Work& work, std::size_t pack) const {
    return work.frame + pack * frame_bytes_;
  }
  static bool may_leave(const Program& program) {
    return std::ranges::any_of(program.code, [](const Instr& instr) {
      return instr.act == Act::guard || instr.act == Act::block;
    });
  }

  // What the code adds to; of floats what these are added to in turn; the values of what is left to
  // do.
  void lay_out_sums() {
    lanes_of_sum_ = lowered_.form == SumForm::narrow ? 1 : rows_code_.lanes();
    sum_numbers_ = lowered_.rows.sums * lanes_of_sum_;
    const std::size_t all = sum_numbers_ * (has_rests_ ? 2 : 1);
    wide_at_ = kIsSingle ? aligned(sizeof(Lane) * all) : 0;
    after_at_ = wide_at_ + aligned(sizeof(double) * all);
    sums_bytes_ = after_at_ + (after_ ? aligned(sizeof(double) * after_->slots) : 0);
  }

  const double* wide_sums(const Work& work) const { return numbers<double>(work.sums + wide_at_); }

  void widen(const Work& work) const {
    auto* const lanes = numbers<Lane>(work.sums);
    auto* const wide = numbers<double>(work.sums + wide_at_);
    if (has_rests_) {
      Totals totals({wide, sum_numbers_}, {wide + sum_numbers_, sum_numbers_});
      for (std::size_t k = 0; k < sum_numbers_; ++k) {
        totals.add(k, lanes[k]);
        totals.add_rest(k, lanes[sum_numbers_ + k]);
      }
    } else {
      for (std::size_t k = 0; k < sum_numbers_; ++k) wide[k] += lanes[k];
    }
    std::memset(lanes, 0, wide_at_);
  }

  // The sums of this thread's rows make its share of the outputs: what is left to do is linear.
  bool add_after(const Work& work, Totals& totals) const {
    const Plan& plan = *after_;
    auto* const values = numbers<double>(work.sums + after_at_);
    std::ranges::copy(plan.constants, values);
    double* in = values + plan.first_input();
    for (std::size_t k = 0; k < layout().is_shared.size(); ++k) {
      if (layout().is_shared[k]) *in++ = numbers<Lane>(work.shared)[input_at_[k]];
    }
    for (std::size_t k = first_sum_; k < lowered_.output_place.size(); ++k) {
      const double* const at = wide_sums(work) + lowered_.output_place[k] * lanes_of_sum_;
      *in++ = std::accumulate(at, at + lanes_of_sum_, 0.0);
    }
    plan.run(values, nullptr);
    bool is_finite = true;
    std::size_t next = 0;
    for (std::size_t k = 0; k < totals.size(); ++k) {
      if (!layout().is_summed[k]) continue;
      const double sum = values[plan.outputs[next++]];
      is_finite = is_finite && std::isfinite(sum);
      totals.add(k, sum);
    }
    return is_finite;
  }

  Lowered lowered_;
  std::unique_ptr<Plan> after_;
  std::size_t lanes_of_sum_ = 1, sum_numbers_ = 0;
  std::size_t wide_at_ = 0, after_at_ = 0;  // in bytes from the sums
  std::size_t first_sum_ = 0;               // of the lowered outputs
  bool has_rests_ = false;
  std::size_t is_sound_ = 0;  // the shared number that says whether the others could be computed
  x64::Code rows_code_;
  std::unique_ptr<x64::Code> uniform_;
};

// A guard in a loop may come after something was summed: then rows are stored, and added up after.
Lowered lowered_for(const Trace& trace, const Layout& layout, const EngineOptions& options) {
  const OptimiseOptions passes{.arithmetic = options.compile.arithmetic,
                               .precision = options.compile.lanes};
  Lowered lowered = lower(trace, layout, passes, form_of(layout, options));
  if (!lowered.guards_late) return lowered;
  Layout stored = layout;
  std::fill(stored.is_summed.begin(), stored.is_summed.end(), false);
  return lower(trace, stored, passes);
}

std::unique_ptr<Engine> engine_of(const Layout& layout, Lowered lowered,
                                  const EngineOptions& options, const Trace* after) {
  if (options.compile.lanes == Precision::f32) {
    return std::make_unique<X64Engine<float>>(layout, std::move(lowered), options, after);
  }
  return std::make_unique<X64Engine<double>>(layout, std::move(lowered), options, after);
}

}  // namespace

std::unique_ptr<Engine> make_x64(const Trace& trace, const Layout& layout,
                                 const EngineOptions& options) {
  const bool may_factor = options.factors == Factors::after_sums &&
                          options.compile.arithmetic == Arithmetic::relaxed &&
                          options.compile.summation == CompileOptions::Summation::plain;
  if (const auto factored = may_factor ? factor_sums(trace, layout) : std::nullopt) {
    Lowered lowered = lowered_for(factored->rows, factored->layout, options);
    if (lowered.rows.sums > 0) {
      Layout used = layout;
      used.sinks.clear();  // factored outputs are others
      return engine_of(used, std::move(lowered), options, &factored->after);
    }
  }
  Lowered lowered = lowered_for(trace, layout, options);
  Layout used = layout;
  if (lowered.rows.sums == 0) std::fill(used.is_summed.begin(), used.is_summed.end(), false);
  return engine_of(used, std::move(lowered), options, nullptr);
}

X64Dump dump_x64(const Trace& trace, const Layout& layout, const EngineOptions& options) {
  const Lowered lowered = lowered_for(trace, layout, options);
  X64Dump dump;
  x64::CodeOptions code = code_options(options);
  code.allocation = &dump.allocation;
  code.listing = &dump.code;
  const x64::Code unused(lowered.rows, code);
  return dump;
}

}  // namespace chainrule::emit
