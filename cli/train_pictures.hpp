// What a run looks like: its losses over the epochs, and what the net makes of the plane.
#pragma once

#include <string>

#include "chainrule/nn/table_model.hpp"
#include "chainrule/nn/trainer.hpp"

namespace chainrule::cli {

/// Throws Error unless the ending is that of a picture.
void require_picture_name(const std::string& path);

/// Training and validation loss, and accuracy if there is one.
void draw_curves(const nn::Trainer& trainer, const std::string& path);

/// Of a model of one or two inputs: the regions of the classes, or the curve or surface of the
/// numbers, with the rows over it.
void draw_learned(const nn::TableModel& model, const nn::DataSet& rows, const std::string& path);

}  // namespace chainrule::cli
