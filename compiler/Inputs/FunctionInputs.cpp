//===- FunctionInputs.cpp - Arguments and results of a function as tensor specs
//-------------------===//

#include "compiler/Inputs/FunctionInputs.h"

#include "dialects/Moe/IR/MoeOps.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moec;

std::optional<moert::DType> moec::dtypeOf(Type type) {
  return llvm::TypeSwitch<Type, std::optional<moert::DType>>(type)
      .Case<BFloat16Type>([](auto) { return moert::DType::BF16; })
      .Case<Float16Type>([](auto) { return moert::DType::F16; })
      .Case<Float32Type>([](auto) { return moert::DType::F32; })
      .Case<Float64Type>([](auto) { return moert::DType::F64; })
      .Case<Float8E4M3FNType>([](auto) { return moert::DType::F8E4M3; })
      .Case<Float8E5M2Type>([](auto) { return moert::DType::F8E5M2; })
      .Case<IntegerType>([](IntegerType integer) -> std::optional<moert::DType> {
        switch (integer.getWidth()) {
        case 8:
          return integer.isUnsigned() ? moert::DType::U8 : moert::DType::I8;
        case 32:
          return moert::DType::I32;
        case 64:
          return moert::DType::I64;
        default:
          return std::nullopt;
        }
      })
      .Default([](Type) { return std::nullopt; });
}

/// T times what the leading dimension of `value` is, as far as the ops say; nothing for padded
/// rows, whose count is no multiple of T.
static std::optional<int64_t> rowsPerToken(Value value);

/// The same for an argument, from the first use that tells; nothing where none does.
static std::optional<int64_t> tokenRows(BlockArgument argument) {
  for (OpOperand &use : argument.getUses()) {
    if (isa<moe::RouteOp, moe::PermuteOp>(use.getOwner()))
      return 1; // all their operands have a row per token
    if (auto combine = dyn_cast<moe::CombineOp>(use.getOwner()))
      return argument == combine.getWeights() ? 1 : combine.getWeights().getType().getDimSize(1);
    auto matmul = dyn_cast<moe::GroupedMatmulOp>(use.getOwner());
    if (!matmul)
      continue;
    if (argument == matmul.getGatherRoutes())
      return *matmul.getTopK();
    if (argument == matmul.getCombineWeights() ||
        (matmul.hasGather() && argument == matmul.getRows()))
      return 1;
    if (argument == matmul.getCombineRoutes() ||
        (matmul.hasCombine() && argument == matmul.getRows()))
      return matmul.getCombineWeights().getType().getDimSize(1);
  }
  return std::nullopt;
}

static std::optional<int64_t> rowsPerToken(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return tokenRows(argument).value_or(1);
  return llvm::TypeSwitch<Operation *, std::optional<int64_t>>(value.getDefiningOp())
      .Case<moe::RouteOp>([](auto op) { return rowsPerToken(op.getLogits()); })
      .Case<moe::PermuteOp>(
          [](moe::PermuteOp op) { return op.getExperts().getType().getDimSize(1); })
      .Case<moe::UnpadOp>([](auto op) { return rowsPerToken(op.getRoutes()); })
      .Case<moe::CombineOp>([](auto op) { return rowsPerToken(op.getWeights()); })
      .Case<moe::ActivationOp>([](auto op) { return rowsPerToken(op.getInputs().front()); })
      .Case<moe::GroupedMatmulOp>([](moe::GroupedMatmulOp op) {
        return op.hasCombine()  ? rowsPerToken(op.getCombineWeights())
               : op.hasGather() ? rowsPerToken(op.getGatherRoutes())
                                : rowsPerToken(op.getRows());
      })
      .Default([](Operation *) { return std::nullopt; });
}

