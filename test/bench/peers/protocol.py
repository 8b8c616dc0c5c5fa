"""Timing as in `moec bench`: a CUDA graph over all sets, warm-up, the median of its replays."""

import dataclasses
import statistics
import time

import torch

from .reference import TOLERANCE

WARMUP_SECONDS = 0.2
MEASURE_SECONDS = 0.4
MIN_REPLAYS = 20
MAX_REPLAYS = 2000
SLOW_MILLISECONDS = 50  # from here on MIN_SLOW_REPLAYS do: the spread is small, the time is not
MIN_SLOW_REPLAYS = 7
HOPELESS = 1.3  # a first replay this much slower than the best candidate ends a trial


class Deadline:
    def __init__(self, seconds, begin):
        self.end = None if seconds is None else begin + seconds

    def passed(self):
        return self.end is not None and time.monotonic() >= self.end


@dataclasses.dataclass
class Candidate:
    """One way to compute the block: `launch(i)` enqueues it on set i, without a host sync."""
    name: str
    launch: object


class Replay:
    """A captured walk over the sets. Times are of one block, in microseconds."""

    stream = None  # one for all captures: libraries keep a workspace for every stream they have seen

    def __init__(self, launch, count):
        self.count = count
        Replay.stream = stream = Replay.stream or torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            launch(0)  # compiles, and fills the lazily made handles and workspaces of libraries
        stream.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=stream):
            for i in range(count):
                launch(i)
        self.begin = torch.cuda.Event(enable_timing=True)
        self.end = torch.cuda.Event(enable_timing=True)

    def once(self):
        self.begin.record()
        self.graph.replay()
        self.end.record()
        self.end.synchronize()
        return 1e3 * self.begin.elapsed_time(self.end) / self.count

    def measure(self):
        start = time.monotonic()
        while time.monotonic() - start < WARMUP_SECONDS:
            last = self.once()
        slow = last * self.count > 1e3 * SLOW_MILLISECONDS
        least = MIN_SLOW_REPLAYS if slow else MIN_REPLAYS
        times = []
        start = time.monotonic()
        while len(times) < least or (len(times) < MAX_REPLAYS
                                     and time.monotonic() - start < MEASURE_SECONDS):
            times.append(self.once())
        times.sort()
        return {"us": statistics.median(times), "p10": times[len(times) // 10],
                "p90": times[len(times) * 9 // 10], "replays": len(times)}


def first_line(error):
    """Short enough for a table's footnote; what went wrong is rarely below the first line."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:160]}"


def best_of(candidates, count, poison, check, deadline, note):
    """Checks every candidate, times three replays of each and measures the fastest properly.

    `poison()` overwrites the outputs, so that no candidate passes on what another one wrote. Returns a
    dict with "us" and the rest, or with "status": WRONG, FAILED or SKIPPED.
    """
    best, best_time, best_error, status = None, float("inf"), None, "SKIPPED"
    trials = {}
    for candidate in candidates:
        if deadline.passed():
            note("time limit: not all candidates were tried")
            break
        try:
            replay = Replay(candidate.launch, count)
            poison()
            first = replay.once()
            error = check()
            if not error < TOLERANCE:  # also where it is NaN
                note(f"{candidate.name} is WRONG: relative error {error:.3g}")
                status = "WRONG"
                continue
            # The first replay after a capture also uploads the graph; the second one is to be judged.
            times = [first, replay.once()]
            if times[1] < HOPELESS * best_time:
                times += [replay.once(), replay.once()]
            trial = min(times[1:])
        except Exception as failure:  # of a compiler, a library or memory: other candidates may do
            torch.cuda.synchronize()  # raises where the device itself is lost, which ends the run
            note(f"{candidate.name} failed: {first_line(failure)}")
            status = "FAILED" if status == "SKIPPED" else status
            continue
        trials[candidate.name] = round(trial, 2)
        if trial < best_time:
            best, best_time, best_error, best_name = replay, trial, error, candidate.name
        del replay  # frees the memory pool of a graph that lost
    if best is None:
        if status == "SKIPPED" and not deadline.passed():
            note("no candidate fits these sizes")
        return {"status": status, "trials": trials}
    return {**best.measure(), "status": "ok", "best": best_name, "error": best_error, "trials": trials}
