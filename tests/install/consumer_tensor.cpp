// A program outside the tree with tensors: random numbers, files, text.

#include <chainrule/tensor/npy.hpp>
#include <chainrule/tensor/random.hpp>
#include <cstdio>
#include <string>

int main() {
  using namespace chainrule;
  int failures = 0;
  Random random(1);
  const Tensor t = randn({3, 4}, random, f32);
  const std::string path = "/tmp/chainrule-consumer-" + std::to_string(random.bits());
  save_npy(path, t);
  failures += load_npy(path).values() != t.values();
  const std::pair<std::string, Tensor> all[] = {{"t", t}};
  save_npz(path, all);
  failures += load_npz(path)[0].second.values() != t.values();
  failures += std::remove(path.c_str()) != 0;
  failures += to_string(eye(2)) != "[[1. 0.]\n [0. 1.]]";
  if (failures > 0) std::printf("%d things are wrong\n", failures);
  return failures;
}
