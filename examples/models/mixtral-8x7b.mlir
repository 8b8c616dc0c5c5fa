// MoE block of model_type mixtral: E = 8 experts, k = 2 a token, H = 4096, I = 14336.
// Made by `moec import` from its config.json.
module {
  func.func @moe_block(%hidden: tensor<?x4096xbf16> {moe.name = "hidden"}, %router_logits: tensor<?x8xf32> {moe.name = "router_logits"}, %gate_up: tensor<8x28672x4096xbf16> {moe.name = "gate_up"}, %down: tensor<8x4096x14336xbf16> {moe.name = "down"}) -> (tensor<?x4096xbf16> {moe.name = "output"}) {
    %weights, %experts = moe.route %router_logits top_k(2) score(softmax) order(score_then_select) renormalize : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %rows, %routes, %offsets = moe.permute %experts, %hidden experts(8) : (tensor<?x2xi32>, tensor<?x4096xbf16>) -> (tensor<?x4096xbf16>, tensor<?xi32>, tensor<9xi32>)
    %padded, %padded_offsets = moe.pad %rows, %offsets multiple(8) : (tensor<?x4096xbf16>, tensor<9xi32>) -> (tensor<?x4096xbf16>, tensor<9xi32>)
    %product = moe.grouped_matmul %padded, %padded_offsets, %gate_up : (tensor<?x4096xbf16>, tensor<9xi32>, tensor<8x28672x4096xbf16>) -> tensor<?x28672xbf16>
    %act = moe.activation %product kind(silu_gate) layout<halves, gate_first> : (tensor<?x28672xbf16>) -> tensor<?x14336xbf16>
    %product_0 = moe.grouped_matmul %act, %padded_offsets, %down : (tensor<?x14336xbf16>, tensor<9xi32>, tensor<8x4096x14336xbf16>) -> tensor<?x4096xbf16>
    %unpadded = moe.unpad %product_0, %padded_offsets, %offsets, %routes : (tensor<?x4096xbf16>, tensor<9xi32>, tensor<9xi32>, tensor<?xi32>) -> tensor<?x4096xbf16>
    %output = moe.combine %unpadded, %weights, %routes : (tensor<?x4096xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x4096xbf16>
    return %output : tensor<?x4096xbf16>
  }
}
