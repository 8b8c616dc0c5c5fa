//===- Replays.h - Launches that repeat, as CUDA graphs -------------------===//
//
// A launch costs the host one driver call a kernel. A host that decodes with the same buffers step
// after step makes the same launch again and again, and one driver call puts a graph of all its
// kernels on the stream. So the block can keep the graphs of its latest launches: the first launch
// of a kind goes to the stream as ever, the second is captured, and from then on it is replayed.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_SERVE_REPLAYS_H
#define MOEC_RUNTIME_SERVE_REPLAYS_H

#include "runtime/Cuda/Stream.h"
#include "runtime/Exec/LoadedPackage.h"

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

namespace moert {

/// Thread-safe. Must go before the packages whose launches it keeps.
class Replays {
public:
  explicit Replays(std::shared_ptr<const cuda::Device> device) : device(std::move(device)) {}

  /// Keeps up to `launches` different ones, the latest; 0, as in the beginning: none. Forgets what
  /// it kept.
  void keep(size_t launches);

  /// LoadedPackage::launch, or a replay of the same: the package, T, every address, the workspace
  /// and the stream. What was checked then is not checked again. A stream that is being captured
  /// gets the kernels. Allocates where a launch is seen for the second time.
  Status launch(const LoadedPackage &package, int64_t tokens,
                std::span<const cuda::DevicePtr> tensors, cuda::DevicePtr workspace,
                uint64_t workspaceBytes, cuda::StreamHandle stream);

  /// Launches that were replays.
  uint64_t replayed() const { return replays.load(std::memory_order_relaxed); }

private:
  /// Package, T, workspace, its size and stream; the tensors' addresses follow.
  static constexpr size_t kKeyHead = 5;
  /// All that tells one launch from another.
  struct Key {
    std::array<uint64_t, kKeyHead + kMaxArguments> words;
    size_t count;
    uint64_t hash;
  };
  struct Entry {
    std::vector<uint64_t> words; ///< of the key; empty: free
    uint64_t hash = 0, lastUse = 0;
    bool isPlain = false; ///< could not be captured
    std::optional<cuda::Graph> graph;
  };

  Entry *find(const Key &key);
  void remember(const Key &key);
  Result<cuda::Graph> capture(const LoadedPackage &package, int64_t tokens,
                              std::span<const cuda::DevicePtr> tensors, cuda::DevicePtr workspace,
                              uint64_t workspaceBytes);

  std::shared_ptr<const cuda::Device> device;
  std::atomic<size_t> limit{0};
  std::atomic<uint64_t> replays{0};
  std::mutex mutex;
  // Under the mutex.
  std::vector<Entry> entries;
  uint64_t uses = 0;
  std::optional<cuda::Stream> captureStream;
};

} // namespace moert

#endif // MOEC_RUNTIME_SERVE_REPLAYS_H
