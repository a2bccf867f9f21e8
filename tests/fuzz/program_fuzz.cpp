// Any bytes are a program: it is refused with a SyntaxError or answered, and then the recorded
// value is the evaluated one and a sweep over it ends.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "chainrule/chainrule.hpp"
#include "chainrule/expr/parse.hpp"
#include "chainrule/expr/record.hpp"

namespace {

bool same(double a, double b) { return a == b || (a != a && b != b); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chainrule;
  if (size > 4096) return 0;
  try {
    const expr::Program program =
        expr::parse(std::string_view(reinterpret_cast<const char*>(data), size));
    std::vector<double> values;
    for (std::size_t i = 0; i < program.names().size(); ++i) {
      values.push_back(0.25 + 0.5 * static_cast<double>(i));
    }
    const Frame frame = Tape::active().frame();
    std::vector<Scalar> inputs;
    for (const double value : values) inputs.push_back(variable(value));
    expr::Recording recording(program);
    const Scalar y = recording(inputs);
    if (!same(y.value(), expr::evaluate(program, values))) std::abort();
    if (gradient(y, inputs).size() != inputs.size()) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
