"""Which take to hear next: a logistic regression on the screen's features, refitted while a person decides.

The curator's own verdicts train it; a few dozen are enough for defects (continuous active
learning, Cormack & Grossman, SIGIR 2014). It is linear on purpose: a refit takes
milliseconds. Its probabilities are checked on takes the fit has not seen (``calibration``);
what the ranking passes over is heard now and then by the queue's audit (curate/queues.py).

Before there are verdicts of both kinds the stated order of ``default_order.py`` holds.

Pure: features and verdicts in, scores out; the same input gives the same scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from ..records import Finding
from .features import N_FEATURES

Floats = npt.NDArray[np.float64]

WORTH = {"keep": 1.0, "maybe": 0.5, "drop": 0.0}
"""What a verdict counts as; a maybe is half a keeper."""
PENALTY = 1.0  #: strength of the L2 penalty, in takes: weights stay small until the verdicts insist
MAX_STEPS = 25
CLIP = 4.0  #: standard deviations; one absurd take must not bend the fit
N_FOLDS = 5
LEAST_EACH = 2  #: keepers and rejects needed before anything is learned


@dataclass(frozen=True)
class Ranker:
    """A fitted ranker; ``weights`` belong to standardised features."""

    mean: Floats
    scale: Floats
    weights: Floats
    bias: float
    n_verdicts: int
    heldout: Floats  #: (n_verdicts,) the score of each take by a fit that had not seen its verdict

    def scores(self, features: npt.ArrayLike) -> Floats:
        """How likely each take (n_takes, N_FEATURES) is to be kept, 0 to 1."""
        return _sigmoid(
            self._standard(np.atleast_2d(np.asarray(features, dtype=np.float64))) @ self.weights + self.bias
        )

    def _standard(self, features: Floats) -> Floats:
        if features.shape[1] != N_FEATURES:
            raise ParameterError(
                f"{features.shape[1]} features per take, the ranker knows {N_FEATURES}; screen again with "
                f"`neuralbum screen --force`"
            )
        return np.clip((features - self.mean) / self.scale, -CLIP, CLIP)


def fit(features: npt.ArrayLike, verdicts: Sequence[str | float]) -> Ranker | None:
    """Learn from verdicts.

    Parameters
    ----------
    features : (n_takes, N_FEATURES)
        ``values["features"]`` of the takes that were judged.
    verdicts : n_takes of "keep", "maybe", "drop", or numbers 0 to 1

    Returns
    -------
    Ranker, or None while there are fewer than two keepers and two rejects: use the default order.
    """
    x = np.asarray(features, dtype=np.float64).reshape(-1, N_FEATURES) if len(verdicts) else np.zeros((0, N_FEATURES))
    y = np.array([_worth(v) for v in verdicts])
    if len(x) != len(y):
        raise ParameterError(f"{len(x)} takes, {len(y)} verdicts: one verdict per take")
    if not np.isfinite(x).all():
        raise ParameterError("features must be finite; screen again with `neuralbum screen --force`")
    if (y > 0.5).sum() < LEAST_EACH or (y < 0.5).sum() < LEAST_EACH:
        return None
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    z = np.clip((x - mean) / scale, -CLIP, CLIP)
    weights = _solve(z, y)
    heldout = np.empty(len(y))
    # every fifth of each kind is left out in turn, in the order they were judged: no dice needed
    fold = np.empty(len(y), dtype=int)
    for kind in (y > 0.5, y <= 0.5):
        fold[kind] = np.arange(int(kind.sum())) % N_FOLDS
    for k in range(N_FOLDS):
        out = fold == k
        if out.any():
            w = _solve(z[~out], y[~out], start=weights)
            heldout[out] = _sigmoid(z[out] @ w[:-1] + w[-1])
    return Ranker(mean, scale, weights[:-1], float(weights[-1]), len(y), heldout)


def refit(screened: Mapping[str, Finding], verdicts: Mapping[str, str]) -> dict[str, float]:
    """Scores of all screened takes, learned from people's verdicts; empty while there is too little to learn from.

    ``screened`` is ``catalogue.latest("screen")``, ``verdicts`` take id -> verdict.
    """
    known = {t: f.values["features"] for t, f in screened.items() if len(f.values.get("features", ())) == N_FEATURES}
    judged = [t for t in verdicts if t in known]
    ranker = fit([known[t] for t in judged], [verdicts[t] for t in judged])
    if ranker is None:
        return {}
    scores = ranker.scores(list(known.values()))
    return {take: float(score) for take, score in zip(known, scores, strict=True)}


@dataclass(frozen=True)
class CalibrationBin:
    """Of the takes scored around ``predicted``, the share ``kept`` was kept."""

    predicted: float
    kept: float
    n: int


def calibration(scores: Sequence[float], verdicts: Sequence[str | float], *, n_bins: int = 10) -> list[CalibrationBin]:
    """Held-out scores against what happened, in bins of equally many takes."""
    p = np.asarray(scores, dtype=np.float64)
    y = np.array([_worth(v) for v in verdicts])
    if len(p) != len(y):
        raise ParameterError(f"{len(p)} scores, {len(y)} verdicts: one verdict per score")
    parts = np.array_split(np.argsort(p, kind="stable"), max(1, min(n_bins, len(p))))
    return [CalibrationBin(float(p[i].mean()), float(y[i].mean()), len(i)) for i in parts if len(i)]


def _worth(verdict: str | float) -> float:
    if isinstance(verdict, str):
        if verdict not in WORTH:
            raise ParameterError(f"verdict {verdict!r} must be one of {', '.join(WORTH)}")
        return WORTH[verdict]
    if not 0 <= verdict <= 1:
        raise ParameterError(f"verdict {verdict} must be 0 to 1")
    return float(verdict)


def _solve(z: Floats, y: Floats, start: Floats | None = None) -> Floats:
    """Newton's method on the penalised log-likelihood; the last weight is the bias, hardly penalised."""
    x = np.concatenate([z, np.ones((len(z), 1))], axis=1)
    penalty = np.full(x.shape[1], PENALTY)
    penalty[-1] = 1e-3
    w = np.zeros(x.shape[1]) if start is None else start.copy()
    for _ in range(MAX_STEPS):
        p = _sigmoid(x @ w)
        gradient = x.T @ (p - y) + penalty * w
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        size = float(np.abs(step).max())
        w -= step * min(1.0, 4.0 / max(size, 1e-12))  # no leap beyond where the quadratic holds
        if size < 1e-6:
            break
    return w


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))
