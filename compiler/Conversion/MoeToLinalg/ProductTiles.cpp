//===- ProductTiles.cpp - the static inner part of a grouped product ------===//

#include "compiler/Conversion/MoeToLinalg/ProductTiles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace moec::linalg_lowering;

Value moec::linalg_lowering::splitLanes(TensorBuilder &b, const ProductBlocks &blocks,
                                        Value block) {
  int64_t rows = b.typeOf(block).getDimSize(0);
  RankedTensorType type =
      b.tensorType({rows, blocks.depth / blocks.lanes, blocks.lanes}, b.getF32Type());
  return tensor::ExpandShapeOp::create(b, type, block,
                                       SmallVector<ReassociationIndices>{{0}, {1, 2}});
}

/// sums[i, j, l] += sum_g rows[i, g, l] * weights[j, g, l]
static Value multiplyTile(TensorBuilder &b, Value rows, Value weights, Value sums) {
  AffineExpr i, j, g, l;
  bindDims(b.getContext(), i, j, g, l);
  SmallVector<AffineMap> maps{AffineMap::get(4, 0, {i, g, l}, b.getContext()),
                              AffineMap::get(4, 0, {j, g, l}, b.getContext()),
                              AffineMap::get(4, 0, {i, j, l}, b.getContext())};
  auto parallel = utils::IteratorType::parallel;
  SmallVector<utils::IteratorType> iterators{parallel, parallel, utils::IteratorType::reduction,
                                             parallel};
  return b.reduction({rows, weights}, sums, maps, iterators, [&](ValueRange scalars) {
    auto fused = arith::FastMathFlagsAttr::get(b.getContext(), arith::FastMathFlags::contract);
    Value product = arith::MulFOp::create(b, scalars[0], scalars[1], fused);
    return arith::AddFOp::create(b, scalars[2], product, fused).getResult();
  });
}

Value moec::linalg_lowering::multiplyTiles(TensorBuilder &b, const ProductBlocks &blocks,
                                           Value rows, Value weights, Value sums, Value rowTiles,
                                           Value columnTiles) {
  OpFoldResult zero = b.getIndexAttr(0);
  OpFoldResult lanes = b.getIndexAttr(blocks.lanes);
  OpFoldResult groups = b.getIndexAttr(blocks.depth / blocks.lanes);
  OpFoldResult tileRows = b.getIndexAttr(blocks.tileRows);
  OpFoldResult tileColumns = b.getIndexAttr(blocks.tileColumns);
  Type f32 = b.getF32Type();
  return b.loop(columnTiles, sums, [&](Value j, Value outer) {
    Value column = b.mul(j, b.index(blocks.tileColumns));
    Slice weightSlice{{b.fold(column), zero, zero}, {tileColumns, groups, lanes}, {}};
    Value weightTile = b.extractSlice(
        weights, weightSlice,
        b.tensorType({blocks.tileColumns, blocks.depth / blocks.lanes, blocks.lanes}, f32));
    return b.loop(rowTiles, outer, [&](Value i, Value sums) {
      Value row = b.mul(i, b.index(blocks.tileRows));
      Slice rowSlice{{b.fold(row), zero, zero}, {tileRows, groups, lanes}, {}};
      Value rowTile = b.extractSlice(
          rows, rowSlice,
          b.tensorType({blocks.tileRows, blocks.depth / blocks.lanes, blocks.lanes}, f32));
      Slice sumSlice{{b.fold(row), b.fold(column), zero}, {tileRows, tileColumns, lanes}, {}};
      Value sumTile = b.extractSlice(
          sums, sumSlice, b.tensorType({blocks.tileRows, blocks.tileColumns, blocks.lanes}, f32));
      return b.insertSlice(multiplyTile(b, rowTile, weightTile, sumTile), sums, sumSlice);
    });
  });
}

Value moec::linalg_lowering::addLanes(TensorBuilder &b, const ProductBlocks &blocks, Value lanes,
                                      Value block, Value rows, Value cols) {
  OpFoldResult zero = b.getIndexAttr(0);
  Slice part{{zero, zero}, {b.fold(rows), b.fold(cols)}, {}};
  RankedTensorType type = b.partType(part, b.getF32Type());
  Slice lanePart{
      {zero, zero, zero}, {b.fold(rows), b.fold(cols), b.getIndexAttr(blocks.lanes)}, {}};
  Value from = b.extractSlice(
      lanes, lanePart,
      b.tensorType({type.getDimSize(0), type.getDimSize(1), blocks.lanes}, b.getF32Type()));
  Value init = b.fill(b.constF32(0.0f), b.extractSlice(block, part, type));
  AffineExpr i, j, l;
  bindDims(b.getContext(), i, j, l);
  SmallVector<AffineMap> maps{AffineMap::get(3, 0, {i, j, l}, b.getContext()),
                              AffineMap::get(3, 0, {i, j}, b.getContext())};
  auto parallel = utils::IteratorType::parallel;
  return b.reduction(
      from, init, maps, {parallel, parallel, utils::IteratorType::reduction},
      [&](ValueRange scalars) {
        auto anyOrder =
            arith::FastMathFlagsAttr::get(b.getContext(), arith::FastMathFlags::reassoc);
        return arith::AddFOp::create(b, scalars[1], scalars[0], anyOrder).getResult();
      });
}
