//===- TensorBuilder.cpp - building tensor programs tersely ---------------===//

#include "compiler/Conversion/MoeToLinalg/TensorBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace moec::linalg_lowering;

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value TensorBuilder::index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }

Value TensorBuilder::constI32(int32_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(value));
}

Value TensorBuilder::constI64(int64_t value) {
  return arith::ConstantOp::create(*this, getI64IntegerAttr(value));
}

Value TensorBuilder::constF32(float value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(value));
}

Value TensorBuilder::add(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b); }
Value TensorBuilder::sub(Value a, Value b) { return createOrFold<arith::SubIOp>(a, b); }
Value TensorBuilder::mul(Value a, Value b) { return createOrFold<arith::MulIOp>(a, b); }

Value TensorBuilder::divide(Value a, int64_t b) {
  return createOrFold<arith::DivUIOp>(a, index(b));
}

Value TensorBuilder::ceilDivide(Value a, int64_t b) { return divide(add(a, index(b - 1)), b); }

Value TensorBuilder::minimum(Value a, Value b) { return createOrFold<arith::MinSIOp>(a, b); }
Value TensorBuilder::maximum(Value a, Value b) { return createOrFold<arith::MaxSIOp>(a, b); }

Value TensorBuilder::compare(arith::CmpIPredicate predicate, Value a, Value b) {
  return createOrFold<arith::CmpIOp>(predicate, a, b);
}

Value TensorBuilder::isWithin(Value value, Value low, Value high) {
  return both(compare(arith::CmpIPredicate::sge, value, low),
              compare(arith::CmpIPredicate::slt, value, high));
}

Value TensorBuilder::both(Value a, Value b) { return createOrFold<arith::AndIOp>(a, b); }

Value TensorBuilder::choose(Value condition, Value a, Value b) {
  return createOrFold<arith::SelectOp>(condition, a, b);
}

Value TensorBuilder::toIndex(Value i32) {
  return createOrFold<arith::IndexCastOp>(getIndexType(), i32);
}

Value TensorBuilder::toI32(Value index) {
  return createOrFold<arith::IndexCastOp>(getI32Type(), index);
}

Value TensorBuilder::toF32(Value data) {
  return data.getType().isF32() ? data : arith::ExtFOp::create(*this, getF32Type(), data);
}

Value TensorBuilder::fromF32(Value f32, Type data) {
  return data.isF32() ? f32 : arith::TruncFOp::create(*this, data, f32);
}

OpFoldResult TensorBuilder::fold(Value value) { return getAsOpFoldResult(value); }

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

RankedTensorType TensorBuilder::typeOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType());
}

RankedTensorType TensorBuilder::tensorType(ArrayRef<int64_t> shape, Type element) {
  return RankedTensorType::get(shape, element);
}

static int64_t staticSize(OpFoldResult size) {
  return getConstantIntValue(size).value_or(ShapedType::kDynamic);
}

RankedTensorType TensorBuilder::vectorType(Value size, Type element) {
  return tensorType({staticSize(fold(size))}, element);
}

RankedTensorType TensorBuilder::partType(const Slice &slice, Type element) {
  return tensorType({staticSize(slice.sizes[0]), staticSize(slice.sizes[1])}, element);
}

Value TensorBuilder::dim(Value tensor, int64_t i) {
  RankedTensorType type = typeOf(tensor);
  return type.isDynamicDim(i) ? tensor::DimOp::create(*this, tensor, i).getResult()
                              : index(type.getDimSize(i));
}

Value TensorBuilder::empty(RankedTensorType type, Value rows) {
  SmallVector<Value> sizes;
  if (type.isDynamicDim(0))
    sizes.push_back(rows);
  return tensor::EmptyOp::create(*this, type, sizes);
}

Value TensorBuilder::filled(RankedTensorType type, Value scalar, Value rows) {
  return fill(scalar, empty(type, rows));
}

