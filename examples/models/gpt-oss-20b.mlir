// MoE block of model_type gpt_oss: E = 32 experts, k = 4 a token, H = 2880, I = 2880.
// Made by `moec import` from its config.json.
module {
  func.func @moe_block(%hidden: tensor<?x2880xbf16> {moe.name = "hidden"}, %router_logits: tensor<?x32xf32> {moe.name = "router_logits"}, %gate_up: tensor<32x2880x5760xbf16> {moe.name = "gate_up"}, %gate_up_bias: tensor<32x5760xbf16> {moe.name = "gate_up_bias"}, %down: tensor<32x2880x2880xbf16> {moe.name = "down"}, %down_bias: tensor<32x2880xbf16> {moe.name = "down_bias"}) -> (tensor<?x2880xbf16> {moe.name = "output"}) {
    %weights, %experts = moe.route %router_logits top_k(4) score(softmax) order(select_then_score) : (tensor<?x32xf32>) -> (tensor<?x4xf32>, tensor<?x4xi32>)
    %rows, %routes, %offsets = moe.permute %experts, %hidden experts(32) : (tensor<?x4xi32>, tensor<?x2880xbf16>) -> (tensor<?x2880xbf16>, tensor<?xi32>, tensor<33xi32>)
    %padded, %padded_offsets = moe.pad %rows, %offsets multiple(8) : (tensor<?x2880xbf16>, tensor<33xi32>) -> (tensor<?x2880xbf16>, tensor<33xi32>)
    %product = moe.grouped_matmul %padded, %padded_offsets, %gate_up bias(%gate_up_bias) transposed : (tensor<?x2880xbf16>, tensor<33xi32>, tensor<32x2880x5760xbf16>, tensor<32x5760xbf16>) -> tensor<?x5760xbf16>
    %act = moe.activation %product kind(gpt_oss_swiglu) layout<interleaved, gate_first> : (tensor<?x5760xbf16>) -> tensor<?x2880xbf16>
    %product_0 = moe.grouped_matmul %act, %padded_offsets, %down bias(%down_bias) transposed : (tensor<?x2880xbf16>, tensor<33xi32>, tensor<32x2880x2880xbf16>, tensor<32x2880xbf16>) -> tensor<?x2880xbf16>
    %unpadded = moe.unpad %product_0, %padded_offsets, %offsets, %routes : (tensor<?x2880xbf16>, tensor<33xi32>, tensor<33xi32>, tensor<?xi32>) -> tensor<?x2880xbf16>
    %output = moe.combine %unpadded, %weights, %routes : (tensor<?x2880xbf16>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x2880xbf16>
    return %output : tensor<?x2880xbf16>
  }
}
