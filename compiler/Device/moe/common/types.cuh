// Scalar types of the device code, with no CUDA header: NVRTC time is header parsing.
//
// Everything compiles under NVRTC (no include path), under nvcc, and - types and constexpr maps
// only - under a plain C++20 host compiler, which is how the index maps are unit-tested.
#pragma once

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define MOE_DEVICE __device__ __forceinline__
#define MOE_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define MOE_HOST_DEVICE inline
#endif

namespace moe {

using u8 = unsigned char;
using u16 = unsigned short;
using i32 = int;
using u32 = unsigned int;
using i64 = long long;
using u64 = unsigned long long;

static_assert(sizeof(u16) == 2 && sizeof(u32) == 4 && sizeof(u64) == 8, "LP64 device ABI");

/// bfloat16 and IEEE half as opaque bits; arithmetic is done in f32.
struct bf16 {
  u16 bits;
};
struct f16 {
  u16 bits;
};

template <class A, class B>
inline constexpr bool is_same = false;
template <class A>
inline constexpr bool is_same<A, A> = true;

MOE_HOST_DEVICE constexpr i64 ceil_div(i64 a, i64 b) { return (a + b - 1) / b; }
MOE_HOST_DEVICE constexpr int min_of(int a, int b) { return a < b ? a : b; }
MOE_HOST_DEVICE constexpr int max_of(int a, int b) { return a > b ? a : b; }

/// 0, 1, ..., kCount - 1 as a pack, for loops whose index is a template argument.
template <int... kValues>
struct IntegerSequence {};
template <int kCount, int... kValues>
struct IntegerSequenceOf : IntegerSequenceOf<kCount - 1, kCount - 1, kValues...> {};
template <int... kValues>
struct IntegerSequenceOf<0, kValues...> {
  using Type = IntegerSequence<kValues...>;
};
template <int kCount>
using MakeIntegerSequence = typename IntegerSequenceOf<kCount>::Type;

} // namespace moe
