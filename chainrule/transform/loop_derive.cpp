// Derivatives of a Loop: see loop_internal.hpp.
#include <algorithm>
#include <optional>

#include "chainrule/tape/state_internal.hpp"
#include "chainrule/tape/tracing.hpp"
#include "chainrule/transform/loop_internal.hpp"

namespace chainrule {

LoopWidths input_widths(const Loop::Shape& shape) {
  return {shape.carried, shape.sliced, shape.invariant};
}
LoopWidths output_widths(const Loop::Shape& shape) {
  return {shape.carried, shape.stacked, shape.summed};
}

namespace {

using Places = std::vector<std::size_t>;

// Where a group begins among a body's inputs, or outputs.
std::size_t first_of(const LoopWidths& widths, std::size_t group) {
  return (group > kCarried ? widths[kCarried] : 0) + (group > kOwn ? widths[kOwn] : 0);
}

LoopWidths seed_widths(const Loop::Shape& shape, LoopReading reading) {
  return reading == LoopReading::adjoints ? output_widths(shape) : input_widths(shape);
}
LoopWidths found_widths(const Loop::Shape& shape, LoopReading reading) {
  return reading == LoopReading::adjoints ? input_widths(shape) : output_widths(shape);
}

std::vector<Arrival> push_through(LoopReading reading, std::span<const Scalar> x,
                                  std::span<const Scalar> y, std::span<const Arrival> seeds) {
  switch (reading) {
    case LoopReading::adjoints: return recorded_adjoints(y, seeds, x);
    case LoopReading::tangents: return recorded_tangents(y, x, seeds);
  }
  return {};
}

// ---- the derived body -------------------------------------------------------------------------

std::vector<double> example_of(const Function& body) {
  std::vector<double> all;
  for (const Argument& argument : body.arguments()) {
    all.insert(all.end(), argument.example.begin(), argument.example.end());
  }
  return all;
}

class DerivedBody final : public Callable {
 public:
  DerivedBody(const Loop& loop, LoopReading reading, LoopLayout layout)
      : body_(loop.body()),
        reading_(reading),
        layout_(std::move(layout)),
        inputs_(input_widths(loop.shape())),
        seeds_(seed_widths(loop.shape(), reading)),
        found_(found_widths(loop.shape(), reading)) {}

  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    // What is not read has a leaf all the same, at which adjoints arrive.
    std::vector<Scalar> x;
    for (const double number : example_of(body_)) x.push_back(variable(number));
    std::vector<Arrival> seeds(seeds_[0] + seeds_[1] + seeds_[2]);
    const Scalar* next = in.data();
    const auto take_seeds = [&](std::size_t group) {
      const std::size_t first = first_of(seeds_, group);
      for (const std::size_t k : layout_.seeds[group].arriving) seeds[first + k] = {*next++, 1.0};
      for (const std::size_t k : layout_.seeds[group].flagged) seeds[first + k].holds = *next++;
    };
    const auto take_read = [&](std::size_t group) {
      for (const std::size_t k : layout_.read[group]) x[first_of(inputs_, group) + k] = *next++;
    };
    take_seeds(kCarried);
    take_read(kOwn);
    take_read(kCarried);
    take_seeds(kOwn);
    take_read(kShared);
    take_seeds(kShared);
    const std::vector<Scalar> y = body_(std::span<const Scalar>(x));
    const std::vector<Arrival> found = push_through(reading_, x, y, seeds);
    for (const std::size_t group : {kCarried, kOwn, kShared}) {
      const std::size_t first = first_of(found_, group);
      for (const std::size_t k : layout_.found[group].arriving) {
        out.push_back(arrived(found[first + k].value));
      }
      for (const std::size_t k : layout_.found[group].flagged) {
        out.push_back(found[first + k].holds);
      }
    }
  }

