// Trainer: fits a net to data, epoch by epoch, and can be watched, stopped, saved and resumed.
//
//   nn::MLP net({2, 16, 2}, Op::tanh, random);
//   nn::Adam adam(net.parameters());
//   const auto loss = [](const Tensor& y, const Tensor& t) { return cross_entropy(y, t); };
//   nn::fit(net, loss, adam, nn::hold_out(data, 0.2, random), {.epochs = 200, .patience = 20});
//
// An epoch visits each row to learn from once, in an order that the seed decides, batch by batch, a
// frame of the tape a step; then the net is evaluated on the rows that were held out. A run is
// known from its parts, its options and its seed: one that is stopped anywhere, saved and resumed
// ends with the same bits as one that is not. Memory does not grow with the number of steps.
#pragma once

#include <atomic>
#include <concepts>
#include <memory>
#include <optional>

#include "chainrule/nn/data.hpp"
#include "chainrule/nn/module.hpp"
#include "chainrule/nn/optimisers.hpp"
#include "chainrule/nn/safetensors.hpp"
#include "chainrule/nn/schedules.hpp"

namespace chainrule::nn {

/// Rows to learn from, and rows to see how well it was learned; of these there may be none.
struct HeldOut {
  DataSet training, validation;
};
/// Holds that fraction of the rows out, to the nearest whole one, chosen by chance. Throws Error
/// unless it is between 0 and 1.
HeldOut hold_out(const DataSet& data, double fraction, Random& random);

/// Whether predictions are scores of classes, of which the highest counts.
enum class Score : std::uint8_t { none, accuracy };
/// The part of the rows whose highest score is that of their class; NaN of no rows. Throws Error
/// unless scores are (rows, classes) and classes (rows,).
double accuracy(const Tensor& scores, const Tensor& classes);

struct FitOptions {
  std::int64_t epochs = 100;  ///< in all: those before a checkpoint count
  std::int64_t batch = 32;    ///< rows of a step; the last one of an epoch may have fewer
  std::int64_t patience = 0;  ///< epochs without a better one after which it ends; 0: it does not
  std::uint64_t seed = 0;     ///< of the order of rows
  Score score = Score::none;
  std::optional<Schedule> schedule = {};    ///< of the rate, by the optimiser's steps
  const std::atomic<bool>* stop = nullptr;  ///< once it is true, the step at work is the last
};

/// How an epoch went.
struct Epoch {
  double rate = 0;             ///< of its last step
  double training_loss = 0;    ///< mean over its rows, each as its batch came
  double validation_loss = 0;  ///< after it, of the rows held out; if there are none, of the others
  double accuracy = 0;         ///< of the same rows; NaN where none is asked for
};

/// Why a run ended: all epochs are done, no better one came for long, it was told to stop.
enum class Ended : std::uint8_t { epochs, patience, stop };

class Trainer;

/// Watches a run.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void after_step(const Trainer&) {}
  virtual void after_epoch(const Trainer&) {}
};

/// What is to be learned: what a net makes of inputs, and how far that is from targets.
class Task {
 public:
  virtual ~Task() = default;
  virtual Module& net() const = 0;
  virtual Tensor predict(const Tensor& inputs) const = 0;
  /// The mean over the rows.
  virtual Tensor loss(const Tensor& predictions, const Tensor& targets) const = 0;
};

template <class Net, class Loss>
concept Learns = std::derived_from<Net, Module> &&
    requires(const Net& net, const Loss& loss, const Tensor& t) {
  { loss(net(t), t) } -> std::convertible_to<Tensor>;
};

class Trainer {
 public:
  /// Net and optimiser stay the caller's. The loss is a function of predictions and targets that
  /// gives a mean over rows, as those of tensor/loss.hpp do. Gradients are clipped as the optimiser
  /// says. Throws Error for options out of range and for no rows to learn from.
  template <class Net, class Loss>
  requires Learns<Net, Loss> Trainer(Net& net, Loss loss, Optimiser& optimiser, HeldOut data,
                                     const FitOptions& options = {})
      : Trainer(std::make_unique<Learned<Net, Loss>>(net, std::move(loss)), optimiser,
                std::move(data), options) {}
  Trainer(std::unique_ptr<const Task> task, Optimiser& optimiser, HeldOut data,
          const FitOptions& options);

