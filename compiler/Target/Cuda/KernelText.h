//===- KernelText.h - the pieces of one generated translation unit --------===//

#ifndef MOEC_COMPILER_TARGET_CUDA_KERNELTEXT_H
#define MOEC_COMPILER_TARGET_CUDA_KERNELTEXT_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <string>

namespace moec::cuda {

/// What a printer by op family fills in. The file is put together from it by `printKernel`.
struct KernelText {
  struct Parameter {
    std::string type; ///< "const moe::bf16 *"
    std::string name;
    mlir::Value value;                  ///< the memref behind it
    std::optional<kernel::CopyMap> map; ///< a tensor map of `value` instead of its address
  };

  llvm::SmallVector<std::string> includes; ///< "moe/kernels/combine.cuh"
  std::string declarations;                ///< policies and functors; whole lines
  std::string launchBounds;                ///< "256" or "Plan::kThreads, Plan::kMinBlocks"
  llvm::SmallVector<Parameter> parameters;
  bool takesTokens = true; ///< T follows as `int tokens`
  std::string body;        ///< whole lines

  /// Adds a parameter that the kernel only reads, or one that it writes.
  void addInput(llvm::StringRef name, mlir::Value memref);
  void addOutput(llvm::StringRef name, mlir::Value memref);
  void addCopyMap(llvm::StringRef name, const kernel::CopyMap &map);
};

/// The device type of an element: "moe::bf16", "moe::f16", "float", "int".
llvm::StringRef getCudaType(mlir::Type element);

/// `extent` as an int expression in `tokens`.
std::string getCudaExtent(mlir::AffineMap extent);

/// `items` separated by commas, the first one at `column`; lines break before column 100 and go on
/// after `indent` spaces.
std::string wrapItems(llvm::ArrayRef<std::string> items, size_t column, size_t indent);

/// Appends `struct NAME` with the function of `region`, static and on f32, to the declarations.
mlir::LogicalResult printFunctor(mlir::Region &region, llvm::StringRef name, KernelText &text);

/// The printers by op family; an op that none of them knows is an error on it.
mlir::LogicalResult printMatmul(kernel::GroupedMatmulOp op, KernelText &text);
mlir::LogicalResult printIndexKernel(mlir::Operation *op, KernelText &text);
mlir::LogicalResult printRowKernel(mlir::Operation *op, KernelText &text);
mlir::LogicalResult printKernelText(mlir::Operation *op, KernelText &text);

/// A comment that says what `op` computes and how, from the op alone.
std::string printHeader(llvm::StringRef name, mlir::Operation *op, const KernelText &text);

/// The translation unit with the entry point `name`, without header.
std::string printKernel(llvm::StringRef name, const KernelText &text);

} // namespace moec::cuda

#endif // MOEC_COMPILER_TARGET_CUDA_KERNELTEXT_H
