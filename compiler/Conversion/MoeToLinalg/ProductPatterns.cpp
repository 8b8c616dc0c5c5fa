//===- ProductPatterns.cpp - moe.grouped_matmul ---------------------------===//
//
// One iteration of the outermost loop computes a block of columns of one expert. It walks that
// expert's rows block by block, and the reduction block by block inside, so that everything a
// register tile reads lies in blocks of static size in f32.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/MoeToLinalg/Combine.h"
#include "compiler/Conversion/MoeToLinalg/ProductTiles.h"
#include "dialects/Moe/IR/MoeActivations.h"

using namespace mlir;
using namespace moec::linalg_lowering;
using namespace moec::moe;

namespace {
/// One accumulator of the product: which entries of which weight make its columns.
struct Factor {
  Value weights;
  Value bias; ///< null without bias
  int64_t first;
  int64_t stride;
};

/// A run of entries of one axis: where it starts, how many there are, whether that is a whole
/// block.
struct Extent {
  Value start;
  Value size;
};

class ProductLowering {
public:
  ProductLowering(TensorBuilder &builder, GroupedMatmulOp op, const ProductBlocking &bounds)
      : b(builder), op(op), factors(makeFactors(op)), columns(countColumns(op)),
        depth(op.getReductionSize()),
        blocks(ProductBlocks::choose(bounds, factors.size(), columns, depth)) {}

  SmallVector<Value> lower() {
    Value rows = op.hasGather() ? b.dim(op.getGatherRoutes(), 0) : b.dim(op.getRows(), 0);
    SmallVector<Value> outs;
    for (Value result : op.getResults())
      outs.push_back(b.zeros(rowsType(result), rows));
    Value experts = b.index(op.getNumExperts());
    Value columnBlocks = b.index(llvm::divideCeil(columns, blocks.columns));
    auto results = b.forall({columnBlocks, experts}, outs, [&](ValueRange ivs, ValueRange outputs) {
      return lowerColumnBlock(ivs[0], ivs[1], rows, outputs);
    });
    if (op.hasCombine())
      results = {buildCombine(b, results.front(), op.getCombineWeights(), op.getCombineRoutes(),
                              b.typeOf(op.getResult(0)))};
    return results;
  }

private:
  static int64_t countColumns(GroupedMatmulOp op) {
    return op.getWeightColumns() / (op.getGateLayout() ? 2 : 1);
  }

  static SmallVector<Factor> makeFactors(GroupedMatmulOp op) {
    SmallVector<Factor> factors;
    if (std::optional<GateLayoutAttr> layout = op.getGateLayout()) {
      Value bias = op.getBias().empty() ? Value() : op.getBias().front();
      int64_t stride = layout->getPacking() == GatePacking::Interleaved ? 2 : 1;
      for (bool gate : {true, false})
        factors.push_back(
            {op.getWeights().front(), bias, layout->getEntry(0, countColumns(op), gate), stride});
      return factors;
    }
    for (auto [i, weights] : llvm::enumerate(op.getWeights()))
      factors.push_back({weights, op.getBias().empty() ? Value() : op.getBias()[i], 0, 1});
    return factors;
  }

  /// Type of the [R, N'] tensor that the loop computes for `result`: f32 where a combine follows.
  RankedTensorType rowsType(Value result) {
    RankedTensorType type = b.typeOf(result);
    if (!op.hasCombine())
      return type;
    return b.tensorType({b.typeOf(op.getCombineRoutes()).getDimSize(0), columns}, b.getF32Type());
  }

