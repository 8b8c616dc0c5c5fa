#!/usr/bin/env bash
# Tests moec on a machine with a GPU: run.sh [MODE...] [--out DIR] [--moec PATH] [--limit SECONDS]
#        [--blocks N] [--seed N]
#
#   quick      the runtime's GPU tests, and all examples that are small enough in a few shapes
#   full       every example at T = 0 ... 16384 under three routings, checked against the reference
#   fusions    every subset of the fusions on the small block, and both forms of combine
#   sanitizer  compute-sanitizer's memcheck, synccheck and initcheck over small shapes
#   host       what a host waits for: cold start, start from the cache and from a package, a launch;
#              a host that serves while its block is tuned
#   tune       a short search on three blocks; every winner is checked against the reference
#   random     random blocks: sizes, forms, activations, fusions, schedules, token counts (--blocks N, default
#              200, from --seed N on, default any)
#   replays    what hundreds of replays back to back leave: right, and the same bits as after one run
#   bench      times of all examples, written as JSON
#
# Without a mode: quick. Everything is logged in DIR (default: ./moec-gpu-tests); a summary goes to
# standard output, its last line is "N passed, N failed, N skipped". Exit code 1 where a test failed.
# A mode that is out of time (--limit, for all modes together, default 3000) skips what is left and
# says so. Works from the archive and from a source tree with a build folder.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$PWD/moec-gpu-tests
moec=
limit=3000
blocks=200
seed=$((RANDOM * 32768 + RANDOM))
modes=()
while [ $# -gt 0 ]; do
  case "$1" in
    --out) out=$2; shift ;;
    --moec) moec=$2; shift ;;
    --limit) limit=$2; shift ;;
    --blocks) blocks=$2; shift ;;
    --seed) seed=$2; shift ;;
    quick | full | fusions | sanitizer | host | tune | random | replays | bench) modes+=("$1") ;;
    *) sed -n '2,21s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
  shift
