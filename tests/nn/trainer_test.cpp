// The trainer: against steps taken by hand, against itself interrupted, and on data it must learn.
#include "chainrule/nn/trainer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "chainrule/nn/layers.hpp"
#include "chainrule/nn/synthetic.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/loss.hpp"
#include "chainrule/tensor/move.hpp"
#include "tests/support/scratch.hpp"

namespace chainrule::nn {
namespace {

using test::error_of;
using test::Scratch;
using Numbers = std::vector<double>;

constexpr auto kMse = [](const Tensor& y, const Tensor& t) { return mse(y, t); };
constexpr auto kCrossEntropy = [](const Tensor& y, const Tensor& t) { return cross_entropy(y, t); };

// y = w x, of one weight.
Linear line(double w) { return Linear(tensor({{w}})); }

DataSet doubled(std::initializer_list<double> xs) {
  const Tensor x =
      reshape(tensor(std::span(xs.begin(), xs.size())), {static_cast<std::int64_t>(xs.size()), 1});
  return {x, x * 2.0};
}

// Calls what it was made of.
struct Watcher final : Observer {
  std::function<void(const Trainer&)> at_step = [](const Trainer&) {};
  std::function<void(const Trainer&)> at_epoch = [](const Trainer&) {};
  void after_step(const Trainer& trainer) override { at_step(trainer); }
  void after_epoch(const Trainer& trainer) override { at_epoch(trainer); }
};

// A net on the moons, with whatever a run has.
struct MoonRun {
  Random random;
  MLP net;
  Adam adam;
  std::atomic<bool> stop = false;
  Trainer trainer;

  explicit MoonRun(const FitOptions& options, std::uint64_t seed = 0, std::int64_t rows = 200)
      : random(seed),
        net({2, 16, 16, 2}, Op::tanh, random),
        adam(net.parameters(), {.rate = 0.01}),
        trainer(net, kCrossEntropy, adam, data(rows, seed), with_stop(options)) {}

