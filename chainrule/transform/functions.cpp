#include "chainrule/transform/functions.hpp"

#include <algorithm>
#include <string>

namespace chainrule {
namespace {

// One run of the Function inside of a derivative that is being recorded.
struct Scene {
  std::vector<Scalar> ys;
  std::vector<Scalar> xs;         // what is differentiated by
  std::span<const Scalar> extra;  // a direction or a seed
};

// The code of a derivative: runs f, and gives what Body makes of it.
template <class Body>
class Derived final : public Callable {
 public:
  Derived(Function f, std::size_t first, std::size_t count, Body body)
      : f_(std::move(f)), first_(first), count_(count), body_(std::move(body)) {}

  void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
    const std::span<const Scalar> own = in.first(f_.inputs());
    const std::span<const Scalar> xs = own.subspan(first_, count_);
    const Scene scene{f_(own), {xs.begin(), xs.end()}, in.subspan(f_.inputs())};
    body_(scene, out);
  }

 private:
  Function f_;
  std::size_t first_, count_;
  Body body_;
};

void append(std::vector<Scalar>& out, const std::vector<Scalar>& more) {
  out.insert(out.end(), more.begin(), more.end());
}

struct Range {
  std::size_t first, count;
};

Range range_of(const Function& f, std::size_t argument, const std::string& where) {
  if (argument == kEveryArgument) return {0, f.inputs()};
  if (argument >= f.arguments().size()) {
    fail(where, "there is no argument " + std::to_string(argument) + ": the function has " +
                    std::to_string(f.arguments().size()));
  }
  std::size_t first = 0;
  for (std::size_t k = 0; k < argument; ++k) first += f.arguments()[k].example.size();
  return {first, f.arguments()[argument].example.size()};
}

template <class Body>
Function derived(const Function& f, std::size_t argument, const std::string& where,
                 std::vector<Argument> extra, Body body) {
  const Range range = range_of(f, argument, where);
  std::vector<Argument> arguments(f.arguments().begin(), f.arguments().end());
  for (Argument& more : extra) arguments.push_back(std::move(more));
  const std::string name = f.trace().name.empty() ? "f" : f.trace().name;
  return Function(
      std::make_shared<const Derived<Body>>(f, range.first, range.count, std::move(body)),
      std::move(arguments), where + "(" + name + ")");
}

void require_one_output(const Function& f, const char* where) {
  if (f.outputs() != 1) {
    fail(where, "the function has " + std::to_string(f.outputs()) +
                    " outputs, not one: take its jacobian or vjp");
  }
}

Argument along(std::string name, std::size_t count, bool is_scalar, double example) {
  return {std::move(name), is_scalar, std::vector<double>(count, example)};
}

// A direction in the shape of the argument.
Argument direction_of(const Function& f, std::size_t argument, const char* where) {
  const Range range = range_of(f, argument, where);
  const bool is_scalar = argument != kEveryArgument && f.arguments()[argument].is_scalar;
  const std::string name = argument == kEveryArgument ? "x" : f.arguments()[argument].name;
  return along("d" + name, range.count, is_scalar, 1.0);
}

}  // namespace

Function grad(const Function& f, std::size_t argument) {
  require_one_output(f, "grad");
  return derived(f, argument, "grad", {}, [](const Scene& scene, std::vector<Scalar>& out) {
    append(out, recorded_gradient(scene.ys[0], scene.xs));
  });
}

Function value_and_grad(const Function& f, std::size_t argument) {
  require_one_output(f, "value_and_grad");
  return derived(f, argument, "value_and_grad", {},
                 [](const Scene& scene, std::vector<Scalar>& out) {
                   out.push_back(scene.ys[0]);
                   append(out, recorded_gradient(scene.ys[0], scene.xs));
                 });
}

Function jacobian(const Function& f, std::size_t argument, Sweep sweep) {
  return derived(f, argument, "jacobian", {},
                 [sweep](const Scene& scene, std::vector<Scalar>& out) {
                   append(out, detail::recorded_jacobian(scene.ys, scene.xs, sweep).entries);
                 });
}

Function hessian(const Function& f, std::size_t argument) {
  require_one_output(f, "hessian");
  return derived(f, argument, "hessian", {}, [](const Scene& scene, std::vector<Scalar>& out) {
    append(out, detail::recorded_hessian(scene.ys[0], scene.xs).entries);
  });
}

Function jvp(const Function& f, std::size_t argument) {
  return derived(
      f, argument, "jvp", {direction_of(f, argument, "jvp")},
      [](const Scene& scene, std::vector<Scalar>& out) {
        append(out, scene.ys);
        append(out, recorded_jvp(scene.ys, scene.xs, {scene.extra.data(), scene.extra.size()}));
      });
}

Function vjp(const Function& f, std::size_t argument) {
  return derived(f, argument, "vjp", {along("seed", f.outputs(), f.outputs() == 1, 1.0)},
                 [](const Scene& scene, std::vector<Scalar>& out) {
                   append(out, scene.ys);
                   append(out, recorded_vjp(scene.ys, scene.extra, scene.xs));
                 });
}

Function hvp(const Function& f, std::size_t argument) {
  require_one_output(f, "hvp");
  return derived(f, argument, "hvp", {direction_of(f, argument, "hvp")},
                 [](const Scene& scene, std::vector<Scalar>& out) {
                   const auto slopes = recorded_gradient(scene.ys[0], scene.xs);
                   append(out, recorded_vjp(slopes, scene.extra, scene.xs));
                 });
}

Function elementwise_grad(const Function& f, std::size_t argument) {
  return derived(f, argument, "elementwise_grad", {},
                 [](const Scene& scene, std::vector<Scalar>& out) {
                   const std::vector<Scalar> ones(scene.ys.size(), Scalar(1.0));
                   append(out, recorded_vjp(scene.ys, ones, scene.xs));
                 });
}

}  // namespace chainrule
