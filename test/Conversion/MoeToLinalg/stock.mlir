// Everything the pass makes is accepted by the mlir-opt of the LLVM distribution.
// RUN: moe-opt %s --convert-moe-to-linalg | mlir-opt | FileCheck %s
// RUN: moe-opt %S/../../Dialect/Moe/ops.mlir --convert-moe-to-linalg | mlir-opt | FileCheck %s --check-prefix=OPS
// RUN: moe-opt %S/grouped-matmul.mlir --convert-moe-to-linalg | mlir-opt --one-shot-bufferize="bufferize-function-boundaries" | FileCheck %s --check-prefix=BUFFERS

// CHECK: moe.name = "hidden"
// CHECK-NOT: = moe.
// OPS-NOT: = moe.
// OPS: linalg.generic
// OPS-NOT: = moe.
// BUFFERS-NOT: tensor<
// BUFFERS: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : memref<3x64x16xf32
// BUFFERS-NOT: tensor<
func.func @block(%hidden: tensor<?x64xbf16> {moe.name = "hidden"},
                 %logits: tensor<?x8xf32> {moe.name = "router_logits"},
                 %gate_up: tensor<8x96x64xbf16> {moe.name = "gate_up"},
                 %down: tensor<8x64x48xbf16> {moe.name = "down"})
    -> (tensor<?x64xbf16> {moe.name = "output"}) {
  %weights, %experts = moe.route %logits top_k(2) score(softmax) order(score_then_select) renormalize
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %routes, %offsets = moe.permute %experts experts(8)
    : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
  %h = moe.grouped_matmul %hidden, %offsets, %gate_up gather(%routes) top_k(2)
      layout<halves, gate_first> epilogue {
    ^bb0(%g: f32, %u: f32):
      %m = arith.mulf %g, %u : f32
      moe.yield %m : f32
  } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x96x64xbf16>, tensor<?xi32>) -> tensor<?x48xbf16>
  %y = moe.grouped_matmul %h, %offsets, %down combine(%weights, %routes)
    : (tensor<?x48xbf16>, tensor<9xi32>, tensor<8x64x48xbf16>, tensor<?x2xf32>, tensor<?xi32>)
    -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
