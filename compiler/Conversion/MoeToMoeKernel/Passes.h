//===- Passes.h - from moe to moe_kernel ----------------------------------===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_PASSES_H
#define MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_PASSES_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/CommandLine.h"

namespace moec {

/// How a combine that was fused into a matmul sums a token's rows.
enum class CombineForm { Ordered, Accumulate };

/// How every error about a legal block that no kernel can run begins.
inline constexpr llvm::StringLiteral kUnsupportedPrefix{"unsupported problem: "};

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Conversion/MoeToMoeKernel/Passes.h.inc"

} // namespace moec

#endif // MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_PASSES_H
