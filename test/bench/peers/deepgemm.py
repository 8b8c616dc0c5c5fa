"""Peer `deepgemm`: the two m-grouped bf16 products of an installed DeepGEMM, and nothing of the block around them.

Rows lie in the order of experts and padded already, as in DeepGEMM's contiguous layout: routing, permutation,
activation and combine are left out, which favours this peer.
"""

import dataclasses

import torch

from .inputs import select
from .protocol import Candidate, first_line
from .reference import relative_error, sample_tokens

NEEDED = ("m_grouped_bf16_gemm_nt_contiguous", "get_mk_alignment_for_contiguous_layout")


def load_library(note):
    """The module, or None where it is absent, cannot be loaded, or is too old to have bf16 grouped products."""
    try:
        import deep_gemm
        for name in NEEDED:
            getattr(deep_gemm, name)
        return deep_gemm
    except Exception as failure:  # also of its extension's libraries, or of its search for a CUDA toolkit
        note(f"not measured: {first_line(failure)}")
        return None


@dataclasses.dataclass
class Layout:
    experts: torch.Tensor  # i32 [padded rows], -1 where a row is padding
    routes: torch.Tensor  # i64 [R], in the order of experts: token * k + slot
    places: torch.Tensor  # i64 [R], the padded row of each of these


def make_layout(experts, num_experts, alignment):
    """Of experts i64 [T, k]."""
    flat, routes = experts.reshape(-1).sort(stable=True)
    counts = torch.bincount(flat, minlength=num_experts)
    padded = (counts + alignment - 1) // alignment * alignment
    # How far padding shifts the rows of each expert.
    shift = (padded.cumsum(0) - padded) - (counts.cumsum(0) - counts)
    places = torch.arange(len(flat), device=flat.device) + shift[flat]
    of = torch.full((int(padded.sum()),), -1, dtype=torch.int32, device=flat.device)
    of[places] = flat.int()
    return Layout(of, routes, places)


class DeepGemmPeer:
    name = "deepgemm"

    def __init__(self, problem, library):
        model, weights = problem.model, problem.weights
        self.library, self.weights, self.compiled = library, weights, False
        alignment = library.get_mk_alignment_for_contiguous_layout()
        self.layouts = [make_layout(select(model, inputs.logits)[1], model.experts, alignment)
                        for inputs in problem.sets]

        def make(rows, columns, fill=torch.empty):
            return fill(rows, columns, dtype=torch.bfloat16, device=weights.down.device)
        # Of each set's own, padding 0: rows of tokens, and normal data in place of activations.
        self.x, self.act = [], []
        for layout, inputs in zip(self.layouts, problem.sets):
            rows, places = len(layout.experts), layout.places
            x, act = make(rows, model.hidden, torch.zeros), make(rows, model.inner, torch.zeros)
            x[places] = inputs.hidden[layout.routes // model.top_k]
            act[places] = make(len(places), model.inner).normal_()
            self.x.append(x)
            self.act.append(act)
        # Shared by all sets, like the workspace of a server's layers.
        rows = max(len(layout.experts) for layout in self.layouts)
        self.y1, self.y2 = make(rows, 2 * model.inner), make(rows, model.hidden)

    def products(self, i):
        experts = self.layouts[i].experts
        product = self.library.m_grouped_bf16_gemm_nt_contiguous
        product(self.x[i], self.weights.gate_up, self.y1[:len(experts)], experts)
        product(self.act[i], self.weights.down, self.y2[:len(experts)], experts)

    def launch(self, i):
        if not self.compiled:
            # The kernel that DeepGEMM compiles depends on the number of rows, and a capture may load none.
            for other in range(len(self.layouts)):
                self.products(other)
            self.compiled = True
        self.products(i)

    def candidates(self):
        yield Candidate(f"DeepGEMM {getattr(self.library, '__version__', '')}".rstrip(), self.launch)

    def poison(self):
        self.y1.fill_(float("nan"))
        self.y2.fill_(float("nan"))

    def check(self):
        """A few rows of the last set, among them those of the first and the last expert that has any."""
        layout = self.layouts[-1]
        at = layout.places[sample_tokens(len(layout.places), layout.places.device)]
        experts = layout.experts[at].tolist()

        def error(got, rows, weight):
            want = torch.stack([weight[expert].double() @ row.double()
                                for expert, row in zip(experts, rows[at])])
            return relative_error(got[at], want)
        return max(error(self.y1, self.x[-1], self.weights.gate_up),
                   error(self.y2, self.act[-1], self.weights.down))
