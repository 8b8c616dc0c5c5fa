#!/usr/bin/env bash
# The main job on a real block, from a fresh Debian 12 machine to a checked answer:
#   1. set up and build    2. compile a model's MoE block to PTX    3. run it and check the result
# Safe to run again; the second time it only does the work that is left.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../test/setup.sh"
models=$MOEC_SOURCE/examples/models
out=$MOEC_BUILD/quickstart
moec=$MOEC_BUILD/bin/moec

moec_install_packages
moec_say "building moec and moe-opt in $MOEC_BUILD"
moec_build moec moe-opt
mkdir -p "$out"

model=qwen3-30b-a3b
package=$out/$model.moepkg
compiled=no
if moec_find_nvrtc; then
  moec_say "compiling $model to PTX and cubin for sm_90a ($MOEC_NVRTC_STATE)"
  "$moec" compile "$models/$model.mlir" -o "$package" --target sm_90a --timing
  for ptx in "$package"/kernels/*.ptx; do
    printf '\nPTX file: %s\n' "$ptx"
    grep -E '^\.target|\.entry' "$ptx"
  done
  compiled=yes
else
  moec_say "skipped compiling to PTX: $MOEC_NVRTC_STATE (set MOEC_NVRTC to a libnvrtc.so)"
fi

# The CPU runs OLMoE's block: its weights (0.8 GB) fit small machines.
moec_say "running olmoe on the CPU, checked against the double-precision reference"
"$moec" run "$models/olmoe.mlir" --device cpu --tokens 4 --check

if ! moec_has_gpu; then
  moec_say "skipped running on the GPU: there is none here"
elif [ $compiled = no ]; then
  moec_say "skipped running on the GPU: nothing was compiled"
else
  moec_say "running the compiled $model on the GPU, checked"
  "$moec" run "$package" --device cuda --tokens 1,64,4096 --check
fi
[ $compiled = no ] || moec_say "compiled: $(ls "$package"/kernels/*.ptx | head -1)"
moec_say "done: the result of olmoe on the CPU agrees with the reference"
