//===- Patterns.h - the patterns of convert-moe-to-linalg, by op family ---===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOLINALG_PATTERNS_H
#define MOEC_COMPILER_CONVERSION_MOETOLINALG_PATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace moec::linalg_lowering {

/// Upper bounds of the blocks of a product; see the options of the pass.
struct ProductBlocking {
  int64_t tileRows;
  int64_t tileColumns;
  int64_t lanes;
  int64_t blockRows;
  int64_t blockColumns;
  int64_t blockDepth;
};

/// moe.route
void populateRoutePatterns(mlir::RewritePatternSet &patterns);
/// moe.permute
void populatePermutePatterns(mlir::RewritePatternSet &patterns);
/// moe.pad, moe.unpad
void populatePaddingPatterns(mlir::RewritePatternSet &patterns);
/// moe.combine
void populateCombinePatterns(mlir::RewritePatternSet &patterns);
/// moe.activation
void populateActivationPatterns(mlir::RewritePatternSet &patterns);
/// moe.grouped_matmul
void populateProductPatterns(mlir::RewritePatternSet &patterns, const ProductBlocking &blocking);

} // namespace moec::linalg_lowering

#endif // MOEC_COMPILER_CONVERSION_MOETOLINALG_PATTERNS_H