  static HeldOut data(std::int64_t rows, std::uint64_t seed) {
    Random source(seed, 1);
    const DataSet all = moons(rows, 0.1, source);
    return hold_out(all, 0.2, source);
  }
  FitOptions with_stop(FitOptions options) {
    options.score = Score::accuracy;
    options.stop = &stop;
    return options;
  }
  // The bytes of a file that holds all there is.
  std::string bytes() const {
    const Scratch scratch;
    const SavedTensors saved = trainer.checkpoint();
    save_tensors(scratch / "all", saved.tensors, saved.metadata);
    return test::contents(scratch / "all");
  }
};

// ---- an epoch
// ------------------------------------------------------------------------------------

TEST(Trainer, takes_the_steps_of_gradient_descent) {
  // One row a step: of (w x − 2 x)² the slope is 2 x² (w − 2), and the rows are equal, so that
  // their order does not matter.
  Linear net = line(0.0);
  SGD sgd(net.parameters(), {.rate = 0.1});
  const Fitted fitted =
      fit(net, kMse, sgd, {doubled({1, 1}), doubled({3})}, {.epochs = 2, .batch = 1});
  double w = 0;
  for (const Epoch& epoch : fitted.history) {
    double loss = 0;
    for (int step = 0; step < 2; ++step) {
      loss += (w - 2) * (w - 2) / 2;
      w -= 0.1 * 2 * (w - 2);
    }
    EXPECT_NEAR(epoch.training_loss, loss, 1e-14);
    EXPECT_NEAR(epoch.validation_loss, 9 * (w - 2) * (w - 2), 1e-14);
    EXPECT_TRUE(std::isnan(epoch.accuracy));
    EXPECT_EQ(epoch.rate, 0.1);
  }
  EXPECT_EQ(fitted.history.size(), 2U);
  EXPECT_EQ(fitted.best_epoch, 2);
  EXPECT_EQ(fitted.ended, Ended::epochs);
  EXPECT_NEAR(net.weight.value().item(), w, 1e-14);
}

// A last batch of one row has the weight of one row.
TEST(Trainer, a_loss_is_the_mean_over_rows) {
  Linear net = line(0.0);
  SGD sgd(net.parameters(), {.rate = 0.0});
  const Fitted fitted =
      fit(net, kMse, sgd, {doubled({1, 2, 3}), doubled({})}, {.epochs = 1, .batch = 2});
  EXPECT_NEAR(fitted.history[0].training_loss, 4 * (1 + 4 + 9) / 3.0, 1e-13);
  // Without rows held out the others are evaluated.
  EXPECT_NEAR(fitted.history[0].validation_loss, 4 * (1 + 4 + 9) / 3.0, 1e-13);
}

TEST(Trainer, visits_each_row_once_in_an_order_that_differs_from_epoch_to_epoch) {
  Linear net = line(0.0);
  SGD sgd(net.parameters(), {.rate = 0.0});
  const auto seen = std::make_shared<Numbers>();
  const auto loss = [seen](const Tensor& y, const Tensor& t) {
    if (y.is_recorded()) seen->push_back(t.item());
    return mse(y, t);
  };
  fit(net, loss, sgd, {doubled({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), doubled({})},
      {.epochs = 2, .batch = 1, .seed = 3});
  Numbers first(seen->begin(), seen->begin() + 10), second(seen->begin() + 10, seen->end());
  EXPECT_NE(first, second);
  for (Numbers* epoch : {&first, &second}) {
    std::ranges::sort(*epoch);
    EXPECT_EQ(*epoch, (Numbers{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}));
  }
}

TEST(Trainer, clips_and_schedules) {
  // The gradient is 2 (0 − 2) = −4, clipped to a length of 1; rates 0.5, 0.25, 0.125.
  Linear net = line(0.0);
  SGD sgd(net.parameters());
  sgd.clip.norm = 1;
  const Fitted fitted = fit(net, kMse, sgd, {doubled({1}), doubled({})},
                            {.epochs = 3, .schedule = exponential(0.5, 0.5)});
  EXPECT_NEAR(net.weight.value().item(), 0.5 + 0.25 + 0.125, 1e-15);
  EXPECT_EQ(fitted.history[2].rate, 0.125);
}

TEST(Accuracy, counts_the_rows_whose_highest_score_is_their_class) {
  const Tensor scores = tensor({{1, 5, 2}, {9, 0, 0}, {0, 1, 2}, {3, 2, 1}});
  EXPECT_EQ(accuracy(scores, tensor({1, 1, 2, 0})), 0.75);
  EXPECT_EQ(error_of([&] {
              (void)accuracy(scores, tensor({1, 2}));
            }),
            "[accuracy] scores of shape (4,3), classes of shape (2,): (rows, classes) and (rows,) "
            "are expected");
}

TEST(HoldOut, parts_the_rows) {
  Random random(5);
  const HeldOut parts = hold_out(doubled({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), 0.3, random);
  EXPECT_EQ(parts.training.rows(), 7);
  EXPECT_EQ(parts.validation.rows(), 3);
  Numbers all = parts.training.inputs.values();
  for (const double x : parts.validation.inputs.values()) all.push_back(x);
  EXPECT_FALSE(std::ranges::is_sorted(all));
  std::ranges::sort(all);
  EXPECT_EQ(all, (Numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

// ---- learning
// ------------------------------------------------------------------------------------

TEST(Trainer, learns_the_moons) {
  for (const std::uint64_t seed : {0U, 1U, 2U}) {
    MoonRun run({.epochs = 40}, seed, 1000);
    EXPECT_EQ(run.trainer.run(), Ended::epochs);
    EXPECT_GE(run.trainer.best().accuracy, 0.99) << "seed " << seed;
  }
}

// ---- the end of a run
// ----------------------------------------------------------------------------

// The validation loss is what the test says: that of the numbers in `losses`, an epoch each.
struct Scripted {
  Linear net = line(0.0);
  SGD sgd{net.parameters(), {.rate = 1.0}};
  Trainer trainer;

  Scripted(const Numbers& losses, const FitOptions& options)
      : trainer(
            net,
            [losses, epoch = std::make_shared<std::size_t>(0)](const Tensor& y, const Tensor&) {
              // Training: the slope is −1, so that w counts steps. Validation: as said.
              return y.is_recorded() ? -mean_of(y) : Tensor(losses[(*epoch)++]);
            },
            sgd, {doubled({1}), doubled({1})}, options) {}
  static Tensor mean_of(const Tensor& y) { return reshape(y, {}); }
};

TEST(Trainer, ends_when_no_better_epoch_came_for_long_and_keeps_the_best) {
  Scripted run({5, 3, 4, 3, 2.5, 2.6, 2.5, 7, 1}, {.epochs = 9, .patience = 3});
  EXPECT_EQ(run.trainer.run(), Ended::patience);
  EXPECT_EQ(run.trainer.epochs(), 8);
  EXPECT_EQ(run.trainer.best_epoch(), 5);  // the first of equals
  EXPECT_EQ(run.trainer.best().validation_loss, 2.5);
  EXPECT_EQ(run.net.weight.value().item(), 8.0);
  run.trainer.restore_best();
  EXPECT_EQ(run.net.weight.value().item(), 5.0);
  EXPECT_EQ(run.trainer.run(), Ended::patience);  // it stays so
  EXPECT_EQ(run.trainer.epochs(), 8);
}

TEST(Trainer, without_patience_runs_through) {
  Scripted run({1, 2, 3, 4}, {.epochs = 4});
  EXPECT_EQ(run.trainer.run(), Ended::epochs);
  EXPECT_EQ(run.trainer.best_epoch(), 1);
}

TEST(Trainer, a_loss_that_is_not_finite_names_epoch_and_step) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Linear net = line(0.0);
  SGD sgd(net.parameters(), {.rate = 0.25});
  int calls = 0;
  const auto loss = [&](const Tensor& y, const Tensor& t) {
    // Two steps an epoch and an evaluation: the fifth call is the second step of epoch 2.
    return ++calls == 5 ? mse(y, t) * nan : mse(y, t);
  };
  Trainer trainer(net, loss, sgd, {doubled({1, 1}), doubled({1})}, {.epochs = 9, .batch = 1});
  EXPECT_EQ(error_of([&] { trainer.run(); }),
            "[fit] epoch 2, step 2 of 2: the loss is nan at the rate 0.25; a smaller rate, or "
            "clipped gradients, may keep it finite");
  EXPECT_EQ(trainer.best_epoch(), 1);
  EXPECT_TRUE(std::isfinite(net.weight.value().item()));
}

TEST(Trainer, a_gradient_that_is_not_finite_is_no_step) {
  Linear net = line(0.0);
  SGD sgd(net.parameters());
  // √w at 0: the value is 0, the slope infinite.
  const auto loss = [](const Tensor& y, const Tensor&) { return reshape(sqrt(y), {}); };
  Trainer trainer(net, loss, sgd, {doubled({1}), doubled({})});
  EXPECT_EQ(error_of([&] { trainer.run(); }),
            "[fit] epoch 1, step 1 of 1: the loss is 0 and the length of its gradient inf at the "
            "rate 0.01; a smaller rate, or clipped gradients, may keep it finite");
  EXPECT_EQ(net.weight.value().item(), 0.0);
}

TEST(Trainer, refuses_what_cannot_be) {
  Linear net = line(0.0);
  SGD sgd(net.parameters());
  const auto with = [&](const FitOptions& options) {
    return error_of([&] { fit(net, kMse, sgd, {doubled({1}), doubled({})}, options); });
  };
  EXPECT_EQ(with({.epochs = -1}), "[fit] epochs: -1, at least 0 expected");
  EXPECT_EQ(with({.batch = 0}), "[fit] rows of a batch: 0, at least 1 expected");
  EXPECT_EQ(with({.patience = -2}), "[fit] patience: -2, at least 0 expected");
  EXPECT_EQ(error_of([&] {
              fit(net, kMse, sgd, {doubled({}), doubled({1})});
            }),
            "[fit] rows to learn from: 0, at least 1 expected");
}

// ---- checkpoints
// ---------------------------------------------------------------------------------

TEST(Trainer, a_resumed_run_has_the_bits_of_one_that_was_not_interrupted) {
  MoonRun whole({.epochs = 20});
  whole.trainer.run();

  MoonRun first({.epochs = 10});
  first.trainer.run();
  const SavedTensors saved = first.trainer.checkpoint();
  MoonRun second({.epochs = 20}, 0);
  second.trainer.resume(saved);
  EXPECT_EQ(second.trainer.run(), Ended::epochs);
  EXPECT_EQ(second.bytes(), whole.bytes());
}

TEST(Trainer, a_run_that_was_stopped_within_an_epoch_goes_on_from_there) {
  MoonRun whole({.epochs = 6});
  whole.trainer.run();

  MoonRun first({.epochs = 6});
  Watcher watcher;
  watcher.at_step = [&](const Trainer& trainer) {
    if (trainer.epochs() == 3 && trainer.step() == 2) first.stop = true;
  };
  EXPECT_EQ(first.trainer.run(watcher), Ended::stop);
  EXPECT_EQ(first.trainer.epochs(), 3);
  EXPECT_EQ(first.trainer.step(), 2);
  MoonRun second({.epochs = 6});
  second.trainer.resume(first.trainer.checkpoint());
  EXPECT_EQ(second.trainer.step(), 2);
  second.trainer.run();
  EXPECT_EQ(second.bytes(), whole.bytes());
  // And so does the one that was stopped itself.
  first.stop = false;
  first.trainer.run();
  EXPECT_EQ(first.bytes(), whole.bytes());
}

// Dropout draws from a source within the net.
TEST(Trainer, a_checkpoint_holds_the_random_numbers_of_the_net) {
  struct Drops {
    Random random{1};
    Sequential net{Linear(2, 8, random), Op::relu, Dropout(0.5, random), Linear(8, 2, random)};
    SGD sgd{net.parameters(), {.rate = 0.1, .momentum = 0.9}};
    Trainer trainer;
    explicit Drops(std::int64_t epochs)
        : trainer(net, kCrossEntropy, sgd, MoonRun::data(60, 1), {.epochs = epochs}) {}
  };
  Drops whole(6), first(2), second(6);
  whole.trainer.run();
  first.trainer.run();
  second.trainer.resume(first.trainer.checkpoint());
  second.trainer.run();
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_EQ(second.net.state_dict()[k].second.values(),
              whole.net.state_dict()[k].second.values());
  }
}

TEST(Trainer, a_checkpoint_of_another_run_is_refused_and_changes_nothing) {
  MoonRun run({.epochs = 3});
  run.trainer.run();
  const SavedTensors good = run.trainer.checkpoint();
  const std::string before = run.bytes();
  const auto refusal = [&](auto spoil) {
    SavedTensors bad = good;
    spoil(bad);
    const std::string message = error_of([&] { run.trainer.resume(bad); });
    EXPECT_EQ(run.bytes(), before);
    return message;
  };
  const auto with_text = [&](const std::string& key, const std::string& text) {
    return refusal([&](SavedTensors& bad) {
      for (auto& [name, value] : bad.metadata) {
        if (name == key) value = text;
      }
    });
  };
  const std::string is_other = "[resume] this checkpoint is not one of this run: ";
  EXPECT_EQ(with_text("training.batch", "64"),
            is_other + "the rows of a batch are others: training.batch is '64', here '32'");
  EXPECT_EQ(with_text("training.rows", "7"),
            is_other + "the rows to learn from are others: training.rows is '7', here '160'");
  EXPECT_EQ(with_text("training.step", "6"), is_other + "step 6 of 5");
  EXPECT_EQ(with_text("training.step", "-1"), is_other + "step -1 of 5");
  EXPECT_EQ(with_text("training.step", "two"), is_other + "training.step is 'two'");
  EXPECT_EQ(with_text("training.order", "1 2"), is_other + "training.order is '1 2'");
  EXPECT_EQ(with_text("training.best_epoch", "9"), is_other + "epoch 9 was the best of 3");
  EXPECT_EQ(with_text("training.best_epoch", "0"), is_other + "epoch 0 was the best of 3");
  EXPECT_EQ(refusal([](SavedTensors& bad) { bad.metadata.clear(); }),
            is_other + "it lacks training.rows");
  EXPECT_EQ(refusal([](SavedTensors& bad) { bad.tensors.clear(); }),
            is_other + "it lacks training.history");
  EXPECT_EQ(refusal([](SavedTensors& bad) {
              for (auto& [name, numbers] : bad.tensors) {
                if (name == "training.optimiser.0.mean") numbers = zeros({3});
              }
            }),
            "[load_state] 0.mean is f64(16,2) and got f64(3,)");
  MoonRun other({.epochs = 3}, 1);
  EXPECT_TRUE(error_of([&] {
                other.trainer.resume(good);
              }).starts_with(is_other + "the data are others: training.data is '"));
}

// ---- memory
// --------------------------------------------------------------------------------------

std::int64_t resident_pages() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  long pages = 0, resident = 0;
  EXPECT_EQ(std::fscanf(file, "%ld %ld", &pages, &resident), 2);
  std::fclose(file);
  return resident;
}

TEST(Trainer, memory_does_not_grow_with_the_steps) {
  if (CHAINRULE_TEST_SANITIZED) GTEST_SKIP() << "sanitizers keep what is freed";
  MoonRun run({.epochs = 600, .batch = 8});
  std::int64_t early = 0;
  Watcher watcher;
  watcher.at_epoch = [&](const Trainer& trainer) {
    if (trainer.epochs() == 100) early = resident_pages();
  };
  run.trainer.run(watcher);
  EXPECT_LE(resident_pages() - early, 64);  // the history; 10,000 steps
}

}  // namespace
}  // namespace chainrule::nn
