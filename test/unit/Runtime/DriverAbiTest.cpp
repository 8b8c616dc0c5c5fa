//===- DriverAbiTest.cpp - Own driver declarations against NVIDIA's -------===//
//
// Compares DriverTypes.h and DriverApi.def with cuda.h where a CUDA SDK is installed.
//
//===----------------------------------------------------------------------===//

#include "runtime/Cuda/DriverApi.h"

#include <gtest/gtest.h>

#if __has_include(<cuda.h>)
#include <cuda.h>

using namespace moert;

static_assert(std::is_same_v<cuda::StreamHandle, CUstream>);
static_assert(std::is_same_v<cuda::DevicePtr, CUdeviceptr>);
static_assert(std::is_same_v<cuda::FunctionHandle, CUfunction>);
static_assert(std::is_same_v<cuda::GraphExecHandle, CUgraphExec>);

static_assert(sizeof(cuda::LaunchConfig) == sizeof(CUlaunchConfig));
static_assert(offsetof(cuda::LaunchConfig, sharedBytes) ==
              offsetof(CUlaunchConfig, sharedMemBytes));
static_assert(offsetof(cuda::LaunchConfig, stream) == offsetof(CUlaunchConfig, hStream));
static_assert(offsetof(cuda::LaunchConfig, attributes) == offsetof(CUlaunchConfig, attrs));
static_assert(offsetof(cuda::LaunchConfig, numAttributes) == offsetof(CUlaunchConfig, numAttrs));
static_assert(sizeof(cuda::LaunchAttribute) == sizeof(CUlaunchAttribute));
static_assert(offsetof(cuda::LaunchAttribute, value) == offsetof(CUlaunchAttribute, value));
static_assert(sizeof(cuda::EncodedTensorMap) == sizeof(CUtensorMap));
static_assert(alignof(cuda::EncodedTensorMap) >= alignof(CUtensorMap));

TEST(DriverAbi, EnumerationsHaveNvidiasValues) {
#define EXPECT_SAME(own, nvidias) EXPECT_EQ(static_cast<int>(cuda::own), static_cast<int>(nvidias))
  EXPECT_SAME(kSuccess, CUDA_SUCCESS);
  EXPECT_SAME(kErrorInvalidValue, CUDA_ERROR_INVALID_VALUE);
  EXPECT_SAME(kErrorOutOfMemory, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_SAME(kErrorNoDevice, CUDA_ERROR_NO_DEVICE);
  EXPECT_SAME(kErrorInvalidDevice, CUDA_ERROR_INVALID_DEVICE);
  EXPECT_SAME(kErrorNoBinaryForGpu, CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_SAME(kAttributeClockRate, CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
  EXPECT_SAME(kAttributeMultiprocessorCount, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  EXPECT_SAME(kAttributeMemoryClockRate, CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE);
  EXPECT_SAME(kAttributeMemoryBusWidth, CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH);
  EXPECT_SAME(kAttributeL2CacheSize, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
  EXPECT_SAME(kAttributeComputeCapabilityMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  EXPECT_SAME(kAttributeComputeCapabilityMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  EXPECT_SAME(kAttributeMaxSharedMemoryPerMultiprocessor,
              CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
  EXPECT_SAME(kAttributeMaxSharedMemoryPerBlockOptin,
              CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  EXPECT_SAME(kFunctionMaxThreadsPerBlock, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
  EXPECT_SAME(kFunctionSharedSizeBytes, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
  EXPECT_SAME(kFunctionNumRegs, CU_FUNC_ATTRIBUTE_NUM_REGS);
  EXPECT_SAME(kFunctionMaxDynamicSharedSizeBytes, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
  EXPECT_SAME(kFunctionNonPortableClusterSizeAllowed,
              CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED);
  EXPECT_SAME(kPointerMemoryType, CU_POINTER_ATTRIBUTE_MEMORY_TYPE);
  EXPECT_SAME(kPointerDeviceOrdinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL);
  EXPECT_SAME(kCaptureThreadLocal, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  EXPECT_SAME(kCaptureRelaxed, CU_STREAM_CAPTURE_MODE_RELAXED);
  EXPECT_SAME(kEventDisableTiming, CU_EVENT_DISABLE_TIMING);
  EXPECT_SAME(kStreamNonBlocking, CU_STREAM_NON_BLOCKING);
  EXPECT_SAME(kLaunchClusterDimension, CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION);
  EXPECT_SAME(kLaunchProgrammaticStreamSerialization,
              CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
  EXPECT_SAME(kTensorMapUint8, CU_TENSOR_MAP_DATA_TYPE_UINT8);
  EXPECT_SAME(kTensorMapInt32, CU_TENSOR_MAP_DATA_TYPE_INT32);
  EXPECT_SAME(kTensorMapInt64, CU_TENSOR_MAP_DATA_TYPE_INT64);
  EXPECT_SAME(kTensorMapFloat16, CU_TENSOR_MAP_DATA_TYPE_FLOAT16);
  EXPECT_SAME(kTensorMapFloat32, CU_TENSOR_MAP_DATA_TYPE_FLOAT32);
  EXPECT_SAME(kTensorMapFloat64, CU_TENSOR_MAP_DATA_TYPE_FLOAT64);
  EXPECT_SAME(kTensorMapBfloat16, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16);
  EXPECT_EQ(CU_TENSOR_MAP_SWIZZLE_128B, 3);
  EXPECT_EQ(CU_TENSOR_MAP_L2_PROMOTION_L2_256B, 3);
  EXPECT_EQ(CU_MEMORYTYPE_DEVICE, 2);
#undef EXPECT_SAME
}

#else

TEST(DriverAbi, EnumerationsHaveNvidiasValues) { GTEST_SKIP() << "no cuda.h"; }

#endif
