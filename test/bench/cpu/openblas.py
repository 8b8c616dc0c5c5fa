"""Times E products [ROWS, K] x [N, K]^T in f32 with NumPy's BLAS: openblas.py E ROWS N K [RUNS].

Threads follow OPENBLAS_NUM_THREADS; use a NumPy that is linked to OpenBLAS (Debian's python3-numpy
with libopenblas0 is).
"""

import sys
import time

import numpy as np

experts, rows, n, k = map(int, sys.argv[1:5])
runs = int(sys.argv[5]) if len(sys.argv) > 5 else 20
random = np.random.default_rng(1)
x = random.standard_normal((experts, rows, k), dtype=np.float32)
w = random.standard_normal((experts, n, k), dtype=np.float32)
y = np.empty((experts, rows, n), dtype=np.float32)
seconds = []
cpu_seconds = []
for _ in range(runs + 1):
    start_cpu = time.process_time()
    start = time.perf_counter()
    for e in range(experts):
        np.dot(x[e], w[e].T, out=y[e])
    seconds.append(time.perf_counter() - start)
    cpu_seconds.append(time.process_time() - start_cpu)
seconds = sorted(seconds[1:])
flops = 2 * experts * rows * n * k
print(f"E {experts} rows {rows} N {n} K {k}: best {seconds[0] * 1e3:.3f} ms, "
      f"median {seconds[len(seconds) // 2] * 1e3:.3f} ms, {flops / seconds[0] * 1e-9:.1f} GFLOP/s; "
      f"per CPU second {flops / min(cpu_seconds[1:]) * 1e-9:.1f} GFLOP")
