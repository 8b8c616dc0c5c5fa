# Writes one random block as IR: awk -v seed=N -f random_block.awk >BLOCK.mlir
#
# Its first line is a comment with arguments of `moec run` that go with it: token counts, routings, and
# as chance has it which fusions run, how rows are combined and which schedules its matmuls get. Sizes
# are small, odd ones more likely than round ones. Of the schedules many are refused, with exit code 2,
# as the tile does not fit the target or the block. The same seed gives the same block.

function draw(n) { state = (state * 16807) % 2147483647; return state % n } # Lehmer: exact in doubles
function chance(percent) { return draw(100) < percent }
function pick(list, words) { return words[1 + draw(split(list, words, " "))] }

# A tensor type, and one with a name.
function tensor(shape, type) { return "tensor<" shape "x" type ">" }
function argument(name, type) { arguments = arguments (arguments == "" ? "" : ", ") "%" name ": " type " {moe.name = \"" name "\"}" }

function size_of(limit,   n) {
  if (chance(40)) n = 8 * (1 + draw(60))
  else if (chance(50)) n = 64 * (2 + draw(20))
  else n = 8 * (16 + draw(240))
  return n > limit ? limit : n
}

# A named activation, of two values or one; nothing where it is to be a region.
function activation(values) {
  if (chance(30)) return ""
  return " kind(" pick(values == 2 ? "silu_gate silu_gate gelu_gate gelu_tanh_gate relu_gate gpt_oss_swiglu" : "silu gelu gelu_tanh relu relu2") ")"
}
# Random operations that neither overflow nor amplify what rounding did to their operands.
function region(values,   text, n, i, a, b, op) {
  text = " body {\n  ^bb0(%v0: f32" (values == 2 ? ", %v1: f32" : "") "):\n    %c = arith.constant 0.75 : f32\n"
  n = values
  for (i = 2 + draw(12); i > 0; --i) {
    a = "%v" (n - 1); b = "%v" draw(n)
    op = pick("math.tanh math.erf math.sin math.cos math.atan math.absf arith.addf arith.addf arith.subf arith.mulf arith.minimumf arith.maximumf sqrt")
    if (op == "sqrt") { text = text "    %a" n " = math.absf " a " : f32\n"; a = "%a" n; op = "math.log1p" }
    if (op == "arith.mulf") { text = text "    %t" n " = math.tanh " b " : f32\n"; b = "%t" n }
    text = text "    %v" n " = " op " " a (op ~ /^arith/ ? ", " b : "") " : f32\n"
    ++n
  }
  return text "    %y = arith.mulf %v" (n - 1) ", %c : f32\n    moe.yield %y : f32\n  }"
}

function mma_schedule(   warps_m, warps_n) {
  warps_m = pick("1 1 2 4"); warps_n = pick("1 1 2 4")
  return "mma, block_m = " warps_m * 16 * pick("1 1 2 3 4") ", block_n = " warps_n * 16 * pick("1 2 3 4") ", block_k = " pick("32 64 128") \
    ", stages = " pick("2 3 4 5") ", warps_m = " warps_m ", warps_n = " warps_n ", min_blocks = " pick("1 1 2 4") \
    ", raster_group = " pick("1 3 8") ", weights = " pick("normal evict_first") (chance(6) ? ", early_start = false" : "")
}

function wgmma_schedule(   swapped, together, strips, most, columns, drawn) {
  swapped = chance(67); together = chance(60)
  strips = together ? pick("128 256 256 256") : swapped ? pick("64 128 128 128") : pick("64 128 128 192")
  most = int(192 * (together ? 256 : 128) / strips / 16); if (most > 16) most = 16
  columns = 16 * (1 + draw(most))
  if (!swapped && chance(70)) columns = 32 * (1 + draw(int(most / 2)))
  drawn = chance(60)
  return (swapped ? "wgmma_swapped, block_m = " columns ", block_n = " strips ", token_step = 16" : "wgmma, block_m = " strips ", block_n = " columns) \
    ", block_k = 64, stages = " (2 + draw(5)) (together ? ", cooperative = true" : "") (drawn ? ", dynamic = true" : "") (drawn && chance(50) ? ", both_ends = true" : "") \
    (chance(40) ? ", cluster = 2" : "") ", raster_group = " pick("1 2 3 8 8") ", weights = " pick("normal evict_first evict_last") \
    (chance(6) ? ", early_start = false" : "")
}

function schedule() { return chance(25) ? mma_schedule() : wgmma_schedule() }

