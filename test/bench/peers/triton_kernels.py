"""The kernels of the fused-MoE algorithm as it is commonly written in Triton.

Routed rows are ordered by expert, each expert's run padded to whole tiles of BLOCK_M, so that a tile has
one expert. `ids` names the route (token * k + slot) of every padded row; padding has an id of num_routes.
"""

import triton
import triton.language as tl

RUNTIME_SIZES = ["num_routes", "grid_m", "group_m", "routes_per_row"]


# Sizes that follow T are not specialised to: one compiled kernel per configuration serves every model.
@triton.jit(do_not_specialize=RUNTIME_SIZES)
def routed_product(x, w, y, ids, tile_experts, padded_rows, route_weights, num_routes, n, k, grid_m,
                   group_m, routes_per_row, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
                   BLOCK_K: tl.constexpr, WEIGHTED: tl.constexpr):
    """y[route] = x[route // routes_per_row] @ w[expert]^T, times the route's weight where WEIGHTED.

    x [*, k], w [E, n, k], y [num_routes, n]; k is a multiple of BLOCK_K.
    """
    # Tiles in groups of group_m rows of tiles, column by column, share weights and rows in L2.
    pid = tl.program_id(0)
    grid_n = tl.cdiv(n, BLOCK_N)
    group = pid // (group_m * grid_n)
    first_m = group * group_m
    size = min(grid_m - first_m, group_m)
    local = pid - group * group_m * grid_n
    tile_m = first_m + local % size
    tile_n = local // size
    # The grid is for the most padding that any routing can need.
    if tile_m * BLOCK_M >= tl.load(padded_rows):
        return

    route = tl.load(ids + tile_m * BLOCK_M + tl.arange(0, BLOCK_M))
    valid = route < num_routes
    row = (route // routes_per_row).to(tl.int64)
    route = route.to(tl.int64)  # offsets of elements pass 2^31
    expert = tl.load(tile_experts + tile_m).to(tl.int64)
    column = tile_n * BLOCK_N + tl.arange(0, BLOCK_N)
    depth = tl.arange(0, BLOCK_K)
    # Columns past the end wrap around: their loads need no mask, and they are not stored.
    x_at = x + (row * k)[:, None] + depth[None, :]
    w_at = w + expert * n * k + (column % n).to(tl.int64)[None, :] * k + depth[:, None]
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for _ in range(0, k, BLOCK_K):
        rows = tl.load(x_at, mask=valid[:, None], other=0.0)
        total = tl.dot(rows, tl.load(w_at), total)
        x_at += BLOCK_K
        w_at += BLOCK_K
    if WEIGHTED:
        total *= tl.load(route_weights + route, mask=valid, other=0.0)[:, None]
    tl.store(y + (route * n)[:, None] + column[None, :], total.to(y.dtype.element_ty),
             mask=valid[:, None] & (column < n)[None, :])


@triton.jit
def silu_mul(gate_up, act, inner, BLOCK: tl.constexpr):
    """act [R, inner] = silu(gate) * up of gate_up [R, 2 inner], a program for each row and BLOCK columns."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < inner
    gate = tl.load(gate_up + row * 2 * inner + column, mask=inside).to(tl.float32)
    up = tl.load(gate_up + row * 2 * inner + inner + column, mask=inside).to(tl.float32)
    tl.store(act + row * inner + column, (gate / (1 + tl.exp(-gate)) * up).to(act.dtype.element_ty),
             mask=inside)


@triton.jit
def sum_slots(rows, y, hidden, TOP_K: tl.constexpr, BLOCK: tl.constexpr):
    """y [T, hidden] = the sum over slots of rows [T, TOP_K, hidden], in f32."""
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < hidden
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for slot in tl.static_range(TOP_K):
        total += tl.load(rows + (token * TOP_K + slot) * hidden + column, mask=inside).to(tl.float32)
    tl.store(y + token * hidden + column, total.to(y.dtype.element_ty), mask=inside)
