"""Does a take stay within what the band does in level, or does it run away?

A net that feeds on its own output may drift until everything is as loud as it can be. Such takes
score well in tone, because clipping looks like harmonics, so they are told apart first: by cells
(a band of a fiftieth of a second) louder than the band ever is, by crest factor, and by the rise
from the first to the last quarter of a cut.

Pure: measures in, reasons out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .measures import CUT_MEASURES, LEVEL_LOW_DB, LEVEL_STEP_DB, SongMeasures

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

LOUD_PERCENT = 99.9  #: of the band's cells …
LOUD_MARGIN_DB = 3.0  #: … and this much above is louder than the band ever is
LOUD_SHARE = 0.01  #: of a take's cells: it runs away
RANGE_MARGIN_DB = 3.0  #: crest and rise may leave the band's range by this much
RUNAWAY = ("saturates", "crest low", "swells")
CREST, RISE = (next(m for m in CUT_MEASURES if m.name == name) for name in ("crest", "rise"))


@dataclass(frozen=True)
class Steadiness:
    """Whether one take stays within what the band does."""

    name: str
    loud_share: float  #: of its cells, above the band's 99.9 % + 3 dB
    crest_db: float  #: median over its cuts
    rise_db: float  #: the largest of its cuts, up or down
    reasons: tuple[str, ...]  #: of RUNAWAY, "dies away", "crest high"; none: steady

    @property
    def runs_away(self) -> bool:
        return any(reason in RUNAWAY for reason in self.reasons)


def steadiness(band: Sequence[SongMeasures], takes: Sequence[SongMeasures]) -> list[Steadiness]:
    """How far each take leaves the band's range in level."""
    limit_db = loud_limits(sum((s.levels for s in band[1:]), band[0].levels))
    low, high = (
        {m: edge([edge(s.column(m)) for s in band]) + margin for m in (CREST, RISE)}
        for edge, margin in ((np.min, -RANGE_MARGIN_DB), (np.max, RANGE_MARGIN_DB))
    )
    found = []
    for take in takes:
        loud, crests, rises = loud_share(take.levels, limit_db), take.column(CREST), take.column(RISE)
        reasons = {
            "saturates": loud >= LOUD_SHARE,
            "crest low": crests.min() < low[CREST],
            "swells": rises.max() > high[RISE],
            "dies away": rises.min() < low[RISE],
            "crest high": crests.max() > high[CREST],
        }
        largest = float(rises[np.argmax(np.abs(rises))])
        why = tuple(words for words, true in reasons.items() if true)
        found.append(Steadiness(take.name, loud, float(np.median(crests)), largest, why))
    return found


def loud_limits(levels: Counts) -> Floats:
    """Per band the level (dB) that only 0.1 % of the cells exceed, and LOUD_MARGIN_DB: (n_bands,)."""
    share = np.cumsum(levels, axis=1) / np.maximum(levels.sum(axis=1, keepdims=True), 1)
    step = np.argmax(share >= LOUD_PERCENT / 100, axis=1)
    return np.asarray(LEVEL_LOW_DB + (step + 1) * LEVEL_STEP_DB + LOUD_MARGIN_DB)


def loud_share(levels: Counts, limit_db: Floats) -> float:
    """The share of a take's cells above the limits."""
    low_edges = LEVEL_LOW_DB + np.arange(levels.shape[1]) * LEVEL_STEP_DB
    return float((levels * (low_edges[None, :] >= limit_db[:, None])).sum() / max(int(levels.sum()), 1))
