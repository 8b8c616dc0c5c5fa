//===- Agreement.h - two results of one block -------------------------------===//

#ifndef MOEC_COMPILER_TUNE_AGREEMENT_H
#define MOEC_COMPILER_TUNE_AGREEMENT_H

#include "runtime/Tensor/HostTensor.h"

namespace moec {

/// Compares all elements of two results of the same inputs, one of which is known to be right on a
/// sample of its rows. Element (t, j) of `actual` lies within `2 * tolerance * (4 * rms(row t) +
/// |element|)` of `baseline`'s, as both may be off by one tolerance; non-finite elements only where
/// the baseline has one. Mismatch with the count and the worst element.
moert::Status checkAgreement(const moert::HostTensor &actual, const moert::HostTensor &baseline,
                             double tolerance, unsigned threads);

} // namespace moec

#endif // MOEC_COMPILER_TUNE_AGREEMENT_H
