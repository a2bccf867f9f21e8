#include "chainrule/expr/spell_internal.hpp"

#include <algorithm>
#include <set>

namespace chainrule::expr {

std::string within(const Piece& piece, Tightness loosest) {
  return piece.binding < loosest ? "(" + piece.text + ")" : piece.text;
}

Tightness tighter(Tightness binding) {
  return static_cast<Tightness>(static_cast<unsigned char>(binding) + 1);
}

namespace {

class Spelling {
 public:
  Spelling(Formulas& formulas, const Dialect& dialect, const Naming& naming)
      : formulas_(formulas), terms_(formulas.terms), dialect_(dialect), inputs_(naming.inputs) {
    taken_.insert(naming.taken.begin(), naming.taken.end());
    taken_.insert(naming.inputs.begin(), naming.inputs.end());
    assigned_.insert(naming.assigned.begin(), naming.assigned.end());
  }

  Spelled run() {
    for (const Value& output : formulas_.outputs) roots_.push_back(terms_.term(output));
    std::vector<TermId> all = roots_;
    for (const Condition& c : formulas_.conditions) {
      all.push_back(c.holds);
      if (c.given) all.push_back(*c.given);
    }
    count_uses(roots_);
    spelled_.is_used.resize(inputs_.size());
    for (std::uint32_t i = 0; i < terms_.size(); ++i) {
      const Term& t = terms_[{i}];
      if (t.form == Form::name && uses_[i] > 0) spelled_.is_used[t.first] = true;
    }
    count_uses(all);
    pieces_.resize(terms_.size());
    weight_.resize(terms_.size());
    defined_.resize(terms_.size());
    std::vector<bool> is_root(terms_.size());
    for (const TermId t : all) is_root[t.index] = true;
    label_.resize(terms_.size());
    for (const auto& [t, label] : formulas_.labels) {
      if (label_[t.index].empty() && !taken_.contains(label)) label_[t.index] = label;
    }
    for (std::uint32_t i = 0; i < terms_.size(); ++i) {
      if (uses_[i] == 0) continue;
      weight_[i] = weigh({i});
      Piece piece = spelled({i});
      if (wants_definition(i, is_root[i])) {
        const std::string name = fresh_name(label_[i]);
        spelled_.definitions.push_back({name, std::move(piece)});
        piece = dialect_.name(name);
        weight_[i] = 1;
        defined_[i] = true;
      }
      pieces_[i] = std::move(piece);
    }
    for (const TermId t : roots_) spelled_.outputs.push_back(pieces_[t.index]);
    for (const Condition& c : formulas_.conditions) {
      Spelled::Stated stated{pieces_[c.holds.index].text, {}, {}};
      if (c.given) {
        stated.link = c.side ? ", if " : ", unless ";
        stated.given = pieces_[c.given->index].text;
      }
      spelled_.conditions.push_back(std::move(stated));
    }
    return std::move(spelled_);
  }

 private:
  void count_uses(const std::vector<TermId>& roots) {
    uses_.assign(terms_.size(), 0);
    for (const TermId t : roots) ++uses_[t.index];
    for (std::uint32_t i = static_cast<std::uint32_t>(terms_.size()); i-- > 0;) {
      const Form form = terms_[{i}].form;
      if (uses_[i] == 0 || form == Form::number || form == Form::name) continue;
      for (const Part& p : terms_.parts({i})) ++uses_[p.term.index];
    }
  }

