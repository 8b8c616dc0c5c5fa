//===- ServedBlock.h - A block that is launched while its variants come ---===//
//
// What a host holds. A block of a package has all its variants from the start; one with a
// VariantSource gets them when it is asked to prepare, on background threads. A launch takes the
// variant of its T by an atomic load, so that a variant that becomes ready serves the next launch,
// and so does a faster one that tuning finds. Nothing is ever compiled or loaded inside a launch.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_SERVE_SERVEDBLOCK_H
#define MOEC_RUNTIME_SERVE_SERVEDBLOCK_H

#include "runtime/Exec/LaunchPlan.h"
#include "runtime/Exec/LoadedPackage.h"
#include "runtime/Serve/Replays.h"
#include "runtime/Serve/VariantSource.h"
#include "runtime/Serve/Workers.h"

#include <atomic>
#include <memory>

namespace moert {

/// What a launch does while the variant of its T is not ready. The values are those of
/// `moec_policy`.
enum class MissPolicy : int {
  Wait = 0,     ///< waits until it is, and begins to prepare it where nobody has
  Fallback = 1, ///< runs another variant that is ready and lets this one be prepared meanwhile
  Strict = 2,   ///< fails with CacheMiss
};

/// The values are those of `moec_variant_state`.
enum class VariantState : int { Absent = 0, Preparing = 1, Ready = 2, Failed = 3 };

/// What happened since the block was opened.
struct ServeCounters {
  uint64_t launches = 0;  ///< that put the block on a stream
  uint64_t fallbacks = 0; ///< of these, with the variant of another T
  uint64_t waits = 0;     ///< launches that waited for their variant
  uint64_t misses = 0;    ///< launches that failed because their variant was not ready
  uint64_t prepared = 0;  ///< variants that became ready
  uint64_t failed = 0;    ///< attempts to prepare a variant that failed
  uint64_t compiledKernels = 0, cachedKernels = 0; ///< in the prepared variants
  uint64_t tuned = 0;      ///< faster builds that took the place of a variant
  uint64_t tuneFailed = 0; ///< token counts whose tuning failed
  uint64_t replays = 0;    ///< launches that were one call to the driver
};

/// Gets the steps done and all steps to do: the kernels, and the loading of each variant. One call
/// at a time, from any thread. All are done when nothing is left to do, also after a failure: 0 of
/// 0 where nothing was to do. Variants may be waiting for the thread that calls it, so nothing in
/// it waits for one: a launch that would fails with CacheMiss, and `prepare` with Usage.
using PrepareProgress = std::function<void(size_t done, size_t total)>;

/// Thread-safe.
class ServedBlock {
public:
  /// A block whose variants are all there.
  static std::shared_ptr<ServedBlock> of(std::shared_ptr<const LoadedPackage> package);
  /// A block whose variants `source` makes when they are wanted, on the threads of `workers`. It is
  /// tuned, which takes long and wants the device for itself, on the one thread of `tuners`; null:
  /// it cannot be.
  static Result<std::shared_ptr<ServedBlock>> open(std::shared_ptr<const cuda::Device> device,
                                                   std::unique_ptr<VariantSource> source,
                                                   std::shared_ptr<Workers> workers,
                                                   std::shared_ptr<Workers> tuners = nullptr);
  ServedBlock(const ServedBlock &) = delete;
  ServedBlock &operator=(const ServedBlock &) = delete;
  /// Waits for the variants that are being prepared; a search is broken off.
  ~ServedBlock();

  /// Arguments, names and target; the variants of one of the packages only.
  const Manifest &manifest() const { return plans.front().manifest; }
  const cuda::Device &device() const { return *openDevice; }
  int64_t maxTokens() const { return mostTokens; }
  Result<uint64_t> argumentBytes(size_t index, int64_t tokens) const;
  /// What a launch for T = `tokens` asks for, whichever variant serves it: never shrinks as T
  /// grows, and does not depend on what is ready.
  Result<uint64_t> workspaceBytes(int64_t tokens) const;

  struct VariantInfo {
    int64_t minTokens, maxTokens; ///< maxTokens inclusive
    bool deterministic;
    VariantState state;
  };
  size_t variantCount() const { return slotCount; }
  VariantInfo variant(size_t index) const;
  bool isReady(int64_t tokens) const;

  void setPolicy(MissPolicy policy) { missPolicy.store(policy, std::memory_order_relaxed); }
  /// How many different launches are kept as graphs, so that repeating one is a single call to the
  /// driver; 0, as in the beginning: none.
  void keepReplays(size_t launches) { replays->keep(launches); }
  ServeCounters counters() const;

  /// Makes the variants of all `tokens` ready (without any: all variants), those that failed before
  /// once more. With `wait` it returns when they are, or with the first failure; else at once, and
  /// `progress` may be called until the block is destroyed. Where nothing is to do, it is called
  /// once before this returns.
  Status prepare(std::span<const int64_t> tokens, bool wait, PrepareProgress progress);

  /// Searches in the background for faster builds at these token counts, one after the other, and
  /// lets launches of the counts around each take what was found. `request.seconds` are for all
  /// together. `progress` gets the counts that are done and may be called until the block is
  /// destroyed. Fails, with nothing begun, where nothing can be searched.
  Status tune(std::span<const int64_t> tokens, TuneRequest request, PrepareProgress progress);

