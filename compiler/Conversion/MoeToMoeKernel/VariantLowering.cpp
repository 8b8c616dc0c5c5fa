//===- VariantLowering.cpp - one variant of a block -----------------------===//

#include "compiler/Conversion/MoeToMoeKernel/VariantLowering.h"
#include "dialects/MoeKernel/IR/Sizes.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace moec {

using kernel::MoeKernelDialect;

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

MemRefType VariantLowering::getMemRefType(Value tensor) const {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  if (!shape.empty() && block.extents.find(tensor))
    shape[0] = ShapedType::kDynamic;
  return MemRefType::get(shape, type.getElementType());
}

/// Attributes of the argument that stands for `tensor`: its outer name and, where it is not T, its
/// leading extent.
static DictionaryAttr getArgumentAttrs(OpBuilder &builder, Attribute name, StringRef defaultName,
                                       AffineMap extent, bool output) {
  SmallVector<NamedAttribute> attributes;
  attributes.push_back(builder.getNamedAttr(
      moe::MoeDialect::kNameAttr, name ? name : Attribute(builder.getStringAttr(defaultName))));
  if (output)
    attributes.push_back(
        builder.getNamedAttr(MoeKernelDialect::kOutputAttr, builder.getUnitAttr()));
  if (extent && extent != kernel::getTokensExtent(builder.getContext()))
    attributes.push_back(
        builder.getNamedAttr(MoeKernelDialect::kSizeAttr, AffineMapAttr::get(extent)));
  return builder.getDictionaryAttr(attributes);
}

LogicalResult VariantLowering::createFunction() {
  func::FuncOp source = block.block;
  auto terminator = cast<func::ReturnOp>(source.getBody().front().getTerminator());
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attributes;
  for (BlockArgument argument : source.getArguments()) {
    unsigned i = argument.getArgNumber();
    types.push_back(getMemRefType(argument));
    attributes.push_back(getArgumentAttrs(builder, source.getArgAttr(i, moe::MoeDialect::kNameAttr),
                                          "arg" + std::to_string(i), block.extents.find(argument),
                                          /*output=*/false));
  }
  DenseSet<Value> returned;
  for (OpOperand &operand : terminator->getOpOperands()) {
    Value value = operand.get();
    if (isa<BlockArgument>(value) || !returned.insert(value).second)
      return terminator.emitError() << kUnsupportedPrefix
                                    << "expects results computed by moe ops, each returned once, "
                                       "but result "
                                    << operand.getOperandNumber() << " is "
                                    << (isa<BlockArgument>(value) ? "an argument" : "another one");
    unsigned i = operand.getOperandNumber();
    types.push_back(getMemRefType(value));
    attributes.push_back(
        getArgumentAttrs(builder, source.getResultAttr(i, moe::MoeDialect::kNameAttr),
                         "result" + std::to_string(i), block.extents.find(value), /*output=*/true));
  }

  builder.setInsertionPoint(source);
  std::string name = source.getName().str() + "_t" + std::to_string(bucket.minTokens);
  function =
      func::FuncOp::create(builder, source.getLoc(), name, builder.getFunctionType(types, {}));
  function.setAllArgAttrs(attributes);
  function->setAttr(MoeKernelDialect::kBlockAttr, source.getNameAttr());
  function->setAttr(
      MoeKernelDialect::kTokensAttr,
      kernel::TokensAttr::get(builder.getContext(), bucket.minTokens, bucket.maxTokens));
  Block *body = function.addEntryBlock();
  for (BlockArgument argument : source.getArguments())
    memrefs[argument] = body->getArgument(argument.getArgNumber());
  for (OpOperand &operand : terminator->getOpOperands())
    outputs[operand.get()] =
        body->getArgument(source.getNumArguments() + operand.getOperandNumber());
  builder.setInsertionPointToStart(body);
  return success();
}

LogicalResult VariantLowering::run() {
  if (failed(createFunction()) || failed(chooseSchedules()))
    return failure();
  for (Operation &op : block.block.getBody().front().without_terminator()) {
    loc = op.getLoc();
    if (failed(lower(&op)))
      return failure();
  }
  func::ReturnOp::create(builder, block.block.getLoc());
  discardRows();
  if (nondeterministic)
    function->setAttr(MoeKernelDialect::kNondeterministicAttr, builder.getUnitAttr());
  return success();
}

LogicalResult VariantLowering::lower(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](moe::RouteOp route) { return lowerRoute(route); })
      .Case([&](moe::PermuteOp permute) { return lowerPermute(permute); })
      .Case([&](moe::PadOp pad) { return lowerPad(pad); })
      .Case([&](moe::UnpadOp unpad) { return lowerUnpad(unpad); })
      .Case([&](moe::GroupedMatmulOp matmul) { return lowerMatmul(matmul); })
      .Case([&](moe::ActivationOp activation) { return lowerActivation(activation); })
      .Case([&](moe::CombineOp combine) { return lowerCombine(combine); })
      .Default([&](Operation *) {
        return op->emitError() << kUnsupportedPrefix << "no kernel computes '" << op->getName()
                               << '\'';
      });
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

Value VariantLowering::createBuffer(StringRef name, MemRefType type, AffineMap extent) {
  unsigned count = bufferNames[name]++;
  std::string unique = count == 0 ? name.str() : name.str() + "_" + std::to_string(count);
  return kernel::BufferOp::create(builder, loc, type, builder.getStringAttr(unique),
                                  extent ? AffineMapAttr::get(extent) : AffineMapAttr());
}

Value VariantLowering::createIndexBuffer(StringRef name, AffineMap extent) {
  return createBuffer(name, MemRefType::get({ShapedType::kDynamic}, builder.getI32Type()), extent);
}

Value VariantLowering::getDestination(Value tensor, StringRef name) {
  Value &memref = memrefs[tensor];
  if (!memref) {
    memref = outputs.lookup(tensor);
    if (!memref)
      memref = createBuffer(name, getMemRefType(tensor), block.extents.find(tensor));
  }
  return memref;
}

} // namespace moec
