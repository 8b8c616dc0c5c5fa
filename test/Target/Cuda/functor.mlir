// Scalar regions as CUDA: one line an op, constants exact, NaN kept where the op keeps it.
// RUN: moe-opt %s --emit-cuda -o /dev/null | FileCheck %s

module attributes {moe_kernel.target = #moe_kernel.target<"sm_90a", shared_bytes = 232448, registers = 65536, multiprocessors = 132>} {
  func.func @b_t0(%x: memref<?x64xbf16> {moe.name = "x"}, %y: memref<?x64xbf16> {moe.name = "y", moe_kernel.output})
      attributes {moe_kernel.block = "b", moe_kernel.tokens = #moe_kernel.tokens<0, -1>} {
    moe_kernel.activation ins(%x, %x : memref<?x64xbf16>, memref<?x64xbf16>) outs(%y : memref<?x64xbf16>)
      schedule<threads = 128> {
    // CHECK: struct Function {
    // CHECK-NEXT: static MOE_DEVICE float apply(float gate, float up) {
    ^bb0(%gate: f32, %up: f32):
      // CHECK-NEXT: const float v0 = 0x1.99999ap-4f;
      %c = arith.constant 0.1 : f32
      // CHECK-NEXT: const float v1 = __uint_as_float(0xFF800000u);
      %inf = arith.constant 0xFF800000 : f32
      // CHECK-NEXT: const float v2 = -0x0.000002p-126f;
      %tiny = arith.constant -1.4e-45 : f32
      // CHECK-NEXT: const bool v3 = true;
      %true = arith.constant true
      // CHECK-NEXT: const float v4 = gate + v0;
      %add = arith.addf %gate, %c : f32
      // CHECK-NEXT: const float v5 = v4 - v1;
      %sub = arith.subf %add, %inf : f32
      // CHECK-NEXT: const float v6 = moe::fast_div(v5, up);
      %div = arith.divf %sub, %up : f32
      // CHECK-NEXT: const float v7 = moe::maximum(v6, v2);
      %max = arith.maximumf %div, %tiny : f32
      // CHECK-NEXT: const float v8 = moe::minimum(v7, up);
      %min = arith.minimumf %max, %up : f32
      // CHECK-NEXT: const float v9 = fmaxf(v8, v0);
      %maxnum = arith.maxnumf %min, %c : f32
      // CHECK-NEXT: const float v10 = fminf(v9, up);
      %minnum = arith.minnumf %maxnum, %up : f32
      // CHECK-NEXT: const bool v11 = gate > up;
      %ogt = arith.cmpf ogt, %gate, %up : f32
      // CHECK-NEXT: const bool v12 = !(gate >= up);
      %ult = arith.cmpf ult, %gate, %up : f32
      // CHECK-NEXT: const bool v13 = gate != gate || up != up;
      %uno = arith.cmpf uno, %gate, %up : f32
      // CHECK-NEXT: const bool v14 = v11 & v12;
      %and = arith.andi %ogt, %ult : i1
      // CHECK-NEXT: const bool v15 = v14 | v13;
      %or = arith.ori %and, %uno : i1
      // CHECK-NEXT: const bool v16 = v15 ^ v3;
      %xor = arith.xori %or, %true : i1
      // CHECK-NEXT: const float v17 = v16 ? v10 : gate;
      %select = arith.select %xor, %minnum, %gate : f32
      // CHECK-NEXT: const float v18 = -v17;
      %neg = arith.negf %select : f32
      // CHECK-NEXT: const float v19 = moe::fast_exp(v18);
      %exp = math.exp %neg : f32
      // CHECK-NEXT: const float v20 = moe::fast_tanh(v19);
      %tanh = math.tanh %exp : f32
      // CHECK-NEXT: const float v21 = moe::fast_erf(v20);
      %erf = math.erf %tanh : f32
      // CHECK-NEXT: const float v22 = fmaf(v21, up, v0);
      %fma = math.fma %erf, %up, %c : f32
      // CHECK-NEXT: const float v23 = moe::minimum(moe::maximum(v22, v2), up);
      %clamp = math.clampf %fma to [%tiny, %up] : f32
      // CHECK-NEXT: const bool v24 = isnan(v23);
      %isnan = math.isnan %clamp : f32
      // CHECK-NEXT: const bool v25 = isfinite(v23);
      %isfinite = math.isfinite %clamp : f32
      // CHECK-NEXT: const float v26 = v24 ? v23 : up;
      %s1 = arith.select %isnan, %clamp, %up : f32
      // CHECK-NEXT: const float v27 = v25 ? v26 : gate;
      %s2 = arith.select %isfinite, %s1, %gate : f32
      // CHECK-NEXT: const float v28 = sqrtf(v27);
      %sqrt = math.sqrt %s2 : f32
      // CHECK-NEXT: const float v29 = logf(v28);
      %log = math.log %sqrt : f32
      // CHECK-NEXT: const float v30 = powf(v29, up);
      %pow = math.powf %log, %up : f32
      // CHECK-NEXT: return v30;
      // CHECK-NEXT: }
      // CHECK-NEXT: };
      moe_kernel.yield %pow : f32
    }
    return
  }
}
