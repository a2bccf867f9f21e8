// Random programs over arrays: a loop over the rows of a table, inside it one over numbers that all
// rows read, as a mixture has components and dimensions. Their derivatives stack an array a step.
#pragma once

#include "tests/support/programs.hpp"

namespace chainrule::test {

/// Arguments: `parameters` numbers, a table of rows x width numbers, and `others` numbers.
struct ArrayProgram {
  using Kind = Statement::Kind;
  enum class Gives : unsigned char { totals, arrays, all } gives;
  enum class Scaled : unsigned char { no, by_parameters } scaled;  ///< what it gives
  Kind outer, inner;                                               ///< map, sum_over, fold, scan
  std::size_t rows, width, others, parameters, registers;
  Statement::List before, within, after;  ///< the inner loop, whose body is `within`
};

ArrayProgram random_array_program(std::mt19937& random, ProgramGenerator& generator,
                                  std::size_t registers);

namespace detail {

// The first register from the carry, the next ones from the step's own numbers.
template <class V>
std::vector<V> with(std::vector<V> local, const V& carry, std::span<const V> own) {
  local[0] = carry;
  for (std::size_t k = 0; k < own.size() && k + 1 < local.size(); ++k) local[k + 1] = own[k];
  return local;
}

template <class V>
std::vector<V> kept(const std::vector<V>& local) {
  return {local[1], local[local.size() - 1]};
}

template <class V>
struct Looped {
  V carry;
  std::vector<std::vector<V>> kept;
};

// In plain numbers.
template <class Body>
Looped<double> loop(Statement::Kind kind, const Body& body, double first,
                    const std::vector<std::vector<double>>& own) {
  using Kind = Statement::Kind;
  Looped<double> all{kind == Kind::sum_over ? 0.0 : first, {}};
  for (const std::vector<double>& x : own) {
    const bool goes_round = kind == Kind::fold || kind == Kind::scan;
    const std::vector<double> local = body(goes_round ? all.carry : 0.5, x);
    if (goes_round) all.carry = local[0];
    if (kind == Kind::sum_over) all.carry += local[0];
    if (kind == Kind::map || kind == Kind::scan) all.kept.push_back(kept(local));
  }
  return all;
}

// The same, recorded.
template <class Body>
Looped<Scalar> loop(Statement::Kind kind, const Body& body, Scalar first,
                    const std::vector<std::vector<Scalar>>& own) {
  using Kind = Statement::Kind;
  using Row = std::vector<Scalar>;
  const auto apart = [body](const Row& x) { return body(Scalar(0.5), x); };
  if (kind == Kind::map) {
    return {first, chainrule::map([apart](const Row& x) { return kept(apart(x)); }, own)};
  }
  if (kind == Kind::sum_over) {
    return {sum_over([apart](const Row& x) { return apart(x)[0]; }, own), {}};
  }
  if (kind == Kind::fold) {
    return {fold([body](Scalar c, const Row& x) { return body(c, x)[0]; }, first, own), {}};
  }
  const auto pair = [body](Scalar c, const Row& x) {
    const Row local = body(c, x);
    return std::pair(local[0], kept(local));
  };
  const auto scanned = scan(pair, first, own);
  return {scanned.carry, scanned.ys};
}

}  // namespace detail

template <class V>
std::vector<V> values_of(const ArrayProgram& program, std::span<const V> in) {
  const std::span<const V> parameters = in.first(program.parameters),
                           table = in.subspan(parameters.size(), program.rows * program.width),
                           others = in.subspan(parameters.size() + table.size());
  std::vector<std::vector<V>> rows, singles;
  for (std::size_t r = 0; r < program.rows; ++r) {
    const auto row = table.subspan(r * program.width, program.width);
    rows.emplace_back(row.begin(), row.end());
  }
  for (const V& x : others) singles.push_back({x});
  std::vector<V> registers(program.registers, V(0.75));
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    registers[program.registers - 1 - k % program.registers] = parameters[k];
  }
  const auto step = [&program, singles, registers](const V& carry, const std::vector<V>& x) {
    std::vector<V> local = detail::with<V>(registers, carry, x);
    run(*program.before, local);
    const auto within = [&program, local](const V& c, const std::vector<V>& z) {
      std::vector<V> own = detail::with<V>(local, c, z);
      run(*program.within, own);
      return own;
    };
    const auto inner = detail::loop(program.inner, within, local[0], singles);
    local[0] = inner.carry;
    for (std::size_t t = 0; t < inner.kept.size(); ++t) {
      local[1 + t % (local.size() - 1)] = inner.kept[t][t % 2];
    }
    run(*program.after, local);
    return local;
  };
  const V first = parameters.empty() ? V(0.25) : parameters[0];
  const auto outer = detail::loop(program.outer, step, first, rows);
  std::vector<V> out;
  const bool has_arrays = !outer.kept.empty() && program.gives != ArrayProgram::Gives::totals;
  if (!has_arrays || program.gives == ArrayProgram::Gives::all) out.push_back(outer.carry);
  if (has_arrays) {
    // Array after array, or step after step.
    for (std::size_t k = 0; k < 2 * program.rows; ++k) {
      const bool by_step = program.gives == ArrayProgram::Gives::all;
      out.push_back(by_step ? outer.kept[k / 2][k % 2]
                            : outer.kept[k % program.rows][k / program.rows]);
    }
  }
  const bool is_scaled = program.scaled == ArrayProgram::Scaled::by_parameters;
  for (std::size_t k = 0; k < out.size() && is_scaled; ++k) {
    const V& p = parameters.empty() ? first : parameters[k % parameters.size()];
    if (k % 3 == 0) out[k] = p * out[k];
    if (k % 3 == 1) out[k] = out[k] / p - p * out[k - 1];
    if (k % 3 == 2) out[k] = -out[k] * (p + V(1.0));
  }
  return out;
}

inline ArrayProgram random_array_program(std::mt19937& random, ProgramGenerator& generator,
                                         std::size_t registers) {
  using Kind = Statement::Kind;
  constexpr Kind kLoops[] = {Kind::map, Kind::sum_over, Kind::fold, Kind::scan};
  const auto list = [&] {
    return std::make_shared<const std::vector<Statement>>(generator.block(0));
  };
  ArrayProgram program{};
  program.gives = static_cast<ArrayProgram::Gives>(random() % 3);
  program.scaled = static_cast<ArrayProgram::Scaled>(random() % 2);
  program.outer = kLoops[random() % 4], program.inner = kLoops[random() % 4];
  program.rows = 1 + random() % (random() % 8 == 0 ? 40 : 9);
  program.width = 1 + random() % 3;
  program.others = 1 + random() % 6;
  program.parameters = random() % 4;
  program.registers = registers;
  program.before = list(), program.within = list(), program.after = list();
  return program;
}

}  // namespace chainrule::test