 private:
  Function body_;
  LoopReading reading_;
  LoopLayout layout_;
  LoopWidths inputs_, seeds_, found_;
};

// Records it. Seeds and flags have the example 1.
Function record_body(const Loop& loop, LoopReading reading, const LoopLayout& layout) {
  const std::vector<double> example = example_of(loop.body());
  const LoopWidths inputs = input_widths(loop.shape());
  std::array<Argument, 3> groups = {Argument{"carry", false, {}}, Argument{"x", false, {}},
                                    Argument{"w", false, {}}};
  const auto read = [&](std::size_t group, Argument& to) {
    for (const std::size_t k : layout.read[group])
      to.example.push_back(example[first_of(inputs, group) + k]);
  };
  read(kOwn, groups[kOwn]);
  read(kCarried, groups[kOwn]);
  read(kShared, groups[kShared]);
  for (const std::size_t group : {kCarried, kOwn, kShared}) {
    groups[group].example.resize(groups[group].example.size() + layout.seeds[group].size(), 1.0);
  }
  std::vector<Argument> arguments;
  std::ranges::copy_if(groups, std::back_inserter(arguments),
                       [](const Argument& group) { return !group.example.empty(); });
  return Function(std::make_shared<const DerivedBody>(loop, reading, layout), std::move(arguments),
                  loop.body().trace().name + (reading == LoopReading::adjoints ? ".vjp" : ".jvp"));
}

// ---- its layout -------------------------------------------------------------------------------

Arrives arrives(double seed) { return is_unreached(seed) ? Arrives::never : Arrives::always; }
Arrives arrives(const Arrival& seed) {
  return seed.is_never() ? Arrives::never : seed.is_always() ? Arrives::always : Arrives::sometimes;
}
Arrives joined(Arrives a, Arrives b) { return a == b ? a : Arrives::sometimes; }

// How things arrive in one step, for seeds that arrive so; nothing if that depends on the branch
// that the body takes, or a derivative of a block in it.
std::optional<std::vector<Arrives>> probe(const Loop& loop, LoopReading reading,
                                          const std::vector<Arrives>& seeds) {
  const Tracing tracing;
  std::vector<Scalar> x;
  for (const double number : example_of(loop.body())) x.push_back(variable(number));
  const std::vector<Scalar> y = loop.body()(std::span<const Scalar>(x));
  std::vector<Arrival> arrivals;
  for (const Arrives seed : seeds) {
    switch (seed) {
      case Arrives::never: arrivals.emplace_back(); break;
      case Arrives::sometimes: arrivals.emplace_back(variable(1.0), variable(1.0)); break;
      case Arrives::always: arrivals.emplace_back(variable(1.0)); break;
    }
  }
  std::vector<Arrives> found;
  for (const Arrival& arrival : push_through(reading, x, y, arrivals)) {
    found.push_back(arrives(arrival));
  }
  if (!active_state().guards.empty()) return std::nullopt;
  return found;
}

// How things arrive over all steps: the least that holds before the first and after every one.
// (Each round but the last moves a carried number up, which each can do once.)
void settle(const Loop& loop, LoopReading reading, std::vector<Arrives>& seeds,
            std::vector<Arrives>& found) {
  const std::size_t carried = loop.shape().carried;
  for (bool moved = true; moved;) {
    moved = false;
    std::optional<std::vector<Arrives>> arriving = probe(loop, reading, seeds);
    if (!arriving) {  // another branch, another answer
      std::fill_n(seeds.begin(), carried, Arrives::sometimes);
      const LoopWidths widths = found_widths(loop.shape(), reading);
      found.assign(widths[0] + widths[1] + widths[2], Arrives::sometimes);
      return;
    }
    found = *std::move(arriving);
    for (std::size_t k = 0; k < carried; ++k) {
      const Arrives both = joined(seeds[k], found[k]);
      moved = moved || both != seeds[k];
      seeds[k] = found[k] = both;
    }
  }
}

std::array<LoopPlaces, 3> places_of(const LoopWidths& widths, const std::vector<Arrives>& all) {
  std::array<LoopPlaces, 3> places;
  for (const std::size_t group : {kCarried, kOwn, kShared}) {
    for (std::size_t k = 0; k < widths[group]; ++k) {
      const Arrives arrives = all[first_of(widths, group) + k];
      if (arrives != Arrives::never) places[group].arriving.push_back(k);
      if (arrives == Arrives::sometimes) places[group].flagged.push_back(k);
    }
  }
  return places;
}

// Whether anything in a trace reads each of its inputs.
std::vector<bool> inputs_read(const Trace& trace) {
  std::vector<bool> is_read(trace.graph.size());
  for (std::uint32_t v = 0; v < trace.graph.size(); ++v) {
    trace.graph.each_operand(Vertex{v}, [&](Vertex operand) { is_read[operand.index] = true; });
  }
  for (const Vertex output : trace.outputs) is_read[output.index] = true;
  std::vector<bool> found;
  for (const Vertex input : trace.inputs) found.push_back(is_read[input.index]);
  return found;
}

// Leaves out what the derived body does not read of the primal. Whether anything was.
bool drop_unread(LoopLayout& layout, const Trace& trace) {
  const std::vector<bool> is_read = inputs_read(trace);
  std::size_t at = layout.seeds[kCarried].size();
  bool dropped = false;
  const auto drop = [&](Places& places) {
    const std::size_t before = places.size();
    std::erase_if(places, [&](std::size_t) { return !is_read[at++]; });
    dropped = dropped || places.size() != before;
  };
  drop(layout.read[kOwn]);
  drop(layout.read[kCarried]);
  at += layout.seeds[kOwn].size();
  drop(layout.read[kShared]);
  return dropped;
}

Loop::Direction reversed(Loop::Direction direction) {
  return direction == Loop::Direction::ascending ? Loop::Direction::descending
                                                 : Loop::Direction::ascending;
}

}  // namespace

