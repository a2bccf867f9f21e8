// Running a Loop, and what the combinators make of a body: see loop.hpp.
#include "chainrule/transform/loop.hpp"

#include <algorithm>
#include <atomic>
#include <string>

#include "chainrule/transform/loop_internal.hpp"

namespace chainrule {
namespace {

using Shape = Loop::Shape;

std::uint64_t next_identity() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

void require_count(const char* what, std::size_t expected, std::size_t got) {
  if (expected != got) {
    fail("loop", "the body " + std::string(what) + " " + std::to_string(got) +
                     " numbers, but the loop's shape says " + std::to_string(expected));
  }
}

}  // namespace

// ---- the block --------------------------------------------------------------------------------

Loop::Loop(Function body, const Shape& shape, Direction direction)
    : Loop(std::move(body), shape, direction, Stacks::own) {}

Loop::Loop(Function body, const Shape& shape, Direction direction, Stacks stacks)
    : body_(std::move(body)),
      shape_(shape),
      direction_(direction),
      stacks_(stacks),
      identities_{next_identity()},
      derived_(std::make_unique<Derived>()) {
  require_count("takes", shape.carried + shape.sliced + shape.invariant, body_.inputs());
  require_count("gives", shape.carried + shape.stacked + shape.summed, body_.outputs());
}

Loop::~Loop() = default;

std::shared_ptr<const Loop> Loop::extended(Function body, const Shape& shape) const {
  auto made = std::make_shared<Loop>(std::move(body), shape, direction_);
  made->identities_.insert(made->identities_.end(), identities_.begin(), identities_.end());
  return made;
}

bool Loop::extends(const Loop& other) const {
  return std::ranges::find(identities_, other.identities_.front()) != identities_.end();
}

std::size_t Loop::inputs() const {
  return shape_.carried + shape_.steps * shape_.sliced + shape_.invariant;
}

std::size_t Loop::outputs() const {
  return shape_.carried + shape_.steps * shape_.stacked + shape_.summed;
}

void Loop::value(std::span<const double> x, std::span<double> z) const {
  std::ranges::fill(z.last(shape_.summed), 0.0);
  if (shape_.carried == 0 && body_.inputs() > 0) {
    run_apart(x, z);
  } else {
    run_in_turn(x, z);
  }
}

// The step that runs after so many others.
std::size_t Loop::step_at(std::size_t turn) const {
  return direction_ == Direction::ascending ? turn : shape_.steps - 1 - turn;
}

void Loop::take_results(std::size_t t, std::span<const double> given, std::span<double> z) const {
  const auto& [steps, carried, sliced, invariant, stacked, summed] = shape_;
  std::ranges::copy(given.subspan(carried, stacked), z.subspan(carried + t * stacked).begin());
  const std::span<double> sums = z.last(summed);
  for (std::size_t k = 0; k < summed; ++k) sums[k] += given[carried + stacked + k];
}

void Loop::run_in_turn(std::span<const double> x, std::span<double> z) const {
  const auto& [steps, carried, sliced, invariant, stacked, summed] = shape_;
  std::vector<double> numbers(body_.inputs() + body_.outputs());
  const std::span<double> in = std::span(numbers).first(body_.inputs());
  const std::span<double> out = std::span(numbers).subspan(body_.inputs());
  std::ranges::copy(x.first(carried), in.begin());
  std::ranges::copy(x.last(invariant), in.last(invariant).begin());
  for (std::size_t turn = 0; turn < steps; ++turn) {
    const std::size_t t = step_at(turn);
    std::ranges::copy(x.subspan(carried + t * sliced, sliced), in.subspan(carried).begin());
    body_.evaluate(in, out);
    take_results(t, out, z);
    std::ranges::copy(out.first(carried), in.begin());
  }
  std::ranges::copy(in.first(carried), z.begin());
}

// Steps that know nothing of each other: rows of the body, as many at a time as a Function takes.
void Loop::run_apart(std::span<const double> x, std::span<double> z) const {
  const std::size_t most = std::min<std::size_t>(shape_.steps, 64);
  const std::size_t inputs = body_.inputs(), outputs = body_.outputs();
  std::vector<double> numbers(most * (inputs + outputs));
  const std::span<double> in = std::span(numbers).first(most * inputs);
  const std::span<double> out = std::span(numbers).subspan(most * inputs);
  for (std::size_t row = 0; row < most; ++row) {
    std::ranges::copy(x.last(shape_.invariant), in.subspan(row * inputs + shape_.sliced).begin());
  }
  for (std::size_t first = 0; first < shape_.steps; first += most) {
    const std::size_t count = std::min(most, shape_.steps - first);
    for (std::size_t row = 0; row < count; ++row) {
      std::ranges::copy(x.subspan(step_at(first + row) * shape_.sliced, shape_.sliced),
                        in.subspan(row * inputs).begin());
    }
    body_.rows(in.first(count * inputs), out.first(count * outputs));
    for (std::size_t row = 0; row < count; ++row) {
      take_results(step_at(first + row), out.subspan(row * outputs, outputs), z);
    }
  }
}

// ---- the combinators --------------------------------------------------------------------------

namespace detail {
namespace {

const char* name_of(LoopKind kind) {
  switch (kind) {
    case LoopKind::map: return "map";
    case LoopKind::sum_over: return "sum_over";
    case LoopKind::fold: return "fold";
    case LoopKind::scan: return "scan";
  }
  return "loop";
}

// The code of a body with what it captured as inputs.
class Body final : public Callable {
 public:
  explicit Body(Closure closure) : closure_(std::move(closure)) {}
  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    out = closure_.record(in);
  }