/// Sets role and scale of `spec` by the first op of the dialect that uses the argument.
static void setRole(InputSpec &spec, BlockArgument argument) {
  auto type = cast<RankedTensorType>(argument.getType());
  for (OpOperand &use : argument.getUses()) {
    if (auto route = dyn_cast<moe::RouteOp>(use.getOwner())) {
      spec.role = InputRole::RouterLogits;
      spec.topK = int64_t(route.getTopK());
      return;
    }
    if (auto permute = dyn_cast<moe::PermuteOp>(use.getOwner())) {
      if (argument != permute.getExperts())
        return;
      spec.role = InputRole::ExpertIds;
      spec.numExperts = permute.getNumExperts();
      return;
    }
    if (auto combine = dyn_cast<moe::CombineOp>(use.getOwner())) {
      if (argument == combine.getWeights())
        spec.role = InputRole::RoutingWeights;
      else if (argument == combine.getRoutes())
        spec.role = InputRole::Routes;
      return;
    }
    // The other ops know operands of two integer kinds: offsets, and routes given for their length.
    if (auto matmul = dyn_cast<moe::GroupedMatmulOp>(use.getOwner())) {
      if (llvm::is_contained(matmul.getWeights(), argument)) {
        spec.role = InputRole::Weight;
        spec.fanIn = matmul.getReductionSize();
      } else if (llvm::is_contained(matmul.getBias(), argument)) {
        spec.role = InputRole::Bias;
      } else if (argument == matmul.getOffsets()) {
        spec.role = InputRole::Offsets;
        spec.rowsPerToken = rowsPerToken(matmul.hasGather() ? Value(matmul.getGatherRoutes())
                                                            : Value(matmul.getRows()))
                                .value_or(1);
      } else if (argument == matmul.getCombineWeights()) {
        spec.role = InputRole::RoutingWeights;
      } else if (type.getElementType().isInteger()) {
        spec.role = InputRole::Routes;
      }
      return;
    }
    if (auto pad = dyn_cast<moe::PadOp>(use.getOwner())) {
      if (argument == pad.getOffsets())
        spec.role = InputRole::Offsets;
      return;
    }
    if (auto unpad = dyn_cast<moe::UnpadOp>(use.getOwner())) {
      if (argument == unpad.getRoutes())
        spec.role = InputRole::Routes;
      else if (type.getElementType().isInteger())
        spec.role = InputRole::Offsets;
      return;
    }
  }
}

/// The type as dtype and shape, or an error that calls the value `what`.
static FailureOr<RankedTensorType> checkType(func::FuncOp func, Type type, const Twine &what) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (tensor && dtypeOf(tensor.getElementType()))
    return tensor;
  return func.emitError() << "expects " << what
                          << " to be a ranked tensor of a float or integer type that can be bound, "
                             "but got "
                          << type;
}

static LogicalResult takeName(func::FuncOp func, llvm::StringSet<> &taken, StringRef name) {
  if (taken.insert(name).second)
    return success();
  return func.emitError() << "expects every moe.name once, but got '" << name << "' again";
}

FailureOr<std::vector<InputSpec>> moec::inputSpecsOf(func::FuncOp func) {
  std::vector<InputSpec> specs;
  llvm::StringSet<> taken;
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes())) {
    auto tensor = checkType(func, type, "argument #" + Twine(i));
    if (failed(tensor))
      return failure();
    auto attr = func.getArgAttrOfType<StringAttr>(i, moe::MoeDialect::kNameAttr);
    std::string name = attr ? attr.str() : ("arg" + Twine(i)).str();
    if (failed(takeName(func, taken, name)))
      return failure();
    InputSpec spec =
        guessInputSpec(name, *dtypeOf(tensor->getElementType()),
                       std::vector<int64_t>(tensor->getShape().begin(), tensor->getShape().end()));
    for (int64_t &dim : spec.shape)
      if (ShapedType::isDynamic(dim))
        dim = kTokensDim;
    if (!func.isExternal()) {
      std::optional<int64_t> rows = tokenRows(func.getArgument(i));
      spec.rowsPerToken = rows.value_or(1);
      spec.hasTokenRows = rows.has_value();
      setRole(spec, func.getArgument(i));
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

FailureOr<std::vector<OutputSpec>> moec::outputSpecsOf(func::FuncOp func) {
  std::vector<OutputSpec> specs;
  llvm::StringSet<> taken;
  auto *terminator = func.isExternal() ? nullptr : func.getBody().back().getTerminator();
  for (auto [i, type] : llvm::enumerate(func.getResultTypes())) {
    auto tensor = checkType(func, type, "result #" + Twine(i));
    if (failed(tensor))
      return failure();
    auto attr = func.getResultAttrOfType<StringAttr>(i, moe::MoeDialect::kNameAttr);
    OutputSpec spec;
    spec.name = attr ? attr.str() : ("result" + Twine(i)).str();
    if (failed(takeName(func, taken, spec.name)))
      return failure();
    spec.dtype = *dtypeOf(tensor->getElementType());
    spec.shape.assign(tensor->getShape().begin(), tensor->getShape().end());
    for (int64_t &dim : spec.shape)
      if (ShapedType::isDynamic(dim))
        dim = kTokensDim;
    if (terminator && !tensor->hasStaticShape()) {
      std::optional<int64_t> rows = rowsPerToken(terminator->getOperand(i));
      if (!rows)
        return func.emitError() << "expects result '" << spec.name
                                << "' to have a row count that is a multiple of the token count";
      spec.rowsPerToken = *rows;
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}
