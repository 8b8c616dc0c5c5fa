//===- MoeActivations.h - the one definition of every activation ----------===//
//
// A named activation is shorthand for a region of arith and math ops on f32. Every consumer (CUDA
// printer, CPU lowering, reference evaluator, epilogue fusion) takes that region from here, so a
// name cannot mean two things.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOE_IR_MOEACTIVATIONS_H
#define MOEC_DIALECTS_MOE_IR_MOEACTIVATIONS_H

#include "dialects/Moe/IR/MoeOps.h"

namespace moec::moe {

/// Whether `kind` takes two values (gate, up); the others take one.
bool isGated(ActivationKind kind);

/// Emits `kind` at the insertion point. `args` are f32: (gate, up) where `isGated(kind)`, else one.
/// Returns the f32 result. For finite and infinite arguments the factor taken from the gate is its
/// mathematical limit (0 at -inf, +inf at +inf); a NaN argument gives NaN.
mlir::Value buildActivation(mlir::OpBuilder &builder, mlir::Location loc, ActivationKind kind,
                            mlir::ValueRange args);

/// Fills the empty `region` with one block that computes `kind` and ends in `moe.yield`.
void buildActivationBody(ActivationKind kind, mlir::Region &region, mlir::Location loc);

/// Fills the empty `region` with the function that `op` applies: a copy of its body, or its kind
/// spelled out.
void buildActivationBody(ActivationOp op, mlir::Region &region);

/// Copies the ops of a verified `body` (an epilogue or activation body) to the insertion point with
/// `args` for its block arguments. Returns the value for what `body` yields.
mlir::Value inlineScalarBody(mlir::OpBuilder &builder, mlir::Region &body, mlir::ValueRange args);

/// Emits the function that `op` applies at the insertion point, named or spelled out alike.
mlir::Value inlineActivation(mlir::OpBuilder &builder, ActivationOp op, mlir::ValueRange args);

} // namespace moec::moe

#endif // MOEC_DIALECTS_MOE_IR_MOEACTIVATIONS_H