 private:
  Closure closure_;
};

Argument argument(const char* name, std::span<const Scalar> example) {
  Argument made{name, false, {}};
  for (const Scalar& s : example) made.example.push_back(primal(s));
  return made;
}

Shape shape_of(const LoopCall& call, const Closure& first) {
  const std::size_t outputs = first.outputs();
  const bool is_summed = call.kind == LoopKind::sum_over;
  const bool has_more = call.kind != LoopKind::fold;
  if (has_more ? outputs < call.carried : outputs != call.carried) {
    fail(name_of(call.kind), "the body gave a carry of " + std::to_string(outputs) +
                                 " numbers for one of " + std::to_string(call.carried));
  }
  const std::size_t more = outputs - call.carried;
  return {call.steps,           call.carried,        call.sliced, first.captured().size(),
          is_summed ? 0 : more, is_summed ? more : 0};
}

// Step by step on the numbers as they are.
std::vector<Scalar> run_plainly(const LoopCall& call, const Callable& body, const Shape& shape) {
  std::vector<Scalar> in(call.numbers.begin(),
                         call.numbers.begin() + static_cast<std::ptrdiff_t>(call.carried));
  std::vector<Scalar> ys, sums(shape.summed, Scalar(0.0)), out;
  in.resize(shape.carried + shape.sliced);
  for (std::size_t t = 0; t < shape.steps; ++t) {
    std::copy_n(call.numbers.begin() + static_cast<std::ptrdiff_t>(call.carried + t * call.sliced),
                shape.sliced, in.begin() + static_cast<std::ptrdiff_t>(shape.carried));
    out.clear();
    body(in, out);
    if (out.size() != shape.carried + shape.stacked + shape.summed) {
      fail(name_of(call.kind), "the body gave " + std::to_string(out.size()) + " numbers in step " +
                                   std::to_string(t) + ", but " +
                                   std::to_string(shape.carried + shape.stacked + shape.summed) +
                                   " in the first");
    }
    const std::span<const Scalar> given(out);
    std::ranges::copy(given.first(shape.carried), in.begin());
    for (const Scalar& y : given.subspan(shape.carried, shape.stacked)) ys.push_back(y);
    for (std::size_t k = 0; k < shape.summed; ++k) sums[k] += given[shape.carried + k];
  }
  in.resize(shape.carried);
  in.insert(in.end(), ys.begin(), ys.end());
  in.insert(in.end(), sums.begin(), sums.end());
  return in;
}

}  // namespace

void fail_ragged(LoopKind kind, std::size_t range, std::size_t expected, std::size_t got) {
  fail(name_of(kind), "range 0 has " + std::to_string(expected) + " elements, but range " +
                          std::to_string(range) + " has " + std::to_string(got));
}

void fail_row(LoopKind kind, std::size_t range, std::size_t row, std::size_t expected,
              std::size_t got) {
  fail(name_of(kind), "the rows of a range have one shape: row 0 of range " +
                          std::to_string(range) + " has a part of " + std::to_string(expected) +
                          " elements, where row " + std::to_string(row) + " has " +
                          std::to_string(got));
}

std::vector<Scalar> looped(const LoopCall& call, std::shared_ptr<const Callable> body) {
  const std::span<const Scalar> numbers(call.numbers);
  const std::span<const Scalar> first = numbers.first(call.carried + call.sliced);
  Closure closure(body, first);
  const Shape shape = shape_of(call, closure);
  const bool is_plain = std::ranges::all_of(numbers, &Scalar::is_number);
  if (is_plain && shape.invariant == 0) return run_plainly(call, *body, shape);
  std::vector<Argument> arguments;
  if (shape.carried > 0) arguments.push_back(argument("carry", first.first(call.carried)));
  if (shape.sliced > 0) arguments.push_back(argument("x", first.subspan(call.carried)));
  if (shape.invariant > 0) arguments.push_back(argument("w", closure.captured()));
  const std::vector<Scalar> operands = closure.operands(numbers);
  const Function recorded(std::make_shared<const Body>(std::move(closure)), std::move(arguments),
                          name_of(call.kind));
  return chainrule::call(std::make_shared<const Loop>(recorded, shape), operands, Location{});
}

}  // namespace detail
}  // namespace chainrule
