//===- PrintMatmul.cpp - callers of the grouped matmul templates ----------===//
//
// compiler/Device/README.md lists the members of a problem and of a schedule; only those that
// differ from the template's defaults are printed.
//
//===----------------------------------------------------------------------===//

#include "compiler/Target/Cuda/KernelText.h"
#include "dialects/MoeKernel/IR/Sizes.h"

#include "mlir/Support/IndentedOstream.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace moec::cuda {

using kernel::GroupedMatmulOp;

static Type getElement(Value memref) { return cast<MemRefType>(memref.getType()).getElementType(); }

static StringRef getWeightForm(GroupedMatmulOp op) {
  if (op.getWeights().size() == 2)
    return "separate";
  if (!op.getGateLayout())
    return "single";
  return op.getGateLayout()->getPacking() == moe::GatePacking::Halves ? "halves" : "interleaved";
}

static StringRef getStoreForm(kernel::StoreForm store) {
  switch (store) {
  case kernel::StoreForm::Rows:
    return "rows";
  case kernel::StoreForm::WeightedRows:
    return "weighted_rows";
  case kernel::StoreForm::Accumulate:
    return "accumulate";
  }
  return "";
}

static void printProblem(GroupedMatmulOp op, raw_indented_ostream &os) {
  os << "struct Problem : moe::GroupedMatmulProblem {\n";
  os.indent();
  os << "using Element = " << getCudaType(getElement(op.getRows())) << ";\n"
     << "using Output = " << getCudaType(getElement(op.getOuts().front())) << ";\n";
  if (!op.getBias().empty())
    os << "using Bias = " << getCudaType(getElement(op.getBias().front())) << ";\n";
  os << "static constexpr int kN = " << op.getColumns() << ", kK = " << op.getReduction();
  if (op.getTopK())
    os << ", kTopK = " << *op.getTopK();
  os << ";\n";
  if (op.getGathered())
    os << "static constexpr moe::RowSource kRowSource = moe::RowSource::gathered;\n";
  if (op.isGated())
    os << "static constexpr moe::WeightForm kWeightForm = moe::WeightForm::" << getWeightForm(op)
       << ";\n";
  if (op.getGateLayout() && op.getGateLayout()->getOrder() == moe::GateOrder::UpFirst)
    os << "static constexpr bool kUpFirst = true;\n";
  if (op.getTransposed())
    os << "static constexpr bool kTransposed = true;\n";
  if (op.hasTwoOutputs())
    os << "static constexpr bool kTwoOutputs = true;\n";
  if (op.getStore() != kernel::StoreForm::Rows)
    os << "static constexpr moe::StoreForm kStore = moe::StoreForm::" << getStoreForm(op.getStore())
       << ";\n";
  os.unindent() << "};\n";
}

static void printMmaSchedule(GroupedMatmulOp op, raw_indented_ostream &os) {
  kernel::ScheduleAttr s = op.getSchedule();
  os << "struct Schedule : moe::GroupedMatmulSchedule {\n";
  os.indent();
  os << "static constexpr int kBlockM = " << s.getBlockM() << ", kBlockN = " << s.getBlockN()
     << ", kBlockK = " << s.getBlockK() << ", kStages = " << s.getStages() << ";\n"
     << "static constexpr int kWarpsM = " << s.getWarpsM() << ", kWarpsN = " << s.getWarpsN()
     << ", kMinBlocks = " << s.getMinBlocks() << ";\n";
  if (s.getWeights() == kernel::WeightPolicy::EvictFirst)
    os << "static constexpr moe::WeightPolicy kWeightPolicy = moe::WeightPolicy::evict_first;\n";
  if (op.getDependent())
    os << "static constexpr bool kDependentLaunch = true;\n";
  if (op.getEarlyWeights())
    os << "static constexpr bool kEarlyWeights = true;\n";
  if (op.getLogits())
    os << "static constexpr int kEarlyExperts = " << op.getLogits().getType().getDimSize(1)
       << ";\n";
  if (s.getEarlyRelease())
    os << "static constexpr bool kEarlyRelease = true;\n";
  os.unindent() << "};\n";
}

