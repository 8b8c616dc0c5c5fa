// MoE block of model_type qwen3_moe: E = 128 experts, k = 8 a token, H = 4096, I = 1536.
// Made by `moec import` from its config.json.
module {
  func.func @moe_block(%hidden: tensor<?x4096xbf16> {moe.name = "hidden"}, %router_logits: tensor<?x128xf32> {moe.name = "router_logits"}, %gate_up: tensor<128x3072x4096xbf16> {moe.name = "gate_up"}, %down: tensor<128x4096x1536xbf16> {moe.name = "down"}) -> (tensor<?x4096xbf16> {moe.name = "output"}) {
    %weights, %experts = moe.route %router_logits top_k(8) score(softmax) order(score_then_select) renormalize : (tensor<?x128xf32>) -> (tensor<?x8xf32>, tensor<?x8xi32>)
    %rows, %routes, %offsets = moe.permute %experts, %hidden experts(128) : (tensor<?x8xi32>, tensor<?x4096xbf16>) -> (tensor<?x4096xbf16>, tensor<?xi32>, tensor<129xi32>)
    %padded, %padded_offsets = moe.pad %rows, %offsets multiple(8) : (tensor<?x4096xbf16>, tensor<129xi32>) -> (tensor<?x4096xbf16>, tensor<129xi32>)
    %product = moe.grouped_matmul %padded, %padded_offsets, %gate_up : (tensor<?x4096xbf16>, tensor<129xi32>, tensor<128x3072x4096xbf16>) -> tensor<?x3072xbf16>
    %act = moe.activation %product kind(silu_gate) layout<halves, gate_first> : (tensor<?x3072xbf16>) -> tensor<?x1536xbf16>
    %product_0 = moe.grouped_matmul %act, %padded_offsets, %down : (tensor<?x1536xbf16>, tensor<129xi32>, tensor<128x4096x1536xbf16>) -> tensor<?x4096xbf16>
    %unpadded = moe.unpad %product_0, %padded_offsets, %offsets, %routes : (tensor<?x4096xbf16>, tensor<129xi32>, tensor<129xi32>, tensor<?xi32>) -> tensor<?x4096xbf16>
    %output = moe.combine %unpadded, %weights, %routes : (tensor<?x4096xbf16>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x4096xbf16>
    return %output : tensor<?x4096xbf16>
  }
}
