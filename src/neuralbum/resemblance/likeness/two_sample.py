"""Can excerpts of the takes be told from excerpts of the band, and by what?

A classifier two-sample test (Lopez-Paz & Oquab, ICLR 2017): logistic regression with a ridge
is fitted on some songs and takes and ranks the excerpts of others. The area under its
ROC curve is 0.5 where nothing tells them apart and 1 where everything does. Songs are never split
between fitting and ranking, or the test would tell songs apart instead of bands.

The interval is a jackknife over blocks of songs and of takes, everything fitted anew: with eight songs a
side, two samples of one band scatter by 0.15 around 0.5, of which a bootstrap of the ranked excerpts saw half.

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
MAX_FOLDS, REPEATS = 5, 6
JACKKNIFE_BLOCKS, JACKKNIFE_REPEATS = 8, 2
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
    """``auc`` 0.5: cannot be told apart; low to high is a 95 % interval over songs and takes."""

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
    auc = _auc(band, takes, REPEATS, rng)
    half = 1.96 * _deviation(band, takes, rng)
    return TwoSample(auc, max(0.0, auc - half), min(1.0, auc + half), _reasons(band, takes, names))


def _auc(band: Sequence[Floats], takes: Sequence[Floats], repeats: int, rng: np.random.Generator) -> float:
    """Share of excerpt pairs ranked rightly, of songs and takes left out together."""
    right = pairs = 0.0
    folds = min(MAX_FOLDS, len(band), len(takes))
    for _ in range(repeats):
        their_fold, our_fold = (rng.permutation(len(side)) % folds for side in (band, takes))
        for fold in range(folds):
            scorer = fit(_rows(band, their_fold != fold), _rows(takes, our_fold != fold))
            theirs, ours = (
                np.sort(scorer(_rows(*side))) for side in ((band, their_fold == fold), (takes, our_fold == fold))
            )
            below, not_above = (np.searchsorted(theirs, ours, side=side) for side in ("left", "right"))
            right += float((below + not_above).sum()) / 2
            pairs += theirs.size * ours.size
    return right / pairs


def _rows(songs: Sequence[Floats], chosen: npt.NDArray[np.bool_]) -> Floats:
    return np.concatenate([rows for rows, yes in zip(songs, chosen, strict=True) if yes])


def _deviation(band: Sequence[Floats], takes: Sequence[Floats], rng: np.random.Generator) -> float:
    """Standard deviation of the AUC over songs and takes: a delete-a-block jackknife of each side."""
    variance = 0.0
    for songs, swap in ((band, False), (takes, True)):
        blocks = np.array_split(rng.permutation(len(songs)), min(JACKKNIFE_BLOCKS, len(songs)))
        found = []
        for block in blocks:
            rest = [rows for i, rows in enumerate(songs) if i not in block]
            theirs, ours = (band, rest) if swap else (rest, takes)
            found.append(_auc(theirs, ours, JACKKNIFE_REPEATS, rng))
        # a block left out changes the mean by 1/(n − 1) of what it would change as a sample of its own
        variance += (len(blocks) - 1) * float(np.var(found))
    return float(np.sqrt(variance))


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
