// The LSTM of a whole sequence as one operation.
//
// Gates stand gate by gate, (4, time, batch, hidden), so that each of them, of one step or of all,
// is dense: passes over them are compiled kernels, and products of all steps are one. What the
// derivative reads of a run (σ and tanh of the gates, tanh of c) is kept with the operation, which
// is made anew for every call.
#include <array>
#include <mutex>
#include <string>

#include "chainrule/emit/kernel.hpp"
#include "chainrule/nn/product_internal.hpp"
#include "chainrule/nn/recurrent.hpp"
#include "chainrule/tensor/elementwise.hpp"
#include "chainrule/tensor/move.hpp"
#include "chainrule/tensor/op.hpp"
#include "chainrule/tensor/sweep.hpp"

namespace chainrule::nn {
namespace {

constexpr std::size_t kGates = 4, kKept = 5;  // i, f, g, o; and tanh c

// ---- passes -----------------------------------------------------------------------------------

// A function of numbers over dense arrays.
class Pass {
 public:
  explicit Pass(const Function& f)
      : kernels_{compile(f, {.lanes = f64}), compile(f, {.lanes = f32})} {}

  template <class T, std::size_t in, std::size_t out>
  void operator()(const std::array<const T*, in>& from, const std::array<T*, out>& to,
                  std::int64_t n) const {
    const auto size = static_cast<std::size_t>(n);
    std::array<BasicSource<T>, in> sources;
    std::array<BasicSink<T>, out> sinks;
    for (std::size_t k = 0; k < in; ++k) sources[k] = {.data = from[k], .size = size, .stride = 1};
    for (std::size_t k = 0; k < out; ++k)
      sinks[k] = {.data = to[k], .size = size, .count = 1, .stride = 1};
    kernels_[std::is_same_v<T, float> ? 1 : 0].run(std::span<const BasicSource<T>>(sources),
                                                   std::span<const BasicSink<T>>(sinks), size);
  }

 private:
  Kernel kernels_[2];
};

// Gates and c before → i, f, g, o, tanh c', c', h'.
const Pass& forward_pass() {
  static const Pass pass(record(
      [](Scalar i, Scalar f, Scalar g, Scalar o, Scalar c) {
        const Scalar open = sigmoid(i), kept = sigmoid(f), fresh = tanh(g), shown = sigmoid(o);
        const Scalar next = kept * c + open * fresh, bent = tanh(next);
        return std::array<Scalar, 7>{open, kept, fresh, shown, bent, next, shown * bent};
      },
      0.5, 0.5, 0.5, 0.5, 0.5));
  return pass;
}

// h̄ (what arrives from outside and from the next step), c̄ (likewise), i, f, g, o, tanh c', c → the
// adjoints of the gates before σ and tanh, and of c. σ' = σ(1 − σ), tanh' = 1 − tanh².
const Pass& backward_pass() {
  static const Pass pass(record(
      [](Scalar h_out, Scalar h_next, Scalar c_out, Scalar c_next, Scalar i, Scalar f, Scalar g,
         Scalar o, Scalar bent, Scalar c) {
        const Scalar h = h_out + h_next;
        const Scalar next = c_out + c_next + h * o * (1.0 - bent * bent);
        return std::array<Scalar, 5>{next * g * (i * (1.0 - i)), next * c * (f * (1.0 - f)),
                                     next * i * (1.0 - g * g), h * bent * (o * (1.0 - o)),
                                     next * f};
      },
      0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5));
  return pass;
}

// ---- the operation ----------------------------------------------------------------------------

enum Place : std::size_t { kX, kH, kC, kWeightX, kWeightH, kBias, kCount };

struct Sizes {
  std::int64_t time, batch, in, hidden;
  std::int64_t step() const { return batch * hidden; }  ///< numbers of one gate at one step
  std::int64_t all() const { return time * step(); }
};

class LSTMRun final : public TensorOp {
 public:
  std::string_view name() const override { return "lstm"; }

