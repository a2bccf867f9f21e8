// Determinant: the minors of the last kInner rows are one Function, in which the optimiser finds
// equal minors and computes them once. Where the matrix is larger, rows are the ways to choose a
// column in each row above: a way's product of entries multiplies the minor of the columns that it
// leaves, which are read through indices.
#pragma once

#include "bench/suite/compiled/compiled.hpp"
#include "bench/suite/problems/det.hpp"

namespace bench::suite {

class CompiledDeterminant {
 public:
  explicit CompiledDeterminant(const Determinant& problem)
      : problem_(problem),
        size_(problem.size()),
        inner_(std::min(size_, kInner)),
        above_(size_ - inner_),
        sums_(1 + size_ * size_),
        minor_(kernels_.make([&] { return minor(); })),
        product_(above_ == 0 ? minor_ : kernels_.make([&] { return product(); })),
        pull_(above_ == 0 ? minor_ : kernels_.make([&] { return pull(); })) {
    if (above_ == 0) return;
    chosen_.resize(above_);
    left_.resize(inner_);
    std::vector<std::uint32_t> columns(size_);
    for (Index j = 0; j < size_; ++j) columns[j] = static_cast<std::uint32_t>(j);
    choose(columns, {}, 1);
    factors_.resize(signs_.size());
    minors_.resize(signs_.size());
    below_.resize(size_ * inner_);
    below_bar_.resize(below_.size());
  }

  const Kernels& kernels() const { return kernels_; }

  double run(std::span<double> gradient, unsigned threads = 1) {
    const std::span<const double> matrix(problem_.point(0), size_ * size_);
    if (above_ == 0) {
      minor_.evaluate(matrix, sums_);
      std::copy(sums_.begin() + 1, sums_.end(), gradient.begin());
      return sums_[0];
    }
    // Column after column of the rows below.
    for (Index j = 0; j < size_; ++j) {
      for (Index i = 0; i < inner_; ++i) below_[j * inner_ + i] = matrix[(above_ + i) * size_ + j];
    }
    std::fill(gradient.begin(), gradient.end(), 0.0);
    std::fill(below_bar_.begin(), below_bar_.end(), 0.0);
    const Index ways = signs_.size();

    std::vector<Source> entries;
    for (Index i = 0; i < above_; ++i) {
      entries.push_back(Source::gathered(matrix.subspan(i * size_, size_), 1, chosen_[i]));
    }
    entries.push_back(Source::rows(signs_, 1));
    product_.run(entries, std::vector{Sink::rows(factors_, 1)}, ways, threads);

    double value = 0;
    std::vector<Source> sources;
    std::vector<Sink> sinks{Sink::sum({&value, 1})};
    for (Index j = 0; j < inner_; ++j) {
      sources.push_back(Source::gathered(below_, inner_, left_[j]));
      sinks.push_back(Sink::added(below_bar_, inner_, left_[j]));
    }
    sources.push_back(Source::rows(factors_, 1));
    sinks.push_back(Sink::rows(minors_, 1));
    minor_.run(sources, sinks, ways, threads);

    entries.push_back(Source::rows(minors_, 1));
    std::vector<Sink> slopes;
    for (Index i = 0; i < above_; ++i) {
      slopes.push_back(Sink::added(gradient.subspan(i * size_, size_), 1, chosen_[i]));
    }
    pull_.run(entries, slopes, ways, threads);
    for (Index j = 0; j < size_; ++j) {
      for (Index i = 0; i < inner_; ++i) {
        gradient[(above_ + i) * size_ + j] = below_bar_[j * inner_ + i];
      }
    }
    return value;
  }

 private:
  static constexpr Index kInner = 8;

