// chainrule train: what it learns, says, writes and refuses; Ctrl-C; and that a run that was
// resumed is the same run.
#include <signal.h>
#include <time.h>

#include <nlohmann/json.hpp>

#include "chainrule/nn/safetensors.hpp"
#include "tests/cli/tool.hpp"

namespace chainrule::test {
namespace {

using nlohmann::json;

// Tables and files of a test.
class Train : public testing::Test {
 protected:
  std::string made(const std::string& kind, std::vector<std::string> more = {}) {
    const std::string path = scratch_ / (kind + ".csv");
    std::vector<std::string> line = {"make", kind, "-o", path};
    line.insert(line.end(), more.begin(), more.end());
    EXPECT_EQ(run(line).code, 0);
    return path;
  }
  static Outcome train(const std::string& data, std::vector<std::string> more) {
    more.insert(more.begin(), {"train", data});
    return run(more);
  }
  static json result(const std::string& data, std::vector<std::string> more) {
    more.insert(more.end(), {"--json", "--quiet"});
    const Outcome outcome = train(data, more);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.err, "");
    return json::parse(outcome.out);
  }
  std::string refusal(const std::string& data, std::vector<std::string> more) {
    const Outcome outcome = train(data, std::move(more));
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  }
  std::string out() const { return scratch_ / "model.safetensors"; }
  std::string table(const std::string& text) const { return scratch_.write("table.csv", text); }
  bool is_there(const std::string& name) const {
    return access((scratch_ / name).c_str(), F_OK) == 0;
  }

