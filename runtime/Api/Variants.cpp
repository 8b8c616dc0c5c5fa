//===- Variants.cpp - The C interface: variants, preparing and tuning them -===//

#include "runtime/Api/Handles.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace moert;
using namespace moert::api;

static_assert(MOEC_POLICY_STRICT == static_cast<int>(MissPolicy::Strict));
static_assert(MOEC_VARIANT_FAILED == static_cast<int>(VariantState::Failed));

extern "C" {

size_t moec_package_variant_count(const moec_package *package) {
  return package ? package->block->variantCount() : 0;
}

moec_status moec_package_variant(const moec_package *package, size_t index, moec_variant *variant,
                                 moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE(variant);
  if (size_t count = package->block->variantCount(); index >= count)
    return report(Status(StatusCode::Usage,
                         fmt::format("expects a variant index below {}, but got {}", count, index)),
                  error);
  ServedBlock::VariantInfo info = package->block->variant(index);
  *variant = {info.minTokens, info.maxTokens, info.deterministic ? 1 : 0,
              static_cast<moec_variant_state>(info.state)};
  return report(Status::ok(), error);
}

int32_t moec_package_is_ready(const moec_package *package, int64_t tokens) {
  return package && package->block->isReady(tokens) ? 1 : 0;
}

moec_status moec_package_prepare(moec_package *package, const int64_t *tokens, size_t count,
                                 moec_prepare_mode mode, moec_progress_callback progress,
                                 void *user, moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE_ARRAY(tokens, count);
  if (mode != MOEC_PREPARE_WAIT && mode != MOEC_PREPARE_BACKGROUND)
    return report(Status(StatusCode::Usage,
                         fmt::format("expects a moec_prepare_mode, but got {}", int(mode))),
                  error);
  PrepareProgress callback;
  if (progress)
    callback = [=](size_t done, size_t total) { progress(done, total, user); };
  return report(package->block->prepare(std::span(tokens, count), mode == MOEC_PREPARE_WAIT,
                                        std::move(callback)),
                error);
}

moec_status moec_package_tune(moec_package *package, const int64_t *tokens, size_t count,
                              const moec_tune_options *options, moec_progress_callback progress,
                              void *user, moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE_ARRAY(tokens, count);
  moec_tune_options given = {};
  if (options) {
    if (Status status = checkStructSize(options->size, sizeof given, "moec_tune_options");
        !status.isOk())
      return report(std::move(status), error);
    std::memcpy(&given, options, options->size);
  }
  if (!std::isfinite(given.budget_seconds) || given.budget_seconds < 0)
    return report(
        Status(StatusCode::Usage, fmt::format("expects a budget_seconds of 0 or more, but got {}",
                                              given.budget_seconds)),
        error);
  TuneRequest request;
  request.tool = given.tool ? given.tool : "";
  request.seconds = given.budget_seconds;
  request.isFull = given.full_effort != 0;
  PrepareProgress callback;
  if (progress)
    callback = [=](size_t done, size_t total) { progress(done, total, user); };
  return report(
      package->block->tune(std::span(tokens, count), std::move(request), std::move(callback)),
      error);
}

moec_status moec_package_set_policy(moec_package *package, moec_policy policy, moec_error **error) {
  MOEC_REQUIRE(package);
  if (policy < MOEC_POLICY_WAIT || policy > MOEC_POLICY_STRICT)
    return report(
        Status(StatusCode::Usage, fmt::format("expects a moec_policy, but got {}", int(policy))),
        error);
  package->block->setPolicy(static_cast<MissPolicy>(policy));
  return report(Status::ok(), error);
}

moec_status moec_package_keep_replays(moec_package *package, uint32_t launches,
                                      moec_error **error) {
  MOEC_REQUIRE(package);
  constexpr uint32_t kMostReplays = 4096;
  if (launches > kMostReplays)
    return report(Status(StatusCode::Usage, fmt::format("expects at most {} launches to keep, but "
                                                        "got {}",
                                                        kMostReplays, launches)),
                  error);
  package->block->keepReplays(launches);
  return report(Status::ok(), error);
}

moec_status moec_package_counters(const moec_package *package, moec_counters *counters,
                                  moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE(counters);
  const size_t size = counters->size;
  if (Status status = checkStructSize(size, sizeof *counters, "moec_counters"); !status.isOk())
    return report(std::move(status), error);
  ServeCounters now = package->block->counters();
  moec_counters result = {
      size,       now.launches,        now.fallbacks,     now.waits, now.misses,     now.prepared,
      now.failed, now.compiledKernels, now.cachedKernels, now.tuned, now.tuneFailed, now.replays};
  std::memcpy(counters, &result, size);
  return report(Status::ok(), error);
}

} // extern "C"
