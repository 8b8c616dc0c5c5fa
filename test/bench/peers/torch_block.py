"""Peer `torch`: the whole block in plain PyTorch around grouped_mm, from router logits to outputs.

Routing and sorting are timed, as in `moec bench`. No step makes the host wait, so that it can be captured.
"""

import torch
import torch.nn.functional as F

from .inputs import select
from .protocol import Candidate


def sort_routes(experts, numbers):
    """Routes (token * k + slot) by expert i64 [R], and where the run of each expert ends i32 [E].

    experts i64 [T, k], numbers i16 [E] = 0, 1, ..., E - 1.
    """
    # A radix sort makes a pass for each byte of a key.
    of, order = experts.reshape(-1).to(numbers.dtype).sort()
    # bincount would wait for the device, to size its result.
    return order, torch.searchsorted(of, numbers, right=True, out_int32=True)


def swiglu(gate_up):
    """act bf16 [R, I] = silu(gate) * up of gate_up bf16 [R, 2I], gate columns first."""
    gate, up = gate_up.chunk(2, dim=-1)
    return F.silu(gate) * up


def index_add(rows, order, tokens, weights, output):
    """output bf16 [T, H]: rows bf16 [R, H], by expert, added in f32 to their tokens i64 [R]."""
    weighted = rows * weights.view(-1)[order].unsqueeze(-1)  # weights f32 [T, k], so f32
    total = torch.zeros(output.shape, dtype=weighted.dtype, device=output.device)
    output.copy_(total.index_add_(0, tokens, weighted))


def unpermute(rows, order, tokens, weights, output):
    """As index_add, but a gather of rows in the order of tokens and a sum over slots."""
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(len(order), device=order.device)
    by_token = rows[inverse].view(*weights.shape, -1)
    # In place, in bf16: rows of f32 would double what the sum reads. It adds up in f32.
    torch.sum(by_token.mul_(weights.unsqueeze(-1)), dim=1, out=output)


def fused(function):
    """Compiled at its first call, for its sizes alone; what PyTorch cannot compile as a whole is an error."""
    return torch.compile(function, dynamic=False, fullgraph=True)


class TorchPeer:
    name = "torch"

    def __init__(self, problem):
        self.problem = problem
        # bf16 [E, H, 2I] and [E, I, H] as grouped_mm wants them, their depth still contiguous.
        self.gate_up = problem.weights.gate_up.transpose(1, 2)
        self.down = problem.weights.down.transpose(1, 2)
        self.numbers = torch.arange(problem.model.experts, dtype=torch.int16, device=self.down.device)

    def launcher(self, activation, combine):
        model = self.problem.model

        def launch(i):
            inputs = self.problem.sets[i]
            weights, experts = select(model, inputs.logits)
            order, ends = sort_routes(experts, self.numbers)
            tokens = order // model.top_k
            gate_up = F.grouped_mm(inputs.hidden[tokens], self.gate_up, offs=ends)
            rows = F.grouped_mm(activation(gate_up), self.down, offs=ends)
            combine(rows, order, tokens, weights, inputs.output)
        return launch

    def candidates(self):
        yield Candidate("index_add", self.launcher(swiglu, index_add))
        yield Candidate("unpermute", self.launcher(swiglu, unpermute))
        # Forgets what was compiled for other sizes: PyTorch compiles a function for eight of them, no more.
        torch.compiler.reset()
        yield Candidate("unpermute compiled", self.launcher(fused(swiglu), fused(unpermute)))
