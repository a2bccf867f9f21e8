#include "chainrule/tape/block.hpp"

#include <algorithm>
#include <string>

#include "chainrule/tape/inner.hpp"
#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

void require_size(const Block& block, const char* what, std::size_t expected, std::size_t got) {
  if (expected != got) {
    fail(block.name(),
         "takes " + std::to_string(expected) + " " + what + ", got " + std::to_string(got));
  }
}

}  // namespace

// J ẋ row by row: ż_j = ē_jᵀ J ẋ, where ē_jᵀ J is one vjp.
void Block::jvp(std::span<const double> x, std::span<const double> z, std::span<const double> xdot,
                std::span<double> zdot) const {
  std::vector<double> unit(z.size(), kUnreached), xbar(x.size());
  for (std::size_t j = 0; j < z.size(); ++j) {
    unit[j] = 1;
    std::ranges::fill(xbar, kUnreached);
    vjp(x, z, unit, xbar);
    unit[j] = kUnreached;
    zdot[j] = kUnreached;
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (!is_unreached(xbar[k]) && !is_unreached(xdot[k])) accumulate(zdot[j], xbar[k] * xdot[k]);
    }
  }
}

namespace {

// The vjp of a block that computes it with plain numbers: (x, z, z̄) ↦ x̄.
class VjpOf final : public Block {
 public:
  explicit VjpOf(std::shared_ptr<const Block> block)
      : block_(std::move(block)), name_(std::string(block_->name()) + ".vjp") {}

  std::string_view name() const override { return name_; }
  std::size_t inputs() const override { return block_->inputs() + 2 * block_->outputs(); }
  std::size_t outputs() const override { return block_->inputs(); }

  void value(std::span<const double> in, std::span<double> xbar) const override {
    const std::size_t n = block_->inputs(), m = block_->outputs();
    std::ranges::fill(xbar, kUnreached);
    block_->vjp(in.first(n), in.subspan(n, m), in.subspan(n + m, m), xbar);
  }
  void vjp(std::span<const double>, std::span<const double>, std::span<const double>,
           std::span<double>) const override {
    fail(
        block_->name(),
        "cannot be differentiated twice: its vjp computes with plain numbers. Write it in recorded "
        "operations: a generic lambda, or one that takes spans of Scalar");
  }

 private:
  std::shared_ptr<const Block> block_;
  std::string name_;
};

}  // namespace

void Block::recorded_vjp(std::span<const Scalar> x, std::span<const Scalar> z,
                         std::span<const Scalar> zbar, std::span<Scalar> xbar) const {
  std::vector<Scalar> operands(x.begin(), x.end());
  operands.insert(operands.end(), z.begin(), z.end());
  operands.insert(operands.end(), zbar.begin(), zbar.end());
  call(std::make_shared<const VjpOf>(shared_from_this()), operands, xbar);
}

void Block::recorded_jvp(std::span<const Scalar> x, std::span<const Scalar> z,
                         std::span<const Scalar> xdot, std::span<Scalar> zdot) const {
  std::vector<Scalar> unit(z.size(), Scalar(kUnreached)), xbar(x.size());
  for (std::size_t j = 0; j < z.size(); ++j) {
    unit[j] = 1.0;
    std::ranges::fill(xbar, Scalar(kUnreached));
    recorded_vjp(x, z, unit, xbar);
    unit[j] = kUnreached;
    zdot[j] = kUnreached;
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (is_cut(xbar[k]) || is_cut(xdot[k])) continue;
      zdot[j] = is_cut(zdot[j]) ? xbar[k] * xdot[k] : zdot[j] + xbar[k] * xdot[k];
    }
  }
}

namespace {

// Those that can arrive, and −0.0 for the rest.
std::vector<Scalar> seeds_of(std::span<const Arrival> arrivals) {
  std::vector<Scalar> seeds;
  for (const Arrival& arrival : arrivals) {
    seeds.push_back(arrival.is_never() ? Scalar(kUnreached) : arrival.value);
  }
  return seeds;
}

}  // namespace

void Block::pull_arrivals(std::span<const Scalar> x, std::span<const Scalar> z,
                          std::span<const Arrival> zbar, std::span<Arrival> xbar) const {
  std::vector<Scalar> found(x.size(), Scalar(kUnreached));
  recorded_vjp(x, z, seeds_of(zbar), found);
  std::ranges::copy(arrivals_of(found), xbar.begin());
}

