//===- MoeAsm.cpp - names of values in printed moe IR ---------------------===//
//
// Printed IR is read by people: a routing result called %experts says more than %0#1.
//
//===----------------------------------------------------------------------===//

#include "dialects/Moe/IR/MoeOps.h"

using namespace mlir;
using namespace moec::moe;

void RouteOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getWeights(), "weights");
  setName(getExperts(), "experts");
}

void PermuteOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  if (getRows())
    setName(getRows(), "rows");
  setName(getRoutes(), "routes");
  setName(getOffsets(), "offsets");
}

void PadOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getPadded(), "padded");
  setName(getPaddedOffsets(), "padded_offsets");
}

void UnpadOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getRows(), "unpadded"); }

/// An epilogue leaves activated values, a combine the block's output, two weights gate and up.
void GroupedMatmulOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  if (getResults().size() == 2) {
    setName(getResults().front(), "gate");
    setName(getResults().back(), "up");
  } else if (!getResults().empty()) {
    setName(getResults().front(), hasCombine() ? "output" : hasEpilogue() ? "act" : "product");
  }
}

void ActivationOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "act"); }

void CombineOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getOutput(), "output"); }
