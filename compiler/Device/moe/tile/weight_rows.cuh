// Which weight row a row of the shared-memory weight tile holds.
//
// Gated forms take two weight rows per output column (a feature): gate and up. The tile alternates
// eight gate rows with eight up rows, so that a thread's accumulators of neighbouring n8 groups
// are the two numbers of a pair (no shuffle, no repacked weights).
#pragma once
#include "moe/common/types.cuh"

namespace moe {

/// How a weight matrix yields an output column.
enum class WeightForm {
  single,      ///< one row a column
  halves,      ///< one matrix of 2N rows: N gate rows, then N up rows (or the reverse)
  interleaved, ///< one matrix of 2N rows: gate, up, gate, up, ... (or the reverse)
  separate,    ///< two matrices of N rows
};

/// A weight row: matrix 0 or 1 (`separate` only), and the row in it.
struct WeightRow {
  int matrix;
  i64 row;
};

template <WeightForm kForm, bool kUpFirst, int kN>
struct WeightRowMap {
  static constexpr bool kGated = kForm != WeightForm::single;
  /// Rows of one matrix.
  static constexpr int kMatrixRows =
      kForm == WeightForm::halves || kForm == WeightForm::interleaved ? 2 * kN : kN;

  /// 0 for gate, 1 for up: which of a pair tile row r holds.
  MOE_HOST_DEVICE static constexpr int part(int r) { return kGated ? (r >> 3) & 1 : 0; }
  /// Output column of tile row r, from the tile's first column.
  MOE_HOST_DEVICE static constexpr int column(int r) {
    return kGated ? (r >> 4) * 8 + (r & 7) : r;
  }
  /// The row that yields `part` of output column `column`.
  MOE_HOST_DEVICE static constexpr WeightRow locate(i64 column, int part) {
    const int place = kUpFirst ? 1 - part : part;
    switch (kForm) {
    case WeightForm::halves:
      return {0, column + i64(place) * kN};
    case WeightForm::interleaved:
      return {0, 2 * column + place};
    case WeightForm::separate:
      return {part, column};
    case WeightForm::single:
      break;
    }
    return {0, column};
  }
};

} // namespace moe
