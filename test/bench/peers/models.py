"""Sizes of the example blocks, read from examples/models so that no second table can go stale."""

import dataclasses
import pathlib
import re

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples" / "models"

DEFAULT_MODELS = ("qwen3-30b-a3b", "olmoe", "neopp-moe", "mixtral-8x7b", "gpt-oss-120b-experts",
                  "qwen3-235b-a22b", "deepseek-v3-experts")


@dataclasses.dataclass(frozen=True)
class Model:
    name: str
    experts: int
    top_k: int
    hidden: int
    inner: int
    # Whether a token's weights add up to one: a renormalised softmax, or one of the selected logits.
    # Both are the softmax over the k selected logits; otherwise it is the part of the softmax over all.
    normalised: bool

    def weight_bytes(self):
        return 6 * self.experts * self.hidden * self.inner


def parse_model(name, text):
    """The sizes of a block of moe.route and a weight %down: tensor<ExHxIxbf16>."""
    down = re.search(r"%down: tensor<(\d+)x(\d+)x(\d+)xbf16>", text)
    route = re.search(r"moe\.route\s+%\w+\s+top_k\((\d+)\)\s+score\(softmax\)\s+"
                      r"order\((\w+)\)(\s+renormalize)?", text)
    if not down or not route:
        raise ValueError(f"{name}: expects a bf16 weight %down and a moe.route with softmax scores")
    experts, hidden, inner = map(int, down.groups())
    normalised = route[2] == "select_then_score" or route[3] is not None
    return Model(name, experts, int(route[1]), hidden, inner, normalised)


def load_model(name, folder=EXAMPLES):
    return parse_model(name, (folder / f"{name}.mlir").read_text())
