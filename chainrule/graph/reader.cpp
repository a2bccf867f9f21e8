#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>

#include "chainrule/graph/reader_internal.hpp"
#include "chainrule/graph/text.hpp"
#include "chainrule/graph/words_internal.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule::detail {

TraceReader::TraceReader(std::string_view source, std::string_view origin)
    : source_(source), origin_(origin), graph_(trace_.graph) {}

// ---- messages ---------------------------------------------------------------------------------

void TraceReader::say(const char* at, std::string_view facts) const {
  const auto offset = static_cast<std::size_t>(at - source_.data());
  std::size_t line = 1, begin = 0;
  for (std::size_t i = 0; i < offset; ++i) {
    if (source_[i] == '\n') ++line, begin = i + 1;
  }
  std::size_t column = 1;
  for (std::size_t i = begin; i < offset; ++column) {
    i += std::max<std::size_t>(1, character_length(source_, i));
  }
  const std::string place = std::to_string(line) + ":" + std::to_string(column) + ": ";
  fail("parse_trace",
       (origin_.empty() ? "" : std::string(origin_) + ":") + place + std::string(facts));
}

void TraceReader::fail_expected(const char* at, std::string_view expected) const {
  const char* const end = source_.data() + source_.size();
  std::string found;
  if (at == end) {
    found = "the end of the text";
  } else if (*at == '\n' || (*at == '\r' && at + 1 != end && at[1] == '\n')) {
    found = "the end of the line";
  } else {
    const char* to = at + 1;
    while (to != end && *to != ' ' && *to != '\t' && *to != '\n' && *to != '\r') ++to;
    found = "'" + shown({at, static_cast<std::size_t>(to - at)}) + "'";
  }
  say(at, "expected " + std::string(expected) + ", found " + found);
}

// ---- tokens -----------------------------------------------------------------------------------

void TraceReader::natural(std::string_view digits) {
  const char* const end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, natural_).ec != std::errc{}) {
    fail_expected(digits.data(), "a natural number below 4294967296");
  }
}

void TraceReader::ref(std::string_view digits) {
  natural(digits);
  ref_.index = natural_;
}

void TraceReader::number(std::string_view spelling) {
  const char* const end = spelling.data() + spelling.size();
  if (spelling.starts_with("nan")) {
    number_ = std::numeric_limits<double>::quiet_NaN();
    if (spelling.size() == 3) return;
    std::uint64_t bits = 0;
    std::from_chars(spelling.data() + 6, end, bits, 16);
    number_ = std::bit_cast<double>(bits);
    if (number_ == number_) fail_expected(spelling.data(), "the bits of a NaN");
  } else if (std::from_chars(spelling.data(), end, number_).ec != std::errc{}) {
    fail_expected(spelling.data(), "a number that a double can hold");
  }
}

void TraceReader::text(std::string_view content) { text_ = unescaped(content); }
void TraceReader::element(std::string_view) { type_ = {}; }

void TraceReader::dimension(std::string_view digits) {
  natural(digits);
  type_.shape.push_back(natural_);
}

void TraceReader::file_name(std::string_view) { at_.file = graph_.file(text_); }

// ---- nodes ------------------------------------------------------------------------------------

Vertex TraceReader::known_ref(std::string_view token) const {
  if (ref_.index >= next_) fail_expected(token.data(), "a node of a line above");
  return ref_;
}

std::string TraceReader::expected_output() const {
  return "output %" + std::to_string(block_.index) + " " +
         std::to_string(graph_[Vertex{next_}].operand[1]);
}

void TraceReader::require_no_output(std::string_view token) const {
  if (next_ < graph_.size()) fail_expected(token.data(), expected_output());
}

// The line's node stands in the graph.
void TraceReader::placed(Vertex at) {
  node_ = at;
  next_ = at.index + 1;
}

void TraceReader::target(std::string_view token) {
  if (ref_.index != next_) fail_expected(token.data(), "%" + std::to_string(next_));
  refs_.clear();
  is_user_ = false;
}

void TraceReader::placeholder(std::string_view token) {
  require_no_output(token);
  placed(graph_.append({VertexKind::placeholder, Op::add, graph_.type(type_)}));
}

void TraceReader::variable(std::string_view token) {
  require_no_output(token);
  placed(graph_.append_number(VertexKind::variable, number_));
}

void TraceReader::constant(std::string_view token) {
  require_no_output(token);
  placed(graph_.append_number(VertexKind::constant, number_));
}

void TraceReader::user(std::string_view) { is_user_ = true; }

void TraceReader::block_words(std::string_view token) {
  if (is_user_) {
    say(token.data(), "block '" + shown(text_) + "' is user code, which a text cannot bring back");
  }
  words_ = text_;
}

void TraceReader::block_operand(std::string_view token) { refs_.push_back(known_ref(token)); }

