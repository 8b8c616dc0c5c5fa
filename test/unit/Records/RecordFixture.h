// A record to start from.
#ifndef MOEC_TEST_UNIT_RECORDS_RECORDFIXTURE_H
#define MOEC_TEST_UNIT_RECORDS_RECORDFIXTURE_H

#include "compiler/Records/Records.h"

#include <gtest/gtest.h>

namespace moec::test {

inline const char *const kTile160 =
    "wgmma_swapped, block_m = 160, block_n = 256, block_k = 64, stages = 4, token_step = 16, "
    "cooperative = true, dynamic = true, weights = evict_last";

inline Record sampleRecord(int64_t tokens = 1024) {
  Record record;
  record.key = {"bf16: experts=8; experts=8", "uniform", "any", CombineMode::Ordered, "Card", 132, "sm_90a"};
  record.environment = {"0.1.0",  "13.0.88", "13.0", "1980 MHz, memory 2619 MHz",
                        "2026-01-01T00:00:00Z", "quick"};
  record.tokens = tokens;
  record.schedules = {kTile160, kTile160};
  record.microseconds = 95;
  record.defaultMicroseconds = 100;
  return record;
}

} // namespace moec::test

#endif // MOEC_TEST_UNIT_RECORDS_RECORDFIXTURE_H
