"""Peer `torch`: the whole block from router logits in plain PyTorch with grouped_mm, no host sync."""

import torch
import torch.nn.functional as F

from .inputs import select
from .protocol import Candidate

grouped_mm = getattr(F, "grouped_mm", None) or torch._grouped_mm  # public from PyTorch 2.10


def silu_mul(gate_up):
    gate, up = gate_up.chunk(2, dim=-1)
    return F.silu(gate) * up


def token_rows(down, inverse, weights):
    return down.index_select(0, inverse).view(*weights.shape, down.shape[1])


def combine_sum(down, inverse, weights, output):
    rows = token_rows(down, inverse, weights)
    torch.sum(rows.mul_(weights.to(rows.dtype).unsqueeze(-1)), dim=1, out=output)


def combine_bmm(down, inverse, weights, output):
    """The same sum as a product [1, k] x [k, H] per token: no pass over the rows for the weights."""
    rows = token_rows(down, inverse, weights)
    torch.bmm(weights.to(rows.dtype).unsqueeze(1), rows, out=output.unsqueeze(1))


def combine_fused(down, inverse, weights, output):
    """For torch.compile, which makes one kernel of it that gathers, weights, sums and stores."""
    output.copy_((token_rows(down, inverse, weights) * weights.unsqueeze(-1)).sum(dim=1))


class TorchBlock:
    def __init__(self, problem, activation, combine):
        self.problem = problem
        self.activation = activation
        self.combine = combine
        device = problem.weights.down.device
        # Ids of at most 8 bits halve the passes of the radix sort, and more.
        self.id_type = torch.uint8 if problem.model.experts <= 256 else torch.int32
        self.expert_ids = torch.arange(problem.model.experts, device=device).to(self.id_type)
        self.positions = torch.arange(problem.rows, device=device)

    def rows(self, i):
        """Everything before the combine: down rows in expert order, their routes and weights."""
        inputs, weights = self.problem.sets[i], self.problem.weights
        route_weights, experts = select(self.problem.model, inputs.logits)
        ids, order = experts.view(-1).to(self.id_type).sort(stable=True)
        ends = torch.searchsorted(ids, self.expert_ids, right=True, out_int32=True)
        tokens = torch.div(order, self.problem.model.top_k, rounding_mode="floor")
        gate_up = grouped_mm(inputs.hidden.index_select(0, tokens), weights.gate_up.transpose(1, 2),
                             offs=ends)
        down = grouped_mm(self.activation(gate_up), weights.down.transpose(1, 2), offs=ends)
        return down, order, tokens, route_weights

    def gathering(self, i):
        down, order, _, route_weights = self.rows(i)
        inverse = torch.empty_like(order).scatter_(0, order, self.positions)
        self.combine(down, inverse, route_weights, self.problem.sets[i].output)

    def adding(self, i):
        down, order, tokens, route_weights = self.rows(i)
        scales = route_weights.to(down.dtype).view(-1, 1).index_select(0, order)
        self.problem.sets[i].output.zero_().index_add_(0, tokens, down.mul_(scales))


def compiled_for_rows(function):
    """Compiled once a model: sizes are static except the first one, which follows T."""
    compiled = torch.compile(function)

    def call(*arguments):
        for argument in arguments:
            torch._dynamo.maybe_mark_dynamic(argument, 0)
        return compiled(*arguments)
    return call


class TorchPeer:
    """Made once a model, so that compiled functions serve all its token counts."""
    name = "torch"

    def __init__(self, compile_too):
        self.compiled = None
        if compile_too:
            torch._dynamo.reset()  # specialised to the last model's sizes
            self.compiled = compiled_for_rows(silu_mul), compiled_for_rows(combine_fused)

    def candidates(self, problem):
        yield Candidate("gather+bmm", TorchBlock(problem, silu_mul, combine_bmm).gathering)
        yield Candidate("gather+sum", TorchBlock(problem, silu_mul, combine_sum).gathering)
        yield Candidate("index_add", TorchBlock(problem, silu_mul, None).adding)
        if self.compiled:
            yield Candidate("gather, compiled", TorchBlock(problem, *self.compiled).gathering)
