"""Count flashes as WCAG 2.3.1 does, and hold pictures under its limits.

A flash is a pair of opposing changes of relative luminance by 10 % or more
with the darker end under 0.80 (*general flash*), or of saturated red (R / (R +
G + B) ≥ 0.8, (R − G − B) · 320 changing by more than 20; *red flash*). More
than three in any second over more than a quarter of any 10° field of view can
bring on seizures. The field is taken as a third of the width by a third of the
height (341 × 256 of 1024 × 768, as the standard has it).

A blast beat breaks that in either layout, however long hits stick. The limiter
looks ahead, as it may with a finished song: where it counts too many, it draws
the levels towards their average over a second, just as far as needed and with
soft transitions; so a blast beat becomes a glowing wall. It works on the
levels before anything is drawn, hence on videos, GIFs and the live picture
alike, and counts again what it has done.

The standard speaks of the picture as shown; whoever needs a proof checks the
file with a certified analyser. Definitions: WCAG 2.2, "general flash and red
flash thresholds".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..kernels import flashes as kernel
from ..kernels.yuv_compositing import BOOST, DIM, GLARE
from .analyse import N_BANDS, N_PITCHES
from .draw import BLOOM, Look, spread, strengths
from .frame_array import FrameArray
from .palette import colours, rgb

Float = npt.NDArray[np.float32]
Bits = npt.NDArray[np.uint8]

GENERAL_CHANGE, GENERAL_DARK = 0.10, 0.80
RED_CHANGE, RED_SATURATED = 20.0, 0.8
MOST_FLASHES = 3
FIELD_SHARE = 0.25
FIELD = 1 / 3
"""The 10° field as a share of the picture's width and height."""

MARGIN = 0.85
"""The limiter aims lower than the standard (changes of 8.5 %, 21 % of the field): video codecs round."""

ACROSS, DOWN = 28, 24
"""Cells of a plaid that are counted; a waterfall has 84 across, and what moves up was counted when it came."""

BLOCK_S = 20.0
SOFTER = 0.75
LEAST = 0.1
MOST_ROUNDS = 16


@dataclass(frozen=True)
class FlashReport:
    """What was counted: before the limiter and as drawn."""

    passes: bool  #: never more than three flashes of either kind in a second, over the area that counts
    limiter: bool
    flashes_before: int  #: most general flashes in a second that a quarter of the picture saw
    flashes: int
    red_flashes_before: int
    red_flashes: int
    limited_share: float  #: share of the time in which contrast was lowered
    standard: str = "WCAG 2.2, 2.3.1 (three flashes or below threshold)"


def luminance_and_red(red: Float, green: Float, blue: Float) -> tuple[Float, Float]:
    """R'G'B' in 0…1, any shape -> relative luminance, and the red measure (0 where red is not saturated)."""
    r, g, b = (_linear(c) for c in (red, green, blue))
    luminance = np.float32(0.2126) * r + np.float32(0.7152) * g + np.float32(0.0722) * b
    saturated = r >= np.float32(RED_SATURATED) * (r + g + b)
    return luminance, np.where(saturated, np.maximum(r - g - b, np.float32(0)) * np.float32(320), np.float32(0))


_STEPS = 4095
_CURVE = np.arange(_STEPS + 1) / _STEPS
_TABLE = np.where(_CURVE <= 0.04045, _CURVE / 12.92, ((_CURVE + 0.055) / 1.055) ** 2.4).astype(np.float32)  # sRGB


def _linear(encoded: Float) -> Float:
    place = np.clip(encoded, 0, 1) * np.float32(_STEPS) + np.float32(0.5)
    return _TABLE[place.astype(np.int32)]


