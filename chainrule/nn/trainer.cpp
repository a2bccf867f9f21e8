#include "chainrule/nn/trainer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "chainrule/base/text.hpp"
#include "chainrule/tape/tape.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/reduce.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace chainrule::nn {

HeldOut hold_out(const DataSet& data, double fraction, Random& random) {
  auto [validation, training] = data.shuffled(random).split(fraction);
  return {std::move(training), std::move(validation)};
}

namespace {

std::int64_t hits(const Tensor& scores, const Tensor& classes) {
  if (scores.rank() != 2 || classes.rank() != 1 || scores.shape()[0] != classes.shape()[0]) {
    fail("accuracy", "scores of shape " + to_string(scores.shape()) + ", classes of shape " +
                         to_string(classes.shape()) + ": (rows, classes) and (rows,) are expected");
  }
  const std::vector<double> chosen = argmax(scores, -1).values(), right = classes.values();
  std::int64_t count = 0;
  for (std::size_t k = 0; k < right.size(); ++k) count += chosen[k] == right[k];
  return count;
}

}  // namespace

double accuracy(const Tensor& scores, const Tensor& classes) {
  return static_cast<double>(hits(scores, classes)) / static_cast<double>(classes.size());
}

// ---- what a checkpoint says ---------------------------------------------------------------------

namespace {

constexpr std::string_view kLast = "training.last.";
constexpr std::string_view kOptimiser = "training.optimiser.";
constexpr std::string_view kHistory = "training.history";
constexpr std::string_view kOwn = "training.";
constexpr std::size_t kColumns = 4;  // of the history

// Fowler, Noll and Vo's hash, 64 bits at a time: tells other data from these, by chance alone.
void digest(std::uint64_t& hash, const Tensor& t) {
  for (const double number : t.values()) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &number, sizeof bits);
    hash = (hash ^ bits) * 0x100000001B3U;
    hash ^= hash >> 32;
  }
}

std::string digest_of(const HeldOut& data) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const DataSet* part : {&data.training, &data.validation}) {
    digest(hash, part->inputs);
    digest(hash, part->targets);
  }
  return std::to_string(hash);
}

std::string text_of(const Random::State& state) {
  return std::to_string(state.seed) + ' ' + std::to_string(state.stream) + ' ' +
         std::to_string(state.position);
}

// Looks things up in a checkpoint that may be anything.
class Reading {
 public:
  explicit Reading(const SavedTensors& saved) : saved_(saved) {}

  const std::string& text(std::string_view key) const {
    for (const auto& [name, value] : saved_.metadata) {
      if (name == key) return value;
    }
    refuse("it lacks " + std::string(key));
  }
  template <class T>
  T number(std::string_view key) const {
    return numbers<T, 1>(key)[0];
  }
  template <class T, std::size_t count>
  std::array<T, count> numbers(std::string_view key) const {
    const std::string& all = text(key);
    std::array<T, count> numbers = {};
    const char* at = all.data();
    const char* const end = at + all.size();
    for (T& number : numbers) {
      if (&number != &numbers[0]) at += at != end && *at == ' ' ? 1 : 0;
      const auto [next, error] = std::from_chars(at, end, number);
      if (error != std::errc()) refuse(std::string(key) + " is " + in_quotes(all));
      at = next;
    }
    if (at != end) refuse(std::string(key) + " is " + in_quotes(all));
    return numbers;
  }
  Random::State random(std::string_view key) const {
    const auto [seed, stream, position] = numbers<std::uint64_t, 3>(key);
    return {seed, stream, position};
  }
  const Tensor& tensor(std::string_view name) const {
    for (const NamedTensor& entry : saved_.tensors) {
      if (entry.first == name) return entry.second;
    }
    refuse("it lacks " + std::string(name));
  }
  // The tensors whose names begin so, by the rest of their names.
  StateDict below(std::string_view prefix) const {
    StateDict found;
    for (const auto& [name, numbers] : saved_.tensors) {
      if (name.starts_with(prefix)) found.emplace_back(name.substr(prefix.size()), numbers);
    }
    return found;
  }
  // The tensors called as those of `like`.
  StateDict such_as(const StateDict& like) const {
    StateDict found;
    for (const auto& [name, numbers] : like) found.emplace_back(name, tensor(name));
    return found;
  }
  void require(std::string_view key, const std::string& own, const char* what) const {
    if (text(key) == own) return;
    refuse(std::string(what) + " are others: " + std::string(key) + " is " + in_quotes(text(key)) +
           ", here " + in_quotes(own));
  }
  [[noreturn]] static void refuse(const std::string& facts) {
    fail("resume", "this checkpoint is not one of this run: " + facts);
  }

 private:
  const SavedTensors& saved_;
};

