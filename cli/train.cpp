// chainrule train: a net that learns a column of a table from the others, and is watched.

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "chainrule/base/text.hpp"
#include "chainrule/base/whole_file.hpp"
#include "chainrule/nn/table_model.hpp"
#include "chainrule/nn/trainer.hpp"
#include "chainrule/tensor/loss.hpp"
#include "cli/input.hpp"
#include "cli/number.hpp"
#include "cli/settings.hpp"
#include "cli/train_pictures.hpp"
#include "cli/train_table.hpp"
#include "cli/train_watch.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

constexpr int kInterrupted = 130;  // 128 + SIGINT, as shells say it

constexpr const char* kRun = "chainrule.run";  // metadata: the settings of the run

// Streams of the seed's random numbers.
constexpr std::uint64_t kFirstNumbers = 0, kSplit = 1;

// ---- optimisers ---------------------------------------------------------------------------------

struct Step {
  double rate, momentum, weight_decay;
};
using Parameters = std::span<const nn::ParameterRef>;

struct OptimiserKind {
  std::string_view name;
  Step usual;
  std::unique_ptr<nn::Optimiser> (*make)(Parameters parameters, const Step& step);
};

constexpr OptimiserKind kOptimisers[] = {
    {"adam",
     {0.003, 0, 0},
     [](Parameters parameters, const Step& step) -> std::unique_ptr<nn::Optimiser> {
       return std::make_unique<nn::Adam>(
           parameters, nn::AdamOptions{.rate = step.rate, .weight_decay = step.weight_decay});
     }},
    {"adamw",
     {0.003, 0, 0.01},
     [](Parameters parameters, const Step& step) -> std::unique_ptr<nn::Optimiser> {
       return std::make_unique<nn::AdamW>(
           parameters, nn::AdamWOptions{.rate = step.rate, .weight_decay = step.weight_decay});
     }},
    {"sgd",
     {0.05, 0.9, 0},
     [](Parameters parameters, const Step& step) -> std::unique_ptr<nn::Optimiser> {
       return std::make_unique<nn::SGD>(
           parameters,
           nn::SGDOptions{
               .rate = step.rate, .momentum = step.momentum, .weight_decay = step.weight_decay});
     }},
    {"rmsprop",
     {0.003, 0, 0},
     [](Parameters parameters, const Step& step) -> std::unique_ptr<nn::Optimiser> {
       return std::make_unique<nn::RMSProp>(
           parameters,
           nn::RMSPropOptions{
               .rate = step.rate, .momentum = step.momentum, .weight_decay = step.weight_decay});
     }},
};

const OptimiserKind& optimiser_called(const std::string& name) {
  std::vector<std::string> known;
  for (const OptimiserKind& kind : kOptimisers) {
    if (kind.name == name) return kind;
    known.emplace_back(kind.name);
  }
  fail("train", "there is no optimizer " + in_quotes(name) + "; there are " + listed(known));
}

// ---- words --------------------------------------------------------------------------------------

std::vector<std::string> parts_of(const std::string& list) {
  std::vector<std::string> parts;
  if (list.empty()) return parts;
  std::size_t begin = 0;
  for (std::size_t comma = 0; comma != list.npos; begin = comma + 1) {
    comma = list.find(',', begin);
    parts.push_back(list.substr(begin, comma == list.npos ? comma : comma - begin));
  }
  return parts;
}

std::vector<std::int64_t> sizes_of(const std::string& list) {
  std::vector<std::int64_t> sizes;
  if (list == "none") return sizes;
  constexpr double kMost = 1'000'000;
  for (const std::string& part : parts_of(list)) {
    const std::optional<double> size = read_number(part);
    if (!size || !(*size >= 1 && *size <= kMost) || *size != std::floor(*size)) {
      fail("train",
           "--hidden is the sizes of layers, as in 32,32, or none; not " + in_quotes(list));
    }
    sizes.push_back(static_cast<std::int64_t>(*size));
  }
  if (sizes.empty()) fail("train", "--hidden is the sizes of layers, as in 32,32, or none");
  return sizes;
}

