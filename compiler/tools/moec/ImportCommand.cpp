//===- ImportCommand.cpp - moec import ---------------------------------------===//

#include "compiler/Import/BlockBuilder.h"
#include "compiler/tools/moec/Options.h"

#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using moert::Status;
using moert::StatusCode;

namespace moec::cli {

static cl::opt<std::string> configPath(cl::Positional, cl::Required, cl::sub(importCommand()),
                                       cl::cat(category()), cl::value_desc("CONFIG.json"),
                                       cl::desc("<config.json of the model, - for stdin>"));
static cl::opt<std::string> outputPath("o", cl::sub(importCommand()), cl::cat(category()),
                                       cl::init("-"), cl::value_desc("OUT.mlir"),
                                       cl::desc("where to write (default: standard output)"));
static cl::opt<ImportOptions::DType>
    dtype("dtype", cl::sub(importCommand()), cl::cat(category()), cl::init(ImportOptions::DType::BF16),
          cl::desc("element type of activations and weights"),
          cl::values(clEnumValN(ImportOptions::DType::BF16, "bf16", "bfloat16 (default)"),
                     clEnumValN(ImportOptions::DType::F16, "f16", "IEEE half precision")));
static cl::opt<std::string> functionName("name", cl::sub(importCommand()), cl::cat(category()),
                                         cl::init("moe_block"), cl::value_desc("identifier"),
                                         cl::desc("name of the function (default: moe_block)"));

/// Real files have a few KiB; the bound keeps a wrong file from filling memory.
static constexpr uint64_t kMaxConfigBytes = 16 << 20;

static bool isIdentifier(StringRef name) {
  return !name.empty() && !isDigit(name.front()) &&
         all_of(name, [](char c) { return isAlnum(c) || c == '_'; });
}

static Status importModel() {
  if (!isIdentifier(functionName))
    return Status(StatusCode::Usage, "expects --name to be an identifier of letters, digits and _, "
                                     "but got '" + functionName + "'");
  MOERT_ASSIGN_OR_RETURN(std::string text, readText(configPath, kMaxConfigBytes));
  auto config = parseHuggingFaceConfig(text);
  if (!config)
    return std::move(config).status().withContext(configPath);
  for (const std::string &note : config->notes)
    warn(configPath + ": " + note);

  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<mlir::func::FuncDialect, moe::MoeDialect>();
  auto module = buildBlock(context, *config, {dtype, functionName});
  // Sizes that are right one by one may be too large together.
  std::string reason;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    if (reason.empty())
      reason = diagnostic.str();
    return mlir::success();
  });
  if (failed(mlir::verify(*module)))
    return Status(StatusCode::Unsupported,
                  configPath + ": expects sizes of which valid IR can be made, but " + reason);
  return writeText(outputPath, printBlock(*module, *config));
}

int runImport() {
  Status status = importModel();
  return status.isOk() ? 0 : fail(status);
}

} // namespace moec::cli
