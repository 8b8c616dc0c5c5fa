//===- Module.cpp - A loaded cubin or PTX ---------------------------------===//

#include "runtime/Cuda/Module.h"

namespace moert::cuda {

Result<Module> Module::load(std::shared_ptr<const Device> device, const std::string &image) {
  const DriverApi &api = device->api();
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  CaptureSafeScope safe(api);
  ModuleHandle handle = nullptr;
  MOERT_RETURN_IF_ERROR(MOERT_CUDA(api, cuModuleLoadData, &handle, image.c_str()));
  return Module(std::move(device), handle);
}

Module::~Module() {
  if (!handle)
    return;
  ContextScope scope(*device);
  CaptureSafeScope safe(device->api());
  if (scope.status().isOk())
    device->api().cuModuleUnload(handle);
}

Result<FunctionHandle> Module::function(const std::string &symbol) const {
  const DriverApi &api = device->api();
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  CaptureSafeScope safe(api);
  FunctionHandle function = nullptr;
  MOERT_RETURN_IF_ERROR(MOERT_CUDA(api, cuModuleGetFunction, &function, handle, symbol.c_str()));
  // The driver loads functions lazily, at their first launch; a launch during a capture must not
  // load anything. Drivers before CUDA 12.4 load it when an attribute is read.
  if (api.cuFuncLoad)
    MOERT_RETURN_IF_ERROR(MOERT_CUDA(api, cuFuncLoad, function));
  int registers = 0;
  MOERT_RETURN_IF_ERROR(
      MOERT_CUDA(api, cuFuncGetAttribute, &registers, kFunctionNumRegs, function));
  return function;
}

} // namespace moert::cuda