  Scratch scratch_;
};

// ---- learning
// ------------------------------------------------------------------------------------

TEST_F(Train, learns_the_moons_with_any_seed) {
  for (const std::string seed : {"0", "1", "2"}) {
    const std::string moons = made("moons", {"-n", "1000", "--seed", seed});
    const json found =
        result(moons, {"--target", "class", "--epochs", "30", "--seed", seed, "-o", out()});
    EXPECT_GE(found["best"]["accuracy"].get<double>(), 0.99) << "seed " << seed;
    EXPECT_EQ(found["rows"], (json{{"training", 800}, {"validation", 200}}));
    EXPECT_EQ(found["classes"], (json{"0", "1"}));
    EXPECT_EQ(found["inputs"], (json{"x", "y"}));
    EXPECT_EQ(found["parameters"], 2 * 32 + 32 + 32 * 32 + 32 + 32 * 2 + 2);
    EXPECT_EQ(found["history"].size(), 30U);
    EXPECT_EQ(found["ended"], "epochs");
  }
}

TEST_F(Train, learns_a_curve_in_the_units_of_its_table) {
  // y = 1000 + 500 x: a net without hidden layers is a line, and finds it.
  std::string text = "x,y\n";
  for (int k = 0; k < 40; ++k) {
    text += std::to_string(k) + ".5," + std::to_string(1250 + 500 * k) + '\n';
  }
  const json found = result(table(text), {"--target", "y", "--hidden", "none", "--lr", "0.05",
                                          "--epochs", "150", "--schedule", "cosine", "-o", out()});
  EXPECT_EQ(found["task"], "regress");
  EXPECT_EQ(found["parameters"], 2);
  EXPECT_LT(found["best"]["root_mean_square_error"].get<double>(), 1.0);
}

TEST_F(Train, learns_with_every_optimizer) {
  const std::string moons = made("moons", {"-n", "300"});
  for (const std::string optimizer : {"adam", "adamw", "sgd", "rmsprop"}) {
    const json found = result(moons, {"--target", "class", "--optimizer", optimizer, "--clip", "5",
                                      "--epochs", "40", "-o", out()});
    EXPECT_GE(found["best"]["accuracy"].get<double>(), 0.95) << optimizer;
  }
}

TEST_F(Train, texts_are_classes) {
  std::string text = "size,kind\n";
  for (int k = 0; k < 60; ++k) {
    text += std::to_string(k) + (k < 30 ? ",\"small, or so\"\n" : ",big\n");
  }
  const json found = result(table(text), {"--target", "kind", "--epochs", "60", "-o", out()});
  EXPECT_EQ(found["task"], "classify");
  EXPECT_EQ(found["classes"], (json{"big", "small, or so"}));
  EXPECT_GE(found["best"]["accuracy"].get<double>(), 0.9);
}

// ---- what it takes the target for
// ----------------------------------------------------------------

TEST_F(Train, says_which_task_it_chose_and_why) {
  const auto said = [&](const std::string& cells, std::vector<std::string> more = {}) {
    std::string text = "a,t\n";
    std::istringstream all(cells);
    int row = 0;
    for (std::string cell; all >> cell;) text += std::to_string(row++) + ',' + cell + '\n';
    more.insert(more.end(), {"--target", "t", "--epochs", "1", "-o", out()});
    const Outcome outcome = train(table(text), more);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    const std::string begin =
        scratch_ / "table.csv: " + std::to_string(row) + " rows; the column 't' ";
    EXPECT_EQ(outcome.err.substr(0, begin.size()), begin);
    return outcome.err.substr(begin.size(), outcome.err.find("net ") - begin.size());
  };
  EXPECT_EQ(said("2 1 10 1 2 10"),
            "has 3 classes: 1, 2, 10\n"
            "--task classify was chosen: its cells are whole numbers, 3 different ones\n");
  EXPECT_EQ(said("1 1.5 2 1 2 1"),
            "is a number\n"
            "--task regress was chosen: its cells are numbers, not all of them whole\n");
  EXPECT_EQ(said("1 2 3 4 5 6"),
            "is a number\n"
            "--task regress was chosen: its cells are numbers, and many different ones\n");
  EXPECT_EQ(said("yes no yes no"),
            "has 2 classes: no, yes\n--task classify was chosen: its cells are texts\n");
  EXPECT_EQ(said("1 2 1 2 x"),
            "has 3 classes: 1, 2, x\n"
            "--task classify was chosen: 'x' in row 5 is no number\n");
  EXPECT_EQ(said("0 1 0 1", {"--task", "regress"}), "is a number\n");
  // Numbers that are equal are one class.
  EXPECT_EQ(said("1 1.0 2 2e0", {"--task", "classify"}), "has 2 classes: 1, 2\n");
}

TEST_F(Train, reads_the_columns_that_it_is_told_to) {
  const std::string data = table("id,a,b,t\nx1,1,2,0\nx2,2,3,1\nx3,4,5,0\nx4,4,6,1\n");
  EXPECT_EQ(
      result(data, {"--target", "t", "--inputs", "b,a", "--epochs", "1", "-o", out()})["inputs"],
      (json{"b", "a"}));
  EXPECT_EQ(refusal(data, {"--target", "t", "-o", out()}),
            "chainrule train: " + data + ": line 2, column 1 (id): 'x1' is no number\n");
  EXPECT_EQ(refusal(data, {"--target", "t", "--inputs", "b,c,d", "-o", out()}),
            "chainrule train: " + data + " lacks the columns c, d; it has id, a, b, t\n");
  EXPECT_EQ(refusal(data, {"--target", "t", "--inputs", "b,t", "-o", out()}),
            "chainrule train: --inputs: the column 't' is the target\n");
  EXPECT_EQ(refusal(data, {"--target", "t", "--inputs", "b,b", "-o", out()}),
            "chainrule train: --inputs: the column 'b' is named twice\n");
}

// ---- the end of a run
// ----------------------------------------------------------------------------

TEST_F(Train, ends_when_nothing_better_came_and_keeps_the_best) {
  const std::string moons = made("moons", {"-n", "200", "--noise", "0.4"});
  const json found = result(moons, {"--target", "class", "--epochs", "5000", "--patience", "10",
                                    "--lr", "0.01", "-o", out()});
  EXPECT_EQ(found["ended"], "patience");
  const std::int64_t best = found["best"]["epoch"], epochs = found["epochs"];
  EXPECT_EQ(epochs, best + 10);
  // The best by the history as well.
  double least = HUGE_VAL;
  for (const json& epoch : found["history"]) {
    least = std::min(least, epoch["validation_loss"].get<double>());
  }
  EXPECT_EQ(found["best"]["validation_loss"].get<double>(), least);
  EXPECT_EQ(found["history"][static_cast<std::size_t>(best - 1)]["validation_loss"].get<double>(),
            least);
}

TEST_F(Train, a_loss_that_is_no_number_stops_it_and_names_the_step) {
  const std::string sine = made("sine", {"-n", "100"});
  // The first step goes to 1e300, whose square is infinite.
  const std::string said = refusal(
      sine, {"--target", "y", "--optimizer", "sgd", "--lr", "1e300", "--quiet", "-o", out()});
  EXPECT_EQ(said,
            "chainrule train: epoch 1, step 2 of 3: the loss is inf at the rate 1e+300; a smaller "
            "rate, or clipped gradients, may keep it finite\n");
  EXPECT_FALSE(is_there("model.safetensors"));
}

TEST_F(Train, the_best_net_is_kept_where_a_later_step_fails) {
  const std::string sine = made("sine", {"-n", "100"});
  ASSERT_EQ(train(sine, {"--target", "y", "--epochs", "3", "--optimizer", "sgd", "-o", out()}).code,
            0);
  const std::string resumed = scratch_ / "resumed";
  const std::string said = refusal(
      sine, {"--resume", out(), "--epochs", "9", "--lr", "1e300", "--quiet", "-o", resumed});
  EXPECT_EQ(said,
            "chainrule train: epoch 4, step 2 of 3: the loss is inf at the rate 1e+300; a smaller "
            "rate, or clipped gradients, may keep it finite; " +
                resumed + " holds the best net so far, of epoch 3\n");
  EXPECT_EQ(run({"predict", resumed, sine}).out, run({"predict", out(), sine}).out);
}

// ---- Ctrl-C
// --------------------------------------------------------------------------------------

// The tool, still at work.
struct Running {
  pid_t child = 0;
  std::string out, err;
  std::vector<std::string> words;

