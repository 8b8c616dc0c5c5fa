// RUN: moe-opt %s --convert-moe-to-linalg="block-columns=64 block-depth=512" | FileCheck %s
// RUN: moe-opt %s --convert-moe-to-linalg="tile-rows=2 tile-columns=4 lanes=8 block-depth=512" | FileCheck %s --check-prefix=AVX2
// RUN: not moe-opt %s --convert-moe-to-linalg=lanes=0 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: convert-moe-to-linalg expects lanes to be at least 1, but got 0

// CHECK-DAG: #[[SWAP:.*]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>
// CHECK-DAG: #[[WEIGHT:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d2, d3)>
// CHECK-DAG: #[[SUM:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>

// CHECK-LABEL: func.func @plain
//  CHECK-SAME:     %[[X:.*]]: tensor<?x1024xbf16>, %[[OFFSETS:.*]]: tensor<5xi32>, %[[W:.*]]: tensor<4x128x1024xbf16>
// Rows in no group are zero.
//       CHECK: %[[ZEROS:.*]] = linalg.fill {{.*}} -> tensor<?x128xbf16>
// Two blocks of 64 columns for each of 4 experts.
//       CHECK: scf.forall (%[[BLOCK:.*]], %[[E:.*]]) in (2, 4) shared_outs(%[[OUT:.*]] = %[[ZEROS]])
//       CHECK:   tensor.extract %[[OFFSETS]][%[[E]]]
// Blocks of rows, then of 512 steps, zeroed sums before.
//       CHECK:   scf.for
//       CHECK:     linalg.fill {{.*}} -> tensor<?x64x16xf32>
//       CHECK:     scf.for
//       CHECK:       scf.if {{.*}} -> (tensor<512xf32>)
//       CHECK:         tensor.extract_slice %[[X]]
//       CHECK:         arith.extf
//       CHECK:       %[[WE:.*]] = tensor.extract_slice %[[W]][%[[E]], 0, 0] [1, 128, 1024] [1, 1, 1]
//       CHECK:       tensor.extract_slice %[[WE]][%{{.*}}, %{{.*}}] [64, 512] [1, 1]
// The register tile.
//       CHECK:       linalg.generic {indexing_maps = [#[[ROW]], #[[WEIGHT]], #[[SUM]]], iterator_types = ["parallel", "parallel", "reduction", "parallel"]}
//  CHECK-SAME:         ins(%{{.*}}, %{{.*}} : tensor<3x32x16xf32>, tensor<8x32x16xf32>) outs(%{{.*}} : tensor<3x8x16xf32>)
//       CHECK:         arith.mulf {{.*}} fastmath<contract>
//       CHECK:     iterator_types = ["parallel", "parallel", "reduction"]{{.*}} tensor<?x64x16xf32>
//       CHECK:     arith.truncf
//       CHECK:   tensor.parallel_insert_slice {{.*}} into %[[OUT]]

// AVX2-LABEL: func.func @plain
//       AVX2: ins(%{{.*}}, %{{.*}} : tensor<2x64x8xf32>, tensor<4x64x8xf32>) outs(%{{.*}} : tensor<2x4x8xf32>)
func.func @plain(%x: tensor<?x1024xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x128x1024xbf16>)
    -> tensor<?x128xbf16> {
  %y = moe.grouped_matmul %x, %offsets, %w
    : (tensor<?x1024xbf16>, tensor<5xi32>, tensor<4x128x1024xbf16>) -> tensor<?x128xbf16>
  return %y : tensor<?x128xbf16>
}

// A transposed weight is read with its axes swapped.
// CHECK-LABEL: func.func @transposed
//  CHECK-SAME:     %{{.*}}: tensor<?x32xbf16>, %{{.*}}: tensor<5xi32>, %[[W:.*]]: tensor<4x32x128xbf16>
//       CHECK: %[[WE:.*]] = tensor.extract_slice %[[W]][%{{.*}}, 0, 0] [1, 32, 128] [1, 1, 1]
//       CHECK: %[[PART:.*]] = tensor.extract_slice %[[WE]][%{{.*}}, %{{.*}}] [32, 64] [1, 1] : tensor<32x128xbf16> to tensor<32x64xbf16>
//       CHECK: linalg.generic {indexing_maps = [#[[SWAP]], #{{.*}}], {{.*}} ins(%[[PART]] : tensor<32x64xbf16>) outs(%{{.*}} : tensor<64x32xf32>)
func.func @transposed(%x: tensor<?x32xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x32x128xbf16>)
    -> tensor<?x128xbf16> {
  %y = moe.grouped_matmul %x, %offsets, %w transposed
    : (tensor<?x32xbf16>, tensor<5xi32>, tensor<4x32x128xbf16>) -> tensor<?x128xbf16>
  return %y : tensor<?x128xbf16>
}

