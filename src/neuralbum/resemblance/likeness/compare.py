"""The takes beside the band: every measure's distribution, what runs away, and whether they can be told apart.

Pure: measures of songs and takes in, a Likeness out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ParameterError
from .measures import (
    COLOURS,
    CUT_MEASURES,
    EXCERPT_MEASURES,
    LEVEL_LOW_DB,
    LEVEL_STEP_DB,
    Measure,
    SongMeasures,
)
from .two_sample import TwoSample, two_sample

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

QUANTILES = (5, 10, 25, 50, 75, 90, 95)
CORE = ("beat", "tone", "form")  #: the groups whose mean share inside is the one number
LEAST_SONGS = 3  #: of the band: a floor needs a song and others
LOUD_PERCENT = 99.9  #: of the band's cells (a band of a fiftieth of a second) …
LOUD_MARGIN_DB = 3.0  #: … and this much above is louder than the band ever is
LOUD_SHARE = 0.01  #: of a take's cells: it runs away
RANGE_MARGIN_DB = 3.0  #: crest and rise may leave the band's range by this much
EPSILON = 1e-9
RUNAWAY = ("saturates", "crest low", "swells")  #: a take may also die away, or have too high a crest: unsteady too


@dataclass(frozen=True)
class MeasureLikeness:
    """One measure of the takes beside the band's."""

    name: str
    group: str
    unit: str
    words: str
    band: dict[str, float]  #: p5 … p95
    takes: dict[str, float]
    inside: float  #: share of the takes' excerpts (or cuts) within the band's 5–95 %
    inside_80: float  #: within its 10–90 %
    floor: float  #: the same as ``inside`` of each song of the band against the others
    at_least_p10: float  #: share that reaches the band's 10 %
    median_in_quartiles: bool  #: the takes' median lies within the band's 25–75 %

    @property
    def gap(self) -> float:
        """How much is missing to the floor, 0 and more."""
        return max(0.0, self.floor - self.inside)


@dataclass(frozen=True)
class Steadiness:
    """Whether one take stays within what the band does."""

    name: str
    loud_share: float  #: of its cells, above the band's 99.9 % + 3 dB
    crest_db: float
    rise_db: float
    reasons: tuple[str, ...]  #: of RUNAWAY, "dies away", "crest high"; none: steady

    @property
    def runs_away(self) -> bool:
        return any(reason in RUNAWAY for reason in self.reasons)


@dataclass(frozen=True)
class Likeness:
    """What the comparison found; ``measures`` begin with the worst."""

    n_songs: int
    n_takes: int
    measures: tuple[MeasureLikeness, ...]
    groups: dict[str, dict[str, float]]  #: group -> inside, floor
    core: float  #: mean share inside of the CORE groups' measures
    core_floor: float
    form_in_80: float  #: share of cuts whose sections and repetition lie both within the band's 10–90 %
    form_in_80_floor: float
    unsteady: tuple[Steadiness, ...]  #: the takes that leave the band's range in level, those that run away first
    runaway_share: float
    runaway_floor: float
    unsteady_share: float
    unsteady_floor: float
    take_scores: dict[str, float]  #: per take, its share of measures inside the band's 5–95 %
    told_apart: TwoSample | None  #: None: too few songs or takes


def compare(band: Sequence[SongMeasures], takes: Sequence[SongMeasures], rng: np.random.Generator) -> Likeness:
    """Hold takes beside a band.

    Raises
    ------
    ParameterError
        Fewer than LEAST_SONGS songs of the band, or no take.
    """
    if len(band) < LEAST_SONGS or not takes:
        raise ParameterError(
            f"the band has {len(band)} songs and there are {len(takes)} takes to compare; "
            f"at least {LEAST_SONGS} songs and one take are needed"
        )
    rows = [
        _measure(m, [_column(s, m) for s in band], [_column(t, m) for t in takes])
        for m in (*EXCERPT_MEASURES, *CUT_MEASURES)
    ]
    core = [m for m in rows if m.group in CORE]
    steadiness = steady(band, takes)
    alone = [steady([*band[:i], *band[i + 1 :]], [song])[0] for i, song in enumerate(band)]
    return Likeness(
        n_songs=len(band),
        n_takes=len(takes),
        measures=tuple(sorted(rows, key=lambda m: (-m.gap, m.inside))),
        groups={
            group: {
                "inside": float(np.mean([m.inside for m in rows if m.group == group])),
                "floor": float(np.mean([m.floor for m in rows if m.group == group])),
            }
            for group in dict.fromkeys(m.group for m in rows)
        },
        core=float(np.mean([m.inside for m in core])),
        core_floor=float(np.mean([m.floor for m in core])),
        form_in_80=_form_share(band, takes),
        form_in_80_floor=float(
            np.mean([_form_share([*band[:i], *band[i + 1 :]], [song]) for i, song in enumerate(band)])
        ),
        unsteady=tuple(sorted((s for s in steadiness if s.reasons), key=lambda s: not s.runs_away)),
        runaway_share=float(np.mean([s.runs_away for s in steadiness])),
        runaway_floor=float(np.mean([s.runs_away for s in alone])),
        unsteady_share=float(np.mean([bool(s.reasons) for s in steadiness])),
        unsteady_floor=float(np.mean([bool(s.reasons) for s in alone])),
        take_scores={take.name: take_score(band, take) for take in takes},
        told_apart=two_sample(
            [classified(s) for s in band], [classified(t) for t in takes], CLASSIFIED, rng
        ),
    )


