#!/usr/bin/env bash
# Builds the device checkers with nvcc (no GPU needed) and fails on register spills.
# usage: test/device/build.sh [OUTDIR=build/device]; ARCH=90a, JOBS=2, NVCC=nvcc, TIMES="0 1 ..." (models)
set -eu
cd "$(dirname "$0")/../.."
out=${1:-build/device}
arch=${ARCH:-90a}
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
mkdir -p "$out"
hopper=0; [ "$arch" = 90a ] && hopper=1
flags="-std=c++20 -O3 -DHOPPER=$hopper -gencode=arch=compute_$arch,code=sm_$arch -Icompiler/Device -Itest/device -Xptxas -v"
stale() { # OBJECT SOURCE: older than its source or than any header
  [ ! -f "$1" ] || [ "$2" -nt "$1" ] ||
    [ -n "$(find compiler/Device test/device -name '*.cuh' -newer "$1" -print -quit)" ]
}
job() { # NAME SOURCE PART
  if stale "$out/$1.o" "test/device/$2.cu"; then echo "$1 test/device/$2.cu $3"; fi
}
export nvcc flags out
compile() { # NAME SOURCE PART
  if ! $nvcc $flags -DPART="$3" -c "$2" -o "$out/$1.o" >"$out/$1.log" 2>&1; then
    rm -f "$out/$1.o"; echo "FAILED $2 PART=$3"; grep -m 20 -E 'error|rror:' "$out/$1.log"; return 1
  fi
}
export -f compile
{
  job main grouped_matmul_check 0
  for part in 0 1 2 3; do job "cases$part" grouped_matmul_cases $part; done
  for part in ${TIMES:-0 1 2 3 4 5 6}; do job "times$part" grouped_matmul_times $part; done
} | xargs -r -P "${JOBS:-2}" -L 1 bash -c 'compile "$@"' _
$nvcc -gencode="arch=compute_$arch,code=sm_$arch" -cudart static -o "$out/grouped_matmul_check" \
  "$out"/main.o "$out"/cases?.o "$out"/times?.o
spills=$(cat "$out"/*.log | grep -c -E '[1-9][0-9]* bytes spill' || true)
kernels=$(cat "$out"/*.log | grep -c 'Used .* registers' || true)
echo "$out/grouped_matmul_check: sm_$arch, $kernels kernels, $spills with spills"
test/device/routing/build.sh "$out"
[ "$spills" = 0 ]
