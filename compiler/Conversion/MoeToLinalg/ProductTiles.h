//===- ProductTiles.h - the static inner part of a grouped product --------===//
//
// What happens between packed blocks of rows and weights and the f32 sums of a block: loops over
// register tiles of static size, and the sum over lanes at the end.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOLINALG_PRODUCTTILES_H
#define MOEC_COMPILER_CONVERSION_MOETOLINALG_PRODUCTTILES_H

#include "compiler/Conversion/MoeToLinalg/ProductBlocks.h"
#include "compiler/Conversion/MoeToLinalg/TensorBuilder.h"

namespace moec::linalg_lowering {

/// [n, depth] as [n, depth / lanes, lanes].
Value splitLanes(TensorBuilder &b, const ProductBlocks &blocks, Value block);

/// Adds the products of the first `rowTiles` x `columnTiles` register tiles of packed `rows` and
/// `weights` (both [n, depth / lanes, lanes]) to `sums` ([rows, columns, lanes]).
Value multiplyTiles(TensorBuilder &b, const ProductBlocks &blocks, Value rows, Value weights,
                    Value sums, Value rowTiles, Value columnTiles);

/// The sums over the lanes of the first `rows` x `cols` outputs of `lanes`, in that part of `block`
/// ([rows, columns]).
Value addLanes(TensorBuilder &b, const ProductBlocks &blocks, Value lanes, Value block, Value rows,
               Value cols);

} // namespace moec::linalg_lowering

#endif // MOEC_COMPILER_CONVERSION_MOETOLINALG_PRODUCTTILES_H
