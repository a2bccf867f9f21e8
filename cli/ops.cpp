// chainrule ops: the table of operations, from the rows themselves.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "chainrule/base/whole_file.hpp"
#include "chainrule/expr/error.hpp"
#include "chainrule/op/text.hpp"
#include "cli/number.hpp"
#include "cli/report.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

constexpr const char* kOperands[] = {"x", "y", "w"};

// A row's formulas, printed: the value, and for each operand what is pushed at g = 1.
struct Formulas {
  std::string value;
  std::vector<std::string> partials;
};

std::string partial_of(const Push<Text>& entry) {
  if (entry.taken.is("0")) return "none";
  if (entry.taken.is("1")) return entry.value.str();
  return entry.value.str() + " where " + entry.taken.str();
}

Formulas formulas_of(Op op) {
  return visit(op, []<class Row>(Row) -> Formulas {
    const Text x("x"), y("y"), w("w"), z("z"), one(1.0);
    Formulas found;
    const auto read = [&](const auto&... operands) {
      found.value = Row::template value<Text>(operands...).str();
      const auto pushes = Row::template pullback<Text>(one, operands..., z);
      for (const Push<Text>& entry : pushes.entry) found.partials.push_back(partial_of(entry));
    };
    if constexpr (Row::arity == 1) read(x);
    if constexpr (Row::arity == 2) read(x, y);
    if constexpr (Row::arity == 3) read(x, y, w);
    return found;
  });
}

std::string signature_of(const OpInfo& row) {
  std::string text = std::string(row.name) + '(';
  for (int k = 0; k < row.arity; ++k) text += std::string(k > 0 ? ", " : "") + kOperands[k];
  return text + ')';
}

const char* kind_of(const OpInfo& row) {
  switch (row.kind) {
    case Kind::inline_formula: return "formula";
    case Kind::primitive: return "function";
    case Kind::compound: return "compound";
  }
  return "";
}

std::string as_text(const std::vector<const OpInfo*>& rows) {
  std::vector<std::vector<std::string>> lines;
  for (const OpInfo* row : rows) {
    const Formulas formulas = formulas_of(row->op);
    std::string partials;
    for (int k = 0; k < row->arity; ++k) {
      const std::string at = std::string("d/d") + kOperands[k] + " = ";
      partials += (k > 0 ? ";  " : "") + at + formulas.partials[static_cast<std::size_t>(k)];
    }
    lines.push_back(
        {signature_of(*row), std::string(row->glyph), std::string(row->text), partials});
  }
  std::string text;
  std::size_t widest = 0;
  for (const auto& line : lines) widest = std::max(widest, line[0].size());
  for (const auto& line : lines) {
    text += line[0] + std::string(widest - line[0].size() + 2, ' ');
    text += line[1] + std::string(4 - line[1].size(), ' ') + line[2] + '\n';
    text += std::string(widest + 6, ' ') + line[3] + '\n';
  }
  return text;
}

std::string as_json(const std::vector<const OpInfo*>& rows) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const OpInfo* row : rows) {
    const Formulas formulas = formulas_of(row->op);
    nlohmann::ordered_json domain = nlohmann::ordered_json::array();
    for (int k = 0; k < row->arity; ++k) domain.push_back(row->domain[k].name);
    all.push_back({{"name", row->name},
                   {"arity", row->arity},
                   {"glyph", row->glyph},
                   {"kind", kind_of(*row)},
                   {"value", formulas.value},
                   {"partials", formulas.partials},
                   {"domain", domain},
                   {"ulps", {{"value", row->ulps.value}, {"partials", row->ulps.partials}}},
                   {"text", row->text}});
  }
  return all.dump(2) + '\n';
}

class Ops : public Verb {
 public:
  const char* name() const override { return "ops"; }
  const char* summary() const override { return "the table of operations and their derivatives"; }
  const char* notes() const override {
    return "  chainrule ops tanh pow\n"
           "\n"
           "In a partial, z is the operation's own value; `none` pushes nothing, a 0 counts as "
           "reached.\n";
  }
  Takes takes() const override { return Takes::words; }

  void declare(CLI::App& options) override {
    auto* json = options.add_flag("--json", json_, "print JSON");
    options.add_flag("--markdown", markdown_, "print the whole table as Markdown")->excludes(json);
  }

  int run(const Arguments& arguments) override {
    std::vector<const OpInfo*> rows;
    for (const std::string& word : arguments.others) {
      const OpInfo* row = find_op(word);
      if (row == nullptr) fail("ops", "there is no operation " + expr::in_quotes(word));
      rows.push_back(row);
    }
    if (rows.empty()) {
      for (const OpInfo& row : kOps) rows.push_back(&row);
    }
    write_whole_file("-", json_ ? as_json(rows) : markdown_ ? derivative_table() : as_text(rows));
    return kSuccess;
  }

 private:
  bool json_ = false;
  bool markdown_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_ops() { return std::make_unique<Ops>(); }

}  // namespace chainrule::cli
