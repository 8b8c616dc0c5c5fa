"""Peer `dense`: the two cuBLAS products of the block's FLOPs with the weights of one expert.

Not a block: no routing, no activation, and only one expert's weights are read. It is what a grouped
product would cost at best where T is large.
"""

import torch

from .protocol import Candidate
from .reference import relative_error, sample_tokens


class DensePeer:
    name = "dense"

    def __init__(self, problem):
        model, weights = problem.model, problem.weights
        self.w1, self.w2 = weights.gate_up[0], weights.down[0]

        def make(columns):
            return torch.empty(problem.rows, columns, dtype=torch.bfloat16, device=self.w1.device)
        self.x, self.act = make(model.hidden).normal_(), make(model.inner).normal_()
        self.y1, self.y2 = make(2 * model.inner), make(model.hidden)

    def launch(self, _):
        torch.mm(self.x, self.w1.T, out=self.y1)
        torch.mm(self.act, self.w2.T, out=self.y2)

    def candidates(self):
        yield Candidate("cuBLAS", self.launch)

    def poison(self):
        self.y1.fill_(float("nan"))
        self.y2.fill_(float("nan"))

    def check(self):
        at = sample_tokens(len(self.x), self.x.device)
        return max(relative_error(self.y1[at], self.x[at].double() @ self.w1.double().T),
                   relative_error(self.y2[at], self.act[at].double() @ self.w2.double().T))
