//===- ProductBlocks.cpp - block sizes of a grouped product ---------------===//

#include "compiler/Conversion/MoeToLinalg/ProductBlocks.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace moec::linalg_lowering;

/// The largest multiple of `unit` up to `bound` that divides `size`, as long as it is at least half
/// the bound or all of `size`; otherwise the bound itself, or `size` rounded up where that is less.
static int64_t chooseBlock(int64_t size, int64_t unit, int64_t bound) {
  bound = std::max(unit, bound / unit * unit);
  if (size <= bound)
    return llvm::divideCeil(std::max<int64_t>(size, 1), unit) * unit;
  for (int64_t block = bound; 2 * block >= bound; block -= unit)
    if (size % block == 0)
      return block;
  return bound;
}

ProductBlocks ProductBlocks::choose(const ProductBlocking &bounds, int64_t values, int64_t columns,
                                    int64_t depth) {
  ProductBlocks blocks{};
  blocks.tileRows = bounds.tileRows;
  blocks.tileColumns = bounds.tileColumns;
  blocks.lanes = bounds.lanes;
  blocks.rows = std::max(bounds.tileRows, bounds.blockRows / bounds.tileRows * bounds.tileRows);
  // Two factors share the cache, so each gets half of the columns.
  blocks.columns = chooseBlock(columns, bounds.tileColumns, bounds.blockColumns / values);
  blocks.depth = chooseBlock(depth, bounds.lanes, bounds.blockDepth);
  blocks.wholeColumns = columns % blocks.columns == 0;
  blocks.wholeDepth = depth % blocks.depth == 0;
  return blocks;
}
