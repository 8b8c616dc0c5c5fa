#!/usr/bin/env bash
# Installs the build into a folder of its own, moves it, and builds both hosts of examples/hosts from
# there as a user would: with find_package and with pkg-config, outside the project. Runs them on the
# stub driver.
#   run.sh BUILD STUB-CUDA STUB-NVRTC CC CXX
set -eu
build=$1 cuda=$2 nvrtc=$3 cc=$4 cxx=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
quiet() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; fail "$*"; }; }
# expect FILE TEXT...: every text is in the file.
expect() {
  local file=$1 text
  shift
  for text; do grep -qF -- "$text" "$file" || { cat "$file"; fail "expects '$text' in $file"; }; done
}

quiet cmake --install "$build" --prefix "$work/first" --strip
mv "$work/first" "$work/moec" # the tree must not know where it was installed
prefix=$work/moec
if grep -rlF "$work/first" "$prefix/lib/cmake" "$prefix/lib/pkgconfig"; then
  fail "these files name the prefix"
fi
cp -r "$prefix/share/moec/examples/hosts" "$work/hosts"
block=$prefix/share/moec/examples/models/tiny.mlir

quiet cmake -G Ninja -S "$work/hosts" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_C_FLAGS="-Wall -Wextra -Werror" \
  -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror"
quiet cmake --build "$work/cmake"

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
mkdir "$work/pkgconfig"
flags() { pkg-config --cflags --libs "$1"; }
# shellcheck disable=SC2046 # one flag a word
quiet "$cxx" -std=c++17 -Wall -Wextra -Werror "$work/hosts/serve.cpp" $(flags moec) -ldl \
  -Wl,-rpath,"$prefix/lib" -o "$work/pkgconfig/serve"
# shellcheck disable=SC2046
quiet "$cc" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror "$work/hosts/launch.c" $(flags moert) -ldl \
  -Wl,-rpath,"$prefix/lib" -o "$work/pkgconfig/launch"

# A package for two architectures from the installed compiler, on its stub. The device is an sm_80.
env MOEC_NVRTC="$nvrtc" MOEC_CACHE_DIR="$work/cache" "$prefix/bin/moec" compile "$block" \
  -o "$work/tiny.moepkg" --target sm_90a,sm_80 --tokens 1,64 >/dev/null 2>&1

for how in cmake pkgconfig; do
  env MOEC_LIBCUDA="$cuda" MOEC_NVRTC="$nvrtc" MOEC_CACHE_DIR="$work/cache-$how" \
    "$work/$how/serve" "$block" 1 7 64 300 64 1 >"$work/out" 2>&1 || { cat "$work/out"; fail "$how/serve"; }
  expect "$work/out" "moe_block for sm_80" " kernels compiled, " \
    "7 tokens: launched" "64 tokens: replayed" "300 tokens: launched" "1 tokens: replayed"

  # Without NVRTC, without a cache, without a home: an environment of one variable.
  env -i MOEC_LIBCUDA="$cuda" LD_DEBUG=libs LD_DEBUG_OUTPUT="$work/ld-$how" "$work/$how/launch" \
    "$work/tiny.moepkg" 0 1 64 4096 >"$work/out" 2>&1 || { cat "$work/out"; fail "$how/launch"; }
  expect "$work/out" "moe_block for sm_80" "output output: " "0 tokens: launched" "4096 tokens: launched"
  if grep -hE 'calling init' "$work/ld-$how".* | grep -iE 'nvrtc|llvm|mlir|libmoec\.'; then
    fail "the package host loaded a compiler"
  fi
  # Errors of the library reach the host as its exit code.
  status=0
  env -i MOEC_LIBCUDA="$cuda" "$work/$how/launch" "$work/hosts" 1 >"$work/out" 2>&1 || status=$?
  [ $status = 3 ] || fail "expects exit code 3 for no package, but got $status"
  expect "$work/out" "manifest.json"
done

# The second run finds everything in the cache and needs no NVRTC.
env MOEC_LIBCUDA="$cuda" MOEC_NVRTC="$nvrtc" MOEC_CACHE_DIR="$work/cache-cmake" \
  "$work/cmake/serve" "$block" 1 64 >"$work/out" 2>&1
grep -q "^0 kernels compiled, " "$work/out" || { cat "$work/out"; fail "expects nothing to be compiled"; }
echo 'module { moe.nonsense }' >"$work/wrong.mlir"
status=0
env MOEC_LIBCUDA="$cuda" "$work/cmake/serve" "$work/wrong.mlir" 1 >"$work/out" 2>&1 || status=$?
[ $status = 3 ] || fail "expects exit code 3 for a wrong block, but got $status"
expect "$work/out" "wrong.mlir:1:10"

for library in libmoec.so.1 libmoert.so.1; do
  others=$(nm -D --defined-only "$prefix/lib/$library" | awk '$2 != "A" {print $3}' | grep -v '^moec_' || true)
  [ -z "$others" ] || fail "$library exports $others"
  echo "$library: $(stat -c %s "$prefix/lib/$library") bytes"
done
echo "ok: both hosts build with find_package and with pkg-config, and run"
