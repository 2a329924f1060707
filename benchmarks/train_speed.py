"""Samples trained per CPU-second: the default net against the reference at equal parameters.

One thread, forecast and data included, medians over steps, nets interleaved in one run. The reference's speed at
equal parameters lies between those of two nets, a little smaller and a little larger (log-log). The
default net hears all samples and predicts a share of them (``frame_share``). The rows that compare with the bar
count samples heard: at equal CPU-seconds a share of 0.25 gave the same held-out bits as all, and 0.125 those of 0.25.
Rows without a bar tell how fast it is when it predicts every sample, as the reference does.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import math
import statistics
import time

import numpy as np
import torch

from neuralbum.skeleton import presets
from neuralbum.skeleton.songs import Song
from neuralbum.skeleton.training import Habits, Trainer
from report import arguments, print_report, row

BATCH, WINDOW = 8, 1024
PAIRS = (("tiny", (64, 80)), ("small", (240, 256)))
"""(preset of the default net, widths of the next smaller and larger reference net: kernels want multiples of 16)."""
LAYERS = 2


def noise_song(seconds: float) -> Song:
    rng = np.random.default_rng(0)
    return Song("noise", rng.integers(0, 256, size=int(seconds * 16_000)).astype(np.int16))


def main() -> None:
    options = arguments(__doc__ or "")
    torch.set_num_threads(1)
    n_steps = 4 if options.quick else 12
    rows = []
    for name, widths in PAIRS:
        chosen = presets.preset(name)
        share = Habits().frame_share
        nets = [(name, presets.build(chosen.kind, chosen.config), share)]
        nets.append((f"{name}, every sample predicted", presets.build(chosen.kind, chosen.config), 1.0))
        for width in widths:
            config = {"width": width, "layers": LAYERS, "embedding": 64}
            nets.append((f"samplernn d {width} x {LAYERS}", presets.build("samplernn", config), 1.0))
        habits = [Habits(batch=BATCH, window=WINDOW, frame_share=share) for _, _, share in nets]
        trainers = [Trainer(net, [noise_song(60)], said) for (_, net, _), said in zip(nets, habits, strict=True)]
        spent: list[list[float]] = [[] for _ in trainers]
        for step in range(n_steps + 1):
            for trainer, seconds in zip(trainers, spent, strict=True):
                start = time.process_time()
                trainer.advance(0.5)
                if step:  # the first compiles
                    seconds.append(time.process_time() - start)
        rates = [BATCH * WINDOW / statistics.median(seconds) for seconds in spent]
        sizes = [sum(p.numel() for p in net.parameters()) for _, net, _ in nets]
        for (label, _, _), rate, n in zip(nets, rates, sizes, strict=True):
            rows.append(row(f"{label}, {n / 1e6:.2f} M parameters", rate, "sample/CPU-s"))
        mine, every, *reference = rates
        equal = math.exp(np.interp(math.log(sizes[0]), np.log(sizes[2:]), np.log(reference)))
        rows.append(row(f"{name} over samplernn, samples heard", mine / equal, "x", ">= 3 x"))
        rows.append(row(f"{name} over samplernn, every sample predicted", every / equal, "x"))
    print_report(rows, as_json=options.json)


if __name__ == "__main__":
    main()