  /// Goes on until the run ends. May be called again after a stop. Throws Error that names epoch
  /// and step where a loss or gradient is not finite: that step is not taken, and the best so far
  /// is still there.
  Ended run(Observer& observer);
  Ended run();
  /// The net becomes that of the best epoch: of the lowest validation loss, the first of equals.
  /// Does nothing before the first epoch has ended. (A checkpoint is to be taken before it.)
  void restore_best();

  const FitOptions& options() const { return options_; }
  /// One entry an epoch that has ended.
  const std::vector<Epoch>& history() const { return history_; }
  std::int64_t epochs() const { return static_cast<std::int64_t>(history_.size()); }
  /// Which of them was the best, counted from 1; 0: none has ended.
  std::int64_t best_epoch() const { return best_epoch_; }
  const Epoch& best() const { return history_[static_cast<std::size_t>(best_epoch_ - 1)]; }
  /// Steps of the epoch at work that are done, and how many it has; the mean loss of those done.
  std::int64_t step() const { return step_; }
  std::int64_t steps() const { return steps_; }
  double running_loss() const;

  /// All that the rest of the run depends on, data and options aside: the parameters of the best
  /// epoch under their own names; as training.… those of now, the optimiser's state, the history
  /// and, as metadata, places and random numbers.
  SavedTensors checkpoint() const;
  /// Goes on from there. Throws Error, before anything has changed, unless it is a checkpoint of
  /// such a net, optimiser and data.
  void resume(const SavedTensors& checkpoint);

 private:
  template <class Net, class Loss>
  class Learned final : public Task {
   public:
    Learned(Net& its_net, Loss its_loss) : net_(its_net), loss_(std::move(its_loss)) {}
    Module& net() const override { return net_; }
    Tensor predict(const Tensor& inputs) const override { return std::as_const(net_)(inputs); }
    Tensor loss(const Tensor& predictions, const Tensor& targets) const override {
      return loss_(predictions, targets);
    }

   private:
    Net& net_;
    Loss loss_;
  };

  bool must_stop() const;
  void begin_epoch();
  void take_step();
  void end_epoch();
  Epoch evaluated() const;
  [[noreturn]] void fail_here(const std::string& what) const;

  std::unique_ptr<const Task> task_;
  Optimiser& optimiser_;
  HeldOut data_;
  FitOptions options_;
  std::int64_t steps_ = 0;

  Random order_;  ///< as the epoch at work found it, so that its order can be found again
  Random next_order_;
  DataSet shuffled_;
  bool is_shuffled_ = false;
  std::int64_t step_ = 0;
  double loss_sum_ = 0;  ///< over the rows of the steps done
  std::vector<Epoch> history_;
  std::int64_t best_epoch_ = 0;
  StateDict best_;
};

/// What came of a run.
struct Fitted {
  Ended ended;
  std::vector<Epoch> history;
  std::int64_t best_epoch;  ///< counted from 1; the net is as it was after it
  /// How that one went; there is none if the run was stopped before its first epoch ended.
  const Epoch& best() const { return history[static_cast<std::size_t>(best_epoch - 1)]; }
};

/// Trains the net from the beginning to the end, and leaves it as the best epoch did.
template <class Net, class Loss>
requires Learns<Net, Loss> Fitted fit(Net& net, Loss loss, Optimiser& optimiser, HeldOut data,
                                      const FitOptions& options, Observer& observer) {
  Trainer trainer(net, std::move(loss), optimiser, std::move(data), options);
  const Ended ended = trainer.run(observer);
  trainer.restore_best();
  return {ended, trainer.history(), trainer.best_epoch()};
}
template <class Net, class Loss>
requires Learns<Net, Loss> Fitted fit(Net& net, Loss loss, Optimiser& optimiser, HeldOut data,
                                      const FitOptions& options = {}) {
  Observer silent;
  return fit(net, std::move(loss), optimiser, std::move(data), options, silent);
}

}  // namespace chainrule::nn
