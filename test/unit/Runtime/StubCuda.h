//===- StubCuda.h - A CUDA driver for machines without a GPU --------------===//
//
// libstubcuda.so stands in for libcuda: memory is host memory, kernels are functions of the test
// that run where they are launched, and everything is recorded. It allocates nothing while it
// launches, so that a test can count the allocations of the runtime.
//
// libstubcuda_any.so (MOEC_STUB_ANY_KERNEL) is the same with kernels of every name, which do
// nothing and of whose parameters the first is recorded.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_TEST_UNIT_RUNTIME_STUBCUDA_H
#define MOEC_TEST_UNIT_RUNTIME_STUBCUDA_H

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace moert::test {

inline constexpr unsigned kMaxStubParameters = 8;
inline constexpr unsigned kMaxStubLaunches = 1 << 15;

/// A launch as the driver got it.
struct StubLaunch {
  const char *function = nullptr;
  unsigned grid[3], block[3], cluster[3];
  unsigned sharedBytes = 0;
  bool overlapsPrevious = false;
  const void *stream = nullptr;
  unsigned numParameters = 0;
  /// The first 8 bytes of each parameter.
  uint64_t parameters[kMaxStubParameters];
};

/// A kernel that the "code" of every module has.
struct StubFunction {
  const char *name = nullptr;
  unsigned numParameters = 0;
  size_t parameterBytes[kMaxStubParameters] = {};
  void (*body)(const StubLaunch &launch) = nullptr;
  int maxThreads = 1024;
  int staticSharedBytes = 0;
  int maxDynamicSharedBytes = 0; ///< what cuFuncSetAttribute granted
  int nonPortableCluster = 0;
};

struct StubCuda {
  // What the test sets.
  int deviceCount = 2;
  int ccMajor = 8, ccMinor = 0;
  int sharedBytesPerBlock = 166912;
  StubFunction function;
  const char *failingCall = nullptr; ///< this call fails ...
  int failingResult = 0;             ///< ... with this code
  bool broken = false; ///< every wait fails, as after a fault, until the last context is released
  size_t freeBytes = size_t(1) << 36; ///< of memory, whatever is allocated
  /// What a download of exactly that many bytes gets; null: what is in memory.
  const void *downloaded = nullptr;
  size_t downloadedBytes = 0;

  // What the test reads.
  std::atomic<unsigned> numLaunches{0};
  StubLaunch launches[kMaxStubLaunches];
  std::atomic<int> modulesLoaded{0}, modulesUnloaded{0};
  std::atomic<int> contextsRetained{0}, contextsReleased{0};
  std::atomic<int> allocations{0}, frees{0};
  std::atomic<int> synchronizations{0}; ///< calls that wait
  std::atomic<int> graphLaunches{0};
  std::atomic<uint64_t> lastFilled{0}; ///< where memory was filled with a byte last
  std::atomic<bool> lastImageWasElf{false};
};

} // namespace moert::test

/// The state behind the driver.
extern "C" moert::test::StubCuda *stubCuda();

#endif // MOEC_TEST_UNIT_RUNTIME_STUBCUDA_H