  SmallVector<std::pair<Value, Slice>> lowerColumnBlock(Value block, Value e, Value rows,
                                                        ValueRange outputs) {
    Value start = b.mul(block, b.index(blocks.columns));
    Extent cols{start, blocks.wholeColumns
                           ? b.index(blocks.columns)
                           : b.minimum(b.index(blocks.columns), b.sub(b.index(columns), start))};
    auto [begin, end] = b.group(op.getOffsets(), e, rows);
    Value count = b.sub(end, begin);
    makeScratch();

    Slice all{{b.fold(begin), b.fold(start)}, {b.fold(count), b.fold(cols.size)}, {}};
    SmallVector<Value> tiles;
    for (Value output : outputs)
      tiles.push_back(b.extractSlice(output, all, b.partType(all, elementOf(output))));
    tiles = b.loop(b.index(0), count, b.index(blocks.rows), tiles,
                   [&, begin = begin](Value i, ValueRange carried) {
                     Value valid = b.minimum(b.index(blocks.rows), b.sub(count, i));
                     SmallVector<Value> sums = multiplyBlock(e, {b.add(begin, i), valid}, cols);
                     return storeBlock(e, {i, valid}, cols, sums, carried);
                   });
    SmallVector<std::pair<Value, Slice>> parts;
    for (Value tile : tiles)
      parts.emplace_back(tile, all);
    return parts;
  }

  /// The buffers of one iteration: operands in f32, partial sums per lane, sums.
  void makeScratch() {
    Type f32 = b.getF32Type();
    rowBlock = b.empty(b.tensorType({blocks.rows, blocks.depth}, f32));
    weightBlocks.clear();
    laneSums.clear();
    sumBlocks.clear();
    for (size_t i = 0; i < factors.size(); ++i) {
      weightBlocks.push_back(b.empty(b.tensorType({blocks.columns, blocks.depth}, f32)));
      laneSums.push_back(b.empty(b.tensorType({blocks.rows, blocks.columns, blocks.lanes}, f32)));
      sumBlocks.push_back(b.empty(b.tensorType({blocks.rows, blocks.columns}, f32)));
    }
  }

  /// Per factor the f32 sums of a block of rows and columns, [valid rows, valid columns].
  SmallVector<Value> multiplyBlock(Value e, Extent rows, Extent cols) {
    Value rowTiles = b.ceilDivide(rows.size, blocks.tileRows);
    Value columnTiles = b.ceilDivide(cols.size, blocks.tileColumns);
    Extent paddedRows{rows.start, b.mul(rowTiles, b.index(blocks.tileRows))};
    SmallVector<Value> partial;
    Slice used{
        {b.getIndexAttr(0), b.getIndexAttr(0), b.getIndexAttr(0)},
        {b.fold(paddedRows.size), b.getIndexAttr(blocks.columns), b.getIndexAttr(blocks.lanes)},
        {}};
    for (Value lanes : laneSums) {
      RankedTensorType type =
          b.tensorType({ShapedType::kDynamic, blocks.columns, blocks.lanes}, b.getF32Type());
      Value part = b.fill(b.constF32(0.0f), b.extractSlice(lanes, used, type));
      partial.push_back(b.insertSlice(part, lanes, used));
    }
    partial =
        b.loop(b.index(0), b.index(depth), b.index(blocks.depth), partial,
               [&](Value k, ValueRange carried) {
                 Extent steps{k, blocks.wholeDepth
                                     ? b.index(blocks.depth)
                                     : b.minimum(b.index(blocks.depth), b.sub(b.index(depth), k))};
                 Value packedRows = splitLanes(b, blocks, packRows(rows, paddedRows.size, steps));
                 SmallVector<Value> next;
                 for (auto [i, sums] : llvm::enumerate(carried)) {
                   Value packed =
                       splitLanes(b, blocks, packWeights(i, e, cols, columnTiles, steps));
                   next.push_back(
                       multiplyTiles(b, blocks, packedRows, packed, sums, rowTiles, columnTiles));
                 }
                 return next;
               });
    SmallVector<Value> sums;
    for (auto [lanes, block] : llvm::zip(partial, sumBlocks))
      sums.push_back(addLanes(b, blocks, lanes, block, rows.size, cols.size));
    return sums;
  }

