"""What a listener hears: fetch the playlist and its segments as a listener does, decode them, measure.

Processes that live say nothing; sound that arrives does. Silence is what stays below −60 dB re full scale for whole
hops of 50 ms; drift is how much later, or earlier, segments come than in the first half minute, by the least of
thirty, since a fetch can only be late.
"""

from __future__ import annotations

import io
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..audio.reading import Audio
from .params import RATE
from .playlist import FILE, Segment, parse

HOP = RATE // 20
SILENT = 10 ** (-60.0 / 20)
DEAD_AIR_S = 3.0
MOST_DRIFT_S = 1.0
COMPARED = 30


@dataclass(frozen=True)
class Findings:
    """What was heard last."""

    sequence: int | None = None  #: number of the newest segment
    frozen_s: float = 0.0  #: since a new one came
    silence_s: float = 0.0  #: with which the sound ends
    longest_silence_s: float = 0.0  #: so far
    level_db: float | None = None  #: RMS of the newest segment, re full scale
    behind_s: float | None = None  #: from the end of the newest segment's time to its arrival
    drift_s: float | None = None
    discontinuities: int = 0  #: seen so far
    error: str = ""  #: why the last look failed

    def dead(self, segment_s: float) -> str:
        """Why the encoder has to be started anew; empty if it need not."""
        if self.frozen_s > 2 * segment_s + DEAD_AIR_S:
            return f"the playlist has not moved for {self.frozen_s:.1f} s"
        if self.silence_s >= DEAD_AIR_S:
            return f"{self.silence_s:.1f} s of silence"
        if abs(self.drift_s or 0.0) > MOST_DRIFT_S:
            return f"the clock has drifted by {self.drift_s:.2f} s"
        return ""

    def plain(self) -> dict[str, Any]:
        """With numbers as a page shows them."""
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(self).items()}


class Probe:
    """Listens; ``get`` fetches an address of the stream."""

    def __init__(
        self, get: Callable[[str], bytes], clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._get, self._clock, self._wall = get, clock, wall
        self._last = Findings()
        self._moved_at = clock()
        self._first: list[float] = []
        self._recent: deque[float] = deque(maxlen=COMPARED)

    def look(self) -> Findings:
        """Fetch what is new."""
        error = ""
        try:
            listed, _ = parse(self._get(FILE).decode())
            known = self._last.sequence
            fresh = [s for s in listed if known is None or s.number > known]
            for one in fresh[-1:] if known is None else fresh:
                self._hear(one, self._get(one.name), newest=one is fresh[-1])
        except Exception as why:  # whatever it is, a listener would have heard nothing
            error = f"{type(why).__name__}: {why}"[:200]
        found = {**asdict(self._last), "frozen_s": self._clock() - self._moved_at, "error": error}
        self._last = Findings(**found)
        return self._last

    def _hear(self, one: Segment, data: bytes, *, newest: bool) -> None:
        sound = decode(data)
        self._moved_at = self._clock()
        behind_s = self._wall() - one.end_at
        if one.discontinuity:
            self._first, self._recent = [], deque(maxlen=COMPARED)
        if newest:  # only what was fetched as soon as it was there
            self._recent.append(behind_s)
            if len(self._first) < COMPARED:
                self._first.append(behind_s)
        drift_s = min(self._recent) - min(self._first) if len(self._recent) == COMPARED else None
        ends, longest = silences(sound)
        silence_s = self._last.silence_s + ends if ends * RATE >= sound.shape[1] - HOP else ends
        self._last = Findings(
            sequence=one.number, silence_s=silence_s,
            longest_silence_s=max(self._last.longest_silence_s, longest, silence_s),
            level_db=float(10 * np.log10(np.mean(np.square(sound)) + 1e-12)), behind_s=behind_s, drift_s=drift_s,
            discontinuities=self._last.discontinuities + one.discontinuity,
        )  # fmt: skip


def decode(data: bytes) -> Audio:
    """A segment's sound, float32 (2, n)."""
    import av

    with av.open(io.BytesIO(data), "r", format="aac") as file:
        return np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)


def silences(sound: Audio) -> tuple[float, float]:
    """Seconds of silence with which it ends, and the longest ones in it."""
    n = sound.shape[1] // HOP
    if not n:
        return 0.0, 0.0
    quiet = np.abs(sound[:, -n * HOP :]).max(axis=0).reshape(n, HOP).max(axis=1) < SILENT
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    lengths = edges[1::2] - edges[::2]
    ends = int(lengths[-1]) if len(lengths) and edges[-1] == n else 0
    return ends * HOP / RATE, int(lengths.max(initial=0)) * HOP / RATE