  Running(const Scratch& scratch, std::vector<std::string> line)
      : out(scratch / "said.out"), err(scratch / "said.err"), words(std::move(line)) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    constexpr int kNew = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), kNew, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), kNew, 0600);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    posix_spawnattr_setsigdefault(&attributes, &interrupt);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    words.insert(words.begin(), CHAINRULE_TOOL);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    EXPECT_EQ(posix_spawn(&child, CHAINRULE_TOOL, &actions, &attributes, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }

  static void pause(int milliseconds) {
    const timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1'000'000L};
    nanosleep(&time, nullptr);
  }
  // Until it has said that; false after a minute.
  bool has_said(const std::string& words_to_come) const {
    for (int waited = 0; waited < 60'000; waited += 5) {
      if (contents(err).find(words_to_come) != std::string::npos) return true;
      pause(5);
    }
    return false;
  }
  void interrupt() const { kill(child, SIGINT); }
  int status() const {
    int status = 0;
    waitpid(child, &status, 0);
    return status;
  }
};

TEST_F(Train, ctrl_c_keeps_the_best_net_so_far) {
  // An epoch takes some hundredths of a second.
  const std::string moons = made("moons", {"-n", "1000"});
  const std::vector<std::string> settings = {"--target", "class", "--batch", "4"};
  const auto with = [&](std::vector<std::string> line) {
    line.insert(line.end(), settings.begin(), settings.end());
    return line;
  };
  const Running running(scratch_, with({"train", moons, "--epochs", "10000000", "-o", out()}));
  ASSERT_TRUE(running.has_said("epoch 1 of 10000000: "));
  running.interrupt();
  const int status = running.status();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  const std::string said = contents(running.out);
  EXPECT_TRUE(said.starts_with("stopped in epoch ")) << said;
  EXPECT_NE(said.find(" of 10000000; --resume goes on from there\nbest epoch "), said.npos) << said;
  EXPECT_NE(said.find("\n" + out() + " holds it\n"), said.npos) << said;
  EXPECT_EQ(run({"predict", out(), moons}).code, 0);

  // What is resumed until a whole epoch has the bits of what was not interrupted.
  const nn::SavedTensors saved = nn::load_tensors(out());
  std::int64_t epochs = 0;
  for (const auto& [name, tensor] : saved.tensors) {
    if (name == "training.history") epochs = tensor.shape()[0];
  }
  const std::string until = std::to_string(epochs + 2);
  const std::string whole = scratch_ / "whole", resumed = scratch_ / "resumed";
  EXPECT_EQ(train(moons, with({"--epochs", until, "-q", "-o", whole})).code, 0);
  EXPECT_EQ(train(moons, {"--resume", out(), "--epochs", until, "-q", "-o", resumed}).code, 0);
  EXPECT_EQ(contents(resumed), contents(whole));
}

TEST_F(Train, a_second_ctrl_c_ends_it_at_once) {
  // An epoch is one step, and takes a good part of a second: the second Ctrl-C comes within it,
  // unless the first came at its very end.
  const std::string moons = made("moons", {"-n", "2000"});
  for (int attempt = 0;; ++attempt) {
    const Running running(scratch_, {"train", moons, "--target", "class", "--hidden", "512,512",
                                     "--batch", "2000", "--epochs", "1000", "-o", out()});
    ASSERT_TRUE(running.has_said("epoch 1 of 1000: "));
    running.interrupt();
    Running::pause(10);
    running.interrupt();
    const int status = running.status();
    if (WIFEXITED(status) && attempt < 5) continue;
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGINT);
    break;
  }
}