DerivedLoop derive(const Loop& loop, const LoopRequest& request) {
  const Loop::Shape& shape = loop.shape();
  const LoopWidths inputs = input_widths(shape);
  const LoopWidths widths = found_widths(shape, request.reading);
  std::vector<Arrives> seeds = request.seeds, found;
  settle(loop, request.reading, seeds, found);
  for (std::size_t k = 0; k < request.wanted.size(); ++k) {
    if (!request.wanted[k]) found[first_of(widths, kOwn) + k] = Arrives::never;
  }
  LoopLayout layout{
      places_of(seed_widths(shape, request.reading), seeds), places_of(widths, found), {}};
  for (const std::size_t group : {kCarried, kOwn, kShared}) {
    for (std::size_t k = 0; k < inputs[group]; ++k) layout.read[group].push_back(k);
  }
  Function body = record_body(loop, request.reading, layout);
  // Another branch may read what this one does not.
  if (body.trace().guards.empty() && drop_unread(layout, body.trace())) {
    body = record_body(loop, request.reading, layout);
  }
  const Loop::Shape derived{
      shape.steps,
      layout.seeds[kCarried].size(),
      layout.read[kOwn].size() + layout.read[kCarried].size() + layout.seeds[kOwn].size(),
      layout.read[kShared].size() + layout.seeds[kShared].size(),
      layout.found[kOwn].size(),
      layout.found[kShared].size()};
  const Loop::Direction direction =
      request.reading == LoopReading::adjoints ? reversed(loop.direction()) : loop.direction();
  return {std::make_shared<const Loop>(std::move(body), derived, direction), std::move(layout)};
}

// ---- the loop that stacks its carries ---------------------------------------------------------

namespace {

class StackingBody final : public Callable {
 public:
  StackingBody(Function body, std::size_t carried, std::size_t summed)
      : body_(std::move(body)), carried_(carried), summed_(summed) {}
  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    out = body_(in);
    const std::span<const Scalar> carry = in.first(carried_);
    out.insert(out.end() - static_cast<std::ptrdiff_t>(summed_), carry.begin(), carry.end());
  }

 private:
  Function body_;
  std::size_t carried_, summed_;
};

}  // namespace

// ---- the derivatives --------------------------------------------------------------------------

std::shared_ptr<const Loop> Loop::with_carries() const {
  {
    const std::lock_guard lock(derived_->mutex);
    if (derived_->with_carries != nullptr) return derived_->with_carries;
  }
  // Not under the lock: the code of a body may be run.
  Shape shape = shape_;
  shape.stacked += shape.carried;
  Function body(std::make_shared<const StackingBody>(body_, shape.carried, shape.summed),
                {body_.arguments().begin(), body_.arguments().end()}, body_.trace().name);
  const std::shared_ptr<Loop> made(
      new Loop(std::move(body), shape, direction_, Stacks::carries_too));
  made->identities_.insert(made->identities_.end(), identities_.begin(), identities_.end());
  const std::lock_guard lock(derived_->mutex);
  if (derived_->with_carries == nullptr) derived_->with_carries = made;
  return derived_->with_carries;
}

