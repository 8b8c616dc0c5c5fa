#!/usr/bin/env bash
# Both libraries are safe inside any host: they export the C interface alone and need the C library
# alone. libmoert.so is launch-only and small; libmoec.so hides a compiler.
#   CheckSymbols.sh LIBRARY.SO [NM] [READELF] [STRIP]
set -eu
library=$1 nm=${2:-nm} readelf=${3:-readelf} strip=${4:-strip}
case $library in
  *libmoert*) kind=runtime most=2097152 ;;
  *) kind=compiler most=33554432 ;;
esac
failed=0
fail() { echo "FAIL: $*"; failed=1; }

exports=$("$nm" -D --defined-only "$library" | awk '$2 != "A" {print $3}' | sed 's/@.*//')
[ "$(grep -c '^moec_' <<<"$exports")" -ge 20 ] || fail "expects at least 20 exported moec_ symbols"
others=$(grep -v '^moec_' <<<"$exports" || true)
[ -z "$others" ] || fail "exports more than moec_*: $(head -5 <<<"$others" | tr '\n' ' ')"

# Every function of the header is exported, and nothing else is.
header=$(dirname "$0")/../../../runtime/Api/moec.h
declared=$(grep -o '^MOEC_API [^(]*(' "$header" | grep -o 'moec_[a-z_]*($' | tr -d '(' | sort)
[ "$declared" = "$(sort <<<"$exports")" ] ||
  fail "exports differ from moec.h: $(diff <(echo "$declared") <(sort <<<"$exports") | head -5 | tr '\n' ' ')"

needed=$("$readelf" -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p')
bad=$(grep -vE '^(libc|libm|libdl|libpthread|libgcc_s|ld-linux-x86-64)\.so' <<<"$needed" || true)
[ -z "$bad" ] || fail "needs more than the C library: $bad"

# Nothing of a compiler is inside libmoert, not even hidden.
[ $kind = compiler ] ||
  inside=$("$nm" "$library" | grep -E 'LLVM|MLIR|4llvm|4mlir|[Nn]vrtc(Compiler|Api|Create|Compile)' || true)
[ -z "${inside:-}" ] || fail "holds a compiler's symbols: $(head -3 <<<"$inside" | tr '\n' ' ')"

stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
"$strip" -o "$stripped" "$library"
size=$(stat -c %s "$stripped")
[ "$size" -lt $most ] || fail "expects less than $most bytes stripped, but got $size"
[ "$failed" = 0 ] && echo "ok: $(wc -l <<<"$exports") symbols, $size bytes stripped"
exit "$failed"
