//===- RegisterTiles.cpp - inner products in vector registers -------------===//

#include "compiler/Target/Cpu/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace moec::cpu {
#define GEN_PASS_DEF_CPUREGISTERTILESPASS
#include "compiler/Target/Cpu/Passes.h.inc"
} // namespace moec::cpu

using namespace mlir;

/// Whether `op` works on buffers, with these iterators, projections of the loops per operand, and a
/// body of these ops before its yield.
static bool hasForm(linalg::GenericOp op, ArrayRef<utils::IteratorType> iterators,
                    ArrayRef<SmallVector<unsigned>> projections, ArrayRef<StringRef> body) {
  if (!op.hasPureBufferSemantics() || op.getIteratorTypesArray() != iterators)
    return false;
  for (auto [map, dims] : llvm::zip_equal(op.getIndexingMapsArray(), projections))
    if (map != AffineMap::getMultiDimMapWithTargets(iterators.size(), dims, op.getContext()))
      return false;
  return llvm::equal(
      op.getBody()->without_terminator(), body,
      [](Operation &inner, StringRef name) { return inner.getName().getStringRef() == name; });
}

static MemRefType bufferOf(Value value) { return cast<MemRefType>(value.getType()); }

/// Whether consecutive entries of the last dimension lie side by side.
static bool isRowMajor(Value value) {
  return bufferOf(value).getElementType().isF32() && bufferOf(value).isLastDimUnitStride();
}

static Value index(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

/// sums[i, j, l] += rows[i, g, l] * weights[j, g, l], all sizes static.
static bool isRegisterTile(linalg::GenericOp op) {
  auto parallel = utils::IteratorType::parallel;
  return op.getNumDpsInputs() == 2 && op.getNumDpsInits() == 1 &&
         hasForm(op, {parallel, parallel, utils::IteratorType::reduction, parallel},
                 {{0, 2, 3}, {1, 2, 3}, {0, 1, 3}}, {"arith.mulf", "arith.addf"}) &&
         llvm::all_of(op->getOperands(),
                      [](Value v) { return bufferOf(v).hasStaticShape() && isRowMajor(v); });
}

static void lowerRegisterTile(linalg::GenericOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value rows = op.getInputs()[0];
  Value weights = op.getInputs()[1];
  Value sums = op.getOutputs()[0];
  int64_t tileRows = bufferOf(sums).getDimSize(0);
  int64_t tileColumns = bufferOf(sums).getDimSize(1);
  auto lanes = VectorType::get({bufferOf(sums).getDimSize(2)}, b.getF32Type());
  Value zero = index(b, 0);
  auto place = [&](int64_t i, int64_t j) {
    return SmallVector<Value>{index(b, i), index(b, j), zero};
  };

  SmallVector<Value> init;
  for (int64_t i = 0; i < tileRows; ++i)
    for (int64_t j = 0; j < tileColumns; ++j)
      init.push_back(vector::LoadOp::create(b, lanes, sums, place(i, j)));
  auto loop =
      scf::ForOp::create(b, zero, index(b, bufferOf(rows).getDimSize(1)), index(b, 1), init);
  SmallVector<Value> outer(loop.getResults());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    auto at = [&](int64_t i) {
      return SmallVector<Value>{index(b, i), loop.getInductionVar(), zero};
    };
    SmallVector<Value> rowVectors;
    for (int64_t i = 0; i < tileRows; ++i)
      rowVectors.push_back(vector::LoadOp::create(b, lanes, rows, at(i)));
    SmallVector<Value> next(init.size());
    for (int64_t j = 0; j < tileColumns; ++j) {
      Value weight = vector::LoadOp::create(b, lanes, weights, at(j));
      for (int64_t i = 0; i < tileRows; ++i) {
        int64_t number = i * tileColumns + j;
        next[number] =
            vector::FMAOp::create(b, rowVectors[i], weight, loop.getRegionIterArgs()[number]);
      }
    }
    scf::YieldOp::create(b, next);
  }
  for (int64_t i = 0; i < tileRows; ++i)
    for (int64_t j = 0; j < tileColumns; ++j)
      vector::StoreOp::create(b, outer[i * tileColumns + j], sums, place(i, j));
  op.erase();
}

/// sums[i, j] += lanes[i, j, l] with a static number of lanes.
static bool isLaneSum(linalg::GenericOp op) {
  auto parallel = utils::IteratorType::parallel;
  return op.getNumDpsInputs() == 1 && op.getNumDpsInits() == 1 &&
         hasForm(op, {parallel, parallel, utils::IteratorType::reduction}, {{0, 1, 2}, {0, 1}},
                 {"arith.addf"}) &&
         isRowMajor(op.getInputs()[0]) && !bufferOf(op.getInputs()[0]).isDynamicDim(2);
}

static void lowerLaneSum(linalg::GenericOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value lanes = op.getInputs()[0];
  Value sums = op.getOutputs()[0];
  auto type = VectorType::get({bufferOf(lanes).getDimSize(2)}, b.getF32Type());
  auto anyOrder = arith::FastMathFlags::reassoc;
  Value zero = index(b, 0);
  Value one = index(b, 1);
  auto rows = scf::ForOp::create(b, zero, memref::DimOp::create(b, sums, zero), one);
  b.setInsertionPointToStart(rows.getBody());
  auto columns = scf::ForOp::create(b, zero, memref::DimOp::create(b, sums, one), one);
  b.setInsertionPointToStart(columns.getBody());
  SmallVector<Value> place{rows.getInductionVar(), columns.getInductionVar()};
  Value vector = vector::LoadOp::create(b, type, lanes, ValueRange{place[0], place[1], zero});
  Value before = memref::LoadOp::create(b, sums, place);
  Value sum = vector::ReductionOp::create(b, vector::CombiningKind::ADD, vector, before, anyOrder);
  memref::StoreOp::create(b, sum, sums, place);
  op.erase();
}

namespace {
struct CpuRegisterTilesPass : moec::cpu::impl::CpuRegisterTilesPassBase<CpuRegisterTilesPass> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) { ops.push_back(op); });
    for (linalg::GenericOp op : ops) {
      if (isRegisterTile(op))
        lowerRegisterTile(op);
      else if (isLaneSum(op))
        lowerLaneSum(op);
    }
  }
};
} // namespace
