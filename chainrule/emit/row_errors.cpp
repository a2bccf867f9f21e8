// What a row throws, with the row in its message.
#include <stdexcept>
#include <string>
#include <typeinfo>

#include "chainrule/emit/kernel_internal.hpp"

namespace chainrule::emit {
namespace {

// Throws one of these with another text, if `error` is just that and nothing derived from it.
template <class... Kinds>
void throw_like(const std::exception& error, const std::string& text) {
  ((typeid(error) == typeid(Kinds) ? throw Kinds(text) : void()), ...);
}

}  // namespace

void rethrow_in_row(std::size_t row, std::size_t rows) {
  const std::string place =
      ", in row " + std::to_string(row) + " of 0.." + std::to_string(rows - 1);
  try {
    throw;
  } catch (Error& error) {
    error.add(place);
    throw;
  } catch (const std::exception& error) {
    throw_like<std::runtime_error, std::range_error, std::overflow_error, std::underflow_error,
               std::logic_error, std::domain_error, std::invalid_argument, std::length_error,
               std::out_of_range>(error, error.what() + place);
    throw;
  }
}

}  // namespace chainrule::emit