void TraceReader::block(std::string_view token) {
  require_no_output(token);
  BlockCall call;
  try {
    call.block = find_block(words_);
  } catch (const Error& error) {
    say(token.data(), error.what());
  }
  if (call.block->inputs() != refs_.size()) {
    say(token.data(), "expected " + std::to_string(call.block->inputs()) + " operands of '" +
                          shown(words_) + "', found " + std::to_string(refs_.size()));
  }
  // Each output takes a line of at least "%1=output%0 0": so no text makes more than it holds.
  const auto rest = static_cast<std::size_t>(source_.end() - token.end());
  if (call.block->outputs() > rest / 8) {
    say(token.data(), "expected " + std::to_string(call.block->outputs()) + " outputs of '" +
                          shown(words_) + "' below, but the text ends before");
  }
  call.operands = refs_;
  block_ = graph_.append_call(std::move(call));
  placed(block_);
}

void TraceReader::output_block(std::string_view token) { refs_ = {known_ref(token)}; }

void TraceReader::output(std::string_view token) {
  if (next_ == graph_.size()) {
    fail_expected(token.data(), "another kind of node: no output of a block is due here");
  }
  if (refs_[0] != block_ || natural_ != graph_[Vertex{next_}].operand[1]) {
    fail_expected(token.data(), expected_output());
  }
  placed({next_});
}

void TraceReader::operation_name(std::string_view token) {
  const OpInfo* row = find_op(token);
  if (row == nullptr || row->name != token) {
    fail_expected(token.data(), "placeholder, variable, constant, block, output or an operation");
  }
  op_ = row->op;
}

void TraceReader::operand(std::string_view token) {
  if (refs_.size() == static_cast<std::size_t>(info(op_).arity)) {
    fail_expected(token.data(),
                  "the end of the line after the operands of " + std::string(info(op_).name));
  }
  refs_.push_back(known_ref(token));
}

void TraceReader::operation(std::string_view token) {
  const auto arity = static_cast<std::size_t>(info(op_).arity);
  if (refs_.size() < arity) {
    fail_expected(token.data() + token.size(), "operand " + std::to_string(refs_.size() + 1) +
                                                   " of the " + std::to_string(arity) + " of " +
                                                   std::string(info(op_).name));
  }
  require_no_output(token);
  GraphNode node{VertexKind::operation, op_};
  for (std::size_t k = 0; k < arity; ++k) node.operand[k] = refs_[k].index;
  placed(graph_.append(node));
}

void TraceReader::label(std::string_view) { graph_.label(node_, text_); }

void TraceReader::node_place(std::string_view) {
  at_.line = natural_;
  graph_.locate(node_, at_);
}

// ---- what stands round them -------------------------------------------------------------------

void TraceReader::version(std::string_view digits) {
  natural(digits);
  if (natural_ != 1) {
    say(digits.data(),
        "the text is of version " + std::to_string(natural_) + "; this library reads version 1");
  }
}

void TraceReader::guard_node(std::string_view token) { guarded_ = known_ref(token); }
void TraceReader::guard(std::string_view) { trace_.guards.push_back({guarded_, number_, {}}); }

void TraceReader::guard_place(std::string_view) {
  at_.line = natural_;
  trace_.guards.back().at = at_;
}

void TraceReader::group_name(std::string_view) {
  group_name_ = text_;
  refs_.clear();
}

void TraceReader::member(std::string_view token) { refs_.push_back(known_ref(token)); }

namespace {

void add_group(std::vector<Group>& groups, std::vector<Vertex>& members, Group group,
               const std::vector<Vertex>& refs) {
  group.first = static_cast<std::uint32_t>(members.size());
  group.count = static_cast<std::uint32_t>(refs.size());
  members.insert(members.end(), refs.begin(), refs.end());
  groups.push_back(std::move(group));
}

}  // namespace

void TraceReader::argument(std::string_view) {
  add_group(trace_.arguments, trace_.inputs, {group_name_, type_}, refs_);
}

void TraceReader::result(std::string_view) {
  add_group(trace_.results, trace_.outputs, {group_name_, type_}, refs_);
}

void TraceReader::trace_name(std::string_view token) {
  if (has_name_) fail_expected(token.data(), "one name");
  has_name_ = true;
  trace_.name = text_;
}

Trace TraceReader::finish() {
  if (next_ < graph_.size()) {
    fail_expected(source_.data() + source_.size(),
                  "%" + std::to_string(next_) + " = " + expected_output());
  }
  const std::string wrong = verify(trace_);
  if (!wrong.empty()) {
    fail("parse_trace", (origin_.empty() ? "" : std::string(origin_) + ": ") + wrong);
  }
  return std::move(trace_);
}

}  // namespace chainrule::detail
