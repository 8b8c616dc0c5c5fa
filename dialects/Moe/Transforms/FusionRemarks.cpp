//===- FusionRemarks.cpp - remarks of the fusion passes -------------------===//

#include "dialects/Moe/Transforms/FusionRemarks.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

static remark::RemarkOpts optionsFor(Operation *op, StringLiteral pass) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  return remark::RemarkOpts::name(pass)
      .category("moe-fusion")
      .function(function ? function.getName() : StringRef());
}

void moec::moe::remarkFused(Operation *op, StringLiteral pass, StringRef what) {
  remark::passed(op->getLoc(), optionsFor(op, pass)) << what;
}

void moec::moe::remarkNotFused(Operation *op, StringLiteral pass, StringRef why) {
  remark::missed(op->getLoc(), optionsFor(op, pass)) << why;
}
