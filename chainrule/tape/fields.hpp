// Fields: any value as a list of real numbers, so that it can be a function's argument or result.
//
// Numbers and Scalars, std::vector, std::array, std::pair, std::tuple and spans of such things are
// known, nested as one likes. A type of one's own is made known by one function beside it:
//
//   template <class S> struct Vec3 { S x, y, z; };
//   template <class S> auto fields(Vec3<S>& v) { return std::tie(v.x, v.y, v.z); }
//
// Rebound<Vec3<double>, Scalar> is Vec3<Scalar>: what a function of Vec3<double> is called with
// while it is recorded. Integers are no real numbers: they are passed on as they are.
#pragma once

#include <array>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "chainrule/tape/scalar.hpp"

namespace chainrule {

/// A real number: what a derivative can be taken by.
template <class T>
concept Real = std::is_floating_point_v<T> || std::same_as<T, Scalar>;

/// T with S in the place of its real numbers. Specialise it for a template that Rebind does not
/// match (one with values among its parameters).
template <class T, class S>
struct Rebind {
  using type = T;
};
template <class T, class S>
using Rebound = typename Rebind<std::remove_cv_t<T>, S>::type;

template <Real T, class S>
struct Rebind<T, S> {
  using type = S;
};
template <template <class...> class T, class... Parts, class S>
struct Rebind<T<Parts...>, S> {
  using type = T<Rebound<Parts, S>...>;
};
template <class T, class Allocator, class S>
struct Rebind<std::vector<T, Allocator>, S> {
  using type = std::vector<Rebound<T, S>>;
};
template <class T, std::size_t n, class S>
struct Rebind<std::array<T, n>, S> {
  using type = std::array<Rebound<T, S>, n>;
};
template <class T, std::size_t n, class S>
struct Rebind<std::span<T, n>, S> {
  using type = std::vector<Rebound<T, S>>;
};

namespace detail {

template <class T>
concept HasFields = requires(T& value) {
  fields(value);
};
template <class T>
concept TupleLike = requires {
  typename std::tuple_size<T>::type;
};
template <class T>
concept RangeLike = requires(T& value) {
  value.begin();
  value.end();
  value.size();
};
template <class T>
concept Resizable = requires(T& value) {
  value.resize(value.size());
};

}  // namespace detail

/// Calls visit(number) for every real number in value, in order.
template <class T, class Visit>
void each_real(T& value, Visit&& visit) {
  using Plain = std::remove_cv_t<T>;
  if constexpr (Real<Plain>) {
    visit(value);
  } else if constexpr (detail::HasFields<T>) {
    std::apply([&](auto&... part) { (each_real(part, visit), ...); }, fields(value));
  } else if constexpr (detail::HasFields<Plain>) {
    Plain copy = value;
    each_real(copy, visit);
  } else if constexpr (detail::RangeLike<T>) {
    for (auto& part : value) each_real(part, visit);
  } else if constexpr (detail::TupleLike<Plain>) {
    std::apply([&](auto&... part) { (each_real(part, visit), ...); }, value);
  } else {
    static_assert(std::is_integral_v<Plain> || std::is_enum_v<Plain>,
                  "chainrule does not know the numbers of this type: write fields(T&) beside it");
  }
}

/// The number of real numbers in value.
template <class T>
std::size_t count_reals(const T& value) {
  std::size_t count = 0;
  each_real(value, [&](const auto&) { ++count; });
  return count;
}

/// Makes `to` what `from` is, with next(number) for every real number, in order.
template <class To, class From, class Next>
void map_reals(const From& from, To& to, Next&& next) {
  if constexpr (Real<From>) {
    to = next(from);
  } else if constexpr (detail::HasFields<From>) {
    From copy = from;
    auto sources = fields(copy);
    auto targets = fields(to);
    [&]<std::size_t... k>(std::index_sequence<k...>) {
      (map_reals(std::get<k>(sources), std::get<k>(targets), next), ...);
    }
    (std::make_index_sequence<std::tuple_size_v<decltype(sources)>>());
  } else if constexpr (detail::RangeLike<const From>) {
    if constexpr (detail::Resizable<To>) to.resize(from.size());
    auto target = to.begin();
    for (const auto& part : from) map_reals(part, *target++, next);
  } else if constexpr (detail::TupleLike<From>) {
    [&]<std::size_t... k>(std::index_sequence<k...>) {
      (map_reals(std::get<k>(from), std::get<k>(to), next), ...);
    }
    (std::make_index_sequence<std::tuple_size_v<From>>());
  } else {
    to = from;
  }
}
template <class S, class From, class Next>
Rebound<From, S> map_reals_to(const From& from, Next&& next) {
  Rebound<From, S> to{};
  map_reals(from, to, next);
  return to;
}

namespace detail {

template <class T>
constexpr bool find_scalars() {
  if constexpr (std::same_as<T, Scalar>) {
    return true;
  } else if constexpr (HasFields<T>) {
    using All = std::remove_cvref_t<decltype(fields(std::declval<T&>()))>;
    return find_scalars<All>();
  } else if constexpr (RangeLike<T>) {
    return find_scalars<std::remove_cvref_t<decltype(*std::declval<T&>().begin())>>();
  } else if constexpr (TupleLike<T>) {
    return []<std::size_t... k>(std::index_sequence<k...>) {
      return (find_scalars<std::remove_cvref_t<std::tuple_element_t<k, T>>>() || ...);
    }
    (std::make_index_sequence<std::tuple_size_v<T>>());
  } else {
    return false;
  }
}

}  // namespace detail

namespace detail {

template <class T>
constexpr bool find_only_reals() {
  if constexpr (Real<T>) {
    return true;
  } else if constexpr (HasFields<T>) {
    using All = std::remove_cvref_t<decltype(fields(std::declval<T&>()))>;
    return find_only_reals<All>();
  } else if constexpr (RangeLike<T>) {
    return find_only_reals<std::remove_cvref_t<decltype(*std::declval<T&>().begin())>>();
  } else if constexpr (TupleLike<T>) {
    return []<std::size_t... k>(std::index_sequence<k...>) {
      return (find_only_reals<std::remove_cvref_t<std::tuple_element_t<k, T>>>() && ...);
    }
    (std::make_index_sequence<std::tuple_size_v<T>>());
  } else {
    return false;
  }
}

template <class T>
concept HasReals = Real<T> || HasFields<T> || RangeLike<const T> || TupleLike<T>;

}  // namespace detail

/// Whether a value of this type is made of real numbers alone.
template <class T>
inline constexpr bool only_reals = detail::find_only_reals<std::remove_cvref_t<T>>();

/// Whether a value of this type holds Scalars.
template <class T>
inline constexpr bool holds_scalars = detail::find_scalars<std::remove_cvref_t<T>>();

}  // namespace chainrule
