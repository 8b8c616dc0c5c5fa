// The tiles of a persistent block: the producers walk them and pass each on to the consumers.
#pragma once
#include "moe/ptx/ld_st.cuh"
#include "moe/ptx/warpgroup.cuh"
#include "moe/scheduler/both_ends.cuh"
#include "moe/scheduler/raster.cuh"
#include "moe/tile/pipeline.cuh"

namespace moe {

/// A tile of results: rows [row_begin, row_begin + rows) of `expert`, column tile `column_tile`.
/// rows == 0: only other blocks of the cluster have rows of it; < 0: there are no more tiles.
struct Tile {
  int expert;
  int row_begin;
  int rows;
  int column_tile; ///< may lie behind the last one, where a cluster deals an odd number of them
};

/// A tile as its producers know it: whether the blocks of a cluster load its weights for each
/// other, and whether its expert comes late. In the words of the column tile and of the expert,
/// since producers have few registers.
struct ProducedTile : Tile {
  MOE_DEVICE static ProducedTile of(const Tile &tile, bool shares_weights, bool late) {
    return {{late ? tile.expert | kLateBit : tile.expert, tile.row_begin, tile.rows,
             shares_weights ? ~tile.column_tile : tile.column_tile}};
  }
  MOE_DEVICE bool shares_weights() const { return column_tile < 0; }
  MOE_DEVICE bool is_late() const { return (expert & kLateBit) != 0; }
  /// For the consumers.
  MOE_DEVICE Tile plain() const {
    return {expert & ~kLateBit, row_begin, rows, shares_weights() ? ~column_tile : column_tile};
  }
};

/// A tile that a walk is about to get, in the words of what is known of it so far: its rows are the
/// extent of its band, then of its entry, whose expert and first row it has, and the column tile is
/// its turn in the entry.
struct ComingTile : ProducedTile {
  int mark; ///< the entry's last word
};

/// A producer thread's walk over the block's tiles in the raster of the tile map's valid entries.
/// Entry 0 of the map holds their number in its last word (MapHead): nothing is read on the host.
///
/// Fixed: tiles blockIdx.x, blockIdx.x + gridDim.x, ... Drawn (Plan::kDynamic): the first tile is
/// blockIdx.x, each later one the next that no block has taken, by a counter in global memory.
/// Drawn tiles keep blocks of uneven tiles together: what runs at one time are neighbours in the
/// raster, which share rows and weights in L2, and no block is left behind. From one end of the
/// raster, or with Plan::kBothEnds and a map that says so from both.
///
/// The counter is zero at launch and again at the end: every block that has a first tile draws
/// until it gets none, so that n tiles take n draws, after which the count wraps or is cleared.
///
/// Clusters (Plan::kCluster > 1) walk as one block does, and their first block draws for all. An
/// entry's rows are shared evenly among the blocks, or its column tiles are dealt to them in turn.
template <class Plan>
class TileWalk {
  const int4 *map_;
  u32 *tickets_;
  u32 slot_; ///< shared, two words in turn: the tile that thread 0 drew
  int count_;
  int next_;       ///< drawn tiles: of thread 0 alone, from one draw to the next tile
  int fronts_ = 0; ///< kBothEnds

  /// Of this block in its cluster: not a member, since producers have few registers.
  static MOE_DEVICE u32 rank() { return Plan::kCluster > 1 ? ptx::cluster_rank() : 0; }

  /// Turns that an entry takes.
  static constexpr int kTurns = entry_turns(Plan::kColumnTiles, Plan::kCluster);
  /// A single one as a number that the compiler does not know: what it makes of one takes registers
  /// that producers lack.
  static MOE_DEVICE int turns() {
    u32 turns = kTurns;
    if constexpr (kTurns == 1)
      ptx::make_here(turns);
    return int(turns);
  }

public:
  /// Producers' named barrier; 128 threads meet at it once a drawn tile.
  static constexpr int kBarrier = 3;

