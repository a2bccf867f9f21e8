// chainrule predict: what a trained net says of the rows of a table.

#include <algorithm>
#include <optional>

#include "chainrule/base/text.hpp"
#include "chainrule/base/whole_file.hpp"
#include "chainrule/nn/csv.hpp"
#include "chainrule/nn/table_model.hpp"
#include "cli/input.hpp"
#include "cli/number.hpp"
#include "cli/train_table.hpp"
#include "cli/verb.hpp"

namespace chainrule::cli {
namespace {

constexpr std::size_t kRows = 4096;  // that are computed together

// Columns that are added: the prediction, and the probability of each class.
std::vector<std::string> new_columns(const nn::TableModel& model) {
  std::vector<std::string> columns = {"prediction"};
  for (const std::string& name : model.classes) columns.push_back("p_" + name);
  return columns;
}

// A cell of a header, in quotation marks where its text needs them (RFC 4180).
std::string header_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  std::string cell = "\"";
  for (const char c : text) {
    cell += c;
    if (c == '"') cell += c;
  }
  return cell + '"';
}

std::string header_line(const nn::CsvReader& rows, const nn::TableModel& model) {
  // A table without a header has columns called 1, 2, …: its rows are now called so.
  std::string line(rows.header());
  if (line.empty()) {
    for (const std::string& column : rows.columns()) line += (line.empty() ? "" : ",") + column;
  }
  for (const std::string& column : new_columns(model)) {
    if (std::ranges::find(rows.columns(), column) != rows.columns().end()) {
      fail("table", rows.shown_path() + " has a column " + in_quotes(column) +
                        " already, and the result would have two");
    }
    line += ',' + header_cell(column);
  }
  return line + '\n';
}

class Predict : public Verb {
 public:
  const char* name() const override { return "predict"; }
  const char* summary() const override { return "what a trained net says of the rows of a table"; }
  const char* notes() const override {
    return "  chainrule predict moons.safetensors new.csv -o classes.csv\n"
           "  chainrule predict prices.safetensors - < new.csv\n"
           "\n"
           "The model knows its columns by name: the table may have them in any order, and others\n"
           "beside them. The rows are written with a column `prediction`, and for classes a "
           "column\n"
           "p_CLASS with the probability of each.\n";
  }
  Takes takes() const override { return Takes::words; }

  void declare(CLI::App& options) override {
    options.add_option("-o,--output", out_, "write to FILE, whole or not at all")
        ->type_name("FILE");
  }

  int run(const Arguments& arguments) override {
    if (arguments.others.size() != 2) {
      fail("predict",
           "a model and a table are expected, as in: chainrule predict "
           "model.safetensors data.csv");
    }
    const nn::TableModel model = nn::TableModel::load(arguments.others[0]);
    nn::CsvReader rows(arguments.others[1], nn::Header::found);
    const std::vector<std::size_t> inputs = places_of_columns(rows, model.inputs);
    for (const std::string& read : arguments.others) refuse_same_file("predict", out_, read);
    WholeFile out(out_);
    out.write(header_line(rows, model));
    std::vector<double> numbers;
    std::vector<std::string> texts;
    std::size_t row = 0;
    for (bool is_more = true; is_more;) {
      numbers.clear();
      texts.clear();
      while (texts.size() < kRows && (is_more = rows.next())) {
        ++row;
        for (const std::size_t column : inputs) {
          numbers.push_back(finite_number(rows, column, row));
        }
        texts.emplace_back(rows.row());
      }
      if (!texts.empty()) write(model, numbers, texts, out);
    }
    out.commit();
    return kSuccess;
  }

 private:
  static void write(const nn::TableModel& model, const std::vector<double>& numbers,
                    const std::vector<std::string>& texts, WholeFile& out) {
    const auto rows = static_cast<std::int64_t>(texts.size());
    const std::vector<double> found =
        model.predict(tensor(numbers, {rows, static_cast<std::int64_t>(model.inputs.size())}))
            .values();
    const std::size_t width = found.size() / texts.size();
    for (std::size_t r = 0; r < texts.size(); ++r) {
      const auto own = std::span(found).subspan(r * width, width);
      std::string line = texts[r] + ',';
      if (model.is_classifier()) {
        const auto best = static_cast<std::size_t>(std::ranges::max_element(own) - own.begin());
        line += header_cell(model.classes[best]);
        line += ',';
      }
      for (std::size_t k = 0; k < width; ++k) {
        if (k > 0) line += ',';
        append_number(line, own[k]);
      }
      out.write(line + '\n');
    }
  }

  std::string out_ = "-";
};

}  // namespace

std::unique_ptr<Verb> make_predict() { return std::make_unique<Predict>(); }

}  // namespace chainrule::cli