  /// See LoadedPackage::launch, whose promises hold here too. CacheMiss where the variant is not
  /// ready and the policy does not help; also while `stream` is being captured, which stays valid:
  /// a graph must not keep a fallback, and its capture must not wait for a compiler.
  Status launch(int64_t tokens, std::span<const cuda::DevicePtr> tensors,
                cuda::DevicePtr workspace, uint64_t workspaceBytes, cuda::StreamHandle stream);

private:
  /// The manifest of one package that launches may use.
  struct Plan {
    Manifest manifest;
    WorkspaceNeed workspace;
  };
  struct Watch;
  /// What sufficed for a token count, and so for fewer: the need grows with T. Asking all variants
  /// takes longer than the launch. One word, so that both halves are of the same launch.
  class EnoughWorkspace {
    static constexpr unsigned kTokenBits = 24, kUnitBits = 64 - kTokenBits;
    static constexpr uint64_t kUnit = kWorkspaceAlignment;
    uint64_t word = ~uint64_t(0) >> kTokenBits; ///< nothing yet: more than anyone has

  public:
    EnoughWorkspace() = default;
    EnoughWorkspace(int64_t tokens, uint64_t bytes) {
      if (tokens < int64_t(1) << kTokenBits && bytes / kUnit + 1 < uint64_t(1) << kUnitBits)
        word = uint64_t(tokens) << kUnitBits | (bytes + kUnit - 1) / kUnit;
    }
    bool covers(int64_t tokens, uint64_t bytes) const {
      return tokens <= int64_t(word >> kUnitBits) &&
             bytes / kUnit >= (word & ~uint64_t(0) >> kTokenBits);
    }
  };

  struct Slot {
    int64_t minTokens = 0, maxTokens = 0;
    bool deterministic = true;
    size_t kernels = 0;
    uint64_t enoughWorkspace = 0; ///< for every T up to maxTokens
    /// At a launch before.
    std::atomic<EnoughWorkspace> sufficed{EnoughWorkspace()};
    std::atomic<const LoadedPackage *> ready{nullptr};
    // Under the mutex.
    VariantState state = VariantState::Absent;
    Status failure;
    size_t stepsDone = 0;
    std::vector<std::shared_ptr<Watch>> watches;
    size_t steps() const { return kernels + 1; } ///< and the loading
  };

  /// Builds that tuning found, by disjoint intervals of token counts. Never changed once launches
  /// may see it.
  struct Tuned {
    int64_t minTokens, maxTokens; ///< inclusive
    const LoadedPackage *package;
  };
  using TunedTable = std::vector<Tuned>;
  struct Search;

  ServedBlock() = default;
  Status adopt(std::vector<Plan> plans);
  size_t slotFor(int64_t tokens) const;
  Status checkTokens(int64_t tokens) const;
  // Off the fast path: ServedBlockMiss.cpp.
  Result<const LoadedPackage *> miss(size_t index, int64_t tokens, cuda::StreamHandle stream);
  Status missing(size_t index, int64_t tokens, const char *why);
  static void tell(const PrepareProgress &progress, size_t done, size_t total);
  static bool isTelling();
  const LoadedPackage *nearestReady(size_t index) const;
  bool isCapturing(cuda::StreamHandle stream) const;
  void begin(size_t index);
  void makeReady(size_t index);
  void step(size_t index, size_t stepsDone);
  size_t takeSteps(Slot &slot, size_t stepsDone);
  Result<std::shared_ptr<const LoadedPackage>> makeAndLoad(size_t index);
  // Faster builds: ServedBlockTune.cpp.
  const LoadedPackage *findTuned(int64_t tokens) const;
  void tuneOne(Search &search, int64_t tokens);
  Status findFaster(int64_t tokens, const TuneRequest &request);
  Result<bool> fitsWorkspace(const TunedVariant &variant, const LoadedPackage &package) const;
  void swapIn(const TunedVariant &variant, std::shared_ptr<const LoadedPackage> package);

  std::shared_ptr<const cuda::Device> openDevice;
  std::unique_ptr<VariantSource> source; ///< null: all variants are there
  std::shared_ptr<Workers> workers, tuners;
  std::stop_source closing; ///< of what is tuned
  std::vector<Plan> plans;
  int64_t mostTokens = 0;
  size_t slotCount = 0;
  std::unique_ptr<Slot[]> slots;
  std::atomic<const TunedTable *> tuned{nullptr};

  std::atomic<MissPolicy> missPolicy{MissPolicy::Wait};
  std::atomic<uint64_t> launches{0}, fallbacks{0}, waits{0}, misses{0};
  mutable std::mutex mutex;
  std::condition_variable changed;
  ServeCounters counted; ///< the rest of the counters; under the mutex
  /// Everything that was ever ready, as a graph may hold it; under the mutex.
  std::vector<std::shared_ptr<const LoadedPackage>> packages;
  /// Every table that `tuned` ever was, as a launch may be reading it; under the mutex.
  std::vector<std::unique_ptr<const TunedTable>> tables;
  std::unique_ptr<Replays> replays; ///< goes before the packages
};

} // namespace moert

#endif // MOEC_RUNTIME_SERVE_SERVEDBLOCK_H
