#include "tests/laws/reading.hpp"

#include <cmath>
#include <cstdio>
#include <utility>

namespace chainrule::laws {
namespace {

template <class Row, class V>
V apply(const Operands<V>& x) {
  if constexpr (Row::arity == 1) {
    return Row::template apply<V>(x[0]);
  } else if constexpr (Row::arity == 2) {
    return Row::template apply<V>(x[0], x[1]);
  } else {
    return Row::template apply<V>(x[0], x[1], x[2]);
  }
}

template <class Row, class V>
Entries<V> pull(const V& g, const Operands<V>& x, const V& z) {
  const auto pushes = [&] {
    if constexpr (Row::arity == 1) {
      return Row::template pullback<V>(g, x[0], z);
    } else if constexpr (Row::arity == 2) {
      return Row::template pullback<V>(g, x[0], x[1], z);
    } else {
      return Row::template pullback<V>(g, x[0], x[1], x[2], z);
    }
  }();
  Entries<V> entries;
  for (std::size_t k = 0; k < Row::arity; ++k) {
    entries[k] = {pushes.entry[k].value, pushes.entry[k].taken};
  }
  return entries;
}

double mutate(double z, Fault fault) {
  if (fault == Fault::value_scaled) return z * (1 + 1e-6);
  if (fault == Fault::value_offset) return z + 1e-6;
  if (fault == Fault::value_flipped) return -z;
  if (fault == Fault::value_nan_to_0 && std::isnan(z)) return 0;
  return z;
}

template <class V>
void mutate(Entries<V>& entries, const V& g, const Operands<V>& x, const Mutation& mutation) {
  const auto k = static_cast<std::size_t>(mutation.entry);
  Entry<V>& entry = entries[k];
  const double size = primal(entry.value), at = primal(x[k]);
  switch (mutation.fault) {
    case Fault::nothing:
    case Fault::value_scaled:
    case Fault::value_offset:
    case Fault::value_flipped:
    case Fault::value_nan_to_0: break;
    case Fault::entry_flipped: entry.value = -entry.value; break;
    case Fault::entry_scaled: entry.value = entry.value * (1 + 1e-3); break;
    case Fault::entry_offset: entry.value = entry.value + g * 1e-3; break;
    case Fault::entry_dropped: entry.taken = false; break;
    case Fault::entry_none_to_0:
      if (!entry.taken) entry = {V(0.0), true};
      break;
    case Fault::entry_0_to_none:
      if (size == 0) entry.taken = false;
      break;
    case Fault::entry_swapped:
      std::swap(entry, entries[static_cast<std::size_t>(mutation.other)]);
      break;
    case Fault::entry_0_above:
      if (at > 0) entry.value = V(0.0);
      break;
    case Fault::entry_0_below:
      if (at < 0) entry.value = V(0.0);
      break;
    case Fault::entry_0_at_0:
      if (at == 0) entry.value = V(0.0);
      break;
    case Fault::entry_nan_to_0:
      if (std::isnan(size)) entry.value = V(0.0);
      break;
    case Fault::entry_inf_to_0:
      if (std::isinf(size)) entry.value = V(0.0);
      break;
    case Fault::entry_not_linear:
      if (primal(g) < 0) entry.value = -entry.value;
      break;
  }
}

template <class V>
Entries<V> partials_over(Op op, const Operands<V>& x, const Mutation& mutation) {
  const V g(1.0);
  Entries<V> entries = visit(op, [&](auto rule) {
    using Row = decltype(rule);
    return pull<Row, V>(g, x, apply<Row, V>(x));
  });
  mutate(entries, g, x, mutation);
  return entries;
}

}  // namespace

std::string Reading::name() const {
  std::string name(row().name);
  if (mutation_.fault != Fault::nothing) name += ", " + describe(mutation_);
  return name;
}

double Reading::value(const Point& x) const {
  return mutate(visit(op_, [&](auto rule) { return apply<decltype(rule), double>(x); }),
                mutation_.fault);
}

Entries<double> Reading::pullback(double g, const Point& x) const {
  const double z = value(x);
  Entries<double> entries =
      visit(op_, [&](auto rule) { return pull<decltype(rule), double>(g, x, z); });
  mutate(entries, g, x, mutation_);
  return entries;
}

Entries<Dual1> Reading::partials(const Operands<Dual1>& x) const {
  return partials_over(op_, x, mutation_);
}
Entries<Dual2> Reading::partials(const Operands<Dual2>& x) const {
  return partials_over(op_, x, mutation_);
}

Dual1 Reading::forward(const Operands<Dual1>& x) const {
  if (mutation_.fault == Fault::nothing) {
    return visit(op_, [&](auto rule) { return apply<decltype(rule), Dual1>(x); });
  }
  // Forward mode reads the partials off the pullback: a broken pullback breaks both.
  const Point at{x[0].value, x[1].value, x[2].value};
  const Entries<double> partial = partials(at);
  Dual1 result(value(at));
  for (std::size_t k = 0; k < 3; ++k) {
    if (!x[k].seeded || !partial[k].taken) continue;
    const double term = partial[k].value * x[k].tangent;
    result.tangent = result.seeded ? result.tangent + term : term;
    result.seeded = true;
  }
  return result;
}

Complex Reading::value(const Operands<Complex>& x) const {
  return visit(op_, [&](auto rule) { return apply<decltype(rule), Complex>(x); });
}

std::string describe(const Mutation& mutation) {
  const std::string entry = "entry " + std::to_string(mutation.entry) + " ";
  switch (mutation.fault) {
    case Fault::nothing: return "as it is";
    case Fault::value_scaled: return "value scaled by 1 + 1e-6";
    case Fault::value_offset: return "value 1e-6 too large";
    case Fault::value_flipped: return "value with the sign flipped";
    case Fault::value_nan_to_0: return "value 0 where it is NaN";
    case Fault::entry_flipped: return entry + "with the sign flipped";
    case Fault::entry_scaled: return entry + "scaled by 1 + 1e-3";
    case Fault::entry_offset: return entry + "1e-3 too large";
    case Fault::entry_dropped: return entry + "dropped";
    case Fault::entry_none_to_0: return entry + "0 where it is none";
    case Fault::entry_0_to_none: return entry + "none where it is 0";
    case Fault::entry_swapped:
      return entry + "swapped with entry " + std::to_string(mutation.other);
    case Fault::entry_0_above: return entry + "0 where its operand is > 0";
    case Fault::entry_0_below: return entry + "0 where its operand is < 0";
    case Fault::entry_0_at_0: return entry + "0 where its operand is 0";
    case Fault::entry_nan_to_0: return entry + "0 where it is NaN";
    case Fault::entry_inf_to_0: return entry + "0 where it is infinite";
    case Fault::entry_not_linear: return entry + "not linear in g";
  }
  return "";
}

std::vector<Mutation> mutations(int arity) {
  std::vector<Mutation> all;
  for (const Fault fault :
       {Fault::value_scaled, Fault::value_offset, Fault::value_flipped, Fault::value_nan_to_0}) {
    all.push_back({fault});
  }
  for (int k = 0; k < arity; ++k) {
    for (const Fault fault :
         {Fault::entry_flipped, Fault::entry_scaled, Fault::entry_offset, Fault::entry_dropped,
          Fault::entry_none_to_0, Fault::entry_0_to_none, Fault::entry_0_above,
          Fault::entry_0_below, Fault::entry_0_at_0, Fault::entry_nan_to_0, Fault::entry_inf_to_0,
          Fault::entry_not_linear}) {
      all.push_back({fault, k});
    }
    for (int other = k + 1; other < arity; ++other) {
      all.push_back({Fault::entry_swapped, k, other});
    }
  }
  return all;
}

std::string print(const Point& x, int arity) {
  std::string text;
  for (int k = 0; k < arity; ++k) {
    char buffer[40];
    std::snprintf(buffer, sizeof buffer, "%s%.17g", k == 0 ? "(" : ", ",
                  x[static_cast<std::size_t>(k)]);
    text += buffer;
  }
  return text + ")";
}

}  // namespace chainrule::laws
