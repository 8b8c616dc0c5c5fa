//===- Module.h - A loaded cubin or PTX -----------------------------------===//

#ifndef MOEC_RUNTIME_CUDA_MODULE_H
#define MOEC_RUNTIME_CUDA_MODULE_H

#include "runtime/Cuda/Device.h"

#include <memory>
#include <string>
#include <utility>

namespace moert::cuda {

/// Code in a device's primary context; unloads itself. Graphs that were captured with its functions
/// must not be launched any more once it is gone.
class Module {
public:
  /// Loads a cubin, or PTX which the driver then compiles. PTX must end in a NUL, which
  /// std::string gives.
  static Result<Module> load(std::shared_ptr<const Device> device, const std::string &image);

  Module(Module &&other) noexcept
      : device(std::move(other.device)), handle(std::exchange(other.handle, nullptr)) {}
  Module &operator=(Module &&other) noexcept {
    std::swap(device, other.device);
    std::swap(handle, other.handle);
    return *this;
  }
  ~Module();

  /// The kernel of that symbol, loaded onto the device, so that its first launch loads nothing.
  Result<FunctionHandle> function(const std::string &symbol) const;

private:
  Module(std::shared_ptr<const Device> device, ModuleHandle handle)
      : device(std::move(device)), handle(handle) {}
  std::shared_ptr<const Device> device;
  ModuleHandle handle;
};

} // namespace moert::cuda

#endif // MOEC_RUNTIME_CUDA_MODULE_H
