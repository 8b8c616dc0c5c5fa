//===- Combine.h - the weighted sum of a token's rows ---------------------===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOLINALG_COMBINE_H
#define MOEC_COMPILER_CONVERSION_MOETOLINALG_COMBINE_H

#include "compiler/Conversion/MoeToLinalg/TensorBuilder.h"

namespace moec::linalg_lowering {

/// `moe.combine` of `rows` (any data type), for the op of that name and the combine of a fused
/// product alike: f32 sums in slot order, rounded once to `type`.
Value buildCombine(TensorBuilder &b, Value rows, Value weights, Value routes,
                   RankedTensorType type);

} // namespace moec::linalg_lowering

#endif // MOEC_COMPILER_CONVERSION_MOETOLINALG_COMBINE_H