// While it lives, the net is in that mode.
class InMode {
 public:
  InMode(Module& net, Mode mode) : net_(net), before_(net.mode()) { net_.mode(mode); }
  ~InMode() { net_.mode(before_); }
  InMode(const InMode&) = delete;
  InMode& operator=(const InMode&) = delete;

 private:
  Module& net_;
  Mode before_;
};

constexpr std::uint64_t kOrderStream = 0x0DE5;  // of the seed's random numbers: the order of rows

}  // namespace

// ---- the run ------------------------------------------------------------------------------------

Trainer::Trainer(std::unique_ptr<const Task> task, Optimiser& optimiser, HeldOut data,
                 const FitOptions& options)
    : task_(std::move(task)),
      optimiser_(optimiser),
      data_(std::move(data)),
      options_(options),
      order_(options.seed, kOrderStream),
      next_order_(order_) {
  const auto require = [](bool is_right, const char* what, std::int64_t least, std::int64_t got) {
    if (is_right) return;
    fail("fit", std::string(what) + " " + std::to_string(got) + ", at least " +
                    std::to_string(least) + " expected");
  };
  require(options.epochs >= 0, "epochs:", 0, options.epochs);
  require(options.batch >= 1, "rows of a batch:", 1, options.batch);
  require(options.patience >= 0, "patience:", 0, options.patience);
  require(data_.training.rows() >= 1, "rows to learn from:", 1, data_.training.rows());
  steps_ = data_.training.batches(options.batch).count();
  if (data_.validation.rows() == 0) data_.validation = data_.training;
}

bool Trainer::must_stop() const {
  return options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed);
}

double Trainer::running_loss() const {
  const std::int64_t rows = std::min(step_ * options_.batch, data_.training.rows());
  return loss_sum_ / static_cast<double>(rows);
}

Ended Trainer::run() {
  Observer silent;
  return run(silent);
}

Ended Trainer::run(Observer& observer) {
  const InMode training(task_->net(), Mode::training);
  for (;;) {
    if (epochs() >= options_.epochs) return Ended::epochs;
    if (options_.patience > 0 && epochs() - best_epoch_ >= options_.patience) {
      return Ended::patience;
    }
    if (!is_shuffled_) begin_epoch();
    while (step_ < steps_) {
      if (must_stop()) return Ended::stop;
      take_step();
      observer.after_step(*this);
    }
    end_epoch();
    observer.after_epoch(*this);
  }
}

void Trainer::begin_epoch() {
  shuffled_ = {};  // gives its memory back first
  next_order_ = order_;
  shuffled_ = data_.training.shuffled(next_order_);
  is_shuffled_ = true;
}

void Trainer::take_step() {
  const std::int64_t begin = step_ * options_.batch, rows = shuffled_.rows();
  const DataSet batch = shuffled_.slice(begin, std::min(begin + options_.batch, rows));
  if (options_.schedule) optimiser_.rate = (*options_.schedule)(optimiser_.steps());
  std::vector<Tensor> gradients;
  double loss = 0;
  {
    const Frame frame = Tape::active().frame();
    const Tensor recorded = task_->loss(task_->predict(batch.inputs), batch.targets);
    loss = recorded.detached().item();
    if (!std::isfinite(loss)) fail_here("the loss is " + shortest(loss));
    std::vector<Tensor> leaves;
    for (const ParameterRef& parameter : optimiser_.parameters()) leaves.push_back(parameter);
    gradients = gradient(recorded, leaves);
  }
  const double norm = norm_of(gradients);
  if (!std::isfinite(norm)) {
    fail_here("the loss is " + shortest(loss) + " and the length of its gradient " +
              shortest(norm));
  }
  optimiser_.step(gradients);
  loss_sum_ += loss * static_cast<double>(batch.rows());
  ++step_;
}

void Trainer::fail_here(const std::string& what) const {
  fail("fit", "epoch " + std::to_string(epochs() + 1) + ", step " + std::to_string(step_ + 1) +
                  " of " + std::to_string(steps_) + ": " + what + " at the rate " +
                  shortest(optimiser_.rate) +
                  "; a smaller rate, or clipped gradients, may keep it finite");
}

Epoch Trainer::evaluated() const {
  constexpr std::int64_t kRows = 1024;
  Module& net = task_->net();
  const InMode evaluation(net, Mode::evaluation);
  double sum = 0;
  std::int64_t right = 0;
  for (const DataSet& batch : data_.validation.batches(std::max(kRows, options_.batch))) {
    const Tensor predictions = task_->predict(batch.inputs);
    sum += task_->loss(predictions, batch.targets).item() * static_cast<double>(batch.rows());
    if (options_.score == Score::accuracy) right += hits(predictions, batch.targets);
  }
  const auto rows = static_cast<double>(data_.validation.rows());
  Epoch epoch;
  epoch.validation_loss = sum / rows;
  epoch.accuracy = options_.score == Score::accuracy ? static_cast<double>(right) / rows
                                                     : std::numeric_limits<double>::quiet_NaN();
  return epoch;
}

