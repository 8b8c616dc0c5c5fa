//===- VariantSource.h - Where the variants of a block come from ----------===//

#ifndef MOEC_RUNTIME_SERVE_VARIANTSOURCE_H
#define MOEC_RUNTIME_SERVE_VARIANTSOURCE_H

#include "runtime/Package/PackageIO.h"

#include <functional>

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

/// Makes the variants of one block. Thread-safe: the variants are made by several threads at once.
class VariantSource {
public:
  virtual ~VariantSource() = default;
  /// In order of T; together they cover every T >= 0 once. All have the same arguments.
  virtual const std::vector<PlannedVariant> &plan() const = 0;
  /// The code of variant `index` for the planned manifest. `progress` is called with the number of
  /// kernels that are done, one call at a time.
  virtual Result<MadeVariant> make(size_t index, const std::function<void(size_t)> &progress) = 0;
};

} // namespace moert

#endif // MOEC_RUNTIME_SERVE_VARIANTSOURCE_H
