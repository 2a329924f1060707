"""Samples trained per CPU-second: the default net against the reference at equal parameters.

One thread, forecast and data included, medians over steps, nets interleaved in one run. The
default net hears all samples and predicts a share of them (``frame_share``). The rows that compare with the bar
count samples heard: at equal CPU-seconds a share of 0.25 gave the same held-out bits as all, and 0.125 those of 0.25.
Rows without a bar tell how fast it is when it predicts every sample, as the reference does.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import statistics
import time

import numpy as np
import torch

from neuralbum.skeleton import presets
from neuralbum.skeleton.songs import Song
from neuralbum.skeleton.training import Habits, Trainer
from report import arguments, print_report, row

BATCH, WINDOW = 8, 1024
PAIRS = (("tiny", 80, 2), ("small", 288, 2))
"""(preset of the default net, width and layers of a reference net of about as many parameters)."""


def noise_song(seconds: float) -> Song:
    rng = np.random.default_rng(0)
    return Song("noise", rng.integers(0, 256, size=int(seconds * 16_000)).astype(np.int16))


def main() -> None:
    options = arguments(__doc__ or "")
    torch.set_num_threads(1)
    n_steps = 4 if options.quick else 12
    rows = []
    for name, width, layers in PAIRS:
        chosen = presets.preset(name)
        ours = presets.build(chosen.kind, chosen.config)
        theirs = presets.build("samplernn", {"width": width, "layers": layers, "embedding": 64})
        rates = {}
        trainers = {
            label: Trainer(net, [noise_song(60)], Habits(batch=BATCH, window=WINDOW, frame_share=share))
            for label, net, share in (
                (name, ours, Habits().frame_share),
                (f"samplernn d {width} x {layers}", theirs, 1.0),
                (f"{name}, every sample predicted", presets.build(chosen.kind, chosen.config), 1.0),
            )
        }
        spent: dict[str, list[float]] = {label: [] for label in trainers}
        for step in range(n_steps + 1):
            for label, trainer in trainers.items():
                start = time.process_time()
                trainer.advance(0.5)
                if step:  # the first compiles
                    spent[label].append(time.process_time() - start)
        for label, trainer in trainers.items():
            rates[label] = BATCH * WINDOW / statistics.median(spent[label])
            n = sum(p.numel() for p in trainer.net.parameters())
            rows.append(row(f"{label}, {n / 1e6:.2f} M parameters", rates[label], "sample/CPU-s"))
        mine, reference, every = rates.values()
        rows.append(row(f"{name} over samplernn, samples heard", mine / reference, "x", ">= 3 x"))
        rows.append(row(f"{name} over samplernn, every sample predicted", every / reference, "x"))
    print_report(rows, as_json=options.json)


if __name__ == "__main__":
    main()
