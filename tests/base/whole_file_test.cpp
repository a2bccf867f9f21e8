// WholeFile: files that appear whole or not at all.
#include "chainrule/base/whole_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

namespace chainrule {
namespace {

class WholeFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/chainrule-test-XXXXXX";
    folder_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string contents(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  int files() const {
    int count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) ++count;
    return count;
  }

 private:
  std::string folder_;
};

TEST_F(WholeFiles, appear_when_committed) {
  WholeFile file(path("a"));
  file.write("one ");
  file.write(std::string(1'000'000, 'x'));
  EXPECT_FALSE(std::filesystem::exists(path("a")));
  file.commit();
  EXPECT_EQ(contents(path("a")), "one " + std::string(1'000'000, 'x'));
  EXPECT_EQ(files(), 1);
}

TEST_F(WholeFiles, leave_nothing_when_abandoned) {
  write_whole_file(path("a"), "old");
  {
    WholeFile file(path("a"));
    file.write("new");
    EXPECT_EQ(files(), 2);
  }
  EXPECT_EQ(contents(path("a")), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(WholeFiles, keep_the_permissions_of_what_they_replace) {
  write_whole_file(path("a"), "old");
  chmod(path("a").c_str(), 0640);
  write_whole_file(path("a"), "new");
  struct stat facts = {};
  ASSERT_EQ(stat(path("a").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0640u);
}

TEST_F(WholeFiles, have_the_usual_permissions_where_there_was_nothing) {
  const mode_t before = umask(027);
  WholeFile file(path("a"));
  file.commit();
  umask(before);
  struct stat facts = {};
  ASSERT_EQ(stat(path("a").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0640u);
}

TEST_F(WholeFiles, that_are_made_leave_the_permissions_of_other_threads_files_alone) {
  const mode_t before = umask(077);
  std::atomic<bool> is_done{false};
  std::thread others([&] {
    while (!is_done) WholeFile file(path("a"));
  });
  int exposed = 0;
  for (int k = 0; k < 20'000; ++k) {
    const int file = open(path("b").c_str(), O_CREAT | O_EXCL | O_WRONLY, 0666);
    struct stat facts = {};
    fstat(file, &facts);
    if ((facts.st_mode & 0777) != 0600) ++exposed;
    close(file);
    unlink(path("b").c_str());
  }
  is_done = true;
  others.join();
  umask(before);
  EXPECT_EQ(exposed, 0);
}

TEST_F(WholeFiles, follow_a_symbolic_link) {
  write_whole_file(path("target"), "old");
  ASSERT_EQ(symlink("target", path("link").c_str()), 0);
  write_whole_file(path("link"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
  EXPECT_EQ(contents(path("target")), "new");
}

TEST_F(WholeFiles, that_cannot_be_made_throw) {
  EXPECT_THROW(WholeFile file(path("no/such/folder")), Error);
  EXPECT_THROW(WholeFile file(path("")), Error) << "a folder";
  WholeFile full("/dev/full");
  full.write("x");
  EXPECT_THROW(full.commit(), Error);
}

TEST_F(WholeFiles, are_removed_from_a_signal_handler) {
  WholeFile file(path("a"));
  EXPECT_EQ(files(), 1);
  remove_unfinished_files();
  EXPECT_EQ(files(), 0);
}

}  // namespace
}  // namespace chainrule
