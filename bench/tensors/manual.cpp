// Written by hand: the net on OpenBLAS, the chain as one loop of vector mathematics, micrograd's
// net as loops over arrays.
#include <cblas.h>
#include <sleef.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>

#include "bench/tensors/work.hpp"

namespace bench {
namespace {

std::mt19937& source() {
  static std::mt19937 random(1);
  return random;
}

std::vector<float> normal(std::size_t n, float deviation = 1) {
  std::normal_distribution<float> d(0, deviation);
  std::vector<float> x(n);
  for (float& v : x) v = d(source());
  return x;
}

struct Layer {
  int in = 0, out = 0;
  std::vector<float> w, b, gw, gb, mw, vw, mb, vb, y, gy;
};

enum class Rule { sgd, adam };

struct Net {
  int batch;
  Rule rule;
  std::vector<Layer> layers;
  std::vector<float> x;
  int step = 0;

  Net(int rows, Rule which)
      : batch(rows), rule(which), x(normal(static_cast<std::size_t>(rows) * 784)) {
    constexpr int sizes[] = {784, 128, 64, 10};
    for (int k = 0; k < 3; ++k) {
      const auto n = static_cast<std::size_t>(sizes[k]) * static_cast<std::size_t>(sizes[k + 1]);
      const auto m = static_cast<std::size_t>(sizes[k + 1]);
      Layer layer;
      layer.in = sizes[k];
      layer.out = sizes[k + 1];
      layer.w = normal(n, 0.05f);
      layer.b.resize(m);
      for (auto* v : {&layer.gw, &layer.mw, &layer.vw}) v->resize(n);
      for (auto* v : {&layer.gb, &layer.mb, &layer.vb}) v->resize(m);
      layer.y.resize(m * static_cast<std::size_t>(rows));
      layer.gy.resize(m * static_cast<std::size_t>(rows));
      layers.push_back(std::move(layer));
    }
  }

  void update(std::vector<float>& p, std::vector<float>& g, std::vector<float>& m,
              std::vector<float>& v) const {
    const std::size_t n = p.size();
    if (rule == Rule::sgd) {
      for (std::size_t i = 0; i < n; ++i) p[i] -= 1e-3f * g[i];
      return;
    }
    const float c1 = 1 - std::pow(0.9f, static_cast<float>(step));
    const float c2 = 1 - std::pow(0.999f, static_cast<float>(step));
    for (std::size_t i = 0; i < n; ++i) {
      m[i] = 0.9f * m[i] + 0.1f * g[i];
      v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
      p[i] -= 1e-3f * (m[i] / c1) / (std::sqrt(v[i] / c2) + 1e-8f);
    }
  }

  void operator()() {
    ++step;
    const float* in = x.data();
    for (std::size_t k = 0; k < 3; ++k) {
      Layer& l = layers[k];
      for (int r = 0; r < batch; ++r)
        std::copy(l.b.begin(), l.b.end(), l.y.begin() + static_cast<std::ptrdiff_t>(r) * l.out);
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, batch, l.out, l.in, 1, in, l.in,
                  l.w.data(), l.in, 1, l.y.data(), l.out);
      if (k < 2) {
        for (float& v : l.y) v = v > 0 ? v : 0;
      }
      in = l.y.data();
    }
    Layer& top = layers[2];
    for (int r = 0; r < batch; ++r) {
      const float* y = &top.y[static_cast<std::size_t>(r) * 10];
      float* g = &top.gy[static_cast<std::size_t>(r) * 10];
      float most = y[0], sum = 0;
      for (int j = 1; j < 10; ++j) most = std::max(most, y[j]);
      for (int j = 0; j < 10; ++j) sum += g[j] = std::exp(y[j] - most);
      for (int j = 0; j < 10; ++j) g[j] /= sum * static_cast<float>(batch);
      g[r % 10] -= 1.0f / static_cast<float>(batch);
    }
    for (std::size_t k = 3; k-- > 0;) {
      Layer& l = layers[k];
      const float* below = k == 0 ? x.data() : layers[k - 1].y.data();
      cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, l.out, l.in, batch, 1, l.gy.data(),
                  l.out, below, l.in, 0, l.gw.data(), l.in);
      std::fill(l.gb.begin(), l.gb.end(), 0.0f);
      for (int r = 0; r < batch; ++r) {
        for (int j = 0; j < l.out; ++j)
          l.gb[static_cast<std::size_t>(j)] += l.gy[static_cast<std::size_t>(r * l.out + j)];
      }
      if (k > 0) {
        Layer& b = layers[k - 1];
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, batch, l.in, l.out, 1, l.gy.data(),
                    l.out, l.w.data(), l.in, 0, b.gy.data(), l.in);
        for (std::size_t i = 0; i < b.gy.size(); ++i) b.gy[i] = b.y[i] > 0 ? b.gy[i] : 0;
      }
    }
    for (Layer& l : layers) {
      update(l.w, l.gw, l.mw, l.vw);
      update(l.b, l.gb, l.mb, l.vb);
    }
  }
};

