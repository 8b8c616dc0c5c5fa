// Top-k routing: logits f32 [T,E] to weights f32 [T,k] and experts i32 [T,k].
//
// A group of kLanes lanes owns a token; lane l holds the experts [l * kPerLane, (l + 1) * kPerLane)
// as ordered keys, so that among equal keys the lowest lane, then the lowest place, is the lowest
// expert id. Each of the k rounds takes the group's maximum and strikes it out.
#pragma once

#include "moe/kernels/bounds.cuh"
#include "moe/ptx/ld_st.cuh"
#include "moe/ptx/misc.cuh"

namespace moe {

/// Over which logits of a token the softmax runs. kSelected is also "over all, then renormalised":
/// the common denominator cancels.
enum class SoftmaxOver { kAll, kSelected };

/// What a `route` kernel is compiled for. kLanes (a power of two, at least kTopK) lanes share a
/// token; kThreads is the block.
template <int kExperts_, int kTopK_, SoftmaxOver kSoftmax_, int kThreads_ = 256,
          int kLanes_ = route_lanes(kExperts_, kTopK_)>
struct RouteConfig {
  static constexpr int kExperts = kExperts_, kTopK = kTopK_, kThreads = kThreads_, kLanes = kLanes_;
  static constexpr SoftmaxOver kSoftmax = kSoftmax_;
  static constexpr int kVector = kExperts % 4 == 0 ? 4 : 1;
  static constexpr int kPerLane = round_up(int(ceil_div(kExperts, kLanes)), kVector);
  /// Beyond 32 logits a lane they no longer stay in registers and are read again each round.
  static constexpr bool kInRegisters = kPerLane <= 32;
  static constexpr int kTokensPerBlock = kThreads / kLanes;

  static_assert(kExperts >= 1, "route: needs at least one expert");
  static_assert(kTopK >= 1 && kTopK <= kExperts && kTopK <= 32,
                "route: top_k must lie in 1 ... min(experts, 32)");
  static_assert(kLanes >= kTopK && kLanes <= 32 && (kLanes & (kLanes - 1)) == 0,
                "route: lanes must be a power of two in top_k ... 32");
  static_assert(kThreads % 32 == 0 && kThreads >= 32 && kThreads <= 1024,
                "route: threads must be a multiple of 32 up to 1024");
};

/// A group of kLanes neighbouring lanes of a warp that works on one token.
template <int kLanes>
struct LaneGroup {
  static MOE_DEVICE int lane() { return threadIdx.x % kLanes; }

  static MOE_DEVICE u32 mask() {
    constexpr u32 kOnes = kLanes == 32 ? 0xffffffffu : (1u << kLanes % 32) - 1u;
    return kOnes << (threadIdx.x % 32 / kLanes * kLanes);
  }

  static MOE_DEVICE u32 max(u32 value) {
    if constexpr (kLanes == 32) {
      return __reduce_max_sync(0xffffffffu, value);
    } else {
#pragma unroll
      for (int distance = kLanes / 2; distance > 0; distance /= 2) {
        const u32 other = __shfl_xor_sync(0xffffffffu, value, distance);
        value = other > value ? other : value;
      }
      return value;
    }
  }

  static MOE_DEVICE u64 max(u64 value) {
#pragma unroll
    for (int distance = kLanes / 2; distance > 0; distance /= 2) {
      const u64 other = __shfl_xor_sync(0xffffffffu, value, distance);
      value = other > value ? other : value;
    }
    return value;
  }

  static MOE_DEVICE float sum(float value) {
#pragma unroll
    for (int distance = kLanes / 2; distance > 0; distance /= 2)
      value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
  }
};

/// exp(logit - largest logit) of a candidate; NaN, -inf and "no candidate" score 0, and the largest
/// logit scores 1 even where it is +inf.
MOE_DEVICE float softmax_score(u32 key, u32 max_key) {
  if (key <= kNegativeInfinityKey)
    return 0.0f;
  if (key == max_key)
    return 1.0f;
  return expf(__uint_as_float(key_logit_bits(key)) - __uint_as_float(key_logit_bits(max_key)));
}

/// A token's logits; kEarly: from L2, for a kernel that reads them before it waits, when this
/// multiprocessor's first-level cache may still hold what memory held before.
template <bool kEarly>
struct Logits {
  const float *row;

