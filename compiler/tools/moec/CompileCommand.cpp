//===- CompileCommand.cpp - moec compile -------------------------------------===//

#include "compiler/Cache/CachedCompiler.h"
#include "compiler/Engine/Subject.h"
#include "compiler/tools/moec/Options.h"
#include "compiler/tools/moec/Progress.h"
#include "runtime/Package/Bundle.h"
#include "runtime/Support/File.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::cli {

/// The stages by name, for options.
static cl::ValuesClass stageValues() {
  return cl::values(clEnumValN(Stage::Moe, "moe", "the block, verified"),
                    clEnumValN(Stage::Fused, "fused", "after the fusions"),
                    clEnumValN(Stage::Kernel, "kernel", "kernels and the launch plan"),
                    clEnumValN(Stage::Cuda, "cuda", "CUDA C++"),
                    clEnumValN(Stage::Ptx, "ptx", "PTX"),
                    clEnumValN(Stage::Cubin, "cubin", "machine code"));
}

static cl::opt<std::string> outputOption("o", cl::sub(compileCommand()), cl::cat(category()),
                                         cl::value_desc("OUT.moepkg"),
                                         cl::desc("the package to write"));
static cl::list<Stage> emitOption("emit", cl::sub(compileCommand()), cl::cat(category()),
                                  cl::CommaSeparated, cl::desc("what to write to --emit-dir:"),
                                  stageValues());
static cl::opt<std::string>
    emitDirOption("emit-dir", cl::sub(compileCommand()), cl::cat(category()),
                  cl::value_desc("DIR"),
                  cl::desc("folder for --emit (default: standard output, texts only)"));
static cl::opt<Stage> stopOption("stop-after", cl::sub(compileCommand()), cl::cat(category()),
                                 cl::init(Stage::Cubin), cl::desc("last stage to run:"),
                                 stageValues());
static cl::opt<bool> timingOption("timing", cl::sub(compileCommand()), cl::cat(category()),
                                  cl::desc("print the seconds of each stage and kernel"));
/// One file of --emit.
struct Emitted {
  std::string file;
  StringRef content;
};

/// The name of a file of --emit that is called like one of a package.
static std::string emittedName(StringRef path) { return sys::path::filename(path).str(); }

static std::vector<Emitted> emittedFiles(const Compilation &compilation, Stage stage) {
  std::vector<Emitted> files;
  switch (stage) {
  case Stage::Moe:
    return {{"moe.mlir", compilation.moe}};
  case Stage::Fused:
    files.push_back({emittedName(irFile(stage)), compilation.fused});
    for (const Compilation::Own &own : compilation.own)
      files.push_back({emittedName(irFile(stage, own.interval)), own.fused});
    return files;
  case Stage::Kernel:
    files.push_back({emittedName(irFile(stage)), compilation.kernel});
    for (const Compilation::Own &own : compilation.own)
      files.push_back({emittedName(irFile(stage, own.interval)), own.kernel});
    return files;
  case Stage::Cuda:
  case Stage::Ptx:
  case Stage::Cubin:
    break;
  }
  const moert::Package &package = compilation.package;
  for (size_t i = 0; i < package.code.size(); ++i) {
    const moert::KernelCode &code = package.code[i];
    const std::string &kernel = package.manifest.kernels[i].name;
    if (stage == Stage::Cuda)
      files.push_back({kernel + ".cu", code.source});
    else if (stage == Stage::Ptx)
      files.push_back({kernel + ".ptx", code.ptx});
    else
      files.push_back({kernel + ".cubin", code.cubin});
  }
  return files;
}

/// The stages of --emit; without it and without a package, the last stage.
static std::vector<Stage> emittedStages() {
  if (!emitOption.empty() || !outputOption.empty())
    return {emitOption.begin(), emitOption.end()};
  return {stopOption};
}

static Status emit(const Compilation &compilation) {
  for (Stage stage : emittedStages())
    for (const Emitted &file : emittedFiles(compilation, stage)) {
      if (emitDirOption.empty()) {
        outs() << "// ----- " << file.file << '\n' << file.content;
        continue;
      }
      if (std::error_code error = sys::fs::create_directories(emitDirOption))
        return Status(StatusCode::Toolchain,
                      "cannot create folder '" + emitDirOption + "': " + error.message());
      MOERT_RETURN_IF_ERROR(moert::writeFileAtomically(
          std::filesystem::path(emitDirOption.getValue()) / file.file, file.content));
    }
  return Status::ok();
}

