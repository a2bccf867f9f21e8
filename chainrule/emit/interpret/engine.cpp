// The interpreter: the Plan that replays a Function, 64 rows at a time. It computes on any
// processor what the eager engine computes, bit for bit, and is what machine code is held against.
// Its blocks hold doubles, for kernels on floats as well.
#include <algorithm>

#include "chainrule/emit/engine_internal.hpp"
#include "chainrule/emit/interpret/single_internal.hpp"

namespace chainrule::emit {
namespace {

constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }
constexpr std::size_t kAliveBytes = aligned(kLanes * sizeof(bool));

class Interpreter final : public Engine {
 public:
  Interpreter(const Trace& trace, const Layout& layout, const OptimiseOptions& options)
      : Engine({layout.is_shared, layout.is_summed}), plan_(trace) {
    if (options.precision == Precision::f32) single_ = std::make_unique<Single>(plan_, options);
    rows_ = kLanes;
    constexpr auto kWide = static_cast<std::uint32_t>(kLanes);
    std::uint32_t shared = 0;
    for (std::uint32_t k = 0; k < layout.is_shared.size(); ++k) {
      (layout.is_shared[k] ? shared_slots_ : row_slots_).push_back(plan_.first_input() + k);
      input_at_.push_back(layout.is_shared[k] ? shared++ : (plan_.first_input() + k) * kWide);
    }
    for (const std::uint32_t slot : plan_.outputs) output_at_.push_back(slot * kWide);
    shared_bytes_ = aligned(8 * (shared + 1));
    in_bytes_ = aligned(8 * kLanes * plan_.slots);
    frame_bytes_ = kAliveBytes + aligned(single_ ? single_->bytes() : 8 * plan_.largest_call);
  }

  void prepare(Work&) const override {}

  void begin(Work& work) const override {
    work.out = work.in;  // outputs stand in slots, too
    auto* const values = numbers<double>(work.in);
    for (std::size_t c = 0; c < plan_.constants.size(); ++c) {
      std::fill_n(values + c * kLanes, kLanes, plan_.constants[c]);
    }
    for (std::size_t k = 0; k < shared_slots_.size(); ++k) {
      const double number = numbers<double>(work.shared)[k];
      std::fill_n(values + shared_slots_[k] * kLanes, kLanes,
                  rounded(single_ ? Precision::f32 : Precision::f64, number));
    }
  }

  const std::byte** tables(const Work&) const override { return nullptr; }  // it has none

  void run(Work& work, std::size_t count, std::size_t) const override {
    bool* const alive = alive_in(work);
    for (std::size_t i = 0; i < kLanes; ++i) alive[i] = i < count;
    auto* const values = numbers<double>(work.in);
    std::byte* const scratch = work.frame + kAliveBytes;
    if (!single_) return plan_.run_lanes(values, numbers<double>(scratch), alive);
    for (const std::uint32_t slot : row_slots_) {
      double* const x = values + slot * kLanes;
      for (std::size_t i = 0; i < count; ++i) x[i] = rounded(Precision::f32, x[i]);
    }
    single_->run(values, scratch, alive, count);
  }

  bool is_answered(const Work& work, std::size_t row) const override { return alive_in(work)[row]; }
  bool all_answered(const Work& work, std::size_t count) const override {
    return std::all_of(alive_in(work), alive_in(work) + count, [](bool alive) { return alive; });
  }
  bool add_sums(const Work&, Totals&) const override { return true; }
  Cost cost() const override {
    return {plan_.steps.size() * sizeof(Step), 0, 8 * plan_.constants.size()};
  }

 private:
  static bool* alive_in(const Work& work) { return reinterpret_cast<bool*>(work.frame); }

  Plan plan_;
  std::unique_ptr<const Single> single_;  ///< of kernels on floats
  std::vector<std::uint32_t> shared_slots_, row_slots_;
};

}  // namespace

std::unique_ptr<Engine> make_interpreter(const Trace& trace, const Layout& layout,
                                         const OptimiseOptions& options) {
  return std::make_unique<Interpreter>(trace, layout, options);
}

}  // namespace chainrule::emit
