// A block small enough for every test and for reading along: E = 8 experts, k = 2 a token, H = 64,
// I = 48, separate gate and up weights so that every fusion has something to do.
func.func @moe_block(%hidden: tensor<?x64xbf16> {moe.name = "hidden"},
                     %router_logits: tensor<?x8xf32> {moe.name = "router_logits"},
                     %gate: tensor<8x48x64xbf16> {moe.name = "gate"},
                     %up: tensor<8x48x64xbf16> {moe.name = "up"},
                     %down: tensor<8x64x48xbf16> {moe.name = "down"})
    -> (tensor<?x64xbf16> {moe.name = "output"}) {
  %weights, %experts = moe.route %router_logits
      top_k(2) score(softmax) order(score_then_select) renormalize
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %rows, %routes, %offsets = moe.permute %experts, %hidden experts(8)
    : (tensor<?x2xi32>, tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?xi32>, tensor<9xi32>)
  %padded, %padded_offsets = moe.pad %rows, %offsets multiple(8)
    : (tensor<?x64xbf16>, tensor<9xi32>) -> (tensor<?x64xbf16>, tensor<9xi32>)
  %gate_rows = moe.grouped_matmul %padded, %padded_offsets, %gate
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  %up_rows = moe.grouped_matmul %padded, %padded_offsets, %up
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x48x64xbf16>) -> tensor<?x48xbf16>
  %act = moe.activation %gate_rows, %up_rows kind(silu_gate)
    : (tensor<?x48xbf16>, tensor<?x48xbf16>) -> tensor<?x48xbf16>
  %down_rows = moe.grouped_matmul %act, %padded_offsets, %down
    : (tensor<?x48xbf16>, tensor<9xi32>, tensor<8x64x48xbf16>) -> tensor<?x64xbf16>
  %unpadded = moe.unpad %down_rows, %padded_offsets, %offsets, %routes
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<9xi32>, tensor<?xi32>) -> tensor<?x64xbf16>
  %output = moe.combine %unpadded, %weights, %routes
    : (tensor<?x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return %output : tensor<?x64xbf16>
}
