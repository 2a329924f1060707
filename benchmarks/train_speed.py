"""Samples trained per CPU-second: the default net against the reference at equal parameters.

One thread, forecast and data included, medians over steps, nets interleaved in one run. Every net trains as its
preset does: the default net by its preset's batch and window, the reference by 8 streams of 64 ms, as published (more
streams or longer windows made it slower here; a row with the default net's shows it). The reference's speed at
equal parameters lies between those of two nets, a little smaller and a little larger (log-log). The
default net hears all samples and predicts a share of them (``frame_share``). The rows that compare with the bar
count samples heard: at equal CPU-seconds a share of 0.25 gave the same held-out bits as all, and 0.125 those of 0.25.
Rows without a bar tell how fast it is when it predicts every sample, as the reference does.

Then every preset in a process of its own, with as many streams as ``FEWER`` says: its rate, that in the long windows of
its last part, and its peak memory beside what ``--estimate`` counts for it. ``--quick`` leaves out the two large ones.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import math
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from neuralbum.skeleton import SkeletonParams, presets
from neuralbum.skeleton.estimate import estimate
from neuralbum.skeleton.songs import Song
from neuralbum.skeleton.training import Habits, Trainer
from report import Row, arguments, print_report, row

REFERENCE = (8, 1024)
"""Batch and window of the reference net."""
PAIRS = (("tiny", (64, 80)), ("small", (240, 256)))
"""(preset of the default net, widths of the next smaller and larger reference net: kernels want multiples of 16)."""
LAYERS = 2


FEWER = {"debug": 4, "tiny": 1, "small": 1, "samplernn-tiny": 8, "full": 1, "samplernn": 8}
"""Streams each preset is measured with; the large ones' own would take minutes a step and much memory."""
LARGE = ("full", "samplernn")


def noise_song(seconds: float) -> Song:
    rng = np.random.default_rng(0)
    return Song("noise", rng.integers(0, 256, size=int(seconds * 16_000)).astype(np.int16))


def interleaved(trainers: list[Trainer], n_steps: int) -> list[float]:
    """Samples heard per CPU-second of each."""
    spent: list[list[float]] = [[] for _ in trainers]
    for step in range(n_steps + 1):
        for trainer, seconds in zip(trainers, spent, strict=True):
            start = time.process_time()
            trainer.advance(0.5)
            if step:  # the first compiles
                seconds.append(time.process_time() - start)
    return [
        trainer.feed.n_streams * trainer.feed.window / statistics.median(seconds)
        for trainer, seconds in zip(trainers, spent, strict=True)
    ]


def cost(name: str, n_streams: int, n_steps: int) -> tuple[float, float]:
    """(samples per CPU-second, GiB at the peak) of training a preset.

    In a process that has done nothing else.
    """
    torch.set_num_threads(1)
    chosen = presets.preset(name)
    habits = Habits(batch=n_streams, window=chosen.window)
    trainer = Trainer(presets.build(chosen.kind, chosen.config), [noise_song(60)], habits)
    (rate,) = interleaved([trainer], n_steps)
    # not ru_maxrss: a child's starts with what its parent held
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return rate, next(int(line.split()[1]) / 2**20 for line in status.splitlines() if line.startswith("VmHWM"))


def preset_rows(quick: bool) -> list[Row]:
    rows = []
    for name, n_streams in FEWER.items():
        if quick and name in LARGE:
            continue
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            rate, peak = alone.submit(cost, name, n_streams, 2 if name in LARGE else 6).result()
        guess = estimate(SkeletonParams(preset=name, batch=n_streams)).memory_gib
        rows.append(row(f"{name}, {n_streams} streams: training", rate, "sample/CPU-s"))
        rows.append(row(f"{name}, {n_streams} streams: peak memory", peak, "GiB", reason=f"estimated {guess:.2f}"))
    return rows


def main() -> None:
    options = arguments(__doc__ or "")
    torch.set_num_threads(1)
    n_steps = 3 if options.quick else 8
    rows: list[Row] = []
    for name, widths in PAIRS:
        chosen = presets.preset(name)
        own, share = (chosen.batch, chosen.window), Habits().frame_share
        entrants = [
            (name, chosen.kind, chosen.config, own, share),
            (f"{name}, every sample predicted", chosen.kind, chosen.config, own, 1.0),
        ]
        for width in widths:
            config = {"width": width, "layers": LAYERS, "embedding": 64}
            entrants.append((f"samplernn d {width} x {LAYERS}", "samplernn", config, REFERENCE, 1.0))
        entrants.append((f"{entrants[2][0]}, {own[0]} streams of {own[1]}", *entrants[2][1:3], own, 1.0))
        trainers = [
            Trainer(presets.build(kind, config), [noise_song(60)], Habits(batch=b, window=w, frame_share=said))
            for _, kind, config, (b, w), said in entrants
        ]
        rates = interleaved(trainers, n_steps)
        sizes = [sum(p.numel() for p in trainer.net.parameters()) for trainer in trainers]
        for (label, *_), rate, n in zip(entrants, rates, sizes, strict=True):
            rows.append(row(f"{label}, {n / 1e6:.2f} M parameters", rate, "sample/CPU-s"))
        equal = math.exp(np.interp(math.log(sizes[0]), np.log(sizes[2:4]), np.log(rates[2:4])))
        rows.append(row(f"{name} over samplernn, samples heard", rates[0] / equal, "x", ">= 3 x"))
        rows.append(row(f"{name} over samplernn, every sample predicted", rates[1] / equal, "x"))
    print_report([*rows, *preset_rows(options.quick)], as_json=options.json)


if __name__ == "__main__":
    main()
