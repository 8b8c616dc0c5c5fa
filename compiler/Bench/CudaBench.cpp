//===- CudaBench.cpp - times of a package on a CUDA device ------------------===//

#include "compiler/Bench/CudaBench.h"

#include "runtime/Support/Env.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace moec {

using moert::Argument;
using moert::HostTensor;
using moert::Result;
using moert::Status;
using moert::StatusCode;
using moert::cuda::DeviceMemory;
using moert::cuda::Event;
using moert::cuda::Graph;
using moert::cuda::Stream;

static bool isConstant(const Argument &argument) {
  return std::ranges::all_of(argument.shape,
                             [](const moert::Expr &dim) { return dim.isConstant(); });
}

Result<uint64_t> CudaBench::deviceBytes(int64_t count, size_t sets) const {
  MOERT_ASSIGN_OR_RETURN(uint64_t bytes, package->workspaceBytes(count));
  const std::vector<Argument> &arguments = package->manifest().arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    MOERT_ASSIGN_OR_RETURN(uint64_t argument, package->argumentBytes(i, count));
    bytes += isConstant(arguments[i]) ? argument : sets * argument;
  }
  return bytes;
}

uint64_t CudaBench::heldBytes() const {
  uint64_t bytes = 0;
  auto add = [&](const std::vector<DeviceMemory> &memories) {
    for (const DeviceMemory &memory : memories)
      bytes += memory.bytes();
  };
  add(shared);
  add(workspaces);
  for (const std::vector<DeviceMemory> &set : sets)
    add(set);
  return bytes;
}

Status CudaBench::checkRoom(int64_t count, size_t numSets) const {
  MOERT_ASSIGN_OR_RETURN(uint64_t needed, deviceBytes(count, numSets));
  const moert::cuda::Device &device = *package->device();
  moert::cuda::ContextScope scope(device);
  MOERT_RETURN_IF_ERROR(scope.status());
  size_t free = 0, total = 0;
  MOERT_RETURN_IF_ERROR(MOERT_CUDA(device.api(), cuMemGetInfo_v2, &free, &total));
  uint64_t room = free + heldBytes(); // which is given back or shared before more is needed
  if (needed <= room)
    return Status::ok();
  return Status(StatusCode::Unsupported,
                fmt::format("{} tokens in {} sets need {:.1f} GiB of device memory, but {:.1f} of "
                            "{:.1f} GiB are free",
                            count, numSets, double(needed) / (1 << 30), double(room) / (1 << 30),
                            double(total) / (1 << 30)));
}

/// Memory that is not there is a size that the device does not hold, whoever else has it.
static Result<DeviceMemory> allocate(const std::shared_ptr<const moert::cuda::Device> &device,
                                     uint64_t bytes) {
  Result<DeviceMemory> memory = DeviceMemory::allocate(device, bytes);
  if (memory || memory.status().code() != StatusCode::Budget)
    return memory;
  return Status(StatusCode::Unsupported, fmt::format("{:.1f} GiB of device memory: {}",
                                                     double(bytes) / (1 << 30),
                                                     memory.status().message()));
}

/// Memory with the content of a host tensor.
static Result<DeviceMemory> uploaded(const std::shared_ptr<const moert::cuda::Device> &device,
                                     const HostTensor &host) {
  MOERT_ASSIGN_OR_RETURN(DeviceMemory memory, allocate(device, host.byteSize()));
  if (host.byteSize() != 0)
    MOERT_RETURN_IF_ERROR(memory.upload({host.data(), host.byteSize()}));
  return memory;
}

Status CudaBench::prepare(int64_t count, std::span<const std::vector<HostTensor>> inputs) {
  const std::shared_ptr<const moert::cuda::Device> &device = package->device();
  const std::vector<Argument> &arguments = package->manifest().arguments;
  tokens = count;
  sets.clear();
  workspaces.clear();
  ++allocations;
  MOERT_RETURN_IF_ERROR(checkRoom(tokens, inputs.size()));
  shared.resize(arguments.size());
  for (const std::vector<HostTensor> &hosts : inputs) {
    std::vector<DeviceMemory> memories(arguments.size());
    for (size_t i = 0, input = 0; i < arguments.size(); ++i) {
      if (arguments[i].isOutput) {
        MOERT_ASSIGN_OR_RETURN(uint64_t bytes, package->argumentBytes(i, tokens));
        MOERT_ASSIGN_OR_RETURN(memories[i], allocate(device, bytes));
        continue;
      }
      const HostTensor &host = hosts[input++];
      if (!isConstant(arguments[i])) {
        MOERT_ASSIGN_OR_RETURN(memories[i], uploaded(device, host));
      } else if (shared[i].bytes() == 0) {
        MOERT_ASSIGN_OR_RETURN(shared[i], uploaded(device, host));
      }
    }
    sets.push_back(std::move(memories));
  }
  MOERT_ASSIGN_OR_RETURN(uint64_t bytes, package->workspaceBytes(tokens));
  return reserveWorkspaces(1, bytes);
}

