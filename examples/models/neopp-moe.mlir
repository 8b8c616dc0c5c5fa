// An MoE layer with separate gate and up weights and select-then-softmax routing:
// E = 32 experts, k = 8 a token, H = 2048, I = 768.
func.func @moe_block(%hidden: tensor<?x2048xbf16> {moe.name = "hidden"},
                     %router_logits: tensor<?x32xf32> {moe.name = "router_logits"},
                     %gate: tensor<32x768x2048xbf16> {moe.name = "gate"},
                     %up: tensor<32x768x2048xbf16> {moe.name = "up"},
                     %down: tensor<32x2048x768xbf16> {moe.name = "down"})
    -> (tensor<?x2048xbf16> {moe.name = "output"}) {
  %weights, %experts = moe.route %router_logits
      top_k(8) score(softmax) order(select_then_score)
    : (tensor<?x32xf32>) -> (tensor<?x8xf32>, tensor<?x8xi32>)
  %rows, %routes, %offsets = moe.permute %experts, %hidden experts(32)
    : (tensor<?x8xi32>, tensor<?x2048xbf16>) -> (tensor<?x2048xbf16>, tensor<?xi32>, tensor<33xi32>)
  %padded, %padded_offsets = moe.pad %rows, %offsets multiple(8)
    : (tensor<?x2048xbf16>, tensor<33xi32>) -> (tensor<?x2048xbf16>, tensor<33xi32>)
  %gate_rows = moe.grouped_matmul %padded, %padded_offsets, %gate
    : (tensor<?x2048xbf16>, tensor<33xi32>, tensor<32x768x2048xbf16>) -> tensor<?x768xbf16>
  %up_rows = moe.grouped_matmul %padded, %padded_offsets, %up
    : (tensor<?x2048xbf16>, tensor<33xi32>, tensor<32x768x2048xbf16>) -> tensor<?x768xbf16>
  %act = moe.activation %gate_rows, %up_rows kind(silu_gate)
    : (tensor<?x768xbf16>, tensor<?x768xbf16>) -> tensor<?x768xbf16>
  %down_rows = moe.grouped_matmul %act, %padded_offsets, %down
    : (tensor<?x768xbf16>, tensor<33xi32>, tensor<32x2048x768xbf16>) -> tensor<?x2048xbf16>
  %unpadded = moe.unpad %down_rows, %padded_offsets, %offsets, %routes
    : (tensor<?x2048xbf16>, tensor<33xi32>, tensor<33xi32>, tensor<?xi32>) -> tensor<?x2048xbf16>
  %output = moe.combine %unpadded, %weights, %routes
    : (tensor<?x2048xbf16>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x2048xbf16>
  return %output : tensor<?x2048xbf16>
}