std::string grouped(std::int64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

// "1 row", "5 rows".
std::string counted(std::int64_t count, const std::string& what) {
  return grouped(count) + ' ' + what + (count == 1 ? "" : "s");
}

Tensor loss_of_classes(const Tensor& scores, const Tensor& classes) {
  return cross_entropy(scores, classes);
}
Tensor loss_of_numbers(const Tensor& found, const Tensor& numbers) { return mse(found, numbers); }

// ---- the verb -----------------------------------------------------------------------------------

class Train : public Verb {
 public:
  const char* name() const override { return "train"; }
  const char* summary() const override {
    return "a net that learns a column of a table from the others";
  }
  const char* notes() const override {
    return "  chainrule make moons -n 1000 -o moons.csv\n"
           "  chainrule train moons.csv --target class -o moons.safetensors --boundary moons.svg\n"
           "  chainrule train prices.csv --target price --patience 20 -o prices.safetensors\n"
           "  chainrule train prices.csv --resume prices.safetensors --epochs 400\n"
           "  chainrule predict moons.safetensors new.csv -o classes.csv\n"
           "\n"
           "Inputs are standardised; part of the rows is held out, and the net of the epoch that\n"
           "does best on these is kept. Ctrl-C ends the run and keeps the best net so far (exit\n"
           "code 130); a second one ends it at once. The model is a checkpoint as well: what is\n"
           "resumed on the same table goes on with the same settings, and ends with the same bits\n"
           "as a run that was not interrupted. Only --epochs, --patience and --lr may change (but "
           "a\n"
           "cosine is as long as all epochs: with others it is another run).\n";
  }
  Takes takes() const override { return Takes::words; }

  void declare(CLI::App& options) override {
    using enum Settings::On;
    settings_.declare(options, "target", target_, "COLUMN", "the column to be predicted");
    settings_.declare(options, "inputs", inputs_, "COLUMNS",
                      "the columns to read, as in a,b; all others if not given");
    settings_.declare(options, "task", task_, "classify|regress",
                      "predict a class or a number; if not given, what the target's cells suggest");
    settings_.declare(options, "hidden", hidden_, "SIZES",
                      "of the layers between; 32,32 if not given, or none");
    settings_.declare(options, "activation", activation_, "NAME",
                      "between layers: tanh if not given, or relu, gelu, ...");
    settings_.declare(options, "epochs", epochs_, "N",
                      "how often each row is seen; 100 if not given", resume_any);
    settings_.declare(options, "batch", batch_, "N", "rows of a step; 32 if not given");
    settings_.declare(options, "optimizer", optimizer_, "NAME",
                      "adam (if not given), adamw, sgd or rmsprop");
    settings_.declare(options, "lr", step_.rate, "NUMBER",
                      "the rate of learning; 0.003 if not given (sgd 0.05)", resume_any);
    settings_.declare(options, "momentum", step_.momentum, "NUMBER",
                      "of sgd and rmsprop; 0.9 if not given (rmsprop 0)");
    settings_.declare(options, "weight-decay", step_.weight_decay, "NUMBER",
                      "0 if not given (adamw 0.01)");
    settings_.declare(options, "schedule", schedule_, "constant|cosine",
                      "of the rate; cosine ends at 0; constant if not given");
    settings_.declare(options, "clip", clip_, "NUMBER",
                      "the longest gradient; 0, if not given, is no limit");
    settings_.declare(options, "validation", validation_, "PART",
                      "of the rows, held out; 0.2 if not given");
    settings_.declare(options, "patience", patience_, "N",
                      "end after so many epochs without a better one; 0, if not given, does not",
                      resume_any);
    settings_.declare(options, "seed", seed_, "N", "of the random numbers; 0 if not given");
    options.add_option("-o,--output", out_, "write the model to FILE (.safetensors)")
        ->type_name("FILE");
    options.add_option("--resume", resume_, "go on with the run that wrote FILE")
        ->type_name("FILE");
    options.add_option("--curves", curves_, "draw the losses: .svg .png .pdf")->type_name("FILE");
    options
        .add_option("--boundary", boundaries_,
                    "draw what is learned of one or two inputs: .svg .png .pdf; may be repeated")
        ->type_name("FILE")
        ->allow_extra_args(false);
    options.add_flag("-q,--quiet", quiet_, "print the result only");
    options.add_flag("--json", json_, "print the result as JSON");
  }

  int run(const Arguments& arguments) override {
    if (arguments.others.size() != 1) {
      fail("train",
           "the name of one table is expected, as in: chainrule train data.csv --target "
           "COLUMN -o model.safetensors");
    }
    const std::string& data = arguments.others[0];
    std::optional<nn::SavedTensors> saved;
    std::optional<nn::TableModel> before;
    if (!resume_.empty()) {
      saved = nn::load_tensors(resume_);
      before = nn::TableModel::of(*saved, resume_);
      settings_.resume(run_of(*saved), resume_);
    }
    check_options();
    refuse_same_file("train", out_, data);
    Examples examples = read_examples(data, wanted(before));
    require_pictures(examples.inputs.size());
    task_ = name_of(examples.task);
    say_data(examples, data);
    Random split(seed_, kSplit);
    nn::HeldOut parts = nn::hold_out(examples.rows, validation_, split);
    nn::TableModel model = before ? std::move(*before) : new_model(examples, parts.training);
    standardise(model, parts.training);
    standardise(model, parts.validation);
    nn::SavedTensors probe;
    model.describe(probe);  // what cannot be saved is said before the work
    return learn(model, examples, std::move(parts), saved);
  }

 private:
  // ---- before -----------------------------------------------------------------------------------

  const std::string& run_of(const nn::SavedTensors& saved) const {
    for (const auto& [key, text] : saved.metadata) {
      if (key == kRun) return text;
    }
    fail("train", resume_ +
                      " holds a model, but no run that could be resumed: it lacks the metadata " +
                      in_quotes(kRun));
  }

  void check_options() {
    if (target_.empty()) fail("train", "--target COLUMN is needed: the column to be predicted");
    if (out_.empty()) out_ = resume_;
    if (out_.empty()) fail("train", "-o FILE is needed: where the model is written");
    if (out_ == "-") fail("train", "a model is written to a file, not to the standard output");
    { const WholeFile can_be_made(out_); }
    if (!task_.empty()) task_called(task_);
    if (epochs_ < 1) fail("train", "--epochs is at least 1");
    if (batch_ < 1) fail("train", "--batch is at least 1");
    if (patience_ < 0) fail("train", "--patience is at least 0");
    if (!(validation_ >= 0 && validation_ < 1)) {
      fail("train", "--validation is a part of the rows, at least 0 and below 1");
    }
    const auto require = [](const char* option, double value, bool is_right, const char* is) {
      if (!is_right || !std::isfinite(value)) {
        fail("train", std::string(option) + " is a number " + is + ", not " + shortest(value));
      }
    };
    const OptimiserKind& kind = optimiser_called(optimizer_);
    if (resume_.empty()) {
      if (!settings_.is_given("lr")) step_.rate = kind.usual.rate;
      if (!settings_.is_given("momentum")) step_.momentum = kind.usual.momentum;
      if (!settings_.is_given("weight-decay")) step_.weight_decay = kind.usual.weight_decay;
    }
    if (step_.momentum != 0 && optimizer_ != "sgd" && optimizer_ != "rmsprop") {
      fail("train", "--momentum is of sgd and rmsprop: " + optimizer_ + " has none");
    }
    require("--lr", step_.rate, step_.rate > 0, "above 0");
    require("--momentum", step_.momentum, step_.momentum >= 0 && step_.momentum < 1, "from 0 to 1");
    require("--weight-decay", step_.weight_decay, step_.weight_decay >= 0, "from 0 on");
    require("--clip", clip_, clip_ >= 0, "from 0 on");
    if (schedule_ != "constant" && schedule_ != "cosine") {
      fail("train", "--schedule is constant or cosine, not " + in_quotes(schedule_));
    }
    sizes_of(hidden_);
    nn::Activation{activation_};
    if (!curves_.empty()) require_picture_name(curves_);
    for (const std::string& path : boundaries_) require_picture_name(path);
  }

  void require_pictures(std::size_t inputs) const {
    if (boundaries_.empty() || inputs <= 2) return;
    fail("train", "--boundary draws what is learned of one or two inputs, and there are " +
                      std::to_string(inputs));
  }

  ExamplesWanted wanted(const std::optional<nn::TableModel>& before) const {
    if (before) return {before->target, before->inputs, task_, before->classes};
    return {target_, parts_of(inputs_), task_, {}};
  }

  nn::TableModel new_model(const Examples& examples, const nn::DataSet& training) const {
    const bool is_classifier = examples.task == Task::classify;
    std::vector<std::int64_t> sizes = sizes_of(hidden_);
    sizes.insert(sizes.begin(), static_cast<std::int64_t>(examples.inputs.size()));
    sizes.push_back(is_classifier ? static_cast<std::int64_t>(examples.classes.size()) : 1);
    if (training.rows() == 0) fail("train", "--validation leaves no rows to learn from");
    Random random(seed_, kFirstNumbers);
    return {examples.inputs,
            examples.target,
            examples.classes,
            nn::Standard::of(training.inputs),
            is_classifier ? nn::Standard() : nn::Standard::of(training.targets),
            nn::MLP(sizes, nn::Activation(activation_).op(), random)};
  }

  static void standardise(const nn::TableModel& model, nn::DataSet& rows) {
    rows.inputs = model.input_standard(rows.inputs);
    if (!model.is_classifier()) rows.targets = model.target_standard(rows.targets);
  }

  // ---- the run ----------------------------------------------------------------------------------

  nn::FitOptions fit_options(const Examples& examples, const nn::HeldOut& parts) const {
    nn::FitOptions options = {
        .epochs = epochs_, .batch = batch_, .patience = patience_, .seed = seed_};
    if (examples.task == Task::classify) options.score = nn::Score::accuracy;
    if (schedule_ == "cosine") {
      const std::int64_t steps = parts.training.batches(batch_).count() * epochs_;
      options.schedule = nn::cosine(step_.rate, steps);
    }
    options.stop = &Interruptible::asked();
    return options;
  }

  int learn(nn::TableModel& model, const Examples& examples, nn::HeldOut parts,
            const std::optional<nn::SavedTensors>& saved) {
    model.net.mode(nn::Mode::training);
    const auto optimiser = optimiser_called(optimizer_).make(model.net.parameters(), step_);
    if (clip_ > 0) optimiser->clip.norm = clip_;
    const nn::FitOptions options = fit_options(examples, parts);
    say_net(model, parts);
    training_rows_ = parts.training.rows();
    validation_rows_ = parts.validation.rows();
    nn::Trainer trainer(model.net,
                        examples.task == Task::classify ? loss_of_classes : loss_of_numbers,
                        *optimiser, parts, options);
    if (saved) {
      trainer.resume(*saved);
      if (settings_.is_given("lr")) optimiser->rate = step_.rate;
    }
    const nn::Ended ended = run_watched(trainer, model);
    save(trainer, model);
    trainer.restore_best();
    write_whole_file("-", json_ ? as_json(trainer, model, ended) : as_text(trainer, model, ended));
    draw(trainer, model, examples);
    return ended == nn::Ended::stop ? kInterrupted : kSuccess;
  }

  nn::Ended run_watched(nn::Trainer& trainer, const nn::TableModel& model) const {
    const Interruptible interruptible;
    nn::Observer silent;
    TrainWatch watch;
    try {
      return trainer.run(quiet_ ? silent : watch);
    } catch (Error& error) {
      watch.erase();
      if (trainer.best_epoch() > 0) {
        save(trainer, model);
        error.add("; " + out_ + " holds the best net so far, of epoch " +
                  std::to_string(trainer.best_epoch()));
      }
      throw;
    }
  }

  void save(const nn::Trainer& trainer, const nn::TableModel& model) const {
    nn::SavedTensors saved = trainer.checkpoint();
    model.describe(saved);
    saved.metadata.emplace_back(kRun, settings_.text());
    nn::save_tensors(out_, saved.tensors, saved.metadata);
  }

  void draw(const nn::Trainer& trainer, const nn::TableModel& model,
            const Examples& examples) const {
    try {
      if (!curves_.empty() && trainer.epochs() > 0) draw_curves(trainer, curves_);
      for (const std::string& path : boundaries_) draw_learned(model, examples.rows, path);
    } catch (Error& error) {
      error.add("; the model is written nevertheless: " + out_);
      throw;
    }
  }

  // ---- what is said -----------------------------------------------------------------------------

  void say(const std::string& line) const {
    if (!quiet_) std::fprintf(stderr, "%s\n", line.c_str());
  }

  void say_data(const Examples& examples, const std::string& data) const {
    const std::string target = "the column " + in_quotes(examples.target);
    std::string line = data + ": " + counted(examples.rows.rows(), "row") + "; " + target;
    if (examples.task == Task::classify) {
      line += " has " + std::to_string(examples.classes.size()) +
              " classes: " + listed(examples.classes);
    } else {
      line += " is a number";
    }
    say(line);
    if (examples.reason.empty()) return;
    say("--task " + std::string(name_of(examples.task)) + " was chosen: " + examples.reason);
  }

  void say_net(const nn::TableModel& model, const nn::HeldOut& parts) const {
    std::string sizes = std::to_string(model.inputs.size());
    for (const std::int64_t size : model.hidden()) sizes += '-' + std::to_string(size);
    say("net " + sizes + '-' + std::to_string(model.outputs()) + ", " + activation_ + ": " +
        counted(model.net.parameter_count(), "parameter") + "; " +
        counted(parts.training.rows(), "row") + " to learn from, " +
        grouped(parts.validation.rows()) + " held out");
  }

  std::string as_text(const nn::Trainer& trainer, const nn::TableModel& model,
                      nn::Ended ended) const {
    std::string text;
    const std::string of_all = " of " + std::to_string(trainer.epochs());
    if (ended == nn::Ended::stop) {
      text += "stopped in epoch " + std::to_string(trainer.epochs() + 1) + " of " +
              std::to_string(epochs_) + "; --resume goes on from there\n";
    }
    if (ended == nn::Ended::patience) {
      text += "ended after epoch " + std::to_string(trainer.epochs()) + ": none of the last " +
              std::to_string(patience_) + " was better\n";
    }
    if (trainer.best_epoch() == 0) {
      return text + out_ + " holds the net as it is: no epoch has ended\n";
    }
    constexpr int kDigits = 4;
    const nn::Epoch& best = trainer.best();
    text += "best epoch " + std::to_string(trainer.best_epoch()) + of_all + ": training loss " +
            short_number(best.training_loss, kDigits);
    const std::string rows = validation_rows_ > 0 ? counted(validation_rows_, "row") + " held out"
                                                  : std::string("the rows it learned from");
    if (validation_rows_ > 0) {
      text += ", validation loss " + short_number(best.validation_loss, kDigits);
    }
    if (model.is_classifier()) {
      text += ", accuracy " + as_percent(best.accuracy) + " of " + rows;
    } else {
      text += ", root mean square error " + short_number(error_of(best, model), kDigits) + " on " +
              rows;
    }
    return text + '\n' + out_ + " holds it\n";
  }

  // In the target's own unit.
  static double error_of(const nn::Epoch& epoch, const nn::TableModel& model) {
    return std::sqrt(epoch.validation_loss) * model.target_standard.deviation.item();
  }

  std::string as_json(const nn::Trainer& trainer, const nn::TableModel& model,
                      nn::Ended ended) const {
    using json = nlohmann::ordered_json;
    const auto ended_word = [&] {
      switch (ended) {
        case nn::Ended::epochs: return "epochs";
        case nn::Ended::patience: return "patience";
        case nn::Ended::stop: return "interrupt";
      }
      __builtin_unreachable();
    };
    json all = {
        {"model", out_}, {"task", task_}, {"inputs", model.inputs}, {"target", model.target}};
    if (model.is_classifier()) all["classes"] = model.classes;
    all["parameters"] = model.net.parameter_count();
    all["rows"] = {{"training", training_rows_}, {"validation", validation_rows_}};
    all["epochs"] = trainer.epochs();
    all["ended"] = ended_word();
    const auto as_object = [&](const nn::Epoch& epoch) {
      json object = {{"rate", epoch.rate},
                     {"training_loss", epoch.training_loss},
                     {"validation_loss", epoch.validation_loss}};
      if (model.is_classifier()) {
        object["accuracy"] = epoch.accuracy;
      } else {
        object["root_mean_square_error"] = error_of(epoch, model);
      }
      return object;
    };
    if (trainer.best_epoch() > 0) {
      all["best"] = as_object(trainer.best());
      all["best"]["epoch"] = trainer.best_epoch();
    }
    all["history"] = json::array();
    for (const nn::Epoch& epoch : trainer.history()) all["history"].push_back(as_object(epoch));
    return all.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
  }

  Settings settings_;
  std::string target_, inputs_, task_, hidden_ = "32,32", activation_ = "tanh", optimizer_ = "adam";
  std::string schedule_ = "constant";
  std::int64_t epochs_ = 100, batch_ = 32, patience_ = 0;
  Step step_ = {};
  double clip_ = 0, validation_ = 0.2;
  std::uint64_t seed_ = 0;
  std::string out_, resume_, curves_;
  std::vector<std::string> boundaries_;
  bool quiet_ = false, json_ = false;
  std::int64_t training_rows_ = 0, validation_rows_ = 0;
};

}  // namespace

std::unique_ptr<Verb> make_train() { return std::make_unique<Train>(); }

}  // namespace chainrule::cli
