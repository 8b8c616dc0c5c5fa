//===- ProductBlocks.h - block sizes of a grouped product -----------------===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOLINALG_PRODUCTBLOCKS_H
#define MOEC_COMPILER_CONVERSION_MOETOLINALG_PRODUCTBLOCKS_H

#include "compiler/Conversion/MoeToLinalg/Patterns.h"

namespace moec::linalg_lowering {

/// The static block sizes of one product, from the bounds of the pass and the product's shape.
struct ProductBlocks {
  int64_t tileRows;
  int64_t tileColumns;
  int64_t lanes;
  int64_t rows;      ///< a multiple of tileRows
  int64_t columns;   ///< a multiple of tileColumns
  int64_t depth;     ///< a multiple of lanes
  bool wholeColumns; ///< `columns` divides the number of columns
  bool wholeDepth;   ///< `depth` divides the reduction size

  /// Blocks for `values` products of `columns` columns and `depth` steps each that share their
  /// rows.
  static ProductBlocks choose(const ProductBlocking &bounds, int64_t values, int64_t columns,
                              int64_t depth);
};

} // namespace moec::linalg_lowering

#endif // MOEC_COMPILER_CONVERSION_MOETOLINALG_PRODUCTBLOCKS_H
