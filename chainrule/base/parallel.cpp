#include "chainrule/base/parallel.hpp"

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace chainrule {
namespace {

struct Job {
  void (*work)(const void* of, std::size_t part) = nullptr;
  const void* of = nullptr;
  std::size_t parts = 0;
};

// As long as a thread waits awake: more than it takes to come back with the next piece of a loop
// over kernels, less than is worth a core.
void wait_awake(const auto& is_over) {
  static const int rounds = std::thread::hardware_concurrency() > 1 ? 4000 : 0;
  for (int round = 0; round < rounds && !is_over(); ++round) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

class Pool {
 public:
  bool is_mine() const { return process_ == getpid(); }

  // False if another piece of work has the pool.
  bool run(const Job& job) {
    const std::unique_lock owner(owner_, std::try_to_lock);
    if (!owner) return false;
    if (faults_.size() < job.parts) faults_.resize(job.parts);
    for (; threads_ + 1 < job.parts; ++threads_) {
      std::thread([this, part = threads_ + 1] { serve(part); }).detach();
    }
    left_.store(job.parts - 1, std::memory_order_relaxed);
    {
      const std::lock_guard lock(mutex_);
      job_ = job;
      number_.fetch_add(1, std::memory_order_release);
    }
    begun_.notify_all();
    do_part(job, 0);
    const auto is_done = [&] { return left_.load(std::memory_order_acquire) == 0; };
    wait_awake(is_done);
    if (!is_done()) {
      std::unique_lock lock(mutex_);
      done_.wait(lock, is_done);
    }
    rethrow(job.parts);
    return true;
  }

 private:
  // The thread of one part, for ever.
  void serve(std::size_t part) {
    for (std::uint64_t seen = 0;;) {
      const auto is_new = [&] { return number_.load(std::memory_order_acquire) != seen; };
      wait_awake(is_new);
      Job job;
      {
        std::unique_lock lock(mutex_);
        begun_.wait(lock, is_new);
        seen = number_.load(std::memory_order_relaxed);
        job = job_;
      }
      if (part >= job.parts) continue;
      do_part(job, part);
      if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        const std::lock_guard lock(mutex_);
        done_.notify_one();
      }
    }
  }

  void do_part(const Job& job, std::size_t part) {
    is_inside() = true;
    try {
      job.work(job.of, part);
    } catch (...) {
      faults_[part] = std::current_exception();
    }
    is_inside() = false;
  }

  void rethrow(std::size_t parts) {
    std::exception_ptr first;
    for (std::size_t part = parts; part-- > 0;) {
      if (faults_[part]) first = std::exchange(faults_[part], nullptr);
    }
    if (first) std::rethrow_exception(first);
  }

 public:
  static bool& is_inside() {
    static thread_local bool inside = false;
    return inside;
  }

 private:
  const pid_t process_ = getpid();
  std::mutex owner_;
  std::vector<std::exception_ptr> faults_;  // by part
  std::size_t threads_ = 0;
  std::atomic<std::size_t> left_{0};  // parts that run in the pool's threads
  std::mutex mutex_;
  std::condition_variable begun_, done_;
  Job job_;
  std::atomic<std::uint64_t> number_{0};  // of the job
};

// Never destroyed: its threads wait in it until the program ends.
Pool& pool() {
  static std::mutex mutex;
  static std::atomic<Pool*> current{nullptr};
  Pool* found = current.load(std::memory_order_acquire);
  if (found != nullptr && found->is_mine()) return *found;
  const std::lock_guard lock(mutex);
  found = current.load(std::memory_order_relaxed);
  if (found == nullptr || !found->is_mine()) current.store(found = new Pool);
  return *found;
}

void one_after_another(const Job& job) {
  std::exception_ptr first;
  for (std::size_t part = 0; part < job.parts; ++part) {
    try {
      job.work(job.of, part);
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace

void detail::in_parallel(std::size_t parts, void (*work)(const void* of, std::size_t part),
                         const void* of) {
  const Job job{work, of, parts};
  if (parts < 2 || Pool::is_inside() || !pool().run(job)) one_after_another(job);
}

}  // namespace chainrule
