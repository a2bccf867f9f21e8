// checker FOLDER: asks every eval's executable in FOLDER and holds what it answers against central
// differences of what its own primal function answers; particle and saddle against the published
// results. Exits with 1 if anything differs by more than 10⁻⁴ as GradBench measures it, |a − b|
// over max(1, |a| + |b|), or if an answer has not the form that the suite expects.
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>

namespace {

using Json = nlohmann::json;
using Numbers = std::vector<double>;
namespace fs = std::filesystem;

fs::path folder, scratch;
int checks = 0, faults = 0;
std::mt19937_64 generator(1);

void expect(bool holds, const std::string& what) {
  ++checks;
  if (holds) return;
  ++faults;
  std::printf("WRONG %s\n", what.c_str());
}

void expect_near(double expected, double got, const std::string& what) {
  const double error =
      std::fabs(expected - got) / std::max(1.0, std::fabs(expected) + std::fabs(got));
  expect(error <= 1e-4,
         what + ": expected " + std::to_string(expected) + ", got " + std::to_string(got));
}

/// The first line of the answer; the timings are counted.
Json ask(const std::string& eval, const std::string& function, Json request, int runs = 1) {
  const fs::path file = scratch / "request.json";
  if (request.is_object()) request.update({{"min_runs", runs}, {"min_seconds", 0}});
  std::ofstream(file) << request.dump();
  const std::string command = (folder / eval).string() + " " + file.string() + " " + function;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  std::string text;
  char buffer[4096];
  for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    text.append(buffer, got);
  if (pclose(pipe) != 0) throw std::runtime_error("failed: " + command);
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  const Json result = Json::parse(line);
  int timings = 0;
  while (std::getline(lines, line)) {
    const Json timing = Json::parse(line);
    const bool is_timing = timing.size() == 2 && timing.at("name") == "evaluate" &&
                           timing.at("nanoseconds").is_number_integer();
    expect(is_timing, eval + " " + function + ": a timing is " + line);
    ++timings;
  }
  expect(timings == runs, eval + " " + function + ": " + std::to_string(timings) + " timings of " +
                              std::to_string(runs) + " runs");
  return result;
}

double uniform(double from = 0, double to = 1) {
  return std::uniform_real_distribution<double>(from, to)(generator);
}
Numbers uniforms(std::size_t n, double from = 0, double to = 1) {
  Numbers x(n);
  for (double& value : x) value = uniform(from, to);
  return x;
}
Json rows(std::size_t n, std::size_t width, double from = 0, double to = 1) {
  Json all = Json::array();
  for (std::size_t i = 0; i < n; ++i) all.push_back(uniforms(width, from, to));
  return all;
}

/// Every number in a value, in order.
void each_number(const Json& value, const std::function<void(double)>& visit) {
  if (value.is_number()) return visit(value.get<double>());
  for (const Json& part : value) each_number(part, visit);
}
Numbers numbers_in(const Json& value) {
  Numbers all;
  each_number(value, [&](double x) { all.push_back(x); });
  return all;
}
/// The same value with each number plus step · the next of `along`.
Json moved(const Json& value, const Numbers& along, double step, std::size_t& next) {
  if (value.is_number()) return value.get<double>() + step * along[next++];
  Json out = value;
  for (Json& part : out) part = moved(part, along, step, next);
  return out;
}

/// ∂(outputs)/∂(the members `names` of the request) along a direction, by central differences.
Numbers slope(const std::string& eval, const std::string& function, const Json& request,
              const std::vector<std::string>& names, const Numbers& along, double step = 1e-5) {
  std::vector<Numbers> ends;
  for (const double side : {step, -step}) {
    Json there = request;
    std::size_t next = 0;
    for (const std::string& name : names) {
      const Json::json_pointer at("/" + name);
      there[at] = moved(request.at(at), along, side, next);
    }
    ends.push_back(numbers_in(ask(eval, function, there)));
  }
  Numbers slopes(ends[0].size());
  for (std::size_t o = 0; o < slopes.size(); ++o)
    slopes[o] = (ends[0][o] - ends[1][o]) / (2 * step);
  return slopes;
}

std::size_t count_in(const Json& request, const std::vector<std::string>& names) {
  std::size_t count = 0;
  for (const std::string& name : names) {
    count += numbers_in(request.at(Json::json_pointer("/" + name))).size();
  }
  return count;
}

/// A gradient, as numbers in the order of `names`, along a few directions.
void check_gradient(const std::string& eval, const std::string& primal, const Json& request,
                    const std::vector<std::string>& names, const Numbers& gradient) {
  const std::size_t n = count_in(request, names);
  expect(gradient.size() == n, eval + ": " + std::to_string(gradient.size()) + " derivatives by " +
                                   std::to_string(n) + " inputs");
  if (gradient.size() != n) return;
  for (int k = 0; k < 4; ++k) {
    Numbers along = k % 2 == 0 ? uniforms(n, -1, 1) : Numbers(n, 0.0);
    if (k % 2 == 1) along[generator() % n] = 1;
    double ours = 0;
    for (std::size_t i = 0; i < n; ++i) ours += gradient[i] * along[i];
    expect_near(slope(eval, primal, request, names, along).back(), ours,
                eval + " along a direction");
  }
}

void hello() {
  expect_near(1.5 * 1.5, ask("hello", "square", 1.5), "hello square");
  expect_near(2 * 1.5, ask("hello", "double", 1.5), "hello double");
}

void gmm() {
  for (const std::size_t d : {1u, 3u}) {
    const std::size_t k = 4, n = 20;
    const Json request = {{"d", d},
                          {"k", k},
                          {"n", n},
                          {"x", rows(n, d, -1, 1)},
                          {"m", 2},
                          {"gamma", 0.7},
                          {"alpha", uniforms(k, -1, 1)},
                          {"mu", rows(k, d)},
                          {"q", rows(k, d, -1, 1)},
                          {"l", rows(k, d * (d - 1) / 2, -1, 1)}};
    const Json got = ask("gmm", "jacobian", request, 3);
    expect(got.size() == 4, "gmm: members of the Jacobian");
    Numbers gradient;
    for (const char* name : {"alpha", "mu", "q", "l"}) {
      const Numbers part = numbers_in(got.at(name));
      gradient.insert(gradient.end(), part.begin(), part.end());
    }
    check_gradient("gmm", "objective", request, {"alpha", "mu", "q", "l"}, gradient);
  }
  // One component in one dimension, by hand: log N(x; μ, e^(−2q)) and the prior
  // n d log(γ/√2) − log Γ(n/2) − γ²/2 e^(2q) + m q with n = d + m + 1.
  const double x = 0.3, mu = -0.2, q = 0.4, gamma = 0.7, m = 2, n = 1 + m + 1;
  const Json one = {{"d", 1},         {"k", 1},
                    {"n", 1},         {"x", {{x}}},
                    {"m", m},         {"gamma", gamma},
                    {"alpha", {0.9}}, {"mu", {{mu}}},
                    {"q", {{q}}},     {"l", Json::array({Json::array()})}};
  const double z = std::exp(q) * (x - mu);
  const double likelihood = -0.5 * std::log(2 * M_PI) + q - 0.5 * z * z;
  const double prior = n * std::log(gamma / std::sqrt(2.0)) - std::lgamma(n / 2) -
                       0.5 * gamma * gamma * std::exp(2 * q) + m * q;
  expect_near(likelihood + prior, ask("gmm", "objective", one), "gmm objective");
}

void ba() {
  const std::size_t n = 3, m = 5, p = 12;
  Json request = {{"n", n},
                  {"m", m},
                  {"p", p},
                  {"cam", {0.01, -0.02, 0.03, 0.1, 0.2, -0.3, 500, 3, -4, 0.01, 0.002}},
                  {"x", {0.3, -0.4, 5.0}},
                  {"w", 0.9},
                  {"feat", {10.0, -20.0}}};
  const Json value = ask("ba", "objective", request, 2);
  expect(value.at("reproj_error").at("repeated") == p, "ba: repeated");
  expect_near(1 - 0.9 * 0.9, value.at("w_err").at("element"), "ba: weight error");
  const Json got = ask("ba", "jacobian", request);
  const Numbers values = numbers_in(got.at("vals"));
  expect(values.size() == 31, "ba: 31 values");
  for (std::size_t i = 0; i < 15; ++i) {
    Numbers along(15, 0.0);
    along[i] = 1;
    const Numbers slopes = slope("ba", "objective", request, {"cam", "x", "w"}, along);
    // elements of reproj_error, repeated, element of w_err, repeated
    expect_near(slopes[0], values[i], "ba: first error by input " + std::to_string(i));
    expect_near(slopes[1], values[15 + i], "ba: second error by input " + std::to_string(i));
  }
  expect_near(-2 * 0.9, values.back(), "ba: weight error by weight");
  const auto columns = got.at("cols").get<std::vector<std::size_t>>();
  const auto starts = got.at("rows").get<std::vector<std::size_t>>();
  expect(columns.size() == 31 && columns[10] == 10 && columns[11] == 11 * n &&
             columns[14] == 11 * n + 3 * m && columns.back() == 11 * n + 3 * m + p - 1,
         "ba: columns " + got.at("cols").dump());
  expect(starts.size() == 31 && starts[0] == 0 && starts[1] == 15 && starts[2] == 30 &&
             starts.back() == 31 * p,
         "ba: rows " + got.at("rows").dump());
}

void ht() {
  const std::size_t bones = 22, vertices = 12, measurements = 7;
  Json relatives = Json::array(), inverses = Json::array(), parents = Json::array(),
       names = Json::array();
  for (std::size_t b = 0; b < bones; ++b) {
    Json relative = rows(3, 4, -0.5, 0.5), inverse = rows(3, 4, -0.5, 0.5);
    for (Json* matrix : {&relative, &inverse}) matrix->push_back({0.0, 0.0, 0.0, 1.0});
    relatives.push_back(relative);
    inverses.push_back(inverse);
    parents.push_back(b == 0                               ? -1
                      : b == bones - 1 || (b - 1) % 4 == 0 ? 0
                                                           : static_cast<int>(b) - 1);
    names.push_back("bone" + std::to_string(b));
  }
  Json weights = Json::array(), positions = Json::array(), triangles = Json::array(),
       of = Json::array(), on = Json::array();
  for (std::size_t v = 0; v < vertices; ++v) {
    Numbers row(bones, 0.0);
    for (int k = 0; k < 3; ++k) row[generator() % bones] += uniform();
    weights.push_back(row);
    Numbers place = uniforms(3, -1, 1);
    place.push_back(1);
    positions.push_back(place);
    triangles.push_back({v, (v + 1) % vertices, (v + 5) % vertices});
  }
  for (std::size_t i = 0; i < measurements; ++i) of.push_back(generator() % vertices);
  for (const bool is_mirrored : {false, true}) {
    const Json model = {{"bone_count", bones},
                        {"bone_names", names},
                        {"parents", parents},
                        {"base_relatives", relatives},
                        {"inverse_base_absolutes", inverses},
                        {"base_positions", positions},
                        {"weights", weights},
                        {"triangles", triangles},
                        {"is_mirrored", is_mirrored}};
    Json request = {
        {"theta", uniforms(26, -0.6, 0.6)},
        {"data",
         {{"model", model}, {"correspondences", of}, {"points", rows(measurements, 3, -1, 1)}}},
        {"us", Json::array()}};
    const auto check = [&](const std::vector<std::string>& by, std::size_t own) {
      const Json got = ask("ht", "jacobian", request, 2);
      expect(got.size() == 3 * measurements && got.at(0).size() == own + 26, "ht: shape");
      for (int k = 0; k < 5; ++k) {
        // A direction of all u, which come two a measurement, and then of θ.
        const Numbers along = uniforms(own * measurements + 26, -1, 1);
        const Numbers slopes = slope("ht", "objective", request, by, along);
        for (std::size_t o = 0; o < 3 * measurements; ++o) {
          const Numbers row = numbers_in(got.at(o));
          double ours = 0;
          for (std::size_t j = 0; j < own; ++j) ours += row[j] * along[own * (o / 3) + j];
          for (std::size_t j = 0; j < 26; ++j) {
            ours += row[own + j] * along[own * measurements + j];
          }
          expect_near(slopes[o], ours, "ht: error " + std::to_string(o));
        }
      }
    };
    check({"theta"}, 0);
    request["us"] = rows(measurements, 2);
    check({"us", "theta"}, 2);
  }
}

void lstm() {
  const std::size_t layers = 2, bits = 5, characters = 9;
  const Json request = {{"main_params", rows(2 * layers, 4 * bits)},
                        {"extra_params", rows(3, bits)},
                        {"state", rows(2 * layers, bits)},
                        {"sequence", rows(characters, bits)}};
  check_gradient("lstm", "objective", request, {"main_params", "extra_params"},
                 numbers_in(ask("lstm", "jacobian", request, 2)));
}

void lse() {
  const Json request = {{"x", uniforms(37, -100, 100)}};
  check_gradient("lse", "primal", request, {"x"}, numbers_in(ask("lse", "gradient", request, 2)));
}

void llsq() {
  const Json request = {{"x", uniforms(9)}, {"n", 31}};
  check_gradient("llsq", "primal", request, {"x"}, numbers_in(ask("llsq", "gradient", request, 2)));
}

void kmeans() {
  for (const std::size_t k : {3u, 19u}) {
    const std::size_t n = 60, d = 3;
    const Json points = rows(n, d);
    Json centroids = Json::array();
    for (std::size_t j = 0; j < k; ++j) centroids.push_back(points.at(n - k + j));
    const Json request = {{"points", points}, {"centroids", centroids}};
    const Numbers got = numbers_in(ask("kmeans", "dir", request, 2));
    expect(got.size() == k * d, "kmeans: size");
    const double at = ask("kmeans", "cost", request), step = 1e-5;
    for (std::size_t i = 0; i < k * d; i += 4) {
      Numbers along(k * d, 0.0);
      along[i] = 1;
      std::size_t next = 0;
      Json up = request, down = request;
      up["centroids"] = moved(centroids, along, step, next);
      next = 0;
      down["centroids"] = moved(centroids, along, -step, next);
      const double above = ask("kmeans", "cost", up), below = ask("kmeans", "cost", down);
      const double gradient = (above - below) / (2 * step);
      const double curvature = (above - 2 * at + below) / (step * step);
      expect_near(gradient / curvature, got[i], "kmeans: direction " + std::to_string(i));
    }
  }
}

void ode() {
  for (const int steps : {1, 7}) {
    const Json request = {{"x", uniforms(4)}, {"s", steps}};
    check_gradient("ode", "primal", request, {"x"}, numbers_in(ask("ode", "gradient", request, 2)));
  }
  const Json request = {{"x", uniforms(300)}, {"s", 3}};
  expect(numbers_in(ask("ode", "gradient", request)) == Numbers(300, 0.0),
         "ode: an element that no step reaches");
}

void det() {
  for (const std::size_t size : {1u, 2u, 5u, 8u, 9u, 10u}) {
    const Json request = {{"A", uniforms(size * size)}, {"ell", size}};
    check_gradient("det", "primal", request, {"A"}, numbers_in(ask("det", "gradient", request, 2)));
  }
}

void optimisations() {
  for (const char* modes : {"ff", "fr", "rf", "rr"}) {
    expect_near(0.2071918746486116, ask("particle", modes, {{"w", 0.0}}), "particle");
    const Numbers got = numbers_in(ask("saddle", modes, {{"start", {1.0, 1.0}}}));
    expect(got.size() == 4, "saddle: size");
    for (const double x : got)
      expect(std::fabs(x - 8.246324826140356e-06) < 1e-12, "saddle: " + std::to_string(x));
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: checker FOLDER");
  folder = fs::absolute(argv[1]);
  scratch = fs::temp_directory_path() / ("gradbench" + std::to_string(getpid()));
  fs::create_directory(scratch);
  const std::pair<const char*, void (*)()> all[] = {{"hello", hello},
                                                    {"gmm", gmm},
                                                    {"ba", ba},
                                                    {"ht", ht},
                                                    {"lstm", lstm},
                                                    {"lse", lse},
                                                    {"llsq", llsq},
                                                    {"kmeans", kmeans},
                                                    {"ode", ode},
                                                    {"det", det},
                                                    {"particle and saddle", optimisations}};
  for (const auto& [name, check] : all) {
    const int before = checks, wrong = faults;
    try {
      check();
    } catch (const std::exception& error) {
      expect(false, std::string(name) + ": " + error.what());
    }
    std::printf("%-20s %d checks, %d wrong\n", name, checks - before, faults - wrong);
  }
  fs::remove_all(scratch);
  return faults == 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "checker: %s\n", error.what());
  return 2;
}
