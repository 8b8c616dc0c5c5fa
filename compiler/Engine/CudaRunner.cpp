//===- CudaRunner.cpp - running a package on a CUDA device ------------------===//

#include "compiler/Engine/CudaRunner.h"

#include <fmt/format.h>

#include <algorithm>

namespace moec {

using moert::Argument;
using moert::CudaExecutor;
using moert::HostTensor;
using moert::Result;
using moert::Status;
using moert::StatusCode;

CudaRunner::CudaRunner(std::shared_ptr<const moert::LoadedPackage> package)
    : package(std::move(package)), uploaded(this->package->manifest().arguments.size()) {}

static double gibibytes(uint64_t bytes) {
  return static_cast<double>(bytes) / static_cast<double>(uint64_t{1} << 30);
}

/// What stays on the device from one token count to the next.
static bool isConstant(const Argument &argument) {
  return !argument.isOutput && std::ranges::all_of(argument.shape, [](const moert::Expr &dim) {
    return dim.isConstant();
  });
}

Result<uint64_t> CudaRunner::planMemory(int64_t tokens) {
  if (tokens > package->maxTokens())
    return Status(StatusCode::Unsupported,
                  fmt::format("{} tokens are more than the {} that the package admits", tokens,
                              package->maxTokens()));
  const std::vector<Argument> &arguments = package->manifest().arguments;
  MOERT_ASSIGN_OR_RETURN(uint64_t needed, package->workspaceBytes(tokens));
  uint64_t outputBytes = 0, held = 0;
  for (size_t i = 0; i < arguments.size(); ++i) {
    MOERT_ASSIGN_OR_RETURN(uint64_t bytes, package->argumentBytes(i, tokens));
    needed += bytes;
    outputBytes += arguments[i].isOutput ? bytes : 0;
  }
  // What the executor of the last token count holds is given back or shared before it is needed.
  for (size_t i = 0; executor && i <= arguments.size(); ++i)
    held += i < arguments.size() ? executor->argumentBytes(i) : executor->workspaceBytes();
  const moert::cuda::Device &device = *package->device();
  moert::cuda::ContextScope scope(device);
  MOERT_RETURN_IF_ERROR(scope.status());
  size_t free = 0, total = 0;
  MOERT_RETURN_IF_ERROR(MOERT_CUDA(device.api(), cuMemGetInfo_v2, &free, &total));
  if (needed > free + held)
    return Status(StatusCode::Unsupported,
                  fmt::format("{} tokens need {:.1f} GiB of device memory, but {:.1f} of {:.1f} GiB "
                              "are free",
                              tokens, gibibytes(needed), gibibytes(free + held), gibibytes(total)));
  return outputBytes;
}

/// Makes `executor` one for that many tokens; constant tensors stay on the device.
Status CudaRunner::prepare(int64_t tokens) {
  if (executor && executor->tokens() == tokens)
    return Status::ok();
  const std::vector<Argument> &arguments = package->manifest().arguments;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (!executor || !isConstant(arguments[i]))
      uploaded[i].reset();
  if (executor)
    return executor->resize(tokens);
  MOERT_ASSIGN_OR_RETURN(CudaExecutor created, CudaExecutor::create(package, tokens));
  executor.emplace(std::move(created));
  return Status::ok();
}

Status CudaRunner::uploadInputs(std::span<const HostTensor> arguments) {
  const std::vector<Argument> &declared = package->manifest().arguments;
  size_t next = 0;
  for (size_t i = 0; i < declared.size(); ++i) {
    if (declared[i].isOutput)
      continue;
    if (next == arguments.size())
      return Status(StatusCode::Usage, fmt::format("expects a tensor for argument '{}', but got {}",
                                                   declared[i].name, arguments.size()));
    const HostTensor &host = arguments[next++];
    if (uploaded[i] && uploaded[i]->data() == host.data() && isConstant(declared[i]))
      continue;
    uploaded[i].reset();
    MOERT_RETURN_IF_ERROR(executor->upload(i, {host.data(), host.byteSize()}));
    uploaded[i] = host;
  }
  return Status::ok();
}

Result<Runner::Outcome> CudaRunner::run(std::span<const HostTensor> arguments, int64_t tokens,
                                        bool poison) {
  MOERT_RETURN_IF_ERROR(prepare(tokens));
  MOERT_RETURN_IF_ERROR(uploadInputs(arguments));
  if (poison)
    MOERT_RETURN_IF_ERROR(executor->poison());
  const moert::cuda::Stream &stream = executor->stream();
  MOERT_ASSIGN_OR_RETURN(moert::cuda::Event begin, moert::cuda::Event::create(package->device()));
  MOERT_ASSIGN_OR_RETURN(moert::cuda::Event end, moert::cuda::Event::create(package->device()));
  MOERT_RETURN_IF_ERROR(begin.record(stream));
  MOERT_RETURN_IF_ERROR(executor->launch());
  MOERT_RETURN_IF_ERROR(end.record(stream));
  MOERT_RETURN_IF_ERROR(executor->synchronize());
  if (poison)
    MOERT_RETURN_IF_ERROR(executor->checkGuards());
  Outcome outcome;
  MOERT_ASSIGN_OR_RETURN(float milliseconds, end.millisecondsSince(begin));
  outcome.milliseconds = milliseconds;
  const std::vector<Argument> &declared = package->manifest().arguments;
  for (size_t i = 0; i < declared.size(); ++i) {
    if (!declared[i].isOutput)
      continue;
    std::vector<int64_t> shape;
    for (const moert::Expr &dim : declared[i].shape) {
      MOERT_ASSIGN_OR_RETURN(int64_t size, dim.evaluate(tokens));
      shape.push_back(size);
    }
    MOERT_ASSIGN_OR_RETURN(HostTensor output, HostTensor::allocate(declared[i].dtype, shape));
    MOERT_RETURN_IF_ERROR(executor->download(i, {output.mutableData(), output.byteSize()}));
    outcome.outputs.push_back(std::move(output));
  }
  return outcome;
}

} // namespace moec