done
[ ${#modes[@]} -gt 0 ] || modes=(quick)

# The archive has bin/ three levels up, the source tree a build folder two levels up.
first_existing() { for path in "$@"; do [ -e "$path" ] && { echo "$path"; return; }; done; }
moec=${moec:-$(first_existing "$here/../../../bin/moec" "$here/../../build/bin/moec")}
models=$(first_existing "$here/../examples/models" "$here/../../examples/models")
gtest=$(first_existing "$here/moert-gpu-tests" "$here/../../build/bin/moert-gpu-tests")
[ -x "$moec" ] || { echo "error: no moec beside this script; give --moec PATH" >&2; exit 2; }
mkdir -p "$out"
export MOEC_CACHE_DIR="$out/kernel-cache" # not the user's
SECONDS=0
passed=0 failed=0 skipped=0

pass() { passed=$((passed + ${1:-1})); }
# fail NAME LOG: counts one failure and shows the end of its log.
fail() {
  failed=$((failed + 1))
  echo "FAILED $1 (log: $2)"
  grep -E '^cuda .*MISMATCH|UNSTEADY|error:|reproduce' "$2" | head -3 | sed 's/^/    /'
}
skip() { skipped=$((skipped + ${2:-1})); echo "skipped $1"; }
out_of_time() { [ $SECONDS -ge "$limit" ]; }

# A checked run; each "cuda T=" line of its output is one test. Exit code 4 is a size that the
# machine's memory does not hold: skipped, with the reason.
checked_run() { # NAME EXPECTED-LINES MOEC-RUN-ARGUMENTS...
  local name=$1 expected=$2 log="$out/$1.log" rc ok bad
  shift 2
  out_of_time && { skip "$name: out of time" "$expected"; return; }
  timeout $((limit - SECONDS + 1)) "$moec" run "$@" --device cuda --check >"$log" 2>&1
  rc=$?
  ok=$(grep -c '^cuda T=.* ok,' "$log")
  bad=$(grep -c '^cuda T=.*MISMATCH' "$log")
  pass "$ok"
  if [ $rc -eq 4 ]; then
    skip "$name: $(tail -1 "$log")" $((expected - ok))
  elif [ $rc -eq 124 ]; then
    skip "$name: out of time" $((expected - ok))
  elif [ $rc -ne 0 ] || [ "$ok" -ne "$expected" ]; then
    fail "$name: exit code $rc, $ok of $expected right, $bad wrong" "$log"
  else
    echo "ok      $name: $ok checked, largest relative error $(grep -o 'relative error [0-9.e+-]*' "$log" | awk '{print $3}' | sort -g | tail -1)"
  fi
}

# Two orders of operands that clusters take.
swapped='wgmma_swapped, block_m = 176, block_n = 256, block_k = 64, stages = 4, token_step = 16, cooperative = true'
turns='wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5'
stream='wgmma, block_m = 64, block_n = 128, block_k = 64, stages = 8, dynamic = true, weights = evict_first'
broad='wgmma_swapped, block_m = 64, block_n = 256, block_k = 64, stages = 5, token_step = 16, dynamic = true, weights = evict_first'
low='wgmma_swapped, block_m = 96, block_n = 128, block_k = 64, stages = 8, token_step = 16, dynamic = true, weights = evict_first'
narrow='wgmma_swapped, block_m = 192, block_n = 128, block_k = 64, stages = 5, token_step = 16, dynamic = true, weights = evict_last'

runtime_tests() {
  local log="$out/moert-gpu-tests.log" json="$out/moert-gpu-tests.json" package="$out/tiny.moepkg"
  [ -n "$gtest" ] || { skip "moert-gpu-tests: not built"; return; }
  "$moec" compile "$models/tiny.mlir" -o "$package" --target native >"$out/tiny-compile.log" 2>&1 ||
    { fail "compiling tiny.mlir" "$out/tiny-compile.log"; return; }
  MOEC_TEST_PACKAGE=$package "$gtest" --gtest_output="json:$json" >"$log" 2>&1
  local rc=$? ok lost
  ok=$(grep -c '^\[       OK' "$log")
  lost=$(grep -c '^\[  SKIPPED \].*ms)' "$log")
  pass "$ok"
  [ "$lost" -eq 0 ] || skip "$lost of moert-gpu-tests" "$lost"
  if [ $rc -eq 0 ]; then echo "ok      moert-gpu-tests: $ok"; else fail "moert-gpu-tests" "$log"; fi
}

quick() {
  runtime_tests
  checked_run quick-tiny 20 "$models/tiny.mlir" --tokens 0,1,3,64,257 \
    --routing "uniform,zipf:1.2,one-expert,histogram:$models/tiny.histogram.json"
  checked_run quick-neopp 6 "$models/neopp-moe.mlir" --tokens 1,16,257 --routing uniform,one-expert
  checked_run quick-olmoe 4 "$models/olmoe.mlir" --tokens 1,64,1024,4096
  checked_run quick-qwen3-30b 2 "$models/qwen3-30b-a3b.mlir" --tokens 3,257
  # Few experts: tiles from the smallest to the largest, as their rows fill the multiprocessors.
  echo '{"model_type": "mixtral", "hidden_size": 256, "intermediate_size": 384, "num_local_experts": 2,
         "num_experts_per_tok": 2, "torch_dtype": "bfloat16"}' >"$out/two.json"
  "$moec" import "$out/two.json" -o "$out/two.mlir" 2>"$out/two-import.log"
  checked_run quick-two 18 "$out/two.mlir" --tokens 12,13,25,32,73,161,321,900,1500 --routing uniform,one-expert
  # Transposed weights, whose gate and up alternate, and apart.
  checked_run quick-gpt-oss-20b 10 "$models/gpt-oss-20b.mlir" --tokens 1,8,64,700,4096 --routing uniform,zipf:1.2
  sed 's/32x768x2048/NEW/g; s/32x2048x768/32x768x2048/g; s/NEW/32x2048x768/g; s/^.*moe.grouped_matmul .*$/& transposed/' \
    "$models/neopp-moe.mlir" >"$out/apart.mlir"
  checked_run quick-apart 14 "$out/apart.mlir" --tokens 1,2,16,64,257,900,4096 --routing uniform,zipf:1.2
  # Blocks in pairs that load weights for each other, with and without drawn tiles.
  checked_run quick-cluster-swapped 12 "$models/neopp-moe.mlir" --tokens 1,40,900,4096 --routing uniform,zipf:1.2,one-expert \
    --schedule "*: $swapped, dynamic = true, cluster = 2, weights = evict_last"
  checked_run quick-cluster-turns 12 "$models/neopp-moe.mlir" --tokens 1,40,900,4096 --routing uniform,zipf:1.2,one-expert \
    --schedule "*: $turns, cluster = 2"
  # Tiles from both ends of the map, in pairs and in single blocks: the experts of 900 tokens under
  # zipf:1.2 are uneven enough for it in both, under uniform routing they are not.
  checked_run quick-both-ends 6 "$models/neopp-moe.mlir" --tokens 40,900,1500 --routing uniform,zipf:1.2 \
    --schedule "*: $swapped, dynamic = true, both_ends = true, cluster = 2, weights = evict_last"
  deep_block
  checked_run quick-both-ends-alone 4 "$out/deep.mlir" --tokens 700,900 --routing uniform,zipf:1.2 \
    --schedule "*: $turns, dynamic = true, both_ends = true"
  # Tiles of the defaults that a block of few experts gets only with many tokens; up to 32 they are
  # drawn behind the fused route and sort.
  local tile
  for tile in stream broad low narrow; do
    checked_run quick-$tile 12 "$out/deep.mlir" --tokens 1,25,32,64,257,900 --routing uniform,one-expert --schedule "*: ${!tile}"
  done
  # The second matmul starts beside the first and waits for its rows from its first tile on.
  checked_run quick-early-start 8 "$out/deep.mlir" --tokens 1,3,17,64 --routing uniform,zipf:1.2 \
    --schedule "*: $swapped"
  sed 's/xbf16/xf16/g' "$models/tiny.mlir" >"$out/tiny-f16.mlir"
  checked_run quick-tiny-f16 2 "$out/tiny-f16.mlir" --tokens 5,300
}

full() {
  local model
  for model in neopp-moe olmoe qwen3-30b-a3b mixtral-8x7b qwen3-235b-a22b gpt-oss-120b-experts deepseek-v3-experts; do
    checked_run "full-$model" 27 "$models/$model.mlir" --tokens 0,1,3,16,64,257,1024,4096,16384 \
      --routing uniform,zipf:1.2,one-expert
  done
}

# The small block with sizes that the Hopper forms take too.
wide_block() {
  sed 's/x64xbf16/x256xbf16/g; s/x48xbf16/x192xbf16/g; s/x48x256xbf16/x192x256xbf16/g
       s/x64x192xbf16/x256x192xbf16/g' "$models/tiny.mlir" >"$out/wide.mlir"
}

# The same with reductions that are long enough for clusters.
deep_block() {
  sed 's/x64xbf16/x640xbf16/g; s/x48xbf16/x704xbf16/g; s/x48x640xbf16/x704x640xbf16/g
       s/x64x704xbf16/x640x704xbf16/g' "$models/tiny.mlir" >"$out/deep.mlir"
}

# Its sizes with transposed weights whose gate and up alternate, and biases.
transposed_block() {
  echo '{"model_type": "gpt_oss", "hidden_size": 640, "intermediate_size": 704, "num_local_experts": 8,
         "num_experts_per_tok": 2}' >"$out/transposed.json"
  "$moec" import "$out/transposed.json" -o "$out/transposed.mlir"
}

