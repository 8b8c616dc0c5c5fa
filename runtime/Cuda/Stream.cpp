//===- Stream.cpp - Streams, events and captured graphs -------------------===//

#include "runtime/Cuda/Stream.h"

namespace moert::cuda {

Result<Stream> Stream::create(std::shared_ptr<const Device> device) {
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  StreamHandle handle = nullptr;
  MOERT_RETURN_IF_ERROR(MOERT_CUDA(device->api(), cuStreamCreate, &handle, kStreamNonBlocking));
  return Stream(std::move(device), handle);
}

Stream::~Stream() {
  if (!stream)
    return;
  ContextScope scope(*dev);
  if (scope.status().isOk())
    dev->api().cuStreamDestroy_v2(stream);
}

Status Stream::synchronize() const {
  ContextScope scope(*dev);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  return MOERT_CUDA(dev->api(), cuStreamSynchronize, stream);
}

Result<Event> Event::create(std::shared_ptr<const Device> device) {
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  EventHandle handle = nullptr;
  MOERT_RETURN_IF_ERROR(MOERT_CUDA(device->api(), cuEventCreate, &handle, kEventDefault));
  return Event(std::move(device), handle);
}

Event::~Event() {
  if (!event)
    return;
  ContextScope scope(*device);
  if (scope.status().isOk())
    device->api().cuEventDestroy_v2(event);
}

Status Event::record(const Stream &stream) const {
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  return MOERT_CUDA(device->api(), cuEventRecord, event, stream.handle());
}

Status Event::synchronize() const {
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  return MOERT_CUDA(device->api(), cuEventSynchronize, event);
}

Result<float> Event::millisecondsSince(const Event &begin) const {
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  float milliseconds = 0;
  MOERT_RETURN_IF_ERROR(
      MOERT_CUDA(device->api(), cuEventElapsedTime, &milliseconds, begin.event, event));
  return milliseconds;
}

Result<Graph> Graph::capture(const Stream &stream, const std::function<Status()> &body) {
  std::shared_ptr<const Device> device = stream.device();
  const DriverApi &api = device->api();
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  MOERT_RETURN_IF_ERROR(
      MOERT_CUDA(api, cuStreamBeginCapture_v2, stream.handle(), kCaptureThreadLocal));
  Status bodyStatus = body();
  GraphHandle captured = nullptr;
  Status endStatus = MOERT_CUDA(api, cuStreamEndCapture, stream.handle(), &captured);
  GraphExecHandle executable = nullptr;
  Status status = std::move(bodyStatus);
  if (status.isOk())
    status = std::move(endStatus);
  if (status.isOk())
    status = MOERT_CUDA(api, cuGraphInstantiateWithFlags, &executable, captured, 0);
  if (captured)
    api.cuGraphDestroy(captured);
  MOERT_RETURN_IF_ERROR(std::move(status));
  return Graph(std::move(device), executable);
}

Graph::~Graph() {
  if (!executable)
    return;
  ContextScope scope(*device);
  if (scope.status().isOk())
    device->api().cuGraphExecDestroy(executable);
}

Status Graph::launch(StreamHandle stream) const {
  ContextScope scope(*device);
  MOERT_RETURN_IF_ERROR(Status(scope.status()));
  return MOERT_CUDA(device->api(), cuGraphLaunch, executable, stream);
}

} // namespace moert::cuda