  TensorType infer(std::span<const Tensor> x) const override {
    const Shape &sequence = x[kX].shape(), &weight = x[kWeightX].shape();
    const auto refuse = [](const std::string& what, const Shape& shape) {
      fail("lstm", what + ", not " + to_string(shape));
    };
    if (sequence.rank() != 3) refuse("the sequence is (time, batch, in)", sequence);
    if (weight.rank() != 2 || weight[0] % 4 != 0 || weight[1] != sequence[2]) {
      refuse("the weights of a sequence of shape " + to_string(sequence) + " are (4 hidden, " +
                 std::to_string(sequence[2]) + ")",
             weight);
    }
    const std::int64_t hidden = weight[0] / 4;
    const Shape state = {sequence[1], hidden};
    for (const std::size_t k : {kH, kC}) {
      if (x[k].shape() != state) refuse("the first state is " + to_string(state), x[k].shape());
    }
    const Shape recurrent = {4 * hidden, hidden}, bias = {4 * hidden};
    if (x[kWeightH].shape() != recurrent)
      refuse("the recurrent weights are " + to_string(recurrent), x[kWeightH].shape());
    if (x[kBias].shape() != bias) refuse("the bias is " + to_string(bias), x[kBias].shape());
    return {x[kX].element(), {2, sequence[0] + 1, sequence[1], hidden}};
  }

  void compute(std::span<const Tensor> x, const Tensor& z) const override {
    one_thread_a_product();
    if (z.element() == f32) {
      compute_as<float>(x, z);
    } else {
      compute_as<double>(x, z);
    }
  }

  void pull(const Pull& at) const override {
    std::vector<Tensor> x;
    bool is_recorded = at.g().is_recorded();
    for (std::size_t k = 0; k < kCount; ++k) {
      x.push_back(at.x(k));
      is_recorded = is_recorded || x[k].is_recorded();
    }
    if (is_recorded) return pull_recorded(at, x);
    const Tensor g = contiguous(at.g());
    const std::vector<Tensor> found =
        g.element() == f32 ? pull_as<float>(at, x, g) : pull_as<double>(at, x, g);
    for (std::size_t k = 0; k < kCount; ++k) {
      if (at.wants(k)) at.push(k, found[k]);
    }
  }

 private:
  static Sizes sizes_of(std::span<const Tensor> x) {
    return {x[kX].shape()[0], x[kX].shape()[1], x[kX].shape()[2], x[kWeightH].shape()[1]};
  }

  // Gate k's part of weights that stand one under the other.
  template <class T>
  static Matrix<const T> gate_of(const Tensor& weight, std::size_t k) {
    const std::int64_t rows = weight.shape()[0] / 4, columns = weight.shape()[1];
    const T* data = TensorAccess::data<T>(weight) + static_cast<std::int64_t>(k) * rows * columns;
    return matrix(data, rows, columns);
  }

