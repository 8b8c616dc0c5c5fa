//===- ReadBandwidth.cpp - the read ceiling of a device ---------------------===//

#include "compiler/Bench/CudaBench.h"

#include "compiler/Cache/CachedCompiler.h"
#include "runtime/Cuda/Launch.h"
#include "runtime/Cuda/Module.h"

#include <fmt/format.h>

#include <algorithm>

namespace moec {

using moert::Result;
using moert::Status;
using moert::cuda::DeviceMemory;

/// Every thread reads 16 bytes at a stride of the grid, eight loads in flight.
static constexpr const char *kSource = R"(
struct alignas(16) Piece { unsigned x, y, z, w; };
extern "C" __global__ void read_all(const Piece *data, unsigned long long pieces, unsigned *sink) {
  unsigned sum = 0;
  unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
  unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x;
  for (; i + 7 * stride < pieces; i += 8 * stride) {
    Piece p[8];
#pragma unroll
    for (int j = 0; j < 8; ++j)
      p[j] = data[i + j * stride];
#pragma unroll
    for (int j = 0; j < 8; ++j)
      sum ^= p[j].x ^ p[j].y ^ p[j].z ^ p[j].w;
  }
  if (sum == 0x9e3779b9u) // never for zeros; keeps the loads
    *sink = sum;
}
)";

Result<double> measureReadBandwidth(std::shared_ptr<const moert::cuda::Device> device,
                                    CachedCompiler &compiler) {
  constexpr uint64_t kBytes = uint64_t{4} << 30; // many times any L2 cache
  constexpr unsigned kThreads = 256, kBlocksPerSm = 8, kRepeats = 10;
  moert::CompileRequest request;
  request.name = "read_all";
  request.source = kSource;
  request.arch = device->architecture();
  Result<CachedCompiler::Kernel> kernel = std::move(compiler.compileAll({&request, 1}, 1).front());
  if (!kernel)
    return std::move(kernel).status();
  MOERT_ASSIGN_OR_RETURN(moert::cuda::Module module,
                         moert::cuda::Module::load(device, kernel->compiled.cubin));
  MOERT_ASSIGN_OR_RETURN(moert::cuda::FunctionHandle function, module.function("read_all"));
  MOERT_ASSIGN_OR_RETURN(moert::cuda::Stream stream, moert::cuda::Stream::create(device));
  MOERT_ASSIGN_OR_RETURN(DeviceMemory data, DeviceMemory::allocate(device, kBytes));
  MOERT_ASSIGN_OR_RETURN(DeviceMemory sink, DeviceMemory::allocate(device, sizeof(unsigned)));
  MOERT_RETURN_IF_ERROR(data.fill(0, 0, kBytes, stream.handle()));
  moert::cuda::DevicePtr source = data.address(), target = sink.address();
  uint64_t pieces = kBytes / 16;
  void *parameters[] = {&source, &pieces, &target};
  moert::cuda::KernelLaunch launch;
  launch.function = function;
  launch.grid = {static_cast<unsigned>(device->properties().smCount) * kBlocksPerSm, 1, 1};
  launch.block = {kThreads, 1, 1};
  MOERT_ASSIGN_OR_RETURN(moert::cuda::Event begin, moert::cuda::Event::create(device));
  MOERT_ASSIGN_OR_RETURN(moert::cuda::Event end, moert::cuda::Event::create(device));
  double best = 0;
  for (unsigned i = 0; i < kRepeats; ++i) {
    moert::cuda::ContextScope scope(*device);
    MOERT_RETURN_IF_ERROR(Status(scope.status()));
    MOERT_RETURN_IF_ERROR(begin.record(stream));
    MOERT_RETURN_IF_ERROR(device->api().status(
        moert::cuda::launchKernel(device->api(), launch, parameters, stream.handle()),
        "cuLaunchKernelEx"));
    MOERT_RETURN_IF_ERROR(end.record(stream));
    MOERT_RETURN_IF_ERROR(stream.synchronize());
    MOERT_ASSIGN_OR_RETURN(float milliseconds, end.millisecondsSince(begin));
    best = std::max(best, double(kBytes) / (1e-3 * double(milliseconds)));
  }
  return best;
}

} // namespace moec
