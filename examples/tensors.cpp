// A tour of tensors, in the order of docs/tensors.md. What it prints stands in tensors.txt.
#include <chainrule/tensor/tensor.hpp>
#include <iostream>

using namespace chainrule;
using std::cout;

void creating() {
  const Tensor a = tensor({{1, 2, 3}, {4, 5, 6}});  // f64, as everything unless it is told
  const Tensor b = ones({2, 3}, f32);
  const std::vector<double> numbers = {1, 2, 3, 4};
  const Tensor c = tensor(numbers, {2, 2});  // a copy of whatever memory holds them
  cout << a << '\n' << to_string(b.type()) << '\n';
  cout << arange(0, 10, 2) << ' ' << linspace(0, 1, 5) << '\n' << eye(2) + c << '\n';
}

void values() {
  Tensor a = arange(6);
  const Tensor copy = a, view = reshape(a, {2, 3});  // no numbers are copied
  a.set({0}, 10);                                    // now a has memory of its own
  cout << a << ' ' << copy << ' ' << view(0) << '\n';
}

void types() {
  const Tensor x = tensor({1, 2}, f32), y = tensor({1, 2});
  cout << to_string((x * 0.5).type()) << ' ' << to_string((x + y).type()) << ' '
       << to_string(cast(y, f32).type()) << '\n';
}

void broadcasting() {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 9}});
  const Tensor centred = x - mean(x, 0);                           // (2,3) − (3,)
  const Tensor shares = x / sum(x, 1, keepdims);                   // (2,3) / (2,1)
  const Tensor table = unsqueeze(arange(1, 4), 1) * arange(1, 4);  // (3,1) · (3,)
  cout << centred << '\n' << sum(shares, 1) << '\n' << table << '\n';
}

void indexing() {
  const Tensor x = reshape(arange(12), {3, 4});
  cout << x(1) << ' ' << x(all, -1) << ' ' << x(1, 2) << '\n';
  cout << x(Range{0, 2}, Range{.step = 2}) << '\n';  // x[0:2, ::2]
  cout << x(tensor({2, 0})) << '\n';                 // rows 2 and 0
  cout << x(Mask{x > 8.0}) << '\n';

  Tensor y = x;
  y.set({all, 0}, -1);
  y.add_at({tensor({0, 0, 2}), tensor({3, 3, 3})}, 100);  // twice at (0,3)
  cout << y << '\n';
}

void operations() {
  const Tensor x = tensor({{0.5, 1.5}, {2.5, -1}});
  cout << max(x, 0) << '\n' << sum(x) << ' ' << amax(x, 1) << ' ' << argmax(x, 1) << '\n';
  cout << where(x > 0, sqrt(x), x) << '\n';
  cout << matmul(x, tensor({1, 1})) << ' ' << matmul(transpose(x), x) << '\n';
  cout << concatenate({x, x}, 1) << '\n';
}

void matrices() {
  const Tensor a = tensor({{4, 2}, {2, 3}}), b = tensor({2, 5});
  cout << solve(a, b) << ' ' << det(a) << '\n' << inverse(a) << '\n' << cholesky(a) << '\n';
  cout << einsum("ij,j->i", a, b) << ' ' << grad([&](const Tensor& x) { return det(x); })(a)
       << '\n';
}

void gradients() {
  const Frame frame = Tape::active().frame();  // what is recorded goes at its end
  const Tensor w = variable(tensor({{1, 2}, {3, 4}}), "w"), b = variable(tensor({5, 6}), "b");
  const Tensor loss = sum(square(matmul(w, tensor({1, -1})) + b));

  const auto slopes = gradient(loss, {w, b});  // as numbers, in the shapes of w and b
  cout << loss << '\n' << slopes[0] << ' ' << slopes[1] << '\n';

  loss.backward();  // into grad() of every node, as for Scalars
  cout << b.grad() << '\n';
}

void transforms() {
  const auto f = [](const Tensor& x, const Tensor& y) { return sum(x * x * x * y); };
  const Tensor x = tensor({1, 2}), y = tensor({1, -1}), v = tensor({1, 0});
  cout << grad(f)(x, y) << ' ' << grad<1>(f)(x, y) << '\n';
  cout << hessian(f)(x, y) << '\n' << hvp(f)(x, y, v) << '\n';
  const auto [value, tangent] = jvp(f)(x, y, v);
  cout << value << ' ' << tangent << '\n';

  const auto softened = [](const Tensor& t) { return t / sum(t); };
  cout << jacobian(softened)(tensor({1, 3})) << '\n';
  cout << grad([&](const Tensor& t) { return sum(square(grad(f)(t, y))); })(x) << '\n';
}

