// Stamps do not come round while anything could be mistaken: generations of chunks, and tapes.
#include "chainrule/tape/generations_internal.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "chainrule/chainrule.hpp"
#include "chainrule/tape/state_internal.hpp"

namespace chainrule {
namespace {

// Owners that draw, use and die at random, held against what each generation was last used for.
TEST(Generations, are_given_out_again_when_most_others_have_been) {
  constexpr std::uint32_t kChunks = 64, kMostHeld = 12;
  const auto pool = std::make_unique<Generations<kChunks, kMostHeld>>();
  struct Owner {
    std::vector<std::uint32_t> held;
    std::uint32_t next = 0, last = 0;
  };
  std::vector<Owner> owners(9);
  std::vector<long> given_up(kChunks * kChunk, -1);  // how many were used by then
  std::set<std::uint32_t> live;                      // chunks
  long used = 0, nearest = 1'000'000, refused = 0, again = 0;
  std::mt19937 bits(7);
  for (int round = 0; round < 200'000; ++round) {
    Owner& owner = owners[bits() % owners.size()];
    if (bits() % 40 == 0) {
      pool->give_back(owner.held, owner.next);
      for (const std::uint32_t chunk : owner.held) live.erase(chunk);
      owner = {};
      continue;
    }
    if (owner.next == owner.last) {
      // All but the chunk that is held longest, at times, go back.
      std::vector<std::uint32_t> used_up = std::exchange(owner.held, {});
      if (bits() % 3 == 0 && !used_up.empty()) {
        owner.held = {used_up[0]};
        used_up.erase(used_up.begin());
      }
      for (const std::uint32_t chunk : used_up) live.erase(chunk);
      const auto id = static_cast<std::uint32_t>(&owner - owners.data() + 1);
      const auto [first, last] = pool->draw(used_up, id);
      if (first == last) {
        ++refused;
        EXPECT_EQ(live.size(), kMostHeld);
        continue;
      }
      EXPECT_TRUE(live.insert(first / kChunk).second) << "held twice: " << first / kChunk;
      EXPECT_EQ(pool->owner_of(first), id);
      owner.held.push_back(first / kChunk);
      owner.next = first, owner.last = last;
    }
    for (auto count = bits() % 64; count > 0 && owner.next < owner.last; --count) {
      long& last_use = given_up[owner.next];
      if (last_use >= 0) nearest = std::min(nearest, used - last_use), ++again;
      last_use = used++;
      EXPECT_NE(owner.next, 0u);
      ++owner.next;
    }
  }
  EXPECT_GT(again, 1'000'000);
  EXPECT_GT(refused, 0);
  EXPECT_GE(nearest, long{kChunks - 2 * kMostHeld} * kChunk);
}

TEST(Generations, what_a_dead_owner_left_goes_to_the_next_one_and_is_not_said_to_be_its) {
  const auto pool = std::make_unique<Generations<4, 2>>();
  const auto mine = pool->draw({}, 1);
  const std::uint32_t chunk[] = {mine.first / kChunk};
  pool->give_back(chunk, mine.first + 5);
  const auto theirs = pool->draw({}, 2);
  EXPECT_EQ(theirs.first, mine.first + 5);
  EXPECT_EQ(theirs.last, mine.last);
  EXPECT_EQ(pool->owner_of(theirs.first), 2u);
  EXPECT_EQ(pool->owner_of(mine.first), 0u);
}

// Of a handle that is live on its own tape, whether any other tape ever takes it for one of its.
TEST(Stamps, of_a_live_frame_are_no_other_frames_however_many_there_are) {
  Tape keep("keep"), other("other");
  const Frame kept = keep.frame();
  Frame frame = other.frame();
  const std::uint32_t stamp = TapeAccess::state(keep).rows.stamp;
  const detail::Recorder& rows = TapeAccess::state(other).rows;
  constexpr long kFrames = CHAINRULE_TEST_SANITIZED ? 1'000'000 : (1 << 24) + 1000;
  for (long k = 0; k < kFrames; ++k) {
    frame.rewind();
    ASSERT_FALSE(rows.live(stamp)) << "after " << k << " frames";
  }
}

TEST(Stamps, of_short_lived_tapes_are_of_a_few_chunks) {
  std::set<std::uint32_t> chunks;
  for (int k = 0; k < 1000; ++k) {
    const Tape tape("short");
    chunks.insert(TapeAccess::state(tape).rows.stamp / detail::kSlots / kChunk);
  }
  // 1000 generations, and what tapes that lived at one time in this process left of theirs.
  EXPECT_LT(chunks.size(), 1000 / kChunk + 100);
}

TEST(Stamps, of_a_tape_that_is_gone_are_said_to_be_so) {
  Scalar x;
  {
    Tape gone("gone");
    const Activation active = gone.activate();
    x = variable(3.0);
  }
  Tape here("here");  // goes on with its generations
  const Activation active = here.activate();
  try {
    x * 2.0;
    FAIL() << "the handle of a dead tape was taken";
  } catch (const HandleError& error) {
    EXPECT_NE(std::string(error.what()).find("on a tape that is gone"), std::string::npos)
        << error.what();
  }
}

TEST(Stamps, that_are_all_taken_are_refused_and_there_again_when_tapes_are_gone) {
  struct Nest {
    Tape tape;
    std::vector<std::unique_ptr<Frame>> frames;
    ~Nest() {
      while (!frames.empty()) frames.pop_back();
    }
  };
  Tape plain("plain");
  std::vector<std::unique_ptr<Nest>> nests;
  std::string said;
  try {
    for (int k = 0; k < 300; ++k) {
      nests.push_back(std::make_unique<Nest>());
      Nest& nest = *nests.back();
      for (int depth = 0; depth < 254; ++depth) {
        nest.frames.emplace_back(new Frame(nest.tape.frame()));
        // The stamp it ends with is of a chunk of its own.
        for (std::uint32_t r = 0; r < kChunk; ++r) nest.frames.back()->rewind();
      }
    }
  } catch (const Error& error) {
    said = error.what();
  }
  EXPECT_NE(said.find("all stamps are taken"), std::string::npos) << said;
  EXPECT_GT(nests.size(), 250u);  // 2¹⁶ of 254 each
  EXPECT_THROW(Tape("one more"), Error);
  for (std::uint32_t k = 0; k < 3 * kChunk; ++k) plain.clear();  // draws what it gives back
  nests.clear();
  Tape tape("again");
  const Activation active = tape.activate();
  Frame frame = tape.frame();
  for (std::uint32_t k = 0; k < 3 * kChunk; ++k) {
    const Scalar x = variable(2.0);
    EXPECT_EQ(gradient(x * x, {x})[0], 4.0);
    frame.rewind();
  }
}

TEST(Stamps, of_tapes_of_many_threads_differ) {
  std::vector<std::vector<std::uint32_t>> stamps(4);
  std::vector<std::unique_ptr<Tape>> tapes(stamps.size());
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < stamps.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 300; ++round) {
        tapes[t] = std::make_unique<Tape>();
        Frame frame = tapes[t]->frame();
        for (int k = 0; k < round % 100; ++k) {
          stamps[t].push_back(TapeAccess::state(*tapes[t]).rows.stamp);
          frame.rewind();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::uint32_t> all;
  std::size_t count = 0;
  for (const auto& some : stamps) {
    all.insert(some.begin(), some.end());
    count += some.size();
  }
  EXPECT_EQ(all.size(), count);
}

}  // namespace
}  // namespace chainrule
