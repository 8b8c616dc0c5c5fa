//===- ManifestBuilder.cpp - the launch plan of a block -------------------===//

#include "compiler/Target/Cuda/ManifestBuilder.h"
#include "dialects/MoeKernel/IR/Sizes.h"

#include <limits>

using namespace mlir;

namespace moec::cuda {

using kernel::MoeKernelDialect;

/// The routing kernels keep routes below 2^31 - 2^16 (compiler/Device/moe/kernels/README.md).
static constexpr int64_t kMaxIndex = (int64_t(1) << 31) - (1 << 16) - 1;
static constexpr int64_t kMaxGrid = (int64_t(1) << 31) - 1;

static moert::DType getDType(Type element) {
  if (element.isBF16())
    return moert::DType::BF16;
  if (element.isF16())
    return moert::DType::F16;
  return element.isF32() ? moert::DType::F32 : moert::DType::I32;
}

static moert::Expr getExpr(AffineExpr expression) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return moert::Expr(constant.getValue());
  if (isa<AffineDimExpr>(expression))
    return moert::Expr::tokens();
  auto binary = cast<AffineBinaryOpExpr>(expression);
  moert::Expr lhs = getExpr(binary.getLHS()), rhs = getExpr(binary.getRHS());
  switch (expression.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::FloorDiv:
    return moert::floorDiv(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return moert::ceilDiv(lhs, rhs);
  default:
    return moert::mod(lhs, rhs);
  }
}

moert::Expr getExpr(AffineMap extent) {
  moert::Expr least = getExpr(extent.getResult(0));
  for (AffineExpr next : extent.getResults().drop_front())
    least = moert::min(least, getExpr(next));
  return least;
}

static std::vector<moert::Expr> getShape(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  std::vector<moert::Expr> shape{getExpr(kernel::getLeadingExtent(memref))};
  for (int64_t extent : type.getShape().drop_front())
    shape.push_back(moert::Expr(extent));
  return shape;
}

static_assert(kernel::kMaxRank == moert::kMaxRank);

ManifestBuilder::ManifestBuilder(StringRef block, StringRef arch) {
  manifest.producer = "moec";
  manifest.block = block.str();
  manifest.targetArch = arch.str();
}

LogicalResult ManifestBuilder::beginVariant(func::FuncOp function) {
  std::vector<moert::Argument> arguments;
  for (BlockArgument argument : function.getArguments()) {
    unsigned i = argument.getArgNumber();
    auto name = function.getArgAttrOfType<StringAttr>(i, moe::MoeDialect::kNameAttr);
    if (!name)
      return function.emitOpError()
             << "expects '" << moe::MoeDialect::kNameAttr << "' on argument " << i;
    if (!kernel::isCompactMemRef(argument.getType()))
      return function.emitOpError() << "expects arguments that are compact memrefs of rank 1 to "
                                    << kernel::kMaxRank
                                    << " of bf16, f16, f32 or i32 values, dynamic in at most their "
                                       "leading extent, but got "
                                    << argument.getType();
    indexed.push_back(kernel::getLeadingExtent(argument));
    Type element = cast<MemRefType>(argument.getType()).getElementType();
    arguments.push_back({name.str(), getDType(element), getShape(argument),
                         function.getArgAttr(i, MoeKernelDialect::kOutputAttr) != nullptr});
  }
  if (manifest.variants.empty()) {
    manifest.arguments = std::move(arguments);
  } else {
    auto same = [](const moert::Argument &a, const moert::Argument &b) {
      return a.name == b.name && a.dtype == b.dtype && a.shape == b.shape &&
             a.isOutput == b.isOutput;
    };
    if (!std::equal(arguments.begin(), arguments.end(), manifest.arguments.begin(),
                    manifest.arguments.end(), same))
      return function.emitOpError() << "expects the arguments of every variant to agree";
  }
  auto tokens = function->getAttrOfType<kernel::TokensAttr>(MoeKernelDialect::kTokensAttr);
  moert::Variant variant;
  variant.minTokens = tokens ? tokens.getMin() : 0;
  variant.maxTokens = tokens ? tokens.getMax() : -1;
  variant.deterministic = !function->hasAttr(MoeKernelDialect::kNondeterministicAttr);
  manifest.variants.push_back(std::move(variant));
  buffers.clear();
  return success();
}

void ManifestBuilder::addBuffer(kernel::BufferOp op) {
  moert::Variant &variant = manifest.variants.back();
  buffers[op.getResult()] = variant.buffers.size();
  auto type = cast<MemRefType>(op.getType());
  variant.buffers.push_back(
      {op.getName().str(), getDType(type.getElementType()), getShape(op.getResult())});
  indexed.push_back(kernel::getLeadingExtent(op.getResult()));
}

unsigned ManifestBuilder::addKernel(StringRef name, kernel::KernelOpInterface op,
                                    const KernelText &text) {
  moert::Kernel kernel;
  kernel.name = kernel.entry = name.str();
  for (const KernelText::Parameter &parameter : text.parameters)
    kernel.parameters.push_back(parameter.map ? moert::ParameterKind::TensorMap
                                              : moert::ParameterKind::Pointer);
  if (text.takesTokens)
    kernel.parameters.push_back(moert::ParameterKind::I32);
  kernel.threads = op.getThreads();
  kernel.dynamicSharedBytes = op.getSharedBytes();
  manifest.kernels.push_back(std::move(kernel));
  return manifest.kernels.size() - 1;
}

moert::TensorMap ManifestBuilder::getTensorMap(const kernel::CopyMap &map) const {
  moert::TensorMap tensorMap;
  auto argument = dyn_cast<BlockArgument>(map.memref);
  tensorMap.fromBuffer = !argument;
  tensorMap.index = argument ? argument.getArgNumber() : buffers.lookup(map.memref);
  tensorMap.offset = map.offset;
  tensorMap.dtype = getDType(cast<MemRefType>(map.memref.getType()).getElementType());
  for (AffineMap extent : map.extents)
    tensorMap.dims.push_back(getExpr(extent));
  for (int64_t stride : map.strides)
    tensorMap.strides.push_back(moert::Expr(stride));
  for (int64_t extent : map.box)
    tensorMap.box.push_back(extent);
  tensorMap.swizzle = moert::TensorMap::Swizzle::B128;
  tensorMap.l2Promotion = map.promotion == 256 ? moert::TensorMap::L2Promotion::B256
                                               : moert::TensorMap::L2Promotion::B128;
  return tensorMap;
}

void ManifestBuilder::addLaunch(unsigned kernel, kernel::KernelOpInterface op,
                                const KernelText &text) {
  moert::Launch launch;
  launch.kernel = kernel;
  launch.grid[0] = getExpr(op.getGrid());
  launch.block[0] = op.getThreads();
  launch.cluster[0] = op.getCluster();
  launch.dynamicSharedBytes = op.getSharedBytes();
  launch.overlapsPrevious = op.isDependent();
  for (const KernelText::Parameter &parameter : text.parameters) {
    if (parameter.map)
      launch.arguments.push_back(moert::LaunchArgument::map(getTensorMap(*parameter.map)));
    else if (auto argument = dyn_cast<BlockArgument>(parameter.value))
      launch.arguments.push_back(moert::LaunchArgument::tensor(argument.getArgNumber()));
    else
      launch.arguments.push_back(moert::LaunchArgument::buffer(buffers.lookup(parameter.value)));
  }
  if (text.takesTokens)
    launch.arguments.push_back(moert::LaunchArgument::tokens());
  manifest.variants.back().launches.push_back(std::move(launch));
  grids.push_back(op.getGrid());
  if (auto matmul = dyn_cast<kernel::GroupedMatmulOp>(op.getOperation()))
    llvm::append_range(indexed, matmul.getPieceCounts());
}

int64_t ManifestBuilder::getMaxTokens() const {
  auto fits = [&](int64_t tokens) {
    return llvm::all_of(
               grids,
               [&](AffineMap grid) { return kernel::evaluateExtent(grid, tokens) <= kMaxGrid; }) &&
           llvm::all_of(indexed, [&](AffineMap extent) {
             return kernel::evaluateExtent(extent, tokens) <= kMaxIndex;
           });
  };
  int64_t low = 0, high = kMaxIndex;
  while (low < high) {
    int64_t middle = low + (high - low + 1) / 2;
    if (fits(middle))
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

moert::Manifest ManifestBuilder::take() {
  llvm::sort(manifest.variants, [](const moert::Variant &a, const moert::Variant &b) {
    return a.minTokens < b.minTokens;
  });
  manifest.maxTokens = getMaxTokens();
  return std::move(manifest);
}

} // namespace moec::cuda
