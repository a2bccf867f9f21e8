// The binary form, read. Every count is held against the bytes that are left before room is made
// for it, so that no file asks for more memory than a small multiple of its size.
#include <algorithm>
#include <bit>

#include "chainrule/graph/bytes_internal.hpp"
#include "chainrule/graph/save.hpp"
#include "chainrule/graph/text.hpp"
#include "chainrule/graph/words_internal.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule {
namespace {

class Reader {
 public:
  Reader(std::string_view payload, std::string_view origin)
      : payload_(payload), origin_(origin), graph_(trace_.graph) {}

  Trace run() {
    trace_.name = text("the trace's name");
    operations();
    tables();
    nodes();
    notes();
    members(trace_.inputs);
    groups(trace_.arguments, trace_.inputs.size());
    members(trace_.outputs);
    groups(trace_.results, trace_.outputs.size());
    guards();
    if (at_ != payload_.size()) {
      expected("the end", std::to_string(payload_.size() - at_) + " bytes more");
    }
    const std::string wrong = verify(trace_);
    if (!wrong.empty()) detail::fail_load(origin_, wrong);
    return std::move(trace_);
  }

 private:
  [[noreturn]] void expected(const std::string& what, const std::string& found) const {
    detail::fail_load(origin_, "byte " + std::to_string(detail::kHeader + at_) + ": expected " +
                                   what + ", found " + found);
  }

  std::size_t left() const { return payload_.size() - at_; }

  std::string_view take(std::size_t count, const char* what) {
    if (count > left()) {
      expected(std::string(what) + " of " + std::to_string(count) + " bytes",
               std::to_string(left()) + " bytes");
    }
    at_ += count;
    return payload_.substr(at_ - count, count);
  }

