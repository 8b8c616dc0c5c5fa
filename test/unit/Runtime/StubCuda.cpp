//===- StubCuda.cpp - A CUDA driver for machines without a GPU ------------===//

#include "test/unit/Runtime/StubCuda.h"

#include "runtime/Cuda/DriverTypes.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

using namespace moert::cuda;
using namespace moert::test;

// Declares every symbol as the runtime calls it: a definition below that differs does not compile.
extern "C" {
#define MOERT_CUDA_SYMBOL(symbol, parameters) DriverResult symbol parameters;
#define MOERT_CUDA_OPTIONAL_SYMBOL(symbol, parameters) DriverResult symbol parameters;
#include "runtime/Cuda/DriverApi.def"
}

struct CUctx_st {
  int ordinal;
};
struct CUmod_st {};
struct CUfunc_st {
  StubFunction *function;
};
struct CUgraph_st {
  unsigned numLaunches = 0;
  StubLaunch launches[64];
};
struct CUgraphExec_st {
  CUgraph_st graph;
};
struct CUstream_st {
  CUgraph_st *captured = nullptr;
};
struct CUevent_st {
  bool recorded = false;
};

static StubCuda state;
static CUctx_st contexts[2] = {{0}, {1}};
static thread_local CUctx_st *current = nullptr;
static thread_local CUctx_st *below[4];
static thread_local unsigned depth = 0;

struct Allocation {
  DevicePtr begin, end;
  int ordinal;
};
static std::mutex allocationMutex;
static Allocation allocations[256];

static bool fails(const char *call) {
  return state.failingCall && std::strcmp(state.failingCall, call) == 0;
}
#define MAY_FAIL()                                                                                 \
  if (fails(__func__))                                                                             \
  return static_cast<DriverResult>(state.failingResult)
#define NEEDS_CONTEXT()                                                                            \
  if (!current)                                                                                    \
  return static_cast<DriverResult>(201)

