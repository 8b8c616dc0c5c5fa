//===- Passes.h - passes of the CPU pipeline ------------------------------===//

#ifndef MOEC_COMPILER_TARGET_CPU_PASSES_H
#define MOEC_COMPILER_TARGET_CPU_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace moec::cpu {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Target/Cpu/Passes.h.inc"
} // namespace moec::cpu

#endif // MOEC_COMPILER_TARGET_CPU_PASSES_H
