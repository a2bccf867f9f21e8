// Traces in files: what comes back, and what is refused.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "chainrule/graph/bytes_internal.hpp"
#include "chainrule/graph/save.hpp"
#include "tests/graph/traces.hpp"

namespace chainrule {
namespace {

template <class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

Trace small_trace() {
  register_sums();
  Trace trace = parse_trace(R"(chainrule trace 1
name "small"
%0 = placeholder f64 "x"
%1 = variable 2.5
%2 = mul %1 %0 "p" @ "a.cpp":12
%3 = block "sums 3 2 2" (%2 %1)
%4 = output %3 0
%5 = output %3 1
guard %4 = 1 @ "a.cpp":13
input "x" f64 %0
output "y" f64[2] %5 %2
end
)");
  return trace;
}

RC_GTEST_PROP(Bytes, every_trace_comes_back_as_it_was, (unsigned seed)) {
  register_sums();
  std::mt19937 random(seed);
  const Trace trace = random_trace(random, *rc::gen::inRange(0u, 60u));
  const std::string bytes = to_bytes(trace);
  const Trace back = from_bytes(bytes);
  RC_ASSERT(back == trace);
  RC_ASSERT(to_bytes(back) == bytes);
}

TEST(Bytes, every_truncation_is_refused) {
  const std::string bytes = to_bytes(small_trace());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(from_bytes(std::string_view(bytes).substr(0, size)), Error) << size;
  }
  EXPECT_EQ(message_of([&] { from_bytes(std::string_view(bytes).substr(0, 100), "f.crb"); }),
            "[load] f.crb: cut off: expected " + std::to_string(bytes.size() - 24) +
                " bytes after the header, found 76");
  EXPECT_EQ(message_of([&] { from_bytes(std::string_view(bytes).substr(0, 10)); }),
            "[load] cut off: expected a header of 24 bytes, found 10");
}

TEST(Bytes, every_flipped_bit_is_refused) {
  const std::string bytes = to_bytes(small_trace());
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_THROW(from_bytes(flipped), Error) << bit;
  }
}

// The same behind a right checksum: an Error, or a sound trace.
TEST(Bytes, no_payload_does_harm) {
  const std::string payload(detail::unsealed(to_bytes(small_trace()), ""));
  const auto read = [](const std::string& changed) {
    try {
      ASSERT_EQ(verify(from_bytes(detail::sealed(changed))), "");
    } catch (const Error&) {
    }
  };
  for (std::size_t at = 0; at < payload.size(); ++at) {
    read(payload.substr(0, at));
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = payload;
      changed[at] = static_cast<char>(byte);
      read(changed);
    }
    // A count of nearly 2⁶³.
    read(payload.substr(0, at) + std::string(8, '\xFF') + '\x7F' + payload.substr(at));
  }
}

TEST(Bytes, a_newer_version_is_refused) {
  const std::string newer = detail::sealed("whatever comes then", 2);
  EXPECT_EQ(message_of([&] { from_bytes(newer, "f.crb"); }),
            "[load] f.crb: of version 2, but this library reads version 1: a newer chainrule wrote "
            "it");
}

TEST(Bytes, trailing_bytes_are_refused) {
  const std::string bytes = to_bytes(small_trace());
  const std::string size = std::to_string(bytes.size() - 24);
  EXPECT_EQ(message_of([&] { from_bytes(bytes + "x"); }), "[load] too long: expected " + size +
                                                              " bytes after the header, found " +
                                                              std::to_string(bytes.size() - 23));
  const std::string payload(detail::unsealed(bytes, ""));
  EXPECT_EQ(
      message_of([&] { from_bytes(detail::sealed(payload + "xy")); }),
      "[load] byte " + std::to_string(bytes.size()) + ": expected the end, found 2 bytes more");
}

TEST(Bytes, other_files_are_refused) {
  EXPECT_EQ(message_of([&] { from_bytes("", "f"); }),
            "[load] f: not a trace: it does not begin as one");
  EXPECT_EQ(message_of([&] { from_bytes("\x89PNG\r\n\x1a\n"); }),
            "[load] not a trace: it does not begin as one");
  std::string damaged = to_bytes(small_trace());
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_NE(message_of([&] { from_bytes(damaged); }).find("damaged: expected the CRC-32"),
            std::string::npos);
}

TEST(Bytes, a_block_of_user_code_is_refused) {
  Graph g;
  const auto out = g.call(std::make_shared<Sums>(3, 1, 1, true), std::vector{g.placeholder("x")});
  const Trace trace = to_trace(g, out);
  const std::string message =
      "[save] node 1: block 'sums' is user code, which cannot be written to a file";
  EXPECT_EQ(message_of([&] { to_bytes(trace); }), message);
  EXPECT_EQ(message_of([&] { save(trace, "user.crt"); }), message);
  EXPECT_EQ(message_of([&] { save(trace, "user.crb"); }), message);
  EXPECT_FALSE(std::filesystem::exists("user.crt"));
  EXPECT_FALSE(std::filesystem::exists("user.crb"));
}

class Files : public testing::Test {
 protected:
  Files() : folder_(testing::TempDir() + "chainrule_save_" + std::to_string(getpid())) {
    std::filesystem::create_directory(folder_);
  }
  ~Files() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string contents(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string folder_;
};

TEST_F(Files, of_the_name_crt_hold_text_and_others_bytes) {
  const Trace trace = small_trace();
  save(trace, path("f.crt"));
  save(trace, path("f.crb"));
  EXPECT_EQ(contents(path("f.crt")), print(trace));
  EXPECT_EQ(contents(path("f.crb")), to_bytes(trace));
  EXPECT_TRUE(load(path("f.crt")) == trace);
  EXPECT_TRUE(load(path("f.crb")) == trace);
  std::filesystem::rename(path("f.crt"), path("text.crb"));
  EXPECT_TRUE(load(path("text.crb")) == trace) << "a file is known by its first bytes";
}

TEST_F(Files, that_are_not_there_or_no_traces_are_named) {
  EXPECT_EQ(message_of([&] { load(path("none")); }),
            "[load] " + path("none") + ": cannot be read: No such file or directory");
  EXPECT_EQ(message_of([&] { load(path("")); }),
            "[load] " + path("") + ": cannot be read: Is a directory");
  std::ofstream(path("f.crt")) << "chainrule trace 1\n%0 = nonsense\n";
  EXPECT_EQ(message_of([&] { load(path("f.crt")); }),
            "[parse_trace] " + path("f.crt") +
                ":2:6: expected placeholder, variable, constant, block, output or an operation, "
                "found 'nonsense'");
  std::ofstream(path("empty")) << "";
  EXPECT_EQ(message_of([&] { load(path("empty")); }),
            "[load] " + path("empty") + ": not a trace: it does not begin as one");
}

}  // namespace
}  // namespace chainrule
