#!/usr/bin/env bash
# Builds moert-serve-test with ThreadSanitizer and runs it. Skipped (77) where no compiler has the
# sanitizer's library.
#   ThreadSanitizer.sh SOURCE BUILD CXX
set -eu
source=$1 build=$2

works() {
  local scratch
  scratch=$(mktemp -d)
  echo 'int main() {}' >"$scratch/a.cpp"
  "$1" -fsanitize=thread "$scratch/a.cpp" -o "$scratch/a" >/dev/null 2>&1 && "$scratch/a"
  local result=$?
  rm -rf "$scratch"
  return $result
}

compiler=
for candidate in "$3" clang++-22 g++; do
  if command -v "$candidate" >/dev/null && works "$candidate"; then
    compiler=$candidate
    break
  fi
done
[ -n "$compiler" ] || { echo "skipped: no compiler here links with -fsanitize=thread"; exit 77; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT
quiet() { "$@" >"$log" 2>&1 || { cat "$log"; exit 1; }; }
quiet cmake -G Ninja -S "$source" -B "$build" -DCMAKE_CXX_COMPILER="$compiler" \
  -DMOEC_BUILD_COMPILER=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DCMAKE_CXX_FLAGS="-fsanitize=thread" -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O0 -g1"
quiet ninja -C "$build" moert-serve-test
TSAN_OPTIONS="halt_on_error=1 exitcode=66" "$build/bin/moert-serve-test" --gtest_brief=1
