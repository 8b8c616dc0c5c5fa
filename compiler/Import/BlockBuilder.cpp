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

/// What an ExpertForm is in IR.
struct FormOps {
  bool transposed, biased;
  SelectOrder order;
  ActivationKind activation;
  GatePacking packing;

  static FormOps of(ExpertForm form) {
    switch (form) {
    case ExpertForm::GptOss:
      return {true, true, SelectOrder::SelectThenScore, ActivationKind::GptOssSwiglu,
              GatePacking::Interleaved};
    case ExpertForm::SiluGate:
      break;
    }
    return {false, false, SelectOrder::ScoreThenSelect, ActivationKind::SiluGate,
            GatePacking::Halves};
  }
};

/// The types of one block, all with a dynamic leading dimension unless said otherwise.
struct BlockTypes {
  BlockTypes(MLIRContext *context, const BlockConfig &config, Type data)
      : data(data), f32(Float32Type::get(context)), i32(IntegerType::get(context, 32)),
        hidden(rows(config.hidden, data)), logits(rows(config.experts, f32)),
        gateUpRows(rows(2 * config.intermediate, data)), actRows(rows(config.intermediate, data)),
        weights(rows(config.topK, f32)), experts(rows(config.topK, i32)),
        routes(RankedTensorType::get({ShapedType::kDynamic}, i32)),
        offsets(RankedTensorType::get({config.experts + 1}, i32)),
        gateUp(weight(config, 2 * config.intermediate, config.hidden, data)),
        down(weight(config, config.hidden, config.intermediate, data)),
        gateUpBias(RankedTensorType::get({config.experts, 2 * config.intermediate}, data)),
        downBias(RankedTensorType::get({config.experts, config.hidden}, data)) {}

  /// A weight of `columns` results and `reduction` inputs as the form holds it.
  static RankedTensorType weight(const BlockConfig &config, int64_t columns, int64_t reduction,
                                 Type element) {
    if (FormOps::of(config.form).transposed)
      std::swap(columns, reduction);
    return RankedTensorType::get({config.experts, columns, reduction}, element);
  }
  static RankedTensorType rows(int64_t columns, Type element) {
    return RankedTensorType::get({ShapedType::kDynamic, columns}, element);
  }

  Type data, f32, i32;
  RankedTensorType hidden, logits, gateUpRows, actRows, weights, experts, routes, offsets;
  RankedTensorType gateUp, down, gateUpBias, downBias; ///< static
};

} // namespace

/// The function without a body; arguments and result carry their `moe.name`, and arguments a name
/// location by which they are printed.
static func::FuncOp buildSignature(OpBuilder &builder, StringRef name, const BlockConfig &config,
                                   const BlockTypes &types) {
  bool isBiased = FormOps::of(config.form).biased;
  SmallVector<std::pair<StringRef, Type>> arguments = {
      {"hidden", types.hidden}, {"router_logits", types.logits}, {"gate_up", types.gateUp}};
  if (isBiased)
    arguments.push_back({"gate_up_bias", types.gateUpBias});
  arguments.push_back({"down", types.down});
  if (isBiased)
    arguments.push_back({"down_bias", types.downBias});
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
  FormOps form = FormOps::of(config.form);
  // Arguments in their order; a bias follows its weight.
  Value hidden = function.getArgument(0), logits = function.getArgument(1);
  ValueRange experts = function.getArguments().drop_front(2);
  size_t each = experts.size() / 2;

  auto product = [&](Type type, Value rows, Value offsets, ValueRange weights) -> Value {
    return GroupedMatmulOp::create(builder, loc, TypeRange{type}, rows, offsets,
                                   weights.take_front(1), /*bias=*/weights.drop_front(1),
                                   /*gather_routes=*/Value(), /*combine_weights=*/Value(),
                                   /*combine_routes=*/Value(), /*top_k=*/IntegerAttr(),
                                   form.transposed ? builder.getUnitAttr() : UnitAttr(),
                                   /*gate_layout=*/GateLayoutAttr())
        .getResult(0);
  };

  auto route = RouteOp::create(builder, loc, types.weights, types.experts, logits,
                               static_cast<uint64_t>(config.topK), ScoreFunction::Softmax,
                               form.order, config.renormalize);
  auto permute = PermuteOp::create(builder, loc, types.hidden, types.routes, types.offsets,
                                   route.getExperts(), hidden, config.experts);
  auto pad = PadOp::create(builder, loc, types.hidden, types.offsets, permute.getRows(),
                           permute.getOffsets(), kRowMultiple);
  Value both =
      product(types.gateUpRows, pad.getPadded(), pad.getPaddedOffsets(), experts.take_front(each));
  auto act = ActivationOp::create(builder, loc, types.actRows, ValueRange{both},
                                  ActivationKindAttr::get(context, form.activation),
                                  GateLayoutAttr::get(context, form.packing, GateOrder::GateFirst));
  Value rows =
      product(types.hidden, act.getResult(), pad.getPaddedOffsets(), experts.drop_front(each));
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
  func::FuncOp function = buildSignature(builder, options.name, config, types);
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
