#include "chainrule/nn/parameter.hpp"

#include <string>
#include <utility>

#include "chainrule/tape/tape.hpp"
#include "chainrule/tensor/elementwise.hpp"

namespace chainrule::nn {

namespace {

Tensor plain(const Tensor& numbers, std::string_view where) {
  if (numbers.is_recorded()) {
    fail(where, "this " + to_string(numbers.type()) +
                    " is recorded, but a parameter holds plain numbers: detached() gives them");
  }
  return numbers;
}

}  // namespace

struct ParameterRef::Slot {
  explicit Slot(const Tensor& numbers) : value(numbers) {}

  Tensor value;
  Tensor leaf = TensorAccess::nothing();
  Tensor bound = TensorAccess::nothing();
  Mode mode = Mode::training;
  bool is_owned = true;
};

const Tensor& ParameterRef::value() const { return slot_->value; }

Tensor& ParameterRef::numbers() const {
  forget_leaf();
  return slot_->value;
}

Tensor ParameterRef::tensor(Location at) const {
  Slot& slot = *slot_;
  if (TensorAccess::is_there(slot.bound)) return slot.bound;
  if (slot.mode == Mode::evaluation) return slot.value;
  Tape::active();
  const detail::Recorder& tape = *detail::active_recorder;
  if (TensorAccess::is_there(slot.leaf) && tape.live(TensorAccess::stamp(slot.leaf)))
    return slot.leaf;
  if (tape.watching) {
    fail("parameter", "a parameter of type " + to_string(slot.value.type()) +
                          " is read inside of a checkpoint or of a Function that is recorded, "
                          "where its derivative would be lost: pass it in and use nn::Bound, or "
                          "switch to evaluation mode");
  }
  slot.leaf = variable(slot.value, {}, at);
  return slot.leaf;
}

void ParameterRef::assign(Tensor numbers) const {
  if (numbers.type() != value().type()) {
    fail("parameter", "numbers of type " + to_string(numbers.type()) + " for a parameter of type " +
                          to_string(value().type()));
  }
  plain(numbers, "parameter");
  forget_leaf();
  slot_->value = std::move(numbers);
}

void ParameterRef::convert(Precision element) const {
  if (element == value().element()) return;
  forget_leaf();
  slot_->value = cast(value(), element);
}

void ParameterRef::forget_leaf() const { slot_->leaf = TensorAccess::nothing(); }

Mode ParameterRef::mode() const { return slot_->mode; }
bool ParameterRef::is_owned() const { return slot_->is_owned; }
void ParameterRef::mode(Mode mode) const {
  slot_->mode = mode;
  if (mode == Mode::evaluation) forget_leaf();
}

Parameter::Parameter(const Tensor& numbers)
    : ParameterRef(std::make_shared<Slot>(Slot{plain(numbers, "parameter")})) {}

Parameter::~Parameter() {
  if (slot_ != nullptr) slot_->is_owned = false;
}

Parameter::Parameter(const Parameter& other)
    : ParameterRef(std::make_shared<Slot>(Slot{other.value()})) {
  mode(other.mode());
}

Parameter& Parameter::operator=(const Parameter& other) {
  if (slot_ == nullptr) return *this = Parameter(other);
  slot_->value = other.slot_->value;
  mode(other.mode());
  forget_leaf();
  return *this;
}

Parameter& Parameter::operator=(Parameter&& other) {
  if (slot_ != nullptr) return *this = std::as_const(other);
  slot_ = std::move(other.slot_);
  return *this;
}

Bound::Bound(std::span<const ParameterRef> parameters, std::span<const Tensor> tensors)
    : parameters_(parameters.begin(), parameters.end()) {
  if (parameters.size() != tensors.size()) {
    fail("bound", std::to_string(tensors.size()) + " tensors for " +
                      std::to_string(parameters.size()) + " parameters");
  }
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    if (tensors[k].shape() == parameters[k].value().shape()) continue;
    fail("bound", "parameter " + std::to_string(k) + " has the shape " +
                      to_string(parameters[k].value().shape()) + ", the tensor for it " +
                      to_string(tensors[k].shape()));
  }
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    before_.push_back(std::exchange(parameters_[k].slot_->bound, tensors[k]));
  }
}

Bound::~Bound() {
  for (std::size_t k = parameters_.size(); k-- > 0;) {
    parameters_[k].slot_->bound = std::move(before_[k]);
  }
}

}  // namespace chainrule::nn