class Counter:
    """Counts flashes in a picture divided into cells, stretch after stretch.

    Feed it luminance and red of (n_frames, rows, columns); it says for each
    frame whether the second that ends there breaks the rule.
    """

    def __init__(self, fps: float, shape: tuple[int, int], *, margin: float = 1.0) -> None:
        self.window = max(1, int(np.ceil(fps)))
        self.shape = shape
        self.margin = margin
        n = shape[0] * shape[1]
        self._state = [(np.zeros(n, np.float32), np.zeros(n, np.bool_)) for _ in range(2)]
        self._recent = [np.zeros((self.window, n), np.uint8) for _ in range(2)]
        self.most = [0, 0]
        self.broken = 0
        self._begun = False

    def feed(self, luminance: Float, red: Float) -> npt.NDArray[np.bool_]:
        """bool (n_frames,): True where the second ending in that frame has too many flashes."""
        n = len(luminance)
        bad = np.zeros(n, dtype=np.bool_)
        if n == 0:
            return bad
        limits = ((GENERAL_CHANGE * self.margin, GENERAL_DARK), (RED_CHANGE * self.margin, np.inf))
        for kind, (series, (change, dark)) in enumerate(zip((luminance, red), limits, strict=True)):
            flat = np.ascontiguousarray(series.reshape(n, -1), dtype=np.float32)
            extreme, rising = self._state[kind]
            if not self._begun:
                extreme[:] = flat[0]
            turned = kernel.turns(flat, extreme, rising, change, dark)
            joined = np.concatenate([self._recent[kind], turned])
            self._recent[kind] = joined[-self.window :]
            if not joined.any():
                continue
            total = np.cumsum(joined, axis=0, dtype=np.int32)
            count = total[self.window :] - total[: -self.window]  # turns in the second ending in each frame
            place = int((1 - FIELD_SHARE) * (count.shape[1] - 1))
            quarter = np.partition(count, place, axis=1)[:, place]
            self.most[kind] = max(self.most[kind], int(quarter.max()) // 2)
            bad |= self._too_much(count > 2 * MOST_FLASHES)
        self._begun = True
        self.broken += int(bad.sum())
        return bad

    def _too_much(self, over: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        bad = np.zeros(len(over), dtype=np.bool_)
        some = np.flatnonzero(over.any(axis=1))
        if not len(some):
            return bad
        rows, columns = self.shape
        high, wide = (max(1, round(size * FIELD)) if size > 1 else 1 for size in (rows, columns))
        total = np.zeros((len(some), rows + 1, columns + 1), dtype=np.int32)
        total[:, 1:, 1:] = over[some].reshape(-1, rows, columns).cumsum(axis=1).cumsum(axis=2)
        field = total[:, high:, wide:] - total[:, :-high, wide:] - total[:, high:, :-wide] + total[:, :-high, :-wide]
        bad[some] = field.max(axis=(1, 2)) > FIELD_SHARE * self.margin * high * wide
        return bad


class _Cells:
    """What a picture's cells show, from levels, without drawing it."""

    def __init__(self, look: Look) -> None:
        palette = colours(look.palette)
        self.plaid = look.layout == "plaid"
        columns = ACROSS if self.plaid else N_PITCHES
        self.rows = DOWN if self.plaid else 1
        self.shape = (self.rows, columns)
        colour = palette.pitch[np.arange(N_PITCHES) % 12]
        across = _averaged(N_PITCHES, columns, BLOOM)
        self.colours = [across * colour[:, i : i + 1] for i in range(3)]
        n_light = self.rows if self.plaid else columns
        self.of_light = _averaged(N_BANDS, n_light, BLOOM)
        self.tint = palette.tint(n_light)

    def see(self, rows: Float) -> tuple[Float, Float]:
        """SongLevels (n, 212) -> luminance and red of the cells, each (n, rows, columns)."""
        pitch, light = strengths(rows)
        k = light @ self.of_light
        if self.plaid:
            k, tint = k[:, :, None], self.tint[None, :, None, :]
        else:
            k, tint = k[:, None, :], self.tint[None, None, :, :]
        glare = GLARE * k
        gain = (1 - glare) * (DIM + BOOST * k)
        planes = [glare * tint[..., i] + gain * (pitch @ self.colours[i])[:, None, :] for i in range(3)]
        return luminance_and_red(*rgb(*planes))


def _averaged(n_cells: int, n_blocks: int, bloom: float = 0.0) -> Float:
    """How much of each cell lies on each of ``n_blocks`` equal parts of the picture."""
    fine = spread(n_cells, n_blocks * 8, bloom)
    return np.asarray(fine.reshape(n_cells, n_blocks, 8).mean(axis=2), dtype=np.float32)


def limit(frames: FrameArray, look: Look, *, limiter: bool = True) -> tuple[FrameArray, FlashReport]:
    """Hold a song's levels under the limits.

    Parameters
    ----------
    frames : rows of levels, one per picture
    limiter : False only counts

    Returns
    -------
    (frames, report) : the same frames if nothing had to be changed, else a new one.
    """
    cells = _Cells(look)
    window = max(1, int(np.ceil(look.fps)))
    keep = np.ones(len(frames), dtype=np.float32)
    bad, before = _count(frames, keep, cells, look)
    found = before
    for _ in range(MOST_ROUNDS if limiter and bad.any() else 0):
        touched = _any_in_next(bad, window)
        keep[touched] = np.where(keep[touched] * SOFTER < LEAST, 0.0, keep[touched] * SOFTER)
        soft = _soft(keep, look.fps)
        for start, stop in _runs(touched, window):
            # From two seconds before, so that the first second that counts is a whole one.
            first = max(0, start - 2 * window)
            counter = Counter(look.fps, cells.shape, margin=MARGIN)
            again = [counter.feed(*cells.see(rows)) for rows in _drawn(frames, soft, look, first, stop)]
            bad[start:stop] = np.concatenate(again)[start - first :]
        if not bad.any():
            bad, found = _count(frames, soft, cells, look)
            if not bad.any():
                break
    if bad.any() and (keep < 1).any():  # never seen; said as it is, should it come to that
        bad, found = _count(frames, _soft(keep, look.fps), cells, look)
    report = FlashReport(
        passes=not bad.any(),
        limiter=limiter,
        flashes_before=before.most[0],
        flashes=found.most[0],
        red_flashes_before=before.most[1],
        red_flashes=found.most[1],
        limited_share=float((keep < 1).mean()) if len(keep) else 0.0,
    )
    if (keep == 1).all():
        return frames, report
    held = FrameArray(frames.width)
    for rows in _drawn(frames, _soft(keep, look.fps), look):
        held.append(rows)
    return held, report


def limited(rows: Float, look: Look) -> tuple[Float, FlashReport]:
    """``limit`` for a few rows in memory."""
    with FrameArray(rows.shape[1]) as frames:
        frames.append(rows)
        held, report = limit(frames, look)
        return held.read(0, len(held)), report


def _count(frames: FrameArray, keep: Float, cells: _Cells, look: Look) -> tuple[npt.NDArray[np.bool_], Counter]:
    counter = Counter(look.fps, cells.shape, margin=MARGIN)
    bad = [counter.feed(*cells.see(rows)) for rows in _drawn(frames, keep, look)]
    return (np.concatenate(bad) if bad else np.zeros(0, np.bool_)), counter


def _drawn(frames: FrameArray, keep: Float, look: Look, first: int = 0, last: int | None = None) -> Iterator[Float]:
    """The levels as drawn: ``keep`` 1 as they are, 0 their average over a second."""
    last = len(frames) if last is None else last
    reach = max(1, round(look.fps / 2))
    bell = np.hanning(2 * reach + 3)[1:-1].astype(np.float32)
    block = max(1, int(BLOCK_S * look.fps))
    for start in range(first, last, block):
        stop = min(start + block, last)
        share = keep[start:stop, None]
        if (share == 1).all():
            yield frames.read(start, stop)
            continue
        begin, end = max(0, start - reach), min(len(frames), stop + reach)
        around = frames.read(begin, end)
        # A banded matrix holds the bell's places; at the song's ends what is missing is left out of the average.
        distance = np.arange(begin, end)[None, :] - np.arange(start, stop)[:, None]
        weights = np.where(np.abs(distance) <= reach, bell[np.clip(distance + reach, 0, 2 * reach)], np.float32(0))
        slow = (weights / weights.sum(axis=1, keepdims=True)) @ around
        rows = around[start - begin : stop - begin]
        yield slow + share * (rows - slow)


def _soft(keep: Float, fps: float) -> Float:
    """Fade between stretches within a quarter second, never above ``keep``."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    width = 2 * max(1, round(fps / 8)) + 1
    lower = minimum_filter1d(keep, width, mode="nearest")
    return np.minimum(uniform_filter1d(lower, width, mode="nearest"), keep).astype(np.float32)


def _any_in_next(bad: npt.NDArray[np.bool_], window: int) -> npt.NDArray[np.bool_]:
    """Frames that lie in a second that ends in a bad frame."""
    total = np.concatenate([[0], np.cumsum(bad)])
    place = np.arange(len(bad))
    return total[np.minimum(place + window, len(bad))] - total[place] > 0


def _runs(touched: npt.NDArray[np.bool_], window: int) -> list[tuple[int, int]]:
    """Stretches of touched frames, each with the second after it; stretches that meet are one."""
    from scipy.ndimage import binary_dilation

    # Changing a frame changes the averages a second around it, and the counts of the second after.
    wide = binary_dilation(touched, np.ones(4 * window + 1, dtype=np.bool_))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wide.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