std::shared_ptr<const DerivedLoop> Loop::derived(const LoopRequest& request) const {
  {
    const std::lock_guard lock(derived_->mutex);
    const auto at = derived_->loops.find(request);
    if (at != derived_->loops.end()) return at->second;
  }
  auto made = std::make_shared<const DerivedLoop>(derive(*this, request));
  const std::lock_guard lock(derived_->mutex);
  return derived_->loops.try_emplace(request, std::move(made)).first->second;
}

namespace {

// A seed is a double, −0.0 where nothing arrived, or an Arrival: read over numbers S.
template <class S>
using Seed = std::conditional_t<std::same_as<S, double>, double, Arrival>;

double value_of(double seed) { return arrived(seed); }
Scalar value_of(const Arrival& seed) { return arrived(seed.value); }
double flag_of(double seed) { return is_unreached(seed) ? 0.0 : 1.0; }
const Scalar& flag_of(const Arrival& seed) { return seed.holds; }

// What was found, under a flag. A zero that was found is +0.
void give(double& found, double value, double flag) {
  if (flag != 0) found = arrived(value);
}
void give(Arrival& found, const Scalar& value, const Scalar& flag) {
  const bool is_open = !flag.is_number() && keeps_choices(flag);
  const double known = is_open ? 1.0 : primal(flag);
  if (known != 0) found = {value, is_open ? flag : Scalar(1.0)};
}

// How seeds arrive: by place of the body's outputs (for tangents: inputs), over all steps.
template <class Seed>
std::vector<Arrives> arrivals_of(const LoopWidths& widths, std::size_t steps,
                                 std::span<const Seed> seeds) {
  std::vector<Arrives> all;
  for (const Seed& seed : seeds.first(widths[kCarried])) all.push_back(arrives(seed));
  for (std::size_t k = 0; k < widths[kOwn]; ++k) {
    all.push_back(arrives(seeds[widths[kCarried] + k]));
    for (std::size_t t = 1; t < steps; ++t) {
      all.back() = joined(all.back(), arrives(seeds[widths[kCarried] + t * widths[kOwn] + k]));
    }
  }
  for (const Seed& seed : seeds.last(widths[kShared])) all.push_back(arrives(seed));
  return all;
}

// Which numbers of a step are recorded in any of them.
std::vector<bool> recorded_slices(const Loop::Shape& shape, std::span<const Scalar> x) {
  std::vector<bool> wanted(shape.sliced);
  for (std::size_t t = 0; t < shape.steps; ++t) {
    for (std::size_t k = 0; k < shape.sliced; ++k) {
      if (!x[shape.carried + t * shape.sliced + k].is_number()) wanted[k] = true;
    }
  }
  return wanted;
}

// The part of a loop's inputs or outputs that is one group's in one step.
template <class T>
std::span<T> part(std::span<T> all, const LoopWidths& widths, std::size_t group, std::size_t t) {
  if (group == kShared) return all.last(widths[kShared]);
  return all.subspan(first_of(widths, group) + (group == kOwn ? t * widths[kOwn] : 0),
                     widths[group]);
}

std::vector<double> run(const std::shared_ptr<const Loop>& loop, std::span<const double> x) {
  std::vector<double> z(loop->outputs());
  loop->value(x, z);
  return z;
}
std::vector<Scalar> run(const std::shared_ptr<const Loop>& loop, std::span<const Scalar> x) {
  return call(loop, x, Location{});
}

// Moves numbers between the primal loop and a derived one.
template <class S>
class Exchange {
 public:
  Exchange(const Loop::Shape& shape, LoopReading reading, const LoopLayout& layout)
      : steps_(shape.steps),
        layout_(layout),
        inputs_(input_widths(shape)),
        seeds_(seed_widths(shape, reading)),
        found_(found_widths(shape, reading)) {}

  // carries: of all steps, t by t.
  std::vector<S> operands(std::span<const S> x, std::span<const S> carries,
                          std::span<const Seed<S>> seeds) const {
    std::vector<S> all;
    const auto add_seeds = [&](std::size_t group, std::size_t t) {
      const std::span<const Seed<S>> own = part(seeds, seeds_, group, t);
      for (const std::size_t k : layout_.seeds[group].arriving) all.push_back(value_of(own[k]));
      for (const std::size_t k : layout_.seeds[group].flagged) all.push_back(flag_of(own[k]));
    };
    const auto add_read = [&](std::size_t group, std::span<const S> own) {
      for (const std::size_t k : layout_.read[group]) all.push_back(own[k]);
    };
    add_seeds(kCarried, 0);
    for (std::size_t t = 0; t < steps_; ++t) {
      add_read(kOwn, part(x, inputs_, kOwn, t));
      if (!layout_.read[kCarried].empty())
        add_read(kCarried, carries.subspan(t * inputs_[kCarried], inputs_[kCarried]));
      add_seeds(kOwn, t);
    }
    add_read(kShared, part(x, inputs_, kShared, 0));
    add_seeds(kShared, 0);
    return all;
  }