  /// Every way to choose a column for each row above, with its sign; and the columns left over.
  void choose(const std::vector<std::uint32_t>& left, const std::vector<std::uint32_t>& chosen,
              double sign) {
    if (chosen.size() == above_) {
      for (Index i = 0; i < above_; ++i) chosen_[i].push_back(chosen[i]);
      for (Index j = 0; j < inner_; ++j) left_[j].push_back(left[j]);
      signs_.push_back(sign);
      return;
    }
    for (Index j = 0; j < left.size(); ++j) {
      std::vector<std::uint32_t> fewer(left), more(chosen);
      more.push_back(left[j]);
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(j));
      choose(fewer, more, j % 2 == 0 ? sign : -sign);
    }
  }

  /// The determinant of a matrix of kInner or fewer rows, its equal minors found.
  Function inner_determinant() const {
    const Determinant determinant(inner_, std::vector<double>(inner_ * inner_));
    const Function f = chainrule::record(
        [determinant](const Scalars& x) {
          Scalar y;
          determinant.evaluate(0, x.data(), &y);
          return y;
        },
        chainrule::shape(inner_ * inner_));
    return Function(chainrule::optimise(f.trace()));
  }
  /// (matrix) ↦ its determinant and the gradient; or (columns …, factor) ↦ factor · determinant and
  /// its gradient, column by column and by the factor.
  Function minor() const {
    const Function determinant = inner_determinant();
    if (above_ == 0) return chainrule::value_and_grad(determinant);
    // One argument a column, so that each is read through an index of its own.
    std::vector<chainrule::Argument> arguments;
    for (Index j = 0; j < inner_; ++j) {
      arguments.push_back({"column" + std::to_string(j), false, chainrule::shape(inner_)});
    }
    arguments.push_back({"factor", true, {1.0}});
    const Function scaled(std::make_shared<const Scaled>(determinant, inner_), std::move(arguments),
                          "minor");
    return chainrule::value_and_grad(scaled, chainrule::kEveryArgument);
  }
  class Scaled : public chainrule::Callable {
   public:
    Scaled(Function determinant, Index size) : determinant_(std::move(determinant)), size_(size) {}
    void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
      Scalars matrix(size_ * size_);
      for (Index i = 0; i < size_; ++i) {
        for (Index j = 0; j < size_; ++j) matrix[i * size_ + j] = in[j * size_ + i];
      }
      out.push_back(determinant_(std::span<const Scalar>(matrix))[0] * in[size_ * size_]);
    }

   private:
    Function determinant_;
    Index size_;
  };
  class Product : public chainrule::Callable {
   public:
    void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
      Scalar product = in[0];
      for (const Scalar& factor : in.subspan(1)) product *= factor;
      out.push_back(product);
    }
  };
  /// (entries …, sign) ↦ their product.
  Function product() const {
    return Function(std::make_shared<const Product>(), of_ways(above_ + 1), "product");
  }
  /// (entries …, sign, minor) ↦ the gradient of the product of all by the entries.
  Function pull() const {
    const Function all(std::make_shared<const Product>(), of_ways(above_ + 2), "product");
    return Function(
        std::make_shared<const Entries>(chainrule::grad(all, chainrule::kEveryArgument), above_),
        of_ways(above_ + 2), "pull");
  }
  class Entries : public chainrule::Callable {
   public:
    Entries(Function gradient, Index many) : gradient_(std::move(gradient)), many_(many) {}
    void operator()(std::span<const Scalar> in, std::vector<Scalar>& out) const override {
      const Scalars all = gradient_(in);
      out.insert(out.end(), all.begin(), all.begin() + static_cast<std::ptrdiff_t>(many_));
    }

   private:
    Function gradient_;
    Index many_;
  };
  static std::vector<chainrule::Argument> of_ways(Index many) {
    std::vector<chainrule::Argument> arguments;
    for (Index i = 0; i < many; ++i) arguments.push_back({"x" + std::to_string(i), true, {1.0}});
    return arguments;
  }

  const Determinant& problem_;
  const Index size_, inner_, above_;
  std::vector<double> sums_, signs_, factors_, minors_, below_, below_bar_;
  std::vector<std::vector<std::uint32_t>> chosen_, left_;
  Kernels kernels_;
  Kernel minor_, product_, pull_;
};

}  // namespace bench::suite
