//===- PrintMatmul.cpp - callers of the grouped matmul templates ----------===//
//
// compiler/Device/README.md lists the members of a problem and of a schedule; only those that
// differ from the template's defaults are printed.
//
//===----------------------------------------------------------------------===//

#include "compiler/Target/Cuda/KernelText.h"

#include "mlir/Support/IndentedOstream.h"
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
     << ", kMinBlocks = " << s.getMinBlocks() << ", kRasterGroup = " << s.getRasterGroup() << ";\n";
  if (s.getWeights() == kernel::WeightPolicy::EvictFirst)
    os << "static constexpr moe::WeightPolicy kWeightPolicy = moe::WeightPolicy::evict_first;\n";
  if (op.getDependent())
    os << "static constexpr bool kDependentLaunch = true;\n";
  os.unindent() << "};\n";
}

/// Parameters in the order of the template's arguments, and the designated initialisers.
static std::string addArguments(GroupedMatmulOp op, KernelText &text) {
  std::string initialisers;
  auto add = [&](StringRef name, Value value, bool isOutput) {
    if (!value)
      return;
    if (isOutput)
      text.addOutput(name, value);
    else
      text.addInput(name, value);
    initialisers += (initialisers.empty() ? "." : ", .") + name.str() + " = " + name.str();
  };
  auto get = [](OperandRange values, size_t i) { return i < values.size() ? values[i] : Value(); };
  add("rows", op.getRows(), false);
  add("weights", get(op.getWeights(), 0), false);
  add("up_weights", get(op.getWeights(), 1), false);
  add("bias", get(op.getBias(), 0), false);
  add("up_bias", get(op.getBias(), 1), false);
  add("routes", op.getRoutes(), false);
  add("routing_weights", op.getRoutingWeights(), false);
  add("tiles", op.getTiles(), false);
  text.parameters.back().type = "const int4 *";
  add("out", get(op.getOuts(), 0), true);
  add("up_out", get(op.getOuts(), 1), true);
  return initialisers;
}

LogicalResult printMatmul(GroupedMatmulOp op, KernelText &text) {
  text.includes.push_back("moe/kernels/grouped_matmul_mma.cuh");
  {
    llvm::raw_string_ostream stream(text.declarations);
    raw_indented_ostream os(stream);
    printProblem(op, os);
    printMmaSchedule(op, os);
  }
  if (op.hasEpilogue() && failed(printFunctor(op.getEpilogue(), "Epilogue", text)))
    return failure();
  text.declarations += "using Plan = moe::GroupedMatmulPlan<Problem, Schedule>;\n";
  text.launchBounds = "Plan::kThreads, Plan::kMinBlocks";
  std::string initialisers = addArguments(op, text);
  text.body = std::string("moe::grouped_matmul_mma<Problem, Schedule") +
              (op.hasEpilogue() ? ", Epilogue" : "") + ">(\n    {" + initialisers + "});\n";
  return success();
}

} // namespace moec::cuda
