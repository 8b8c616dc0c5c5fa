//===- MoeKernelDialect.cpp - registration and discardable attributes -----===//

#include "dialects/Moe/IR/MoeVerify.h"
#include "dialects/MoeKernel/IR/KnownTargets.h"
#include "dialects/MoeKernel/IR/MoeKernelOps.h"
#include "dialects/MoeKernel/IR/Sizes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace moec::kernel;

#include "dialects/MoeKernel/IR/MoeKernelDialect.cpp.inc"
#include "dialects/MoeKernel/IR/MoeKernelInterfaces.cpp.inc"

void MoeKernelDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/MoeKernel/IR/MoeKernelOps.cpp.inc"
      >();
}

bool moec::kernel::isCompactMemRef(Type type) {
  constexpr int64_t kMaxElements = int64_t(1) << 48;
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref || memref.getRank() == 0 || memref.getRank() > kMaxRank || !memref.getLayout().isIdentity() ||
      memref.getMemorySpace())
    return false;
  Type element = memref.getElementType();
  if (!element.isBF16() && !element.isF16() && !element.isF32() && !element.isSignlessInteger(32))
    return false;
  int64_t elements = 1;
  for (int64_t extent : memref.getShape().drop_front(memref.isDynamicDim(0) ? 1 : 0))
    if (ShapedType::isDynamic(extent) || extent > moe::kMaxIndex ||
        llvm::MulOverflow(elements, extent, elements) || elements >= kMaxElements)
      return false;
  return true;
}

/// The variants of every block serve [0, inf), each T once.
static LogicalResult verifyPartition(ModuleOp module) {
  llvm::MapVector<StringRef, SmallVector<std::pair<TokensAttr, func::FuncOp>>> blocks;
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    auto block = function->getAttrOfType<StringAttr>(MoeKernelDialect::kBlockAttr);
    auto tokens = function->getAttrOfType<TokensAttr>(MoeKernelDialect::kTokensAttr);
    if (block && tokens)
      blocks[block.getValue()].push_back({tokens, function});
  }
  for (auto &[name, variants] : blocks) {
    llvm::sort(variants, [](auto &a, auto &b) { return a.first.getMin() < b.first.getMin(); });
    int64_t next = 0;
    for (auto &[tokens, function] : variants) {
      if (next == -1 || tokens.getMin() != next)
        return function.emitOpError()
               << "expects the variants of block '" << name << "' to serve every T once, but "
               << (next == -1 || tokens.getMin() < next ? "an earlier one also serves T = "
                                                        : "none serves T = ")
               << (next == -1 || tokens.getMin() < next ? tokens.getMin() : next);
      next = tokens.getMax() == -1 ? -1 : tokens.getMax() + 1;
    }
    if (next != -1)
      return variants.back().second.emitOpError()
             << "expects the variants of block '" << name
             << "' to serve every T once, but none serves T = " << next;
  }
  return success();
}

LogicalResult MoeKernelDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == kTargetAttr) {
    auto module = dyn_cast<ModuleOp>(op);
    if (!module || !isa<TargetAttr>(attribute.getValue()))
      return op->emitOpError() << "expects '" << name
                               << "' to be a #moe_kernel.target on a module, but got "
                               << attribute.getValue();
    return verifyPartition(module);
  }
  bool valid = isa<func::FuncOp>(op);
  if (name == kBlockAttr)
    valid &= isa<StringAttr>(attribute.getValue());
  else if (name == kTokensAttr)
    valid &= isa<TokensAttr>(attribute.getValue());
  else if (name == kNondeterministicAttr)
    valid &= isa<UnitAttr>(attribute.getValue());
  else
    return op->emitOpError() << "expects no attribute '" << name << '\'';
  if (!valid)
    return op->emitOpError() << "expects '" << name
                             << "' on a function, with a value of its own kind, but got "
                             << attribute.getValue();
  return success();
}

LogicalResult MoeKernelDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned argument,
                                                         NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == kOutputAttr) {
    if (!isa<UnitAttr>(attribute.getValue()))
      return op->emitOpError() << "expects '" << name << "' of argument " << argument
                               << " to be a unit attribute, but got " << attribute.getValue();
    return success();
  }
  if (name == kSizeAttr) {
    auto size = dyn_cast<AffineMapAttr>(attribute.getValue());
    if (!size || !isExtent(size.getValue()))
      return op->emitOpError() << "expects '" << name << "' of argument " << argument
                               << " to be an affine map of one dimension with positive divisors, "
                                  "but got "
                               << attribute.getValue();
    return success();
  }
  return op->emitOpError() << "expects no attribute '" << name << "' on argument " << argument;
}

LogicalResult moec::kernel::detail::verifyKernelOp(Operation *op) {
  auto kernel = cast<KernelOpInterface>(op);
  // The largest block of any known GPU where no target is set.
  int64_t limit = 232448;
  StringRef where = "any known GPU";
  if (TargetAttr target = getTarget(op)) {
    limit = target.getSharedBytes();
    where = target.getArch();
  }
  if (kernel.getSharedBytes() > limit)
    return op->emitOpError() << "expects at most " << limit << " bytes of shared memory a block on "
                             << where << ", but needs " << kernel.getSharedBytes();
  return success();
}

LogicalResult BufferOp::verify() {
  MemRefType type = getType();
  // C2
  if (type.isDynamicDim(0) != getSize().has_value())
    return emitOpError() << "expects a size exactly for a dynamic leading extent, but got "
                         << (getSize() ? "a size" : "no size") << " for " << type;
  if (getSize() && !isExtent(*getSize()))
    return emitOpError() << "expects the size to be an affine map of one dimension with positive "
                            "divisors, but got "
                         << AffineMapAttr::get(*getSize());
  return success();
}

#define GET_OP_CLASSES
#include "dialects/MoeKernel/IR/MoeKernelOps.cpp.inc"
