//===- Passes.h - passes of the moe dialect -------------------------------===//

#ifndef MOEC_DIALECTS_MOE_TRANSFORMS_PASSES_H
#define MOEC_DIALECTS_MOE_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace moec::moe {

#define GEN_PASS_DECL
#include "dialects/Moe/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "dialects/Moe/Transforms/Passes.h.inc"

} // namespace moec::moe

#endif // MOEC_DIALECTS_MOE_TRANSFORMS_PASSES_H
