// The routed experts of DeepSeek-V3: E = 256 experts, k = 8 a token, H = 7168, I = 2048.
// Published sizes: config.json of deepseek-ai/DeepSeek-V3. The model scores with a sigmoid, a
// correction bias and expert groups; here a renormalised softmax stands in for its router.
func.func @moe_block(%hidden: tensor<?x7168xbf16> {moe.name = "hidden"},
                     %router_logits: tensor<?x256xf32> {moe.name = "router_logits"},
                     %gate_up: tensor<256x4096x7168xbf16> {moe.name = "gate_up"},
                     %down: tensor<256x7168x2048xbf16> {moe.name = "down"})
    -> (tensor<?x7168xbf16> {moe.name = "output"}) {
  %weights, %experts = moe.route %router_logits
      top_k(8) score(softmax) order(score_then_select) renormalize
    : (tensor<?x256xf32>) -> (tensor<?x8xf32>, tensor<?x8xi32>)
  %rows, %routes, %offsets = moe.permute %experts, %hidden experts(256)
    : (tensor<?x8xi32>, tensor<?x7168xbf16>) -> (tensor<?x7168xbf16>, tensor<?xi32>, tensor<257xi32>)
  %padded, %padded_offsets = moe.pad %rows, %offsets multiple(8)
    : (tensor<?x7168xbf16>, tensor<257xi32>) -> (tensor<?x7168xbf16>, tensor<257xi32>)
  %gate_up_rows = moe.grouped_matmul %padded, %padded_offsets, %gate_up
    : (tensor<?x7168xbf16>, tensor<257xi32>, tensor<256x4096x7168xbf16>) -> tensor<?x4096xbf16>
  %act = moe.activation %gate_up_rows kind(silu_gate) layout<halves, gate_first>
    : (tensor<?x4096xbf16>) -> tensor<?x2048xbf16>
  %down_rows = moe.grouped_matmul %act, %padded_offsets, %down
    : (tensor<?x2048xbf16>, tensor<257xi32>, tensor<256x7168x2048xbf16>) -> tensor<?x7168xbf16>
  %unpadded = moe.unpad %down_rows, %padded_offsets, %offsets, %routes
    : (tensor<?x7168xbf16>, tensor<257xi32>, tensor<257xi32>, tensor<?xi32>) -> tensor<?x7168xbf16>
  %output = moe.combine %unpadded, %weights, %routes
    : (tensor<?x7168xbf16>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x7168xbf16>
  return %output : tensor<?x7168xbf16>
}
