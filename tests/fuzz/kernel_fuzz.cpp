// Any trace, compiled, gives what its Function gives: on every back end, bit for bit in strict
// arithmetic and within its radius in relaxed.
//
// The first byte chooses: a text, or what follows the header of a binary file; the second, how the
// kernel is made and run. The rows are numbers of every kind, drawn by the bytes of the trace.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "chainrule/graph/bytes_internal.hpp"
#include "chainrule/graph/save.hpp"
#include "chainrule/graph/text.hpp"
#include "tests/emit/readings.hpp"
#include "tests/graph/traces.hpp"
#include "tests/optimise/wild.hpp"

namespace {

using namespace chainrule;
using test::Reading;

std::uint32_t hash_of(std::string_view bytes) {  // FNV-1a
  std::uint32_t hash = 2166136261u;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619u;
  return hash;
}

Reading reading_of(std::uint8_t choice, std::uint32_t seed) {
  Reading reading;
  reading.arithmetic = (choice & 1) != 0 ? Arithmetic::relaxed : Arithmetic::strict;
  reading.row_vectors = 1u << (choice >> 1 & 3) % 3;
  reading.way = static_cast<Reading::Way>(choice >> 3 & 3);
  reading.summation = static_cast<CompileOptions::Summation>(choice >> 5 & 1);
  reading.seed = seed;
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 2048) return 0;
  register_sums();
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::mt19937 random(hash_of(bytes));
  test::Subject subject{Function(Trace{}), {}, 1 + random() % 20};
  try {
    subject.f = Function(data[0] == 'p' ? from_bytes(detail::sealed(bytes), "fuzz")
                                        : parse_trace(bytes, "fuzz"));
  } catch (const Error&) {
    return 0;
  }
  if (subject.f.inputs() > 64 || subject.f.outputs() > 64) return 0;
  for (std::size_t k = 0; k < subject.rows * subject.f.inputs(); ++k) {
    subject.in.push_back(wild_number(random));
  }
  Reading reading = reading_of(data[1], static_cast<std::uint32_t>(random()));
  for (const Backend backend : test::backends()) {
    reading.backend = backend;
    const std::string found = test::difference(subject, reading);
    if (found.empty()) continue;
    std::fprintf(stderr, "%s: %s\n%s", test::to_string(reading).c_str(), found.c_str(),
                 print(subject.f.trace()).c_str());
    std::abort();
  }
  return 0;
}
