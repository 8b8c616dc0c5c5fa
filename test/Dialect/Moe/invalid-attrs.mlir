// RUN: moe-opt %s --split-input-file --verify-diagnostics

// expected-error @+2 {{expected ::moec::moe::GatePacking to be one of: halves, interleaved}}
// expected-error @+1 {{failed to parse Moe_GateLayoutAttr parameter 'packing'}}
func.func private @gate_layout_packing() attributes {a = #moe.gate_layout<thirds, gate_first>}

// -----

// expected-error @+2 {{expected ::moec::moe::GateOrder to be one of: gate_first, up_first}}
// expected-error @+1 {{failed to parse Moe_GateLayoutAttr parameter 'order'}}
func.func private @gate_layout_order() attributes {a = #moe.gate_layout<halves, down_first>}

// -----

// expected-error @+1 {{expected ','}}
func.func private @gate_layout_without_order() attributes {a = #moe.gate_layout<halves>}

// -----

func.func @activation_kind_unknown(%x: tensor<?x4xf32>) {
  // expected-error @+2 {{expected ::moec::moe::ActivationKind to be one of: silu_gate,}}
  // expected-error @+1 {{failed to parse Moe_ActivationKindAttr parameter 'value'}}
  %h = moe.activation %x kind(swish) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @score_unknown(%l: tensor<?x8xf32>) {
  // expected-error @+2 {{expected ::moec::moe::ScoreFunction to be one of: softmax}}
  // expected-error @+1 {{failed to parse Moe_ScoreFunctionAttr parameter 'value'}}
  %w, %e = moe.route %l top_k(1) score(hardmax) order(score_then_select)
    : (tensor<?x8xf32>) -> (tensor<?x1xf32>, tensor<?x1xi32>)
  return
}

// -----

func.func @order_unknown(%l: tensor<?x8xf32>) {
  // expected-error @+2 {{expected ::moec::moe::SelectOrder to be one of: score_then_select, select_then_score}}
  // expected-error @+1 {{failed to parse Moe_SelectOrderAttr parameter 'value'}}
  %w, %e = moe.route %l top_k(1) score(softmax) order(select)
    : (tensor<?x8xf32>) -> (tensor<?x1xf32>, tensor<?x1xi32>)
  return
}

// -----

func.func @route_attribute_missing(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{'moe.route' op requires attribute 'order'}}
  %w, %e = "moe.route"(%l) {top_k = 1 : i64, score = #moe<score(softmax)>}
    : (tensor<?x8xf32>) -> (tensor<?x1xf32>, tensor<?x1xi32>)
  return
}

// -----

// expected-error @+1 {{'func.func' op expects 'moe.name' to be a string of 1 to 256 printable ASCII characters, but got 1 : i64}}
func.func private @name_not_a_string(tensor<4xf32> {moe.name = 1})

// -----

// expected-error @+1 {{expects 'moe.name' to be a string of 1 to 256 printable ASCII characters, but got ""}}
func.func private @name_empty(tensor<4xf32>) -> (tensor<4xf32> {moe.name = ""})

// -----

// expected-error @+1 {{expects 'moe.name' to be a string of 1 to 256 printable ASCII characters, but got "ausgabe \C3\BC"}}
func.func private @name_not_ascii(tensor<4xf32>) -> (tensor<4xf32> {moe.name = "ausgabe ü"})

// -----

// expected-error @+1 {{expects 'moe.name' to be a string of 1 to 256 printable ASCII characters, but got "a\0Ab"}}
func.func private @name_not_printable(tensor<4xf32> {moe.name = "a\nb"})

// -----

// expected-error @+1 {{expects 'moe.name' to be a string of 1 to 256 printable ASCII characters, but got "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}}
func.func private @name_long(tensor<4xf32> {moe.name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"})

// -----

// As long as a name may be.
func.func private @name_longest(tensor<4xf32> {moe.name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"})

// -----

// expected-error @+1 {{expects a 'moe.name' that safetensors files do not reserve, but got "__metadata__"}}
func.func private @name_reserved(tensor<4xf32> {moe.name = "__metadata__"})

// -----

// expected-error @+1 {{expects only 'moe.name' of the moe dialect on an argument or result, but got 'moe.label'}}
func.func private @name_unknown(tensor<4xf32> {moe.label = "x"})

// -----

// expected-error @+1 {{expects every 'moe.name' of a function once, but got "x" again}}
func.func private @name_twice(tensor<4xf32> {moe.name = "x"}, tensor<4xf32> {moe.name = "x"})

// -----

// expected-error @+1 {{expects every 'moe.name' of a function once, but got "x" again}}
func.func private @name_of_argument_and_result(tensor<4xf32> {moe.name = "x"}) -> (tensor<4xf32> {moe.name = "x"})
