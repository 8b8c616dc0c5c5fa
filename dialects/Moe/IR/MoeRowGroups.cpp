//===- MoeRowGroups.cpp - what is known about rows grouped by expert ------===//

#include "dialects/Moe/IR/MoeRowGroups.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moec::moe;

/// Evaluates one scalar op on known operands through its folder.
static Attribute evaluate(Operation &op, DenseMap<Value, Attribute> &known) {
  SmallVector<Attribute> operands;
  for (Value operand : op.getOperands())
    operands.push_back(known.lookup(operand));
  SmallVector<OpFoldResult> results;
  if (op.getNumResults() != 1 || failed(op.fold(operands, results)) || results.size() != 1)
    return {};
  if (auto value = dyn_cast<Value>(results.front()))
    return known.lookup(value);
  return cast<Attribute>(results.front());
}

bool moec::moe::mapsZeroToZero(ActivationOp op) {
  if (op.getKind())
    return true;
  Block &body = op.getBody().front();
  DenseMap<Value, Attribute> known;
  for (Value argument : body.getArguments())
    known[argument] = Builder(op.getContext()).getF32FloatAttr(0.0f);
  for (Operation &scalar : body.without_terminator()) {
    if (Attribute value = evaluate(scalar, known))
      known[scalar.getResult(0)] = value;
  }
  Value yielded = cast<YieldOp>(body.getTerminator()).getValue();
  auto result = dyn_cast_or_null<FloatAttr>(known.lookup(yielded));
  return result && result.getValue().isZero();
}

bool moec::moe::hasZeroTail(Value rows, Value offsets) {
  Operation *producer = rows.getDefiningOp();
  if (!producer)
    return false;
  return TypeSwitch<Operation *, bool>(producer)
      .Case([&](PermuteOp op) { return op.getOffsets() == offsets; })
      .Case([&](PadOp op) { return op.getPaddedOffsets() == offsets; })
      .Case([&](UnpadOp op) { return op.getOffsets() == offsets; })
      .Case([&](GroupedMatmulOp op) { return !op.hasCombine() && op.getOffsets() == offsets; })
      .Case([&](ActivationOp op) {
        return mapsZeroToZero(op) &&
               llvm::all_of(op.getInputs(), [&](Value v) { return hasZeroTail(v, offsets); });
      })
      .Default([](Operation *) { return false; });
}

bool moec::moe::nameNoTail(Value routes, Value offsets) {
  auto permute = routes.getDefiningOp<PermuteOp>();
  return permute && permute.getRoutes() == routes && permute.getOffsets() == offsets;
}

bool moec::moe::isTailUnread(Value rows, Value offsets) {
  return llvm::all_of(rows.getUses(), [&](OpOperand &use) {
    return TypeSwitch<Operation *, bool>(use.getOwner())
        .Case([&](PadOp op) { return op.getOffsets() == offsets; })
        .Case([&](UnpadOp op) { return op.getPaddedOffsets() == offsets; })
        // A gathering matmul reads token rows, which have no tail; as bias or weights, all are
        // read.
        .Case([&](GroupedMatmulOp op) {
          return &use == &op.getRowsMutable() && !op.hasGather() && op.getOffsets() == offsets;
        })
        .Case([&](CombineOp op) {
          return &use == &op.getRowsMutable() && nameNoTail(op.getRoutes(), offsets);
        })
        .Case([&](ActivationOp op) { return isTailUnread(op.getResult(), offsets); })
        .Default([](Operation *) { return false; });
  });
}

/// The value whose row count `value` takes over.
static Value getRowCountSource(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    Value source =
        TypeSwitch<Operation *, Value>(op)
            .Case([&](PermuteOp permute) {
              return value == permute.getOffsets() ? Value() : permute.getRoutes();
            })
            .Case([](UnpadOp unpad) { return unpad.getRoutes(); })
            .Case([](ActivationOp activation) { return activation.getInputs().front(); })
            .Case([](GroupedMatmulOp matmul) -> Value {
              if (matmul.hasCombine())
                return matmul.getCombineWeights();
              return matmul.hasGather() ? matmul.getGatherRoutes() : Value(matmul.getRows());
            })
            .Case([](CombineOp combine) { return combine.getWeights(); })
            .Default([](Operation *) { return Value(); });
    if (!source || source == value)
      return value;
    value = source;
  }
  return value;
}

bool moec::moe::haveSameRowCount(Value a, Value b) {
  int64_t rowsOfA = cast<RankedTensorType>(a.getType()).getDimSize(0);
  int64_t rowsOfB = cast<RankedTensorType>(b.getType()).getDimSize(0);
  if (ShapedType::isStatic(rowsOfA) && ShapedType::isStatic(rowsOfB))
    return rowsOfA == rowsOfB;
  return getRowCountSource(a) == getRowCountSource(b);
}
