"""Peer `triton`: the fused-MoE algorithm, best of several tile configurations.

Routing and alignment are prepared outside of the timed region, which favours this peer.
"""

import collections
import concurrent.futures
import math
import os

import torch
import triton

from .inputs import select
from .protocol import Candidate
from .triton_kernels import routed_product, silu_mul, sum_slots

Config = collections.namedtuple("Config", "block_m block_n block_k warps stages group_m")

# A kernel is compiled for the first five; group_m is an argument.
CONFIGS = [Config(*sizes) for sizes in (
    (16, 64, 128, 4, 4, 1),
    (16, 128, 128, 4, 3, 1),
    (16, 128, 64, 4, 4, 1),
    (16, 64, 64, 4, 4, 1),
    (32, 128, 64, 4, 4, 1),
    (32, 64, 128, 4, 4, 8),
    (32, 256, 64, 8, 3, 8),
    (64, 128, 64, 4, 4, 8),
    (64, 128, 128, 4, 3, 8),
    (64, 256, 64, 8, 4, 16),
    (64, 64, 128, 4, 4, 1),
    (128, 256, 64, 8, 3, 16),
    (128, 128, 64, 8, 4, 16),
    (128, 256, 64, 8, 4, 8),
    (128, 128, 64, 4, 4, 8),
    (128, 256, 64, 8, 4, 1),
    (128, 128, 128, 8, 3, 16),
)]
MAX_TRIALS = 9


def ordered_configs(model, tokens):
    """Those that fit the model's depths, the block_m nearest to the rows of a touched expert first."""
    rows = tokens * model.top_k
    touched = model.experts * (1 - (1 - 1 / model.experts) ** rows)  # expected, of uniform routing
    want = math.log2(min(max(rows / touched, 16), 128))
    fitting = [c for c in CONFIGS if model.hidden % c.block_k == 0 and model.inner % c.block_k == 0]
    fitting.sort(key=lambda c: abs(math.log2(c.block_m) - want))  # stable: the list's order otherwise
    return fitting[:MAX_TRIALS]


def align(experts, num_experts, block_m):
    """ids i32 [max padded rows], expert of each tile i32, number of padded rows i32 [1].

    The arrays have the size that the worst routing needs, as a server would allocate them.
    """
    routes, device = experts.numel(), experts.device
    flat = experts.reshape(-1)
    order = flat.sort(stable=True).indices
    counts = torch.bincount(flat, minlength=num_experts)
    tiles = (counts + block_m - 1) // block_m
    # Where an expert's rows begin, in the sorted order and in the padded one.
    begins, padded_begins = counts.cumsum(0) - counts, (tiles.cumsum(0) - tiles) * block_m
    max_tiles = min(routes, (routes + num_experts * (block_m - 1)) // block_m)
    ids = torch.full((max_tiles * block_m,), routes, dtype=torch.int32, device=device)
    of = flat[order]
    ids[torch.arange(routes, device=device) - begins[of] + padded_begins[of]] = order.int()
    tile_experts = torch.zeros(max_tiles, dtype=torch.int32, device=device)
    used = torch.repeat_interleave(torch.arange(num_experts, device=device), tiles)
    tile_experts[:len(used)] = used.int()
    return ids, tile_experts, (tiles.sum() * block_m).int().reshape(1)


def launch_product(x, w, y, alignment, route_weights, routes_per_row, config, weighted, launch=None):
    """Enqueues one product; `launch` stands in for the kernel's own, to compile without a launch."""
    n, k = w.shape[1:]
    ids, tile_experts, padded_rows = alignment
    grid_m = len(tile_experts)
    grid = (grid_m * triton.cdiv(n, config.block_n),)
    launch = launch or (lambda *arguments, grid, **options: routed_product[grid](*arguments, **options))
    launch(x, w, y, ids, tile_experts, padded_rows, route_weights, len(y), n, k, grid_m, config.group_m,
           routes_per_row, BLOCK_M=config.block_m, BLOCK_N=config.block_n, BLOCK_K=config.block_k,
           WEIGHTED=weighted, num_warps=config.warps, num_stages=config.stages, grid=grid)


class TritonPeer:
    name = "triton"

    def __init__(self, problem):
        model = self.model = problem.model
        self.problem = problem

        def make(columns):
            return torch.empty(problem.rows, columns, dtype=torch.bfloat16,
                               device=problem.weights.down.device)
        # Shared by all sets, like the workspace of a server's layers.
        self.gate_up, self.act, self.down = make(2 * model.inner), make(model.inner), make(model.hidden)
        self.routings = [select(model, inputs.logits) for inputs in problem.sets]
        self.alignments = {}

    def alignment(self, i, block_m):
        if (i, block_m) not in self.alignments:
            self.alignments[i, block_m] = align(self.routings[i][1], self.model.experts, block_m)
        return self.alignments[i, block_m]

    def launcher(self, config):
        model, weights = self.model, self.problem.weights
        alignments = [self.alignment(i, config.block_m) for i in range(len(self.problem.sets))]

        def launch(i):
            inputs, alignment, scales = self.problem.sets[i], alignments[i], self.routings[i][0]
            launch_product(inputs.hidden, weights.gate_up, self.gate_up, alignment, scales, model.top_k,
                           config, False)
            blocks = triton.cdiv(model.inner, 1024)
            silu_mul[len(self.act), blocks](self.gate_up, self.act, model.inner, BLOCK=1024)
            launch_product(self.act, weights.down, self.down, alignment, scales, 1, config, True)
            blocks = triton.cdiv(model.hidden, 1024)
            sum_slots[self.problem.tokens, blocks](self.down, inputs.output, model.hidden,
                                                   TOP_K=model.top_k, BLOCK=1024)
        return launch

    def candidates(self):
        for config in ordered_configs(self.model, self.problem.tokens):
            yield Candidate("x".join(map(str, config[:3])) + " w{} s{} g{}".format(*config[3:]),
                            self.launcher(config))


def compile_all(device="cuda"):
    """Compiles both products for every configuration, in threads; a run's launches then find them."""
    def make(*shape, dtype=torch.bfloat16):
        return torch.empty(shape, dtype=dtype, device=device)
    size = 128
    x, w, y, scales = make(size, size), make(1, size, size), make(size, size), make(size, dtype=torch.float32)
    alignment = [make(size, dtype=torch.int32) for _ in range(3)]
    executor = concurrent.futures.ThreadPoolExecutor(min(16, os.cpu_count() or 1))
    # Errors are left to the first launch, where the candidate that they belong to is reported.
    with executor, triton.AsyncCompileMode(executor, ignore_errors=True):
        for config in dict.fromkeys(config._replace(group_m=1) for config in CONFIGS):
            for weighted in (False, True):
                launch_product(x, w, y, alignment, scales, 1, config, weighted, routed_product.warmup)
