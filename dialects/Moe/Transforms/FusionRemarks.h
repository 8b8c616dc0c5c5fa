//===- FusionRemarks.h - remarks of the fusion passes ---------------------===//
//
// Every fusion pass says what it fused and, where a candidate was left alone, why. The remarks go
// through MLIR's remark engine under the category "moe-fusion":
//
//   moe-opt --moe-fusion-pipeline --remarks-filter=moe-fusion --remark-format=emitRemark IN.mlir
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOE_TRANSFORMS_FUSIONREMARKS_H
#define MOEC_DIALECTS_MOE_TRANSFORMS_FUSIONREMARKS_H

#include "mlir/IR/Operation.h"

namespace moec::moe {

/// Reports that the pass with flag `pass` fused `op`; `what` completes the sentence.
void remarkFused(mlir::Operation *op, llvm::StringLiteral pass, llvm::StringRef what);

/// Reports that the pass with flag `pass` left `op` as it is, and why.
void remarkNotFused(mlir::Operation *op, llvm::StringLiteral pass, llvm::StringRef why);

} // namespace moec::moe

#endif // MOEC_DIALECTS_MOE_TRANSFORMS_FUSIONREMARKS_H
