// A static graph built by hand: fed, run forward and backward.
#include <chainrule/graph/graph.hpp>
#include <cstdio>

using namespace chainrule;

int main() {
  Graph g;
  Node x = g.placeholder("x");
  Node w = g.variable(2.0, "w"), b = g.variable(-1.0, "b");
  Node y = tanh(w * x + b);

  std::printf("%g\n", g.forward(y, {{"x", 0.5}}));
  g.backward(y);
  std::printf("%g %g %g\n", x.grad(), w.grad(), b.grad());

  w.assign(4.0);
  std::printf("%g\n", g.forward(y, {{"x", 0.5}}));
  for (const Vertex v : g.order(y.vertex())) std::printf("%s ", g.name_of(v).c_str());
  std::printf("\n");
}
