"""Can excerpts of the takes be told from excerpts of the band, and by what?

A classifier two-sample test (Lopez-Paz & Oquab, ICLR 2017): logistic regression with a ridge
is fitted on some songs and takes and ranks the excerpts of others. The area under its
ROC curve is 0.5 where nothing tells them apart and 1 where everything does. Songs are never split
between fitting and ranking, or the test would tell songs apart instead of bands.

Pure: arrays in, numbers out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ParameterError

Floats = npt.NDArray[np.float64]

RIDGE = 0.03  #: of the mean squared weight, beside the mean log likelihood
MAX_FOLDS, REPEATS, RESAMPLES = 5, 6, 1000
CLIP = 4.0  #: standard deviations: one wild excerpt must not rule the fit
N_REASONS = 6
LEAST_GROUPS = 4


@dataclass(frozen=True)
class Reason:
    """A number that tells takes from band; ``weight`` > 0: the takes have more of it."""

    name: str
    weight: float
    shift: float  #: mean of the takes minus that of the band, in the band's standard deviations


@dataclass(frozen=True)
class TwoSample:
    """``auc`` 0.5: cannot be told apart; the interval holds 95 % of resamples of songs and takes."""

    auc: float
    low: float
    high: float
    reasons: tuple[Reason, ...]


def two_sample(
    band: Sequence[Floats], takes: Sequence[Floats], names: Sequence[str], rng: np.random.Generator
) -> TwoSample | None:
    """Tell excerpts apart; None where a side has fewer than LEAST_GROUPS songs.

    Parameters
    ----------
    band, takes : one array (n_excerpts, n_numbers) per song or take
    names : of the numbers

    Raises
    ------
    ParameterError
        The arrays have another number of columns than there are names.
    """
    if any(rows.shape[1] != len(names) for rows in (*band, *takes)):
        raise ParameterError(f"every excerpt must have {len(names)} numbers: {', '.join(names)}")
    if min(len(band), len(takes)) < LEAST_GROUPS:
        return None
    wins, pairs = _rank_unheard(band, takes, rng)
    draws = [_auc(wins, pairs, *(_resample(n, rng) for n in pairs.shape)) for _ in range(RESAMPLES)]
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    ones = [np.ones(n) for n in pairs.shape]
    return TwoSample(_auc(wins, pairs, *ones), float(low), float(high), _reasons(band, takes, names))


def _rank_unheard(
    band: Sequence[Floats], takes: Sequence[Floats], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Of every song and take left out together: excerpt pairs ranked rightly, and all pairs; (n_band, n_takes)."""
    wins, pairs = np.zeros((len(band), len(takes))), np.zeros((len(band), len(takes)))
    folds = min(MAX_FOLDS, len(band), len(takes))
    for _ in range(REPEATS):
        their_fold, our_fold = (rng.permutation(len(side)) % folds for side in (band, takes))
        for fold in range(folds):
            theirs = [rows for rows, f in zip(band, their_fold, strict=True) if f != fold]
            ours = [rows for rows, f in zip(takes, our_fold, strict=True) if f != fold]
            scorer = fit(np.concatenate(theirs), np.concatenate(ours))
            for i in np.flatnonzero(their_fold == fold):
                for j in np.flatnonzero(our_fold == fold):
                    difference = scorer(takes[j])[None, :] - scorer(band[i])[:, None]
                    wins[i, j] += (difference > 0).sum() + 0.5 * (difference == 0).sum()
                    pairs[i, j] += difference.size
    return wins, pairs


def _auc(wins: Floats, pairs: Floats, band_weights: Floats, take_weights: Floats) -> float:
    weights = np.outer(band_weights, take_weights)
    total = float((weights * pairs).sum())
    return float((weights * wins).sum()) / total if total else float("nan")


def _resample(n: int, rng: np.random.Generator) -> Floats:
    return np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)


@dataclass(frozen=True)
class Scorer:
    """A fitted classifier: higher scores sound more like the takes."""

    mean: Floats
    spread: Floats
    weights: Floats

    def __call__(self, rows: Floats) -> Floats:
        return self.standardised(rows) @ self.weights

    def standardised(self, rows: Floats) -> Floats:
        return np.clip((rows - self.mean) / self.spread, -CLIP, CLIP)


def fit(band: Floats, takes: Floats) -> Scorer:
    """Logistic regression with a ridge, both sides weighing the same, by Newton's method."""
    rows = np.concatenate([band, takes])
    side = np.repeat([0.0, 1.0], [len(band), len(takes)])
    share = np.where(side == 1, 0.5 / len(takes), 0.5 / len(band))
    mean = share @ rows
    spread = np.sqrt(share @ (rows - mean) ** 2)
    scorer = Scorer(mean, np.where(spread > 1e-9, spread, np.inf), np.zeros(rows.shape[1]))
    design = np.column_stack([scorer.standardised(rows), np.ones(len(rows))])
    ridge = np.full(design.shape[1], RIDGE)
    ridge[-1] = 1e-9
    beta = np.zeros(design.shape[1])
    for _ in range(25):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ beta, -30, 30)))
        slope = design.T @ (share * (chance - side)) + ridge * beta
        curve = (design * (share * np.maximum(chance * (1 - chance), 1e-6))[:, None]).T @ design
        step = np.linalg.solve(curve + np.diag(ridge), slope)
        beta = beta - step
        if np.abs(step).max() < 1e-8:
            break
    return Scorer(scorer.mean, scorer.spread, beta[:-1])


def _reasons(band: Sequence[Floats], takes: Sequence[Floats], names: Sequence[str]) -> tuple[Reason, ...]:
    theirs, ours = np.concatenate(list(band)), np.concatenate(list(takes))
    weights = fit(theirs, ours).weights
    shift = (ours.mean(axis=0) - theirs.mean(axis=0)) / np.maximum(theirs.std(axis=0), 1e-9)
    order = np.argsort(-np.abs(weights))[:N_REASONS]
    return tuple(Reason(names[i], float(weights[i]), float(shift[i])) for i in order)
