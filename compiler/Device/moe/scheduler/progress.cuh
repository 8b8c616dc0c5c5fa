// Two matmuls in a row, the second of which takes rows that the first has stored while the first
// still runs: so its blocks start where those of the first run out of tiles.
//
// Tiles come in the order of their rows, band by band. The first matmul reports two parts of them,
// each with a counter that is zero at launch: the rows before the band in the middle of its map,
// and the rest; or, where experts come by size and tiles from both ends, the rows of all experts
// but the late ones, and of these. A block reports a part when its last tile of it is in memory, in
// units of eight columns of a row, so that R rows of N columns are there once the counter is R * N
// / 8. More parts would cost a fence each, which holds up the loads of the thread that waits for it
// by about a microsecond, and would help no one: what is left to the end are the last tiles of each
// block.
//
// A third word says that the first matmul has begun, and with it that what came before is done. A
// kernel that does not wait for the grids before it has no other way to know: its multiprocessor's
// first-level cache may hold what memory held before they wrote.
#pragma once
#include "moe/ptx/ld_st.cuh"
#include "moe/ptx/mbarrier.cuh"
#include "moe/scheduler/persistent.cuh"

namespace moe {

/// By one thread of a matmul that reports, before it lets the next kernel start.
MOE_DEVICE void report_begin(u32 *counters) { ptx::st_release_gpu(counters + kProgressBegun, 1); }

/// By one thread of the next kernel's blocks, before any of theirs reads what a kernel wrote.
MOE_DEVICE void wait_begin(const u32 *counters, u32 failure_flag) {
  bounded_wait([&] { return ptx::ld_acquire_gpu(counters + kProgressBegun) == 1; }, failure_flag);
}

/// Of a map's rows: those of the first part, and all.
struct MapParts {
  int first, rows;
  bool by_size; ///< the first part is not what comes first, but what does not come late

  MOE_DEVICE static MapParts of(const int4 *map, const u32 *counters) {
    const MapHead head = unpack_head(map[0].w);
    const int count = head.entries;
    if (count == 0)
      return {0, 0, false};
    if (head.both_ends)
      return {int(counters[kProgressEarlyRows]), int(counters[kProgressRows]), true};
    const int middle = count / 2;
    const int4 last = map[count - 1];
    return {map[middle - unpack_extent(map[middle].z).place].y, last.y + unpack_extent(last.z).rows,
            false};
  }
};

/// The report of a block's producers. One thread does it.
template <class Plan>
class ProgressReport {
  static constexpr u32 kThread = 96;
  u32 *counters_;
  /// Stored or being stored, not yet reported; kSecond if they are of the second part (one word,
  /// since producers have few registers).
  u32 units_ = 0;
  static constexpr u32 kSecond = 1u << 31;

  MOE_DEVICE void report() {
    if (const u32 units = units_ & ~kSecond; units != 0) {
      ptx::fence_gpu();
      ptx::red_add_u32(counters_ + (units_ >> 31), units);
    }
  }

public:
  /// The step of a tile by which the tile before has been stored, or nearly so.
  static constexpr int kStep =
      Plan::kCooperative ? min_of(Plan::kStages + 4, Plan::kSteps - 1) : Plan::kSteps - 1;

  MOE_DEVICE ProgressReport(u32 *counters, const int4 *map, const TileSlots<Plan> &slots)
      : counters_(counters) {
    if constexpr (Plan::kReports)
      if (threadIdx.x == kThread) {
        const MapParts parts = MapParts::of(map, counters);
        ptx::st_shared_4(slots.first_part(), u32(parts.by_size ? 0x7fffffff : parts.first));
      }
  }
  /// At step kStep of `tile`, which has been published; `slots` are at the tile before.
  MOE_DEVICE void count(const ProducedTile &tile, const TileSlots<Plan> &slots) {
    if constexpr (Plan::kReports) {
      if (threadIdx.x != kThread || tile.rows <= 0)
        return;
      const int first = int(ptx::ld_shared_4(slots.first_part()));
      const u32 part = tile.is_late() || tile.row_begin >= first ? kSecond : 0;
      if (((units_ ^ part) & kSecond) != 0) {
        slots.wait_empty();
        report();
        units_ = part;
      }
      const int columns =
          min_of(Plan::kTileColumns, Plan::kN - tile.plain().column_tile * Plan::kTileColumns);
      units_ += u32(tile.rows) * u32(columns / 8);
    }
  }
  /// Once all of the block's tiles have been stored.
  MOE_DEVICE void finish() {
    if constexpr (Plan::kReports)
      if (threadIdx.x == kThread)
        report();
  }
};

/// The other side: threads that ask the copy engine for rows wait until these are there.
template <class Plan>
class ProgressWait {
  static constexpr int kNotLate = -1; ///< the rows of experts that do not come late
  int there_ = 0;                     ///< rows that may be copied, or kNotLate

  static MOE_DEVICE void wait_part(const u32 *counter, int rows, u32 failure_flag) {
    const u32 units = u32(rows) * u32(Plan::kK / 8);
    bounded_wait([&] { return ptx::ld_relaxed_gpu(counter) == units; }, failure_flag);
  }

public:
  /// `counters` and `map` of the matmul that reports. The parts are looked up again each time that
  /// rows are missing, twice a block: to remember them would cost registers, and spills.
  MOE_DEVICE void wait(const u32 *counters, const int4 *map, const ProducedTile &tile,
                       u32 failure_flag) {
    if constexpr (Plan::kEarlyStart) {
      const int end = tile.row_begin + tile.rows;
      const bool late = !Plan::kBothEnds || tile.is_late();
      if (end <= there_ || (there_ == kNotLate && !late))
        return;
      const MapParts parts = MapParts::of(map, counters);
      wait_part(counters, parts.first, failure_flag);
      there_ = parts.by_size ? kNotLate : parts.first;
      if (parts.by_size ? late : end > there_) {
        wait_part(counters + 1, parts.rows - parts.first, failure_flag);
        there_ = parts.rows;
      }
      ptx::fence_gpu();
      ptx::proxy_fence_global();
    }
  }
};

} // namespace moe
