//===- RowWalk.h - grids and sizes of the row and sort kernels ------------===//
//
// The host's side of compiler/Device/moe/kernels/{bounds,rows,sort,tile_map}.cuh.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_ROWWALK_H
#define MOEC_DIALECTS_MOEKERNEL_IR_ROWWALK_H

#include "dialects/MoeKernel/IR/MoeKernelOps.h"
#include "dialects/MoeKernel/IR/Sizes.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace moec::kernel {

/// The limit of every kernel's static assertions on shared memory for index work.
inline constexpr int64_t kSortSharedLimit = 99 * 1024;
/// Tile maps that one kernel cuts, and counters for drawn tiles that it clears.
inline constexpr int64_t kMaxTileMaps = 4;
/// In which a matmul reports its progress (kProgressWords of the device templates).
inline constexpr int64_t kProgressWords = 5;
/// Tokens of a word of bits: of the sets that route leaves and sort_routes takes.
inline constexpr int64_t kSetTokens = 32;
/// Blocks of a grid-stride kernel: more only wait.
inline constexpr int64_t kMaxTileMapBlocks = 132;

/// Blocks that walk the rows of `rows` (16-bit elements) with `launch`.
inline mlir::AffineMap getRowWalkGrid(mlir::Value rows, LaunchAttr launch) {
  int64_t vectors = mlir::cast<mlir::MemRefType>(rows.getType()).getDimSize(1) / 8;
  return ceilDivExtent(scaleExtent(getLeadingExtent(rows), vectors),
                       launch.getThreads() * launch.getPerThread());
}

/// Lanes that share a token while routing: a slot each, at most four logits each where a warp has
/// room.
inline int64_t getRouteLanes(int64_t experts, int64_t topK) {
  return std::min<int64_t>(
      32, llvm::PowerOf2Ceil(std::max<int64_t>(topK, llvm::divideCeil(experts, 4))));
}

/// Whether a token's logits stay in its lanes' registers, up to 32 each. Beyond, every choice reads
/// them again.
inline bool keepsLogits(int64_t experts, int64_t topK) {
  return llvm::divideCeil(experts, getRouteLanes(experts, topK)) <= 32;
}

/// Arrays of a word an expert that a kernel keeps for the tile maps it writes: a prefix each, and
/// the order of experts where a shape asks for it.
inline int64_t countMapArrays(mlir::ArrayRef<mlir::Attribute> shapes) {
  return shapes.size() + llvm::any_of(shapes, [](mlir::Attribute shape) {
           return mlir::cast<TileShapeAttr>(shape).getBothEnds();
         });
}

/// Shared memory of tile_maps: offsets and the maps' arrays, and the scan's warp sums.
inline int64_t getTileMapsSharedBytes(int64_t experts, int64_t arrays) {
  return 4 * (1 + arrays) * (experts + 1 + 32);
}

/// Shared memory of sort_routes: a counter a warp and expert, totals, earlier blocks' rows, offsets
/// and the maps' arrays, and the scan's warp sums.
inline int64_t getSortSharedBytes(int64_t experts, int64_t threads, int64_t arrays) {
  return 4 * (threads / 32 * experts + 2 * experts + (1 + arrays) * (experts + 1 + 32));
}

/// Threads of a route kernel that leaves sets of tokens, with `lanes` lanes a token: 8, 16 or 32
/// tokens a block, few threads, since blocks of many hold each other up.
inline int64_t getRouteSetsThreads(int64_t lanes) { return std::min<int64_t>(32 * lanes, 256); }

/// Shared memory of sort_routes by sets: rows, earlier blocks' rows and a word of bits an expert,
/// offsets and the maps' arrays, and the scan's warp sums.
inline int64_t getSortSetsSharedBytes(int64_t experts, int64_t arrays) {
  return 4 * (3 * experts + (1 + arrays) * (experts + 1 + 32));
}

/// That of route_sort: a bit a token and expert, offsets and the maps' arrays, the scan's warp
/// sums, and the chosen experts.
inline int64_t getRouteSortSharedBytes(int64_t experts, int64_t arrays, int64_t maxTokens,
                                       int64_t topK) {
  int64_t words = llvm::divideCeil(maxTokens, 32);
  return 4 * (words * experts + (1 + arrays) * (experts + 1 + 32) + maxTokens * topK);
}

} // namespace moec::kernel

#endif // MOEC_DIALECTS_MOEKERNEL_IR_ROWWALK_H