  std::uint32_t weigh(TermId t) const {
    const Term& term = terms_[t];
    if (term.form == Form::number || term.form == Form::name) return 1;
    std::uint64_t weight = term.form == Form::operation ? 1 : 0;
    for (const Part& p : terms_.parts(t)) {
      weight += weight_[p.term.index];
      if (term.form != Form::operation && !p.factor.is(1)) ++weight;
    }
    if (term.form == Form::sum && term.number.num != 0) ++weight;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(weight, 1'000'000'000));
  }

  bool wants_definition(std::uint32_t i, bool is_root) const {
    const Limits limits = dialect_.limits();
    if (weight_[i] <= 1) return false;
    if (uses_[i] == 1) return !is_root && weight_[i] > limits.largest;
    return weight_[i] > limits.inlined || std::uint64_t{uses_[i]} * weight_[i] > limits.repeated;
  }

  std::string fresh_name(const std::string& label) {
    if (!label.empty() && taken_.insert(label).second) return label;
    for (;;) {
      std::string name = "t" + std::to_string(++last_);
      if (!assigned_.contains(name) && taken_.insert(name).second) return name;
    }
  }

  const Piece& piece(TermId t) const { return pieces_[t.index]; }

  Piece spelled(TermId t) const {
    const Term& term = terms_[t];
    switch (term.form) {
      case Form::number: return dialect_.number(term.number);
      case Form::name: return dialect_.name(inputs_[term.first]);
      case Form::product: return product(terms_.parts(t), {1, 1});
      case Form::sum: return sum(t);
      case Form::operation: break;
    }
    Piece operands[3];
    const auto parts = terms_.parts(t);
    for (std::size_t k = 0; k < parts.size(); ++k) operands[k] = piece(parts[k].term);
    return dialect_.operation(term.op, {operands, parts.size()});
  }

  // |c| Π tⁿ, with the sign apart.
  Piece product(std::span<const Part> parts, const Ratio& c) const {
    std::vector<Piece> over, under;
    const bool is_negative = c.num < 0;
    const double size = std::abs(c.num);
    if (const auto known = is_whole(c.num) ? std::nullopt : dialect_.known(size)) {
      if (known->over != 1) over.push_back(dialect_.number({known->over, 1}));
      (known->is_below ? under : over).push_back(dialect_.constant(*known));
      if (known->under != 1) under.push_back(dialect_.number({known->under, 1}));
    } else if (size != 1) {
      over.push_back(dialect_.number({size, 1}));
    }
    if (c.den != 1) under.push_back(dialect_.number({c.den, 1}));
    for (const Part& p : parts) {
      const double n = p.factor.value();
      const Piece& base = piece(p.term);
      Piece factor = std::abs(n) == 1 ? base : dialect_.power(base, std::abs(n));
      (n < 0 ? under : over).push_back(std::move(factor));
    }
    return dialect_.product(is_negative, over, under);
  }

  // c t, where t may be a product that is spelled out here.
  Piece scaled(const Ratio& c, TermId t) const {
    if (terms_[t].form == Form::product && !defined_[t.index]) return product(terms_.parts(t), c);
    const Part part{{1, 1}, t};
    return product({&part, 1}, c);
  }

  Piece sum(TermId t) const {
    const Term& term = terms_[t];
    const auto parts = terms_.parts(t);
    if (parts.size() == 1 && term.number.num == 0) return scaled(parts[0].factor, parts[0].term);
    std::vector<Signed> addends;
    for (const Part& p : parts) {
      const bool is_negative = p.factor.num < 0;
      addends.push_back({scaled(is_negative ? -p.factor : p.factor, p.term), is_negative});
    }
    if (term.number.num != 0) {
      const bool is_negative = term.number.num < 0;
      addends.push_back({dialect_.number(is_negative ? -term.number : term.number), is_negative});
    }
    // 1 - x rather than -x + 1.
    if (addends.front().is_negative && !addends.back().is_negative) std::ranges::reverse(addends);
    return dialect_.sum(addends);
  }

  Formulas& formulas_;
  Terms& terms_;
  const Dialect& dialect_;
  std::span<const std::string> inputs_;
  std::vector<TermId> roots_;
  std::vector<std::uint32_t> uses_, weight_;  // by term
  std::vector<bool> defined_;
  std::vector<Piece> pieces_;
  std::vector<std::string> label_;
  std::set<std::string> taken_, assigned_;
  std::size_t last_ = 0;
  Spelled spelled_;
};

}  // namespace

Spelled spell(Formulas& formulas, const Dialect& dialect, const Naming& naming) {
  return Spelling(formulas, dialect, naming).run();
}

}  // namespace chainrule::expr
