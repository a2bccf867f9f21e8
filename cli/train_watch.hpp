// A run that a person watches: its progress on the standard error, and Ctrl-C.
#pragma once

#include <chrono>
#include <string>

#include "chainrule/nn/trainer.hpp"

namespace chainrule::cli {

/// "0:07", "12:30", "3:00:00".
std::string as_duration(double seconds);
/// "99.50%".
std::string as_percent(double part, int decimals = 2);

/// On a terminal a line that is written anew, ten times a second; else a line for every tenth of
/// the epochs, and whenever ten seconds have passed.
class TrainWatch final : public nn::Observer {
 public:
  ~TrainWatch() override { erase(); }
  void after_step(const nn::Trainer& trainer) override;
  void after_epoch(const nn::Trainer& trainer) override;
  /// Takes the line away.
  void erase();

 private:
  using Clock = std::chrono::steady_clock;

  /// "0:07 left", or nothing as long as that cannot be known.
  std::string time_left(const nn::Trainer& trainer) const;
  void draw(const nn::Trainer& trainer);
  void print(const nn::Trainer& trainer);

  bool is_begun_ = false;
  double done_before_ = 0;  ///< epochs of a run that is resumed
  Clock::time_point begin_, last_;
  bool is_drawn_ = false;
};

/// While it lives the first Ctrl-C asks to stop; the second ends the program as ever.
class Interruptible {
 public:
  Interruptible();
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

  /// Whether to stop.
  static const std::atomic<bool>& asked();
};

}  // namespace chainrule::cli
