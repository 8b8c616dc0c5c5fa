//===- ManifestNames.h - How the manifest spells its enumerations ---------===//

#ifndef MOEC_RUNTIME_PACKAGE_MANIFESTNAMES_H
#define MOEC_RUNTIME_PACKAGE_MANIFESTNAMES_H

#include "runtime/Package/Manifest.h"

namespace moert {

inline constexpr unsigned kNumParameterKinds = 3;
constexpr std::string_view name(ParameterKind kind) {
  constexpr std::string_view kNames[] = {"pointer", "i32", "tensormap"};
  return kNames[static_cast<unsigned>(kind)];
}

inline constexpr unsigned kNumSwizzles = 4;
constexpr std::string_view name(TensorMap::Swizzle swizzle) {
  constexpr std::string_view kNames[] = {"none", "32b", "64b", "128b"};
  return kNames[static_cast<unsigned>(swizzle)];
}

inline constexpr unsigned kNumL2Promotions = 4;
constexpr std::string_view name(TensorMap::L2Promotion promotion) {
  constexpr std::string_view kNames[] = {"none", "64b", "128b", "256b"};
  return kNames[static_cast<unsigned>(promotion)];
}

} // namespace moert

#endif // MOEC_RUNTIME_PACKAGE_MANIFESTNAMES_H
