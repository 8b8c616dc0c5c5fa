#!/usr/bin/env bash
# Sets up a fresh Debian 12 machine, builds everything and runs all tests: the unit tests through
# CTest, then the lit suites. The last line is "N passed, N failed, N skipped", counted from the
# tools' own reports; the exit code is 0 only where nothing failed.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

moec_install_packages
moec_find_nvrtc || moec_say "$MOEC_NVRTC_STATE: tests that compile CUDA are skipped"
gpu=yes
moec_has_gpu || { gpu=no; moec_say "no GPU here: tests that launch kernels are skipped"; }
moec_say "building in $MOEC_BUILD"
moec_build all

results=$MOEC_BUILD/test-results
rm -rf "$results"
mkdir -p "$results/gtest"
export MOEC_CACHE_DIR=$results/kernel-cache # not the user's

if [ $gpu = yes ]; then # the package that the runtime's GPU tests launch
  export MOEC_TEST_PACKAGE=$MOEC_BUILD/tiny.moepkg
  "$MOEC_BUILD/bin/moec" compile "$MOEC_SOURCE/examples/models/tiny.mlir" -o "$MOEC_TEST_PACKAGE" \
    --target native >/dev/null || unset MOEC_TEST_PACKAGE
fi

moec_say "unit tests"
GTEST_OUTPUT="xml:$results/gtest/" ctest --test-dir "$MOEC_BUILD" -E '^lit$' -j "$(nproc)" \
  --output-on-failure --output-junit "$results/ctest.xml" | grep -Ev '^\s*Start |Passed '

moec_say "lit suites"
/usr/lib/llvm-22/bin/lit -sv -o "$results/lit.json" "$MOEC_BUILD/test"

exec python3 "$MOEC_SOURCE/test/summarize.py" "$results"
