// Eigen::Matrix<Scalar, …>: include this before using Scalars in Eigen.
//
// Matrices, expressions and decompositions then work as with double, and are differentiated through
// every operation that they do.
#pragma once

#include <Eigen/Core>

#include "chainrule/tape/scalar.hpp"

namespace chainrule {

inline const Scalar& conj(const Scalar& x) { return x; }
inline const Scalar& real(const Scalar& x) { return x; }
inline Scalar imag(const Scalar&) { return 0; }
inline Scalar abs2(const Scalar& x) { return x * x; }

}  // namespace chainrule

namespace Eigen {

template <>
struct NumTraits<chainrule::Scalar> : NumTraits<double> {
  using Real = chainrule::Scalar;
  using NonInteger = chainrule::Scalar;
  using Nested = chainrule::Scalar;
  using Literal = double;
  enum {
    IsComplex = 0,
    IsInteger = 0,
    IsSigned = 1,
    RequireInitialization = 1,
    ReadCost = 1,
    AddCost = 3,
    MulCost = 3
  };
};

// Expressions that mix matrices of Scalars with plain numbers.
template <class BinaryOp>
struct ScalarBinaryOpTraits<chainrule::Scalar, double, BinaryOp> {
  using ReturnType = chainrule::Scalar;
};
template <class BinaryOp>
struct ScalarBinaryOpTraits<double, chainrule::Scalar, BinaryOp> {
  using ReturnType = chainrule::Scalar;
};

}  // namespace Eigen