Value TensorBuilder::zeros(RankedTensorType type, Value rows) {
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(type.getElementType()));
  return filled(type, zero, rows);
}

Value TensorBuilder::fill(Value scalar, Value tensor) {
  return linalg::FillOp::create(*this, ValueRange{scalar}, ValueRange{tensor}).getResult(0);
}

Value TensorBuilder::extract(Value tensor, ValueRange indices) {
  return tensor::ExtractOp::create(*this, tensor, indices);
}

Value TensorBuilder::insert(Value scalar, Value tensor, ValueRange indices) {
  return tensor::InsertOp::create(*this, scalar, tensor, indices);
}

static SmallVector<OpFoldResult> stridesOf(OpBuilder &builder, const Slice &slice) {
  if (!slice.strides.empty())
    return slice.strides;
  return SmallVector<OpFoldResult>(slice.offsets.size(), builder.getIndexAttr(1));
}

Value TensorBuilder::extractSlice(Value tensor, const Slice &slice, RankedTensorType type) {
  return tensor::ExtractSliceOp::create(*this, type, tensor, slice.offsets, slice.sizes,
                                        stridesOf(*this, slice));
}

Value TensorBuilder::insertSlice(Value part, Value tensor, const Slice &slice) {
  return tensor::InsertSliceOp::create(*this, part, tensor, slice.offsets, slice.sizes,
                                       stridesOf(*this, slice));
}

Value TensorBuilder::castTo(Value tensor, Type type) {
  return tensor.getType() == type ? tensor : tensor::CastOp::create(*this, type, tensor);
}

Slice TensorBuilder::row(Value matrix, Value i) {
  OpFoldResult one = getIndexAttr(1);
  return {{fold(i), getIndexAttr(0)}, {one, fold(dim(matrix, 1))}, {}};
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

SmallVector<Value> TensorBuilder::loop(Value from, Value to, Value step, ValueRange init,
                                       LoopBody body) {
  auto loop = scf::ForOp::create(*this, from, to, step, init);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!next.empty())
    scf::YieldOp::create(*this, next);
  return SmallVector<Value>(loop.getResults());
}

Value TensorBuilder::loop(Value to, Value init, function_ref<Value(Value, Value)> body) {
  return loop(
             index(0), to, index(1), init,
             [&](Value iv, ValueRange carried) { return SmallVector<Value>{body(iv, carried[0])}; })
      .front();
}

