//===- Pipelines.cpp - the stages of a compilation and their passes ---------===//

#include "compiler/Pipelines/Pipelines.h"

#include "compiler/Conversion/MoeToMoeKernel/Passes.h"
#include "dialects/Moe/Transforms/Pipeline.h"
#include "dialects/MoeKernel/IR/KnownTargets.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace moec;
using llvm::StringRef;
using moert::Result;
using moert::Status;
using moert::StatusCode;

StringRef moec::name(Stage stage) {
  switch (stage) {
  case Stage::Moe:
    return "moe";
  case Stage::Fused:
    return "fused";
  case Stage::Kernel:
    return "kernel";
  case Stage::Cuda:
    return "cuda";
  case Stage::Ptx:
    return "ptx";
  case Stage::Cubin:
    return "cubin";
  }
  return "unknown";
}

namespace {

struct NamedFusion {
  StringRef name;
  bool FusionChoice::*member;
};

constexpr NamedFusion kFusions[] = {
    {"gate-up", &FusionChoice::gateUp},   {"padding", &FusionChoice::padding},
    {"activation", &FusionChoice::activation}, {"permute", &FusionChoice::permute},
    {"combine", &FusionChoice::combine},
};

constexpr FusionChoice kNone = {false, false, false, false, false};

} // namespace

Result<FusionChoice> moec::parseFusions(llvm::ArrayRef<std::string> names) {
  if (names.size() == 1 && names.front() == "all")
    return FusionChoice();
  FusionChoice choice = kNone;
  if (names.size() == 1 && names.front() == "none")
    return choice;
  for (const std::string &word : names) {
    const NamedFusion *fusion =
        llvm::find_if(kFusions, [&](const NamedFusion &f) { return f.name == word; });
    if (fusion == std::end(kFusions))
      return Status(StatusCode::Usage,
                    ("expects " + kFusionGrammar + ", but got '" + word + "'").str());
    choice.*fusion->member = true;
  }
  return choice;
}

std::string moec::toString(const FusionChoice &choice) {
  if (choice == FusionChoice())
    return "all";
  std::vector<StringRef> names;
  for (const NamedFusion &fusion : kFusions)
    if (choice.*fusion.member)
      names.push_back(fusion.name);
  return names.empty() ? "none" : llvm::join(names, ",");
}

void moec::buildFusionStage(mlir::OpPassManager &manager, const FusionChoice &choice) {
  moe::FusionOptions options;
  options.gateUp = choice.gateUp;
  options.padding = choice.padding;
  options.activation = choice.activation;
  options.permute = choice.permute;
  options.combine = choice.combine;
  moe::buildFusionPipeline(manager, options);
}

void moec::buildKernelStage(mlir::OpPassManager &manager, const KernelOptions &options) {
  ConvertMoeToKernelPassOptions pass;
  pass.target = options.target;
  pass.tokens.assign(options.tokens.begin(), options.tokens.end());
  pass.combine = options.combine == CombineMode::Ordered ? CombineForm::Ordered
                                                         : CombineForm::Accumulate;
  pass.schedule = options.schedule;
  manager.addPass(createConvertMoeToKernelPass(std::move(pass)));
}

Status moec::checkTarget(StringRef arch) {
  if (llvm::any_of(kernel::getKnownTargets(),
                   [&](const kernel::KnownTarget &target) { return target.arch == arch; }))
    return Status::ok();
  return Status(StatusCode::Unsupported, "expects one of the targets " +
                                             kernel::listKnownTargets() + ", but got '" +
                                             arch.str() + "'");
}

bool moec::isUnsupported(StringRef diagnostic) { return diagnostic.contains(kUnsupportedPrefix); }
