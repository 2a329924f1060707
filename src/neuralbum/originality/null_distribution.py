"""What chance looks like: the best evidence that unrelated music reaches.

Sound that cannot be a copy (played backwards, held-out songs, each track in all
others) is searched for in the index like any query. The best evidence of each such decoy follows
Gumbel's distribution of maxima; its location grows with the logarithm of how much was
compared: [query s] x [reference s]. So one fit per lane and window length gives

    p = 1 − exp(−exp(−(evidence − location) / scale))

and the score of a segment is −log10 p, the same in every lane: 3 means that one
unrelated query in a thousand would look as good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

LOG10_SMALLEST = 300.0  #: scores end here

LEAST_INDEX_S, LEAST_WINDOW_S = 600.0, 1.0
"""Below these it is the kind of music that decides what chance reaches, not how much there is."""

PRIOR_SCALE = {"exact": 4.0, "shifted": 4.0, "cover": 2.5}
"""Mean excess over the upper quartile of 100 to 200 decoys from unrelated bands, in nats (of covers: chroma frames).
A fit to a few decoys is steadied by it, and the level of the tail is never lower either."""
PRIOR_WEIGHT = 6.0
MOST_EXCESS = 6.0
LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Gumbel:
    """The distribution of the best evidence of one decoy of ``window_s`` seconds in ``index_s`` seconds."""

    location: float
    scale: float
    n: int  #: decoys it was fitted to
    window_s: float
    index_s: float

    def at(self, window_s: float, index_s: float) -> Gumbel:
        """The same for another length of query and another size of index."""
        there, here = max(self.index_s, LEAST_INDEX_S), max(index_s, LEAST_INDEX_S)
        compared = max(window_s, LEAST_WINDOW_S) / self.window_s * here / there
        return Gumbel(self.location + self.scale * math.log(compared), self.scale, self.n, window_s, index_s)

    def log10_p(self, evidence: float) -> float:
        """log10 of the chance of at least this evidence; exact in the far tail too."""
        z = (evidence - self.location) / self.scale
        if z > 30:
            return max(-z / math.log(10), -LOG10_SMALLEST)
        return math.log10(max(-math.expm1(-math.exp(-z)), 1e-300))


def fit(best: Sequence[float], *, window_s: float, index_s: float, prior_scale: float) -> Gumbel:
    """Fit Gumbel's distribution to the best evidences of decoys, so that its upper tail is right.

    Only the tail decides, so only the tail is fitted: what exceeds the upper quartile is
    exponential (Pickands; the generalised Pareto distribution with shape 0), with the mean excess as
    its scale. Two dozen decoys give but six excesses, so they are weighed against
    ``prior_scale`` as if that had been seen PRIOR_WEIGHT times, and a single excess counts
    at most MOST_EXCESS scales: beyond it a band is repeating itself, which is no chance.
    """
    values = np.asarray(best, dtype=np.float64)
    level = max(float(np.quantile(values, 0.75)), prior_scale)
    excess = np.minimum(values[values > level] - level, MOST_EXCESS * prior_scale)
    scale = (float(excess.sum()) + prior_scale * PRIOR_WEIGHT) / (len(excess) + PRIOR_WEIGHT)
    # A quarter lies above the quartile by definition; where the level was raised fewer do, but
    # a few dozen decoys cannot vouch for less than LEAST_SHARE.
    share = min(max((len(excess) + 0.5) / (len(values) + 1), LEAST_SHARE), 0.5)
    location = level + scale * math.log(-math.log1p(-share))
    return Gumbel(location, scale, len(values), window_s, index_s)


def to_plain(nulls: Mapping[str, Sequence[Gumbel]]) -> dict[str, Any]:
    """As stored with an index and with each report: lane -> fits."""
    return {lane: [asdict(one) for one in some] for lane, some in nulls.items()}


def from_plain(stored: Mapping[str, Any]) -> dict[str, list[Gumbel]]:
    """The inverse of ``to_plain``; lanes without a fit get what unrelated music gave."""
    return {lane: [Gumbel(**one) for one in some] for lane, some in {**FALLBACK, **stored}.items()}


def null_for(nulls: Sequence[Gumbel], window_s: float, index_s: float) -> Gumbel:
    """The distribution for a query's length: interpolated between the fitted lengths, extended beyond them."""
    nulls = sorted(nulls, key=lambda g: g.window_s)
    for low, high in pairwise(nulls):
        if low.window_s < window_s <= high.window_s:
            part = math.log(window_s / low.window_s) / math.log(high.window_s / low.window_s)
            a, b = low.at(low.window_s, index_s), high.at(high.window_s, index_s)
            location, scale = (x + part * (y - x) for x, y in ((a.location, b.location), (a.scale, b.scale)))
            return Gumbel(location, scale, min(a.n, b.n), window_s, index_s)
    return nulls[0 if window_s <= nulls[0].window_s else -1].at(window_s, index_s)


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """q values: the smallest false discovery rate at which each would be called (JRSS B 57, 1995)."""
    if not len(p):
        return []
    from scipy.stats import false_discovery_control

    return [float(q) for q in false_discovery_control(np.asarray(p, dtype=np.float64))]


FALLBACK: dict[str, Any] = {
    lane: [{"location": location, "scale": PRIOR_SCALE[lane], "n": 0, "window_s": window_s, "index_s": 3600.0}]
    for lane, location, window_s in (("exact", 8.0, 10.0), ("shifted", 11.0, 10.0))
} | {
    "cover": [
        {"location": location, "scale": PRIOR_SCALE["cover"], "n": 0, "window_s": window_s, "index_s": 3600.0}
        for location, window_s in ((5.0, 15.0), (9.0, 45.0))
    ]
}
"""Used for a lane that an index has no decoys for (a single track, say): what unrelated music gave."""
