//===- Subject.h - what a tool runs: IR, or a compiled package ---------------===//

#ifndef MOEC_COMPILER_ENGINE_SUBJECT_H
#define MOEC_COMPILER_ENGINE_SUBJECT_H

#include "compiler/Engine/Compiler.h"
#include "compiler/Engine/MoeBlock.h"
#include "compiler/Engine/NativeTarget.h"
#include "compiler/Engine/Runner.h"
#include "compiler/Records/Records.h"
#include "runtime/Exec/LoadedPackage.h"

#include <memory>
#include <optional>
#include <string>

namespace moec {

/// A block, a package, or a package that still holds the IR it was compiled from.
struct Subject {
  std::string path;
  std::optional<MoeBlock> block;
  std::optional<moert::Package> package;

  /// The arguments to fill, in order: those of the block, else read off the package's manifest.
  std::vector<InputSpec> inputs() const;
  /// Names and types of the results, in order.
  std::vector<OutputSpec> outputs() const;
};

enum class DeviceKind { Cuda, Cpu, Reference };
llvm::StringRef name(DeviceKind kind);

/// Reads a package folder, or IR from a file or ("-") standard input. `device`: where it will run;
/// of a bundle CUDA takes the part for the GPU at hand, if there is one. InvalidInput where it is
/// neither, or where a package's IR does not fit its manifest; NoDevice where no part suits the GPU.
moert::Result<Subject> loadSubject(const std::string &path, DeviceKind device,
                                   llvm::raw_ostream &diagnostics);
/// The same where only IR will do: Usage where it is a package.
moert::Result<Subject> loadIr(const std::string &path, llvm::raw_ostream &diagnostics);

/// CUDA where the driver reports a GPU, else the CPU.
DeviceKind defaultDevice();

/// The word for the architecture of the GPU at hand.
inline constexpr llvm::StringLiteral kNativeTarget{"native"};

struct RunnerOptions {
  DeviceKind device = DeviceKind::Cpu;
  FusionChoice fusions;
  CombineMode combine = CombineMode::Ordered;
  std::string schedule; ///< of products in place of the default ones; see KernelOptions
  std::string target; ///< empty or kNativeTarget: that of the device
  unsigned jobs = 0;  ///< threads; 0: one per core
  std::vector<int64_t> tokens; ///< what will be run; chooses the variants that are compiled
  std::function<void(llvm::StringRef what, size_t done, size_t total)> progress;
  std::shared_ptr<CachedCompiler> cache; ///< see CompilerOptions
  /// Where schedules are looked up that `schedule` does not give; null: nowhere.
  std::shared_ptr<const Records> records;
  bool areFusionsGiven = false;    ///< no record may change them
  std::string routing = "uniform"; ///< of the records
  std::function<void(const std::string &)> onOrigin; ///< says where schedules come from
};

/// The device that MOEC_DEVICE names, by default the first. NoDevice where there is none.
moert::Result<std::shared_ptr<const moert::cuda::Device>> openDevice();

/// The subject's package or, where there is none, the one that its block compiles to for the device.
moert::Result<moert::Package> packageFor(const Subject &subject, const moert::cuda::Device &device,
                                         const RunnerOptions &options);

/// A runner of the subject, which must outlive it. Usage failure where the device needs IR and a
/// package holds none; NoDevice without a GPU; else the failures of `compile`.
moert::Result<std::unique_ptr<Runner>> makeRunner(const Subject &subject,
                                                  const RunnerOptions &options);

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_SUBJECT_H