// Two weights share the packed rows; without an epilogue there are two results.
// CHECK-LABEL: func.func @two_weights
//       CHECK: scf.forall {{.*}} -> (tensor<?x32xbf16>, tensor<?x32xbf16>)
// CHECK-COUNT-2: iterator_types = ["parallel", "parallel", "reduction", "parallel"]
//   CHECK-NOT: iterator_types = ["parallel", "parallel", "reduction", "parallel"]
func.func @two_weights(%x: tensor<?x64xbf16>, %offsets: tensor<5xi32>, %gate: tensor<4x32x64xbf16>,
                       %up: tensor<4x32x64xbf16>) -> (tensor<?x32xbf16>, tensor<?x32xbf16>) {
  %g, %u = moe.grouped_matmul %x, %offsets, %gate, %up
    : (tensor<?x64xbf16>, tensor<5xi32>, tensor<4x32x64xbf16>, tensor<4x32x64xbf16>)
    -> (tensor<?x32xbf16>, tensor<?x32xbf16>)
  return %g, %u : tensor<?x32xbf16>, tensor<?x32xbf16>
}

// Gather in the operand load, gate and up from one interleaved weight, bias and epilogue at the end.
// CHECK-LABEL: func.func @fused_gate_up
//  CHECK-SAME:     %[[X:.*]]: tensor<?x64xf16>, %{{.*}}: tensor<5xi32>, %[[W:.*]]: tensor<4x64x64xf16>, %[[B:.*]]: tensor<4x64xf16>, %[[ROUTES:.*]]: tensor<?xi32>
//       CHECK: %[[ROUTE:.*]] = tensor.extract %[[ROUTES]]
//       CHECK: arith.index_cast %[[ROUTE]]
//       CHECK: arith.divui
// The expert is taken first and the stride then: one slice of both would be ambiguous where K is 1.
//       CHECK: %[[GATE:.*]] = tensor.extract_slice %[[W]]{{.*}} [1, 64, 64] [1, 1, 1]
//       CHECK: tensor.extract_slice %[[GATE]]{{.*}} [32, 64] [2, 1]
//       CHECK: %[[UP:.*]] = tensor.extract_slice %[[W]]{{.*}} [1, 64, 64] [1, 1, 1]
//       CHECK: tensor.extract_slice %[[UP]]{{.*}} [32, 64] [2, 1]
//       CHECK: %[[BIAS:.*]] = tensor.extract_slice %[[B]]{{.*}} [1, 64] [1, 1]
//       CHECK: tensor.extract_slice %[[BIAS]]{{.*}} [32] [2]
//       CHECK: linalg.generic
//       CHECK:   arith.addf
//       CHECK:   arith.addf
//       CHECK:   arith.maximumf
//       CHECK:   arith.truncf
func.func @fused_gate_up(%x: tensor<?x64xf16>, %offsets: tensor<5xi32>, %w: tensor<4x64x64xf16>,
                         %b: tensor<4x64xf16>, %routes: tensor<?xi32>) -> tensor<?x32xf16> {
  %y = moe.grouped_matmul %x, %offsets, %w bias(%b) gather(%routes) top_k(2)
      layout<interleaved, up_first> epilogue {
    ^bb0(%g: f32, %u: f32):
      %m = arith.maximumf %g, %u : f32
      moe.yield %m : f32
  } : (tensor<?x64xf16>, tensor<5xi32>, tensor<4x64x64xf16>, tensor<4x64xf16>, tensor<?xi32>)
      -> tensor<?x32xf16>
  return %y : tensor<?x32xf16>
}

// The rows of a fused combine stay in f32 until the sum over slots is rounded.
// CHECK-LABEL: func.func @fused_combine
//       CHECK: scf.forall {{.*}} -> (tensor<?x128xf32>)
//   CHECK-NOT: arith.truncf
//       CHECK: scf.forall {{.*}} -> (tensor<?x128xbf16>)
//       CHECK:   arith.mulf
//       CHECK:   arith.truncf
func.func @fused_combine(%x: tensor<?x64xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x128x64xbf16>,
                         %weights: tensor<?x2xf32>, %routes: tensor<?xi32>) -> tensor<?x128xbf16> {
  %y = moe.grouped_matmul %x, %offsets, %w combine(%weights, %routes)
    : (tensor<?x64xbf16>, tensor<5xi32>, tensor<4x128x64xbf16>, tensor<?x2xf32>, tensor<?xi32>)
    -> tensor<?x128xbf16>
  return %y : tensor<?x128xbf16>
}
