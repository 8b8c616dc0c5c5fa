"""The peers of one model: weights are made once, tokens and routings for each token count."""

import gc

import torch

from . import deepgemm, inputs
from .dense import DensePeer
from .protocol import best_of
from .reference import make_check
from .torch_block import TorchPeer
from .triton_block import TritonPeer, compile_all

# Those that compute the block, so that one check and one poison do for all of them.
BLOCK_PEERS = {peer.name: peer for peer in (TritonPeer, TorchPeer)}

# A token count is left out where inputs and the intermediates of the hungriest form would not fit.
MEMORY_SHARE = 0.9


class ModelBench:
    kernels_compiled = False

    def __init__(self, model, options):
        self.model, self.options = model, options
        self.weights = inputs.make_weights(model, options.seed)
        if "triton" in options.peers and not ModelBench.kernels_compiled:
            compile_all()
            ModelBench.kernels_compiled = True

    def bytes_needed(self, tokens):
        """Beside the weights: sets, and a peer's rows, which the allocator may keep twice."""
        model, rows = self.model, tokens * self.model.top_k
        sets = inputs.NUM_SETS * tokens * (4 * model.hidden + 4 * model.experts)
        return sets + 2 * 2 * rows * (3 * model.hidden + 5 * model.inner)

    def measure(self, tokens, exponent, deadline, note):
        """A dict from peer to its result, None where its library is absent; see protocol.best_of."""
        gc.collect()  # graphs and their pools may sit in cycles
        torch.cuda.empty_cache()
        free, total = torch.cuda.mem_get_info()
        if self.bytes_needed(tokens) > free - (1 - MEMORY_SHARE) * total:
            note(f"needs about {self.bytes_needed(tokens) / 2**30:.0f} GiB beside the weights")
            return {peer: {"status": "SKIPPED"} for peer in self.options.peers}
        problem = inputs.make_problem(self.model, self.weights, tokens, exponent, self.options.seed + 1)
        check = make_check(problem)
        row = {}
        for peer in self.options.peers:
            def note_of_peer(text, peer=peer):
                note(f"{peer}: {text}")
            try:
                row[peer] = self.measure_peer(peer, problem, check, deadline, note_of_peer)
            except torch.OutOfMemoryError:  # of its buffers; those of a candidate are best_of's to report
                note_of_peer("out of memory")
                row[peer] = {"status": "SKIPPED"}
        return row

    def measure_peer(self, peer, problem, check, deadline, note):
        if peer == "dense":
            dense = DensePeer(problem)
            return best_of(dense.candidates(), inputs.NUM_SETS, dense.poison, dense.check, deadline, note)
        if peer == "deepgemm":
            library = deepgemm.load_library(note)
            if library is None:
                return None
            products = deepgemm.DeepGemmPeer(problem, library)
            return best_of(products.candidates(), inputs.NUM_SETS, products.poison, products.check, deadline,
                           note)

        def poison():
            for inputs_of_set in problem.sets:
                inputs_of_set.output.fill_(float("nan"))
        candidates = BLOCK_PEERS[peer](problem).candidates()
        return best_of(candidates, inputs.NUM_SETS, poison, check, deadline, note)
