#include "chainrule/nn/table_model.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include "chainrule/base/text.hpp"
#include "chainrule/tape/tape.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/reduce.hpp"

namespace chainrule::nn {

// ---- standards ----------------------------------------------------------------------------------

Standard Standard::of(const Tensor& rows) {
  const Tensor deviation = stddev(rows, 0);
  return {chainrule::mean(rows, 0), where(deviation > 0.0, deviation, 1.0)};
}

Tensor Standard::operator()(const Tensor& rows) const { return (rows - mean) / deviation; }
Tensor Standard::inverse(const Tensor& rows) const { return rows * deviation + mean; }

// ---- what a file says ---------------------------------------------------------------------------

namespace {

using nlohmann::json;

constexpr const char* kKey = "chainrule.model";
constexpr const char* kInputMean = "inputs.mean";
constexpr const char* kInputDeviation = "inputs.deviation";
constexpr const char* kTargetMean = "target.mean";
constexpr const char* kTargetDeviation = "target.deviation";

class Reading {
 public:
  Reading(const SavedTensors& saved, const std::string& path) : saved_(saved), path_(path) {
    const auto found =
        std::ranges::find(saved.metadata, kKey, &std::pair<std::string, std::string>::first);
    if (found == saved.metadata.end()) {
      fail("model", path_ + " holds tensors, but no model of a table: it lacks the metadata " +
                        in_quotes(kKey));
    }
    described_ = json::parse(found->second, nullptr, /*allow_exceptions=*/false);
    if (!described_.is_object()) refuse("the metadata " + in_quotes(kKey) + " is no JSON object");
  }

  std::string text(const char* key) const {
    const auto found = described_.find(key);
    if (found == described_.end() || !found->is_string()) {
      refuse("its " + std::string(key) + " is no text");
    }
    return *found;
  }
  // Texts of which no two are equal.
  std::vector<std::string> texts(const char* key) const {
    const auto found = described_.find(key);
    if (found == described_.end() || !found->is_array()) {
      refuse("its " + std::string(key) + " is no list of texts");
    }
    std::vector<std::string> list;
    std::unordered_set<std::string> taken;
    for (const json& entry : *found) {
      if (!entry.is_string()) refuse("its " + std::string(key) + " is no list of texts");
      list.push_back(entry);
      if (!taken.insert(list.back()).second) {
        refuse("its " + std::string(key) + " has " + in_quotes(list.back()) + " twice");
      }
    }
    return list;
  }
  const Tensor* find(const std::string& name) const {
    const auto found = std::ranges::find(saved_.tensors, name, &NamedTensor::first);
    return found == saved_.tensors.end() ? nullptr : &found->second;
  }
  // Finite numbers of that shape.
  Tensor tensor(const std::string& name, const Shape& shape) const {
    const Tensor* found = find(name);
    if (found == nullptr) refuse("it lacks the tensor " + in_quotes(name));
    if (found->shape() != shape) {
      refuse("the tensor " + in_quotes(name) + " has the shape " + to_string(found->shape()) +
             ", but " + to_string(shape) + " is expected");
    }
    require_finite(name, *found);
    return *found;
  }
  void require_finite(const std::string& name, const Tensor& numbers) const {
    for (const double x : numbers.values()) {
      if (!std::isfinite(x)) refuse("the tensor " + in_quotes(name) + " holds " + shortest(x));
    }
  }
  Standard standard(const char* mean, const char* deviation, std::size_t columns) const {
    const Shape shape = {static_cast<std::int64_t>(columns)};
    Standard standard = {tensor(mean, shape), tensor(deviation, shape)};
    for (const double d : standard.deviation.values()) {
      if (!(d > 0)) refuse("the tensor " + in_quotes(deviation) + " holds " + shortest(d));
    }
    return standard;
  }

