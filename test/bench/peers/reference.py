"""The block in double precision for a few tokens: what every timed peer is compared with first."""

import torch
import torch.nn.functional as F

TOLERANCE = 1e-2  # relative, of the norm; bf16 intermediates cost about 4e-3
SAMPLE = 6


def sample_tokens(tokens, device="cuda"):
    """First, last and some between; expert runs and tiles end anywhere, so no token is special."""
    return torch.linspace(0, tokens - 1, min(tokens, SAMPLE), device=device).round().long()


def block_reference(model, weights, inputs, tokens):
    """f64 [len(tokens), H], written from the definition: softmax over all, then select and scale."""
    scores = inputs.logits[tokens].double().softmax(dim=-1)
    chosen, experts = scores.topk(model.top_k, dim=-1)
    if model.normalised:
        chosen = chosen / chosen.sum(dim=-1, keepdim=True)
    output = torch.zeros(len(tokens), model.hidden, dtype=torch.float64, device=scores.device)
    for expert in experts.unique().tolist():
        at, slot = (experts == expert).nonzero(as_tuple=True)
        rows = inputs.hidden[tokens[at]].double()
        gate, up = (rows @ weights.gate_up[expert].double().T).chunk(2, dim=-1)
        down = (F.silu(gate) * up) @ weights.down[expert].double().T
        output[at] += chosen[at, slot, None] * down  # a token chooses an expert once: no duplicates
    return output


def relative_error(got, want):
    """NaN where anything is NaN, which no comparison with a tolerance lets pass."""
    return ((got.double() - want).norm() / want.norm()).item()


def make_check(problem):
    """Error of the last set's output, by then written by the replayed graph itself."""
    inputs = problem.sets[-1]
    tokens = sample_tokens(problem.tokens, inputs.hidden.device)
    want = block_reference(problem.model, problem.weights, inputs, tokens)
    return lambda: relative_error(inputs.output[tokens], want)