  void results(std::span<const S> results, std::span<Seed<S>> found) const {
    const S* next = results.data();
    const auto give_group = [&](std::size_t group, std::size_t t) {
      const LoopPlaces& places = layout_.found[group];
      const S* flag = next + places.arriving.size();
      auto flagged = places.flagged.begin();
      const std::span<Seed<S>> own = part(found, found_, group, t);
      for (const std::size_t k : places.arriving) {
        const bool has_flag = flagged != places.flagged.end() && *flagged == k;
        if (has_flag) ++flagged;
        give(own[k], *next++, has_flag ? *flag++ : S(1.0));
      }
      next += places.flagged.size();
    };
    give_group(kCarried, 0);
    for (std::size_t t = 0; t < steps_; ++t) give_group(kOwn, t);
    give_group(kShared, 0);
  }

 private:
  std::size_t steps_;
  const LoopLayout& layout_;
  LoopWidths inputs_, seeds_, found_;
};

}  // namespace

// The carries before all steps, t by t.
template <class S>
std::vector<S> Loop::carries(std::span<const S> x, std::span<const S> z) const {
  std::vector<S> run_again;
  LoopWidths widths = output_widths(shape_);
  if (stacks_ == Stacks::own) {
    run_again = run(with_carries(), x);
    widths[kOwn] += shape_.carried;
    z = run_again;
  }
  std::vector<S> all;
  for (std::size_t t = 0; t < shape_.steps; ++t) {
    const std::span<const S> carry = part(z, widths, kOwn, t).last(shape_.carried);
    all.insert(all.end(), carry.begin(), carry.end());
  }
  return all;
}

// seeds and found: numbers, or Arrivals.
template <class S, class Seed>
void Loop::differentiate(LoopReading reading, std::span<const S> x, std::span<const S> z,
                         std::span<const Seed> seeds, std::span<Seed> found) const {
  if (shape_.steps == 0) {
    std::ranges::copy(seeds.first(shape_.carried), found.begin());
    return;
  }
  LoopRequest request{reading, arrivals_of(seed_widths(shape_, reading), shape_.steps, seeds), {}};
  if (std::ranges::count(request.seeds, Arrives::never) ==
      static_cast<std::ptrdiff_t>(request.seeds.size())) {
    return;
  }
  if constexpr (std::same_as<S, Scalar>) {
    if (reading == LoopReading::adjoints) request.wanted = recorded_slices(shape_, x);
  }
  const std::shared_ptr<const DerivedLoop> derived = this->derived(request);
  const Exchange<S> exchange(shape_, reading, derived->layout);
  const bool reads_carries = !derived->layout.read[kCarried].empty();
  const std::vector<S> kept = reads_carries ? carries(x, z) : std::vector<S>();
  exchange.results(run(derived->loop, exchange.operands(x, kept, seeds)), found);
}

void Loop::vjp(std::span<const double> x, std::span<const double> z, std::span<const double> zbar,
               std::span<double> xbar) const {
  differentiate(LoopReading::adjoints, x, z, zbar, xbar);
}

void Loop::jvp(std::span<const double> x, std::span<const double> z, std::span<const double> xdot,
               std::span<double> zdot) const {
  differentiate(LoopReading::tangents, x, z, xdot, zdot);
}

void Loop::pull_arrivals(std::span<const Scalar> x, std::span<const Scalar> z,
                         std::span<const Arrival> zbar, std::span<Arrival> xbar) const {
  differentiate(LoopReading::adjoints, x, z, zbar, xbar);
}

void Loop::push_arrivals(std::span<const Scalar> x, std::span<const Scalar> z,
                         std::span<const Arrival> xdot, std::span<Arrival> zdot) const {
  differentiate(LoopReading::tangents, x, z, xdot, zdot);
}

}  // namespace chainrule
