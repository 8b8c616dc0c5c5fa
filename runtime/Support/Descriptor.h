//===- Descriptor.h - A file descriptor that closes itself ----------------===//

#ifndef MOEC_RUNTIME_SUPPORT_DESCRIPTOR_H
#define MOEC_RUNTIME_SUPPORT_DESCRIPTOR_H

#include <utility>

#include <unistd.h>

namespace moert {

/// Owns a file descriptor; -1 is none.
class Descriptor {
public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(Descriptor &&other) noexcept : fd(std::exchange(other.fd, -1)) {}
  Descriptor &operator=(Descriptor &&other) noexcept {
    std::swap(fd, other.fd);
    return *this;
  }
  ~Descriptor() {
    if (fd >= 0)
      ::close(fd);
  }
  int get() const { return fd; }
  bool isOpen() const { return fd >= 0; }
  /// Gives the descriptor to another owner.
  int release() { return std::exchange(fd, -1); }
  /// Closes now; a delayed write error of a network file system shows up here.
  bool close() { return ::close(std::exchange(fd, -1)) == 0; }

private:
  int fd = -1;
};

} // namespace moert

#endif // MOEC_RUNTIME_SUPPORT_DESCRIPTOR_H
