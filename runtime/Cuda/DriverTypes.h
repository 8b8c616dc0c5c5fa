//===- DriverTypes.h - The part of the CUDA driver's ABI that is used -----===//
//
// Own declarations, so that no CUDA SDK is needed to build. Handles are the driver's own incomplete
// types: a host's CUstream passes as it is. Values and layouts are those of cuda.h, whose ABI is
// stable; test/unit checks them against the SDK's header where there is one.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_CUDA_DRIVERTYPES_H
#define MOEC_RUNTIME_CUDA_DRIVERTYPES_H

#include <cstddef>
#include <cstdint>

struct CUctx_st;
struct CUmod_st;
struct CUfunc_st;
struct CUstream_st;
struct CUevent_st;
struct CUgraph_st;
struct CUgraphExec_st;

namespace moert::cuda {

using DeviceHandle = int;
using DevicePtr = unsigned long long;
using ContextHandle = ::CUctx_st *;
using ModuleHandle = ::CUmod_st *;
using FunctionHandle = ::CUfunc_st *;
using StreamHandle = ::CUstream_st *;
using EventHandle = ::CUevent_st *;
using GraphHandle = ::CUgraph_st *;
using GraphExecHandle = ::CUgraphExec_st *;

/// CUresult; the codes that are told apart here.
enum DriverResult : int {
  kSuccess = 0,
  kErrorInvalidValue = 1,
  kErrorOutOfMemory = 2,
  kErrorNoDevice = 100,
  kErrorInvalidDevice = 101,
  kErrorNoBinaryForGpu = 209,
};

/// CUdevice_attribute.
enum DeviceAttribute : int {
  kAttributeClockRate = 13,
  kAttributeMultiprocessorCount = 16,
  kAttributeMemoryClockRate = 36,
  kAttributeMemoryBusWidth = 37,
  kAttributeL2CacheSize = 38,
  kAttributeComputeCapabilityMajor = 75,
  kAttributeComputeCapabilityMinor = 76,
  kAttributeMaxSharedMemoryPerMultiprocessor = 81,
  kAttributeMaxSharedMemoryPerBlockOptin = 97,
};

/// CUfunction_attribute.
enum FunctionAttribute : int {
  kFunctionMaxThreadsPerBlock = 0,
  kFunctionSharedSizeBytes = 1,
  kFunctionNumRegs = 4,
  kFunctionMaxDynamicSharedSizeBytes = 8,
  kFunctionNonPortableClusterSizeAllowed = 14,
};

/// CUpointer_attribute.
enum PointerAttribute : int {
  kPointerMemoryType = 2,
  kPointerDeviceOrdinal = 9,
};

/// CUstreamCaptureMode.
enum CaptureMode : int {
  kCaptureGlobal = 0,
  kCaptureThreadLocal = 1,
  kCaptureRelaxed = 2,
};

/// CUstreamCaptureStatus.
enum CaptureStatus : int {
  kCaptureNone = 0,
  kCaptureActive = 1,
  kCaptureInvalidated = 2,
};

/// CUevent_flags.
enum EventFlags : unsigned {
  kEventDefault = 0,
  kEventDisableTiming = 2,
};

/// CU_STREAM_NON_BLOCKING: does not wait for the legacy stream.
inline constexpr unsigned kStreamNonBlocking = 1;

/// CUlaunchAttributeID.
enum LaunchAttributeId : int {
  kLaunchClusterDimension = 4,
  kLaunchProgrammaticStreamSerialization = 6,
};

/// CUlaunchAttribute: an id, padding to 8 bytes, a union of 64 bytes.
struct LaunchAttribute {
  LaunchAttributeId id;
  char padding[8 - sizeof(LaunchAttributeId)];
  union {
    char bytes[64];
    struct {
      unsigned x, y, z;
    } cluster;
    int programmaticStreamSerializationAllowed;
  } value;
};
static_assert(sizeof(LaunchAttribute) == 72 && offsetof(LaunchAttribute, value) == 8);

/// CUlaunchConfig.
struct LaunchConfig {
  unsigned gridX, gridY, gridZ;
  unsigned blockX, blockY, blockZ;
  unsigned sharedBytes;
  StreamHandle stream;
  LaunchAttribute *attributes;
  unsigned numAttributes;
};
static_assert(sizeof(LaunchConfig) == 56 && offsetof(LaunchConfig, stream) == 32);

/// CUtensorMap.
struct alignas(128) EncodedTensorMap {
  uint64_t opaque[16];
};
static_assert(sizeof(EncodedTensorMap) == 128);

/// CUtensorMapDataType.
enum TensorMapDataType : int {
  kTensorMapUint8 = 0,
  kTensorMapInt32 = 3,
  kTensorMapInt64 = 5,
  kTensorMapFloat16 = 6,
  kTensorMapFloat32 = 7,
  kTensorMapFloat64 = 8,
  kTensorMapBfloat16 = 9,
};

} // namespace moert::cuda

#endif // MOEC_RUNTIME_CUDA_DRIVERTYPES_H
