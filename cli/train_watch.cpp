#include "cli/train_watch.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>

#include "cli/number.hpp"

namespace chainrule::cli {

std::string as_duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(std::min(seconds, 1e9)));
  const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  const std::int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  return (hours > 0 ? std::to_string(hours) + ':' + two(minutes) : std::to_string(minutes)) + ':' +
         two(whole % 60);
}

std::string as_percent(double part, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f%%", decimals, 100 * part);
  return text;
}

// ---- progress -----------------------------------------------------------------------------------

namespace {

bool is_terminal() {
  static const bool is = isatty(STDERR_FILENO) == 1;
  return is;
}

std::size_t terminal_width() {
  winsize window = {};
  const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
  return is_known ? window.ws_col : 80;
}

// Epochs, parts of one included.
double done(const nn::Trainer& trainer) {
  return static_cast<double>(trainer.epochs()) +
         static_cast<double>(trainer.step()) / static_cast<double>(trainer.steps());
}

std::string losses(const nn::Trainer& trainer) {
  constexpr int kDigits = 3;
  const bool is_within = trainer.step() > 0;
  std::string text;
  if (is_within || trainer.epochs() > 0) {
    text = "loss " +
           short_number(is_within ? trainer.running_loss() : trainer.history().back().training_loss,
                        kDigits);
  }
  if (trainer.epochs() > 0) {
    const nn::Epoch& last = trainer.history().back();
    text += ", validation " + short_number(last.validation_loss, kDigits);
    if (!std::isnan(last.accuracy)) text += ", " + as_percent(last.accuracy, 1) + " right";
  }
  return text;
}

}  // namespace

std::string TrainWatch::time_left(const nn::Trainer& trainer) const {
  const double spent = std::chrono::duration<double>(Clock::now() - begin_).count();
  const double so_far = done(trainer), all = static_cast<double>(trainer.options().epochs);
  if (!(so_far > done_before_ && so_far < all)) return "";
  return as_duration(spent / (so_far - done_before_) * (all - so_far)) + " left";
}

void TrainWatch::after_step(const nn::Trainer& trainer) {
  if (!is_begun_) {
    // The first step has warmed the machine up, and does not count.
    is_begun_ = true;
    begin_ = last_ = Clock::now();
    done_before_ = done(trainer);
    return;
  }
  constexpr std::chrono::milliseconds kOften(100);
  if (!is_terminal() || Clock::now() - last_ < kOften) return;
  last_ = Clock::now();
  draw(trainer);
}

void TrainWatch::after_epoch(const nn::Trainer& trainer) {
  if (is_terminal()) return;
  constexpr std::chrono::seconds kSeldom(10);
  const std::int64_t all = trainer.options().epochs, now = trainer.epochs();
  const bool is_tenth = now == 1 || now * 10 / all > (now - 1) * 10 / all;
  if (!is_tenth && Clock::now() - last_ < kSeldom) return;
  last_ = Clock::now();
  print(trainer);
}

// "epoch 12/100 [####......] 0:42 left, loss 0.12, validation 0.15, 98.5% right": as long a bar
// as there is place for.
void TrainWatch::draw(const nn::Trainer& trainer) {
  constexpr std::size_t kLongest = 24, kShortest = 4;
  const std::int64_t all = trainer.options().epochs;
  std::string line = "epoch " + std::to_string(std::min(trainer.epochs() + 1, all)) + '/' +
                     std::to_string(all) + ' ';
  const std::string left = time_left(trainer);
  const std::string after = left.empty() ? losses(trainer) : left + ", " + losses(trainer);
  const std::size_t width = terminal_width(), taken = line.size() + after.size() + 3;
  if (width > taken + kShortest) {
    const std::size_t bar = std::min(kLongest, width - 1 - taken);
    const double part = done(trainer) / static_cast<double>(all);
    const auto filled = static_cast<std::size_t>(part * static_cast<double>(bar));
    line += '[' + std::string(filled, '#') + std::string(bar - filled, '.') + "] ";
  }
  std::fprintf(stderr, "\r%s\033[K", (line + after).substr(0, width - 1).c_str());
  is_drawn_ = true;
}

void TrainWatch::print(const nn::Trainer& trainer) {
  const std::int64_t all = trainer.options().epochs;
  const std::string left = time_left(trainer);
  std::fprintf(stderr, "epoch %lld of %lld: %s\n", static_cast<long long>(trainer.epochs()),
               static_cast<long long>(all),
               (losses(trainer) + (left.empty() ? "" : ", " + left)).c_str());
}

void TrainWatch::erase() {
  if (is_drawn_) std::fputs("\r\033[K", stderr);
  is_drawn_ = false;
}

// ---- Ctrl-C -------------------------------------------------------------------------------------

namespace {

using Handler = void (*)(int);
std::atomic<bool> is_asked_to_stop = false;
std::atomic<Handler> handler_before = nullptr;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<Handler>::is_always_lock_free);

extern "C" void ask_to_stop(int signal) {
  is_asked_to_stop = true;
  std::signal(signal, handler_before);
}

}  // namespace

Interruptible::Interruptible() {
  is_asked_to_stop = false;
  // Known before the handler is there: a program that ignores Ctrl-C goes on to ignore it.
  const Handler before = std::signal(SIGINT, SIG_IGN);
  handler_before = before;
  if (before != SIG_IGN) std::signal(SIGINT, ask_to_stop);
}

Interruptible::~Interruptible() { std::signal(SIGINT, handler_before); }

const std::atomic<bool>& Interruptible::asked() { return is_asked_to_stop; }

}  // namespace chainrule::cli
