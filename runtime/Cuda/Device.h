//===- Device.h - A CUDA device and its primary context -------------------===//

#ifndef MOEC_RUNTIME_CUDA_DEVICE_H
#define MOEC_RUNTIME_CUDA_DEVICE_H

#include "runtime/Cuda/DriverApi.h"

#include <memory>
#include <string>

namespace moert::cuda {

/// What the driver says about a device.
struct DeviceProperties {
  int ordinal = 0;
  std::string name;
  int ccMajor = 0, ccMinor = 0; ///< compute capability
  int smCount = 0;
  uint64_t memoryBytes = 0;
  uint64_t l2Bytes = 0;
  uint64_t sharedBytesPerBlock = 0; ///< the most that a block can opt in to
  uint64_t sharedBytesPerSm = 0;
  double smClockGHz = 0;     ///< peak; 0 where the driver does not tell
  double memoryClockGHz = 0; ///< peak; 0 where the driver does not tell
  int memoryBusBits = 0;
  int driverVersion = 0; ///< of CUDA, such as 13000
};

/// A device whose primary context is retained for the life of this object. The primary context is
/// the one that the CUDA runtime, and so PyTorch, uses. Immutable and thread-safe.
class Device {
public:
  /// NoDevice where there is no driver or no device of that ordinal.
  static Result<std::shared_ptr<const Device>> open(int ordinal);
  /// How many devices there are; 0 where there is no driver.
  static int count();

  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;
  ~Device();

  const DriverApi &api() const { return driver; }
  const DeviceProperties &properties() const { return props; }
  ContextHandle context() const { return primary; }
  /// The architecture name without suffix, such as "sm_90".
  std::string architecture() const;

private:
  Device(const DriverApi &driver, DeviceHandle handle) : driver(driver), handle(handle) {}
  const DriverApi &driver;
  DeviceHandle handle;
  ContextHandle primary = nullptr;
  DeviceProperties props;
};

/// Makes the device's context current on this thread and restores the former one at the end. Costs
/// one query where it is current already.
class ContextScope {
public:
  explicit ContextScope(const Device &device);
  ContextScope(const ContextScope &) = delete;
  ContextScope &operator=(const ContextScope &) = delete;
  ~ContextScope();
  /// Whether the context could be made current.
  const Status &status() const { return result; }

private:
  const DriverApi &api;
  bool pushed = false;
  Status result;
};

/// Lets this thread load, unload and allocate while another thread captures a graph in the global
/// mode, which would otherwise invalidate that capture.
class CaptureSafeScope {
public:
  explicit CaptureSafeScope(const DriverApi &api);
  CaptureSafeScope(const CaptureSafeScope &) = delete;
  CaptureSafeScope &operator=(const CaptureSafeScope &) = delete;
  ~CaptureSafeScope();

private:
  const DriverApi &api;
  CaptureMode mode = kCaptureRelaxed;
};

} // namespace moert::cuda

#endif // MOEC_RUNTIME_CUDA_DEVICE_H