static void printHopperSchedule(GroupedMatmulOp op, raw_indented_ostream &os) {
  kernel::ScheduleAttr s = op.getSchedule();
  os << "struct Schedule : moe::WgmmaSchedule {\n";
  os.indent();
  os << "static constexpr int kBlockM = " << s.getBlockM() << ", kBlockN = " << s.getBlockN()
     << ", kStages = " << s.getStages() << ";\n";
  if (s.isSwapped())
    os << "static constexpr bool kSwapped = true;\n"
       << "static constexpr int kTokenStep = " << s.getTokenStep() << ";\n";
  if (s.getCooperative())
    os << "static constexpr bool kCooperative = true;\n";
  if (s.getDynamic())
    os << "static constexpr bool kDynamic = true;\n";
  if (s.getBothEnds())
    os << "static constexpr bool kBothEnds = true;\n";
  if (s.getCluster() != 1)
    os << "static constexpr int kCluster = " << s.getCluster() << ";\n";
  if (s.getWeights() != kernel::WeightPolicy::Normal)
    os << "static constexpr moe::WeightPolicy kWeightPolicy = moe::WeightPolicy::"
       << kernel::stringifyWeightPolicy(s.getWeights()) << ";\n";
  if (op.getDependent())
    os << "static constexpr bool kDependentLaunch = true;\n";
  if (op.getProgress())
    os << "static constexpr bool kReports = true;\n";
  if (op.getAwaited())
    os << "static constexpr bool kEarlyStart = true;\n";
  if (op.getEarlyWeights())
    os << "static constexpr int kEarlyExperts = " << op.getNumExperts() << ";\n";
  os.unindent() << "};\n";
}

/// Designated initialisers of parameters that were just added.
class Initialisers {
public:
  explicit Initialisers(KernelText &text) : text(text) {}
  void addInput(StringRef name, Value value) {
    if (value) {
      text.addInput(name, value);
      addName(name, name);
    }
  }
  void addOutput(StringRef name, Value value) {
    if (value) {
      text.addOutput(name, value);
      addName(name, name);
    }
  }
  void addName(StringRef member, StringRef value) {
    list.push_back("." + member.str() + " = " + value.str());
  }
  /// All of them, wrapped behind the opening brace.
  std::string wrap() const { return wrapItems(list, /*column=*/7, /*indent=*/5); }
  std::string str() const { return llvm::join(list, ", "); }

private:
  KernelText &text;
  SmallVector<std::string> list;
};

static Value getOrNone(OperandRange values, size_t i) {
  return i < values.size() ? values[i] : Value();
}

/// Parameters of the wgmma template; its members nest the store's.
static std::string addHopperArguments(GroupedMatmulOp op, KernelText &text) {
  Initialisers args(text), store(text);
  if (std::optional<kernel::CopyMap> rows = op.getRowMap()) {
    text.addCopyMap("rows", *rows);
    args.addName("row_map", "&rows");
  } else {
    args.addInput("rows", op.getRows());
  }
  args.addInput("routes", op.getRoutes());
  args.addInput("tiles", op.getTiles());
  text.parameters.back().type = "const int4 *";
  if (op.getTickets()) {
    args.addOutput("tickets", op.getTickets());
    text.parameters.back().type = "moe::u32 *";
  }
  if (op.getProgress()) {
    args.addOutput("progress", op.getProgress());
    text.parameters.back().type = "moe::u32 *";
  }
  if (op.getAwaited()) {
    args.addInput("awaited", op.getAwaited());
    text.parameters.back().type = "const moe::u32 *";
    if (op.getAwaitedTiles() == op.getTiles()) {
      args.addName("awaited_tiles", "tiles");
    } else {
      args.addInput("awaited_tiles", op.getAwaitedTiles());
      text.parameters.back().type = "const int4 *";
    }
  }
  constexpr StringRef kMembers[] = {"weights", "up_weights"};
  for (auto [member, map] : llvm::zip(kMembers, op.getWeightMaps())) {
    text.addCopyMap(member, map);
    args.addName(member, ("&" + member).str());
  }
  if (op.getEarlyWeights())
    args.addName("early_rows", getCudaExtent(kernel::getLeadingExtent(op.getRoutes())));
  store.addOutput("out", getOrNone(op.getOuts(), 0));
  store.addOutput("up_out", getOrNone(op.getOuts(), 1));
  store.addInput("bias", getOrNone(op.getBias(), 0));
  store.addInput("up_bias", getOrNone(op.getBias(), 1));
  if (op.getRoutes())
    store.addName("routes", "routes");
  store.addInput("routing_weights", op.getRoutingWeights());
  args.addName("store", "{" + store.str() + "}");
  return args.wrap();
}