fusions() {
  local names=(gate-up padding activation permute combine) mask i choice block
  wide_block
  for block in "$models/tiny.mlir" "$out/wide.mlir"; do
    for ((mask = 0; mask < 32; ++mask)); do
      choice=
      for i in 0 1 2 3 4; do [ $((mask >> i & 1)) -eq 0 ] || choice+=${choice:+,}${names[i]}; done
      checked_run "fuse-$(basename "$block" .mlir)-${choice:-none}" 5 "$block" \
        --tokens 0,3,64,257,3000 --fuse "${choice:-none}"
    done
    checked_run "fuse-$(basename "$block" .mlir)-all-accumulate" 5 "$block" \
      --tokens 0,3,64,257,3000 --combine accumulate
  done
}

# The block has sizes that every kernel form takes, small enough for instrumented code.
sanitizer() {
  local program tool tokens log
  program=$(first_existing "$(command -v compute-sanitizer)" /usr/local/cuda/bin/compute-sanitizer)
  [ -n "$program" ] || { skip "sanitizer: no compute-sanitizer here"; return; }
  wide_block
  deep_block
  transposed_block
  for tool in memcheck synccheck initcheck; do
    for tokens in 0 1 3 64 257 1500; do
      sanitized "$program" $tool $tokens wide
    done
    for tokens in 1 64 257; do
      sanitized "$program" $tool $tokens transposed
    done
    sanitized "$program" $tool 64 wide --schedule "*: $stream"
    sanitized "$program" $tool 64 wide --schedule "*: $broad"
    sanitized "$program" $tool 257 wide --schedule "*: $low"
    sanitized "$program" $tool 257 wide --schedule "*: $narrow"
    sanitized "$program" $tool 257 transposed --schedule "*: $swapped, dynamic = true, cluster = 2"
    sanitized "$program" $tool 257 deep --schedule "*: $swapped, dynamic = true, cluster = 2"
    sanitized "$program" $tool 257 deep --schedule "*: $turns, cluster = 2"
    routing=zipf:1.2 sanitized "$program" $tool 900 deep \
      --schedule "*: $swapped, dynamic = true, both_ends = true, cluster = 2"
  done
}

