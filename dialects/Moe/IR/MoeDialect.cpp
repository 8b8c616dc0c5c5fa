//===- MoeDialect.cpp - registration and discardable attributes of moe ----===//

#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moec::moe;

#include "dialects/Moe/IR/MoeDialect.cpp.inc"
#include "dialects/Moe/IR/MoeEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Moe/IR/MoeAttrs.cpp.inc"

void MoeDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Moe/IR/MoeAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Moe/IR/MoeOps.cpp.inc"
      >();
}

/// How often the arguments and results of `function` carry `name`.
static int64_t countName(FunctionOpInterface function, StringAttr name) {
  int64_t count = 0;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    count += function.getArgAttr(i, MoeDialect::kNameAttr) == name;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    count += function.getResultAttr(i, MoeDialect::kNameAttr) == name;
  return count;
}

/// As the manifest of a package and messages can hold it.
static bool isPrintable(StringRef name) {
  constexpr size_t kMaxLength = 256;
  return !name.empty() && name.size() <= kMaxLength && llvm::all_of(name, llvm::isPrint);
}

static LogicalResult verifyName(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() != MoeDialect::kNameAttr)
    return op->emitOpError() << "expects only '" << MoeDialect::kNameAttr
                             << "' of the moe dialect on an argument or result, but got '"
                             << attribute.getName().getValue() << "'";
  auto name = dyn_cast<StringAttr>(attribute.getValue());
  if (!name || !isPrintable(name))
    return op->emitOpError() << "expects '" << MoeDialect::kNameAttr
                             << "' to be a string of 1 to 256 printable ASCII characters, but got "
                             << attribute.getValue();
  if (name == "__metadata__")
    return op->emitOpError() << "expects a '" << MoeDialect::kNameAttr
                             << "' that safetensors files do not reserve, but got " << name;
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (function && countName(function, name) > 1)
    return op->emitOpError() << "expects every '" << MoeDialect::kNameAttr
                             << "' of a function once, but got " << name << " again";
  return success();
}

LogicalResult MoeDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned,
                                                   NamedAttribute attribute) {
  return verifyName(op, attribute);
}

LogicalResult MoeDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned,
                                                      NamedAttribute attribute) {
  return verifyName(op, attribute);
}

#define GET_OP_CLASSES
#include "dialects/Moe/IR/MoeOps.cpp.inc"
