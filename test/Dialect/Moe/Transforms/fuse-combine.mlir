// RUN: moe-opt %s --moe-fuse-combine | FileCheck %s
// RUN: moe-opt %s --moe-fuse-combine --remarks-filter=moe-fusion --remark-format=emitRemark \
// RUN:   -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

!h = tensor<?x48xbf16>
!routes = tensor<?xi32>
!weights = tensor<?x2xf32>
!offsets = tensor<9xi32>
!down = tensor<8x64x48xbf16>
!y = tensor<?x64xbf16>

// CHECK-LABEL: func.func @combined
// CHECK-SAME:  (%[[H:.*]]: tensor<?x48xbf16>, %[[O:.*]]: tensor<9xi32>, %[[D:.*]]: tensor<8x64x48xbf16>, %[[W:.*]]: tensor<?x2xf32>, %[[R:.*]]: tensor<?xi32>)
// CHECK-NEXT:  %[[Y:.*]] = moe.grouped_matmul %[[H]], %[[O]], %[[D]] combine(%[[W]], %[[R]]) :
// CHECK-NEXT:  return %[[Y]]
// REMARK:      remark: [Passed] moe-fuse-combine | Category:moe-fusion | Function=combined
func.func @combined(%h: !h, %o: !offsets, %down: !down, %weights: !weights, %routes: !routes) -> !y {
  %d = moe.grouped_matmul %h, %o, %down : (!h, !offsets, !down) -> !y
  %y = moe.combine %d, %weights, %routes : (!y, !weights, !routes) -> !y
  return %y : !y
}

// Static T: six rows become three tokens. Bias, gather and epilogue stay.

// CHECK-LABEL: func.func @static_tokens
// CHECK:       moe.grouped_matmul %{{.*}}, %{{.*}}, %{{.*}} bias(%{{.*}}) gather(%{{.*}}) top_k(2) combine(%{{.*}}, %{{.*}}) epilogue {
// CHECK:       -> tensor<3x64xbf16>
func.func @static_tokens(%x: tensor<3x48xbf16>, %o: !offsets, %down: !down, %bias: tensor<8x64xbf16>,
                         %weights: tensor<3x2xf32>, %routes: tensor<6xi32>) -> tensor<3x64xbf16> {
  %d = moe.grouped_matmul %x, %o, %down bias(%bias) gather(%routes) top_k(2) epilogue {
  ^bb0(%v: f32):
    %n = arith.negf %v : f32
    moe.yield %n : f32
  } : (tensor<3x48xbf16>, !offsets, !down, tensor<8x64xbf16>, tensor<6xi32>) -> tensor<6x64xbf16>
  %y = moe.combine %d, %weights, %routes : (tensor<6x64xbf16>, tensor<3x2xf32>, tensor<6xi32>) -> tensor<3x64xbf16>
  return %y : tensor<3x64xbf16>
}

// The weights are made after the product: the fused op stands where the combine stood.

// CHECK-LABEL: func.func @weights_later
// CHECK-NEXT:  %[[W:.*]] = arith.mulf
// CHECK-NEXT:  moe.grouped_matmul {{.*}} combine(%[[W]], %{{.*}}) :
func.func @weights_later(%h: !h, %o: !offsets, %down: !down, %weights: !weights, %routes: !routes) -> !y {
  %d = moe.grouped_matmul %h, %o, %down : (!h, !offsets, !down) -> !y
  %w = arith.mulf %weights, %weights : !weights
  %y = moe.combine %d, %w, %routes : (!y, !weights, !routes) -> !y
  return %y : !y
}

// CHECK-LABEL: func.func @multi_use
// CHECK:       moe.combine
// REMARK:      remark: [Missed] moe-fuse-combine | Category:moe-fusion | Function=multi_use | Remark="the product has another user"
func.func @multi_use(%h: !h, %o: !offsets, %down: !down, %weights: !weights, %routes: !routes) -> (!y, !y) {
  %d = moe.grouped_matmul %h, %o, %down : (!h, !offsets, !down) -> !y
  %y = moe.combine %d, %weights, %routes : (!y, !weights, !routes) -> !y
  return %y, %d : !y, !y
}

// CHECK-LABEL: func.func @unpad_in_between
// CHECK:       moe.combine
// REMARK:      Function=unpad_in_between | Remark="the combined rows do not come straight from a grouped matmul"
func.func @unpad_in_between(%h: !h, %po: !offsets, %o: !offsets, %down: !down, %weights: !weights,
                            %routes: !routes) -> !y {
  %p = moe.grouped_matmul %h, %po, %down : (!h, !offsets, !down) -> !y
  %d = moe.unpad %p, %po, %o, %routes : (!y, !offsets, !offsets, !routes) -> !y
  %y = moe.combine %d, %weights, %routes : (!y, !weights, !routes) -> !y
  return %y : !y
}

// CHECK-LABEL: func.func @two_results
// CHECK-COUNT-2: moe.combine
// REMARK:      Function=two_results | Remark="the grouped matmul has two results or combines already"
func.func @two_results(%h: !h, %o: !offsets, %a: !down, %b: !down, %weights: !weights, %routes: !routes)
    -> (!y, !y) {
  %c, %d = moe.grouped_matmul %h, %o, %a, %b : (!h, !offsets, !down, !down) -> (!y, !y)
  %y = moe.combine %c, %weights, %routes : (!y, !weights, !routes) -> !y
  %z = moe.combine %d, %weights, %routes : (!y, !weights, !routes) -> !y
  return %y, %z : !y, !y
}

// CHECK-LABEL: func.func @several_blocks
// CHECK:       moe.combine
// REMARK:      Function=several_blocks | Remark="the grouped matmul is in another block"
func.func @several_blocks(%h: !h, %o: !offsets, %down: !down, %weights: !weights, %routes: !routes) -> !y {
  %d = moe.grouped_matmul %h, %o, %down : (!h, !offsets, !down) -> !y
  cf.br ^next
^next:
  %y = moe.combine %d, %weights, %routes : (!y, !weights, !routes) -> !y
  return %y : !y
}

// CHECK-LABEL: func.func @other_routes
// CHECK:       moe.combine
// REMARK:      Function=other_routes | Remark="the grouped matmul gathers by other routes or another top_k"
func.func @other_routes(%x: !h, %o: !offsets, %down: !down, %weights: !weights, %gather: !routes, %routes: !routes) -> !y {
  %d = moe.grouped_matmul %x, %o, %down gather(%gather) top_k(2) : (!h, !offsets, !down, !routes) -> !y
  %y = moe.combine %d, %weights, %routes : (!y, !weights, !routes) -> !y
  return %y : !y
}

// CHECK-LABEL: func.func @other_top_k
// CHECK:       moe.combine
// REMARK:      Function=other_top_k | Remark="the grouped matmul gathers by other routes or another top_k"
func.func @other_top_k(%x: !h, %o: !offsets, %down: !down, %weights: !weights, %routes: !routes) -> !y {
  %d = moe.grouped_matmul %x, %o, %down gather(%routes) top_k(4) : (!h, !offsets, !down, !routes) -> !y
  %y = moe.combine %d, %weights, %routes : (!y, !weights, !routes) -> !y
  return %y : !y
}
