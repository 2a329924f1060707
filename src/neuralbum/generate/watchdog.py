"""Watch what a skeleton played: silence, a step held, a bar repeated, louder than the band ever is.

Nets that hear themselves can fall into a hole and stay there. What is too much is
measured on the band: its own longest silence, longest held step and longest repeated
bar, each with a margin, and the level of its loudest bars.

Pure: codes in, a diagnosis out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..nets.codebook import N_GROUPS, Codebook
from ..nets.grid import FRAMES_PER_STEP, STEPS_PER_BAR

SILENT_DB = -55.0  #: power of a whole step's bands, re a full-scale sine; the floor of frames lies at -70 a band
LOUD_QUANTILE, LOUD_MARGIN_DB = 0.999, 3.0  #: of the band's bars
MARGIN = 2  #: so many times the band's longest run
SHORTEST_RUN = {"silence": 2 * STEPS_PER_BAR, "held": 2 * STEPS_PER_BAR, "loop": 8 * STEPS_PER_BAR}
"""Steps: what is always allowed, whatever the band does."""
ALIKE = N_GROUPS - 1  #: steps with so many equal codes count as the same

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with a take."""

    trouble: str  #: "silence", "held", "loop" or "loud"
    start: int  #: step at which it begins


class Watchdog:
    """Knows what the band does at most."""

    def __init__(self, codebook: Codebook, songs: Sequence[Ints]) -> None:
        self.power = _powers(codebook)
        self.longest = {
            name: max(least, MARGIN * max((_longest(self._runs(name, song))[1] for song in songs), default=0))
            for name, least in SHORTEST_RUN.items()
        }
        bars = np.concatenate([self._bars_db(song) for song in songs] or [np.zeros(1)])
        self.loudest_db = float(np.quantile(bars, LOUD_QUANTILE)) + LOUD_MARGIN_DB

    def diagnose(self, codes: Ints) -> Diagnosis | None:
        """The first thing that is wrong with a take's codes (n_steps, N_GROUPS), if any."""
        found = []
        for name, most in self.longest.items():
            start, length = _longest(self._runs(name, codes), more_than=most)
            if length > most:
                found.append(Diagnosis(name, start))
        loud = np.flatnonzero(self._bars_db(codes) > self.loudest_db)
        if len(loud):
            found.append(Diagnosis("loud", int(loud[0]) * STEPS_PER_BAR))
        return min(found, key=lambda one: one.start, default=None)

    def _level_db(self, codes: Ints) -> npt.NDArray[np.float64]:
        """(n_steps,) of the whole spectrum."""
        return np.asarray(10.0 * np.log10(sum(self.power[g][codes[:, g]] for g in range(N_GROUPS - 1)) + 1e-12))

    def _bars_db(self, codes: Ints) -> npt.NDArray[np.float64]:
        """Level of each whole bar."""
        n_bars = len(codes) // STEPS_PER_BAR
        power = 10.0 ** (self._level_db(codes[: n_bars * STEPS_PER_BAR]) / 10.0)
        return np.asarray(10.0 * np.log10(power.reshape(n_bars, STEPS_PER_BAR).mean(1) + 1e-12))

    def _runs(self, name: str, codes: Ints) -> npt.NDArray[np.bool_]:
        """(n_steps,) where a step is silent, or the same as the last one, or as a bar ago."""
        if name == "silence":
            return np.asarray(self._level_db(codes) < SILENT_DB)
        lag = 1 if name == "held" else STEPS_PER_BAR
        same = np.zeros(len(codes), dtype=bool)
        same[lag:] = (codes[lag:] == codes[:-lag]).sum(1) >= ALIKE
        return same


def _powers(codebook: Codebook) -> list[npt.NDArray[np.float64]]:
    """For each group but the widths (n_codes,): the power of its bands, summed, mean over a step's frames."""
    return [(10.0 ** (centres.astype(np.float64) / 10.0)).sum(1) / FRAMES_PER_STEP for centres in codebook.centres[:-1]]


def _longest(runs: npt.NDArray[np.bool_], *, more_than: int | None = None) -> tuple[int, int]:
    """(start, length) of the longest run of True, or of the first one longer than ``more_than``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], runs.astype(np.int8), [0]])))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    if not len(starts):
        return 0, 0
    over = np.flatnonzero(lengths > more_than) if more_than is not None else np.zeros(0, dtype=np.int64)
    which = int(over[0]) if len(over) else int(lengths.argmax())
    return int(starts[which]), int(lengths[which])
