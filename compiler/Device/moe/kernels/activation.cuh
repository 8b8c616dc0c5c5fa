// The activation as a kernel of its own (the fused form is the grouped matmul's epilogue): f32 math,
// one rounding. The function comes from the IR's region as a functor.
#pragma once

#include "moe/kernels/rows.cuh"

namespace moe {

/// How gate and up lie in the input. kPlain has no gate: output = apply(input).
enum class GateLayout {
  kPlain,       // input [rows, I]
  kSeparate,    // gate [rows, I] and up [rows, I]
  kHalves,      // input [rows, 2 I] = [first | second]
  kInterleaved, // input [rows, 2 I] = first, second, first, second, ...
};

/// What `activation` is compiled for. kGateFirst: "first" above is the gate.
/// kMinBlocks goes to __launch_bounds__ with kThreads.
template <class T_, int kColumns_, GateLayout kLayout_, bool kGateFirst_, int kThreads_ = 256,
          int kPerThread_ = 2, int kMinBlocks_ = 1024 / kThreads_>
struct ActivationConfig {
  using T = T_;
  static constexpr int kColumns = kColumns_; // I, of the output
  static constexpr GateLayout kLayout = kLayout_;
  static constexpr bool kGateFirst = kGateFirst_;
  static constexpr int kThreads = kThreads_, kPerThread = kPerThread_, kMinBlocks = kMinBlocks_;
  using Walk = RowWalk<T, kColumns, kThreads, kPerThread>;
};

/// The one or two input vectors behind an output vector, as they lie in memory.
struct ActivationOperands {
  uint4 first, second;
};

template <class Activation>
MOE_DEVICE ActivationOperands load_operands(const typename Activation::T *a,
                                            const typename Activation::T *b, i64 row, int vector) {
  using T = typename Activation::T;
  constexpr int kColumns = Activation::kColumns;
  constexpr int kRow = Activation::Walk::kVectors;
  ActivationOperands operands = {};
  if constexpr (Activation::kLayout == GateLayout::kPlain) {
    operands.first = ptx::ld_global_nc_stream_16(row_vector<T, kColumns>(a, row, vector));
  } else if constexpr (Activation::kLayout == GateLayout::kSeparate) {
    operands.first = ptx::ld_global_nc_stream_16(row_vector<T, kColumns>(a, row, vector));
    operands.second = ptx::ld_global_nc_stream_16(row_vector<T, kColumns>(b, row, vector));
  } else {
    constexpr bool kHalves = Activation::kLayout == GateLayout::kHalves;
    const int first = kHalves ? vector : 2 * vector, second = kHalves ? vector + kRow : first + 1;
    operands.first = ptx::ld_global_nc_stream_16(row_vector<T, 2 * kColumns>(a, row, first));
    operands.second = ptx::ld_global_nc_stream_16(row_vector<T, 2 * kColumns>(a, row, second));
  }
  return operands;
}

template <class Activation, class FunctionT>
MOE_DEVICE uint4 apply_vector(const ActivationOperands &operands) {
  using Vector = Vector16<typename Activation::T>;
  constexpr int kElements = Vector::kElements;
  float first[kElements], second[kElements], result[kElements];
  Vector::unpack(operands.first, first);
  Vector::unpack(operands.second, second);
#pragma unroll
  for (int i = 0; i < kElements; ++i) {
    if constexpr (Activation::kLayout == GateLayout::kPlain) {
      result[i] = FunctionT::apply(first[i]);
    } else if constexpr (Activation::kLayout == GateLayout::kInterleaved) {
      const float a = 2 * i < kElements ? first[2 * i % kElements] : second[2 * i % kElements];
      const float b = 2 * i < kElements ? first[2 * i % kElements + 1] : second[2 * i % kElements + 1];
      result[i] = Activation::kGateFirst ? FunctionT::apply(a, b) : FunctionT::apply(b, a);
    } else {
      result[i] = Activation::kGateFirst ? FunctionT::apply(first[i], second[i])
                                         : FunctionT::apply(second[i], first[i]);
    }
  }
  return Vector::pack(result);
}

/// Kernel body. Grid row_walk_grid(rows, Walk::kVectors, Walk::kTile), block kThreads, no dynamic
/// shared memory. a: the input, or the gate (kGateFirst) of kSeparate with b the other one, else b
/// is null. output T [rows, I]. FunctionT: static float apply(float gate, float up) or apply(float).
template <class Activation, class FunctionT>
MOE_DEVICE void activation(const typename Activation::T *a, const typename Activation::T *b,
                           typename Activation::T *output, int rows) {
  ptx::grid_dependency_wait();
  ptx::grid_dependency_launch();
  using T = typename Activation::T;
  const typename Activation::Walk walk;
  ActivationOperands operands[Activation::kPerThread];
#pragma unroll
  for (int i = 0; i < Activation::kPerThread; ++i) {
    const i64 row = walk.first_row + walk.row(i);
    operands[i] = ActivationOperands{};
    if (row < rows)
      operands[i] = load_operands<Activation>(a, b, row, walk.vector(i));
  }
#pragma unroll
  for (int i = 0; i < Activation::kPerThread; ++i) {
    const i64 row = walk.first_row + walk.row(i);
    if (row < rows)
      ptx::st_global_16(row_vector<T, Activation::kColumns>(output, row, walk.vector(i)),
                        apply_vector<Activation, FunctionT>(operands[i]));
  }
}

} // namespace moe
