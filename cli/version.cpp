// chainrule version.

#include "chainrule/base/whole_file.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

class Version : public Verb {
 public:
  const char* name() const override { return "version"; }
  const char* summary() const override { return "the version of this tool"; }
  Takes takes() const override { return Takes::nothing; }
  void declare(CLI::App&) override {}
  int run(const Arguments&) override {
    write_whole_file("-", "chainrule " CHAINRULE_VERSION "\n");
    return kSuccess;
  }
};

}  // namespace

std::unique_ptr<Verb> make_version() { return std::make_unique<Version>(); }

}  // namespace chainrule::cli
