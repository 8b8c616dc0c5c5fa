"""The MoE block of a Hugging Face model in NumPy, written from the model's definition alone.

  numpy_moe.py make  CONFIG.json INPUTS.safetensors [--tokens T] [--seed N] [--dtype bf16|f16]
  numpy_moe.py check CONFIG.json INPUTS.safetensors OUTPUTS.safetensors [--rtol R]

`make` draws inputs and stores them; `check` computes the block in float64 from the stored inputs and
compares it with the stored `output`: exit code 1 where ||got - expected|| / ||expected|| > R. Nothing
is shared with the compiler, the file format included, so that agreement means something.
"""

import argparse
import json
import struct
import sys

import numpy as np


# --- safetensors: u64 header length, JSON {name: {dtype, shape, data_offsets}}, data -----------------


def bf16_to_f64(words):
    return (words.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def to_bf16(values):
    """Nearest bf16, ties to even, as uint16 words."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        storage = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32, "I32": np.int32}[entry["dtype"]]
        array = np.frombuffer(data[begin:end], storage).reshape(entry["shape"])
        tensors[name] = bf16_to_f64(array) if entry["dtype"] == "BF16" else array.astype(np.float64)
    return tensors


def write_safetensors(path, tensors):
    """`tensors`: name to (dtype name, array)."""
    header, offset, blobs = {}, 0, []
    for name, (dtype, array) in tensors.items():
        blob = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


# --- the block ---------------------------------------------------------------------------------------


class Config:
    def __init__(self, path):
        fields = json.load(open(path))
        family = fields["model_type"]
        self.experts = fields["num_local_experts" if family == "mixtral" else "num_experts"]
        self.top_k = fields["num_experts_per_tok"]
        self.hidden = fields["hidden_size"]
        self.intermediate = fields["moe_intermediate_size" if family == "qwen3_moe" else "intermediate_size"]
        self.renormalize = family == "mixtral" or bool(fields.get("norm_topk_prob"))


def silu(x):
    return x / (1 + np.exp(-x))


def moe_block(config, hidden, router_logits, gate_up, down):
    """softmax over all experts, the k largest, gated MLP of each chosen expert, weighted sum."""
    scores = np.exp(router_logits - router_logits.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    chosen = np.argsort(-router_logits, axis=1, kind="stable")[:, : config.top_k]
    output = np.zeros_like(hidden)
    for t, token in enumerate(hidden):
        weights = scores[t, chosen[t]]
        if config.renormalize:
            weights = weights / weights.sum()
        for weight, e in zip(weights, chosen[t]):
            projected = gate_up[e] @ token
            gate, up = projected[: config.intermediate], projected[config.intermediate :]
            output[t] += weight * (down[e] @ (silu(gate) * up))
    return output


# --- commands ----------------------------------------------------------------------------------------


def make(args):
    config, rng = Config(args.config), np.random.default_rng(args.seed)
    e, h, i, t = config.experts, config.hidden, config.intermediate, args.tokens
    narrow = (lambda a: ("BF16", to_bf16(a))) if args.dtype == "bf16" else (lambda a: ("F16", a.astype(np.float16)))
    write_safetensors(
        args.inputs,
        {
            "hidden": narrow(rng.standard_normal((t, h))),
            "router_logits": ("F32", rng.standard_normal((t, e)).astype(np.float32)),
            "gate_up": narrow(rng.standard_normal((e, 2 * i, h)) / np.sqrt(h)),
            "down": narrow(rng.standard_normal((e, h, i)) / np.sqrt(i)),
        },
    )


def check(args):
    expected = moe_block(Config(args.config), **read_safetensors(args.inputs))
    outputs = read_safetensors(args.outputs)
    if list(outputs) != ["output"] or outputs["output"].shape != expected.shape:
        sys.exit(f"expects output {expected.shape}, but got { {n: a.shape for n, a in outputs.items()} }")
    error = np.linalg.norm(outputs["output"] - expected) / np.linalg.norm(expected)
    print(f"numpy: relative error {error:.2e} of ||output|| = {np.linalg.norm(expected):.4g}")
    if not error <= args.rtol:  # a NaN is a failure
        sys.exit(1)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    for name, run in (("make", make), ("check", check)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("config")
        command.add_argument("inputs")
        if run is make:
            command.add_argument("--tokens", type=int, default=16)
            command.add_argument("--seed", type=int, default=0)
            command.add_argument("--dtype", choices=("bf16", "f16"), default="bf16")
        else:
            command.add_argument("outputs")
            command.add_argument("--rtol", type=float, default=1e-2)
    args = parser.parse_args()
    args.run(args)


main()
