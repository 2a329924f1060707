"""What chance looks like: the best evidence that unrelated music reaches.

Sound that cannot be a copy (played backwards, held-out songs, each track in all
others) is searched for in the index like any query. The best evidence of each such decoy follows
Gumbel's law for maxima; its location grows with the logarithm of how much was
compared: [query s] x [reference s]. So one fit per lane and window length gives

    p = 1 − exp(−exp(−(evidence − location) / scale))

and the score of a segment is −log10 p, the same in every lane: 3 means that one
unrelated query in a thousand would look as good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

EULER = 0.5772156649015329
LOG10_SMALLEST = 300.0  #: scores end here

LEAST_INDEX_S, LEAST_WINDOW_S = 600.0, 1.0
"""Below these it is the kind of music that decides what chance reaches, not how much there is."""

USUAL_WEIGHT = 6.0
MOST_EXCESS = 6.0
LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Usual:
    """What decoys of unrelated bands gave for a lane, to steady a fit to a few of them."""

    scale: float  #: mean excess over the upper quartile; the level of the tail is never lower either


USUAL = {"exact": Usual(4.0), "shifted": Usual(4.0), "cover": Usual(2.5)}
"""In nats for the diagonal lanes, in chroma frames for covers; some 100 to 200 decoys each."""


@dataclass(frozen=True)
class Gumbel:
    """The law of the best evidence of one decoy of ``window_s`` seconds in ``index_s`` seconds."""

    location: float
    scale: float
    n: int  #: decoys it was fitted to
    window_s: float
    index_s: float

    def at(self, window_s: float, index_s: float) -> Gumbel:
        """The law for another length of query and another size of index."""
        there, here = max(self.index_s, LEAST_INDEX_S), max(index_s, LEAST_INDEX_S)
        compared = max(window_s, LEAST_WINDOW_S) / self.window_s * here / there
        return Gumbel(self.location + self.scale * math.log(compared), self.scale, self.n, window_s, index_s)

    def log10_p(self, evidence: float) -> float:
        """log10 of the chance of at least this evidence; exact in the far tail too."""
        z = (evidence - self.location) / self.scale
        if z > 30:
            return max(-z / math.log(10), -LOG10_SMALLEST)
        return math.log10(max(-math.expm1(-math.exp(-z)), 1e-300))


def fit(best: Sequence[float], *, window_s: float, index_s: float, usual: Usual) -> Gumbel:
    """Fit Gumbel's law to the best evidences of decoys, so that its upper tail is right.

    Only the tail decides, so only the tail is fitted: what exceeds the upper quartile is
    exponential (Pickands; the generalised Pareto law with shape 0), with the mean excess as
    its scale. Two dozen decoys give but six excesses, so they are weighed against
    the usual scale as if that had been seen USUAL_WEIGHT times, and a single excess counts
    at most MOST_EXCESS scales: beyond it a band is quoting itself, which is no chance.
    """
    values = np.asarray(best, dtype=np.float64)
    level = max(float(np.quantile(values, 0.75)), usual.scale)
    excess = np.minimum(values[values > level] - level, MOST_EXCESS * usual.scale)
    scale = (float(excess.sum()) + usual.scale * USUAL_WEIGHT) / (len(excess) + USUAL_WEIGHT)
    # A quarter lies above the quartile by definition; where the level was raised fewer do, but
    # a few dozen decoys cannot vouch for less than LEAST_SHARE.
    share = min(max((len(excess) + 0.5) / (len(values) + 1), LEAST_SHARE), 0.5)
    location = level + scale * math.log(-math.log1p(-share))
    return Gumbel(location, scale, len(values), window_s, index_s)


def to_plain(laws: Mapping[str, Sequence[Gumbel]]) -> dict[str, Any]:
    """As it is stored with an index and with each report."""
    return {
        lane: [
            {"location": g.location, "scale": g.scale, "n": g.n, "window_s": g.window_s, "index_s": g.index_s}
            for g in some
        ]
        for lane, some in laws.items()
    }


def from_plain(stored: Mapping[str, Any]) -> dict[str, list[Gumbel]]:
    return {lane: [Gumbel(**g) for g in some] for lane, some in stored.items()}


def law_for(laws: Sequence[Gumbel], window_s: float, index_s: float) -> Gumbel:
    """The law of a query's length: interpolated between the fitted lengths, extended beyond them."""
    laws = sorted(laws, key=lambda g: g.window_s)
    if window_s <= laws[0].window_s:
        return laws[0].at(window_s, index_s)
    for low, high in pairwise(laws):
        if window_s <= high.window_s:
            part = math.log(window_s / low.window_s) / math.log(high.window_s / low.window_s)
            a, b = low.at(low.window_s, index_s), high.at(high.window_s, index_s)
            return Gumbel(
                a.location + part * (b.location - a.location),
                a.scale + part * (b.scale - a.scale),
                min(a.n, b.n),
                window_s,
                index_s,
            )
    return laws[-1].at(window_s, index_s)


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """q values: the smallest false discovery rate at which each would be called (JRSS B 57, 1995)."""
    values = np.asarray(p, dtype=np.float64)
    n = len(values)
    if n == 0:
        return []
    order = np.argsort(values)
    raised = values[order] * n / np.arange(1, n + 1)
    settled = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    out = np.empty(n)
    out[order] = settled
    return [float(q) for q in out]


FALLBACK: dict[str, Any] = {
    "exact": [{"location": 8.0, "scale": 4.0, "n": 0, "window_s": 10.0, "index_s": 3600.0}],
    "shifted": [{"location": 11.0, "scale": 4.0, "n": 0, "window_s": 10.0, "index_s": 3600.0}],
    "cover": [
        {"location": 5.0, "scale": 2.5, "n": 0, "window_s": 15.0, "index_s": 3600.0},
        {"location": 9.0, "scale": 2.5, "n": 0, "window_s": 45.0, "index_s": 3600.0},
    ],
}
"""Used for a lane that an index has no decoys for (a single track, say): what unrelated music gave."""
