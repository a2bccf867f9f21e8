// Blocks and random traces for the tests of this folder.
#pragma once

#include <random>

#include "chainrule/graph/text.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {

/// z = (factor x, factor x): outputs may be any number, as may the inputs, which are summed. With
/// words "sums FACTOR INPUTS OUTPUTS"; or, as user code, without. An input whose place is
/// `untouched` is cut off.
class Sums final : public Block {
 public:
  Sums(double factor, std::size_t inputs, std::size_t outputs, bool is_user_code = false)
      : factor_(factor), inputs_(inputs), outputs_(outputs), is_user_code_(is_user_code) {}

  std::string_view name() const override { return "sums"; }
  std::size_t inputs() const override { return inputs_; }
  std::size_t outputs() const override { return outputs_; }
  std::string words() const override;
  void value(std::span<const double> x, std::span<double> z) const override;
  void vjp(std::span<const double> x, std::span<const double> z, std::span<const double> zbar,
           std::span<double> xbar) const override;

  static constexpr std::size_t kUntouched = 2;
  mutable std::vector<double> last_zbar;  ///< for the tests' eyes
  mutable int vjps = 0;

 private:
  double factor_;
  std::size_t inputs_, outputs_;
  bool is_user_code_;
};

/// Files the maker of Sums.
void register_sums();

/// A sound trace of about `size` nodes: every operation, blocks, odd labels, numbers of every kind,
/// arrays, groups, guards and source lines.
Trace random_trace(std::mt19937& random, std::uint32_t size);

/// Bits and pieces in which quotes, escapes and encodings may go wrong.
std::string random_text(std::mt19937& random);
double random_number(std::mt19937& random);

}  // namespace chainrule