  std::uint64_t integer(const char* what, std::uint64_t most = 0xFFFFFFFFu) {
    const std::size_t begin = at_;
    std::uint64_t n = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1, what)[0]);
      n |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) {
        if (n <= most) return n;
        at_ = begin;
        expected(std::string(what) + " of at most " + std::to_string(most), std::to_string(n));
      }
    }
    at_ = begin;
    expected(what, "an integer of more than 63 bits");
  }
  std::uint32_t small(const char* what, std::uint64_t most = 0xFFFFFFFFu) {
    return static_cast<std::uint32_t>(integer(what, most));
  }

  /// How many things follow, each of at least `bytes` bytes.
  std::size_t count(const char* what, std::size_t bytes = 1) {
    return static_cast<std::size_t>(integer(what, left() / bytes));
  }

  double number() {
    const std::string_view bytes = take(8, "a number");
    std::uint64_t bits = 0;
    for (std::size_t k = 8; k-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[k]);
    return std::bit_cast<double>(bits);
  }
  std::string_view text(const char* what) { return take(count(what), what); }

  Type shape() {
    Type type;
    type.shape.resize(count("a count of axes"));
    for (std::uint32_t& n : type.shape) n = small("a size");
    return type;
  }
  SourceLine line() {
    const std::uint32_t file = small("a file", graph_.files().size() - 1);
    return {file, small("a line")};
  }
  Vertex vertex() {
    if (graph_.size() == 0) expected("the end", "a node, but the graph is empty");
    return {small("a node", graph_.size() - 1)};
  }

  void operations() {
    for (std::size_t left = count("a count of operations"); left > 0; --left) {
      const std::string_view name = text("an operation's name");
      const OpInfo* row = find_op(name);
      if (row == nullptr || row->name != name) {
        expected("an operation", "'" + detail::shown(name) + "'");
      }
      ops_.push_back(row->op);
    }
  }

  // Equal ones among them would be one in the graph, and what follows would be shifted.
  void tables() {
    for (std::size_t k = count("a count of types"); k > 0; --k) {
      const std::size_t before = graph_.types().size();
      if (graph_.type(shape()) != before) expected("a new type", "one that was given before");
    }
    for (std::size_t k = count("a count of files"); k > 0; --k) {
      const std::size_t before = graph_.files().size();
      if (graph_.file(text("a file's name")) != before) {
        expected("a new file", "one that was given before");
      }
    }
  }

  void nodes() {
    const std::size_t total = count("a count of nodes");
    while (graph_.size() < total) {
      const std::uint64_t tag = integer("a kind of node", 4 + ops_.size());
      if (tag == 4) expected("a node", "an output of no block");
      if (tag == 3) {
        call(total);
      } else if (tag > 4) {
        operation(ops_[tag - 5]);
      } else if (tag == 0) {
        const std::uint32_t type = small("a type", graph_.types().size() - 1);
        graph_.append({VertexKind::placeholder, Op::add, static_cast<std::uint16_t>(type)});
      } else {
        graph_.append_number(tag == 1 ? VertexKind::variable : VertexKind::constant, number());
      }
    }
  }

  std::uint32_t operand() {
    const std::size_t here = graph_.size();
    if (here == 0) expected("a leaf", "an operand of the first node");
    const std::uint32_t back = small("an operand's distance", here);
    if (back == 0) expected("an operand's distance", "0");
    return static_cast<std::uint32_t>(here) - back;
  }

  void operation(Op op) {
    GraphNode node{VertexKind::operation, op};
    for (int k = 0; k < info(op).arity; ++k) node.operand[k] = operand();
    graph_.append(node);
  }

  void call(std::size_t total) {
    BlockCall call;
    try {
      call.block = find_block(text("a block's words"));
    } catch (const Error& error) {
      detail::fail_load(origin_, error.what());
    }
    call.operands.resize(count("a count of operands"));
    for (Vertex& operand : call.operands) operand.index = this->operand();
    const std::size_t outputs = call.block->outputs();
    if (outputs >= total - graph_.size()) {
      expected(std::to_string(outputs) + " outputs of a block",
               std::to_string(total - graph_.size() - 1) + " nodes");
    }
    graph_.append_call(std::move(call));
    for (std::size_t k = 0; k < outputs; ++k) {
      if (integer("an output of a block", 4 + ops_.size()) != 4) {
        expected("an output of a block", "another node");
      }
    }
  }

  void notes() {
    std::uint32_t last = 0;
    const std::size_t labels = count("a count of labels", 2);
    for (std::size_t k = 0; k < labels; ++k) {
      const Vertex node = stepped(last, k);
      const std::string_view label = text("a label");
      if (label.empty()) expected("a label", "an empty one");
      graph_.label(node, label);
    }
    last = 0;
    const std::size_t lines = count("a count of source lines", 3);
    for (std::size_t k = 0; k < lines; ++k) {
      const Vertex node = stepped(last, k);
      graph_.locate(node, line());
    }
  }

  Vertex stepped(std::uint32_t& last, std::size_t k) {
    const std::uint32_t step = small("a step");
    if (k > 0 && step == 0) expected("a step", "0");
    if (std::uint64_t{last} + step >= graph_.size()) {
      expected("a node of " + std::to_string(graph_.size()), "a step beyond them");
    }
    return {last += step};
  }

  void members(std::vector<Vertex>& all) {
    all.resize(count("a count of nodes"));
    for (Vertex& v : all) v = vertex();
  }

  void groups(std::vector<Group>& all, std::size_t members) {
    std::uint32_t first = 0;
    for (std::size_t k = count("a count of groups", 3); k > 0; --k) {
      Group group{std::string(text("a group's name")), shape(), first, 0};
      group.count = small("a count of members", members - first);
      first += group.count;
      all.push_back(std::move(group));
    }
  }

  void guards() {
    for (std::size_t k = count("a count of guards", 11); k > 0; --k) {
      const Vertex node = vertex();
      const double wanted = number();
      trace_.guards.push_back({node, wanted, line()});
    }
  }

  const std::string_view payload_, origin_;
  std::size_t at_ = 0;
  std::vector<Op> ops_;
  Trace trace_;
  Graph& graph_;
};

}  // namespace

Trace from_bytes(std::string_view bytes, std::string_view origin) {
  return Reader(detail::unsealed(bytes, origin), origin).run();
}

}  // namespace chainrule
