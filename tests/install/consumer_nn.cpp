// A program outside the tree with data and saved parameters.

#include <chainrule/nn/safetensors.hpp>
#include <chainrule/nn/synthetic.hpp>
#include <cstdio>
#include <string>

int main() {
  using namespace chainrule;
  int failures = 0;
  Random random(1);
  const nn::DataSet data = nn::moons(10, 0.1, random);
  std::int64_t rows = 0;
  for (const auto& [inputs, targets] : data.batches(4)) rows += inputs.size(0);
  failures += rows != 10;
  const std::string path = "/tmp/chainrule-consumer-" + std::to_string(random.bits());
  const std::pair<std::string, Tensor> all[] = {{"inputs", data.inputs}};
  nn::save_tensors(path, all);
  failures += nn::load_tensors(path).tensors[0].second.values() != data.inputs.values();
  failures += std::remove(path.c_str()) != 0;
  if (failures > 0) std::printf("%d things are wrong\n", failures);
  return failures;
}
