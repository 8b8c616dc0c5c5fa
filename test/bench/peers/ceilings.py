"""What this GPU can do at best: a large bf16 product, a copy and a pure read."""

import time

import torch
import triton
import triton.language as tl

SIZE = 8192
BUFFER_BYTES = 4 << 30
READ_BLOCK = 4096


@triton.jit
def add_up(x, sums, BLOCK: tl.constexpr, BLOCKS: tl.constexpr):
    """sums[program] = the sum of this program's BLOCKS neighbouring blocks: reads, and next to no writes."""
    first = tl.program_id(0).to(tl.int64) * BLOCK * BLOCKS
    at = first + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.int32)
    for block in tl.static_range(BLOCKS):
        total += tl.load(x + at + block * BLOCK)
    tl.store(sums + tl.program_id(0), tl.sum(total))


def seconds_of(run, runs):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(runs):
        run()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3 / runs


def product_tflops():
    """Of the first ten products, which meet a cool GPU, and of products kept up for a second."""
    a, b = (torch.empty(SIZE, SIZE, dtype=torch.bfloat16, device="cuda").normal_() for _ in range(2))
    c = torch.empty_like(a)

    def run():
        torch.mm(a, b.T, out=c)
    flops = 2 * SIZE**3 * 1e-12
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    first = flops / seconds_of(run, 10)
    start, rates = time.monotonic(), []
    while time.monotonic() - start < 1:
        rates.append(flops / seconds_of(run, 100))
    return first, rates[-1]


def best_tbs(run, moved):
    run()
    torch.cuda.synchronize()
    return moved * 1e-12 / min(seconds_of(run, 5) for _ in range(6))


def measure():
    first, sustained = product_tflops()
    x = torch.ones(BUFFER_BYTES // 4, dtype=torch.int32, device="cuda")
    y = torch.empty_like(x)
    copy = best_tbs(lambda: y.copy_(x), 2 * BUFFER_BYTES)
    read = 0.0
    for blocks in (1, 4, 16):  # how much one program reads; which is best differs between GPUs
        programs = x.numel() // (READ_BLOCK * blocks)
        sums = torch.zeros(programs, dtype=torch.int32, device="cuda")

        def run():
            add_up[programs,](x, sums, BLOCK=READ_BLOCK, BLOCKS=blocks, num_warps=8)
        rate = best_tbs(run, BUFFER_BYTES)
        if sums.sum().item() == x.numel():  # a kernel that skipped reads would look fast
            read = max(read, rate)
    return {"product_tflops_first": first, "product_tflops_sustained": sustained,
            "copy_tbs": copy, "read_tbs": read}