  MOE_DEVICE TileWalk(const int4 *map, u32 *tickets, u32 words)
      : map_(map), tickets_(tickets), slot_(words), count_(map[0].w * kTurns),
        next_(blockIdx.x / Plan::kCluster) {
    if constexpr (Plan::kBothEnds) {
      const MapHead head = unpack_head(map[0].w);
      count_ = head.entries * kTurns;
      fronts_ = BothEnds::count_fronts(head.both_ends, count_, clusters());
      next_ = ends().first(next_);
    }
  }
  /// Asks for a tile, some steps before `receive`.
  MOE_DEVICE void draw() {
    if constexpr (Plan::kDynamic)
      if (threadIdx.x == 0 && rank() == 0) {
        if constexpr (Plan::kBothEnds)
          next_ = draw_end();
        else
          next_ = int(ptx::atomic_count(tickets_, u32(count_) - 1)) + clusters();
      }
  }
  /// A tile becomes known in three parts, each of which asks for what the next one reads: some
  /// steps apart nobody waits for it. All producers call them together. Drawn tiles: the one that
  /// was asked for, but for the first.
  template <bool kFirst>
  MOE_DEVICE void receive(ComingTile &coming) {
    if constexpr (Plan::kDynamic && !kFirst) {
      pass_on();
      next_ = int(ptx::ld_shared_4(slot_));
      slot_ ^= 4; // a slow reader of this word is past it before the word's next turn
    }
    if (next_ < count_)
      coming.rows = map_[band_entry(next_, turns())].z;
  }
  MOE_DEVICE void locate(ComingTile &coming) const {
    if (next_ >= count_)
      return;
    const TileIndex at = tile_at(next_, turns(), unpack_extent(coming.rows));
    const int4 entry = map_[at.m];
    coming = {{{entry.x, entry.y, entry.z, at.n}}, entry.w};
  }
  /// In place, since producers have few registers.
  MOE_DEVICE void get(ComingTile &coming) {
    if (next_ >= count_) {
      coming.rows = -1;
      return;
    }
    if constexpr (!Plan::kDynamic)
      next_ += clusters();
    const TileExtent extent = unpack_extent(coming.rows);
    const bool late =
        Plan::kBothEnds && (Plan::kReports || Plan::kEarlyStart) && (coming.mark & kLateBit) != 0;
    if constexpr (Plan::kCluster == 1) {
      static_cast<ProducedTile &>(coming) = ProducedTile::of(
          {coming.expert, coming.row_begin, extent.rows, coming.column_tile}, false, late);
    } else {
      const BlockTile own = block_tile(extent, coming.column_tile, int(rank()), Plan::kCluster,
                                       Plan::kColumnTiles, Plan::kRowUnit);
      static_cast<ProducedTile &>(coming) =
          ProducedTile::of({coming.expert, coming.row_begin + own.begin, own.rows, own.column_tile},
                           own.shares_weights, late);
    }
  }

private:
  static MOE_DEVICE int clusters() { return int(gridDim.x) / Plan::kCluster; }

  MOE_DEVICE BothEnds ends() const { return {count_, clusters(), fronts_}; }
  MOE_DEVICE int draw_end() const {
    const bool front = ends().is_front(int(blockIdx.x) / Plan::kCluster);
    const u32 before = ptx::atomic_add(tickets_, ends().step(front));
    if (ends().is_last(before))
      *tickets_ = 0;
    return ends().next(front, before);
  }

  /// What thread 0 of the (first) block drew, to all producers of the block or cluster.
  MOE_DEVICE void pass_on() {
    if constexpr (Plan::kCluster == 1) {
      if (threadIdx.x == 0)
        ptx::st_shared_4(slot_, u32(next_));
      ptx::barrier_sync(kBarrier, 128);
    } else {
      // Blocks of a cluster are at most a ring apart, so the barrier's phases cannot overtake.
      const u32 words = slot_ & ~7u, barrier = words + 8, failure_flag = words - 8;
      if (threadIdx.x == 0) {
        ptx::mbarrier_arrive_expect(barrier, 4);
        if (rank() == 0)
          for (u32 block = 0; block < Plan::kCluster; ++block)
            ptx::st_async_4(ptx::cluster_address(slot_, block), u32(next_),
                            ptx::cluster_address(barrier, block));
      }
      bounded_wait(barrier, slot_ >> 2 & 1, failure_flag); // the words take turns as phases do
    }
  }
};

/// Two slots of shared memory through which producers hand tiles to consumers: the tile, and what
/// stores need of each of its rows. Tile t uses slot t % 2. Barriers: two "full", two "empty".
template <class Plan>
struct TileSlots {
  u32 barriers;
  u32 slots;
  u32 failure_flag;
  u32 turn = 0; ///< the slot, then the phase of its barriers

  MOE_DEVICE TileSlots(u32 stage_barriers)
      : barriers(stage_barriers + Plan::kStages * 16 + 32), slots(barriers + 32),
        failure_flag(stage_barriers + Plan::kStages * 16) {}
  /// Not 0 once the producers know the block's first tile.
  MOE_DEVICE u32 known_tile() const { return failure_flag + 4; }
  /// Two words through which drawn tiles are passed on, and a barrier of clusters behind them.
  MOE_DEVICE u32 drawn() const { return failure_flag + 8; }
  /// A word of the thread that reports: rows of the first part, where it is what comes first.
  MOE_DEVICE u32 first_part() const { return failure_flag + 24; }
  MOE_DEVICE u32 slot() const { return turn & 1; }
  MOE_DEVICE u32 phase() const { return turn >> 1 & 1; }
  MOE_DEVICE u32 address() const { return slots + slot() * Plan::kSlotBytes; }
  /// What stores need of row `row`.
  MOE_DEVICE u32 target(int row) const { return address() + 16 + row * Plan::kTargetBytes; }
  MOE_DEVICE u32 full() const { return barriers + slot() * 8; }
  MOE_DEVICE u32 empty() const { return barriers + 16 + slot() * 8; }
  MOE_DEVICE void put(const Tile &tile) const {
    ptx::st_shared_16(
        address(), {u32(tile.expert), u32(tile.row_begin), u32(tile.rows), u32(tile.column_tile)});
  }
  MOE_DEVICE Tile get() const {
    const uint4 v = ptx::ld_shared_16(address());
    return {int(v.x), int(v.y), int(v.z), int(v.w)};
  }
  MOE_DEVICE void wait_full() const { bounded_wait(full(), phase(), failure_flag); }
  MOE_DEVICE void wait_empty() const { bounded_wait(empty(), phase() ^ 1, failure_flag); }
  MOE_DEVICE void advance() { ++turn; }
};

} // namespace moe
