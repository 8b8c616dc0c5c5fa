// Rows that a combine is the last to read are discarded for up to so many tokens as L2 holds the
// rows of (40 MB: 610 tokens of 8 rows of 8192 bytes), if the function's own buffer has them and
// they are whole lines of 128 bytes.
// RUN: moe-opt %s --convert-moe-to-kernel=tokens=4,1024 --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @last_t0(
// CHECK: %[[ROWS:.*]] = moe_kernel.buffer "weighted"
// CHECK: moe_kernel.combine ins(%[[ROWS]], {{.*}} discards(610){{$}}
// A variant that is meant for more tokens discards nothing.
// CHECK-LABEL: func.func @last_t
// CHECK: moe_kernel.combine
// CHECK-NOT: discards
// CHECK: return
func.func @last(%x: tensor<?x32xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x4096x32xbf16>, %rw: tensor<?x8xf32>,
    %routes: tensor<?xi32>) -> tensor<?x4096xbf16> {
  %y = moe.grouped_matmul %x, %offsets, %w combine(%rw, %routes)
    : (tensor<?x32xbf16>, tensor<5xi32>, tensor<4x4096x32xbf16>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x4096xbf16>
  return %y : tensor<?x4096xbf16>
}

// -----

// CHECK-LABEL: func.func @part_of_a_line_t0(
// CHECK: moe_kernel.combine
// CHECK-NOT: discards
// CHECK: return
func.func @part_of_a_line(%x: tensor<?x32xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x96x32xbf16>,
    %rw: tensor<?x8xf32>, %routes: tensor<?xi32>) -> tensor<?x96xbf16> {
  %y = moe.grouped_matmul %x, %offsets, %w combine(%rw, %routes)
    : (tensor<?x32xbf16>, tensor<5xi32>, tensor<4x96x32xbf16>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x96xbf16>
  return %y : tensor<?x96xbf16>
}

// -----

// The first of two combines of the same rows leaves them to the second.
// CHECK-LABEL: func.func @read_again_t0(
// CHECK: moe_kernel.grouped_matmul
// CHECK: moe_kernel.combine
// CHECK-NOT: discards
// CHECK: moe_kernel.combine {{.*}} discards(39062){{$}}
func.func @read_again(%x: tensor<?x32xbf16>, %offsets: tensor<5xi32>, %w: tensor<4x64x32xbf16>, %rw: tensor<?x8xf32>,
    %routes: tensor<?xi32>) -> (tensor<?x64xbf16>, tensor<?x64xbf16>) {
  %rows = moe.grouped_matmul %x, %offsets, %w
    : (tensor<?x32xbf16>, tensor<5xi32>, tensor<4x64x32xbf16>) -> tensor<?x64xbf16>
  %y = moe.combine %rows, %rw, %routes : (tensor<?x64xbf16>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  %z = moe.combine %rows, %rw, %routes : (tensor<?x64xbf16>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %y, %z : tensor<?x64xbf16>, tensor<?x64xbf16>
}
