// What checking every handle costs, and what the thread's own tape costs: record + reverse by
// otherwise identical programs, run in turn again and again; the least of each counts.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

namespace {

constexpr const char* kVariants[] = {"as_it_is", "handles_unchecked", "no_thread_local"};
constexpr const char* kProblems[] = {"chain", "dot product", "mixture", "reprojection"};
constexpr int kRounds = 12;

}  // namespace

int main(int, char** argv) {
  const std::string self = argv[0];
  const std::string folder = self.substr(0, self.rfind('/') + 1) + "variants/";
  std::vector<std::vector<double>> least(
      std::size(kVariants),
      std::vector<double>(std::size(kProblems), std::numeric_limits<double>::infinity()));
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t v = 0; v < std::size(kVariants); ++v) {
      std::FILE* out = popen((folder + kVariants[v]).c_str(), "r");
      if (out == nullptr) return 1;
      for (double& shortest : least[v]) {
        double ns = 0;
        if (std::fscanf(out, "%lf", &ns) != 1) return 1;
        shortest = std::min(shortest, ns);
      }
      pclose(out);
    }
  }
  std::printf("\nrecord + reverse, ns/operation (and over the program as it is)\n%-20s", "");
  for (const char* problem : kProblems) std::printf(" %16s", problem);
  for (std::size_t v = 0; v < std::size(kVariants); ++v) {
    std::printf("\n%-20s", kVariants[v]);
    for (std::size_t p = 0; p < std::size(kProblems); ++p) {
      std::printf(" %8.2f (%.3f)", least[v][p], least[v][p] / least[0][p]);
    }
  }
  std::printf("\n");
}
