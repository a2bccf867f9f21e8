// TableModel: a net that reads columns of a table by their names and predicts another one, a class
// or a number.
//
// It is one safetensors file: the net's parameters under their own names, what its columns are
// standardised by, and as metadata what they are called. What others wrote, or what was damaged, is
// refused by name and reason.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "chainrule/nn/layers.hpp"
#include "chainrule/nn/safetensors.hpp"

namespace chainrule::nn {

/// Columns shifted and scaled to mean 0 and deviation 1: nets learn best from such numbers.
struct Standard {
  Tensor mean, deviation;  ///< (columns,)

  /// Of these rows. A column of equal numbers has the deviation 1.
  static Standard of(const Tensor& rows);
  Tensor operator()(const Tensor& rows) const;
  Tensor inverse(const Tensor& rows) const;
};

struct TableModel {
  std::vector<std::string> inputs;  ///< the columns that it reads, in the order of the net's inputs
  std::string target;               ///< the column that it predicts
  std::vector<std::string> classes;  ///< what is found there; empty: numbers
  Standard input_standard;
  Standard target_standard;  ///< of numbers
  MLP net;

  /// Throws Error that names the file unless a TableModel was saved there.
  static TableModel load(const std::string& path);
  static TableModel of(const SavedTensors& saved, const std::string& path);
  /// Adds all but the net's parameters to what is saved.
  void describe(SavedTensors& saved) const;

  bool is_classifier() const { return !classes.empty(); }
  std::int64_t outputs() const { return net.layers.back().outputs(); }
  /// The sizes of the layers between inputs and outputs.
  std::vector<std::int64_t> hidden() const;
  /// What the net says of rows of the columns `inputs`: a score of each class, or the number,
  /// standardised. Records nothing.
  Tensor scores(const Tensor& rows) const;
  /// The probability of each class, (rows, classes), or the number, (rows, 1).
  Tensor predict(const Tensor& rows) const;
};

}  // namespace chainrule::nn