sanitized() { # COMPUTE-SANITIZER TOOL TOKENS BLOCK MOEC-RUN-ARGUMENTS... ($routing: of the tokens)
  local program=$1 tool=$2 tokens=$3 block=$4 log
  shift 4
  local name="$tool $block T=$tokens${*:+ ${*: -1}}"
  log="$out/$(echo "$name" | tr -cs 'a-z0-9\n' -).log"
  out_of_time && { skip "$name: out of time"; return; }
  if timeout $((limit - SECONDS + 1)) "$program" --tool "$tool" --report-api-errors no --error-exitcode 42 \
    "$moec" run "$out/$block.mlir" --device cuda --check --tokens "$tokens" --routing "${routing:-uniform,one-expert}" "$@" \
    >"$log" 2>&1 && grep -q 'ERROR SUMMARY: 0 errors' "$log"; then
    pass
    echo "ok      $name"
  else
    fail "$name" "$log"
  fi
}

# Whether what host_cost printed is within the goals.
host_is_fast() { # cold|warm|package
  awk -v name=$1 '
    /^launchable/ { launchable = $2; compiled = $4 }
    /^first result/ { first = $3 }
    /^loaded/ { nvrtc = $3 }
    /^launch:/ { sub(/.*repeated: /, ""); repeated = $1 }
    END {
      if (name == "cold") good = first < 1500 && compiled > 0
      else if (name == "warm") good = compiled == 0
      else good = launchable < 10 && nvrtc == "no,"
      exit !(good && repeated > 0 && repeated < 3)
    }'
}

# Goals: 1.5 s from an empty cache to the first result; 10 ms from a package on disk, without NVRTC; a
# second start compiles nothing; 3 us for a launch that repeats one.
host() {
  local block="$models/qwen3-30b-a3b.mlir" package="$out/host.moepkg" tokens=64 name program
  "$moec" compile "$block" -o "$package" --target native --tokens $tokens >"$out/host-compile.log" 2>&1 ||
    { fail "compiling for host" "$out/host-compile.log"; return; }
  for name in cold warm package; do
    program=$(first_existing "$here/host_cost-moec" "$here/../../build/bin/host_cost-moec")
    [ $name != package ] || program=${program%moec}moert
    [ -x "$program" ] || { skip "host-$name: not built"; continue; }
    local log="$out/host-$name.log" file=$block attempt good=
    [ $name != package ] || file=$package
    for attempt in 1 2 3; do # others use the machine, too
      [ $name != cold ] || rm -rf "$out/host-cache"
      MOEC_CACHE_DIR=$out/host-cache "$program" "$file" $tokens >"$log" 2>&1 && host_is_fast $name <"$log" &&
        { good=1; break; }
    done
    if [ -n "$good" ]; then
      pass
      echo "ok      host-$name: $(tr '\n' ';' <"$log")"
    else
      fail "host-$name, three times: $(tr '\n' ';' <"$log")" "$log"
    fi
  done
  program=$(first_existing "$here/host_tune" "$here/../../build/bin/host_tune")
  [ -n "$program" ] || { skip "host-tune: not built"; return; }
  if MOEC_CACHE_DIR=$out/host-cache timeout $((limit - SECONDS + 1)) "$program" "$models/mixtral-8x7b.mlir" 1024 \
    >"$out/host-tune.log" 2>&1; then
    pass
    echo "ok      host-tune: $(tail -1 "$out/host-tune.log")"
  else
    fail "host-tune: $(tail -1 "$out/host-tune.log")" "$out/host-tune.log"
  fi
}

# A search of a minute; the command of the winner, run with a check instead of a clock.
tune() {
  local block tokens name log command
  wide_block
  while read -r block tokens; do
    name="tune-$(basename "$block" .mlir)-$tokens" log="$out/tune-$(basename "$block" .mlir)-$tokens.log"
    out_of_time && { skip "$name: out of time"; continue; }
    if ! timeout $((limit - SECONDS + 1)) "$moec" tune "$block" --tokens "$tokens" --budget 60s \
      --json "$out/$name.json" >"$log" 2>&1; then
      fail "$name" "$log"
      continue
    fi
    command=$(sed -n 's/^  moec bench //p' "$log")
    if [ -z "$command" ]; then
      pass
      echo "ok      $name: the default stays"
    elif eval "\"\$moec\" run $command --device cuda --check" >>"$log" 2>&1; then
      pass
      echo "ok      $name: $(grep -o 'ratio [0-9.]*$' "$log" | head -1), $(grep -o 'relative error.*' "$log" | tail -1)"
    else
      fail "$name" "$log"
    fi
  done <<END
$out/wide.mlir 257
$models/olmoe.mlir 1024
$models/qwen3-30b-a3b.mlir 64
END
}

