"""How far the ranking's scores can be trusted: each is held against a verdict its fit had not seen.

Pure but for the fit, which is the screen's. Two curves: scores against what
happened (calibration), and the same in the order people judged (drift), because
taste changes over a week and a ranking learned on Monday may be wrong on Friday.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..records import Finding
from .answers import CalibrationPoint, RankerAnswer

TAKES_A_POINT, MOST_POINTS = 10, 10
"""A point stands for about ten takes: fewer say nothing."""


def calibrate(screen: Mapping[str, Finding], people: Mapping[str, str]) -> RankerAnswer:
    """Compare scores with verdicts.

    Parameters
    ----------
    screen : the newest finding of each take
    people : take id -> verdict, in the order they were said
    """
    from ..screen import ranker

    known = [t for t in people if t in screen and len(screen[t].values.get("features", ())) == ranker.N_FEATURES]
    verdicts = [people[t] for t in known]
    answer: RankerAnswer = {
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


def withheld() -> RankerAnswer:
    """For a person whose second pass is open: the curve would tell what was said before."""
    return calibrate({}, {}) | {"blind": True}


def _points(scores: Sequence[float], verdicts: Sequence[str], n_points: int) -> list[CalibrationPoint]:
    from ..screen import ranker

    found = ranker.calibration(scores, verdicts, n_bins=n_points)
    return [{"predicted": p.predicted, "kept": p.kept, "n": p.n} for p in found]