  template <class T>
  void compute_as(std::span<const Tensor> operands, const Tensor& z) const {
    std::vector<Tensor> x;
    for (const Tensor& operand : operands) x.push_back(contiguous(operand));
    const Sizes n = sizes_of(x);
    const Tensor gates = empty({4, n.time, n.batch, n.hidden}, z.element());
    const Tensor kept = empty({5, n.time, n.batch, n.hidden}, z.element());
    T* const gate = TensorAccess::data<T>(gates);
    T* const keep = TensorAccess::data<T>(kept);
    T* const h = TensorAccess::data<T>(z);
    T* const c = h + (n.time + 1) * n.step();
    std::copy_n(TensorAccess::data<T>(x[kH]), n.step(), h);
    std::copy_n(TensorAccess::data<T>(x[kC]), n.step(), c);
    for (std::size_t k = 0; k < kGates; ++k) {
      T* const own = gate + static_cast<std::int64_t>(k) * n.all();
      const T* const bias =
          TensorAccess::data<T>(x[kBias]) + static_cast<std::int64_t>(k) * n.hidden;
      for (std::int64_t r = 0; r < n.time * n.batch; ++r) {
        std::copy_n(bias, n.hidden, own + r * n.hidden);
      }
      add_by_turned<T>(matrix(own, n.time * n.batch, n.hidden),
                       matrix<const T>(TensorAccess::data<T>(x[kX]), n.time * n.batch, n.in),
                       gate_of<T>(x[kWeightX], k));
    }
    // Several rows are multiplied faster by what stands turned already.
    const bool is_turned = n.batch > 1 && n.time > 4;
    const Tensor weight_h =
        is_turned ? contiguous(transpose(reshape(x[kWeightH], {4, n.hidden, n.hidden}), 1, 2))
                  : x[kWeightH];
    for (std::int64_t t = 0; t < n.time; ++t) {
      const std::int64_t here = t * n.step(), next = here + n.step();
      std::array<const T*, 5> from;
      std::array<T*, 7> to;
      for (std::size_t k = 0; k < kGates; ++k) {
        T* const own = gate + static_cast<std::int64_t>(k) * n.all() + here;
        const Matrix<T> sum = matrix(own, n.batch, n.hidden);
        const Matrix<const T> before = matrix<const T>(h + here, n.batch, n.hidden);
        const T* const weight =
            TensorAccess::data<T>(weight_h) + static_cast<std::int64_t>(k) * n.hidden * n.hidden;
        if (is_turned) {
          add_product(sum, before, matrix(weight, n.hidden, n.hidden));
        } else {
          add_by_turned(sum, before, matrix(weight, n.hidden, n.hidden));
        }
        from[k] = own;
      }
      from[4] = c + here;
      for (std::size_t k = 0; k < kKept; ++k)
        to[k] = keep + static_cast<std::int64_t>(k) * n.all() + here;
      to[5] = c + next;
      to[6] = h + next;
      if (n.step() > 0) forward_pass()(from, to, n.step());
    }
    const std::scoped_lock lock(mutex_);
    kept_ = kept;
    kept_for_ = h;
  }

  // What compute() kept when it wrote z; computed again if that was another run's.
  template <class T>
  Tensor kept_of(std::span<const Tensor> x, const Tensor& z) const {
    {
      const std::scoped_lock lock(mutex_);
      if (kept_for_ == TensorAccess::data<T>(z)) return kept_;
    }
    const Tensor again = empty_like(z);
    const LSTMRun run;
    run.compute(x, again);
    return run.kept_;
  }

