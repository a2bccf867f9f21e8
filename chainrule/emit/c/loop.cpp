#include "chainrule/emit/c/scope_internal.hpp"

namespace chainrule::detail {

// ---- what loops need --------------------------------------------------------------------------

std::vector<CNeeds> Scope::needs() {
  std::vector<CNeeds> all;
  for (const CLoop& loop : program_.loops) {
    results_.push_back(
        file_.take(loop.shape.carried + loop.shape.steps * loop.shape.stacked + loop.shape.summed));
    const std::span<const StepId> operands(loop.operands);
    CNeeds needs;
    for (const StepId step : operands.first(loop.shape.carried)) needs.read.push_back(step);
    slices_.emplace_back();
    for (std::size_t k = 0; k < loop.shape.sliced; ++k) {
      slices_.back().push_back(slice(loop, k, needs));
    }
    for (std::size_t k = 0; k < loop.shape.invariant; ++k) {
      if (loop.reads[loop.shape.carried + loop.shape.sliced + k]) {
        needs.read.push_back(operands.last(loop.shape.invariant)[k]);
      }
    }
    all.push_back(std::move(needs));
  }
  return all;
}

// Number k of each step: one number for all, a row of a table, evenly spaced, or copied to v.
Source Scope::slice(const CLoop& loop, std::size_t k, CNeeds& needs) {
  const auto operand = [&](std::size_t t) {
    return loop.operands[loop.shape.carried + t * loop.shape.sliced + k];
  };
  const std::size_t steps = loop.shape.steps;
  const std::string index = index_name(depth_ + 1);
  if (!loop.reads[loop.shape.carried + k]) return Source(CText{"0.0"});
  bool all_same = true, all_numbers = true, all_inputs = true;
  for (std::size_t t = 0; t < steps; ++t) {
    const Formula::Kind kind = program_.formula[operand(t)].kind;
    all_same = all_same && operand(t) == operand(0);
    all_numbers = all_numbers && kind == Formula::Kind::number;
    all_inputs = all_inputs && kind == Formula::Kind::input;
  }
  if (all_same) {
    // An operation is read from v: where, the layout says.
    needs.read.push_back(operand(0));
    return Source(CText{});
  }
  if (all_numbers) {
    const std::string table = file_.name + "_table" + number(++file_.tables);
    file_.text += "static const double " + table + "[" + number(steps) + "] = {";
    for (std::size_t t = 0; t < steps; ++t) {
      file_.text += t % 8 == 0 ? (t == 0 ? "\n  " : ",\n  ") : ", ";
      file_.text += c_number(program_.formula.number_of(operand(t))).text;
    }
    file_.text += "\n};\n\n";
    return Source(Place{table}.moving(index, 1));
  }
  if (all_inputs) {
    const auto place = [&](std::size_t t) { return source(operand(t), 0).place; };
    const auto first = place(0);
    const auto stride = first && place(1) ? distance(*first, *place(1)) : std::nullopt;
    bool is_even = stride.has_value();
    for (std::size_t t = 2; is_even && t < steps; ++t) {
      const auto next = place(t);
      is_even = next && distance(*first, *next) == *stride * static_cast<std::int64_t>(t);
    }
    if (is_even) return Source(first->moving(index, *stride));
  }
  const std::size_t to = file_.take(steps);
  for (std::size_t t = 0; t < steps; ++t) needs.copies.push_back({operand(t), to + t});
  return Source(in_v(to).moving(index, 1));
}

// ---- loops ------------------------------------------------------------------------------------

void Scope::loop(std::size_t j) {
  const CLoop& loop = program_.loops[j];
  const std::string name = file_.name + "_loop" + number(++file_.loops);
  Scope inner(file_, loop.body, name, depth_ + 1, loop_inputs(j));
  Body body;
  if (inner.is_in_one_piece()) {
    loop_in_one_piece(j, inner, body);
  } else {
    loop_of_functions(j, inner, body);
  }
  file_.text += "/* " + loop.name + ": " + number(loop.shape.steps) + " steps */\n";
  add_function(name, Reaches::workspace, body);
}

// What the body takes: the carry stands where the last one is to be in the end.
std::vector<Source> Scope::loop_inputs(std::size_t j) const {
  const CLoop& loop = program_.loops[j];
  const Loop::Shape& shape = loop.shape;
  const std::span<const StepId> operands(loop.operands);
  std::vector<Source> inputs;
  for (std::size_t k = 0; k < shape.carried; ++k) inputs.push_back(result(j, k));
  for (std::size_t k = 0; k < shape.sliced; ++k) {
    const Source& found = slices_[j][k];
    const bool is_same = !found.place && found.text.text.empty();
    inputs.push_back(is_same ? source(operands[shape.carried + k], here_) : found);
  }
  for (const StepId step : operands.last(shape.invariant)) {
    const bool is_read = loop.reads[inputs.size()];
    inputs.push_back(is_read ? source(step, here_) : Source(CText{"0.0"}));
  }
  return inputs;
}

std::string Scope::loop_head(const CLoop& loop) const {
  const std::string i = index_name(depth_ + 1), steps = number(loop.shape.steps);
  return loop.direction == Loop::Direction::ascending
             ? "  for (long " + i + " = 0; " + i + " < " + steps + "; ++" + i + ") {\n"
             : "  for (long " + i + " = " + steps + "; " + i + "-- > 0;) {\n";
}

// Stacked numbers go where they belong at once; carry and sums are the caller's to place.
std::vector<Target> Scope::targets_of(std::size_t j) const {
  const Loop::Shape& shape = program_.loops[j].shape;
  std::vector<Target> targets(shape.carried);
  for (std::size_t k = 0; k < shape.stacked; ++k) {
    targets.push_back(
        {result(j, shape.carried + k)
             .moving(index_name(depth_ + 1), static_cast<std::int64_t>(shape.stacked))});
  }
  targets.resize(shape.carried + shape.stacked + shape.summed);
  return targets;
}

// The carry is c, and n after the step; sums are s, and what does not move is read once, as w.
void Scope::loop_in_one_piece(std::size_t j, Scope& inner, Body& body) {
  const CLoop& loop = program_.loops[j];
  const auto& [steps, carried, sliced, invariant, stacked, summed] = loop.shape;
  const std::string i = index_name(depth_ + 1);
  std::vector<Target> targets = targets_of(j);
  for (std::size_t k = 0; k < carried; ++k) {
    const std::string c = "c" + number(k);
    const Source first = source(loop.operands[k], here_);
    body.text += "  double " + c + " = " + body.of(first).text + ";\n";
    inner.inputs_[k] = Source(CText{c});
    targets[k].text = "const double n" + number(k);
  }
  for (std::size_t k = 0; k < summed; ++k) {
    body.text += "  double s" + number(k) + " = 0.0;\n";
    targets[carried + stacked + k] = {std::nullopt, "s" + number(k), " += "};
  }
  for (std::size_t k = carried; k < inner.inputs_.size(); ++k) {
    const auto& place = inner.inputs_[k].place;
    const bool moves = place && !place->terms.empty() && place->terms.back().index == i;
    if (!place || moves || !loop.reads[k]) continue;
    const std::string w = "w" + number(k);
    body.text += "  const double " + w + " = " + body.at(*place) + ";\n";
    inner.inputs_[k] = Source(CText{w});
  }
  body.text += loop_head(loop);
  inner.write_into(body, std::move(targets));
  for (std::size_t k = 0; k < carried; ++k) {
    body.text += "    c" + number(k) + " = n" + number(k) + ";\n";
  }
  body.text += "  }\n";
  for (std::size_t k = 0; k < carried; ++k) {
    body.text += "  " + body.at(result(j, k)) + " = c" + number(k) + ";\n";
  }
  for (std::size_t k = 0; k < summed; ++k) {
    const Place place = result(j, carried + steps * stacked + k);
    body.text += "  " + body.at(place) + " = s" + number(k) + ";\n";
  }
}

void Scope::loop_of_functions(std::size_t j, Scope& inner, Body& body) {
  const CLoop& loop = program_.loops[j];
  const auto& [steps, carried, sliced, invariant, stacked, summed] = loop.shape;
  const std::size_t first_sum = carried + steps * stacked, next = file_.take(carried);
  std::vector<Target> targets = targets_of(j);
  for (std::size_t k = 0; k < carried; ++k) {
    const Source first = source(loop.operands[k], here_);
    body.text += "  " + body.at(result(j, k)) + " = " + body.of(first).text + ";\n";
    targets[k].place = in_v(next + k);
  }
  for (std::size_t k = 0; k < summed; ++k) {
    body.text += "  " + body.at(result(j, first_sum + k)) + " = 0.0;\n";
    targets[carried + stacked + k] = {result(j, first_sum + k), "", " += "};
  }
  inner.write_functions(std::move(targets));
  body.text += loop_head(loop);
  body.use("x"), body.use("v");
  std::string arguments = "(x, v";
  for (unsigned d = 1; d <= depth_ + 1; ++d) {
    body.use(index_name(d));
    arguments += ", " + index_name(d);
  }
  for (const Call& call : inner.calls()) {
    body.text += "    {\n      const int guard = " + call.name + arguments + ");\n";
    body.text += "      if (guard != 0) return guard;\n    }\n";
  }
  for (std::size_t k = 0; k < carried; ++k) {
    body.text += "    " + body.at(result(j, k)) + " = " + body.at(in_v(next + k)) + ";\n";
  }
  body.text += "  }\n";
}

}  // namespace chainrule::detail
