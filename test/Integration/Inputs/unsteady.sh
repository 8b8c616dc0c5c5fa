#!/usr/bin/env bash
# Stands in for moec where test/gpu/run.sh itself is tested: of four models one is right in all rows, one leaves other
# bits than a run alone in one row, one does not fit the memory after six rows, and one is wrong in one row.
if [ "$1" = env ]; then
  echo "  architecture: sm_90a"
  exit
fi
rows() { # NUMBER
  local i
  for ((i = 0; i < $1; ++i)); do
    echo "      1      uniform      8.0        23.0       1.0     0.10        16.0   70.0%"
    echo "                     ok, relative error 2.8e-03 (limit 1e-02), 64 tokens checked"
  done
}
case $(basename "$2" .mlir) in
qwen3-30b-a3b) rows 12 ;;
olmoe)
  rows 12
  echo "                     UNSTEADY, output 0 of input 3, against a run alone: 2 of 4096 elements differ"
  echo "moec: error: 1 of 12 results are wrong" && exit 1
  ;;
neopp-moe) rows 6 && echo "moec: error: 4096 tokens in 8 sets need 200.0 GiB of device memory" && exit 4 ;;
*)
  rows 11
  echo "                     MISMATCH, relative error 2.8e-01 (limit 1e-02), 7 of 4096 elements wrong"
  echo "moec: error: 1 of 12 results are wrong" && exit 1
  ;;
esac
