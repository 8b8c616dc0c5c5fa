//===- VariantSource.h - Where the variants of a block come from ----------===//

#ifndef MOEC_RUNTIME_SERVE_VARIANTSOURCE_H
#define MOEC_RUNTIME_SERVE_VARIANTSOURCE_H

#include "runtime/Package/PackageIO.h"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace moert {

/// What one variant will be, known before any of its code is compiled. Its package serves every T:
/// it was made for those in [minTokens, maxTokens].
struct PlannedVariant {
  int64_t minTokens = 0;
  int64_t maxTokens = -1; ///< inclusive; -1: unbounded
  Manifest manifest;      ///< of the package that `VariantSource::make` gives
};

/// What `VariantSource::make` gives.
struct MadeVariant {
  Package package;
  unsigned cachedKernels = 0; ///< of its kernels, those that were not compiled
};

/// How to search for a faster build.
struct TuneRequest {
  std::string tool;    ///< the program that measures; empty: the one installed beside the library
  double seconds = 0;  ///< for one token count; 0: until the search comes to its end
  bool isFull = false; ///< whether to try more
};

/// A faster build than the planned one, for some of its tokens.
struct TunedVariant {
  int64_t minTokens = 0, maxTokens = 0; ///< inclusive
  MadeVariant made;                     ///< its package serves every T
};

/// Makes the variants of one block. Thread-safe: the variants are made by several threads at once.
class VariantSource {
public:
  virtual ~VariantSource() = default;
  /// In order of T; together they cover every T >= 0 once. All have the same arguments.
  virtual const std::vector<PlannedVariant> &plan() const = 0;
  /// The code of variant `index` for the planned manifest. `progress` is called with the number of
  /// kernels that are done, one call at a time.
  virtual Result<MadeVariant> make(size_t index, const std::function<void(size_t)> &progress) = 0;

  /// Why `tune` cannot do what is requested, as far as that can be told at once.
  virtual Status checkTuning(const TuneRequest &) const {
    return Status(StatusCode::Unsupported, "expects a block that can be tuned");
  }
  /// What measuring finds for T = `tokens` and the counts around it; nothing where the planned
  /// variant is the fastest, or was tuned already. Takes as long as the request allows; one call at
  /// a time. Gives up soon after a stop is requested.
  virtual Result<std::optional<TunedVariant>> tune(int64_t, const TuneRequest &, std::stop_token) {
    return std::optional<TunedVariant>();
  }
};

} // namespace moert

#endif // MOEC_RUNTIME_SERVE_VARIANTSOURCE_H
