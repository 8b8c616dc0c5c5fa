//===- KernelBuilder.cpp - packages of many choices -------------------------===//

#include "compiler/Tune/KernelBuilder.h"

#include "compiler/Device/EmbeddedHeaders.h"
#include "compiler/Engine/Compiler.h"
#include "compiler/Engine/Resources.h"

#include "mlir/IR/Diagnostics.h"

#include <fmt/format.h>

using moert::Package;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

Result<Package> KernelBuilder::lower(const Choice &choice, int64_t tokens) const {
  CompilerOptions options;
  options.kernel.target = target;
  options.kernel.combine = choice.combine;
  options.kernel.tokens = {tokens};
  options.kernel.schedule = choice.scheduleText();
  options.fusions = choice.fusions;
  options.stopAfter = Stage::Cuda;
  // A candidate's error is its reason to be rejected, not one of the block.
  std::string reason;
  mlir::ScopedDiagnosticHandler quiet(&block->context(), [&](mlir::Diagnostic &diagnostic) {
    if (reason.empty())
      reason = diagnostic.str();
    return mlir::success();
  });
  Result<Compilation> compilation = compile(*block, options);
  if (!compilation)
    return Status(compilation.status().code(),
                  reason.empty() ? compilation.status().message() : reason);
  return std::move(compilation->package);
}

void KernelBuilder::compileMissing(std::span<const Result<Package>> packages) {
  std::map<std::string, moert::CompileRequest> missing;
  for (const Result<Package> &package : packages) {
    if (!package)
      continue;
    for (size_t i = 0; i < package->code.size(); ++i) {
      const std::string &source = package->code[i].source;
      if (kernels.contains(source))
        continue;
      moert::CompileRequest request;
      request.name = package->manifest.kernels[i].name;
      request.source = source;
      request.arch = package->manifest.targetArch;
      request.headers = deviceHeaders();
      missing.emplace(source, std::move(request));
    }
  }
  std::vector<moert::CompileRequest> requests;
  for (const auto &[source, request] : missing)
    requests.push_back(request);
  std::vector<Result<CachedCompiler::Kernel>> compiled = cache->compileAll(requests, jobs);
  for (size_t i = 0; i < requests.size(); ++i)
    kernels.emplace(requests[i].source, std::move(compiled[i]));
}

/// Adds machine code and the assembler's report to every kernel.
Status KernelBuilder::complete(Package &package) const {
  for (size_t i = 0; i < package.code.size(); ++i) {
    moert::Kernel &record = package.manifest.kernels[i];
    const Result<CachedCompiler::Kernel> &found = kernels.at(package.code[i].source);
    if (!found)
      return found.status();
    const moert::CompiledKernel &kernel = found->compiled;
    MOERT_RETURN_IF_ERROR(takeResources(kernel, record));
    package.code[i].ptx = kernel.ptx;
    package.code[i].cubin = kernel.cubin;
  }
  return Status::ok();
}

std::vector<Result<Package>> KernelBuilder::build(std::span<const Choice> choices, int64_t tokens) {
  std::vector<Result<Package>> packages;
  for (const Choice &choice : choices)
    packages.push_back(lower(choice, tokens));
  compileMissing(packages);
  for (Result<Package> &package : packages)
    if (package)
      if (Status status = complete(*package); !status.isOk())
        package = std::move(status);
  return packages;
}

} // namespace moec