// ---- resume
// --------------------------------------------------------------------------------------

TEST_F(Train, ten_epochs_and_ten_more_are_twenty_byte_for_byte) {
  const std::string moons = made("moons", {"-n", "250"});
  const std::vector<std::vector<std::string>> settings = {
      {},
      {"--optimizer", "sgd", "--batch", "7", "--seed", "9", "--clip", "0.5", "--hidden", "5"},
      {"--task", "regress", "--optimizer", "adamw", "--activation", "gelu", "--validation", "0"}};
  for (const auto& setting : settings) {
    const auto with = [&](std::vector<std::string> line) {
      line.insert(line.end(), setting.begin(), setting.end());
      return line;
    };
    const std::string whole = scratch_ / "whole", half = scratch_ / "half",
                      rest = scratch_ / "rest";
    EXPECT_EQ(train(moons, with({"--target", "class", "--epochs", "20", "-q", "-o", whole})).code,
              0);
    EXPECT_EQ(train(moons, with({"--target", "class", "--epochs", "10", "-q", "-o", half})).code,
              0);
    EXPECT_EQ(train(moons, {"--resume", half, "--epochs", "20", "-q", "-o", rest}).code, 0);
    EXPECT_EQ(contents(rest), contents(whole));
    EXPECT_NE(contents(half), contents(whole));
    // Into the same file, if none is named; and what is done already is not done again.
    EXPECT_EQ(train(moons, {"--resume", half, "--epochs", "20", "-q"}).code, 0);
    EXPECT_EQ(contents(half), contents(whole));
    EXPECT_EQ(train(moons, {"--resume", half, "-q"}).code, 0);
    EXPECT_EQ(contents(half), contents(whole));
  }
}

TEST_F(Train, what_is_resumed_is_the_same_run) {
  const std::string moons = made("moons", {"-n", "100"});
  ASSERT_EQ(train(moons, {"--target", "class", "--epochs", "2", "-q", "-o", out()}).code, 0);
  const auto resumed = [&](std::vector<std::string> more, const std::string& data) {
    more.insert(more.begin(), {"--resume", out(), "--quiet"});
    const std::string said = refusal(data, more);
    const std::string begin = "chainrule train: ";
    EXPECT_TRUE(said.starts_with(begin));
    return said.substr(begin.size());
  };
  const std::string goes_on = ", and goes on with it\n";
  EXPECT_EQ(resumed({"--batch", "64"}, moons),
            "--batch 64: the run of " + out() + " has 32" + goes_on);
  EXPECT_EQ(resumed({"--optimizer", "sgd"}, moons),
            "--optimizer \"sgd\": the run of " + out() + " has \"adam\"" + goes_on);
  EXPECT_EQ(resumed({"--target", "x"}, moons),
            "--target \"x\": the run of " + out() + " has \"class\"" + goes_on);
  EXPECT_TRUE(resumed({}, made("spirals", {"-n", "100"}))
                  .starts_with("this checkpoint is not one of this run: the data are others: "));
  EXPECT_EQ(resumed({}, made("moons", {"-n", "90"})),
            "this checkpoint is not one of this run: the rows to learn from are others: "
            "training.rows is '80', here '72'\n");
  EXPECT_EQ(
      resumed({}, made("blobs", {"-n", "100"})),
      scratch_ / "blobs.csv: the column 'class' holds '2', which is none of the classes 0, 1\n");

  // A model whose run is not told.
  nn::SavedTensors saved = nn::load_tensors(out());
  std::erase_if(saved.metadata, [](const auto& entry) { return entry.first == "chainrule.run"; });
  nn::save_tensors(out(), saved.tensors, saved.metadata);
  EXPECT_EQ(resumed({}, moons),
            out() +
                " holds a model, but no run that could be resumed: it lacks the "
                "metadata 'chainrule.run'\n");
  saved.metadata.emplace_back("chainrule.run", "{\"target\": 7}");
  nn::save_tensors(out(), saved.tensors, saved.metadata);
  EXPECT_EQ(resumed({}, moons), out() + " does not say what --target its run had\n");
  EXPECT_EQ(
      refusal(moons, {"--resume", moons}).find("chainrule train: " + moons + ": the header has "),
      0U);
}

