#include "cli/kernels.hpp"

#include <algorithm>

#include "chainrule/base/error.hpp"
#include "chainrule/tape/sweep.hpp"

namespace chainrule::cli {
namespace {

// The code of the Function.
class Code final : public Callable {
 public:
  Code(expr::Program program, Wanted wanted)
      : program_(std::move(program)), wanted_(std::move(wanted)) {}

  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    expr::Recording recording(program_, expr::Labels::dropped);
    const Scalar y = recording(in);
    out.push_back(y);
    if (!wanted_.slopes) return;
    std::vector<Scalar> xs;
    for (const std::size_t i : wanted_.wrt) xs.push_back(in[i]);
    const std::vector<Scalar> slopes = recorded_gradient(y, xs);
    out.insert(out.end(), slopes.begin(), slopes.end());
    if (!wanted_.curvatures) return;
    // Forward over reverse, a direction at a time, as hessian() does it on the tape.
    const std::size_t n = xs.size();
    std::vector<Scalar> direction(n, Scalar(kAbsent));
    for (std::size_t i = 0; i < n; ++i) {
      direction[i] = 1.0;
      const std::vector<Scalar> row = recorded_jvp(slopes, xs, direction);
      out.insert(out.end(), row.begin() + static_cast<std::ptrdiff_t>(i), row.end());
      direction[i] = kAbsent;
    }
  }

 private:
  static constexpr double kAbsent = -0.0;  // of a tangent: the input is not seeded

  expr::Program program_;
  Wanted wanted_;
};

}  // namespace

std::size_t Wanted::numbers() const {
  const std::size_t n = wrt.size();
  return 1 + (slopes ? n : 0) + (curvatures ? n * (n + 1) / 2 : 0);
}

Function to_function(const expr::Program& program, const Wanted& wanted,
                     std::span<const double> example) {
  std::vector<Argument> arguments;
  for (std::size_t i = 0; i < example.size(); ++i) {
    arguments.push_back({program.names()[i], true, {example[i]}});
  }
  return Function(std::make_shared<const Code>(program, wanted), std::move(arguments));
}

// ---- on the tape --------------------------------------------------------------------------------

EagerRows::EagerRows(const expr::Program& program, const Wanted& wanted)
    : wanted_(wanted),
      evaluator_(program),
      recording_(program, expr::Labels::dropped),
      frame_(Tape::active().frame()),
      inputs_(program.names().size()),
      wrt_(wanted.wrt.size()) {}

void EagerRows::operator()(std::span<const double> values, std::span<double> out) {
  if (!wanted_.slopes) {
    out[0] = evaluator_(values);
    return;
  }
  frame_.rewind();
  std::ranges::copy(values, inputs_.begin());
  const std::size_t n = wrt_.size();
  for (std::size_t i = 0; i < n; ++i) {
    wrt_[i] = variable(values[wanted_.wrt[i]]);
    inputs_[wanted_.wrt[i]] = wrt_[i];
  }
  const Scalar y = recording_(inputs_);
  std::ranges::fill(out, 0.0);
  out[0] = y.value();
  if (y.is_number()) return;
  gradient(y, wrt_, out.subspan(1, n));
  if (!wanted_.curvatures) return;
  const std::vector<double> h = hessian(y, wrt_);
  std::size_t at = 1 + n;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i; j < n; ++j) out[at++] = h[i * n + j];
  }
}

// ---- options ------------------------------------------------------------------------------------

std::optional<Backend> backend_called(const std::string& word) {
  if (word == "eager") return std::nullopt;
  if (word == "x64") {
    for (const Backend backend : {Backend::avx512, Backend::avx2}) {
      if (is_available(backend)) return backend;
    }
    fail("--backend", "this processor or build has no x64 code: interpret runs everywhere");
  }
  for (const Backend backend : {Backend::avx512, Backend::avx2, Backend::interpret}) {
    if (word != name_of(backend)) continue;
    if (!is_available(backend)) fail("--backend", "this processor or build has no " + word);
    return backend;
  }
  fail("--backend", "there is no " + expr::in_quotes(word) +
                        ": it is one of x64, avx512, avx2, interpret, eager");
}

void require_threads(unsigned threads) {
  constexpr unsigned kMost = 256;
  if (threads < 1 || threads > kMost) {
    fail("--threads", std::to_string(threads) + " threads: it is 1 to " + std::to_string(kMost));
  }
}

}  // namespace chainrule::cli
