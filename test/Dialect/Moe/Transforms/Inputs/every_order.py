"""Runs moe-opt with every ordered selection of the fusion passes (326 of them) on one file.

Each must leave IR that verifies, and from which all five in order still reach what the pipeline
makes. The orders of all five that respect the passes' dependencies must reach it by themselves.
"""

import itertools
import subprocess
import sys

PASSES = ["gate-up", "padding", "activation", "permute", "combine"]
CLEAN = ["--canonicalize", "--cse"]


def moe_opt(path_or_text, flags):
    stdin = None if path_or_text.endswith(".mlir") else path_or_text
    argv = ["moe-opt", "-" if stdin else path_or_text, *flags]
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}\n{done.stderr}")
    return done.stdout


def in_pipeline_order(order):
    # An activation of two inputs waits for gate-up; permute and combine wait for padding.
    place = {name: i for i, name in enumerate(order)}
    return place["gate-up"] < place["activation"] and place["padding"] < min(
        place["permute"], place["combine"]
    )


def main(path):
    fused = moe_opt(path, ["--moe-fusion-pipeline"])
    runs = equal = 0
    for size in range(len(PASSES) + 1):
        for order in itertools.permutations(PASSES, size):
            flags = [f"--moe-fuse-{name}" for name in order]
            once = moe_opt(path, CLEAN + flags + CLEAN)
            runs += 1
            if size == len(PASSES) and in_pipeline_order(order):
                equal += 1
                if once != fused:
                    sys.exit(f"{order} differs from the pipeline:\n{once}")
            rest = [f"--moe-fuse-{name}" for name in PASSES]
            if moe_opt(once, CLEAN + rest + CLEAN) != fused:
                sys.exit(f"the pipeline after {order} does not end in the fused block:\n{once}")
    print(f"{runs} selections, {equal} equal to the pipeline")


main(sys.argv[1])