#if defined(__AVX512F__)
void chain_loop(const float* x, float* g, std::size_t from, std::size_t to, double& total) {
  __m512 sum = _mm512_setzero_ps();
  const __m512 one = _mm512_set1_ps(1), half = _mm512_set1_ps(0.5f), tenth = _mm512_set1_ps(0.1f);
  double wide = 0;
  for (std::size_t i = from; i + 16 <= to; i += 16) {
    const __m512 v = _mm512_loadu_ps(x + i);
    const __m512 a = Sleef_tanhf16_u10(_mm512_fmadd_ps(v, half, tenth));
    const __m512 e = Sleef_expf16_u10(_mm512_fnmadd_ps(a, a, _mm512_setzero_ps()));
    const __m512 s = _mm512_div_ps(
        one, _mm512_add_ps(one, Sleef_expf16_u10(_mm512_sub_ps(_mm512_setzero_ps(), v))));
    sum = _mm512_add_ps(sum, _mm512_fmadd_ps(e, s, a));
    // d/da (e s + a) = 1 − 2 a e s; da/dx = ½ (1 − a²); ds/dx = s (1 − s).
    const __m512 es = _mm512_mul_ps(e, s);
    const __m512 by_a = _mm512_fnmadd_ps(_mm512_add_ps(a, a), es, one);
    const __m512 slope = _mm512_mul_ps(half, _mm512_fnmadd_ps(a, a, one));
    _mm512_storeu_ps(g + i, _mm512_fmadd_ps(by_a, slope, _mm512_mul_ps(es, _mm512_sub_ps(one, s))));
    if (i / 16 % 64 == 63) {
      wide += static_cast<double>(_mm512_reduce_add_ps(sum));
      sum = _mm512_setzero_ps();
    }
  }
  total = wide + static_cast<double>(_mm512_reduce_add_ps(sum));
}

Doing chain(unsigned threads) {
  auto x = std::make_shared<std::vector<float>>(normal(1000000));
  auto g = std::make_shared<std::vector<float>>(1000000);
  if (threads != 1) return {};
  return [x, g] {
    double total = 0;
    chain_loop(x->data(), g->data(), 0, x->size(), total);
    volatile double keep = total;
    static_cast<void>(keep);
  };
}
#else
Doing chain(unsigned) { return {}; }
#endif

// micrograd's net 2-16-16-1 on 100 points: hinge loss, weight decay, one step.
struct Moons {
  std::array<double, 337> w{}, g{};
  std::vector<double> x, y;
  Moons() {
    std::uniform_real_distribution<double> u(-1, 1);
    for (double& v : w) v = u(source());
    for (int k = 0; k < 100; ++k) {
      x.push_back(u(source()) * 2);
      x.push_back(u(source()) * 2);
      y.push_back(k % 2 == 0 ? 1 : -1);
    }
  }
  void operator()() {
    g.fill(0);
    for (std::size_t k = 0; k < 100; ++k) {
      const double* in = &x[2 * k];
      double a[16], b[16], ga[16] = {};
      const double *w1 = &w[0], *w2 = &w[48], *w3 = &w[320];
      double *g1 = &g[0], *g2 = &g[48], *g3 = &g[320];
      for (int j = 0; j < 16; ++j) {
        const double s = w1[3 * j] * in[0] + w1[3 * j + 1] * in[1] + w1[3 * j + 2];
        a[j] = s > 0 ? s : 0;
      }
      double score = w3[16];
      for (int j = 0; j < 16; ++j) {
        double s = w2[17 * j + 16];
        for (int i = 0; i < 16; ++i) s += w2[17 * j + i] * a[i];
        b[j] = s > 0 ? s : 0;
        score += w3[j] * b[j];
      }
      if (1 - y[k] * score <= 0) continue;
      const double d = -y[k] / 100;
      g3[16] += d;
      for (int j = 0; j < 16; ++j) {
        g3[j] += d * b[j];
        if (b[j] <= 0) continue;
        const double gb = d * w3[j];
        for (int i = 0; i < 16; ++i) {
          g2[17 * j + i] += gb * a[i];
          ga[i] += gb * w2[17 * j + i];
        }
        g2[17 * j + 16] += gb;
      }
      for (int j = 0; j < 16; ++j) {
        if (a[j] <= 0) continue;
        g1[3 * j] += ga[j] * in[0];
        g1[3 * j + 1] += ga[j] * in[1];
        g1[3 * j + 2] += ga[j];
      }
    }
    for (std::size_t i = 0; i < w.size(); ++i) w[i] -= 0.05 * (g[i] + 2e-4 * w[i]);
  }
};

}  // namespace

Doing manual_doing(const Work& work, unsigned threads) {
  openblas_set_num_threads(static_cast<int>(threads));
  if (work.name == "mlp_sgd" || work.name == "mlp_adam") {
    auto net = std::make_shared<Net>(work.batch, work.name == "mlp_sgd" ? Rule::sgd : Rule::adam);
    return [net] { (*net)(); };
  }
  if (work.name == "chain") return chain(threads);
  if (work.name == "moons" && threads == 1) {
    auto moons = std::make_shared<Moons>();
    return [moons] { (*moons)(); };
  }
  return {};
}

}  // namespace bench