void Block::push_arrivals(std::span<const Scalar> x, std::span<const Scalar> z,
                          std::span<const Arrival> xdot, std::span<Arrival> zdot) const {
  std::vector<Scalar> found(z.size(), Scalar(kUnreached));
  recorded_jvp(x, z, seeds_of(xdot), found);
  std::ranges::copy(arrivals_of(found), zdot.begin());
}

std::vector<double> operand_values(const Tape::State& state, const BlockRow& block) {
  std::vector<double> x(block.links.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    x[k] = (block.is_number[k] ? state.rows.numbers : state.rows.values)[block.links[k]];
  }
  return x;
}

std::vector<double> pull_back(Tape::State& state, BlockRow& block) {
  const std::vector<double> x = operand_values(state, block);
  const std::vector<double> zbar = block.zbar;
  std::vector<double> xbar(x.size(), kUnreached);
  std::ranges::fill(block.zbar, kUnreached);
  const double* z = state.rows.values + block.row + 1;
  const Inner apart(Inner::Sealed{});
  block.block->vjp(x, {z, zbar.size()}, zbar, xbar);
  return xbar;
}

std::vector<double> Operands::pull_back_block(double g) const {
  std::vector<double> zbar(block_->zbar.size(), kUnreached), xbar(count_, kUnreached);
  zbar[state_.rows.links[row_].y] = g;
  const double* z = state_.rows.values + block_->row + 1;
  const Inner apart(Inner::Sealed{});
  block_->block->vjp(values(), {z, zbar.size()}, zbar, xbar);
  return xbar;
}

namespace {

// The operands as rows of the active tape, and plain numbers. Whether any is recorded.
bool lead_in_all(std::vector<Scalar>& operands, std::string_view where) {
  bool recorded = false;
  for (Scalar& operand : operands) {
    lead_in(operand, where);
    recorded = recorded || !operand.is_number();
  }
  return recorded;
}

// Appends the rows of a call with these results.
void append_call(const std::shared_ptr<const Block>& block, std::span<const Scalar> operands,
                 std::span<const double> results, std::span<Scalar> z, Location at) {
  Tape::State& state = active_state();
  BlockRow row{0, block, {}, {}, std::vector<double>(z.size(), kUnreached)};
  for (const Scalar& operand : operands) {
    const bool is_number = operand.is_number();
    state.make_room();
    row.links.push_back(is_number ? state.rows.intern(ScalarAccess::value(operand))
                                  : ScalarAccess::row(operand));
    row.is_number.push_back(is_number);
  }
  const auto place = static_cast<std::uint32_t>(state.blocks.size());
  state.make_room();
  row.row = state.rows.append(detail::Code::block, place, static_cast<std::uint32_t>(z.size()), 0);
  for (std::uint32_t k = 0; k < z.size(); ++k) {
    state.make_room();
    const std::uint32_t at_row =
        state.rows.append(detail::Code::block_output, row.row, k, results[k]);
    z[k] = ScalarAccess::make(results[k], at_row, state.rows.stamp);
  }
  state.keep_line(at);
  state.blocks.push_back(std::move(row));
}

}  // namespace

void call(const std::shared_ptr<const Block>& block, std::span<const Scalar> x, std::span<Scalar> z,
          Location at) {
  require_size(*block, "numbers", block->inputs(), x.size());
  require_size(*block, "places for its results", block->outputs(), z.size());
  std::vector<Scalar> operands(x.begin(), x.end());
  const bool recorded = lead_in_all(operands, block->name());
  std::vector<double> values, results(z.size());
  for (const Scalar& operand : operands) values.push_back(ScalarAccess::value(operand));
  {
    const Inner apart(Inner::Sealed{});
    block->value(values, results);
  }
  if (recorded) {
    append_call(block, operands, results, z, at);
  } else {
    std::ranges::copy(results, z.begin());
  }
}

std::vector<Scalar> call(const std::shared_ptr<const Block>& block, std::span<const Scalar> x,
                         Location at) {
  std::vector<Scalar> z(block->outputs());
  call(block, x, z, at);
  return z;
}

std::vector<Scalar> detail::call_with_results(const std::shared_ptr<const Block>& block,
                                              std::span<const Scalar> x,
                                              std::span<const double> results, Location at) {
  std::vector<Scalar> operands(x.begin(), x.end()), z(results.begin(), results.end());
  if (lead_in_all(operands, block->name())) append_call(block, operands, results, z, at);
  return z;
}

}  // namespace chainrule
