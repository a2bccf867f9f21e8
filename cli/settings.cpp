#include "cli/settings.hpp"

#include <nlohmann/json.hpp>

#include "chainrule/base/error.hpp"
#include "chainrule/base/text.hpp"

namespace chainrule::cli {
namespace {

using nlohmann::json;

json in_json(const Settings::Value& value) {
  return std::visit([](const auto* held) { return json(*held); }, value);
}

bool is_such(const json& saved, const std::string*) { return saved.is_string(); }
bool is_such(const json& saved, const double*) { return saved.is_number(); }
bool is_such(const json& saved, const std::int64_t*) { return saved.is_number_integer(); }
bool is_such(const json& saved, const std::uint64_t*) { return saved.is_number_unsigned(); }

}  // namespace

bool Settings::is_given(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name == name) return entry.option->count() > 0;
  }
  return false;
}

std::string Settings::text() const {
  json all = json::object();
  for (const Entry& entry : entries_) all[entry.name] = in_json(entry.value);
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

void Settings::resume(const std::string& text, const std::string& path) {
  const json all = json::parse(text, nullptr, /*allow_exceptions=*/false);
  for (Entry& entry : entries_) {
    const auto found = all.is_object() ? all.find(entry.name) : all.end();
    const bool is_there =
        found != all.end() &&
        std::visit([&](const auto* held) { return is_such(*found, held); }, entry.value);
    if (!is_there) {
      fail("resume", path + " does not say what --" + entry.name + " its run had");
    }
    const bool is_given = entry.option->count() > 0;
    if (is_given && entry.on_resume == On::resume_same && in_json(entry.value) != *found) {
      fail("resume", "--" + entry.name + ' ' + in_json(entry.value).dump() + ": the run of " +
                         path + " has " + found->dump() + ", and goes on with it");
    }
    if (!is_given) std::visit([&](auto* held) { found->get_to(*held); }, entry.value);
  }
}

}  // namespace chainrule::cli
