// A program and its derivatives over many rows: as a Function, and as a Kernel.
#pragma once

#include <optional>

#include "chainrule/emit/kernel.hpp"
#include "chainrule/expr/record.hpp"
#include "chainrule/tape/tape.hpp"
#include "cli/input.hpp"

namespace chainrule::cli {

/// What is computed of a program.
struct Wanted {
  std::vector<std::size_t> wrt;  ///< names, by their places
  bool slopes = false;           ///< by each name of `wrt`
  bool curvatures = false;       ///< by each pair of them, the upper triangle row by row

  /// How many numbers that is, the value first.
  std::size_t numbers() const;
};

/// The program's names, a scalar argument each, to what is wanted of it. Recorded at `example`.
Function to_function(const expr::Program& program, const Wanted& wanted,
                     std::span<const double> example);

/// One row at a time on the thread's tape: recorded and swept anew for each.
class EagerRows {
 public:
  EagerRows(const expr::Program& program, const Wanted& wanted);
  /// `values` of the program's names, in its order; `out` takes the wanted numbers.
  void operator()(std::span<const double> values, std::span<double> out);

 private:
  const Wanted& wanted_;
  expr::Evaluator evaluator_;
  expr::Recording recording_;
  Frame frame_;
  std::vector<Scalar> inputs_;
  std::vector<Scalar> wrt_;
};

/// The words for --backend: `x64` is the better of avx512 and avx2.
inline constexpr const char* kBackends = "x64|avx512|avx2|interpret|eager";
/// The backend of a word; none for "eager". Throws Error for another word, and for what this
/// processor or build does not have.
std::optional<Backend> backend_called(const std::string& word);

/// Throws Error unless it is 1 … 256.
void require_threads(unsigned threads);

}  // namespace chainrule::cli
