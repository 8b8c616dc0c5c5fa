//===- MoeKernelOps.h - dialect, attributes and ops of moe_kernel ---------===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELOPS_H
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELOPS_H

#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <array>

#include "dialects/MoeKernel/IR/MoeKernelDialect.h.inc"
#include "dialects/MoeKernel/IR/MoeKernelEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/MoeKernel/IR/MoeKernelAttrs.h.inc"

namespace moec::kernel {
/// The most extents of a memref, those that a package's manifest can describe.
inline constexpr int64_t kMaxRank = 8;
/// Whether `type` is a memref as kernels take it: of bf16, f16, f32 or i32, of rank 1 to kMaxRank,
/// row-major without gaps, in the default memory space, dynamic in at most its leading extent. Each extent counts in an
/// i32, all static ones together make less than 2^48 elements, and so 64 bits hold every size.
bool isCompactMemRef(mlir::Type type);

/// A tensor of which the copy engine takes boxes: rows (K, R), or a part of a weight (all of it,
/// its gate or its up rows) as (K, columns, E).
struct CopyMap {
  mlir::Value memref;
  int64_t offset = 0;                            ///< bytes from the memref's start
  llvm::SmallVector<mlir::AffineMap, 3> extents; ///< elements, innermost first
  llvm::SmallVector<int64_t, 2> strides;         ///< bytes between steps of all but the first
  llvm::SmallVector<int64_t, 3> box;             ///< elements
  int64_t promotion = 256; ///< bytes that a request to memory grows to on its way through L2
};
} // namespace moec::kernel

namespace moec::kernel::detail {
/// What holds for every kernel op: threads of a block, shared memory within the target's.
mlir::LogicalResult verifyKernelOp(mlir::Operation *op);
} // namespace moec::kernel::detail

#include "dialects/MoeKernel/IR/MoeKernelInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/MoeKernel/IR/MoeKernelOps.h.inc"

namespace moec::kernel {

/// The kernel that runs before `op`; null if there is none.
mlir::Operation *getKernelBefore(mlir::Operation *op);
/// The same if that is a matmul.
GroupedMatmulOp getMatmulBefore(mlir::Operation *op);

} // namespace moec::kernel

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELOPS_H