BEGIN {
  state = (seed % 46337 * (seed % 46337) * 7919 + seed % 2147483647 * 48271 + 11) % 2147483646 + 1
  for (i = 0; i < 8; ++i) draw(2)
  data = chance(80) ? "bf16" : "f16"
  bias = chance(70) ? data : "f32"
  experts = pick("1 2 3 4 5 7 8 8 16 17 32 33 60 64 64 96 128 128 160 256 257 384")
  k = 1 + draw(experts < 8 ? experts : 8)
  if (chance(8)) k = 1 + draw(experts < 32 ? experts : 32)
  most = 30000000 / experts # elements of an expert's weights, so that inputs are made fast
  hidden = size_of(int(most / 24) - int(most / 24) % 8)
  room = int(most / (3 * hidden)); room -= room % 8
  inner = size_of(room < 8 ? 8 : room)

  x = tensor("?x" hidden, data)
  sorted = tensor(experts + 1, "i32")
  argument("hidden", x)
  argument("router_logits", tensor("?x" experts, "f32"))
  order = chance(30) ? "order(select_then_score)" : "order(score_then_select)" (chance(60) ? " renormalize" : "")
  pairs = tensor("?x" k, "f32"); ids = tensor("?x" k, "i32")
  body = "  %weights, %experts = moe.route %router_logits top_k(" k ") score(softmax) " order \
    "\n    : (" tensor("?x" experts, "f32") ") -> (" pairs ", " ids ")\n"
  body = body "  %rows, %routes, %offsets = moe.permute %experts, %hidden experts(" experts ")\n" \
    "    : (" ids ", " x ") -> (" x ", tensor<?xi32>, " sorted ")\n"
  padded = chance(70)
  from = padded ? "%padded, %padded_offsets" : "%rows, %offsets"
  if (padded)
    body = body "  %padded, %padded_offsets = moe.pad %rows, %offsets multiple(" pick("1 8 16 128") ")\n    : (" x ", " sorted ") -> (" x ", " sorted ")\n"
  offsets = padded ? "%padded_offsets" : "%offsets"

  # The first products: gate and up apart, on one axis, or a plain one.
  transposed = chance(35)
  biased = chance(25)
  form = pick("apart packed packed packed plain")
  width = form == "packed" ? 2 * inner : inner
  w = transposed ? tensor(experts "x" hidden "x" width, data) : tensor(experts "x" width "x" hidden, data)
  h = tensor("?x" width, data); act = tensor("?x" inner, data)
  names = form == "apart" ? "gate up" : "first"
  count = split(names, name, " ")
  for (i = 1; i <= count; ++i) {
    argument(name[i], w)
    b = tensor(experts "x" width, bias)
    if (biased) argument(name[i] "_bias", b)
    body = body "  %" name[i] "_rows = moe.grouped_matmul " from ", %" name[i] (biased ? " bias(%" name[i] "_bias)" : "") (transposed ? " transposed" : "") \
      "\n    : (" x ", " sorted ", " w (biased ? ", " b : "") ") -> " h "\n"
  }
  layout = form == "packed" ? " layout<" pick("halves interleaved") ", " pick("gate_first up_first") ">" : ""
  how = activation(form == "plain" ? 1 : 2)
  body = body "  %act = moe.activation " (form == "apart" ? "%gate_rows, %up_rows" : "%first_rows") how layout \
    (how == "" ? region(form == "plain" ? 1 : 2) : "") "\n    : (" h (form == "apart" ? ", " h : "") ") -> " act "\n"

  transposed = chance(35)
  biased = chance(25)
  w = transposed ? tensor(experts "x" inner "x" hidden, data) : tensor(experts "x" hidden "x" inner, data)
  argument("down", w)
  b = tensor(experts "x" hidden, bias)
  if (biased) argument("down_bias", b)
  body = body "  %down_rows = moe.grouped_matmul %act, " offsets ", %down" (biased ? " bias(%down_bias)" : "") (transposed ? " transposed" : "") \
    "\n    : (" act ", " sorted ", " w (biased ? ", " b : "") ") -> " x "\n"
  if (padded)
    body = body "  %unpadded = moe.unpad %down_rows, %padded_offsets, %offsets, %routes\n    : (" x ", " sorted ", " sorted ", tensor<?xi32>) -> " x "\n"
  body = body "  %output = moe.combine %" (padded ? "unpadded" : "down_rows") ", %weights, %routes\n    : (" x ", " pairs ", tensor<?xi32>) -> " x "\n"

  tokens = int(exp(draw(1000) / 1000 * 8.2)) - 1
  options = "--tokens " tokens "," int(exp(draw(1000) / 1000 * 8.2)) - 1 " --routing " pick("uniform uniform,zipf:1.2 zipf:1.2,one-expert zipf:0.6")
  if (chance(35)) {
    list = ""
    split("gate-up padding activation permute combine", fusion, " ")
    for (i = 1; i <= 5; ++i) if (chance(60)) list = list (list == "" ? "" : ",") fusion[i]
    options = options " --fuse " (list == "" ? "none" : list)
  } else if (chance(15)) options = options " --combine accumulate"
  if (chance(75)) options = options " --schedule \"" (chance(50) ? "*: " schedule() : "0: " schedule() "; 1: " schedule()) "\""
  print "// " options
  print "func.func @moe_block(" arguments ")\n    -> (" x " {moe.name = \"output\"}) {"
  printf "%s", body
  print "  return %output : " x "\n}"
}