// ---- what it says
// --------------------------------------------------------------------------------

TEST_F(Train, prints_the_result_and_tells_how_it_goes) {
  const std::string moons = made("moons", {"-n", "100"});
  const Outcome outcome = train(moons, {"--target", "class", "--epochs", "20", "-o", out()});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(outcome.out.starts_with("best epoch "));
  EXPECT_NE(outcome.out.find(" of 20 rows held out\n" + out() + " holds it\n"), outcome.out.npos);
  EXPECT_NE(outcome.err.find(
                "net 2-32-32-2, tanh: 1,218 parameters; 80 rows to learn from, 20 held out\n"),
            outcome.err.npos);
  // The first, and each tenth: 1, 2, 4, …, 20.
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = outcome.err.find("epoch ", at)) != outcome.err.npos; ++at) ++lines;
  EXPECT_EQ(lines, 11U);
  const Outcome quiet = train(moons, {"--target", "class", "--epochs", "20", "-q", "-o", out()});
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(quiet.out, outcome.out);
}

TEST_F(Train, draws_curves_and_boundary) {
  const std::string moons = made("moons", {"-n", "100"});
  const std::string curves = scratch_ / "curves.svg", svg = scratch_ / "map.svg",
                    png = scratch_ / "map.png";
  const Outcome outcome = train(moons, {"--target", "class", "--epochs", "5", "-q", "-o", out(),
                                        "--curves", curves, "--boundary", svg, "--boundary", png});
  if (outcome.err.find("gnuplot") != outcome.err.npos) {
    EXPECT_EQ(outcome.code, 2);
    EXPECT_TRUE(outcome.err.ends_with("; the model is written nevertheless: " + out() + "\n"));
    EXPECT_TRUE(is_there("model.safetensors"));
    GTEST_SKIP() << "no gnuplot";
  }
  EXPECT_EQ(outcome.code, 0);
  for (const std::string& path : {curves, svg}) {
    EXPECT_NE(contents(path).find("<svg "), std::string::npos);
  }
  EXPECT_NE(contents(curves).find("accuracy, validation"), std::string::npos);
  // The axes and the legend have the names of the columns.
  for (const std::string name : {">x<", ">y<", ">class<", ">0<", ">1<"}) {
    std::string text = contents(svg);
    std::erase_if(text, [](char c) { return c == '\n' || c == '\t' || c == ' '; });
    EXPECT_NE(text.find(name), std::string::npos) << name;
  }
  EXPECT_TRUE(contents(png).starts_with("\x89PNG"));
}

TEST_F(Train, draws_the_fit_of_numbers) {
  std::string hill = "u,v,h\n";
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < 8; ++j) {
      hill +=
          std::to_string(i) + ',' + std::to_string(j) + ',' + std::to_string(i * j + 0.5) + '\n';
    }
  }
  const std::string data[] = {made("sine", {"-n", "60"}), table(hill)};
  const std::string targets[] = {"y", "h"};
  for (std::size_t k = 0; k < 2; ++k) {
    const std::string svg = scratch_ / "fit.svg";
    const Outcome outcome = train(
        data[k], {"--target", targets[k], "--epochs", "2", "-q", "-o", out(), "--boundary", svg});
    if (outcome.err.find("gnuplot") != outcome.err.npos) GTEST_SKIP() << "no gnuplot";
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(contents(svg).find("<svg "), std::string::npos);
  }
}

// ---- what it refuses
// -----------------------------------------------------------------------------

