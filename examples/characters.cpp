// An LSTM learns to write letter by letter, from a text that this program makes by a small grammar:
// are the sentences that it writes then those of the grammar?
#include <array>
#include <chainrule/nn/nn.hpp>
#include <cstdio>
#include <regex>
#include <string>

using namespace chainrule;

constexpr std::array kWho = {"a cat", "the dog", "my aunt", "one bird"};
constexpr std::array kDoes = {"sees", "feeds", "hears"};
constexpr std::array kHow = {"", " gladly", " at night", " in spring"};
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz .";

std::string sentences(int count, Random& random) {
  const auto one_of = [&](const auto& words) {
    return std::string(words[random.bits() % words.size()]);
  };
  std::string text;
  for (int k = 0; k < count; ++k) {
    text += one_of(kWho) + ' ' + one_of(kDoes) + ' ' + one_of(kWho) + one_of(kHow) + ". ";
  }
  return text;
}

// How many of the sentences of a text are those of the grammar.
double part_that_is_right(const std::string& text) {
  const auto any_of = [](const auto& words) {
    std::string pattern;
    for (const char* word : words) pattern += (pattern.empty() ? "(" : "|") + std::string(word);
    return pattern + ')';
  };
  const std::regex grammar(any_of(kWho) + ' ' + any_of(kDoes) + ' ' + any_of(kWho) + any_of(kHow));
  int all = 0, right = 0;
  for (std::size_t from = 0, to; (to = text.find('.', from)) != text.npos; from = to + 2, ++all) {
    right += std::regex_match(text.substr(from, to - from), grammar);
  }
  return double(right) / all;
}

// The places of its letters.
Tensor numbers_of(std::string_view text) {
  std::vector<double> places;
  for (const char letter : text) places.push_back(static_cast<double>(kLetters.find(letter)));
  return tensor(places);
}

struct Writer : nn::Module {
  nn::Embedding letters;
  nn::LSTM lstm;
  nn::Linear next;

  explicit Writer(Random& random)
      : letters(std::ssize(kLetters), 16, random, f32),
        lstm(16, 64, random, f32),
        next(64, std::ssize(kLetters), random, {.element = f32}) {}
  void parts(nn::Parts& part) override {
    part("letters", letters);
    part("lstm", lstm);
    part("next", next);
  }
  // Scores of the letters that may follow each of x, (time, batch).
  Tensor operator()(const Tensor& x) const { return next(lstm(letters(x)).outputs); }
};

// Writes on after `begin`, a letter at a time, drawn from what the net finds likely.
std::string write(const Writer& writer, std::string text, std::size_t size, Random& random) {
  nn::LSTMOutput last = writer.lstm(writer.letters(unsqueeze(numbers_of(text), 1)));
  while (text.size() < size) {
    const Tensor scores = writer.next(last.state.h)(0);
    const Tensor up_to = cumsum(softmax(scores / 0.5), 0);  // 0.5: bolder than it is sure
    const double letter = argmax(up_to > random.uniform({})).item();
    text += kLetters[static_cast<std::size_t>(letter)];
    last = writer.lstm(writer.letters(tensor({{letter}})), last.state);
  }
  return text;
}

int main() {
  Random random(1);
  const Tensor text = numbers_of(sentences(500, random));
  Writer writer(random);
  nn::Adam adam(writer.parameters(), {.rate = 1e-2});
  adam.clip.norm = 1;

  const std::int64_t time = 32, batch = 16;
  double loss = 0;
  for (int step = 0; step < 300; ++step) {
    // Pieces of the text, one a column; what is to be found is the same a letter later.
    const Tensor starts = floor(random.uniform({batch}, 0, double(text.size() - time)));
    const Tensor pieces = text(unsqueeze(arange(double(time + 1)), 1) + starts);
    const Tensor seen = pieces(Range{0, time}), next = pieces(Range{1, time + 1});
    loss = adam.step([&] { return cross_entropy(writer(seen), next); });
    if (step % 50 == 49) std::printf("step %3d: %.3f nats a letter\n", step, loss);
  }

  writer.mode(nn::Mode::evaluation);
  const std::string sample = write(writer, "the ", 1000, random);
  const double right = part_that_is_right(sample);
  std::printf("\n%.240s…\n\n%.0f %% of its sentences are right\n", sample.c_str(), 100 * right);
  return right > 0.9 && loss < 0.35 ? 0 : 1;
}
