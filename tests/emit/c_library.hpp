// C sources compiled with the system's C compiler, loaded, and called.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>

namespace chainrule::test {

class CLibrary {
 public:
  CLibrary() {
    char name[] = "/tmp/chainrule-c-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~CLibrary() {
    if (loaded_ != nullptr) dlclose(loaded_);
    shell("rm -rf " + folder_);
  }
  CLibrary(const CLibrary&) = delete;
  CLibrary& operator=(const CLibrary&) = delete;

  const std::string& folder() const { return folder_; }
  void add(const std::string& source) { source_ += source; }

  /// Compiles all that was added as one file: with every warning an error.
  void compile(const std::string& optimisation = "-O1") {
    ASSERT_TRUE(shell("cc --version > /dev/null 2>&1"))
        << "there is no C compiler `cc`, which this test needs: scripts/setup installs one";
    std::ofstream(folder_ + "/f.c") << source_;
    const bool compiled =
        shell("cc -std=c99 -Wall -Wextra -Wpedantic -Wshadow -Werror -ffp-contract=off " +
              optimisation + " -shared -fPIC -o " + folder_ + "/f.so " + folder_ + "/f.c -lm > " +
              folder_ + "/log 2>&1");
    ASSERT_TRUE(compiled) << contents("log").substr(0, 4000);
    loaded_ = dlopen((folder_ + "/f.so").c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(loaded_, nullptr) << dlerror();
  }

  /// Calls NAME(x, arrays…): at most three arrays.
  int call(const std::string& name, std::span<const double> x,
           std::initializer_list<std::span<double>> arrays) const {
    void* const symbol = loaded_ == nullptr ? nullptr : dlsym(loaded_, name.c_str());
    EXPECT_NE(symbol, nullptr) << name;
    if (symbol == nullptr) return -2;
    double* to[3] = {};
    std::size_t count = 0;
    for (const std::span<double> array : arrays) to[count++] = array.data();
    if (count == 1) {
      return reinterpret_cast<int (*)(const double*, double*)>(symbol)(x.data(), to[0]);
    }
    if (count == 2) {
      return reinterpret_cast<int (*)(const double*, double*, double*)>(symbol)(x.data(), to[0],
                                                                                to[1]);
    }
    return reinterpret_cast<int (*)(const double*, double*, double*, double*)>(symbol)(
        x.data(), to[0], to[1], to[2]);
  }

  std::string contents(const std::string& name) const {
    std::ifstream file(folder_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  static bool shell(const std::string& command) { return std::system(command.c_str()) == 0; }

 private:
  std::string folder_, source_;
  void* loaded_ = nullptr;
};

}  // namespace chainrule::test
