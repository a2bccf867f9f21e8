#include "chainrule/base/error.hpp"

#include <atomic>
#include <string>
#include <utility>

namespace chainrule {
namespace {

std::string line_of(std::string_view where, std::string_view facts) {
  std::string line;
  line.reserve(where.size() + facts.size() + 3);
  line.append("[").append(where).append("] ").append(facts);
  return line;
}

}  // namespace

struct Error::Text {
  std::string line;
  std::atomic<int> users{1};
};

Error::Error(std::string_view line) : text_(new Text{std::string(line)}) {}

Error::Error(const Error& other) noexcept : std::exception(other), text_(other.text_) {
  text_->users.fetch_add(1, std::memory_order_relaxed);
}

Error& Error::operator=(const Error& other) noexcept {
  Error copy(other);
  std::swap(text_, copy.text_);
  return *this;
}

Error::~Error() {
  if (text_->users.fetch_sub(1, std::memory_order_acq_rel) == 1) delete text_;
}

void Error::add(std::string_view facts) {
  Error longer(text_->line + std::string(facts));
  std::swap(text_, longer.text_);
}

const char* Error::what() const noexcept { return text_->line.c_str(); }

void fail(std::string_view where, std::string_view facts) { throw Error(line_of(where, facts)); }

void fail_handle(std::string_view where, std::string_view facts) {
  throw HandleError(line_of(where, facts));
}

}  // namespace chainrule
