// Layers that keep numbers in range while a net is trained: layer_norm and dropout.
#pragma once

#include "chainrule/tensor/op.hpp"

namespace chainrule {

/// (x − mean)/√(variance + eps) gain + bias, mean and variance over the last axes of x: those that
/// gain and bias have, which are of one shape. Throws Error where it does not fit. Ba, Kiros &
/// Hinton 2016.
Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double eps = 1e-5,
                  Location at = Location::here());

/// x/(1 − rate) where keep is not 0, else 0, whatever x is there; broadcast. keep is drawn by the
/// caller, 0 with probability rate. Throws Error unless 0 ≤ rate ≤ 1.
Tensor dropout(const Tensor& x, double rate, const Tensor& keep, Location at = Location::here());

}  // namespace chainrule