  /// The steps of a block of rows in f32; rows that are not there and steps past the end are zero.
  Value packRows(Extent rows, Value paddedSize, Extent steps) {
    Value limit = b.dim(op.getRows(), 0);
    return b.loop(paddedSize, rowBlock, [&](Value i, Value block) {
      Value valid = b.compare(arith::CmpIPredicate::slt, i, rows.size);
      Value source = b.add(rows.start, i);
      if (op.hasGather()) {
        Value route =
            b.toIndex(b.extract(op.getGatherRoutes(), b.choose(valid, source, rows.start)));
        source = b.divide(route, static_cast<int64_t>(*op.getTopK()));
        valid = b.both(valid, b.both(b.compare(arith::CmpIPredicate::sge, route, b.index(0)),
                                     b.compare(arith::CmpIPredicate::slt, source, limit)));
      }
      Slice to{
          {b.fold(i), b.getIndexAttr(0)}, {b.getIndexAttr(1), b.getIndexAttr(blocks.depth)}, {}};
      RankedTensorType rowType = b.tensorType({blocks.depth}, b.getF32Type());
      Value target = b.extractSlice(block, to, rowType);
      Value row = b.ifElse(
          valid, rowType,
          [&] {
            Slice part{
                {b.fold(source), b.fold(steps.start)}, {b.getIndexAttr(1), b.fold(steps.size)}, {}};
            RankedTensorType type = b.vectorType(steps.size, elementOf(op.getRows()));
            return widenInto(b.extractSlice(op.getRows(), part, type), target, steps.size);
          },
          [&] { return b.fill(b.constF32(0.0f), target); });
      return b.insertSlice(row, block, to);
    });
  }

  /// `target` ([depth]) with the `size` elements of `row` in f32 and zeros after them.
  Value widenInto(Value row, Value target, Value size) {
    auto widen = [&](ValueRange scalars) { return b.toF32(scalars[0]); };
    if (blocks.wholeDepth)
      return b.elementwise(row, target, widen);
    Slice head{{b.getIndexAttr(0)}, {b.fold(size)}, {}};
    Value rest = b.sub(b.index(blocks.depth), size);
    Slice tail{{b.fold(size)}, {b.fold(rest)}, {}};
    target = b.insertSlice(
        b.elementwise(row, b.extractSlice(target, head, b.vectorType(size, b.getF32Type())), widen),
        target, head);
    return b.insertSlice(
        b.fill(b.constF32(0.0f), b.extractSlice(target, tail, b.vectorType(rest, b.getF32Type()))),
        target, tail);
  }

  /// The steps of a block of weight columns in f32, one row per column; columns that are not there
  /// and steps past the end are zero.
  Value packWeights(size_t i, Value e, Extent cols, Value columnTiles, Extent steps) {
    const Factor &factor = factors[i];
    Value block = weightBlocks[i];
    if (!blocks.wholeDepth || !blocks.wholeColumns || columns % blocks.tileColumns != 0)
      block = b.fill(b.constF32(0.0f), block);
    Slice from = columnsOf(factor, cols);
    from.offsets.push_back(b.fold(steps.start));
    from.sizes.push_back(b.fold(steps.size));
    from.strides.push_back(b.getIndexAttr(1));
    Slice to{{b.getIndexAttr(0), b.getIndexAttr(0)}, {b.fold(cols.size), b.fold(steps.size)}, {}};
    SmallVector<AffineMap> maps;
    if (op.getTransposed()) {
      for (auto *list : {&from.offsets, &from.sizes, &from.strides})
        std::swap((*list)[0], (*list)[1]);
      maps.push_back(AffineMap::getPermutationMap(ArrayRef<unsigned>{1, 0}, b.getContext()));
    }
    Value source = b.extractSlice(expertOf(factor.weights, e), from,
                                  b.partType(from, elementOf(factor.weights)));
    Value part = b.elementwise(
        source, b.extractSlice(block, to, b.partType(to, b.getF32Type())),
        [&](ValueRange scalars) { return b.toF32(scalars[0]); }, maps);
    return b.insertSlice(part, block, to);
  }

