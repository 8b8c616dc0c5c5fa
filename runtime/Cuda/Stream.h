//===- Stream.h - Streams, events and captured graphs ---------------------===//
//
// For tools, benchmarks and tests, and for launches that are replayed. The launch path works on the
// caller's stream.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_CUDA_STREAM_H
#define MOEC_RUNTIME_CUDA_STREAM_H

#include "runtime/Cuda/Device.h"

#include <functional>
#include <memory>
#include <utility>

namespace moert::cuda {

/// A non-blocking stream.
class Stream {
public:
  static Result<Stream> create(std::shared_ptr<const Device> device);
  Stream(Stream &&other) noexcept
      : dev(std::move(other.dev)), stream(std::exchange(other.stream, nullptr)) {}
  Stream &operator=(Stream &&other) noexcept {
    std::swap(dev, other.dev);
    std::swap(stream, other.stream);
    return *this;
  }
  ~Stream();

  StreamHandle handle() const { return stream; }
  const std::shared_ptr<const Device> &device() const { return dev; }
  /// Waits for all work; reports the errors of kernels.
  Status synchronize() const;

private:
  Stream(std::shared_ptr<const Device> device, StreamHandle stream)
      : dev(std::move(device)), stream(stream) {}
  std::shared_ptr<const Device> dev;
  StreamHandle stream;
};

/// A point in a stream, with a time.
class Event {
public:
  static Result<Event> create(std::shared_ptr<const Device> device);
  Event(Event &&other) noexcept
      : device(std::move(other.device)), event(std::exchange(other.event, nullptr)) {}
  Event &operator=(Event &&other) noexcept {
    std::swap(device, other.device);
    std::swap(event, other.event);
    return *this;
  }
  ~Event();

  Status record(const Stream &stream) const;
  Status synchronize() const;
  /// Milliseconds from `begin` to this event; both must have happened.
  Result<float> millisecondsSince(const Event &begin) const;

private:
  Event(std::shared_ptr<const Device> device, EventHandle event)
      : device(std::move(device)), event(event) {}
  std::shared_ptr<const Device> device;
  EventHandle event;
};

/// Work that was captured once and is launched as a whole.
class Graph {
public:
  /// Captures what `body` puts on `stream` and makes it executable. Where `body` fails, the capture
  /// is ended and its failure returned.
  static Result<Graph> capture(const Stream &stream, const std::function<Status()> &body);
  Graph(Graph &&other) noexcept
      : device(std::move(other.device)), executable(std::exchange(other.executable, nullptr)) {}
  Graph &operator=(Graph &&other) noexcept {
    std::swap(device, other.device);
    std::swap(executable, other.executable);
    return *this;
  }
  ~Graph();

  Status launch(const Stream &stream) const { return launch(stream.handle()); }
  Status launch(StreamHandle stream) const;

private:
  Graph(std::shared_ptr<const Device> device, GraphExecHandle executable)
      : device(std::move(device)), executable(executable) {}
  std::shared_ptr<const Device> device;
  GraphExecHandle executable;
};

} // namespace moert::cuda

#endif // MOEC_RUNTIME_CUDA_STREAM_H
