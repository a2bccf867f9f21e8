#include "chainrule/nn/module.hpp"

#include <algorithm>

namespace chainrule::nn {

// ---- parts ------------------------------------------------------------------------------------

std::string Parts::numbered(std::string_view name, std::size_t k) {
  std::string path(name);
  if (!path.empty()) path += '.';
  return path + std::to_string(k);
}

std::string Parts::path_to(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + '.' + std::string(name);
}

void Parts::operator()(std::string_view name, const Parameter& parameter) {
  const bool is_known =
      std::ranges::any_of(parameters, [&](const auto& known) { return known.second == parameter; });
  if (!is_known) parameters.emplace_back(path_to(name), parameter);
}

void Parts::operator()(std::string_view name, Module& module) {
  std::string path = path_to(name);
  modules.emplace_back(path, &module);
  std::swap(path_, path);
  module.parts(*this);
  std::swap(path_, path);
}

void Parts::operator()(std::string_view name, Random& random) {
  randoms.emplace_back(path_to(name), &random);
}

// ---- module -----------------------------------------------------------------------------------

// parts() lends its members to whoever asks, and so is not const; what is asked here changes none.
Parts Module::all_parts() const {
  Parts parts;
  const_cast<Module*>(this)->parts(parts);
  return parts;
}

Parts::Named<ParameterRef> Module::named_parameters() const { return all_parts().parameters; }

std::vector<ParameterRef> Module::parameters() const {
  std::vector<ParameterRef> all;
  for (auto& [name, parameter] : all_parts().parameters) all.push_back(parameter);
  return all;
}

std::vector<Tensor> Module::leaves() const {
  std::vector<Tensor> all;
  for (const auto& [name, parameter] : all_parts().parameters) all.push_back(parameter.tensor());
  return all;
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& [name, parameter] : all_parts().parameters) count += parameter.value().size();
  return count;
}

void Module::mode(Mode mode) {
  mode_ = mode;
  const Parts parts = all_parts();
  for (const auto& [name, module] : parts.modules) module->mode_ = mode;
  for (const auto& [name, parameter] : parts.parameters) parameter.mode(mode);
}

void Module::to(Precision element) {
  for (const auto& [name, parameter] : all_parts().parameters) parameter.convert(element);
}

// ---- state ------------------------------------------------------------------------------------

StateDict Module::state_dict() const {
  StateDict state;
  for (const auto& [name, parameter] : all_parts().parameters) {
    state.emplace_back(name, parameter.value());
  }
  return state;
}

namespace {

// "missing: a, b; "
void add_list(std::string& faults, std::string_view what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  if (!faults.empty()) faults += "; ";
  faults += what;
  for (std::size_t k = 0; k < names.size(); ++k) faults += (k == 0 ? " " : ", ") + names[k];
}

}  // namespace

void Module::load_state_dict(std::span<const NamedTensor> state) {
  std::vector<const NamedTensor*> sorted;
  for (const NamedTensor& entry : state) sorted.push_back(&entry);
  const auto name_of = [](const NamedTensor* entry) -> const std::string& { return entry->first; };
  std::ranges::stable_sort(sorted, {}, name_of);
  std::vector<bool> is_used(sorted.size(), false);

  std::vector<std::string> missing, unexpected, different;
  std::vector<std::pair<ParameterRef, const Tensor*>> found;
  for (const auto& [name, parameter] : all_parts().parameters) {
    const auto at = std::ranges::lower_bound(sorted, name, {}, name_of);
    if (at == sorted.end() || (*at)->first != name) {
      missing.push_back(name);
      continue;
    }
    is_used[static_cast<std::size_t>(at - sorted.begin())] = true;
    const Tensor& numbers = (*at)->second;
    if (numbers.type() == parameter.value().type()) {
      found.emplace_back(parameter, &numbers);
    } else {
      different.push_back(name + " is " + to_string(parameter.value().type()) + " and got " +
                          to_string(numbers.type()));
    }
  }
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    if (!is_used[k]) unexpected.push_back(sorted[k]->first);
  }
  std::string faults;
  add_list(faults, "missing:", missing);
  add_list(faults, "unexpected:", unexpected);
  add_list(faults, "of another type:", different);
  if (!faults.empty()) fail("load_state_dict", faults);
  for (const auto& [parameter, numbers] : found) parameter.assign(numbers->detached());
}

}  // namespace chainrule::nn
