// What the blocks of linear algebra have in common.
//
// A Math is the mathematics of one of them: its sizes, its value over doubles (by Eigen), and its
// pull (adjoint) and push (tangent), each written once over double or Scalar in terms of the public
// functions. MathBlock makes a Block of it, run() calls it.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <string>

#include "chainrule/block/linalg.hpp"
#include "chainrule/tape/block.hpp"

namespace chainrule::linalg {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

inline Eigen::Index index(std::size_t n) { return static_cast<Eigen::Index>(n); }
inline std::size_t size(Eigen::Index n) { return static_cast<std::size_t>(n); }

inline Eigen::Map<const RowMajor> map(const Dense<double>& a) {
  return {a.entries.data(), index(a.rows), index(a.columns)};
}

constexpr std::size_t triangle(std::size_t n) { return n * (n + 1) / 2; }

/// Takes matrices off the front of a block's numbers.
template <class S>
class Reader {
 public:
  explicit Reader(std::span<const S> from) : rest_(from) {}

  std::vector<S> numbers(std::size_t count) {
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return {taken.begin(), taken.end()};
  }
  S number() { return numbers(1)[0]; }
  Dense<S> matrix(std::size_t rows, std::size_t columns) {
    return {rows, columns, numbers(rows * columns)};
  }
  /// A lower triangle, zeros above.
  Dense<S> lower(std::size_t n) {
    Dense<S> a(n, n);
    std::size_t k = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) a(i, j) = rest_[k++];
    }
    rest_ = rest_.subspan(k);
    return a;
  }
  /// A lower triangle, mirrored.
  Dense<S> symmetric(std::size_t n) {
    Dense<S> a = lower(n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) a(j, i) = a(i, j);
    }
    return a;
  }

 private:
  std::span<const S> rest_;
};

/// Puts matrices into a block's numbers, one after another.
template <class S>
class Writer {
 public:
  explicit Writer(std::span<S> to) : to_(to) {}

  void put(const S& number) { to_[at_++] = number; }
  void put(const std::vector<S>& numbers) {
    for (const S& number : numbers) put(number);
  }
  void put(const Dense<S>& a) { put(a.entries); }
  void put_lower(const Dense<S>& a) {
    for (std::size_t i = 0; i < a.rows; ++i) {
      for (std::size_t j = 0; j <= i; ++j) put(a(i, j));
    }
  }
  /// The adjoint of a symmetric matrix of which the lower triangle is read: Āᵢⱼ + Āⱼᵢ below the
  /// diagonal.
  void put_folded(const Dense<S>& a) {
    for (std::size_t i = 0; i < a.rows; ++i) {
      for (std::size_t j = 0; j < i; ++j) put(a(i, j) + a(j, i));
      put(a(i, i));
    }
  }

 private:
  std::span<S> to_;
  std::size_t at_ = 0;
};

inline void put(Writer<double>& out, const RowMajor& a) {
  for (Eigen::Index k = 0; k < a.size(); ++k) out.put(a.data()[k]);
}

// ---- little algebra over double or Scalar -----------------------------------------------------

template <class S>
bool is_zero(const S& v) {
  if constexpr (std::same_as<S, double>) {
    return v == 0;
  } else {
    return v.is_number() && ScalarAccess::value(v) == 0;
  }
}

/// All plain zeros: an adjoint or tangent that nobody seeded.
template <class S>
bool is_zero(const Dense<S>& a) {
  return std::ranges::all_of(a.entries, [](const S& v) { return is_zero(v); });
}

template <class S>
Dense<S> minus(Dense<S> a, const Dense<S>& b) {
  for (std::size_t k = 0; k < a.entries.size(); ++k) a.entries[k] = a.entries[k] - b.entries[k];
  return a;
}
template <class S>
Dense<S> plus(Dense<S> a, const Dense<S>& b) {
  for (std::size_t k = 0; k < a.entries.size(); ++k) a.entries[k] = a.entries[k] + b.entries[k];
  return a;
}
template <class S>
Dense<S> negative(Dense<S> a) {
  for (S& entry : a.entries) entry = -entry;
  return a;
}

