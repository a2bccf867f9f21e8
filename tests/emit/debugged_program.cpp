// What debug_test runs under gdb: a kernel that calls a block, in which gdb stops.
#include <cstdio>

#include "chainrule/emit/kernel.hpp"
#include "chainrule/tape/block.hpp"

extern "C" [[gnu::noinline]] void is_compiled() { asm volatile("" ::: "memory"); }
extern "C" [[gnu::noinline]] void stop_here() { asm volatile("" ::: "memory"); }

namespace chainrule {
namespace {

class Doubled final : public Block {
 public:
  std::string_view name() const override { return "doubled"; }
  std::size_t inputs() const override { return 1; }
  std::size_t outputs() const override { return 1; }
  void value(std::span<const double> x, std::span<double> z) const override {
    stop_here();
    z[0] = 2 * x[0];
  }
  void vjp(std::span<const double>, std::span<const double>, std::span<const double> zbar,
           std::span<double> xbar) const override {
    xbar[0] = 2 * zbar[0];
  }
};

class Code final : public Callable {
 public:
  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    out.push_back(sin(call(std::make_shared<const Doubled>(), in)[0]) + in[0]);
  }
};

}  // namespace
}  // namespace chainrule

int main() {
  using namespace chainrule;
  const Function f(std::make_shared<const Code>(), {{"x", true, {0.5}}}, "parabola");
  const Kernel kernel = compile(f);
  is_compiled();
  for (int round = 0; round < 3; ++round) std::printf("%g\n", kernel({0.25 * round})[0]);
}
