#include "cli/train_pictures.hpp"

#include <algorithm>
#include <cmath>

#include "chainrule/base/text.hpp"
#include "chainrule/base/whole_file.hpp"
#include "chainrule/draw/map.hpp"

namespace chainrule::cli {
namespace {

constexpr std::size_t kGrid = 181;
constexpr std::int64_t kMostPoints = 2000;

// The range of a column, and a bit more.
void widen(std::span<const double> column, double& from, double& to) {
  const auto [low, high] = std::ranges::minmax(column);
  const double air = high > low ? 0.06 * (high - low) : std::max(0.5, std::fabs(high) / 2);
  from = low - air;
  to = high + air;
}

struct Columns {
  std::vector<double> x, y;  ///< the inputs; y is empty where there is one
  std::vector<double> targets;
  Rectangle where;
};

// At most kMostPoints rows, evenly chosen; the rectangle is that of all.
Columns columns_of(const nn::DataSet& rows) {
  const std::vector<double> inputs = rows.inputs.values(), targets = rows.targets.values();
  const std::size_t width = static_cast<std::size_t>(rows.inputs.shape()[1]);
  Columns all;
  for (std::size_t row = 0; row < targets.size(); ++row) {
    all.x.push_back(inputs[row * width]);
    if (width > 1) all.y.push_back(inputs[row * width + 1]);
  }
  widen(all.x, all.where.x_from, all.where.x_to);
  if (width > 1) widen(all.y, all.where.y_from, all.where.y_to);
  all.targets = targets;
  const std::size_t count = targets.size(), most = static_cast<std::size_t>(kMostPoints);
  if (count <= most) return all;
  for (std::vector<double>* column : {&all.x, &all.y, &all.targets}) {
    if (column->empty()) continue;
    for (std::size_t k = 0; k < most; ++k) (*column)[k] = (*column)[k * count / most];
    column->resize(most);
  }
  return all;
}

Tensor grid_of(const Rectangle& where) {
  const std::vector<double> x = xs_of(where, kGrid, kGrid), y = ys_of(where, kGrid, kGrid);
  std::vector<double> both;
  both.reserve(2 * x.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    both.push_back(x[k]);
    both.push_back(y[k]);
  }
  return tensor(both, {static_cast<std::int64_t>(x.size()), 2});
}

RegionMap regions_of(const nn::TableModel& model, const Columns& rows) {
  const std::size_t classes = model.classes.size();
  const std::vector<double> scores = model.scores(grid_of(rows.where)).values();
  RegionMap map;
  map.x_label = model.inputs[0];
  map.y_label = model.inputs[1];
  map.legend = model.target;
  map.steps = {0.0, std::log(9.0), std::log(99.0)};  // of two classes: 50 %, 90 %, 99 %
  for (std::size_t k = 0; k < classes; ++k) {
    Region& region = map.regions.emplace_back();
    region.label = model.classes[k];
    region.lead = {rows.where, kGrid, kGrid, {}};
    for (std::size_t p = 0; p < scores.size(); p += classes) {
      double rival = -HUGE_VAL;
      for (std::size_t other = 0; other < classes; ++other) {
        if (other != k) rival = std::max(rival, scores[p + other]);
      }
      region.lead.values.push_back(scores[p + k] - rival);
    }
    for (std::size_t row = 0; row < rows.targets.size(); ++row) {
      if (rows.targets[row] != static_cast<double>(k)) continue;
      region.points.x.push_back(rows.x[row]);
      region.points.y.push_back(rows.y[row]);
    }
  }
  return map;
}

SurfaceMap surface_of(const nn::TableModel& model, const Columns& rows) {
  SurfaceMap map;
  map.x_label = model.inputs[0];
  map.y_label = model.inputs[1];
  map.z_label = model.target;
  map.surface = {rows.where, kGrid, kGrid, model.predict(grid_of(rows.where)).values()};
  map.points = {rows.x, rows.y};
  map.heights = rows.targets;
  return map;
}

// Of one input: the number, or the probability of each class.
Plot curve_of(const nn::TableModel& model, const Columns& rows) {
  const auto outputs = static_cast<std::size_t>(model.outputs());
  Plot plot;
  plot.x_label = model.inputs[0];
  plot.from = rows.where.x_from;
  plot.to = rows.where.x_to;
  Sampling sampling(plot.from, plot.to, outputs);
  while (!sampling.wanted().empty()) {
    const auto count = static_cast<std::int64_t>(sampling.wanted().size());
    sampling.answer(model.predict(tensor(sampling.wanted(), {count, 1})).values());
  }
  if (!model.is_classifier()) {
    plot.curves.push_back({"what the net says", sampling.points(0)});
    plot.scatters.push_back({"rows", {rows.x, rows.targets}});
    plot.panels = {{model.target}};
    return plot;
  }
  for (std::size_t k = 0; k < outputs; ++k) {
    plot.curves.push_back({model.classes[k], sampling.points(k)});
  }
  plot.panels = {{"probability of " + model.target}};
  return plot;
}

}  // namespace

void require_picture_name(const std::string& path) {
  if (plot_format_of(path) == PlotFormat::text) {
    fail("train", in_quotes(path) + " is no name of a picture: it ends in .svg, .png or .pdf");
  }
}

void draw_curves(const nn::Trainer& trainer, const std::string& path) {
  const bool has_accuracy = trainer.options().score == nn::Score::accuracy;
  Points training, validation, accuracy;
  double least = HUGE_VAL, most = 0;
  for (std::size_t k = 0; k < trainer.history().size(); ++k) {
    const nn::Epoch& epoch = trainer.history()[k];
    const auto x = static_cast<double>(k + 1);
    for (Points* points : {&training, &validation, &accuracy}) points->x.push_back(x);
    training.y.push_back(epoch.training_loss);
    validation.y.push_back(epoch.validation_loss);
    accuracy.y.push_back(epoch.accuracy);
    for (const double loss : {epoch.training_loss, epoch.validation_loss}) {
      if (loss > 0) least = std::min(least, loss);
      most = std::max(most, loss);
    }
  }
  Plot plot;
  plot.x_label = "epoch";
  plot.from = 1;
  plot.to = std::max(2.0, static_cast<double>(trainer.epochs()));
  plot.curves = {{"training", training}, {"validation", validation}};
  constexpr double kWide = 20;
  plot.panels = {{"loss", most > kWide * least ? Scale::logarithmic : Scale::linear}};
  if (has_accuracy) {
    plot.curves.push_back({"accuracy, validation", accuracy, 1});
    plot.panels.push_back({"accuracy"});
  }
  chainrule::plot(plot, path);
}

void draw_learned(const nn::TableModel& model, const nn::DataSet& rows, const std::string& path) {
  const PlotFormat format = plot_format_of(path);
  const Columns columns = columns_of(rows);
  const std::string picture = model.inputs.size() == 1 ? render(curve_of(model, columns), format)
                              : model.is_classifier()  ? render(regions_of(model, columns), format)
                                                       : render(surface_of(model, columns), format);
  write_whole_file(path, picture);
}

}  // namespace chainrule::cli