  // layers.0, layers.1, …: each reads what the one before gives.
  MLP net(std::int64_t inputs, std::int64_t outputs) const {
    std::vector<std::int64_t> sizes = {inputs};
    StateDict state;
    for (std::size_t k = 0;; ++k) {
      const std::string layer = "layers." + std::to_string(k);
      const Tensor* weight = find(layer + ".weight");
      if (weight == nullptr) break;
      if (weight->rank() != 2 || weight->shape()[0] < 1 || weight->shape()[1] != sizes.back()) {
        refuse("the tensor " + in_quotes(layer + ".weight") + " has the shape " +
               to_string(weight->shape()) + ", but it reads " + std::to_string(sizes.back()) +
               " numbers");
      }
      require_finite(layer + ".weight", *weight);
      sizes.push_back(weight->shape()[0]);
      state.emplace_back(layer + ".weight", *weight);
      state.emplace_back(layer + ".bias", tensor(layer + ".bias", {sizes.back()}));
    }
    if (sizes.size() < 2) refuse("it lacks the tensor 'layers.0.weight'");
    if (sizes.back() != outputs) {
      refuse("the net gives " + std::to_string(sizes.back()) + " numbers, but " +
             std::to_string(outputs) + " are expected");
    }
    Random random(0);  // what it begins with is overwritten
    MLP net(sizes, activation(), random, state[0].second.element());
    try {
      net.load_state_dict(state);
    } catch (const Error& error) {
      const std::string_view facts = error.what();
      refuse(std::string(facts.substr(facts.find("] ") + 2)));
    }
    net.mode(Mode::evaluation);
    return net;
  }
  Op activation() const {
    const std::string name = text("activation");
    const OpInfo* row = find_op(name);
    if (row == nullptr) refuse("there is no activation " + in_quotes(name));
    return Activation(name).op();
  }

  [[noreturn]] void refuse(const std::string& facts) const {
    fail("model", path_ + " is no model of a table that can be read: " + facts);
  }

 private:
  const SavedTensors& saved_;
  const std::string& path_;
  json described_;
};

}  // namespace

// ---- model --------------------------------------------------------------------------------------

TableModel TableModel::load(const std::string& path) { return of(load_tensors(path), path); }

TableModel TableModel::of(const SavedTensors& saved, const std::string& path) {
  const Reading reading(saved, path);
  std::vector<std::string> inputs = reading.texts("inputs"), classes = reading.texts("classes");
  if (inputs.empty()) reading.refuse("it has no inputs");
  if (classes.size() == 1) reading.refuse("it has one class only");
  const std::size_t outputs = classes.empty() ? 1 : classes.size();
  MLP net =
      reading.net(static_cast<std::int64_t>(inputs.size()), static_cast<std::int64_t>(outputs));
  Standard of_inputs = reading.standard(kInputMean, kInputDeviation, inputs.size());
  Standard of_target;
  if (classes.empty()) of_target = reading.standard(kTargetMean, kTargetDeviation, 1);
  return {std::move(inputs),    reading.text("target"), std::move(classes),
          std::move(of_inputs), std::move(of_target),   std::move(net)};
}

void TableModel::describe(SavedTensors& saved) const {
  saved.tensors.emplace_back(kInputMean, input_standard.mean);
  saved.tensors.emplace_back(kInputDeviation, input_standard.deviation);
  if (!is_classifier()) {
    saved.tensors.emplace_back(kTargetMean, target_standard.mean);
    saved.tensors.emplace_back(kTargetDeviation, target_standard.deviation);
  }
  const json described = {{"inputs", inputs},
                          {"target", target},
                          {"classes", classes},
                          {"activation", std::string(info(net.activation.op()).name)}};
  try {
    saved.metadata.emplace_back(kKey, described.dump());
  } catch (const json::exception&) {
    fail("model", "the name of a column or of a class is no UTF-8, and cannot be saved");
  }
}

std::vector<std::int64_t> TableModel::hidden() const {
  std::vector<std::int64_t> sizes;
  for (std::size_t k = 0; k + 1 < net.layers.size(); ++k) sizes.push_back(net.layers[k].outputs());
  return sizes;
}

Tensor TableModel::scores(const Tensor& rows) const {
  const Frame frame = Tape::active().frame();  // a net that is being trained would be recorded
  return cast(net(input_standard(rows)).detached(), f64);
}

Tensor TableModel::predict(const Tensor& rows) const {
  const Tensor found = scores(rows);
  return is_classifier() ? softmax(found) : target_standard.inverse(found);
}

}  // namespace chainrule::nn
