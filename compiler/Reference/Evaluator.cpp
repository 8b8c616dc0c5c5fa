//===- Evaluator.cpp - The executable meaning of the moe dialect
//------------------------------------===//

#include "compiler/Reference/Evaluator.h"
#include "compiler/Inputs/FunctionInputs.h"
#include "compiler/Reference/Environment.h"
#include "compiler/Reference/ScalarProgram.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moec;
using namespace moec::reference;
using moert::DType;
using moert::HostTensor;

FailureOr<HostTensor> Environment::create(Operation *op, Value value, DType dtype,
                                          std::vector<int64_t> shape) {
  moert::Result<HostTensor> tensor = HostTensor::allocate(dtype, std::move(shape));
  if (!tensor.isOk())
    return op->emitOpError() << tensor.status().message();
  values[value] = *tensor;
  return *tensor;
}

LogicalResult reference::checkSize(Operation *op, StringRef what, int64_t expected,
                                   int64_t actual) {
  if (expected == actual)
    return success();
  return op->emitOpError("expects ") << expected << " " << what << ", but got " << actual;
}

LogicalResult reference::checkOffsets(Operation *op, const HostTensor &offsets, int64_t rows) {
  int64_t previous = 0;
  for (int32_t offset : offsets.as<int32_t>()) {
    if (offset < previous || offset > rows)
      return op->emitOpError("expects offsets that ascend from 0 to at most ")
             << rows << ", but got " << offset << " after " << previous;
    previous = offset;
  }
  return success();
}

/// Whether a constant tensor of the IR, such as offsets or routes fixed in a test, can be read.
static LogicalResult verifyConstant(arith::ConstantOp op) {
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements)
    return op.emitOpError("expects dense elements in the reference evaluator");
  if (!isa<FloatType>(elements.getElementType()) && !elements.getElementType().isInteger(32))
    return op.emitOpError("expects float or i32 elements in the reference evaluator");
  return success();
}

static LogicalResult evaluateOp(arith::ConstantOp op, Environment &env) {
  auto elements = cast<DenseElementsAttr>(op.getValue());
  bool isFloat = isa<FloatType>(elements.getElementType());
  ArrayRef<int64_t> shape = elements.getType().getShape();
  auto tensor = env.create(op, op.getResult(), isFloat ? DType::F64 : DType::I32,
                           std::vector<int64_t>(shape.begin(), shape.end()));
  if (failed(tensor))
    return failure();
  int64_t i = 0;
  if (isFloat)
    for (const APFloat &value : elements.getValues<APFloat>()) {
      bool losesInfo = false;
      APFloat wide = value;
      wide.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
      tensor->set(i++, wide.convertToDouble());
    }
  else
    for (const APInt &value : elements.getValues<APInt>())
      tensor->set(i++, static_cast<double>(value.getSExtValue()));
  return success();
}

/// Whether `argument` is what the function's argument `i` says.
static LogicalResult checkArgument(func::FuncOp func, unsigned i, const HostTensor &argument) {
  auto type = dyn_cast<RankedTensorType>(func.getArgumentTypes()[i]);
  bool fits = type && dtypeOf(type.getElementType()) == argument.dtype() &&
              type.getRank() == static_cast<int64_t>(argument.rank());
  for (int64_t d = 0; fits && d < type.getRank(); ++d)
    fits = type.isDynamicDim(d) || type.getDimSize(d) == argument.dim(d);
  if (fits)
    return success();
  return func.emitError() << "expects argument #" << i << " to be " << func.getArgumentTypes()[i]
                          << ", but got " << moert::describe(argument);
}

/// Drops the tensors that no op after `op` reads, so that memory holds only what is needed.
static void releaseDeadValues(Operation &op, Environment &env) {
  for (Value operand : op.getOperands())
    if (llvm::all_of(operand.getUsers(),
                     [&](Operation *user) { return user == &op || user->isBeforeInBlock(&op); }))
      env.values.erase(operand);
}

LogicalResult moec::verifyEvaluable(func::FuncOp func) {
  if (func.isExternal() || !func.getBody().hasOneBlock())
    return func.emitError("expects a function of one block to evaluate");
  for (Operation &op : func.getBody().front().without_terminator()) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      if (failed(verifyConstant(constant)))
        return failure();
      continue;
    }
    if (!isa<moe::MoeDialect>(op.getDialect()))
      return op.emitOpError("is not known to the reference evaluator");
    for (Region &region : op.getRegions())
      if (!region.empty() && failed(ScalarProgram::translate(region)))
        return failure();
  }
  if (!isa<func::ReturnOp>(func.getBody().front().back()))
    return func.emitError("expects the function to end in func.return");
  return success();
}

FailureOr<std::vector<HostTensor>> moec::evaluate(func::FuncOp func, ArrayRef<HostTensor> arguments,
                                                  const EvaluationOptions &options) {
  if (failed(verifyEvaluable(func)))
    return failure();
  if (arguments.size() != func.getNumArguments())
    return func.emitError() << "expects " << func.getNumArguments() << " arguments, but got "
                            << arguments.size();
  Environment env;
  env.threads = options.threads;
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    if (failed(checkArgument(func, i, argument)))
      return failure();
    env.values[func.getArgument(i)] = argument;
  }
  Block &body = func.getBody().front();
  for (Operation &op : body.without_terminator()) {
    LogicalResult done =
        llvm::TypeSwitch<Operation *, LogicalResult>(&op)
            .Case<moe::RouteOp, moe::PermuteOp, moe::PadOp, moe::UnpadOp, moe::CombineOp,
                  moe::ActivationOp, moe::GroupedMatmulOp>(
                [&](auto typed) { return reference::evaluateOp(typed, env); })
            .Case([&](arith::ConstantOp constant) { return ::evaluateOp(constant, env); });
    if (failed(done))
      return failure();
    releaseDeadValues(op, env);
  }
  std::vector<HostTensor> results;
  for (Value result : body.getTerminator()->getOperands())
    results.push_back(env[result]);
  return results;
}
