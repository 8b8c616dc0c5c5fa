// The whole pipeline ends in the LLVM dialect, with a C interface and results as arguments.
// RUN: moe-opt %s --moe-to-cpu | FileCheck %s
// RUN: moe-opt %s --moe-fusion-pipeline --moe-to-cpu=parallel=false | FileCheck %s --check-prefix=SERIAL
// RUN: moe-opt %s --moe-fusion-pipeline --moe-to-cpu --mlir-print-ir-after=cpu-register-tiles -o /dev/null 2>&1 | FileCheck %s --check-prefix=BUFFERS

// CHECK-NOT: builtin.unrealized_conversion_cast
// CHECK-NOT: moe.route
// CHECK: llvm.func @block
// CHECK: omp.parallel
// CHECK: llvm.intr.fmuladd({{.*}}) : (vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK: llvm.func @_mlir_ciface_block

// SERIAL-NOT: omp.
// SERIAL: llvm.func @_mlir_ciface_block
// SERIAL-NOT: omp.

// No stored rows are copied, and the output is written where the caller wants it.
// BUFFERS: func.func @block({{.*}}, %[[OUT:.*]]: memref<?x64xbf16>)
// BUFFERS-NOT: memref.copy {{.*}}bf16
// BUFFERS: memref.subview %[[OUT]]
// BUFFERS-NOT: memref.copy {{.*}}bf16
func.func @block(%hidden: tensor<?x64xbf16> {moe.name = "hidden"},
                 %logits: tensor<?x8xf32> {moe.name = "router_logits"},
                 %gate_up: tensor<8x96x64xbf16> {moe.name = "gate_up"},
                 %down: tensor<8x64x48xbf16> {moe.name = "down"})
    -> (tensor<?x64xbf16> {moe.name = "output"}) {
  %weights, %experts = moe.route %logits top_k(2) score(softmax) order(score_then_select) renormalize
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %rows, %routes, %offsets = moe.permute %experts, %hidden experts(8)
    : (tensor<?x2xi32>, tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?xi32>, tensor<9xi32>)
  %gu = moe.grouped_matmul %rows, %offsets, %gate_up
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x96x64xbf16>) -> tensor<?x96xbf16>
  %h = moe.activation %gu kind(silu_gate) layout<halves, gate_first>
    : (tensor<?x96xbf16>) -> tensor<?x48xbf16>
  %d = moe.grouped_matmul %h, %offsets, %down
    : (tensor<?x48xbf16>, tensor<9xi32>, tensor<8x64x48xbf16>) -> tensor<?x64xbf16>
  %y = moe.combine %d, %weights, %routes
    : (tensor<?x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