  MOE_DEVICE u32 bits(int expert) const {
    if constexpr (kEarly)
      return ptx::ld_relaxed_gpu(reinterpret_cast<const u32 *>(row + expert));
    else
      return __float_as_uint(row[expert]);
  }
  /// Of four neighbours; `expert` a multiple of 4, the row 16-byte aligned.
  MOE_DEVICE uint4 bits4(int expert) const {
    if constexpr (kEarly) {
      return ptx::ld_relaxed_gpu_16(row + expert);
    } else {
      const float4 v = *reinterpret_cast<const float4 *>(row + expert);
      return {__float_as_uint(v.x), __float_as_uint(v.y), __float_as_uint(v.z),
              __float_as_uint(v.w)};
    }
  }
};

/// The experts of one token, spread over its lanes: lane s < k holds slot s. Besides, what their
/// weights need: the slot's key, the largest key, and this lane's share of the sum over all scores.
struct RouteSelection {
  int expert;
  u32 key, max_key;
  float all_scores;
};

/// One token's choice, spread over its lanes: lane s < k holds slot s.
struct RouteChoice {
  float weight;
  int expert;
};

template <class Route>
MOE_DEVICE RouteChoice weigh(const RouteSelection &slot) {
  using Group = LaneGroup<Route::kLanes>;
  const float score = Group::lane() < Route::kTopK ? softmax_score(slot.key, slot.max_key) : 0.0f;
  const float denominator =
      Group::sum(Route::kSoftmax == SoftmaxOver::kAll ? slot.all_scores : score);
  return {denominator > 0.0f ? score / denominator : 0.0f, slot.expert};
}

/// The experts of the token of these logits, which stay in registers.
template <class Route, class LogitsT>
MOE_DEVICE RouteSelection select_in_registers(LogitsT logits) {
  using Group = LaneGroup<Route::kLanes>;
  constexpr int kPerLane = Route::kPerLane;
  const int first = Group::lane() * kPerLane;

  u32 keys[kPerLane];
  if constexpr (Route::kVector == 4) {
#pragma unroll
    for (int i = 0; i < kPerLane; i += 4) {
      const bool inside = first + i < Route::kExperts;
      const uint4 four = inside ? logits.bits4(first + i) : uint4();
      keys[i + 0] = inside ? logit_key(four.x) : 0u;
      keys[i + 1] = inside ? logit_key(four.y) : 0u;
      keys[i + 2] = inside ? logit_key(four.z) : 0u;
      keys[i + 3] = inside ? logit_key(four.w) : 0u;
    }
  } else {
#pragma unroll
    for (int i = 0; i < kPerLane; ++i)
      keys[i] = first + i < Route::kExperts ? logit_key(logits.bits(first + i)) : 0u;
  }

  u32 lane_best = 0u;
#pragma unroll
  for (int i = 0; i < kPerLane; ++i)
    lane_best = max(lane_best, keys[i]);
  u32 best = Group::max(lane_best);
  const u32 max_key = best;

  float all_scores = 0.0f;
  if constexpr (Route::kSoftmax == SoftmaxOver::kAll) {
#pragma unroll
    for (int i = 0; i < kPerLane; ++i)
      all_scores += softmax_score(keys[i], max_key);
  }

  u32 slot_key = 0u;
  int slot_expert = 0;
#pragma unroll 1
  for (int slot = 0; slot < Route::kTopK; ++slot) {
    const u32 owners = __ballot_sync(0xffffffffu, lane_best == best) & Group::mask();
    const int owner = __ffs(owners) - 1;
    int place = 0;
#pragma unroll
    for (int i = kPerLane - 1; i >= 0; --i)
      place = keys[i] == best ? i : place;
    const int expert = __shfl_sync(0xffffffffu, first + place, owner);
    if (Group::lane() == slot) {
      slot_key = best;
      slot_expert = expert;
    }
    // The owner strikes the winner out; everyone else's best is unchanged.
    const bool own = int(threadIdx.x % 32) == owner;
    lane_best = 0u;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      keys[i] = own && i == place ? 0u : keys[i];
      lane_best = max(lane_best, keys[i]);
    }
    best = Group::max(lane_best);
  }
  return {slot_expert, slot_key, max_key, all_scores};
}

