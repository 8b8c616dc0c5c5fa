#!/bin/sh
# rc.sh N COMMAND...: runs the command and succeeds where it exits with N.
#
# The tools promise exit codes; `not` accepts any failure, and lit's shell has no `$?`.
expected=$1
shift
"$@"
got=$?
[ "$got" -eq "$expected" ] || { echo "rc.sh: expects exit code $expected, but got $got: $*" >&2; exit 1; }