void batches() {
  const auto distance = [](const Tensor& a, const Tensor& b) { return norm(a - b); };
  const Tensor points = tensor({{3, 4}, {0, 0}, {6, 8}}), origin = zeros({2});
  cout << vmap(distance, {.axes = {0, VmapOptions::kWhole}})(points, origin) << '\n';
  const auto cubes = [](const Tensor& t) { return sum(t * t * t); };
  cout << vmap(grad(cubes))(points) << '\n';  // the gradient of each row
}

void numbers_and_tensors() {
  const Frame frame = Tape::active().frame();
  const Scalar scale = variable(2.0, "scale");
  const Tensor t = variable(tensor({1, 2, 3}), "t");
  const Tensor scaled = t * scale;
  const Scalar y = scalar(scaled, {1}) * scalar(scaled, {2});  // (2 · 2)(3 · 2)
  cout << gradient(y, {scale})[0] << ' ' << gradient(y, {t})[0] << '\n';

  const std::vector<Scalar> parts = {scale, scale * scale};
  cout << stack(parts) << ' ' << gradient(sum(stack(parts)), {Tensor(scale)})[0] << '\n';
}

void own_functions() {
  const auto swish = map<1>([](const Scalar& x) { return x * sigmoid(x); });
  const Tensor x = tensor({-1, 0, 1});
  cout << swish(x) << '\n' << grad([&](const Tensor& t) { return sum(swish(t)); })(x) << '\n';
}

void recorded_and_compiled() {
  const auto loss = [](const Tensor& w, const Tensor& x) { return sum(tanh(matmul(x, w) + 1.0)); };
  Random random(1);
  const Tensor w = randn({8}, random), x = randn({100, 8}, random);
  const TensorFunction f = record(loss, w, x);
  const TensorFunction slope = grad(f);
  const TensorKernel fast = compile(value_and_grad(f, 0));
  const auto both = fast(w, x);  // loss and slope
  const double difference = amax(abs(both[1] - slope(w, x))).item();
  cout << (difference < 1e-12 ? "the same" : "another") << " slope\n" << to_string(f);
}

void graphs() {
  TensorGraph g;
  Tensor y;
  {
    const auto building = g.build();
    const Tensor x = g.placeholder({2, 2}, "x"), w = g.variable(tensor({1, 2}), "w");
    y = pow(matmul(x, w), g.constant(2.0, "p")).label("y");
  }
  g.forward({{"x", tensor({{1, 1}, {0, 3}})}});
  g.backward(y, ones({2}));
  cout << g.value("y") << ' ' << g.grad("w") << ' ' << g.grad("x") << '\n';
}

void updates() {
  const Frame frame = Tape::active().frame();
  const Tensor x = variable(tensor({1, 2, 3}), "x");
  Tensor y = x * x;
  const Tensor before = y;
  y.set({0}, x(2));  // a new value: what was computed from the old one keeps it
  cout << y << ' ' << before << ' ' << gradient(sum(y), {x})[0] << '\n';
}

void files() {
  save_npy("tour.npy", tensor({{1, 2}, {3, 4}}, f32));
  const Tensor t = load_npy("tour.npy");
  cout << to_string(t.type()) << ' ' << t(1) << '\n';
}

void kinks() {
  const Tensor x = tensor({-4, 0, 4});
  const auto f = [](const Tensor& t) { return sum(where(t > 0, sqrt(t), t)); };
  cout << grad(f)(x) << '\n';  // no NaN from √−4 and no infinity from √0, which were not taken
  const auto top = [](const Tensor& t) { return amax(t); };
  cout << grad(top)(tensor({3, 1, 3})) << '\n';
}

void random_numbers() {
  Random random(7);  // the same digits on every machine
  const Tensor x = random.uniform({3}, -1, 1), noise = randn({2, 2}, random, f32);
  Random again(7);
  cout << x << ' ' << (again.uniform({3}, -1, 1).values() == x.values() ? "again" : "other") << ' '
       << to_string(noise.type()) << '\n';
}

void mistakes() {
  try {
    matmul(ones({3, 4}), ones({5, 2}));
  } catch (const Error& error) {
    cout << error.what() << '\n';
  }
}

int main() {
  creating();
  values();
  types();
  broadcasting();
  indexing();
  operations();
  matrices();
  gradients();
  transforms();
  batches();
  numbers_and_tensors();
  own_functions();
  recorded_and_compiled();
  graphs();
  updates();
  kinks();
  random_numbers();
  files();
  mistakes();
}