/// As above for many experts: every round reads the logits again and takes the largest
/// (key, lowest id) strictly below the last winner.
template <class Route, class LogitsT>
MOE_DEVICE RouteSelection select_rereading(LogitsT logits) {
  using Group = LaneGroup<Route::kLanes>;
  u64 last = ~0ull;
  u32 max_key = 0u, slot_key = 0u;
  int slot_expert = 0;
#pragma unroll 1
  for (int slot = 0; slot < Route::kTopK; ++slot) {
    u64 best = 0ull;
    for (int e = Group::lane(); e < Route::kExperts; e += Route::kLanes) {
      const u32 key = logit_key(logits.bits(e));
      const u64 ranked = u64(key) << 32 | (0xffffffffu - u32(e));
      best = ranked < last && ranked > best ? ranked : best;
    }
    last = Group::max(best);
    const u32 key = u32(last >> 32);
    max_key = slot == 0 ? key : max_key;
    if (Group::lane() == slot) {
      slot_key = key;
      slot_expert = int(0xffffffffu - u32(last));
    }
  }
  float all_scores = 0.0f;
  if constexpr (Route::kSoftmax == SoftmaxOver::kAll)
    for (int e = Group::lane(); e < Route::kExperts; e += Route::kLanes)
      all_scores += softmax_score(logit_key(logits.bits(e)), max_key);
  return {slot_expert, slot_key, max_key, all_scores};
}

template <class Route, class LogitsT>
MOE_DEVICE RouteSelection select_experts(LogitsT logits) {
  if constexpr (Route::kInRegisters)
    return select_in_registers<Route>(logits);
  else
    return select_rereading<Route>(logits);
}

/// Routes the tokens [first_token, tokens) in steps of `stride` warps' worth, this warp taking the
/// ones at its own lane groups; `store(route, choice)` receives every slot once.
template <class Route, class StoreT>
MOE_DEVICE void route_tokens(const float *logits, int tokens, int first_token, int stride,
                             StoreT store) {
  using Group = LaneGroup<Route::kLanes>;
  const int group = int(threadIdx.x % 32) / Route::kLanes;
  for (u32 base = first_token; base < u32(tokens); base += stride) { // beyond 2^31 in its last step
    // All lanes of a warp stay together: a group without a token repeats the last one, unstored.
    const int token = int(base) + group;
    const Logits<false> row{logits + i64(min(token, tokens - 1)) * Route::kExperts};
    const RouteChoice choice = weigh<Route>(select_experts<Route>(row));
    if (token < tokens && Group::lane() < Route::kTopK)
      store(i64(token) * Route::kTopK + Group::lane(), choice);
  }
}

/// Kernel body. Grid ceil(tokens / Route::kTokensPerBlock), block Route::kThreads, no dynamic
/// shared memory. logits f32 [tokens, E] (16-byte aligned), weights f32 [tokens, k], experts i32
/// [tokens, k].
template <class Route>
MOE_DEVICE void route(const float *logits, float *weights, int *experts, int tokens) {
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  constexpr int kTokensPerWarp = 32 / Route::kLanes;
  const int warp = int(blockIdx.x) * (Route::kThreads / 32) + int(threadIdx.x) / 32;
  const int warps = int(gridDim.x) * (Route::kThreads / 32);
  route_tokens<Route>(logits, tokens, warp * kTokensPerWarp, warps * kTokensPerWarp,
                      [&](i64 index, const RouteChoice &choice) {
                        weights[index] = choice.weight;
                        experts[index] = choice.expert;
                      });
}

} // namespace moe
