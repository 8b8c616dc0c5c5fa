//===- Products.h - Widening and dot products
//------------------------------------------------------===//
//
// The two inner loops of the reference evaluator, apart from the formulas: reading narrow elements
// as doubles, and four dot products at a time. Both are plain loops that the compiler vectorises.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef MOEC_COMPILER_REFERENCE_PRODUCTS_H
#define MOEC_COMPILER_REFERENCE_PRODUCTS_H

#include "runtime/Tensor/HostTensor.h"

namespace moec::reference {

/// `out[j] = tensor[begin + j * stride]` for j in [0, count), exactly.
void widen(const moert::HostTensor &tensor, int64_t begin, int64_t stride, int64_t count,
           double *out);

/// How many dot products `dotPanel` computes.
inline constexpr int64_t kPanel = 4;

/// `out[c] = sum_j x[j] * panel[c * count + j]` for c in [0, kPanel), each in eight partial sums.
void dotPanel(const double *x, const double *panel, int64_t count, double *out);

} // namespace moec::reference

#endif // MOEC_COMPILER_REFERENCE_PRODUCTS_H
