#include "chainrule/expr/function.hpp"

#include "chainrule/expr/record.hpp"

namespace chainrule::expr {
namespace {

class Code final : public Callable {
 public:
  Code(Program program, std::span<const Slot> outputs)
      : program_(std::move(program)), outputs_(outputs.begin(), outputs.end()) {
    if (outputs_.empty()) outputs_ = {program_.result()};
  }

  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    Recording recording(program_);
    recording(in);
    for (const Slot slot : outputs_) out.push_back(recording[slot]);
  }

 private:
  Program program_;
  std::vector<Slot> outputs_;
};

}  // namespace

Function to_function(const Program& program, std::span<const Slot> outputs) {
  std::vector<Argument> arguments;
  for (const std::string& name : program.names()) arguments.push_back({name, true, {0.0}});
  return Function(std::make_shared<const Code>(program, outputs), std::move(arguments));
}

}  // namespace chainrule::expr