  /// Applies bias and epilogue to the sums of the rows that are there and rounds them into `tiles`.
  SmallVector<Value> storeBlock(Value e, Extent rows, Extent cols, ArrayRef<Value> sums,
                                ValueRange tiles) {
    Slice to{{b.fold(rows.start), b.getIndexAttr(0)}, {b.fold(rows.size), b.fold(cols.size)}, {}};
    MLIRContext *context = b.getContext();
    SmallVector<Value> stored;
    for (auto [i, tile] : llvm::enumerate(tiles)) {
      // Without an epilogue each result has one factor; with one, all make the result.
      size_t first = op.hasEpilogue() ? 0 : i;
      size_t count = op.hasEpilogue() ? factors.size() : 1;
      SmallVector<Value> inputs(sums.slice(first, count));
      SmallVector<AffineMap> maps(count, AffineMap::getMultiDimIdentityMap(2, context));
      for (const Factor &factor : ArrayRef(factors).slice(first, count))
        if (factor.bias) {
          inputs.push_back(biasOf(factor, e, cols));
          maps.push_back(AffineMap::get(2, 0, getAffineDimExpr(1, context), context));
        }
      Type element = elementOf(tile);
      Value target = b.extractSlice(tile, to, b.partType(to, element));
      Value part = b.elementwise(
          inputs, target,
          [&](ValueRange scalars) {
            SmallVector<Value> values(scalars.take_front(count));
            for (auto [value, bias] : llvm::zip(values, scalars.drop_front(count)))
              value = arith::AddFOp::create(b, value, b.toF32(bias));
            Value value =
                op.hasEpilogue() ? inlineScalarBody(b, op.getEpilogue(), values) : values[0];
            return b.fromF32(value, element);
          },
          maps);
      stored.push_back(b.insertSlice(part, tile, to));
    }
    return stored;
  }

  Value biasOf(const Factor &factor, Value e, Extent cols) {
    return b.extractSlice(expertOf(factor.bias, e), columnsOf(factor, cols),
                          b.vectorType(cols.size, elementOf(factor.bias)));
  }

  /// What of `tensor` is expert `e`'s. A slice of its own: in one that also had the stride of the
  /// columns, memref.subview could not tell the expert from another dimension of size 1.
  Value expertOf(Value tensor, Value e) {
    RankedTensorType type = b.typeOf(tensor);
    Slice slice{{b.fold(e)}, {b.getIndexAttr(1)}, {}};
    for (int64_t size : type.getShape().drop_front()) {
      slice.offsets.push_back(b.getIndexAttr(0));
      slice.sizes.push_back(b.getIndexAttr(size));
    }
    return b.extractSlice(tensor, slice,
                          b.tensorType(type.getShape().drop_front(), type.getElementType()));
  }

  /// The entries of `cols` along the columns of the factor's weight or bias.
  Slice columnsOf(const Factor &factor, Extent cols) {
    Value first = b.add(b.mul(cols.start, b.index(factor.stride)), b.index(factor.first));
    return {{b.fold(first)}, {b.fold(cols.size)}, {b.getIndexAttr(factor.stride)}};
  }

  Type elementOf(Value tensor) { return b.typeOf(tensor).getElementType(); }

  TensorBuilder &b;
  GroupedMatmulOp op;
  SmallVector<Factor> factors;
  int64_t columns;
  int64_t depth;
  ProductBlocks blocks;

  Value rowBlock;
  SmallVector<Value> weightBlocks;
  SmallVector<Value> laneSums;
  SmallVector<Value> sumBlocks;
};

struct LowerGroupedMatmul : OpRewritePattern<GroupedMatmulOp> {
  LowerGroupedMatmul(MLIRContext *context, const ProductBlocking &bounds)
      : OpRewritePattern(context), bounds(bounds) {}

  LogicalResult matchAndRewrite(GroupedMatmulOp op, PatternRewriter &rewriter) const override {
    TensorBuilder b(op.getLoc(), rewriter);
    if (!b.typeOf(op.getWeights().front()).hasStaticShape())
      return rewriter.notifyMatchFailure(op, "expects weights of static shape");
    rewriter.replaceOp(op, ProductLowering(b, op, bounds).lower());
    return success();
  }

  ProductBlocking bounds;
};
} // namespace

void moec::linalg_lowering::populateProductPatterns(RewritePatternSet &patterns,
                                                    const ProductBlocking &blocking) {
  patterns.add<LowerGroupedMatmul>(patterns.getContext(), blocking);
}
