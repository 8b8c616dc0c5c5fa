"""Runs random blocks on the CPU against the reference: random_blocks.py FIRST-SEED COUNT.

The blocks of test/gpu/run.sh's mode `random`, without what only a GPU has: schedules, and sums in any
order. Prints "N blocks, M runs checked"; exit code 1 where a block fails.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

generator = pathlib.Path(__file__).parent.parent / "gpu" / "random_block.awk"


def check(seed, folder):
    """Runs the block of `seed`; the number of its runs, all of them right, or its output."""
    block = folder / f"{seed}.mlir"
    text = subprocess.check_output(["awk", "-v", f"seed={seed}", "-f", generator], text=True)
    block.write_text(text)
    arguments = text.split("\n", 1)[0].removeprefix("//")
    arguments = re.sub(r'--schedule ".*"|--combine \w+', "", arguments).split()
    command = ["moec", "run", block, *arguments, "--seed", str(seed), "--device", "cpu", "--check"]
    run = subprocess.run(command, text=True, capture_output=True)
    right = len(re.findall(r"^cpu T=.* ok,", run.stdout, re.MULTILINE))
    return right if run.returncode == 0 and right > 0 else run.stdout + run.stderr


def main(first, count):
    runs = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            result = check(seed, pathlib.Path(folder))
            if isinstance(result, int):
                runs += result
            else:
                failed += 1
                print(f"FAILED: the block of seed {seed}\n{result}")
    print(f"{count - failed} blocks, {runs} runs checked")
    return failed > 0


sys.exit(main(*map(int, sys.argv[1:])))
