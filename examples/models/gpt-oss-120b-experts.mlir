// The experts of gpt-oss-120b: E = 128 experts, k = 4 a token, H = I = 2880.
// Published sizes: config.json of openai/gpt-oss-120b. Its router selects, then takes the softmax
// of the winners; its gate and up rows are interleaved. The model's own activation and its biases
// are left out: silu_gate stands in for them.
func.func @moe_block(%hidden: tensor<?x2880xbf16> {moe.name = "hidden"},
                     %router_logits: tensor<?x128xf32> {moe.name = "router_logits"},
                     %gate_up: tensor<128x5760x2880xbf16> {moe.name = "gate_up"},
                     %down: tensor<128x2880x2880xbf16> {moe.name = "down"})
    -> (tensor<?x2880xbf16> {moe.name = "output"}) {
  %weights, %experts = moe.route %router_logits
      top_k(4) score(softmax) order(select_then_score)
    : (tensor<?x128xf32>) -> (tensor<?x4xf32>, tensor<?x4xi32>)
  %rows, %routes, %offsets = moe.permute %experts, %hidden experts(128)
    : (tensor<?x4xi32>, tensor<?x2880xbf16>) -> (tensor<?x2880xbf16>, tensor<?xi32>, tensor<129xi32>)
  %padded, %padded_offsets = moe.pad %rows, %offsets multiple(8)
    : (tensor<?x2880xbf16>, tensor<129xi32>) -> (tensor<?x2880xbf16>, tensor<129xi32>)
  %gate_up_rows = moe.grouped_matmul %padded, %padded_offsets, %gate_up
    : (tensor<?x2880xbf16>, tensor<129xi32>, tensor<128x5760x2880xbf16>) -> tensor<?x5760xbf16>
  %act = moe.activation %gate_up_rows kind(silu_gate) layout<interleaved, gate_first>
    : (tensor<?x5760xbf16>) -> tensor<?x2880xbf16>
  %down_rows = moe.grouped_matmul %act, %padded_offsets, %down
    : (tensor<?x2880xbf16>, tensor<129xi32>, tensor<128x2880x2880xbf16>) -> tensor<?x2880xbf16>
  %unpadded = moe.unpad %down_rows, %padded_offsets, %offsets, %routes
    : (tensor<?x2880xbf16>, tensor<129xi32>, tensor<129xi32>, tensor<?xi32>) -> tensor<?x2880xbf16>
  %output = moe.combine %unpadded, %weights, %routes
    : (tensor<?x2880xbf16>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x2880xbf16>
  return %output : tensor<?x2880xbf16>
}
