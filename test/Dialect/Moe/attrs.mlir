// RUN: moe-opt %s --verify-roundtrip | FileCheck %s

// The layout stands alone as well. (Not in ops.mlir: lowered functions keep their attributes.)

// CHECK-LABEL: func.func private @gate_layouts
// CHECK-SAME:  a = #moe.gate_layout<halves, gate_first>
// CHECK-SAME:  b = #moe.gate_layout<halves, up_first>
// CHECK-SAME:  c = #moe.gate_layout<interleaved, gate_first>
// CHECK-SAME:  d = #moe.gate_layout<interleaved, up_first>
func.func private @gate_layouts() attributes {
  a = #moe.gate_layout<halves, gate_first>, b = #moe.gate_layout<halves, up_first>,
  c = #moe.gate_layout<interleaved, gate_first>, d = #moe.gate_layout<interleaved, up_first>}