TEST_F(Train, says_what_is_wrong) {
  const std::string moons = made("moons", {"-n", "50"});
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"--target", "class", "-o", out()});
    const std::string said = refusal(moons, more);
    EXPECT_FALSE(is_there("model.safetensors"));
    return said.substr(std::min(said.size(), std::string("chainrule train: ").size()));
  };
  EXPECT_EQ(with({"--optimizer", "newton"}),
            "there is no optimizer 'newton'; there are adam, adamw, sgd, rmsprop\n");
  EXPECT_EQ(with({"--task", "guess"}), "--task is classify or regress, not 'guess'\n");
  EXPECT_EQ(with({"--hidden", "32,,32"}),
            "--hidden is the sizes of layers, as in 32,32, or none; not '32,,32'\n");
  EXPECT_EQ(with({"--hidden", "0"}),
            "--hidden is the sizes of layers, as in 32,32, or none; not '0'\n");
  EXPECT_EQ(with({"--epochs", "0"}), "--epochs is at least 1\n");
  EXPECT_EQ(with({"--batch", "0"}), "--batch is at least 1\n");
  EXPECT_EQ(with({"--patience", "-1"}), "--patience is at least 0\n");
  EXPECT_EQ(with({"--validation", "1"}),
            "--validation is a part of the rows, at least 0 and below 1\n");
  EXPECT_EQ(with({"--lr", "0"}), "--lr is a number above 0, not 0\n");
  EXPECT_EQ(with({"--lr", "inf"}), "--lr is a number above 0, not inf\n");
  EXPECT_EQ(with({"--momentum", "0.9"}), "--momentum is of sgd and rmsprop: adam has none\n");
  EXPECT_EQ(with({"--clip", "-1"}), "--clip is a number from 0 on, not -1\n");
  EXPECT_EQ(with({"--schedule", "steps"}), "--schedule is constant or cosine, not 'steps'\n");
  EXPECT_EQ(with({"--boundary", "map.bmp"}),
            "'map.bmp' has no known ending: it is one of .svg .png .pdf .txt\n");
  EXPECT_EQ(with({"--curves", "map.txt"}),
            "'map.txt' is no name of a picture: it ends in .svg, .png or .pdf\n");
  EXPECT_TRUE(with({"--activation", "step"})
                  .starts_with("no function of one number is called step; there are: "));

  EXPECT_EQ(refusal(moons, {"--target", "klass", "-o", out()}),
            "chainrule train: " + moons + " lacks the column klass; it has x, y, class\n");
  EXPECT_EQ(refusal(moons, {"--target", "class"}),
            "chainrule train: -o FILE is needed: where the model is written\n");
  EXPECT_EQ(refusal(moons, {"-o", out()}),
            "chainrule train: --target COLUMN is needed: the column to be predicted\n");
  EXPECT_EQ(refusal(moons, {"--target", "class", "-o", "-"}),
            "chainrule train: a model is written to a file, not to the standard output\n");
  EXPECT_EQ(refusal(moons, {"--target", "class", "-o", scratch_ / "no/such/folder"}),
            "chainrule train: " + (scratch_ / "no/such/folder") +
                " cannot be written: No such file or directory\n");
  EXPECT_EQ(run({"train"}).err,
            "chainrule train: the name of one table is expected, as in: chainrule train data.csv "
            "--target COLUMN -o model.safetensors\n");
}

TEST_F(Train, says_what_is_wrong_with_a_table) {
  const auto of = [&](const std::string& text, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--target", "t", "-o", out()});
    const std::string data = table(text);
    const std::string said = refusal(data, more), begin = "chainrule train: " + data;
    EXPECT_TRUE(said.starts_with(begin)) << said;
    return said.substr(std::min(said.size(), begin.size()));
  };
  EXPECT_EQ(of("a,t\n1,0\nnan,1\n"), ": row 2, column 'a': nan is nothing that a net can read\n");
  EXPECT_EQ(of("a,t\n1,0\n2,inf\n"), ": row 2, column 't': inf cannot be learned\n");
  EXPECT_EQ(of("a,t\n1,0\n2,\n"), ": row 2, column 't': the cell is empty\n");
  EXPECT_EQ(of("a,t\n1,0\n2,0\n"), ": the column 't' holds one class only, '0'\n");
  EXPECT_EQ(of("a,t\n"), " has no rows to learn from\n");
  EXPECT_EQ(of("t\n1\n"), " has no column besides the target\n");
  EXPECT_EQ(of("a,t\n1,no\n2,1\n", {"--task", "regress"}),
            ": row 1, column 't': 'no' is no number, as --task regress needs\n");
  std::string many = "a,t\n";
  for (int k = 0; k < 1001; ++k) many += "1,k" + std::to_string(k) + '\n';
  EXPECT_EQ(of(many),
            ": the column 't' has more than 1000 different cells: these are no classes\n");
}

TEST_F(Train, boundaries_are_of_one_or_two_inputs) {
  const std::string data = table("a,b,c,t\n1,2,3,0\n2,3,4,1\n3,4,5,0\n4,5,6,1\n");
  EXPECT_EQ(refusal(data, {"--target", "t", "-o", out(), "--boundary", "map.svg"}),
            "chainrule train: --boundary draws what is learned of one or two inputs, and there are "
            "3\n");
}

}  // namespace
}  // namespace chainrule::test