# One random block, its output in a folder of its own, where `rc` has the exit code.
random_block() { # SEED
  local dir="$out/random-$1" arguments
  mkdir -p "$dir"
  awk -v seed="$1" -f "$here/random_block.awk" >"$dir/block.mlir"
  arguments=$(sed -n '1s,^// *,,p' "$dir/block.mlir")
  eval "timeout 120 \"\$moec\" run \"\$dir/block.mlir\" $arguments --seed $1 --device cuda --check" >"$dir/log" 2>&1
  echo $? >"$dir/rc"
}

# A schedule that its block or the GPU does not admit is refused as a wrong use of --schedule, before
# anything is compiled: no test, and counted apart. Everything else has to be right.
random() {
  local last=$((seed + blocks - 1)) number dir rc wrong=$failed refused=0 checked=0 right=0
  rm -rf "$out"/random-*
  export -f random_block
  export out here moec
  seq "$seed" "$last" | timeout $((limit > SECONDS ? limit - SECONDS : 1)) \
    xargs -P "$(($(nproc) / 2 + 1))" -I{} bash -c 'random_block {}'
  for ((number = seed; number <= last; ++number)); do
    dir="$out/random-$number"
    rc=$(cat "$dir/rc" 2>/dev/null || echo none)
    if [ "$rc" = none ]; then
      skip "random $number: out of time"
    elif [ "$rc" = 2 ] && grep -q 'error: expects' "$dir/log" && grep -q -- --schedule "$dir/block.mlir"; then
      refused=$((refused + 1))
    elif [ "$rc" = 0 ] && ! grep -q MISMATCH "$dir/log"; then
      pass
      right=$((right + 1))
      checked=$((checked + $(grep -c '^cuda T=.* ok,' "$dir/log")))
    else
      fail "random $number: exit code $rc" "$dir/log"
    fi
  done
  wrong=$((failed - wrong))
  [ $wrong -ne 0 ] || printf 'ok      '
  echo "random $seed to $last: $right blocks right in $checked checked runs, $wrong wrong, $refused refused schedules"
}

# Each row of the table is a test.
replays() {
  local model log rc rows
  for model in qwen3-30b-a3b olmoe neopp-moe gpt-oss-120b-experts; do
    out_of_time && { skip "replays $model: out of time" 12; continue; }
    log="$out/replays-$model.log"
    timeout $((limit - SECONDS + 1)) "$moec" bench "$models/$model.mlir" --device cuda --check --tokens 1,16,256,512,1024,4096 \
      --routing uniform,zipf:1.2 >"$log" 2>&1
    rc=$?
    rows=$(($(grep -c '^ *ok, relative error' "$log") - $(grep -c '^ *UNSTEADY' "$log")))
    pass "$rows"
    if [ $rc -eq 4 ] || [ $rc -eq 124 ]; then
      skip "replays $model: $(tail -1 "$log")" $((12 - rows))
    elif [ $rc -ne 0 ] || [ "$rows" -ne 12 ]; then
      fail "replays $model: exit code $rc, $rows of 12 right" "$log"
    else
      echo "ok      replays $model: $rows"
    fi
  done
}

bench() {
  local model
  for model in qwen3-30b-a3b olmoe neopp-moe mixtral-8x7b gpt-oss-120b-experts qwen3-235b-a22b deepseek-v3-experts; do
    out_of_time && { skip "bench $model: out of time"; continue; }
    if timeout $((limit - SECONDS + 1)) "$moec" bench "$models/$model.mlir" --device cuda --per-kernel \
      --tokens 1,16,64,256,1024,4096,16384 --json "$out/bench-$model.json" >"$out/bench-$model.log" 2>&1; then
      pass
      grep -E '^ +([0-9]+ +uniform|T )' "$out/bench-$model.log" | sed "s/^/$model /"
    else
      fail "bench $model" "$out/bench-$model.log"
    fi
  done
}

"$moec" env >"$out/env.log" 2>&1
gpu=$(sed -n 's/^  architecture: //p' "$out/env.log" | head -1)
[ -n "$gpu" ] || { echo "error: no GPU here ($(sed -n 's/^  reason: //p' "$out/env.log" | tail -1))" >&2; exit 6; }
for mode in "${modes[@]}"; do
  echo "== $mode"
  $mode
done
echo "log folder: $out, $SECONDS s"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
