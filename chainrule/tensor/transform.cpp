#include "chainrule/tensor/transform.hpp"

#include <algorithm>

#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/function_internal.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/table_internal.hpp"

namespace chainrule {
namespace detail {

Tensor fresh_node(const Tensor& x) {
  if (!x.is_recorded()) return variable(x);
  return copy(x);
}

Tensor one_element(const Tensor& y, const char* where) {
  if (y.size() != 1) {
    fail(where, "of functions that give one element, but this one gives the shape " +
                    to_string(y.shape()) + ": sum() it, or use jacobian() or vjp()");
  }
  return y;
}

namespace {

Shape joined(const Shape& a, const Shape& b) {
  Shape shape = a;
  for (const std::int64_t size : b) shape.push_back(size);
  return shape;
}

// The tensor of that shape that is 1 at one place.
Tensor unit(const Tensor& like, std::int64_t place) {
  Tensor t = zeros(like.shape(), like.element());
  visit_element(t.element(), [&]<class T>(T) { TensorAccess::data<T>(t)[place] = T{1}; });
  return t;
}

// Rows, each of `width` elements, one after another, as one tensor.
Tensor put_together(const std::vector<Tensor>& rows, const Shape& shape, const Tensor& like) {
  if (rows.empty()) return zeros(shape, like.element());
  std::vector<Tensor> flat;
  for (const Tensor& row : rows) flat.push_back(reshape(row, Shape{row.size()}));
  return reshape(concatenate(std::span<const Tensor>(flat), 0), shape);
}

template <class Sweep>
Tensor jacobian_by(const Tensor& y, const Tensor& x, Sweep&& sweep) {
  const Shape shape = joined(y.shape(), x.shape());
  if (!y.is_recorded()) return zeros(shape, x.element());
  std::vector<Tensor> rows;
  if (x.size() < y.size()) {
    // Columns: x̄ as a function of ȳ, differentiated for each element of x.
    const Tensor weights = variable(zeros(y.shape(), y.element()));
    const Tensor slope = recorded_vjp({&y, 1}, {&weights, 1}, {&x, 1})[0];
    if (!slope.is_recorded()) return zeros(shape, x.element());
    for (std::int64_t k = 0; k < x.size(); ++k) {
      rows.push_back(sweep(slope, unit(x, k), weights));
    }
    const Tensor columns = put_together(rows, Shape{x.size(), y.size()}, x);
    return reshape(contiguous(transpose(columns)), shape);
  }
  for (std::int64_t k = 0; k < y.size(); ++k) rows.push_back(sweep(y, unit(y, k), x));
  return put_together(rows, shape, x);
}

}  // namespace

Tensor recorded_jacobian(const Tensor& y, const Tensor& x) {
  return jacobian_by(y, x, [](const Tensor& of, const Tensor& seed, const Tensor& by) {
    return recorded_vjp({&of, 1}, {&seed, 1}, {&by, 1})[0];
  });
}

Tensor plain_jacobian(const Tensor& y, const Tensor& x) {
  return jacobian_by(y, x, [](const Tensor& of, const Tensor& seed, const Tensor& by) {
    return vjp({&of, 1}, {&seed, 1}, {&by, 1})[0];
  });
}

// ---- vmap -------------------------------------------------------------------------------------

namespace {

// Slice by slice: for operations without a rule for batches, and code that decides by numbers.
template <class Call>
Tensor slice_by_slice(std::span<const Tensor> x, std::span<const bool> is_batched,
                      std::int64_t count, Call&& call_on) {
  std::vector<Tensor> results;
  for (std::int64_t k = 0; k < count; ++k) {
    std::vector<Tensor> slices;
    for (std::size_t i = 0; i < x.size(); ++i)
      slices.push_back(is_batched[i] ? pick(x[i], 0, k) : x[i]);
    results.push_back(call_on(slices));
  }
  return stack(std::span<const Tensor>(results), 0);
}

// The program over batches: those nodes that depend on a batched input have a new first axis.
Tensor run_batched(const TensorProgram& program, std::span<const Tensor> x,
                   std::span<const bool> is_input_batched, std::int64_t count) {
  std::vector<Tensor> values(program.nodes.size(), TensorTable::nothing());
  const auto batched = std::make_unique<bool[]>(program.nodes.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    values[program.inputs[k]] = x[k];
    batched[program.inputs[k]] = is_input_batched[k];
  }
  for (std::uint32_t k = 0; k < program.nodes.size(); ++k) {
    const TensorProgram::Node& node = program.nodes[k];
    if (node.kind == TensorProgram::Kind::placeholder) continue;
    if (node.kind != TensorProgram::Kind::operation) {
      values[k] = node.value;
      continue;
    }
    std::vector<Tensor> operands;
    std::uint32_t mask = 0;
    const auto is_batched = std::make_unique<bool[]>(node.operands.size());
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      operands.push_back(values[node.operands[i]]);
      is_batched[i] = batched[node.operands[i]];
      batched[k] = batched[k] || is_batched[i];
      if (is_batched[i] && i < 32) mask |= 1u << i;
    }
    if (!batched[k]) {
      values[k] = call(node.op, operands, node.at);
      continue;
    }
    Tensor result = TensorTable::nothing();
    if (node.operands.size() <= 32) result = node.op->batch(operands, mask);
    if (!TensorTable::is_there(result)) {
      result = slice_by_slice(operands, {is_batched.get(), operands.size()}, count,
                              [&](const auto& slices) { return call(node.op, slices, node.at); });
    }
    values[k] = std::move(result);
  }
  const std::uint32_t output = program.outputs[0];
  if (batched[output]) return values[output];
  Shape shape = values[output].shape();
  shape.insert(0, count);
  return broadcast_to(values[output], shape);
}

}  // namespace

Tensor vmapped(const TensorCallable& f, std::span<const Tensor> x, const VmapOptions& options) {
  if (options.axes.size() > x.size()) {
    fail("vmap", std::to_string(options.axes.size()) + " axes for " + std::to_string(x.size()) +
                     " arguments");
  }
  std::vector<Tensor> in;
  const auto is_batched = std::make_unique<bool[]>(x.size());
  std::int64_t count = -1;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const std::int64_t axis = k < options.axes.size() ? options.axes[k] : 0;
    in.push_back(x[k]);
    if (axis == VmapOptions::kWhole) continue;
    is_batched[k] = true;
    const std::int64_t size = x[k].size(axis);
    if (count >= 0 && count != size) {
      fail("vmap", "argument " + std::to_string(k) + " of shape " + to_string(x[k].shape()) +
                       " has " + std::to_string(size) + " slices, others " + std::to_string(count));
    }
    count = size;
    std::vector<std::int64_t> order{static_cast<std::int64_t>(x[k].shape().axis(axis, "vmap"))};
    for (std::int64_t a = 0; a < static_cast<std::int64_t>(x[k].rank()); ++a) {
      if (a != order[0]) order.push_back(a);
    }
    if (order[0] != 0) in.back() = permute(x[k], order);
  }
  if (count < 0) fail("vmap", "every argument goes whole to every call: there is no batch");
  const std::span<const bool> batched(is_batched.get(), x.size());
  Tensor result = TensorTable::nothing();
  try {
    std::vector<Tensor> symbols;
    for (std::size_t k = 0; k < in.size(); ++k) {
      TensorType type = in[k].type();
      if (is_batched[k]) type.shape.erase(0);
      symbols.push_back(make_symbolic(type));
    }
    const TensorProgram program = record_program(f, symbols);
    if (program.outputs.size() != 1) fail("vmap", "of functions that give one tensor");
    result = run_batched(program, in, batched, count);
  } catch (const NoNumbers&) {
    result = TensorAccess::nothing();  // it decides by numbers
  } catch (const HandleError&) {
    result = TensorAccess::nothing();  // it reads what is recorded outside
  }
  if (!TensorAccess::is_there(result)) {
    result = slice_by_slice(in, batched, count, [&](const std::vector<Tensor>& slices) {
      std::vector<Tensor> out;
      f(slices, out);
      return out.at(0);
    });
  }
  if (options.out_axis == 0) return result;
  const std::size_t to = result.shape().axis(options.out_axis, "vmap");
  std::vector<std::int64_t> order;
  for (std::int64_t a = 1; a < static_cast<std::int64_t>(result.rank()); ++a) order.push_back(a);
  order.insert(order.begin() + static_cast<std::ptrdiff_t>(to), 0);
  return permute(result, order);
}

}  // namespace detail
}  // namespace chainrule
