"""Fit a skeleton's tilt: let the chosen checkpoint play, hold what it plays against the band, and correct it.

The clips are played as ``generate`` plays takes, one candidate a bar, so that what is
corrected is the net itself. A training by the clock keeps a share of its time for this.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..nets.grid import STEPS_PER_BAR
from . import checkpoint
from .checkpoint import About

if TYPE_CHECKING:
    from ..nets.band_model import BandModel, Example
    from ..progress import Reporter

N_CLIPS = 64
N_BARS = 12  #: of a clip
FIRST_RATE, LAST_RATE = 0.6, 0.2
SHARE = 0.15  #: of a training by the clock
LEAST_ROUNDS = 3  #: even where the time is over

Ints = npt.NDArray[np.int64]


def finish(
    folder: Path, about: About, *, seed: int, rounds: int, seconds: float, reporter: Reporter
) -> About:  # fmt: skip
    """Fit the tilt of a model's chosen checkpoint and write it there; returns what model.json then says.

    Parameters
    ----------
    seconds : begin no round after so long, 0: no limit
    """
    if not rounds:
        return about
    model, _ = checkpoint.open_model(folder, about.step)
    scored = about.checkpoint
    if scored is None or int(model.tilt.rounds):  # what is fitted stays: takes name the file
        return about
    fit(model, seed=seed, rounds=rounds, seconds=seconds, reporter=reporter)
    fitted = {checkpoint.TILT + name: value for name, value in model.tilt.state_dict().items()}
    return checkpoint.write_net(folder, about, scored, {**model.net.state_dict(), **fitted})


def fit(model: BandModel, *, seed: int, rounds: int, seconds: float, reporter: Reporter) -> None:
    """Move the tilt of a model's net, on the CPU, until what it plays agrees with the band."""
    began, tilt = time.monotonic(), model.tilt
    as_they_are = [_with_tokens(e) for e in model.examples if e.pitch == 0.0]
    band = tilt.measure_band(model.codebook, as_they_are, [_with_tokens(e) for e in model.examples])
    reporter.begin("compare what it plays with the band", rounds, "rounds")
    for done in range(rounds):
        if seconds and done >= LEAST_ROUNDS and (time.monotonic() - began) * (done + 1) / done > seconds:
            break
        played = tilt.moments(play(model, seed=seed + done))
        tilt.move(band, played, FIRST_RATE + (LAST_RATE - FIRST_RATE) * done / max(1, rounds - 1))
        reporter.advance(1, f"use of codes {band.apart(played):.2f} nats apart")
    reporter.end()


def play(model: BandModel, *, seed: int) -> Sequence[tuple[Ints, Ints]]:
    """Codes of ``N_CLIPS`` clips that begin like the band's songs, and the form token of each step."""
    from ..generate.planning import clip_plan
    from ..generate.playing import Player

    plans = [clip_plan(model, seed, number, N_BARS) for number in range(N_CLIPS)]
    codes = Player(model, plans, n_streams=N_CLIPS, n_candidates=1).play()
    return [(c, np.repeat(p.tokens, STEPS_PER_BAR)[: len(c)]) for c, p in zip(codes, plans, strict=True)]


def _with_tokens(example: Example) -> tuple[Ints, Ints]:
    bars = (example.first + np.arange(len(example.codes))) // STEPS_PER_BAR
    return example.codes, example.tokens[bars]
