//===- ParallelizeRows.cpp - row blocks of element-wise work in parallel --===//

#include "compiler/Target/Cpu/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <algorithm>

namespace moec::cpu {
#define GEN_PASS_DEF_CPUPARALLELIZEROWSPASS
#include "compiler/Target/Cpu/Passes.h.inc"
} // namespace moec::cpu

using namespace mlir;

namespace {
struct CpuParallelizeRowsPass
    : moec::cpu::impl::CpuParallelizeRowsPassBase<CpuParallelizeRowsPass> {
  using CpuParallelizeRowsPassBase::CpuParallelizeRowsPassBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto op : llvm::make_early_inc_range(getOperation().getOps<linalg::LinalgOp>()))
      if (int64_t rows = countBlockRows(op))
        if (failed(tile(rewriter, op, rows)))
          return signalPassFailure();
  }

  /// Rows of a block, 0 where the op does not fill one.
  int64_t countBlockRows(linalg::LinalgOp op) const {
    SmallVector<int64_t> loops = op.getStaticLoopRanges();
    if (!op.hasPureTensorSemantics() || loops.empty() ||
        op.getIteratorTypesArray().front() != utils::IteratorType::parallel)
      return 0;
    int64_t rowElements = 1;
    for (int64_t size : ArrayRef(loops).drop_front()) {
      if (ShapedType::isDynamic(size))
        return 0;
      rowElements *= std::max<int64_t>(size, 1);
    }
    int64_t rows = std::max<int64_t>(1, blockElements / rowElements);
    return ShapedType::isStatic(loops.front()) && loops.front() <= rows ? 0 : rows;
  }

  static LogicalResult tile(RewriterBase &rewriter, linalg::LinalgOp op, int64_t rows) {
    rewriter.setInsertionPoint(op);
    scf::SCFTilingOptions options;
    SmallVector<OpFoldResult> sizes(op.getNumLoops(), rewriter.getIndexAttr(0));
    sizes.front() = rewriter.getIndexAttr(rows);
    options.setTileSizes(sizes).setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
    auto tiled = scf::tileUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
    if (failed(tiled))
      return op.emitOpError("expects to be tiled along its rows");
    rewriter.replaceOp(op, tiled->replacements);
    return success();
  }
};
} // namespace
