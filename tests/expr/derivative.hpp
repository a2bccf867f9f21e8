// A printed derivative, read back: its values, and where it says that it holds.
#pragma once

#include <algorithm>
#include <sstream>

#include "chainrule/expr/diff.hpp"
#include "chainrule/expr/parse.hpp"
#include "chainrule/expr/record.hpp"
#include "chainrule/tape/sweep.hpp"
#include "chainrule/tape/tape.hpp"

namespace chainrule::test {

using Values = std::vector<double>;

/// Every place of the program's names.
inline std::vector<std::size_t> all_names(const expr::Program& program) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < program.names().size(); ++i) places.push_back(i);
  return places;
}

/// The value of `source` where the names of `original` have these values.
inline double evaluated(const expr::Program& program, const expr::Program& original,
                        const Values& values) {
  Values own;
  for (const std::string& name : program.names()) {
    const auto at = std::ranges::find(original.names(), name);
    own.push_back(values.at(static_cast<std::size_t>(at - original.names().begin())));
  }
  return expr::evaluate(program, own);
}

class Printed {
 public:
  Printed(const expr::Program& program, const expr::Differentiation& what)
      : original_(program), text_(expr::diff(program, what)) {
    std::istringstream lines(text_);
    std::string body, line;
    std::vector<std::string> conditions;
    while (std::getline(lines, line)) {
      if (line.starts_with("# where "))
        conditions.push_back(line.substr(8));
      else
        body += line + "\n";
    }
    // Each output, and each condition, as a program of its own.
    const expr::Program whole = expr::parse(body);
    if (what.wrt.size() == 1) {
      outputs_.push_back(whole);
    } else {
      for (const expr::Assignment& a : whole.assignments()) {
        if (a.name.starts_with("d_") || a.name.starts_with("d2_")) {
          outputs_.push_back(expr::parse(body + ";" + a.name));
        }
      }
    }
    for (const std::string& condition : conditions) {
      const std::size_t given = condition.find(", if ");
      const std::size_t unless = condition.find(", unless ");
      std::string text = condition.substr(0, std::min(given, unless));
      if (given != text.npos) text = "!(" + condition.substr(given + 5) + ") || " + text;
      if (unless != text.npos) text = "(" + condition.substr(unless + 9) + ") || " + text;
      conditions_.push_back(expr::parse(body + ";" + text));
    }
  }

  const std::string& text() const { return text_; }
  std::size_t size() const { return outputs_.size(); }
  double value(std::size_t k, const Values& at) const {
    return evaluated(outputs_[k], original_, at);
  }
  bool holds(const Values& at) const {
    for (const expr::Program& condition : conditions_) {
      if (evaluated(condition, original_, at) == 0) return false;
    }
    return true;
  }

 private:
  const expr::Program& original_;
  std::string text_;
  std::vector<expr::Program> outputs_, conditions_;
};

/// What `grad` computes: the gradient, or the Hessian's rows from the diagonal on.
inline Values truth(const expr::Program& program, const Values& at, int order) {
  const Frame frame = Tape::active().frame();
  std::vector<Scalar> inputs;
  for (const double v : at) inputs.push_back(variable(v));
  expr::Recording recording(program);
  const Scalar y = recording(inputs);
  if (y.is_number()) return Values(order == 1 ? at.size() : at.size() * (at.size() + 1) / 2);
  if (order == 1) return gradient(y, inputs);
  const Values all = hessian(y, inputs);
  Values distinct;
  for (std::size_t i = 0; i < at.size(); ++i) {
    for (std::size_t j = i; j < at.size(); ++j) distinct.push_back(all[i * at.size() + j]);
  }
  return distinct;
}

}  // namespace chainrule::test
