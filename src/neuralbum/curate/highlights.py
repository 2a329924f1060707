"""Where in a take to listen first.

Pure. A five-second excerpt tells most of what the whole tells (Music Perception
40(3), 2023, human songs); neural takes collapse late, so the start, the middle
and the end are always among the points, the flags' first moments come before
them, and the strongest changes of the spectrum fill up the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

NEAR_S = 3.0
"""Two points closer than this are one."""
LEAD_IN_S = 1.0
"""Start a little before what happens, so that the change itself is heard."""


@dataclass(frozen=True)
class Highlight:
    at_s: float
    why: str


def highlights(
    levels: npt.NDArray[np.uint8], duration_s: float, flags: Sequence[Mapping[str, Any]], *, n_highlights: int
) -> list[Highlight]:
    """The moments worth hearing, the most telling first.

    Parameters
    ----------
    levels : uint8 (n_mels, n_frames)
        The picture's levels, 0 quiet to 255 loud.
    flags : the screen's, each with ``name`` and ``ranges`` [[start_s, end_s]]
    """
    if levels.size == 0 or duration_s <= 0:
        return [Highlight(0.0, "start")]
    frame_s = duration_s / levels.shape[1]
    loudness = levels.mean(axis=0, dtype=np.float64)
    candidates = [Highlight(_busiest(loudness, frame_s, duration_s), "busiest stretch")]
    candidates += [
        Highlight(float(f["ranges"][0][0]) - LEAD_IN_S, f"flag: {f.get('name', '?')}") for f in flags if f.get("ranges")
    ]
    audible = np.flatnonzero(loudness > 0.25 * loudness.max())
    first = float(audible[0]) * frame_s if audible.size else 0.0
    candidates += [
        Highlight(first, "start"),
        Highlight(duration_s / 2, "middle"),
        Highlight(max(0.0, duration_s - 8.0), "end"),
    ]
    candidates += [Highlight(at_s - LEAD_IN_S, "change") for at_s in _changes(levels, frame_s)]
    chosen: list[Highlight] = []
    for point in candidates:
        at_s = round(min(max(0.0, point.at_s), max(0.0, duration_s - 1.0)), 2)
        if all(abs(at_s - other.at_s) >= NEAR_S for other in chosen):
            chosen.append(Highlight(at_s, point.why))
    return chosen[:n_highlights]


def _busiest(loudness: npt.NDArray[np.float64], frame_s: float, duration_s: float, window_s: float = 8.0) -> float:
    """Start of the window in which the sound varies most: music moves, hiss and silence do not."""
    n = max(1, min(loudness.size, round(window_s / frame_s)))
    movement = np.abs(np.diff(loudness, prepend=loudness[:1]))
    total = np.convolve(movement, np.ones(n), mode="valid")
    return float(np.argmax(total)) * frame_s


def _changes(levels: npt.NDArray[np.uint8], frame_s: float, side_s: float = 2.0) -> list[float]:
    """Times where the mean spectrum before and after differ most, strongest first."""
    n = max(1, round(side_s / frame_s))
    if levels.shape[1] < 2 * n + 1:
        return []
    sums = np.cumsum(np.pad(levels.astype(np.float64), ((0, 0), (1, 0))), axis=1)
    means = (sums[:, n:] - sums[:, :-n]) / n  # (n_mels, n_frames - n + 1)
    novelty = np.abs(means[:, n:] - means[:, :-n]).mean(axis=0)
    order = np.argsort(-novelty, kind="stable")
    times: list[float] = []
    for i in order:
        at_s = float(i + n) * frame_s
        if all(abs(at_s - t) >= NEAR_S for t in times):
            times.append(at_s)
        if len(times) == 6:
            break
    return times