/// Where 0/0 is 0: numerators and denominators no larger than these.
template <class S>
struct Zeros {
  S top, bottom;
};

/// top / bottom, 0 where both are 0. It stays in the graph while a Function is recorded.
template <class S>
S quotient(const S& top, const S& bottom, const Zeros<S>& zeros) {
  if constexpr (std::same_as<S, Scalar>) {
    if (keeps_choices(bottom)) {
      const Condition is_0 = (abs(bottom) <= zeros.bottom) & (abs(top) <= zeros.top);
      return select(is_0, S(0.0), top / bottom);
    }
  }
  const bool is_0 = std::abs(primal(bottom)) <= primal(zeros.bottom) &&
                    std::abs(primal(top)) <= primal(zeros.top);
  return is_0 ? S(0.0) : top / bottom;
}

/// top / gap, NaN where the gap is no larger than `rounding`: there the quotient's limit, if it has
/// one, is not to be seen any more.
template <class S>
S over_gap(const S& top, const S& gap, const S& rounding) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if constexpr (std::same_as<S, Scalar>) {
    if (keeps_choices(gap)) return select(abs(gap) <= rounding, S(nan), top / gap);
  }
  return std::abs(primal(gap)) <= primal(rounding) ? S(nan) : top / gap;
}

/// The largest |entry|: a number, or recorded while a Function is.
template <class S>
S largest(const std::vector<S>& entries) {
  if constexpr (std::same_as<S, Scalar>) {
    if (keeps_choices(entries[0])) {
      S most = abs(entries[0]);
      for (const S& entry : entries) most = max(most, abs(entry));
      return most;
    }
  }
  double most = 0;
  for (const S& entry : entries) most = std::max(most, std::abs(primal(entry)));
  return S(most);
}

/// Whether the first entry that is at least half as large as the largest is negative: the sign of a
/// vector that is unique up to its sign. (The largest itself would leave ties to rounding.)
template <class Vector>
bool has_negative_lead(const Vector& v) {
  const double most = v.cwiseAbs().maxCoeff();
  for (Eigen::Index i = 0; i < v.size(); ++i) {
    if (std::abs(v[i]) >= most / 2) return v[i] < 0;
  }
  return false;
}

/// ε times the number of rounding errors that n terms leave, generously.
inline double rounding(std::size_t n) {
  return 4 * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
}

// ---- from mathematics to a block --------------------------------------------------------------

/// Its sizes, in words and messages.
template <std::size_t count>
struct Sized {
  std::array<std::size_t, count> sizes;
  static constexpr std::size_t kSizes = count;
  bool is_possible() const { return true; }
};

inline constexpr std::size_t kMostNumbers = std::size_t{1} << 26;

inline bool all_finite(std::span<const double> x) {
  return std::ranges::all_of(x, [](double v) { return std::isfinite(v); });
}

/// The value, which is NaN where a factorisation would meet what is not finite.
template <class Math>
void evaluate(const Math& math, std::span<const double> x, std::span<double> z) {
  if (Math::kFactorises && !all_finite(x)) {
    std::ranges::fill(z, std::numeric_limits<double>::quiet_NaN());
    return;
  }
  math.value(x, z);
}

template <class Math>
class MathBlock final : public Block {
 public:
  explicit MathBlock(const Math& math) : math_(math) {}

  std::string_view name() const override { return Math::kName; }
  std::size_t inputs() const override { return math_.inputs(); }
  std::size_t outputs() const override { return math_.outputs(); }
  std::string words() const override {
    std::string words(Math::kName);
    for (const std::size_t n : math_.sizes) words += " " + std::to_string(n);
    return words;
  }
  void value(std::span<const double> x, std::span<double> z) const override {
    evaluate(math_, x, z);
  }
  void vjp(std::span<const double> x, std::span<const double> z, std::span<const double> zbar,
           std::span<double> xbar) const override {
    math_.pull(x, z, zbar, xbar);
    arrive_all(xbar);
  }
  void jvp(std::span<const double> x, std::span<const double> z, std::span<const double> xdot,
           std::span<double> zdot) const override {
    std::ranges::fill(zdot, 0.0);
    math_.push(x, z, xdot, zdot);
    arrive_all(zdot);
  }
  void recorded_vjp(std::span<const Scalar> x, std::span<const Scalar> z,
                    std::span<const Scalar> zbar, std::span<Scalar> xbar) const override {
    math_.pull(x, z, zbar, xbar);
    arrive_all(xbar);
  }
  void recorded_jvp(std::span<const Scalar> x, std::span<const Scalar> z,
                    std::span<const Scalar> xdot, std::span<Scalar> zdot) const override {
    std::ranges::fill(zdot, Scalar(0.0));
    math_.push(x, z, xdot, zdot);
    arrive_all(zdot);
  }