Status CudaBench::reserveWorkspaces(size_t count, uint64_t bytes) {
  if (workspaces.size() == count && workspaces.front().bytes() >= bytes)
    return Status::ok();
  workspaces.clear();
  ++allocations;
  for (size_t i = 0; i < count; ++i) {
    Result<DeviceMemory> memory = allocate(package->device(), bytes);
    if (!memory)
      return std::move(memory).status().withContext(fmt::format("workspace {} of {}", i, count));
    workspaces.push_back(*std::move(memory));
  }
  return Status::ok();
}

/// The value below which `share` of the sorted values lie.
static double percentile(const std::vector<double> &sorted, double share) {
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(share * double(sorted.size())))];
}

Timing timingOf(std::vector<double> times) {
  std::ranges::sort(times);
  return {percentile(times, 0.5), percentile(times, 0.1), percentile(times, 0.9),
          static_cast<unsigned>(times.size())};
}

std::vector<moert::cuda::DevicePtr> CudaBench::addresses(size_t set) const {
  std::vector<moert::cuda::DevicePtr> result;
  for (size_t i = 0; i < sets[set].size(); ++i)
    result.push_back(shared[i].bytes() != 0 ? shared[i].address() : sets[set][i].address());
  return result;
}

Result<std::vector<HostTensor>> CudaBench::run(const moert::LoadedPackage &subject, size_t set) {
  constexpr unsigned char kNan = 0xFF; // in every float type
  MOERT_ASSIGN_OR_RETURN(uint64_t bytes, subject.workspaceBytes(tokens));
  MOERT_RETURN_IF_ERROR(reserveWorkspaces(1, bytes));
  MOERT_ASSIGN_OR_RETURN(Stream stream, Stream::create(package->device()));
  const DeviceMemory &workspace = workspaces.front();
  const std::vector<Argument> &arguments = package->manifest().arguments;
  MOERT_RETURN_IF_ERROR(workspace.fill(kNan, 0, workspace.bytes(), stream.handle()));
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].isOutput)
      MOERT_RETURN_IF_ERROR(sets[set][i].fill(kNan, 0, sets[set][i].bytes(), stream.handle()));
  MOERT_RETURN_IF_ERROR(subject.launch(tokens, addresses(set), workspace.address(),
                                       workspace.bytes(), stream.handle()));
  MOERT_RETURN_IF_ERROR(stream.synchronize());
  return outputs(set);
}

Result<std::vector<HostTensor>> CudaBench::outputs(size_t set) const {
  const std::vector<Argument> &arguments = package->manifest().arguments;
  std::vector<HostTensor> results;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].isOutput)
      continue;
    std::vector<int64_t> shape;
    for (const moert::Expr &dim : arguments[i].shape) {
      MOERT_ASSIGN_OR_RETURN(int64_t size, dim.evaluate(tokens));
      shape.push_back(size);
    }
    MOERT_ASSIGN_OR_RETURN(HostTensor output, HostTensor::allocate(arguments[i].dtype, shape));
    MOERT_RETURN_IF_ERROR(sets[set][i].download({output.mutableData(), output.byteSize()}));
    results.push_back(std::move(output));
  }
  return results;
}

/// Mismatch where two tensors of one shape differ in a bit; says in how many elements, and where
/// first.
static Status expectSameBits(const HostTensor &actual, const HostTensor &expected) {
  const uint64_t size = moert::byteSize(actual.dtype());
  int64_t different = 0, first = 0;
  for (int64_t i = 0; i < actual.numElements(); ++i)
    if (std::memcmp(actual.data() + i * size, expected.data() + i * size, size) != 0 &&
        different++ == 0)
      first = i;
  if (different == 0)
    return Status::ok();
  int64_t columns = actual.rank() == 0 ? 1 : actual.shape().back();
  return Status(StatusCode::Mismatch,
                fmt::format("{} of {} elements differ, first [{}, {}]: {:g} instead of {:g}",
                            different, actual.numElements(), first / columns, first % columns,
                            actual.at(first), expected.at(first)));
}

Status CudaBench::checkOutputsAgain(const moert::LoadedPackage &subject) {
  for (size_t set = 0; set < sets.size(); ++set) {
    MOERT_ASSIGN_OR_RETURN(std::vector<HostTensor> before, outputs(set));
    MOERT_ASSIGN_OR_RETURN(std::vector<HostTensor> alone, run(subject, set));
    for (size_t i = 0; i < before.size(); ++i)
      if (Status status = expectSameBits(before[i], alone[i]); !status.isOk())
        return std::move(status).withContext(
            fmt::format("output {} of input {}, against a run alone", i, set));
  }
  return Status::ok();
}

