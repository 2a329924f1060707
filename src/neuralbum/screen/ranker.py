"""Which take to hear next: a logistic regression on the screen's features, refitted while a person decides.

The curator's own verdicts train it; a few dozen are enough for defects. It is
linear on purpose: a refit takes milliseconds, and each score comes with its
reasons in words. Honesty is part of the method:

* at least a tenth of the hearing order is drawn at random (the *audit*), so
  that what the ranking passes over is heard now and then (continuous active
  learning, Cormack & Grossman, SIGIR 2014; stopping rules need a random sample);
* the audit estimates how many keepers are left among the unheard, with an interval;
* probabilities are checked on takes the fit has not seen (``calibration``).

Before there are verdicts of both kinds the stated order of ``score.py`` holds.

Pure: features and verdicts in, scores and orders out; the same input gives the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from ..records import Finding
from .features import FEATURES, N_FEATURES

Floats = npt.NDArray[np.float64]

WORTH = {"keep": 1.0, "maybe": 0.5, "drop": 0.0}
"""What a verdict counts as; a maybe is half a keeper."""
PENALTY = 1.0  #: strength of the L2 penalty, in takes: weights stay small until the verdicts insist
MAX_STEPS = 25
CLIP = 4.0  #: standard deviations; one absurd take must not bend the fit
N_FOLDS = 5
LEAST_EACH = 2  #: keepers and rejects needed before anything is learned
REFIT_EVERY = 10  #: verdicts
N_REASONS = 3
LEAST_REASON = 0.05  #: log-odds; weaker contributions are no reason


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

    def reasons(self, features: npt.ArrayLike) -> tuple[str, ...]:
        """The strongest reasons for one take's score, in words: "+ clear pulse", "− much silence".

        A plus speaks for keeping, a minus against it; at most N_REASONS, strongest first.
        """
        standard = self._standard(np.atleast_2d(np.asarray(features, dtype=np.float64)))[0]
        parts = standard * self.weights
        strongest = np.argsort(-np.abs(parts), kind="stable")[:N_REASONS]
        return tuple(
            f"{'+' if parts[i] > 0 else '−'} {FEATURES[i].high if standard[i] > 0 else FEATURES[i].low}"
            for i in strongest
            if abs(parts[i]) >= LEAST_REASON
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


# ---- the hearing order ---------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A take's place in the hearing order; ``audit`` says that chance put it there."""

    take_id: str
    score: float
    audit: bool


def order(scores: Mapping[str, float], *, audit_share: float = 0.1, seed: int = 0, already: int = 0) -> list[Place]:
    """Likeliest first, with every n-th place given to chance.

    Parameters
    ----------
    scores : of the takes not heard yet
    audit_share : float >= 0.1
        At least this share of any stretch of the order is drawn uniformly from the takes left.
    seed : int
        Of the project; the draw depends on it and on the take's id only, so that a refit does not
        reshuffle which take is next in the audit.
    already : int
        How many takes were served before, so that the audit's places go on counting.
    """
    if not 0.1 <= audit_share <= 1:
        raise ParameterError(
            f"audit_share={audit_share} must be 0.1 to 1: without an audit nobody knows what is missed"
        )
    import hashlib

    ranked = sorted(scores, key=lambda take: (-scores[take], take))
    drawn = sorted(scores, key=lambda take: hashlib.blake2b(f"{seed}:{take}".encode(), digest_size=8).digest())
    served: set[str] = set()
    places = []
    by_rank, by_chance = iter(ranked), iter(drawn)
    for n in range(already, already + len(scores)):
        audit = is_audit(n, audit_share)
        source = by_chance if audit else by_rank
        take = next(t for t in source if t not in served)
        served.add(take)
        places.append(Place(take, float(scores[take]), audit))
    return places


def is_audit(position: int, audit_share: float) -> bool:
    """Whether this place of the order (0 first) belongs to chance: spread evenly, never fewer than the share."""
    return int(np.ceil((position + 1) * audit_share - 1e-9)) > int(np.ceil(position * audit_share - 1e-9))


# ---- what is missed, and how far to trust the numbers ------------------------------


@dataclass(frozen=True)
class Missed:
    """Keepers still among the unheard: the estimate and its 95 % interval, in takes."""

    estimate: float
    low: float
    high: float
    n_audited: int  #: takes the estimate rests on


def missed_keepers(
    audited: Sequence[float | str],
    audited_scores: Sequence[float],
    unheard_scores: Sequence[float],
    *,
    level: float = 0.95,
) -> Missed:
    """How many keepers are among the takes nobody has heard.

    Parameters
    ----------
    audited : verdicts of the takes that chance picked
    audited_scores : their scores by a fit that did not know their verdict (``Ranker.heldout``)
    unheard_scores : scores of the takes not heard yet

    Notes
    -----
    Only audited takes that rank no higher than the unheard ones speak for them;
    the others would have been served by rank anyway. Among those the share of
    keepers is binomial: the estimate is (k + 1/2) / (n + 1) of the unheard, the
    interval Clopper and Pearson's.
    """
    from scipy.stats import beta

    n_unheard = len(unheard_scores)
    if n_unheard == 0:
        return Missed(0.0, 0.0, 0.0, 0)
    ceiling = max(unheard_scores)
    like = [_worth(v) for v, s in zip(audited, audited_scores, strict=True) if s <= ceiling]
    n, k = len(like), float(sum(like))
    if n == 0:
        return Missed(0.5 * n_unheard, 0.0, float(n_unheard), 0)
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, k, n - k + 1)) if k > 0 else 0.0
    high = float(beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return Missed((k + 0.5) / (n + 1) * n_unheard, low * n_unheard, high * n_unheard, n)


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
