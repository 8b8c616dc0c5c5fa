//===- Device.cpp - A CUDA device and its primary context -----------------===//

#include "runtime/Cuda/Device.h"

#include <fmt/format.h>

namespace moert::cuda {

int Device::count() {
  Result<const DriverApi *> api = DriverApi::load();
  int number = 0;
  if (!api || (*api)->cuDeviceGetCount(&number) != kSuccess)
    return 0;
  return number;
}

static Result<DeviceProperties> readProperties(const DriverApi &api, DeviceHandle handle,
                                               int ordinal) {
  DeviceProperties props;
  props.ordinal = ordinal;
  props.driverVersion = api.version;
  char deviceName[256] = {};
  MOERT_RETURN_IF_ERROR(
      MOERT_CUDA(api, cuDeviceGetName, deviceName, sizeof deviceName - 1, handle));
  props.name = deviceName;
  size_t memory = 0;
  MOERT_RETURN_IF_ERROR(MOERT_CUDA(api, cuDeviceTotalMem_v2, &memory, handle));
  props.memoryBytes = memory;

  int l2 = 0, sharedPerBlock = 0, sharedPerSm = 0;
  struct {
    DeviceAttribute attribute;
    int *value;
  } const required[] = {
      {kAttributeComputeCapabilityMajor, &props.ccMajor},
      {kAttributeComputeCapabilityMinor, &props.ccMinor},
      {kAttributeMultiprocessorCount, &props.smCount},
      {kAttributeL2CacheSize, &l2},
      {kAttributeMaxSharedMemoryPerBlockOptin, &sharedPerBlock},
      {kAttributeMaxSharedMemoryPerMultiprocessor, &sharedPerSm},
  };
  for (const auto &[attribute, value] : required)
    MOERT_RETURN_IF_ERROR(MOERT_CUDA(api, cuDeviceGetAttribute, value, attribute, handle));
  props.l2Bytes = static_cast<uint64_t>(l2);
  props.sharedBytesPerBlock = static_cast<uint64_t>(sharedPerBlock);
  props.sharedBytesPerSm = static_cast<uint64_t>(sharedPerSm);

  // Clocks are for information; a driver that no longer tells them is no failure.
  int smKHz = 0, memoryKHz = 0;
  (void)api.cuDeviceGetAttribute(&smKHz, kAttributeClockRate, handle);
  (void)api.cuDeviceGetAttribute(&memoryKHz, kAttributeMemoryClockRate, handle);
  (void)api.cuDeviceGetAttribute(&props.memoryBusBits, kAttributeMemoryBusWidth, handle);
  props.smClockGHz = smKHz * 1e-6;
  props.memoryClockGHz = memoryKHz * 1e-6;
  return props;
}

Result<std::shared_ptr<const Device>> Device::open(int ordinal) {
  MOERT_ASSIGN_OR_RETURN(const DriverApi *api, DriverApi::load());
  int number = 0;
  MOERT_RETURN_IF_ERROR(MOERT_CUDA(*api, cuDeviceGetCount, &number));
  if (ordinal < 0 || ordinal >= number)
    return Status(StatusCode::NoDevice,
                  fmt::format("expects a device ordinal below {}, but got {}", number, ordinal));
  DeviceHandle handle = 0;
  MOERT_RETURN_IF_ERROR(MOERT_CUDA(*api, cuDeviceGet, &handle, ordinal));
  std::shared_ptr<Device> device(new Device(*api, handle));
  MOERT_ASSIGN_OR_RETURN(device->props, readProperties(*api, handle, ordinal));
  CaptureSafeScope safe(*api);
  MOERT_RETURN_IF_ERROR(MOERT_CUDA(*api, cuDevicePrimaryCtxRetain, &device->primary, handle));
  return std::shared_ptr<const Device>(std::move(device));
}

Device::~Device() {
  if (primary)
    driver.cuDevicePrimaryCtxRelease_v2(handle);
}

std::string Device::architecture() const {
  return fmt::format("sm_{}{}", props.ccMajor, props.ccMinor);
}

ContextScope::ContextScope(const Device &device) : api(device.api()) {
  ContextHandle current = nullptr;
  result = MOERT_CUDA(api, cuCtxGetCurrent, &current);
  if (!result.isOk() || current == device.context())
    return;
  result = MOERT_CUDA(api, cuCtxPushCurrent_v2, device.context());
  pushed = result.isOk();
}

ContextScope::~ContextScope() {
  ContextHandle popped = nullptr;
  if (pushed)
    api.cuCtxPopCurrent_v2(&popped);
}

CaptureSafeScope::CaptureSafeScope(const DriverApi &api) : api(api) {
  api.cuThreadExchangeStreamCaptureMode(&mode);
}

CaptureSafeScope::~CaptureSafeScope() { api.cuThreadExchangeStreamCaptureMode(&mode); }

} // namespace moert::cuda
