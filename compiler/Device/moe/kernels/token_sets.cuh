// Which tokens chose an expert, as bits. A token chooses an expert at most once, so a word of bits
// for 32 tokens holds all of their routes to it, in order: how many of them there are, and the
// place of one among them, are counts of bits.
#pragma once

#include "moe/common/types.cuh"

namespace moe {

/// In shared memory: word w of expert e, at [w * kExperts + e], has the tokens from 32 w on.
template <int kExperts, int kWords>
struct TokenSets {
  u32 *words;

  /// By kThreads threads, and a barrier behind it.
  template <int kThreads>
  MOE_DEVICE void clear() const {
#pragma unroll 1
    for (int i = threadIdx.x; i < kWords * kExperts; i += kThreads)
      words[i] = 0;
  }
  MOE_DEVICE void add(int expert, int token) const {
    atomicOr(&words[token / 32 * kExperts + expert], 1u << token % 32);
  }
  MOE_DEVICE int size(int expert) const {
    int count = 0;
#pragma unroll
    for (int w = 0; w < kWords; ++w)
      count += __popc(words[w * kExperts + expert]);
    return count;
  }
  /// Tokens of the expert's before `token`.
  MOE_DEVICE int rank(int expert, int token) const {
    int count = 0;
#pragma unroll
    for (int w = 0; w < kWords; ++w) {
      const u32 lower = (1u << token % 32) - 1u;
      const u32 mask = w < token / 32 ? ~0u : w == token / 32 ? lower : 0u;
      count += __popc(words[w * kExperts + expert] & mask);
    }
    return count;
  }
};

} // namespace moe
