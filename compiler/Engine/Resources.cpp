//===- Resources.cpp - what a kernel takes of a multiprocessor --------------===//

#include "compiler/Engine/Resources.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

using moert::Status;
using moert::StatusCode;

namespace moec {

Status takeResources(const moert::CompiledKernel &kernel, moert::Kernel &record) {
  const moert::KernelResources *resources = kernel.findEntry(record.entry);
  if (!resources)
    return Status(StatusCode::Toolchain,
                  fmt::format("kernel '{}': expects a report on entry '{}' from the assembler, but "
                              "got none",
                              record.name, record.entry));
  record.registers = resources->registers;
  record.spillBytes = resources->spillBytes();
  record.staticSharedBytes = resources->staticSharedBytes;
  return Status::ok();
}

Status checkSpills(const moert::Kernel &record) {
  if (record.spillBytes == 0 ||
      !llvm::is_contained(record.parameters, moert::ParameterKind::TensorMap))
    return Status::ok();
  return Status(
      StatusCode::Toolchain,
      fmt::format("kernel '{}': expects a wgmma kernel to spill nothing, but the assembler "
                  "spills {} bytes a thread; give its product a smaller tile "
                  "(--schedule) or leave its activation to a kernel of its own (--fuse)",
                  record.name, record.spillBytes));
}

} // namespace moec
