// What a contestant of the benchmark is: one library with one problem.
//
// A contestant is made, used and destroyed before the next one is made, so that libraries with one
// global tape can take part. A library is written as a template over the problem, C<Problem>; which
// problems it meets is said where it is named.
#pragma once

#include <memory>
#include <span>
#include <tuple>

#include "bench/families.hpp"

namespace bench {

class Contestant {
 public:
  virtual ~Contestant() = default;
  /// Forgets what was recorded and records task t.
  virtual void record(Index t) = 0;
  /// Sweeps what was recorded, once for each output: outputs × inputs derivatives, row-major.
  virtual void reverse(std::span<double> jacobian) = 0;
  /// What was recorded, where the library tells.
  struct Size {
    Index operations = 0, recording_bytes = 0, adjoint_bytes = 0;
  };
  virtual Size size() const { return {}; }
};

using Made = std::unique_ptr<Contestant>;

/// A library: how it makes a contestant of each problem.
template <class... Problems>
struct LibraryOf {
  const char* name;
  std::tuple<Made (*)(const Problems&)...> makers;

  template <class P>
  Made with(const P& problem) const {
    return std::get<Made (*)(const P&)>(makers)(problem);
  }
};

template <template <class> class C, class P>
Made make(const P& problem) {
  return std::make_unique<C<P>>(problem);
}

namespace detail {
template <template <class> class C, class... Problems>
LibraryOf<Problems...> library_of(const char* name, const LibraryOf<Problems...>*) {
  return {name, {make<C, Problems>...}};
}
}  // namespace detail

/// The library whose contestants are C<Problem>, for the problems of L.
template <template <class> class C, class L>
L library_of(const char* name) {
  return detail::library_of<C>(name, static_cast<const L*>(nullptr));
}

using Library = LibraryOf<Chain, Expression, Dot, Mixture, Reprojection>;

// Each in a source file of its own; the peers only where they are found (peers.cmake).
Library with_chainrule();
Library with_adolc();
Library with_sacado();
Library with_stan();

}  // namespace bench
