// Both products have a bias, and an activation follows the first, as in gpt-oss.
func.func @moe_block(%hidden: tensor<?x640xbf16> {moe.name = "hidden"}, %logits: tensor<?x4xf32> {moe.name = "router_logits"},
                     %gate_up: tensor<4x1024x640xbf16> {moe.name = "gate_up"}, %gate_up_bias: tensor<4x1024xbf16> {moe.name = "gate_up_bias"},
                     %down: tensor<4x640x512xbf16> {moe.name = "down"}, %down_bias: tensor<4x640xbf16> {moe.name = "down_bias"})
    -> (tensor<?x640xbf16> {moe.name = "output"}) {
  %weights, %experts = moe.route %logits top_k(2) score(softmax) order(select_then_score)
    : (tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %rows, %routes, %offsets = moe.permute %experts, %hidden experts(4)
    : (tensor<?x2xi32>, tensor<?x640xbf16>) -> (tensor<?x640xbf16>, tensor<?xi32>, tensor<5xi32>)
  %h = moe.grouped_matmul %rows, %offsets, %gate_up bias(%gate_up_bias)
    : (tensor<?x640xbf16>, tensor<5xi32>, tensor<4x1024x640xbf16>, tensor<4x1024xbf16>) -> tensor<?x1024xbf16>
  %act = moe.activation %h ACTIVATION
    : (tensor<?x1024xbf16>) -> tensor<?x512xbf16>
  %y = moe.grouped_matmul %act, %offsets, %down bias(%down_bias)
    : (tensor<?x512xbf16>, tensor<5xi32>, tensor<4x640x512xbf16>, tensor<4x640xbf16>) -> tensor<?x640xbf16>
  %output = moe.combine %y, %weights, %routes
    : (tensor<?x640xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x640xbf16>
  return %output : tensor<?x640xbf16>
}
