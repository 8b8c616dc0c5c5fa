#!/usr/bin/env bash
# Builds routing_check with nvcc (no GPU needed), prints registers a kernel, fails on spills.
# usage: test/device/routing/build.sh [OUTDIR=build/device]; ARCH=90a, JOBS=2, NVCC=nvcc
set -eu
cd "$(dirname "$0")/../../.."
out=${1:-build/device}
arch=${ARCH:-90a}
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
parts="main route sort rows combine time"
objects="$out/routing_$arch"
mkdir -p "$objects"
flags="-std=c++20 -O3 -gencode=arch=compute_$arch,code=sm_$arch -Icompiler/Device -Xptxas -v"
stale() { # OBJECT SOURCE: older than its source, the harness or any device file
  [ ! -f "$1" ] || [ "$2" -nt "$1" ] || [ test/device/routing/harness.h -nt "$1" ] ||
    [ -n "$(find compiler/Device -name '*.cuh' -newer "$1" -print -quit)" ]
}
export nvcc flags objects
compile() { # PART
  if ! $nvcc $flags -c "test/device/routing/$1.cu" -o "$objects/$1.o" >"$objects/$1.log" 2>&1; then
    rm -f "$objects/$1.o"; echo "FAILED $1.cu"; grep -m 20 -E 'error' "$objects/$1.log"; return 1
  fi
}
export -f compile
for part in $parts; do
  if stale "$objects/$part.o" "test/device/routing/$part.cu"; then echo "$part"; fi
done | xargs -r -P "${JOBS:-2}" -L 1 bash -c 'compile "$@"' _
$nvcc -gencode="arch=compute_$arch,code=sm_$arch" -cudart static -o "$out/routing_check" "$objects"/*.o
cat "$objects"/*.log | awk '
  /Compiling entry function/ { match($0, /[0-9]+check[0-9]*[a-z_]+kernel/); name = substr($0, RSTART, RLENGTH); sub(/^[0-9]+check[0-9]*/, "", name) }
  /bytes spill stores/ && !/ 0 bytes spill stores/ { ++spills }
  /Used [0-9]+ registers/ { match($0, /Used [0-9]+/); r = substr($0, RSTART + 5, RLENGTH - 5) + 0; ++count[name]
    if (!(name in low) || r < low[name]) low[name] = r; if (r > high[name]) high[name] = r }
  END { for (n in count) printf "  %-20s %4d kernels, %d to %d registers\n", n, count[n], low[n], high[n]
    printf "%d kernels with spills\n", spills; exit spills > 0 }'
echo "$out/routing_check: sm_$arch"
