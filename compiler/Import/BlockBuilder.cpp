//===- BlockBuilder.cpp - an MoE block as IR of the moe dialect -------------===//

#include "compiler/Import/BlockBuilder.h"

#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace moec;
using namespace moec::moe;

/// Group sizes that a grouped product without masking wants. `moe-fuse-padding` removes it.
static constexpr int64_t kRowMultiple = 8;

namespace {

/// The types of one block, all with a dynamic leading dimension unless said otherwise.
struct BlockTypes {
  BlockTypes(MLIRContext *context, const BlockConfig &config, Type data)
      : data(data), f32(Float32Type::get(context)), i32(IntegerType::get(context, 32)),
        hidden(rows(config.hidden, data)), logits(rows(config.experts, f32)),
        gateUpRows(rows(2 * config.intermediate, data)), actRows(rows(config.intermediate, data)),
        weights(rows(config.topK, f32)), experts(rows(config.topK, i32)),
        routes(RankedTensorType::get({ShapedType::kDynamic}, i32)),
        offsets(RankedTensorType::get({config.experts + 1}, i32)),
        gateUp(RankedTensorType::get({config.experts, 2 * config.intermediate, config.hidden}, data)),
        down(RankedTensorType::get({config.experts, config.hidden, config.intermediate}, data)) {}

  static RankedTensorType rows(int64_t columns, Type element) {
    return RankedTensorType::get({ShapedType::kDynamic, columns}, element);
  }

  Type data, f32, i32;
  RankedTensorType hidden, logits, gateUpRows, actRows, weights, experts, routes, offsets;
  RankedTensorType gateUp, down; ///< static
};

} // namespace

/// The function without a body; arguments and result carry their `moe.name`, and arguments a name
/// location by which they are printed.
static func::FuncOp buildSignature(OpBuilder &builder, StringRef name, const BlockTypes &types) {
  std::pair<StringRef, Type> arguments[] = {{"hidden", types.hidden},
                                            {"router_logits", types.logits},
                                            {"gate_up", types.gateUp},
                                            {"down", types.down}};
  SmallVector<Type> inputs;
  for (auto &[argument, type] : arguments)
    inputs.push_back(type);
  Location unknown = builder.getUnknownLoc();
  auto function =
      func::FuncOp::create(builder, unknown, name, builder.getFunctionType(inputs, types.hidden));
  Block *entry = function.addEntryBlock();
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    StringAttr text = builder.getStringAttr(argument.first);
    function.setArgAttr(index, MoeDialect::kNameAttr, text);
    entry->getArgument(index).setLoc(NameLoc::get(text, unknown));
  }
  function.setResultAttr(0, MoeDialect::kNameAttr, builder.getStringAttr("output"));
  return function;
}

static void buildBody(OpBuilder &builder, func::FuncOp function, const BlockConfig &config,
                      const BlockTypes &types) {
  MLIRContext *context = builder.getContext();
  Location loc = builder.getUnknownLoc();
  Value hidden = function.getArgument(0), logits = function.getArgument(1);
  Value gateUp = function.getArgument(2), down = function.getArgument(3);
  auto layout = GateLayoutAttr::get(context, GatePacking::Halves, GateOrder::GateFirst);

  auto product = [&](Type type, Value rows, Value offsets, Value weights) -> Value {
    return GroupedMatmulOp::create(builder, loc, TypeRange{type}, rows, offsets, ValueRange{weights},
                                   /*bias=*/ValueRange{}, /*gather_routes=*/Value(),
                                   /*combine_weights=*/Value(), /*combine_routes=*/Value(),
                                   /*top_k=*/IntegerAttr(), /*transposed=*/UnitAttr(),
                                   /*gate_layout=*/GateLayoutAttr())
        .getResult(0);
  };

  auto route = RouteOp::create(builder, loc, types.weights, types.experts, logits,
                               static_cast<uint64_t>(config.topK), ScoreFunction::Softmax,
                               SelectOrder::ScoreThenSelect, config.renormalize);
  auto permute = PermuteOp::create(builder, loc, types.hidden, types.routes, types.offsets,
                                   route.getExperts(), hidden, config.experts);
  auto pad = PadOp::create(builder, loc, types.hidden, types.offsets, permute.getRows(),
                           permute.getOffsets(), kRowMultiple);
  Value both = product(types.gateUpRows, pad.getPadded(), pad.getPaddedOffsets(), gateUp);
  auto act = ActivationOp::create(builder, loc, types.actRows, ValueRange{both},
                                  ActivationKindAttr::get(context, ActivationKind::SiluGate), layout);
  Value rows = product(types.hidden, act.getResult(), pad.getPaddedOffsets(), down);
  auto unpad = UnpadOp::create(builder, loc, types.hidden, rows, pad.getPaddedOffsets(),
                               permute.getOffsets(), permute.getRoutes());
  auto combine = CombineOp::create(builder, loc, types.hidden, unpad.getRows(), route.getWeights(),
                                   permute.getRoutes());
  func::ReturnOp::create(builder, loc, combine.getOutput());
}

OwningOpRef<ModuleOp> moec::buildBlock(MLIRContext &context, const BlockConfig &config,
                                       const ImportOptions &options) {
  OpBuilder builder(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder, builder.getUnknownLoc());
  builder.setInsertionPointToEnd(module->getBody());
  Type data = options.dtype == ImportOptions::DType::BF16 ? Type(builder.getBF16Type())
                                                          : Type(builder.getF16Type());
  BlockTypes types(&context, config, data);
  func::FuncOp function = buildSignature(builder, options.name, types);
  builder.setInsertionPointToEnd(&function.front());
  buildBody(builder, function, config, types);
  return module;
}

std::string moec::printBlock(ModuleOp module, const BlockConfig &config) {
  std::string text = llvm::formatv(
      "// MoE block of model_type {0}: E = {1} experts, k = {2} a token, H = {3}, I = {4}.\n"
      "// Made by `moec import` from its config.json.\n",
      config.modelType, config.experts, config.topK, config.hidden, config.intermediate);
  llvm::raw_string_ostream os(text);
  module.print(os, OpPrintingFlags().printNameLocAsPrefix());
  return text;
}