void Trainer::end_epoch() {
  Epoch epoch = evaluated();
  if (!std::isfinite(epoch.validation_loss)) {
    fail("fit", "after epoch " + std::to_string(epochs() + 1) + ", step " + std::to_string(step_) +
                    ": the validation loss is " + shortest(epoch.validation_loss));
  }
  epoch.rate = optimiser_.rate;
  epoch.training_loss = running_loss();
  history_.push_back(epoch);
  if (best_epoch_ == 0 || epoch.validation_loss < best().validation_loss) {
    best_epoch_ = epochs();
    best_ = task_->net().state_dict();
  }
  order_ = next_order_;
  step_ = 0;
  loss_sum_ = 0;
  is_shuffled_ = false;
}

void Trainer::restore_best() {
  if (best_epoch_ > 0) task_->net().load_state_dict(best_);
}

// ---- checkpoints --------------------------------------------------------------------------------

SavedTensors Trainer::checkpoint() const {
  const Module& net = task_->net();
  const StateDict now = net.state_dict();
  SavedTensors saved;
  saved.tensors = best_epoch_ > 0 ? best_ : now;
  for (const auto& [name, numbers] : now) {
    saved.tensors.emplace_back(std::string(kLast) + name, numbers);
  }
  for (const auto& [name, numbers] : optimiser_.state()) {
    saved.tensors.emplace_back(std::string(kOptimiser) + name, numbers);
  }
  std::vector<double> rows;
  for (const Epoch& epoch : history_) {
    rows.insert(rows.end(),
                {epoch.rate, epoch.training_loss, epoch.validation_loss, epoch.accuracy});
  }
  saved.tensors.emplace_back(kHistory, tensor(rows, {epochs(), kColumns}));

  const auto add = [&](const char* key, std::string text) {
    saved.metadata.emplace_back(std::string(kOwn) + key, std::move(text));
  };
  add("best_epoch", std::to_string(best_epoch_));
  add("step", std::to_string(step_));
  add("loss_sum", shortest(loss_sum_));
  add("order", text_of(order_.state()));
  add("batch", std::to_string(options_.batch));
  add("rows", std::to_string(data_.training.rows()));
  add("data", digest_of(data_));
  for (const auto& [name, random] : net.all_parts().randoms) {
    add(("random." + name).c_str(), text_of(random->state()));
  }
  return saved;
}

void Trainer::resume(const SavedTensors& checkpoint) {
  const Reading reading(checkpoint);
  Module& net = task_->net();
  reading.require("training.rows", std::to_string(data_.training.rows()), "the rows to learn from");
  reading.require("training.batch", std::to_string(options_.batch), "the rows of a batch");
  reading.require("training.data", digest_of(data_), "the data");

  const Tensor& table = reading.tensor(kHistory);
  if (table.rank() != 2 || table.element() != f64 || table.shape()[1] != kColumns) {
    reading.refuse("training.history is " + to_string(table.type()));
  }
  std::vector<Epoch> history;
  const std::vector<double> numbers = table.values();
  for (std::size_t k = 0; k < numbers.size(); k += kColumns) {
    history.push_back({numbers[k], numbers[k + 1], numbers[k + 2], numbers[k + 3]});
  }
  const auto best_epoch = reading.number<std::int64_t>("training.best_epoch");
  const auto step = reading.number<std::int64_t>("training.step");
  const auto loss_sum = reading.number<double>("training.loss_sum");
  const Random order(reading.random("training.order"));
  const bool is_first = history.empty();
  if (best_epoch < (is_first ? 0 : 1) || best_epoch > static_cast<std::int64_t>(history.size())) {
    reading.refuse("epoch " + std::to_string(best_epoch) + " was the best of " +
                   std::to_string(history.size()));
  }
  if (step < 0 || step > steps_) {
    reading.refuse("step " + std::to_string(step) + " of " + std::to_string(steps_));
  }
  std::vector<std::pair<Random*, Random>> randoms;
  for (const auto& [name, random] : net.all_parts().randoms) {
    randoms.emplace_back(random, Random(reading.random(std::string(kOwn) + "random." + name)));
  }

  const StateDict before = net.state_dict(), best = reading.such_as(before);
  try {
    net.load_state_dict(best);
    net.load_state_dict(reading.below(kLast));
    optimiser_.load_state(reading.below(kOptimiser));
  } catch (const Error&) {
    net.load_state_dict(before);
    throw;
  }
  for (const auto& [random, was] : randoms) *random = was;
  best_ = best;
  best_epoch_ = best_epoch;
  history_ = std::move(history);
  step_ = step;
  loss_sum_ = loss_sum;
  order_ = order;
  is_shuffled_ = false;
}

}  // namespace chainrule::nn
