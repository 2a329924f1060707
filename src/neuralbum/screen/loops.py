"""Is it stuck? Loops that come round without change.

Music repeats; a net that is stuck repeats *exactly*, round after round. For
every lag up to a few seconds the spectrum (32 bands, 50 columns a second) is
compared with itself one lag earlier. Sameness 1 means that a round is a copy of
the one before, 0 that it differs as much as the sound changes within a round.
So a drone or a fade has no loops: nothing changes within a round either.

Real dance music holds a bar unchanged for six rounds or so; hence a loop must
come round more often than that, or run to the very end of the take.

Pure: columns in, stretches of time out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FIRST_LAG = 2  #: columns; the shortest lag compared
SHORTEST_PERIOD_S = 0.12
WITHIN_ROUND = 0.8  #: change within a round is looked for at lags up to this share of the period
CHUNK_S = 120  #: so that memory does not grow with the length
LEAST_CHANGE = 6.0  #: dB squared: a sound that changes less than this within a round is no loop but a drone
RIVAL_S = 1.0  #: a shorter period wins if it covers at most this much less


@dataclass(frozen=True)
class Loop:
    """A stretch that repeats itself without change."""

    start_s: float
    end_s: float
    period_s: float
    sameness: float

    @property
    def repeats(self) -> float:
        return (self.end_s - self.start_s) / self.period_s


def sameness(columns: npt.NDArray[np.floating], column_rate: float, longest_period_s: float) -> tuple[Floats, Floats]:
    """How much each second is a copy of what was one period earlier.

    Parameters
    ----------
    columns : (n_columns, n_bands) dB
    column_rate : Hz

    Returns
    -------
    alike : float32 (n_seconds, n_periods), 0 to 1
    periods_s : float32 (n_periods,)
    """
    difference, lags = _differences(columns, column_rate, longest_period_s)
    within = np.maximum.accumulate(np.where(np.isfinite(difference), difference, 0.0), axis=1)
    reach = np.searchsorted(lags, WITHIN_ROUND * lags, side="right") - 1  # the longest lag inside each round
    useful = (lags >= SHORTEST_PERIOD_S * column_rate) & (reach >= 0)
    change = within[:, reach[useful]]
    alike = 1.0 - difference[:, useful] / np.maximum(change, LEAST_CHANGE)
    alike[change < LEAST_CHANGE] = 0.0
    return np.clip(alike, 0.0, 1.0).astype(np.float32), (lags[useful] / column_rate).astype(np.float32)


def find(
    alike: Floats,
    periods_s: Floats,
    duration_s: float,
    *,
    threshold: float,
    least_s: float,
    least_repeats: float,
    repeats_at_end: float,
) -> list[Loop]:
    """Stretches that stay alike: at least ``least_s`` and ``least_repeats`` rounds long.

    Fewer rounds, ``repeats_at_end``, are enough for a loop that never leaves. Loops come in order of time and do
    not overlap; of rival periods the one that covers most wins, and among near equals the shortest.
    """
    same = alike >= threshold
    n_seconds = len(same)
    loops: list[Loop] = []
    while same.any():
        lengths, ends = _longest_runs(same)
        rivals = np.flatnonzero(lengths >= lengths.max() - RIVAL_S)
        best = int(rivals[0])
        n, end, period = int(lengths[best]), int(ends[best]), float(periods_s[best])
        at_end = end >= n_seconds - 1
        enough = repeats_at_end if at_end else least_repeats
        covered = n + period  # the first round is recognised only one period later
        if covered >= least_s and covered / period >= enough:
            start_s = max(0.0, end - covered)
            end_s = duration_s if at_end else float(end)
            loops.append(Loop(start_s, end_s, period, float(alike[end - n : end, best].mean())))
            same[max(0, end - n - 1) : end + 1] = False
        else:
            same[end - n : end, best] = False
        same[:, lengths < 2] = False
    return sorted(loops, key=lambda loop: loop.start_s)


def score(alike: Floats, periods_s: Floats, *, window_s: int = 4) -> tuple[float, float]:
    """The highest sameness that lasts ``window_s`` seconds at one period, and that period (0, 0: none)."""
    if len(alike) < window_s or not alike.shape[1]:
        return 0.0, 0.0
    sums = np.cumsum(np.concatenate([np.zeros((1, alike.shape[1]), np.float32), alike]), axis=0, dtype=np.float64)
    lasting = (sums[window_s:] - sums[:-window_s]) / window_s
    best = float(lasting.max())
    if best < 0.05:
        return best, 0.0
    period = int(np.flatnonzero(lasting.max(axis=0) >= best - 0.01)[0])  # the shortest of equals
    return best, float(periods_s[period])


def _differences(
    columns: npt.NDArray[np.floating], column_rate: float, longest_period_s: float
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Mean squared difference (dB²) of each second from itself a lag earlier, and the lags in columns.

    Infinite where the lag reaches before the start.
    """
    second = round(column_rate)
    lags = np.arange(FIRST_LAG, round(longest_period_s * column_rate) + 1)
    n_seconds = len(columns) // second
    difference = np.full((n_seconds, lags.size), np.inf, dtype=np.float32)
    for begin in range(0, n_seconds, CHUNK_S):
        end = min(begin + CHUNK_S, n_seconds)
        before = max(0, begin * second - int(lags[-1]))
        part = np.asarray(columns[before : end * second], dtype=np.float32)
        context = begin * second - before
        for i, lag in enumerate(lags):
            lead = max(context, int(lag))
            lead += -(lead - context) % second  # begin with a whole second
            n = (len(part) - lead) // second
            if n <= 0:
                continue
            gap = part[lead : lead + n * second] - part[lead - lag : lead - lag + n * second]
            squares = np.einsum("tb,tb->t", gap, gap).reshape(n, second).mean(axis=1) / part.shape[1]
            row = begin + (lead - context) // second
            difference[row : row + n, i] = squares
    return difference, lags


def _longest_runs(same: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each column the length of its longest run of True, and where it ends (exclusive)."""
    run = np.zeros(same.shape[1], dtype=np.int64)
    best, ends = run.copy(), run.copy()
    for i, row in enumerate(same):
        run = np.where(row, run + 1, 0)
        better = run > best
        best, ends = np.where(better, run, best), np.where(better, i + 1, ends)
    return best, ends
