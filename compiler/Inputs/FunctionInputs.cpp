//===- FunctionInputs.cpp - Arguments and results of a function as tensor specs
//-------------------===//

#include "compiler/Inputs/FunctionInputs.h"

#include "dialects/Moe/IR/MoeRowCounts.h"

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

/// Sets role and scale of `spec` by the first op of the dialect that uses the argument.
static void setRole(InputSpec &spec, BlockArgument argument, const moe::RowCounts &rowCounts) {
  auto type = cast<RankedTensorType>(argument.getType());
  auto setOffsets = [&](Value rows) {
    spec.role = InputRole::Offsets;
    spec.rowsPerToken = rowCounts.perToken(rows).value_or(1);
  };
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
        setOffsets(matmul.hasGather() ? Value(matmul.getGatherRoutes()) : Value(matmul.getRows()));
      } else if (argument == matmul.getCombineWeights()) {
        spec.role = InputRole::RoutingWeights;
      } else if (type.getElementType().isInteger()) {
        spec.role = InputRole::Routes;
      }
      return;
    }
    if (auto pad = dyn_cast<moe::PadOp>(use.getOwner())) {
      if (argument == pad.getOffsets())
        setOffsets(pad.getRows());
      return;
    }
    if (auto unpad = dyn_cast<moe::UnpadOp>(use.getOwner())) {
      if (argument == unpad.getRoutes())
        spec.role = InputRole::Routes;
      else if (argument == unpad.getOffsets())
        setOffsets(unpad.getRows());
      else if (type.getElementType().isInteger())
        setOffsets(unpad.getPadded());
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
  moe::RowCounts rowCounts(func);
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
      BlockArgument argument = func.getArgument(i);
      spec.rowsPerToken = rowCounts.perToken(argument).value_or(1);
      spec.hasTokenRows = rowCounts.isToldByOps(argument);
      setRole(spec, argument, rowCounts);
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

FailureOr<std::vector<OutputSpec>> moec::outputSpecsOf(func::FuncOp func) {
  std::vector<OutputSpec> specs;
  llvm::StringSet<> taken;
  moe::RowCounts rowCounts(func);
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
      Value value = terminator->getOperand(i);
      std::optional<int64_t> rows = rowCounts.perToken(value);
      if (!rows && isa<BlockArgument>(value))
        rows = 1; // as its spec says
      if (!rows)
        return func.emitError() << "expects result '" << spec.name
                                << "' to have a row count that is a multiple of the token count";
      spec.rowsPerToken = *rows;
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}
