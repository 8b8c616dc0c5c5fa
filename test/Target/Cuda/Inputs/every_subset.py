"""Lowers a block under every subset of the five fusions and both forms of the combine.

usage: every_subset.py BLOCK.mlir [--target ARCH] [--dir DIR]

Fails where a subset does not lower, where something of the tensor level survives, or where no CUDA is
emitted. With --dir each kernel that occurs is written there once. Prints a summary.
"""
import argparse, itertools, os, re, subprocess, sys

FUSIONS = ["gate-up", "padding", "activation", "permute", "combine"]


def moe_opt(*arguments):
    result = subprocess.run(["moe-opt", *arguments], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"moe-opt {' '.join(arguments)}\n{result.stderr}")
    return result.stdout


def split_kernels(text):
    """The translation units that `--emit-cuda` printed, by name."""
    parts = re.split(r"^// (moe_\w+): moe_kernel\.\w+ for \w+$", text, flags=re.M)
    return zip(parts[1::2], parts[2::2])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("block")
    parser.add_argument("--target", default="sm_90a")
    parser.add_argument("--dir")
    args = parser.parse_args()
    launches, kernels = set(), {}
    subsets = list(itertools.product(["true", "false"], repeat=len(FUSIONS)))
    for subset, combine in itertools.product(subsets, ["ordered", "accumulate"]):
        fusion = " ".join(f"{name}={on}" for name, on in zip(FUSIONS, subset))
        lower = [args.block, f"--moe-fusion-pipeline={fusion}",
                 f"--convert-moe-to-kernel=target={args.target} combine={combine}"]
        ir = moe_opt(*lower)
        left = re.search(r"\bmoe\.(?!name)\w+|tensor<", ir)
        if left:
            sys.exit(f"{fusion}: '{left.group(0)}' is left")
        bodies = re.findall(r"func\.func.*?\n  }", ir, flags=re.S)
        launches.update(tuple(re.findall(r"moe_kernel\.(?!buffer|yield)(\w+) ins", b)) for b in bodies)
        cuda = moe_opt(*lower, "--emit-cuda", "-o", os.devnull)
        for name, text in split_kernels(cuda):
            code = text[text.index("#include"):].replace(name, "NAME")
            kernels.setdefault(code, re.sub(r"_\d+$", "", name))
    if args.dir:
        os.makedirs(args.dir, exist_ok=True)
        for number, (code, family) in enumerate(sorted(kernels.items())):
            with open(os.path.join(args.dir, f"{family}_{number}.cu"), "w") as file:
                file.write(code.replace("NAME", family))
    print(f"{len(subsets)} subsets, {len(launches)} launch sequences, {len(kernels)} kernels")


main()