SmallVector<Value> TensorBuilder::when(Value condition, ValueRange otherwise,
                                       function_ref<SmallVector<Value>()> then) {
  auto branch = scf::IfOp::create(*this, otherwise.getTypes(), condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  SmallVector<Value> values = then();
  scf::YieldOp::create(*this, values);
  setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(*this, otherwise);
  return SmallVector<Value>(branch.getResults());
}

SmallVector<Value> TensorBuilder::forall(ArrayRef<Value> bounds, ValueRange outputs,
                                         ForallBody body) {
  SmallVector<OpFoldResult> upper = llvm::map_to_vector(bounds, fold);
  auto loop = scf::ForallOp::create(*this, upper, outputs, /*mapping=*/std::nullopt);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  auto parts = body(loop.getInductionVars(), loop.getRegionIterArgs());
  setInsertionPointToStart(loop.getTerminator().getBody());
  for (auto [part, output] : llvm::zip_equal(parts, loop.getRegionIterArgs())) {
    const Slice &slice = part.second;
    tensor::ParallelInsertSliceOp::create(*this, part.first, output, slice.offsets, slice.sizes,
                                          stridesOf(*this, slice));
  }
  return SmallVector<Value>(loop.getResults());
}

Value TensorBuilder::ifElse(Value condition, Type type, function_ref<Value()> then,
                            function_ref<Value()> otherwise) {
  auto branch = scf::IfOp::create(*this, type, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  for (auto [block, build] :
       {std::pair{branch.thenBlock(), then}, {branch.elseBlock(), otherwise}}) {
    setInsertionPointToStart(block);
    Value value = build();
    scf::YieldOp::create(*this, value);
  }
  return branch.getResult(0);
}

Value TensorBuilder::reduction(ValueRange ins, Value sums, ArrayRef<AffineMap> maps,
                               ArrayRef<utils::IteratorType> iterators, ScalarBody body) {
  auto build = [&](OpBuilder &nested, Location, ValueRange scalars) {
    OpBuilder::InsertionGuard guard(*this);
    restoreInsertionPoint(nested.saveInsertionPoint());
    Value value = body(scalars);
    linalg::YieldOp::create(*this, value);
  };
  return linalg::GenericOp::create(*this, TypeRange{sums.getType()}, ins, ValueRange{sums}, maps,
                                   iterators, build)
      .getResult(0);
}

/// The maps of a parallel generic over `out`: identities where none is given.
static SmallVector<AffineMap> completeMaps(TensorBuilder &b, ArrayRef<AffineMap> inMaps,
                                           size_t numIns, int64_t rank) {
  SmallVector<AffineMap> maps(inMaps);
  maps.resize(numIns + 1, b.getMultiDimIdentityMap(rank));
  return maps;
}

Value TensorBuilder::elementwise(ValueRange ins, Value out, ScalarBody body,
                                 ArrayRef<AffineMap> inMaps) {
  int64_t rank = typeOf(out).getRank();
  SmallVector<utils::IteratorType> parallel(rank, utils::IteratorType::parallel);
  return reduction(ins, out, completeMaps(*this, inMaps, ins.size(), rank), parallel,
                   [&](ValueRange scalars) { return body(scalars.drop_back()); });
}

Value TensorBuilder::accumulate(Value in, Value sums, function_ref<Value(Value, Value)> body) {
  int64_t rank = typeOf(sums).getRank();
  SmallVector<utils::IteratorType> parallel(rank, utils::IteratorType::parallel);
  return reduction(in, sums, completeMaps(*this, {}, 1, rank), parallel,
                   [&](ValueRange scalars) { return body(scalars[0], scalars[1]); });
}

Value TensorBuilder::copy(Value source, Value out) {
  return elementwise(source, out, [](ValueRange scalars) { return scalars[0]; });
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

Value TensorBuilder::gatherRows(Value source, Value indices, int64_t divisor,
                                RankedTensorType type) {
  Type element = type.getElementType();
  RankedTensorType rowType = tensorType({type.getDimSize(1)}, element);
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(element));
  Value count = dim(indices, 0);
  Value sourceRows = dim(source, 0);
  Value out = empty(type, count);
  return forall(
             {count}, out,
             [&](ValueRange ivs, ValueRange outputs) {
               // A negative index stays negative or becomes a huge one: never a row.
               Value entry = toIndex(extract(indices, ivs[0]));
               Value isRoute = compare(arith::CmpIPredicate::sge, entry, index(0));
               Value from = divide(entry, divisor);
               Value valid = both(isRoute, compare(arith::CmpIPredicate::slt, from, sourceRows));
               Slice to = row(out, ivs[0]);
               Value target = extractSlice(outputs[0], to, rowType);
               Value part = ifElse(
                   valid, rowType,
                   [&] { return copy(extractSlice(source, row(source, from), rowType), target); },
                   [&] { return fill(zero, target); });
               return SmallVector<std::pair<Value, Slice>>{{part, to}};
             })
      .front();
}

std::pair<Value, Value> TensorBuilder::group(Value offsets, Value e, Value rows) {
  Value begin = toIndex(extract(offsets, e));
  Value end = toIndex(extract(offsets, add(e, index(1))));
  begin = minimum(maximum(begin, index(0)), rows);
  end = minimum(maximum(end, begin), rows);
  return {begin, end};
}
