//===- ManifestBuilder.h - the launch plan of a block ---------------------===//

#ifndef MOEC_COMPILER_TARGET_CUDA_MANIFESTBUILDER_H
#define MOEC_COMPILER_TARGET_CUDA_MANIFESTBUILDER_H

#include "compiler/Target/Cuda/KernelText.h"
#include "runtime/Package/Manifest.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace moec::cuda {

/// `extent` as the runtime evaluates it.
moert::Expr getExpr(mlir::AffineMap extent);

/// Collects a block's manifest while its kernels are printed.
class ManifestBuilder {
public:
  ManifestBuilder(llvm::StringRef block, llvm::StringRef arch);

  /// Begins a variant. The arguments of all variants must agree; a difference is an error.
  mlir::LogicalResult beginVariant(mlir::func::FuncOp function);
  void addBuffer(kernel::BufferOp op);
  /// A kernel seen for the first time; returns its index.
  unsigned addKernel(llvm::StringRef name, kernel::KernelOpInterface op, const KernelText &text);
  void addLaunch(unsigned kernel, kernel::KernelOpInterface op, const KernelText &text);

  /// Sorts the variants, bounds T by the kernels' 32-bit indices, and hands the manifest over.
  moert::Manifest take();

private:
  moert::TensorMap getTensorMap(const kernel::CopyMap &map) const;
  /// The greatest T whose grids, extents and counts all fit 32-bit indices.
  int64_t getMaxTokens() const;

  moert::Manifest manifest;
  llvm::DenseMap<mlir::Value, unsigned> buffers;     ///< of the current variant
  llvm::SmallVector<mlir::AffineMap> grids, indexed; ///< of every variant
};

} // namespace moec::cuda

#endif // MOEC_COMPILER_TARGET_CUDA_MANIFESTBUILDER_H