 private:
  const Math math_;
};

/// One after another.
template <Entry S, Entry A, Entry B>
std::vector<S> join(const std::vector<A>& a, const std::vector<B>& b) {
  std::vector<S> both(a.begin(), a.end());
  both.insert(both.end(), b.begin(), b.end());
  return both;
}

template <class S>
std::vector<S> lower_of(const Dense<S>& a) {
  std::vector<S> entries(triangle(a.rows));
  Writer<S>(entries).put_lower(a);
  return entries;
}

/// Its results: computed for plain numbers, called as a block for Scalars.
template <class Math>
std::vector<double> run(const Math& math, const std::vector<double>& x, Location) {
  std::vector<double> z(math.outputs());
  evaluate(math, std::span<const double>(x), std::span(z));
  return z;
}
template <class Math>
std::vector<Scalar> run(const Math& math, const std::vector<Scalar>& x, Location at) {
  if (math.outputs() > kMostNumbers) {
    fail(Math::kName, std::to_string(math.outputs()) + " results are too many for a tape");
  }
  return call(std::make_shared<const MathBlock<Math>>(math), x, at);
}

/// "3x2"
inline std::string by(std::size_t rows, std::size_t columns) {
  return std::to_string(rows) + "x" + std::to_string(columns);
}
template <class S>
std::string by(const Dense<S>& a) {
  return by(a.rows, a.columns);
}

template <class S>
void require_entries(std::string_view where, const Dense<S>& a) {
  if (a.entries.size() != a.rows * a.columns) {
    fail(where, by(a) + ": has " + std::to_string(a.entries.size()) + " entries");
  }
  if (a.entries.empty()) fail(where, by(a) + ": the matrix is empty");
}
template <class S>
void require_square(std::string_view where, const Dense<S>& a) {
  require_entries(where, a);
  if (a.rows != a.columns) fail(where, by(a) + ": the matrix must be square");
}
template <class A, class B>
void require_system(std::string_view where, const Dense<A>& a, const Dense<B>& b) {
  require_square(where, a);
  require_entries(where, b);
  if (a.rows != b.rows) {
    fail(where, by(a) + " and " + by(b) + ": the right side must have " + std::to_string(a.rows) +
                    " rows");
  }
}

// ---- by words ---------------------------------------------------------------------------------

/// The block of the first Math of that name; null if there is none, or for other sizes.
template <class... Maths>
std::shared_ptr<const Block> find(std::string_view name, std::span<const std::size_t> sizes) {
  std::shared_ptr<const Block> found;
  const auto is_it = [&]<class Math>(Math math) {
    if (name != Math::kName || sizes.size() != Math::kSizes) return false;
    std::ranges::copy(sizes, math.sizes.begin());
    if (!math.is_possible() || math.inputs() + math.outputs() > kMostNumbers) return true;
    found = std::make_shared<const MathBlock<Math>>(math);
    return true;
  };
  static_cast<void>((is_it(Maths{}) || ...));
  return found;
}

// A file's worth each.
std::shared_ptr<const Block> find_product(std::string_view, std::span<const std::size_t>);
std::shared_ptr<const Block> find_system(std::string_view, std::span<const std::size_t>);
std::shared_ptr<const Block> find_spd(std::string_view, std::span<const std::size_t>);
std::shared_ptr<const Block> find_eigh(std::string_view, std::span<const std::size_t>);
std::shared_ptr<const Block> find_svd(std::string_view, std::span<const std::size_t>);
std::shared_ptr<const Block> find_qr(std::string_view, std::span<const std::size_t>);

}  // namespace chainrule::linalg
