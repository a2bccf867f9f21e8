#include "chainrule/nn/attention.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "chainrule/nn/affine.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/linalg.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/reduce.hpp"

namespace chainrule::nn {

namespace {

// q is scaled, not the scores: there are fewer of its numbers.
Tensor scores_of(const Tensor& q, const Tensor& k) {
  return matmul(q * (1.0 / std::sqrt(static_cast<double>(q.size(-1)))), transpose(k, -2, -1));
}

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v) {
  return matmul(softmax(scores_of(q, k)), v);
}

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& allowed) {
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  const Tensor scores = scores_of(q, k);
  return matmul(softmax(where(cast(allowed, scores.element()), scores, kNever)), v);
}

// ---- multi-head -------------------------------------------------------------------------------

MultiHeadAttention::MultiHeadAttention(std::int64_t width, std::int64_t its_heads, Random& random,
                                       const AttentionOptions& options)
    : out_proj(xavier_uniform({width, width}, random, 1.0, options.element),
               zeros({width}, options.element)),
      heads(its_heads),
      sight(options.sight) {
  if (heads < 1 || width % heads != 0) {
    fail("attention", "a width of " + std::to_string(width) + " in " + std::to_string(heads) +
                          " heads: it must be a multiple");
  }
  in_proj_weight = Parameter(xavier_uniform({3 * width, width}, random, 1.0, options.element));
  in_proj_bias = Parameter(zeros({3 * width}, options.element));
}

Tensor MultiHeadAttention::attend(const Tensor& q, const Tensor& k, const Tensor& v) const {
  // (batch, tokens, heads, width of a head): heads become a batch.
  const auto by_head = [](const Tensor& x) { return transpose(x, 1, 2); };
  const Tensor found = [&] {
    if (sight == Sight::all) return nn::attention(by_head(q), by_head(k), by_head(v));
    const Tensor ones_below = tril(ones({q.size(1), k.size(1)}, q.element()));
    return nn::attention(by_head(q), by_head(k), by_head(v), ones_below);
  }();
  return out_proj(reshape(by_head(found), {q.size(0), q.size(1), width()}));
}

Tensor MultiHeadAttention::operator()(const Tensor& x) const {
  if (x.rank() != 3) {
    fail("attention", "tokens of shape " + to_string(x.shape()) + ": it is (batch, tokens, width)");
  }
  const Tensor all = reshape(affine(x, in_proj_weight, in_proj_bias),
                             {x.size(0), x.size(1), 3, heads, width() / heads});
  return attend(pick(all, 2, 0), pick(all, 2, 1), pick(all, 2, 2));
}

Tensor MultiHeadAttention::operator()(const Tensor& q, const Tensor& other) const {
  if (q.rank() != 3 || other.rank() != 3) {
    fail("attention", "tokens of shapes " + to_string(q.shape()) + " and " +
                          to_string(other.shape()) + ": they are (batch, tokens, width)");
  }
  const std::int64_t w = width();
  const Tensor weight = in_proj_weight, bias = in_proj_bias;
  const Tensor asked = affine(q, slice(weight, 0, {0, w}), slice(bias, 0, {0, w}));
  const Tensor told = reshape(affine(other, slice(weight, 0, {w}), slice(bias, 0, {w})),
                              {other.size(0), other.size(1), 2, heads, w / heads});
  return attend(reshape(asked, {q.size(0), q.size(1), heads, w / heads}), pick(told, 2, 0),
                pick(told, 2, 1));
}

void MultiHeadAttention::parts(Parts& part) {
  part("in_proj_weight", in_proj_weight);
  part("in_proj_bias", in_proj_bias);
  part("out_proj", out_proj);
}

// ---- a block ----------------------------------------------------------------------------------

TransformerBlock::TransformerBlock(std::int64_t width, std::int64_t heads, Random& random,
                                   const AttentionOptions& options, double dropout_rate)
    : norm1(width, 1e-5, options.element),
      norm2(width, 1e-5, options.element),
      attention(width, heads, random, options),
      mlp({width, 4 * width, width}, Op::gelu, random, options.element),
      dropout(dropout_rate, random) {}

Tensor TransformerBlock::operator()(const Tensor& x) const {
  const Tensor y = x + dropout(attention(norm1(x)));
  return y + dropout(mlp(norm2(y)));
}

void TransformerBlock::parts(Parts& part) {
  part("norm1", norm1);
  part("attention", attention);
  part("norm2", norm2);
  part("mlp", mlp);
  part("dropout", dropout);
}

}  // namespace chainrule::nn
