//===- BindResults.cpp - results become buffers of the caller -------------===//

#include "compiler/Target/Cpu/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"

namespace moec::cpu {
#define GEN_PASS_DEF_CPUBINDRESULTSPASS
#include "compiler/Target/Cpu/Passes.h.inc"
} // namespace moec::cpu

using namespace mlir;

namespace {
struct CpuBindResultsPass : moec::cpu::impl::CpuBindResultsPassBase<CpuBindResultsPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() && failed(bind(function)))
        return signalPassFailure();
  }

  static LogicalResult bind(func::FuncOp function) {
    auto returns = llvm::to_vector(function.getOps<func::ReturnOp>());
    if (returns.size() != 1)
      return function.emitOpError() << "expects one return, but got " << returns.size();
    // Nothing is computed in place of an input.
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (isa<TensorType>(function.getArgument(i).getType()))
        function.setArgAttr(i, bufferization::BufferizationDialect::kWritableAttrName,
                            BoolAttr::get(function.getContext(), false));
    func::ReturnOp exit = returns.front();
    OpBuilder builder(exit);
    for (Value result : exit.getOperands()) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      if (!type)
        return function.emitOpError()
               << "expects results of ranked tensor type, but got " << result.getType();
      auto buffer = MemRefType::get(type.getShape(), type.getElementType());
      unsigned number = function.getNumArguments();
      if (failed(function.insertArgument(number, buffer, /*argAttrs=*/{}, exit.getLoc())))
        return failure();
      bufferization::MaterializeInDestinationOp::create(builder, exit.getLoc(), /*result=*/Type(),
                                                        result, function.getArgument(number),
                                                        /*restrict=*/true, /*writable=*/true);
    }
    exit.getOperandsMutable().clear();
    llvm::BitVector all(function.getNumResults(), true);
    return function.eraseResults(all);
  }
};
} // namespace