def take_score(band: Sequence[SongMeasures], take: SongMeasures) -> float:
    """The mean, over beat, tone and form, of the take's share of excerpts inside the band's 5–95 %."""
    shares = []
    for m in (*EXCERPT_MEASURES, *CUT_MEASURES):
        ours = _column(take, m)
        if m.group in CORE and ours.size:
            low, high = np.percentile(np.concatenate([_column(s, m) for s in band]), [5, 95])
            shares.append(_inside(ours, low, high))
    return float(np.mean(shares))


def _column(song: SongMeasures, measure: Measure) -> Floats:
    if measure in EXCERPT_MEASURES:
        return song.excerpts[:, EXCERPT_MEASURES.index(measure)]
    return song.cuts[:, CUT_MEASURES.index(measure)]


def _measure(m: Measure, band: Sequence[Floats], takes: Sequence[Floats]) -> MeasureLikeness:
    theirs, ours = np.concatenate(list(band)), np.concatenate(list(takes))
    known = _quantiles(theirs)
    return MeasureLikeness(
        name=m.name,
        group=m.group,
        unit=m.unit,
        words=m.words,
        band=known,
        takes=_quantiles(ours),
        inside=_inside(ours, known["p5"], known["p95"]),
        inside_80=_inside(ours, known["p10"], known["p90"]),
        floor=leave_one_out(band),
        at_least_p10=float((ours >= known["p10"] - EPSILON).mean()),
        median_in_quartiles=bool(known["p25"] <= np.median(ours) <= known["p75"]),
    )


def leave_one_out(band: Sequence[Floats]) -> float:
    """The mean share of a song's values within the 5–95 % of the other songs."""
    shares = []
    for i, song in enumerate(band):
        low, high = np.percentile(np.concatenate([*band[:i], *band[i + 1 :]]), [5, 95])
        shares.append(_inside(song, low, high))
    return float(np.mean(shares))


def _inside(values: Floats, low: float, high: float) -> float:
    return float(((values >= low - EPSILON) & (values <= high + EPSILON)).mean())


def _quantiles(values: Floats) -> dict[str, float]:
    return {f"p{q}": float(x) for q, x in zip(QUANTILES, np.percentile(values, QUANTILES), strict=True)}


def _form_share(band: Sequence[SongMeasures], takes: Sequence[SongMeasures]) -> float:
    both: Floats | None = None
    for name in ("repetition", "sections"):
        column = next(i for i, m in enumerate(CUT_MEASURES) if m.name == name)
        low, high = np.percentile(np.concatenate([s.cuts[:, column] for s in band]), [10, 90])
        ours = np.concatenate([t.cuts[:, column] for t in takes])
        good = (ours >= low - EPSILON) & (ours <= high + EPSILON)
        both = good if both is None else both & good
    assert both is not None
    return float(both.mean())


def steady(band: Sequence[SongMeasures], takes: Sequence[SongMeasures]) -> list[Steadiness]:
    """Which takes leave what the band does in level: louder cells, crest, rise."""
    limit = loud_limits(sum((s.levels for s in band[1:]), band[0].levels))
    crest, rise = (next(i for i, m in enumerate(CUT_MEASURES) if m.name == name) for name in ("crest", "rise"))
    cuts = np.concatenate([s.cuts for s in band])
    low, high = cuts.min(axis=0) - RANGE_MARGIN_DB, cuts.max(axis=0) + RANGE_MARGIN_DB
    found = []
    for take in takes:
        loud = loud_share(take.levels, limit)
        crests, rises = take.cuts[:, crest], take.cuts[:, rise]
        reasons = {
            "saturates": loud >= LOUD_SHARE,
            "crest low": crests.min() < low[crest],
            "crest high": crests.max() > high[crest],
            "swells": rises.max() > high[rise],
            "dies away": rises.min() < low[rise],
        }
        worst = int(np.argmax(np.abs(rises)))
        found.append(
            Steadiness(
                take.name,
                loud,
                float(np.median(crests)),
                float(rises[worst]),
                tuple(words for words, true in reasons.items() if true),
            )
        )
    return found


def loud_limits(levels: Counts) -> Floats:
    """Per band the level (dB) that only 0.1 % of the cells exceed, and LOUD_MARGIN_DB: (n_bands,)."""
    share = np.cumsum(levels, axis=1) / np.maximum(levels.sum(axis=1, keepdims=True), 1)
    step = np.argmax(share >= LOUD_PERCENT / 100, axis=1)
    return np.asarray(LEVEL_LOW_DB + (step + 1) * LEVEL_STEP_DB + LOUD_MARGIN_DB)


def loud_share(levels: Counts, limit_db: Floats) -> float:
    """The share of a take's cells above the limits."""
    low_edges = LEVEL_LOW_DB + np.arange(levels.shape[1]) * LEVEL_STEP_DB
    return float((levels * (low_edges[None, :] >= limit_db[:, None])).sum() / max(int(levels.sum()), 1))


LOGARITHMIC = ("centroid", "flatness", "onset_rate")
CLASSIFIED = (
    *(m.words for m in EXCERPT_MEASURES),
    *(f"level of the {c}" for c in COLOURS),
    *(f"movement in the {c}" for c in COLOURS),
)


def classified(song: SongMeasures) -> Floats:
    """What the two-sample test hears of a song, (n_excerpts, len(CLASSIFIED))."""
    rows = song.excerpts.copy()
    for i, m in enumerate(EXCERPT_MEASURES):
        if m.name in LOGARITHMIC:
            rows[:, i] = np.log2(np.maximum(rows[:, i], 1e-3))
    return np.concatenate([rows, song.colours], axis=1)
