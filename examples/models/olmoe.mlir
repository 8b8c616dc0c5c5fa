// MoE block of model_type olmoe: E = 64 experts, k = 8 a token, H = 2048, I = 1024.
// Made by `moec import` from its config.json.
module {
  func.func @moe_block(%hidden: tensor<?x2048xbf16> {moe.name = "hidden"}, %router_logits: tensor<?x64xf32> {moe.name = "router_logits"}, %gate_up: tensor<64x2048x2048xbf16> {moe.name = "gate_up"}, %down: tensor<64x2048x1024xbf16> {moe.name = "down"}) -> (tensor<?x2048xbf16> {moe.name = "output"}) {
    %weights, %experts = moe.route %router_logits top_k(8) score(softmax) order(score_then_select) : (tensor<?x64xf32>) -> (tensor<?x8xf32>, tensor<?x8xi32>)
    %rows, %routes, %offsets = moe.permute %experts, %hidden experts(64) : (tensor<?x8xi32>, tensor<?x2048xbf16>) -> (tensor<?x2048xbf16>, tensor<?xi32>, tensor<65xi32>)
    %padded, %padded_offsets = moe.pad %rows, %offsets multiple(8) : (tensor<?x2048xbf16>, tensor<65xi32>) -> (tensor<?x2048xbf16>, tensor<65xi32>)
    %product = moe.grouped_matmul %padded, %padded_offsets, %gate_up : (tensor<?x2048xbf16>, tensor<65xi32>, tensor<64x2048x2048xbf16>) -> tensor<?x2048xbf16>
    %act = moe.activation %product kind(silu_gate) layout<halves, gate_first> : (tensor<?x2048xbf16>) -> tensor<?x1024xbf16>
    %product_0 = moe.grouped_matmul %act, %padded_offsets, %down : (tensor<?x1024xbf16>, tensor<65xi32>, tensor<64x2048x1024xbf16>) -> tensor<?x2048xbf16>
    %unpadded = moe.unpad %product_0, %padded_offsets, %offsets, %routes : (tensor<?x2048xbf16>, tensor<65xi32>, tensor<65xi32>, tensor<?xi32>) -> tensor<?x2048xbf16>
    %output = moe.combine %unpadded, %weights, %routes : (tensor<?x2048xbf16>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x2048xbf16>
    return %output : tensor<?x2048xbf16>
  }
}
