"""Generated weights, tokens and routings of one block.

The distributions are those of compiler/Inputs (normal data, weights of standard deviation 1/sqrt(K),
Gumbel noise over the log-popularity of an expert); the random words themselves differ.
"""

import dataclasses
import math

import torch

NUM_SETS = 8


@dataclasses.dataclass
class InputSet:
    hidden: torch.Tensor  # bf16 [T, H]
    logits: torch.Tensor  # f32 [T, E]
    output: torch.Tensor  # bf16 [T, H]; of the set's own, as nothing may stay in L2 for the next set


@dataclasses.dataclass
class Weights:
    gate_up: torch.Tensor  # bf16 [E, 2I, H], gate rows first
    down: torch.Tensor  # bf16 [E, H, I]


@dataclasses.dataclass
class Problem:
    model: object
    weights: Weights
    tokens: int
    sets: list

    @property
    def rows(self):
        return self.tokens * self.model.top_k


def make_weights(model, seed, device="cuda"):
    generator = torch.Generator(device).manual_seed(seed)

    def draw(columns, depth):
        weight = torch.empty(model.experts, columns, depth, dtype=torch.bfloat16, device=device)
        for expert in weight:  # in place and by expert: no temporary of the size of the weight
            expert.normal_(0, 1 / math.sqrt(depth), generator=generator)
        return weight

    return Weights(draw(2 * model.inner, model.hidden), draw(model.hidden, model.inner))


def parse_routing(text):
    """The exponent of zipf:A; uniform is zipf:0."""
    if text == "uniform":
        return 0.0
    exponent = float(text.removeprefix("zipf:")) if text.startswith("zipf:") else math.nan
    if not 0 <= exponent <= 64:
        raise ValueError(f"expects a routing uniform or zipf:A with A from 0 to 64, but got '{text}'")
    return exponent


def make_set(model, tokens, exponent, seed, device="cuda"):
    generator = torch.Generator(device).manual_seed(seed)
    hidden = torch.empty(tokens, model.hidden, dtype=torch.bfloat16, device=device)
    hidden.normal_(generator=generator)
    # The k largest of log-weight plus Gumbel noise are a sample without replacement.
    noise = torch.empty(tokens, model.experts, device=device).exponential_(generator=generator)
    rank = torch.randperm(model.experts, generator=generator, device=device) + 1
    logits = -exponent * rank.log() - noise.clamp_(min=1e-30).log()
    return InputSet(hidden, logits, torch.empty_like(hidden))


def make_problem(model, weights, tokens, exponent, seed, device="cuda"):
    sets = [make_set(model, tokens, exponent, seed + i, device) for i in range(NUM_SETS)]
    return Problem(model, weights, tokens, sets)


def select(model, logits):
    """Routing weights f32 [T, k] and experts i64 [T, k], in as few kernels as plain PyTorch needs."""
    # Unsorted: no block cares which slot an expert has. Of logits, not scores, whose rounding makes ties.
    top, experts = logits.topk(model.top_k, dim=-1, sorted=False)
    if model.normalised:
        return top.softmax(dim=-1), experts
    return logits.softmax(dim=-1).gather(-1, experts), experts
