// Predicates and functions whose forms are easily confused.
// RUN: moe-opt %s --emit-cuda -o /dev/null | FileCheck %s

module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @b_t0(%x: memref<?x64xbf16> {moe.name = "x"}, %y: memref<?x64xbf16> {moe.name = "y", moe_kernel.output})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    moe_kernel.activation ins(%x, %x : memref<?x64xbf16>, memref<?x64xbf16>) outs(%y : memref<?x64xbf16>)
      schedule<threads = 128> {
    ^bb0(%a: f32, %b: f32):
      // CHECK: const bool v0 = gate == up;
      %0 = arith.cmpf oeq, %a, %b : f32
      // CHECK-NEXT: const bool v1 = gate >= up;
      %1 = arith.cmpf oge, %a, %b : f32
      // CHECK-NEXT: const bool v2 = gate < up;
      %2 = arith.cmpf olt, %a, %b : f32
      // CHECK-NEXT: const bool v3 = gate <= up;
      %3 = arith.cmpf ole, %a, %b : f32
      // CHECK-NEXT: const bool v4 = gate < up || gate > up;
      %4 = arith.cmpf one, %a, %b : f32
      // CHECK-NEXT: const bool v5 = gate == gate && up == up;
      %5 = arith.cmpf ord, %a, %b : f32
      // CHECK-NEXT: const bool v6 = !(gate < up || gate > up);
      %6 = arith.cmpf ueq, %a, %b : f32
      // CHECK-NEXT: const bool v7 = !(gate <= up);
      %7 = arith.cmpf ugt, %a, %b : f32
      // CHECK-NEXT: const bool v8 = !(gate < up);
      %8 = arith.cmpf uge, %a, %b : f32
      // CHECK-NEXT: const bool v9 = !(gate > up);
      %9 = arith.cmpf ule, %a, %b : f32
      // CHECK-NEXT: const bool v10 = gate != up;
      %10 = arith.cmpf une, %a, %b : f32
      %u0 = arith.ori %0, %1 : i1
      %u1 = arith.ori %2, %3 : i1
      %u2 = arith.ori %4, %5 : i1
      %u3 = arith.ori %6, %7 : i1
      %u4 = arith.ori %8, %9 : i1
      %u5 = arith.ori %u0, %u1 : i1
      %u6 = arith.ori %u2, %u3 : i1
      %u7 = arith.ori %u4, %10 : i1
      %u8 = arith.ori %u5, %u6 : i1
      %u9 = arith.ori %u7, %u8 : i1
      // CHECK: = rintf(up);
      %s = arith.select %u9, %a, %b : f32
      %re = math.roundeven %b : f32
      // CHECK-NEXT: = roundf(
      %ro = math.round %re : f32
      // CHECK-NEXT: = copysignf(gate, up);
      %cs = math.copysign %a, %b : f32
      // CHECK-NEXT: = log10f(
      %l10 = math.log10 %cs : f32
      // CHECK-NEXT: = log2f(
      %l2 = math.log2 %l10 : f32
      // CHECK-NEXT: = log1pf(
      %l1 = math.log1p %l2 : f32
      // CHECK-NEXT: = fmodf(gate, up);
      %rem = arith.remf %a, %b : f32
      // CHECK-NEXT: = atan2f(gate, up);
      %at = math.atan2 %a, %b : f32
      %f0 = arith.addf %l1, %ro : f32
      %f1 = arith.addf %rem, %at : f32
      %f2 = arith.addf %f0, %f1 : f32
      %f3 = arith.addf %f2, %s : f32
      moe_kernel.yield %f3 : f32
    }
    return
  }
}
