"""python3 -m peers: one table row for each model and token count; run it in test/bench."""

import argparse
import json
import os
import sys
import time

from .models import DEFAULT_MODELS, load_model

DEFAULT_PEERS = ("triton", "torch", "dense")
PEERS = (*DEFAULT_PEERS, "deepgemm")  # optional: needs a library that PyTorch does not bring


def parse_arguments(argv=None):
    parser = argparse.ArgumentParser(prog="peers", description=__doc__)

    def names(text):
        return [name for name in text.split(",") if name]
    parser.add_argument("--models", type=names, default=list(DEFAULT_MODELS),
                        help="names of files in examples/models")
    parser.add_argument("--tokens", type=lambda text: [int(t) for t in names(text)],
                        default=[1024, 4096, 16384])
    parser.add_argument("--routing", default="uniform", metavar="uniform|zipf:A")
    parser.add_argument("--peers", type=names, default=list(DEFAULT_PEERS),
                        help=f"some of {', '.join(PEERS)}; by default {', '.join(DEFAULT_PEERS)}")
    parser.add_argument("--json", metavar="FILE", help="results so far, rewritten after each row")
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="skip what has not begun by then")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-ceilings", action="store_true")
    options = parser.parse_args(argv)
    for name in options.peers:
        if name not in PEERS:
            parser.error(f"unknown peer '{name}', expects some of {', '.join(PEERS)}")
    if not options.tokens or min(options.tokens) < 1:
        parser.error("expects token counts of at least 1")
    return options


def write_json(path, results):
    """Whole or not at all: a run that is stopped leaves the rows that it finished."""
    if not path:
        return
    with open(path + ".tmp", "w") as file:
        json.dump(results, file, indent=1)
    os.replace(path + ".tmp", path)


def say(text):
    print(text, flush=True)


def describe_device():
    import torch
    import triton
    properties = torch.cuda.get_device_properties(0)
    return {"device": properties.name, "sms": properties.multi_processor_count,
            "memory_gib": round(properties.total_memory / 2**30, 1),
            "torch": torch.__version__, "cuda": torch.version.cuda, "triton": triton.__version__}


def cell(result):
    if result is None:
        return "-"
    return f"{result['us']:.1f}" if result["status"] == "ok" else result["status"]


def main():
    options = parse_arguments()
    begin = time.monotonic()
    try:
        models = [load_model(name) for name in options.models]
    except (OSError, ValueError) as error:
        print(f"peers: {error}", file=sys.stderr)
        return 2
    import torch  # after the arguments: --help needs no PyTorch
    from . import ceilings, inputs
    from .bench import ModelBench
    from .protocol import Deadline

    try:
        exponent = inputs.parse_routing(options.routing)
    except ValueError as error:
        print(f"peers: {error}", file=sys.stderr)
        return 2
    deadline = Deadline(options.limit, begin)
    if not torch.cuda.is_available():
        print("no CUDA device", file=sys.stderr)
        return 6
    results = {**describe_device(), "routing": options.routing, "seed": options.seed, "rows": []}
    say("# " + ", ".join(f"{key} {value}" for key, value in results.items() if key != "rows"))
    if not options.no_ceilings:
        results["ceilings"] = ceilings.measure()
        say("# ceilings: " + ", ".join(f"{key} {value:.2f}" for key, value in results["ceilings"].items()))
        torch.cuda.empty_cache()
        write_json(options.json, results)

    say("| model | T | rows/expert | " + " | ".join(options.peers) + " |")
    say("| --- " * (3 + len(options.peers)) + "|")
    skipped = []
    for model in models:
        bench = None
        for tokens in options.tokens:
            if deadline.passed():
                skipped.append(f"{model.name} T {tokens}")
                continue
            notes = []
            bench = bench or ModelBench(model, options)
            row = bench.measure(tokens, exponent, deadline, notes.append)
            cells = [model.name, str(tokens), f"{tokens * model.top_k / model.experts:.1f}"]
            say(f"| {' | '.join(cells + [cell(row[peer]) for peer in options.peers])} |")
            results["rows"].append({"model": model.name, "tokens": tokens, "notes": notes, **row})
            write_json(options.json, results)
            for note in notes:
                print(f"{model.name} T {tokens}: {note}", file=sys.stderr, flush=True)
        del bench  # its weights, before the next model's are made
        torch.cuda.empty_cache()
    results["skipped"], results["seconds"] = skipped, time.monotonic() - begin
    write_json(options.json, results)
    if skipped:
        say(f"# skipped by --limit {options.limit:g}: {', '.join(skipped)}")
    say(f"# {results['seconds']:.0f} s")
    wrong = any(row[peer] and row[peer]["status"] == "WRONG"
                for row in results["rows"] for peer in options.peers)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
