// What a contestant of the benchmark is: one library with one problem.
//
// A contestant is made, used and destroyed before the next one is made, so that libraries with one
// global tape can take part.
#pragma once

#include <memory>
#include <span>

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
struct Library {
  const char* name;
  Made (*chain)(const Chain&);
  Made (*expression)(const Expression&);
  Made (*dot)(const Dot&);
  Made (*mixture)(const Mixture&);
  Made (*reprojection)(const Reprojection&);

  Made with(const Chain& p) const { return chain(p); }
  Made with(const Expression& p) const { return expression(p); }
  Made with(const Dot& p) const { return dot(p); }
  Made with(const Mixture& p) const { return mixture(p); }
  Made with(const Reprojection& p) const { return reprojection(p); }
};

template <template <class> class C, class P>
Made make(const P& problem) {
  return std::make_unique<C<P>>(problem);
}

/// The library whose contestants are C<Problem>.
template <template <class> class C>
Library library_of(const char* name) {
  return {name,         make<C, Chain>,   make<C, Expression>,
          make<C, Dot>, make<C, Mixture>, make<C, Reprojection>};
}

// Each in a source file of its own; the peers only where they are found (peers.cmake).
Library with_chainrule();
Library with_adolc();
Library with_sacado();
Library with_stan();

}  // namespace bench