Status CudaBench::walk(const moert::LoadedPackage &subject, const Stream &stream) const {
  for (size_t s = 0; s < sets.size(); ++s) {
    const DeviceMemory &workspace = workspaces[s % workspaces.size()];
    MOERT_RETURN_IF_ERROR(subject.launch(tokens, addresses(s), workspace.address(),
                                         workspace.bytes(), stream.handle()));
  }
  return Status::ok();
}

Result<Graph> CudaBench::captureWalk(const moert::LoadedPackage &subject,
                                     const Stream &stream) const {
  // Errors of kernels show here, with the first launch's cost.
  MOERT_RETURN_IF_ERROR(walk(subject, stream));
  MOERT_RETURN_IF_ERROR(stream.synchronize());
  return Graph::capture(stream, [&] { return walk(subject, stream); });
}

Result<Timing> CudaBench::measure(const moert::LoadedPackage &subject, const TimingOptions &options,
                                  std::optional<Walk> *kept) {
  MOERT_ASSIGN_OR_RETURN(uint64_t bytes, subject.workspaceBytes(tokens));
  MOERT_RETURN_IF_ERROR(reserveWorkspaces(1, bytes));
  MOERT_ASSIGN_OR_RETURN(Stream stream, Stream::create(package->device()));
  std::optional<Walk> own;
  std::optional<Walk> &walk = kept ? *kept : own;
  if (!walk || walk->memory != allocations) {
    walk.reset();
    MOERT_ASSIGN_OR_RETURN(Graph graph, captureWalk(subject, stream));
    walk.emplace(Walk{std::move(graph), allocations});
  }
  return replay(walk->graph, stream, options);
}

Result<Timing> CudaBench::measureAlone(const moert::LoadedPackage &whole,
                                       const moert::LoadedPackage &part,
                                       const TimingOptions &options) {
  MOERT_ASSIGN_OR_RETURN(uint64_t bytes, whole.workspaceBytes(tokens));
  MOERT_RETURN_IF_ERROR(reserveWorkspaces(sets.size(), bytes));
  MOERT_ASSIGN_OR_RETURN(Stream stream, Stream::create(package->device()));
  MOERT_RETURN_IF_ERROR(walk(whole, stream));
  MOERT_ASSIGN_OR_RETURN(Graph graph, captureWalk(part, stream));
  return replay(graph, stream, options);
}

Result<Timing> CudaBench::replay(const Graph &graph, const Stream &stream,
                                 const TimingOptions &options) const {
  const std::shared_ptr<const moert::cuda::Device> &device = package->device();
  MOERT_ASSIGN_OR_RETURN(Event begin, Event::create(device));
  MOERT_ASSIGN_OR_RETURN(Event end, Event::create(device));

  using Clock = std::chrono::steady_clock;
  auto elapsed = [](Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  };
  for (Clock::time_point start = Clock::now(); elapsed(start) < options.warmupSeconds;) {
    MOERT_RETURN_IF_ERROR(graph.launch(stream));
    MOERT_RETURN_IF_ERROR(stream.synchronize());
  }
  std::vector<double> times;
  for (Clock::time_point start = Clock::now();
       times.size() < options.minReplays ||
       (times.size() < options.maxReplays && elapsed(start) < options.measureSeconds);) {
    MOERT_RETURN_IF_ERROR(begin.record(stream));
    MOERT_RETURN_IF_ERROR(graph.launch(stream));
    MOERT_RETURN_IF_ERROR(end.record(stream));
    MOERT_RETURN_IF_ERROR(stream.synchronize());
    MOERT_ASSIGN_OR_RETURN(float milliseconds, end.millisecondsSince(begin));
    times.push_back(1e3 * double(milliseconds) / double(sets.size()));
  }
  return timingOf(std::move(times));
}

moert::Package onlyLaunch(const moert::Package &package, int64_t tokens, size_t launch) {
  moert::Package part = package;
  std::vector<moert::Launch> &launches =
      part.manifest.variants[moert::variantFor(part.manifest, tokens)].launches;
  launches = {launches[launch]};
  launches.front().overlapsPrevious = false;
  return part;
}

moert::Package firstLaunches(const moert::Package &package, int64_t tokens, size_t launches) {
  moert::Package part = package;
  moert::Variant &variant = part.manifest.variants[moert::variantFor(part.manifest, tokens)];
  variant.launches.resize(std::min(launches, variant.launches.size()));
  return part;
}

} // namespace moec
