//===- TokenExtents.cpp - leading extents as expressions in T -------------===//

#include "compiler/Conversion/MoeToMoeKernel/TokenExtents.h"
#include "compiler/Conversion/MoeToMoeKernel/Passes.h"
#include "dialects/Moe/IR/MoeRowCounts.h"
#include "dialects/MoeKernel/IR/Sizes.h"

#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;

namespace moec {

unsigned TokenExtents::getNode(Value value) {
  auto [it, inserted] = numbers.try_emplace(value, values.size());
  if (inserted) {
    nodes.push_back({it->second});
    values.push_back(value);
  }
  return it->second;
}

TokenExtents::Node TokenExtents::findRoot(unsigned node) const {
  Node path{node};
  while (nodes[path.parent].parent != path.parent) {
    const Node &step = nodes[path.parent];
    path.numerator *= step.numerator;
    path.denominator *= step.denominator;
    int64_t common = std::gcd(path.numerator, path.denominator);
    path.numerator /= common;
    path.denominator /= common;
    path.parent = step.parent;
  }
  return path;
}

void TokenExtents::relate(Value value, Value other, int64_t factor) {
  Node a = findRoot(getNode(value)), b = findRoot(getNode(other));
  if (a.parent == b.parent)
    return;
  // a.num/a.den * root(a) = factor * b.num/b.den * root(b)
  int64_t numerator = factor * b.numerator * a.denominator;
  int64_t denominator = b.denominator * a.numerator;
  int64_t common = std::gcd(numerator, denominator);
  nodes[a.parent] = {b.parent, numerator / common, denominator / common};
}

void TokenExtents::relateOperands(Operation *op) {
  moe::relateRows(op, [&](Value value, Value other, int64_t factor) {
    relate(value, other, factor);
  });
  if (auto pad = dyn_cast<moe::PadOp>(op)) {
    int64_t experts = cast<RankedTensorType>(pad.getOffsets().getType()).getDimSize(0) - 1;
    unsigned rows = getNode(pad.getRows()), padded = getNode(pad.getPadded());
    paddings.push_back({padded, rows, experts, static_cast<int64_t>(pad.getMultiple())});
  } else if (auto unpad = dyn_cast<moe::UnpadOp>(op)) {
    getNode(unpad.getPadded());
  }
}

LogicalResult TokenExtents::solve(func::FuncOp function) {
  MLIRContext *context = function.getContext();
  // The smallest member of every related set is T, unless padding defines the set.
  DenseMap<unsigned, Node> smallest;
  for (unsigned i = 0; i < nodes.size(); ++i) {
    Node node = findRoot(i);
    auto [it, inserted] = smallest.try_emplace(node.parent, node);
    if (!inserted &&
        node.numerator * it->second.denominator < it->second.numerator * node.denominator)
      it->second = node;
  }
  DenseMap<unsigned, AffineMap> roots;
  auto fail = [&](Value value, StringRef why) {
    Location loc = value.getLoc();
    return emitError(loc) << kUnsupportedPrefix << why << ", in a tensor of type "
                          << value.getType();
  };
  auto assign = [&](unsigned i) -> LogicalResult {
    Node node = findRoot(i);
    if (AffineMap padded = roots.lookup(node.parent)) {
      if (node.numerator != node.denominator)
        return fail(values[i], "expects padded rows to be used one by one");
      extents[values[i]] = padded;
      return success();
    }
    Node unit = smallest.lookup(node.parent);
    int64_t numerator = node.numerator * unit.denominator;
    int64_t denominator = node.denominator * unit.numerator;
    if (numerator % denominator != 0)
      return fail(values[i], "expects the leading extent to be a multiple of T");
    extents[values[i]] = kernel::getTokensExtent(context, numerator / denominator);
    return success();
  };
  // Paddings come in program order: the rows of each are known before its own.
  for (const Padding &padding : paddings) {
    if (failed(assign(padding.rows)))
      return failure();
    roots[findRoot(padding.padded).parent] = kernel::getPaddedExtent(
        extents.lookup(values[padding.rows]), padding.experts, padding.multiple);
  }
  for (unsigned i = 0; i < nodes.size(); ++i)
    if (failed(assign(i)))
      return failure();
  return success();
}

LogicalResult TokenExtents::verifyExpertSized(Operation *op) const {
  auto verify = [&](StringRef what, ValueRange values) -> LogicalResult {
    for (Value value : values)
      if (find(value))
        return op->emitError() << kUnsupportedPrefix << "expects " << what
                               << " that no op takes for rows or routes, but got one of type "
                               << value.getType();
    return success();
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](moe::PermuteOp permute) { return verify("offsets", permute.getOffsets()); })
      .Case([&](moe::PadOp pad) {
        return verify("offsets", {pad.getOffsets(), pad.getPaddedOffsets()});
      })
      .Case([&](moe::UnpadOp unpad) {
        return verify("offsets", {unpad.getOffsets(), unpad.getPaddedOffsets()});
      })
      .Case([&](moe::GroupedMatmulOp matmul) -> LogicalResult {
        if (failed(verify("offsets", matmul.getOffsets())))
          return failure();
        return verify("a bias", matmul.getBias());
      })
      .Default(success());
}

LogicalResult TokenExtents::analyze(func::FuncOp function) {
  function.walk([&](Operation *op) { relateOperands(op); });
  if (failed(solve(function)))
    return failure();
  WalkResult result =
      function.walk([&](Operation *op) { return WalkResult(verifyExpertSized(op)); });
  return failure(result.wasInterrupted());
}

AffineMap TokenExtents::find(Value value) const { return extents.lookup(value); }

double TokenExtents::getRowsPerToken(Value value) const {
  constexpr int64_t kLarge = 1 << 24;
  AffineMap extent = find(value);
  return extent ? static_cast<double>(kernel::evaluateExtent(extent, kLarge)) / kLarge : 1.0;
}

} // namespace moec
