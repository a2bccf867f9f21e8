// Losses: how far predictions are from targets, as one number to be made small.
//
// Predictions and targets have equal shapes: nothing is broadcast, as (n,1) against (n,) would
// compare every prediction with every target. The last axis of logits counts classes.
#pragma once

#include "chainrule/tensor/op.hpp"

namespace chainrule {

/// What becomes of the losses of the elements: their mean, their sum, or none: a tensor of them.
enum class Over : std::uint8_t { mean, sum, none };

/// −log softmax(logits) of the right class. Targets are either classes, whole numbers from 0 on in
/// the shape of the logits without their last axis, or probabilities in the shape of the logits
/// (−Σ p log softmax). The mean is over rows. Throws Error that names a class out of range and its
/// place, or shapes that do not fit.
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, Over over = Over::mean,
                     Location at = Location::here());
/// The same of log-probabilities, with classes: −log_probabilities[…, class].
Tensor nll(const Tensor& log_probabilities, const Tensor& classes, Over over = Over::mean,
           Location at = Location::here());
/// −t log σ(x) − (1 − t) log(1 − σ(x)) for targets t from 0 to 1, accurate for every x.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets,
                                        Over over = Over::mean, Location at = Location::here());
/// (x − y)².
Tensor mse(const Tensor& x, const Tensor& y, Over over = Over::mean,
           Location at = Location::here());
/// (x − y)²/2 where |x − y| ≤ delta, delta (|x − y| − delta/2) beyond. Throws Error unless delta >
/// 0.
Tensor huber(const Tensor& x, const Tensor& y, double delta = 1.0, Over over = Over::mean,
             Location at = Location::here());

}  // namespace chainrule
