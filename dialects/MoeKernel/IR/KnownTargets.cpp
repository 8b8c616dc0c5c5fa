//===- KnownTargets.cpp - the GPUs that schedules know --------------------===//

#include "dialects/MoeKernel/IR/KnownTargets.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace moec::kernel {

static constexpr KnownTarget kTargets[] = {
    {"sm_80", "A100", 166912, 65536, 108},          {"sm_86", "RTX A6000", 101376, 65536, 84},
    {"sm_87", "Orin", 166912, 65536, 16},           {"sm_89", "L40S", 101376, 65536, 142},
    {"sm_90", "H200", 232448, 65536, 132},          {"sm_90a", "H200", 232448, 65536, 132},
    {"sm_100", "B200", 232448, 65536, 148},         {"sm_100a", "B200", 232448, 65536, 148},
    {"sm_103", "B300", 232448, 65536, 148},         {"sm_103a", "B300", 232448, 65536, 148},
    {"sm_120", "RTX PRO 6000", 101376, 65536, 188},
};

ArrayRef<KnownTarget> getKnownTargets() { return kTargets; }

TargetAttr getKnownTarget(MLIRContext *context, StringRef arch) {
  for (const KnownTarget &target : kTargets)
    if (target.arch == arch)
      return TargetAttr::get(context, arch, target.sharedBytes, target.registers,
                             target.multiprocessors);
  return {};
}

std::string listKnownTargets() {
  std::string text;
  for (const KnownTarget &target : kTargets)
    text += (text.empty() ? "" : ", ") + target.arch.str();
  return text;
}

TargetAttr getTarget(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  return module ? module->getAttrOfType<TargetAttr>(MoeKernelDialect::kTargetAttr) : TargetAttr();
}

} // namespace moec::kernel