  template <class T>
  std::vector<Tensor> pull_as(const Pull& at, std::span<const Tensor> operands,
                              const Tensor& g) const {
    std::vector<Tensor> x;
    for (const Tensor& operand : operands) x.push_back(contiguous(operand));
    const Sizes n = sizes_of(x);
    const Tensor z = at.z(), kept = kept_of<T>(operands, z);
    const T* const keep = TensorAccess::data<T>(kept);
    const T* const h = TensorAccess::data<T>(z);
    const T* const c = h + (n.time + 1) * n.step();
    const T* const h_out = TensorAccess::data<T>(g);
    const T* const c_out = h_out + (n.time + 1) * n.step();

    const Tensor gates = empty({4, n.time, n.batch, n.hidden}, g.element());
    T* const gate = TensorAccess::data<T>(gates);
    // h̄ and c̄ as they come from the step after; c̄ in two places, to be read and written.
    const Tensor h_next = zeros(x[kH].shape(), g.element());
    Tensor c_next = zeros(x[kH].shape(), g.element()), c_here = empty_like(c_next);
    for (std::int64_t t = n.time; t-- > 0;) {
      const std::int64_t here = t * n.step(), next = here + n.step();
      T* const h_adjoint = TensorAccess::data<T>(h_next);
      std::array<const T*, 10> from = {h_out + next, h_adjoint, c_out + next,
                                       TensorAccess::data<T>(c_next)};
      std::array<T*, 5> to;
      for (std::size_t k = 0; k < kKept; ++k)
        from[4 + k] = keep + static_cast<std::int64_t>(k) * n.all() + here;
      from[9] = c + here;
      for (std::size_t k = 0; k < kGates; ++k)
        to[k] = gate + static_cast<std::int64_t>(k) * n.all() + here;
      to[4] = TensorAccess::data<T>(c_here);
      if (n.step() > 0) backward_pass()(from, to, n.step());
      std::swap(c_next, c_here);
      std::fill_n(h_adjoint, n.step(), T{0});
      for (std::size_t k = 0; k < kGates; ++k) {
        add_product<T>(matrix(h_adjoint, n.batch, n.hidden),
                       matrix<const T>(to[k], n.batch, n.hidden), gate_of<T>(x[kWeightH], k));
      }
    }

    std::vector<Tensor> found(kCount);
    const auto first_of = [&](const T* out, const Tensor& adjoint) {
      T* to = TensorAccess::data<T>(adjoint);
      for (std::int64_t k = 0; k < n.step(); ++k) to[k] += out[k];
      return adjoint;
    };
    found[kH] = first_of(h_out, h_next);
    found[kC] = first_of(c_out, c_next);
    const std::int64_t rows = n.time * n.batch;
    for (const std::size_t k : {kX, kWeightX, kWeightH, kBias}) {
      if (at.wants(k)) found[k] = zeros(x[k].shape(), g.element());
    }
    for (std::size_t k = 0; k < kGates; ++k) {
      const auto place = static_cast<std::int64_t>(k);
      const Matrix<const T> own = matrix<const T>(gate + place * n.all(), rows, n.hidden);
      const auto weight_adjoint = [&](std::size_t of, const T* data) {
        const std::int64_t columns = x[of].shape()[1];
        T* to = TensorAccess::data<T>(found[of]) + place * n.hidden * columns;
        add_turned_by<T>(matrix(to, n.hidden, columns), own, matrix(data, rows, columns));
      };
      if (at.wants(kX)) {
        add_product<T>(matrix(TensorAccess::data<T>(found[kX]), rows, n.in), own,
                       gate_of<T>(x[kWeightX], k));
      }
      if (at.wants(kWeightX)) weight_adjoint(kWeightX, TensorAccess::data<T>(x[kX]));
      if (at.wants(kWeightH)) weight_adjoint(kWeightH, h);
      if (at.wants(kBias)) {
        T* to = TensorAccess::data<T>(found[kBias]) + place * n.hidden;
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t j = 0; j < n.hidden; ++j) to[j] += own.data[r * n.hidden + j];
        }
      }
    }
    return found;
  }

  // Derivatives of higher order go through the steps.
  static void pull_recorded(const Pull& at, std::span<const Tensor> x) {
    const Tensor z = lstm_by_steps(x[kX], {x[kH], x[kC]}, x[kWeightX], x[kWeightH], x[kBias]);
    std::vector<Tensor> wanted;
    for (std::size_t k = 0; k < kCount; ++k) {
      if (at.wants(k)) wanted.push_back(x[k]);
    }
    const std::vector<Tensor> found = recorded_vjp({&z, 1}, {&at.g(), 1}, wanted);
    for (std::size_t k = 0, next = 0; k < kCount; ++k) {
      if (at.wants(k)) at.push(k, found[next++]);
    }
  }

  mutable std::mutex mutex_;
  mutable Tensor kept_;
  mutable const void* kept_for_ = nullptr;
};

}  // namespace

Tensor lstm(const Tensor& x, const LSTMState& first, const Tensor& weight_x, const Tensor& weight_h,
            const Tensor& bias, Location at) {
  return call(std::make_shared<const LSTMRun>(), {x, first.h, first.c, weight_x, weight_h, bias},
              at);
}

}  // namespace chainrule::nn