/// Parameters in the order of the mma template's arguments.
static std::string addArguments(GroupedMatmulOp op, KernelText &text) {
  Initialisers args(text);
  args.addInput("rows", op.getRows());
  args.addInput("weights", getOrNone(op.getWeights(), 0));
  args.addInput("up_weights", getOrNone(op.getWeights(), 1));
  args.addInput("bias", getOrNone(op.getBias(), 0));
  args.addInput("up_bias", getOrNone(op.getBias(), 1));
  args.addInput("routes", op.getRoutes());
  args.addInput("routing_weights", op.getRoutingWeights());
  args.addInput("tiles", op.getTiles());
  text.parameters.back().type = "const int4 *";
  args.addInput("logits", op.getLogits());
  args.addOutput("out", getOrNone(op.getOuts(), 0));
  args.addOutput("up_out", getOrNone(op.getOuts(), 1));
  return args.wrap();
}

/// The template's plan, and that the launch gives it the shared memory that it lays out.
static void printPlan(GroupedMatmulOp op, StringRef name, KernelText &text) {
  text.declarations += ("using Plan = moe::" + name + "<Problem, Schedule>;\n").str();
  text.declarations +=
      "static_assert(Plan::kSharedBytes == " + std::to_string(op.getSharedBytes()) +
      ", \"shared memory of the launch\");\n";
}

/// That the plan waits for the boxes of the maps that the launch gives it.
static void printBoxes(GroupedMatmulOp op, KernelText &text) {
  auto print = [&](StringRef member, int64_t rows, StringRef what) {
    text.declarations +=
        ("static_assert(Plan::" + member + " == " + Twine(rows) + ", \"" + what + " of a box\");\n")
            .str();
  };
  if (std::optional<kernel::CopyMap> rows = op.getRowMap())
    print("kRowBox", rows->box[1], "rows");
  print("kBoxRows", op.getWeightMaps().front().box[op.getTransposed() ? 0 : 1], "weight rows");
}

LogicalResult printMatmul(GroupedMatmulOp op, KernelText &text) {
  bool hopper = op.getSchedule().isHopper();
  text.includes.push_back(hopper ? "moe/kernels/grouped_matmul_wgmma.cuh"
                                 : "moe/kernels/grouped_matmul_mma.cuh");
  {
    llvm::raw_string_ostream stream(text.declarations);
    raw_indented_ostream os(stream);
    printProblem(op, os);
    if (hopper)
      printHopperSchedule(op, os);
    else
      printMmaSchedule(op, os);
  }
  if (op.hasEpilogue() && failed(printFunctor(op.getEpilogue(), "Epilogue", text)))
    return failure();
  if (hopper) {
    printPlan(op, "GroupedMatmulWgmmaPlan", text);
    printBoxes(op, text);
    text.launchBounds = "Plan::kThreads, 1";
    std::string initialisers = addHopperArguments(op, text);
    text.body = std::string("extern __shared__ unsigned char shared[];\n") +
                "moe::grouped_matmul_wgmma<Plan, " +
                (op.hasEpilogue() ? "Epilogue" : "moe::IdentityEpilogue") + ">(\n    {" +
                initialisers + "}, shared);\n";
    return success();
  }
  printPlan(op, "GroupedMatmulPlan", text);
  text.launchBounds = "Plan::kThreads, Plan::kMinBlocks";
  std::string initialisers = addArguments(op, text);
  text.body = std::string("moe::grouped_matmul_mma<Problem, Schedule") +
              (op.hasEpilogue() ? ", Epilogue" : "") + ">(\n    {" + initialisers + "});\n";
  return success();
}

} // namespace moec::cuda
