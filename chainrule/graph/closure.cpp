#include "chainrule/graph/closure.hpp"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "chainrule/tape/state_internal.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule {

Closure::Closure(std::shared_ptr<const Callable> code, std::span<const Scalar> arguments)
    : code_(std::move(code)), arguments_(arguments.size()) {
  const Inner inner;
  std::vector<Scalar> in, out;
  for (const Scalar& argument : arguments) in.push_back(variable(inner.value_of(argument)));
  (*code_)(in, out);
  for (const Scalar& output : out) first_results_.push_back(inner.here(output).value());
  outputs_ = out.size();
  captured_ = inner.captured();
}

std::vector<Scalar> Closure::operands(std::span<const Scalar> arguments) const {
  std::vector<Scalar> all(arguments.begin(), arguments.end());
  all.insert(all.end(), captured_.begin(), captured_.end());
  return all;
}

void Closure::run(std::span<const Scalar> in, std::vector<Scalar>& out) const {
  (*code_)(in, out);
  if (out.size() != outputs_) {
    fail("block", "the code gave " + std::to_string(out.size()) + " results, but " +
                      std::to_string(outputs_) + " when it was run first");
  }
}

Closure::Run::Run(const Closure& closure, std::span<const double> x)
    : inner_(closure.captured_, x.subspan(closure.arguments_)) {
  for (std::size_t k = 0; k < closure.arguments_; ++k) inputs_.push_back(variable(x[k]));
  for (std::size_t k = 0; k < closure.captured_.size(); ++k) inputs_.push_back(inner_.leaf(k));
  closure.run(std::span<const Scalar>(inputs_).first(closure.arguments_), outputs_);
  for (Scalar& output : outputs_) output = inner_.here(output);
}

std::vector<Scalar> Closure::record(std::span<const Scalar> x) const {
  const Substitution substitution(captured_, x.subspan(arguments_));
  std::vector<Scalar> out;
  run(x.first(arguments_), out);
  for (Scalar& output : out) lead_in(output, "block");
  return out;
}

namespace detail {
namespace {

// Whether each input is a node that none before it is.
std::vector<bool> firsts_of(std::span<const Scalar> x) {
  std::unordered_set<std::uint64_t> met;
  std::vector<bool> is_first;
  for (const Scalar& s : x) {
    is_first.push_back(!s.is_number() && met.insert(ScalarAccess::handle(s)).second);
  }
  return is_first;
}

}  // namespace

void pull_to_inputs(std::span<const Scalar> outputs, std::span<const Arrival> zbar,
                    std::span<const Scalar> x, std::span<Arrival> xbar) {
  const std::vector<Arrival> found = recorded_adjoints(outputs, zbar, x);
  const std::vector<bool> is_first = firsts_of(x);
  for (std::size_t k = 0; k < x.size(); ++k) {
    if (is_first[k] && !found[k].is_never()) xbar[k] = found[k];
  }
}

void push_from_inputs(std::span<const Scalar> outputs, std::span<const Scalar> x,
                      std::span<const Arrival> xdot, std::span<Arrival> zdot) {
  const std::vector<bool> is_first = firsts_of(x);
  std::vector<Scalar> nodes;
  std::vector<Arrival> seeds;
  for (std::size_t k = 0; k < x.size(); ++k) {
    if (!is_first[k]) continue;
    nodes.push_back(x[k]);
    seeds.push_back(xdot[k]);
  }
  std::ranges::copy(recorded_tangents(outputs, nodes, seeds), zdot.begin());
}

}  // namespace detail
}  // namespace chainrule
