//===- Nearest.cpp - Why a key is not in the cache ------------------------===//

#include "runtime/Cache/Nearest.h"

#include <fmt/format.h>

#include <map>

namespace moert {

static std::vector<PartDifference> compare(const CacheKey &key, std::string_view stored) {
  std::map<std::string_view, std::pair<std::string_view, std::string_view>> values;
  std::vector<std::string_view> order;
  auto slot = [&](std::string_view part) -> auto & {
    if (!values.contains(part))
      order.push_back(part);
    return values[part];
  };
  for (const auto &[part, value] : keyParts(key.text))
    slot(part).first = value;
  for (const auto &[part, value] : keyParts(stored))
    slot(part).second = value;
  std::vector<PartDifference> result;
  for (std::string_view part : order)
    if (const auto &[wanted, got] = values[part];
        wanted != got && (key.isExact() || part != kToolchainPart))
      result.push_back({std::string(part), std::string(wanted), std::string(got)});
  return result;
}

NearestEntry findNearest(const std::vector<const Store *> &stores, const CacheKey &key) {
  NearestEntry nearest;
  std::string prefix(1, static_cast<char>(key.kind));
  for (const Store *store : stores)
    for (const StoredFile &file : store->list(prefix)) {
      std::optional<std::string> stored = store->readKey(file.name);
      if (!stored)
        continue;
      std::vector<PartDifference> differences = compare(key, *stored);
      if (nearest.name.empty() || differences.size() < nearest.differences.size())
        nearest = {file.name, std::move(differences)};
    }
  return nearest;
}

std::string describe(const NearestEntry &nearest) {
  if (nearest.name.empty())
    return "the cache holds no entry of this kind";
  std::string text = "the nearest entry differs in";
  for (const PartDifference &difference : nearest.differences)
    text += fmt::format("{} {} (wanted {}, stored {})",
                        &difference == &nearest.differences.front() ? "" : ",", difference.part,
                        difference.wanted.empty() ? "none" : difference.wanted,
                        difference.stored.empty() ? "none" : difference.stored);
  return text;
}

} // namespace moert