static void printTimes(const Compilation &compilation) {
  double total = 0;
  for (const StageTime &time : compilation.times) {
    errs() << fmt::format("{:<48} {:8.3f} s\n", time.name, time.seconds);
    // Kernels are parts of their stage.
    total += StringRef(time.name).starts_with(" ") ? 0 : time.seconds;
  }
  errs() << fmt::format("{:<48} {:8.3f} s\n", "total", total);
}

/// Rules that tie options together.
static Status checkOptions() {
  MOERT_RETURN_IF_ERROR(expectPath("-o", outputOption));
  MOERT_RETURN_IF_ERROR(expectPath("--emit-dir", emitDirOption));
  if (!outputOption.empty() && stopOption != Stage::Cubin)
    return Status(StatusCode::Usage, "expects no --stop-after with -o: a package needs every stage");
  for (Stage stage : emittedStages()) {
    if (stage > stopOption)
      return Status(StatusCode::Usage,
                    fmt::format("expects --emit {} to come before --stop-after {}",
                                name(stage).str(), name(stopOption).str()));
    if (stage == Stage::Cubin && emitDirOption.empty())
      return Status(StatusCode::Usage,
                    emitOption.empty() ? "expects -o OUT.moepkg, --emit or --stop-after"
                                       : "expects --emit-dir with --emit cubin");
  }
  return Status::ok();
}

/// Writes a package for one architecture or a bundle of several, and names the PTX files.
static Status writeOutput(std::vector<moert::Package> packages) {
  std::vector<std::string> files;
  for (const moert::Package &package : packages)
    for (const moert::Kernel &kernel : package.manifest.kernels)
      files.push_back((packages.size() == 1 ? "" : package.manifest.targetArch + "/") + "kernels/" +
                      kernel.name + ".ptx");
  const std::string &path = outputOption.getValue();
  MOERT_RETURN_IF_ERROR(packages.size() == 1
                            ? moert::writePackage(path, std::move(packages.front()))
                            : moert::writeBundle(path, std::move(packages)));
  for (const std::string &file : files)
    outs() << path << '/' << file << '\n';
  return Status::ok();
}

static Status compileBlock() {
  MOERT_RETURN_IF_ERROR(checkOptions());
  MOERT_ASSIGN_OR_RETURN(std::vector<std::string> targets, targetArchs());
  if (targets.size() > 1 && (outputOption.empty() || !emitOption.empty()))
    return Status(StatusCode::Usage, "expects -o and no --emit with several architectures");
  MOERT_ASSIGN_OR_RETURN(CompilerOptions options, compilerOptions());
  options.stopAfter = stopOption;
  if (stopOption >= Stage::Ptx) { // earlier stages have nothing to look for
    MOERT_ASSIGN_OR_RETURN(options.cache, kernelCache());
  }
  Progress progress;
  options.progress = [&](StringRef what, size_t done, size_t total) {
    progress.show(what, done, total);
  };

  MOERT_ASSIGN_OR_RETURN(Subject subject, loadIr(inputPath(), errs()));
  for (int64_t tokens : options.kernel.tokens)
    MOERT_RETURN_IF_ERROR(checkTokens(subject.inputs(), tokens));
  std::vector<moert::Package> packages;
  for (const std::string &target : targets) {
    CompilerOptions own = options; // what records say depends on the target
    own.kernel.target = target;
    MOERT_RETURN_IF_ERROR(applyRecords(*subject.block, own));
    MOERT_ASSIGN_OR_RETURN(Compilation compilation, compile(*subject.block, own));
    progress.clear();
    for (const std::string &warning : compilation.warnings)
      warn(warning);
    MOERT_RETURN_IF_ERROR(emit(compilation));
    if (timingOption) {
      if (targets.size() > 1)
        errs() << target << ":\n";
      printTimes(compilation);
    }
    packages.push_back(std::move(compilation.package));
  }
  if (timingOption && options.cache)
    errs() << describeCounters(*options.cache) << '\n';
  return outputOption.empty() ? Status::ok() : writeOutput(std::move(packages));
}

int runCompile() {
  Status status = compileBlock();
  return status.isOk() ? 0 : fail(status);
}

} // namespace moec::cli
