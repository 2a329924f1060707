"""How far takes are from their band, and how many hold a whistle, with each of the things that hold a net that sings.

``tiny`` is trained as its preset says, for 90 CPU-seconds on one thread, on real tracks (``--band blkrbt``) or on the
built-in band (``--band demo``). The same net then makes the same eight takes in several ways, one thing more each time.

Seeds 0, 1. ``--quick``: one seed, a few seconds each; the numbers then say little.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import argparse
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from neuralbum import audio
from neuralbum.demo.band import make_band
from neuralbum.dsp import front_end
from neuralbum.generate.making import Guard, make
from neuralbum.prepared import to_int16
from neuralbum.records import Recipe
from neuralbum.skeleton import audition, likeness
from neuralbum.skeleton.engine import open_engine
from neuralbum.skeleton.reins import FREE
from neuralbum.skeleton.scoring import ANCHORED, temper
from neuralbum.skeleton.songs import Song
from neuralbum.skeleton.training import Trainer
from nll import ENTRANTS, corpus, train_for
from report import Row, print_report, row

RATE = 16_000
SECONDS, QUICK_SECONDS, SEEDS = 90.0, 5.0, (0, 1)
N_TAKES, TAKE_S, PRIME_S = 8, 16, 1
PIECE_S, WHISTLE_DB = 4, -12.0


def demo_songs() -> list[Song]:
    sounds = [audio.resample(song.audio, song.sample_rate, RATE).mean(0) for song in make_band()[:-1]]
    gain = 0.97 / max(float(np.abs(x).max()) for x in sounds)
    return [Song(str(k), front_end.levels_of(to_int16(x * gain))) for k, x in enumerate(sounds)]


def takes(net: Any, songs: list[Song], *, anchored: float, **how: Any) -> tuple[np.ndarray, float]:
    """Takes (N_TAKES, n), and the share of their half seconds that were drawn again."""

    def prime(recipe: Recipe) -> np.ndarray:
        rng = np.random.default_rng([5, recipe.number])
        song = songs[int(rng.integers(len(songs)))]
        start = int(rng.integers(0, len(song.levels) - PRIME_S * RATE))
        return song.levels[start : start + PRIME_S * RATE]

    todo = [Recipe("m", "d", 1, 0, k, ((0.0, 1.0),), TAKE_S * RATE, RATE, "") for k in range(N_TAKES)]
    parts: dict[int, list[np.ndarray]] = {}
    redrawn = 0
    for handed in make(
        open_engine(net, threads=1, anchored=anchored), lambda: todo.pop(0) if todo else None,
        batch=N_TAKES, sample_rate=RATE, prime=prime, guard=Guard(), **how,
    ):  # fmt: skip
        parts.setdefault(handed.recipe.number, []).append(handed.audio)
        redrawn += sum(event.get("blocks", 0) for event in handed.events)
    sound = np.stack([np.concatenate(parts[k]) for k in range(N_TAKES)])
    return sound.astype(np.float64), redrawn / (2 * TAKE_S * N_TAKES)


def measured(name: str, sound: np.ndarray, redrawn: float, music: likeness.Band) -> list[Row]:
    far = likeness.distance(likeness.statistics(sound, sample_rate=RATE), music.known)
    pieces = sound.reshape(-1, 1, PIECE_S * RATE)
    lines = [line for piece in pieces if (line := likeness.held_line(piece, RATE)) is not None]
    return [
        row(f"{name}: distance", far),
        row(f"{name}: pieces with a line over {WHISTLE_DB:g} dB", 100 * np.mean(np.array(lines) > WHISTLE_DB), "%"),
        *([row(f"{name}: drawn again", 100 * redrawn, "%")] if redrawn else []),
    ]


def main() -> None:
    asking = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asking.add_argument("--quick", action="store_true")
    asking.add_argument("--json", action="store_true")
    asking.add_argument("--band", choices=("blkrbt", "demo"), default="blkrbt")
    asking.add_argument("--seconds", type=float, default=SECONDS, help="CPU-seconds of training")
    asked = asking.parse_args()
    torch.set_num_threads(1)
    songs = corpus()[0] if asked.band == "blkrbt" else demo_songs()
    music = likeness.band(songs, 256, sample_rate=RATE)
    rows: list[Row] = []
    for seed in SEEDS[: 1 if asked.quick else None]:
        net, start = ENTRANTS[0].build(seed), time.process_time()
        trainer = Trainer(net, songs, ENTRANTS[0].habits(seed))
        train_for(trainer, (QUICK_SECONDS if asked.quick else asked.seconds) - (time.process_time() - start))
        entropy, reins = temper(net, songs, sample_rate=RATE)

        def audition_of(anchored: float, net: Any = net, entropy: float = entropy, reins: Any = reins) -> float:
            """As at a checkpoint."""
            engine = open_engine(net, threads=1, anchored=anchored)
            sung = audition.sing(engine, songs, n_clips=2, seconds=8.0, sample_rate=RATE, seed=0, reins=reins)
            return likeness.distance(sung.heard, {**music.known, "entropy": entropy})

        chosen = min(ANCHORED, key=audition_of)
        for name, anchored, how in (
            ("free", 1.0, {"reins": FREE}),
            ("held by entropy", 1.0, {"reins": replace(reins, line_db=float("inf"))}),
            ("and by lines", 1.0, {"reins": reins}),
            ("and drawn again", 1.0, {"reins": reins, "band": music}),
            ("and anchored", chosen, {"reins": reins, "band": music}),
        ):
            about = f"{asked.band}, seed {seed}, {name}" + (f" {chosen:g} times" if name == "and anchored" else "")
            rows += measured(about, *takes(net, songs, anchored=anchored, **how), music)
            print(f"{about}: done", file=sys.stderr, flush=True)
    print_report(rows, as_json=asked.json)


if __name__ == "__main__":
    main()
