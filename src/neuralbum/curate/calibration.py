"""How far the ranking's scores can be trusted: each is held against a verdict its fit had not seen.

Pure but for the fit, which is the screen's. Two curves: scores against what
happened (calibration), and the same in the order people judged (drift), because
taste changes over a week and a ranking learned on Monday may be wrong on Friday.

And how many keepers were probably missed when a person stops before the end of a ranked queue:
a share of every ranked queue is drawn at random and mixed in; those
among it that the ranking would have served last are a fair sample of the tail
nobody heard. Stopping rules with a guarantee need such a sample (Lewis, Yang
and Frieder, arXiv 2108.12746). The interval is Clopper and Pearson's (Biometrika
26, 1934): never too short, often too long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..records import Finding
from ..screen import ranker
from ..screen.features import N_FEATURES
from .responses import CalibrationPoint, MissedResponse, RankerResponse

CONFIDENCE = 0.95
TAKES_A_POINT, MOST_POINTS = 10, 10
"""A point stands for about ten takes: fewer say nothing."""


def calibrate(screen: Mapping[str, Finding], people: Mapping[str, str]) -> RankerResponse:
    """Compare scores with verdicts.

    Parameters
    ----------
    screen : the newest finding of each take
    people : take id -> verdict, in the order they were said
    """
    known = [t for t in people if t in screen and len(screen[t].values.get("features", ())) == N_FEATURES]
    verdicts = [people[t] for t in known]
    answer: RankerResponse = {
        "n_verdicts": len(known),
        "n_kept": verdicts.count("keep"),
        "n_needed": ranker.LEAST_EACH,
        "points": [],
        "drift": [],
        "error": None,
        "blind": False,
    }
    fitted = ranker.fit([screen[t].values["features"] for t in known], verdicts)
    if fitted is None:
        return answer
    scores = [float(score) for score in fitted.heldout]
    n_points = max(2, min(MOST_POINTS, len(known) // TAKES_A_POINT))
    answer["points"] = _points(scores, verdicts, n_points)
    for part in np.array_split(np.arange(len(known)), n_points):
        answer["drift"] += _points([scores[i] for i in part], [verdicts[i] for i in part], 1)
    answer["error"] = sum(p["n"] * abs(p["predicted"] - p["kept"]) for p in answer["points"]) / len(known)
    return answer


def withheld() -> RankerResponse:
    """For a person whose second pass is open: the curve would tell what was said before."""
    return calibrate({}, {}) | {"blind": True}


def _points(scores: Sequence[float], verdicts: Sequence[str], n_points: int) -> list[CalibrationPoint]:
    found = ranker.calibration(scores, verdicts, n_bins=n_points)
    return [{"predicted": p.predicted, "kept": p.kept, "n": p.n} for p in found]


def missed_keepers(takes: Sequence[str], audit: Sequence[str], verdicts: Mapping[str, str]) -> MissedResponse:
    """Estimate the keepers among the takes beyond the point where a person stopped.

    Parameters
    ----------
    takes : the queue by rank, best first, the audited ones included at their rank
    audit : those that were drawn at random
    verdicts : take id -> verdict of what was judged so far
    """
    drawn = set(audit)
    frontier = max((i for i, t in enumerate(takes) if t in verdicts and t not in drawn), default=-1)
    tail = takes[frontier + 1 :]
    unheard = sum(t not in verdicts for t in tail)
    heard = [t for t in tail if t in verdicts]
    kept = sum(verdicts[t] == "keep" for t in heard)
    low, high = clopper_pearson(kept, len(heard))
    return {
        "n_unheard": unheard,
        "n_audited": len(heard),
        "n_audited_kept": kept,
        "estimate": unheard * kept / len(heard) if heard else None,
        "low": low * unheard,
        "high": high * unheard,
    }


def clopper_pearson(successes: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Exact interval for a proportion; (0, 1) when nothing was tried."""
    from scipy.special import betaincinv  # the beta distribution's quantiles, without importing all of scipy.stats

    if trials == 0:
        return 0.0, 1.0
    half = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, half))
    high = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - half))
    return low, high