extern "C" {

StubCuda *stubCuda() { return &state; }

DriverResult cuInit(unsigned) {
  MAY_FAIL();
  return kSuccess;
}
DriverResult cuDriverGetVersion(int *version) {
  *version = 13000;
  return kSuccess;
}
DriverResult cuGetErrorName(DriverResult error, const char **name) {
  *name = error == kErrorOutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_STUB";
  return kSuccess;
}
DriverResult cuGetErrorString(DriverResult, const char **text) {
  *text = "as the test asked for";
  return kSuccess;
}

DriverResult cuDeviceGetCount(int *count) {
  *count = state.deviceCount;
  return kSuccess;
}
DriverResult cuDeviceGet(DeviceHandle *device, int ordinal) {
  *device = ordinal;
  return kSuccess;
}
DriverResult cuDeviceGetName(char *name, int length, DeviceHandle) {
  std::snprintf(name, static_cast<size_t>(length), "Stub GPU");
  return kSuccess;
}
DriverResult cuDeviceGetAttribute(int *value, DeviceAttribute attribute, DeviceHandle) {
  switch (attribute) {
  case kAttributeComputeCapabilityMajor:
    *value = state.ccMajor;
    return kSuccess;
  case kAttributeComputeCapabilityMinor:
    *value = state.ccMinor;
    return kSuccess;
  case kAttributeMaxSharedMemoryPerBlockOptin:
    *value = state.sharedBytesPerBlock;
    return kSuccess;
  case kAttributeL2CacheSize:
    *value = 1 << 20;
    return kSuccess;
  case kAttributeClockRate:
  case kAttributeMemoryClockRate:
    return kErrorInvalidValue; // as drivers of CUDA 13 may answer
  default:
    *value = 132;
    return kSuccess;
  }
}
DriverResult cuDeviceTotalMem_v2(size_t *bytes, DeviceHandle) {
  *bytes = size_t(1) << 36;
  return kSuccess;
}

DriverResult cuDevicePrimaryCtxRetain(ContextHandle *context, DeviceHandle device) {
  MAY_FAIL();
  ++state.contextsRetained;
  *context = &contexts[device];
  return kSuccess;
}
DriverResult cuDevicePrimaryCtxRelease_v2(DeviceHandle) {
  if (++state.contextsReleased == state.contextsRetained)
    state.broken = false;
  return kSuccess;
}
DriverResult cuCtxGetCurrent(ContextHandle *context) {
  *context = current;
  return kSuccess;
}
DriverResult cuCtxPushCurrent_v2(ContextHandle context) {
  below[depth++] = current;
  current = context;
  return kSuccess;
}
DriverResult cuCtxPopCurrent_v2(ContextHandle *context) {
  *context = current;
  current = below[--depth];
  return kSuccess;
}

DriverResult cuModuleLoadData(ModuleHandle *module, const void *image) {
  MAY_FAIL();
  NEEDS_CONTEXT();
  state.lastImageWasElf = std::memcmp(image,
                                      "\x7f"
                                      "ELF",
                                      4) == 0;
  ++state.modulesLoaded;
  *module = new CUmod_st;
  return kSuccess;
}
DriverResult cuModuleUnload(ModuleHandle module) {
  NEEDS_CONTEXT();
  ++state.modulesUnloaded;
  delete module;
  return kSuccess;
}
DriverResult cuModuleGetFunction(FunctionHandle *function, ModuleHandle, const char *name) {
  static CUfunc_st handle = {&state.function};
#ifdef MOEC_STUB_ANY_KERNEL
  static StubFunction any;
  any.name = "any";
  any.maxDynamicSharedBytes = 1 << 20;
  any.numParameters = 1; // whatever the others are: an address, or the begin of a tensor map
  any.parameterBytes[0] = 8;
  handle.function = &any;
  *function = &handle;
  return name ? kSuccess : kErrorInvalidValue;
#endif
  if (!state.function.name || std::strcmp(name, state.function.name) != 0)
    return static_cast<DriverResult>(500);
  *function = &handle;
  return kSuccess;
}
DriverResult cuFuncGetAttribute(int *value, FunctionAttribute attribute, FunctionHandle function) {
  *value = attribute == kFunctionMaxThreadsPerBlock ? function->function->maxThreads
           : attribute == kFunctionSharedSizeBytes  ? function->function->staticSharedBytes
                                                    : 16;
  return kSuccess;
}
DriverResult cuFuncSetAttribute(FunctionHandle function, FunctionAttribute attribute, int value) {
  if (attribute == kFunctionMaxDynamicSharedSizeBytes)
#ifdef MOEC_STUB_ANY_KERNEL
    ; // one function stands for every kernel: what one asks for must not bound another
#else
    // Packages that share a kernel are loaded by one thread while another one launches.
    __atomic_store_n(&function->function->maxDynamicSharedBytes, value, __ATOMIC_RELAXED);
#endif
  else if (attribute == kFunctionNonPortableClusterSizeAllowed)
    function->function->nonPortableCluster = value;
  else
    return kErrorInvalidValue;
  return kSuccess;
}
#ifndef MOEC_STUB_ANY_KERNEL
DriverResult cuFuncGetParamInfo(FunctionHandle function, size_t index, size_t *offset,
                                size_t *size) {
  if (index >= function->function->numParameters)
    return kErrorInvalidValue;
  *offset = 0;
  *size = function->function->parameterBytes[index];
  return kSuccess;
}
#endif
DriverResult cuFuncLoad(FunctionHandle) {
  MAY_FAIL();
  return kSuccess;
}

static void run(const StubLaunch &launch) {
  unsigned slot = state.numLaunches.fetch_add(1);
  if (slot < kMaxStubLaunches)
    state.launches[slot] = launch;
  if (state.function.body)
    state.function.body(launch);
}

DriverResult cuLaunchKernelEx(const LaunchConfig *config, FunctionHandle function,
                              void **parameters, void **extra) {
  MAY_FAIL();
  NEEDS_CONTEXT();
  const StubFunction &callee = *function->function;
  if (extra || config->gridX == 0 || config->gridY == 0 || config->gridZ == 0 ||
      config->sharedBytes > static_cast<unsigned>(__atomic_load_n(&callee.maxDynamicSharedBytes,
                                                                  __ATOMIC_RELAXED)))
    return kErrorInvalidValue;
  StubLaunch launch = {callee.name,
                       {config->gridX, config->gridY, config->gridZ},
                       {config->blockX, config->blockY, config->blockZ},
                       {1, 1, 1},
                       config->sharedBytes,
                       false,
                       config->stream,
                       callee.numParameters,
                       {}};
  for (unsigned i = 0; i < config->numAttributes; ++i) {
    const LaunchAttribute &attribute = config->attributes[i];
    if (attribute.id == kLaunchClusterDimension) {
      launch.cluster[0] = attribute.value.cluster.x;
      launch.cluster[1] = attribute.value.cluster.y;
      launch.cluster[2] = attribute.value.cluster.z;
    } else if (attribute.id == kLaunchProgrammaticStreamSerialization) {
      launch.overlapsPrevious = attribute.value.programmaticStreamSerializationAllowed != 0;
    } else {
      return kErrorInvalidValue;
    }
  }
  for (unsigned i = 0; i < callee.numParameters; ++i)
    std::memcpy(&launch.parameters[i], parameters[i],
                callee.parameterBytes[i] < 8 ? callee.parameterBytes[i] : 8);
  if (config->stream && config->stream->captured) {
    CUgraph_st &graph = *config->stream->captured;
    graph.launches[graph.numLaunches++] = launch;
    return kSuccess;
  }
  run(launch);
  return kSuccess;
}

DriverResult cuTensorMapEncodeTiled(EncodedTensorMap *map, TensorMapDataType type, uint32_t rank,
                                    void *address, const uint64_t *dims, const uint64_t *strides,
                                    const uint32_t *box, const uint32_t *elementStrides,
                                    int interleave, int swizzle, int, int) {
  MAY_FAIL();
  // A digest of everything, which the test computes as well.
  uint64_t digest = reinterpret_cast<uint64_t>(address) + static_cast<uint64_t>(type);
  for (uint32_t i = 0; i < rank; ++i)
    digest =
        digest * 31 + dims[i] + box[i] * 7 + (i + 1 < rank ? strides[i] : 0) + elementStrides[i];
  map->opaque[0] = digest * 31 + static_cast<uint64_t>(swizzle) + uint64_t(interleave);
  return kSuccess;
}

DriverResult cuMemAlloc_v2(DevicePtr *address, size_t bytes) {
  MAY_FAIL();
  NEEDS_CONTEXT();
  void *memory = nullptr;
  if (posix_memalign(&memory, 512, bytes))
    return kErrorOutOfMemory;
  std::lock_guard<std::mutex> lock(allocationMutex);
  for (Allocation &slot : allocations)
    if (!slot.begin) {
      slot = {reinterpret_cast<DevicePtr>(memory), reinterpret_cast<DevicePtr>(memory) + bytes,
              current->ordinal};
      ++state.allocations;
      *address = slot.begin;
      return kSuccess;
    }
  return kErrorOutOfMemory;
}
DriverResult cuMemFree_v2(DevicePtr address) {
  std::lock_guard<std::mutex> lock(allocationMutex);
  for (Allocation &slot : allocations)
    if (slot.begin == address) {
      slot = {};
      ++state.frees;
      std::free(reinterpret_cast<void *>(address));
      return kSuccess;
    }
  return kErrorInvalidValue;
}
DriverResult cuMemGetInfo_v2(size_t *free, size_t *total) {
  *free = state.freeBytes;
  *total = size_t(1) << 36;
  return kSuccess;
}
DriverResult cuMemcpyHtoD_v2(DevicePtr target, const void *source, size_t bytes) {
  MAY_FAIL();
  std::memcpy(reinterpret_cast<void *>(target), source, bytes);
  return kSuccess;
}
DriverResult cuMemcpyDtoH_v2(void *target, DevicePtr source, size_t bytes) {
  MAY_FAIL();
  if (state.downloaded && bytes == state.downloadedBytes) {
    std::memcpy(target, state.downloaded, bytes);
    return kSuccess;
  }
  std::memcpy(target, reinterpret_cast<const void *>(source), bytes);
  return kSuccess;
}
DriverResult cuMemHostAlloc(void **address, size_t bytes, unsigned) {
  MAY_FAIL();
  *address = std::malloc(bytes);
  return kSuccess;
}
DriverResult cuMemFreeHost(void *address) {
  std::free(address);
  return kSuccess;
}
DriverResult cuMemcpyHtoDAsync_v2(DevicePtr target, const void *source, size_t bytes,
                                  StreamHandle) {
  std::memcpy(reinterpret_cast<void *>(target), source, bytes);
  return kSuccess;
}
DriverResult cuMemcpyDtoHAsync_v2(void *target, DevicePtr source, size_t bytes, StreamHandle) {
  std::memcpy(target, reinterpret_cast<const void *>(source), bytes);
  return kSuccess;
}
DriverResult cuMemsetD8Async(DevicePtr target, unsigned char value, size_t count, StreamHandle) {
  std::memset(reinterpret_cast<void *>(target), value, count);
  state.lastFilled = target;
  return kSuccess;
}
DriverResult cuPointerGetAttribute(void *value, PointerAttribute attribute, DevicePtr address) {
  std::lock_guard<std::mutex> lock(allocationMutex);
  for (const Allocation &slot : allocations)
    if (slot.begin && slot.begin <= address && address < slot.end) {
      *static_cast<int *>(value) = attribute == kPointerMemoryType ? 2 : slot.ordinal;
      return kSuccess;
    }
  return kErrorInvalidValue;
}

DriverResult cuStreamCreate(StreamHandle *stream, unsigned) {
  MAY_FAIL();
  NEEDS_CONTEXT();
  *stream = new CUstream_st;
  return kSuccess;
}
DriverResult cuStreamDestroy_v2(StreamHandle stream) {
  delete stream;
  return kSuccess;
}
DriverResult cuStreamSynchronize(StreamHandle) {
  MAY_FAIL();
  if (state.broken)
    return static_cast<DriverResult>(700);
  ++state.synchronizations;
  return kSuccess;
}
DriverResult cuStreamBeginCapture_v2(StreamHandle stream, CaptureMode) {
  stream->captured = new CUgraph_st;
  return kSuccess;
}
DriverResult cuStreamEndCapture(StreamHandle stream, GraphHandle *graph) {
  *graph = stream->captured;
  stream->captured = nullptr;
  return kSuccess;
}
DriverResult cuStreamIsCapturing(StreamHandle stream, CaptureStatus *status) {
  MAY_FAIL();
  *status = stream && stream->captured ? kCaptureActive : kCaptureNone;
  return kSuccess;
}
DriverResult cuThreadExchangeStreamCaptureMode(CaptureMode *mode) {
  static thread_local CaptureMode threadMode = kCaptureGlobal;
  CaptureMode former = threadMode;
  threadMode = *mode;
  *mode = former;
  return kSuccess;
}

DriverResult cuGraphInstantiateWithFlags(GraphExecHandle *executable, GraphHandle graph,
                                         unsigned long long) {
  MAY_FAIL();
  *executable = new CUgraphExec_st{*graph};
  return kSuccess;
}
DriverResult cuGraphLaunch(GraphExecHandle executable, StreamHandle) {
  ++state.graphLaunches;
  for (unsigned i = 0; i < executable->graph.numLaunches; ++i)
    run(executable->graph.launches[i]);
  return kSuccess;
}
DriverResult cuGraphExecDestroy(GraphExecHandle executable) {
  delete executable;
  return kSuccess;
}
DriverResult cuGraphDestroy(GraphHandle graph) {
  delete graph;
  return kSuccess;
}

DriverResult cuEventCreate(EventHandle *event, unsigned) {
  *event = new CUevent_st;
  return kSuccess;
}
DriverResult cuEventRecord(EventHandle event, StreamHandle) {
  event->recorded = true;
  return kSuccess;
}
DriverResult cuEventSynchronize(EventHandle) {
  ++state.synchronizations;
  return kSuccess;
}
DriverResult cuEventElapsedTime(float *milliseconds, EventHandle begin, EventHandle end) {
  *milliseconds = 0.25f;
  return begin->recorded && end->recorded ? kSuccess : kErrorInvalidValue;
}
DriverResult cuEventDestroy_v2(EventHandle event) {
  delete event;
  return kSuccess;
}

} // extern "C"
