// Attention: each token is a mean of all of them, weighted by what it asks and they answer.
// Vaswani et al. 2017:
//
//   attention(Q, K, V) = softmax(Q Kᵀ/√width) V
//
// in several heads side by side, each of its own part of the axis of features. The cost is
// O(tokens²).
#pragma once

#include "chainrule/nn/layers.hpp"

namespace chainrule::nn {

/// Which tokens a token sees: all, or itself and those before it.
enum class Sight : std::uint8_t { all, causal };

struct AttentionOptions {
  Sight sight = Sight::all;
  Precision element = f64;
};

/// softmax(q kᵀ/√width) v for q (…, tokens, width), k and v (…, other tokens, width): a score that
/// is not allowed counts for nothing. `allowed` is 1 and 0 and broadcast to (…, tokens, other
/// tokens).
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v);
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& allowed);

/// (batch, tokens, width) to the same shape. Parameters: in_proj_weight (3 width, width), the
/// weights of queries, keys and values one under the other, in_proj_bias (3 width,),
/// out_proj.weight and out_proj.bias. Weights begin as xavier_uniform, biases with zeros.
class MultiHeadAttention : public Module {
 public:
  /// Throws Error unless width is a multiple of heads.
  MultiHeadAttention(std::int64_t width, std::int64_t heads, Random& random,
                     const AttentionOptions& options = {});

  /// Of a sequence to itself.
  Tensor operator()(const Tensor& x) const;
  /// Of queries to another sequence: q (batch, tokens, width), other (batch, other tokens, width).
  Tensor operator()(const Tensor& q, const Tensor& other) const;
  void parts(Parts& part) override;
  std::int64_t width() const { return in_proj_bias.value().size() / 3; }

  Parameter in_proj_weight, in_proj_bias;
  Linear out_proj;
  std::int64_t heads;
  Sight sight;

 private:
  Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v) const;
};

/// x + attention(norm(x)), then x + mlp(norm(x)), the net being width, 4 width, width with gelu: a
/// block of a transformer, normalised before each part (Xiong et al. 2020). Dropout, if any, is of
/// what is added. Parts: norm1, attention, norm2, mlp, dropout.
class TransformerBlock : public Module {
 public:
  TransformerBlock(std::int64_t width, std::int64_t heads, Random& random,
                   const AttentionOptions& options = {}, double dropout_rate = 0.0);

  Tensor operator()(const Tensor& x) const;
  void parts(Parts& part) override;

  LayerNorm norm1, norm2;
  MultiHeadAttention attention;
  MLP mlp;
  Dropout dropout;
};

}  // namespace chainrule::nn
