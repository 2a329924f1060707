"""What a training step's windows cost and gain: held-out bits after equal CPU-seconds, by streams and samples of each.

The songs and the measure of ``nll.py``, seed 0, one thread. The table in docs/skeleton.md holds two runs:
``--preset tiny`` and ``--preset small --seconds 420``. ``--quick``: two shapes, five seconds each.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from dataclasses import replace

import torch

from neuralbum.skeleton import evaluate
from neuralbum.skeleton.training import Habits, Trainer
from nll import HEARD_S, Entrant, corpus, train_for
from report import Row, print_report, row

SHAPES = {
    "tiny": [(8, 1024), (8, 4096), (2, 16_384), (1, 131_072)],
    "small": [(16, 8192), (1, 131_072)],
}
"""(streams, samples of a window)."""
QUICK_SECONDS = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two shapes, five seconds each")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--preset", choices=sorted(SHAPES), default="tiny")
    parser.add_argument("--seconds", type=float, default=90.0, help="CPU-seconds of each training")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    songs, heldout = corpus()
    first, last = evaluate.excerpt(heldout, HEARD_S, 16_000)
    seconds = QUICK_SECONDS if asked.quick else asked.seconds
    rows: list[Row] = []
    for streams, window in SHAPES[asked.preset][:: 3 if asked.quick else 1][: 2 if asked.quick else None]:
        entrant = Entrant(asked.preset, asked.preset)
        habits = replace(entrant.habits(0), batch=streams, window=window, tone_share=Habits().tone_share)
        net = entrant.build(0)
        trainer = Trainer(net, songs, habits)
        spent = train_for(trainer, seconds)
        about = f"{asked.preset}, {streams} x {window}, {seconds:g} CPU-s"
        rows.append(row(about, evaluate.song_bits(net, heldout, start=first, stop=last), "bit/sample"))
        rows.append(row(f"{about}: training rate", trainer.samples / spent, "sample/CPU-s"))
        rows.append(row(f"{about}: steps", trainer.step))
    print_report(rows, as_json=asked.json)


if __name__ == "__main__":
    main()
