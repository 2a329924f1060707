"""The takes beside the band: every measure's distribution, what runs away, and whether they can be told apart.

Pure: measures of songs and takes in, a Likeness out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ParameterError
from .measures import COLOURS, CUT_MEASURES, EXCERPT_MEASURES, MEASURES, Measure, SongMeasures
from .steadiness import Steadiness, steadiness
from .two_sample import Reason, TwoSample, two_sample

Floats = npt.NDArray[np.float64]

QUANTILES = (5, 10, 25, 50, 75, 90, 95)
CORE = ("beat", "tone", "form")  #: the groups whose mean share inside is the one number
FORM = ("repetition", "sections")  #: the two measures that together say whether a take has parts as the band's songs do
LEAST_SONGS = 3  #: of the band: a floor needs a song and others
EPSILON = 1e-9
NAMED = 3  #: measures the sentence names

LOGARITHMIC = ("centroid", "flatness", "onset_rate")  #: compared as ratios, by the two-sample test too
CLASSIFIED = (
    *(m.words for m in EXCERPT_MEASURES),
    *(f"level of the {c}" for c in COLOURS),
    *(f"movement in the {c}" for c in COLOURS),
)


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
    floor: float  #: the same of each song of the band against the others
    at_least_p10: float  #: share that reaches the band's 10 %
    median_in_quartiles: bool  #: the takes' median lies within the band's 25–75 %

    @property
    def gap(self) -> float:
        """How much is missing to the floor, 0 and more."""
        return max(0.0, self.floor - self.inside)


@dataclass(frozen=True)
class Shares:
    """A share of the takes, and the same of the band's songs, each against the others."""

    takes: float
    floor: float


@dataclass(frozen=True)
class Likeness:
    """What the comparison found; ``measures`` begin with the worst."""

    n_songs: int
    n_takes: int
    measures: tuple[MeasureLikeness, ...]
    groups: dict[str, Shares]  #: group -> mean share inside
    core: Shares  #: mean share inside of the CORE groups' measures
    form: Shares  #: of cuts whose sections and repetition lie both within the band's 10–90 %
    run_away: Shares
    unsteady: Shares  #: in any way, so those that run away too
    steadiness: tuple[Steadiness, ...]  #: of the takes that are unsteady, those that run away first
    told_apart: TwoSample | None  #: None: too few songs or takes

    def plain(self) -> dict[str, Any]:
        """As stored with a finding."""
        return asdict(self)

    def words(self) -> str:
        """The worst first, in a sentence or two."""
        worst = [m for m in self.measures if m.gap > 0][:NAMED]
        named = "; ".join(
            f"{m.words} {number(m.takes['p50'])}, the band {number(m.band['p50'])}{' ' + m.unit if m.unit else ''} "
            f"({m.inside:.0%} of the takes inside, floor {m.floor:.0%})"
            for m in worst
        )
        lead = f"{self.run_away.takes:.0%} of the takes run away. " if self.run_away.takes else ""
        lead += f"Least like the band: {named}." if named else "Every measure lies where the band's own songs lie."
        if self.told_apart is not None:
            apart = self.told_apart
            lead += (
                f" A classifier tells takes from band with an AUC of {apart.auc:.2f} "
                f"({apart.low:.2f} to {apart.high:.2f}; 0.5 is chance)."
            )
        return lead


def read_likeness(plain: Mapping[str, Any]) -> Likeness:
    """The inverse of ``Likeness.plain``."""
    apart = plain["told_apart"]
    return Likeness(
        n_songs=plain["n_songs"],
        n_takes=plain["n_takes"],
        measures=tuple(MeasureLikeness(**m) for m in plain["measures"]),
        groups={name: Shares(**both) for name, both in plain["groups"].items()},
        **{name: Shares(**plain[name]) for name in ("core", "form", "run_away", "unsteady")},
        steadiness=tuple(Steadiness(**{**s, "reasons": tuple(s["reasons"])}) for s in plain["steadiness"]),
        told_apart=apart and TwoSample(**{**apart, "reasons": tuple(Reason(**r) for r in apart["reasons"])}),
    )


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
    rows = [beside(m, [s.column(m) for s in band], [t.column(m) for t in takes]) for m in MEASURES]
    levels = steadiness(band, takes)
    alone = [(list(band[:i]) + list(band[i + 1 :]), [song]) for i, song in enumerate(band)]
    own = [steadiness(*sides)[0] for sides in alone]
    return Likeness(
        n_songs=len(band),
        n_takes=len(takes),
        measures=tuple(sorted(rows, key=lambda m: (-m.gap, m.inside))),
        groups={g: _mean(m for m in rows if m.group == g) for g in dict.fromkeys(m.group for m in rows)},
        core=_mean(m for m in rows if m.group in CORE),
        form=Shares(_form_share(band, takes), float(np.mean([_form_share(*sides) for sides in alone]))),
        run_away=Shares(*(float(np.mean([s.runs_away for s in side])) for side in (levels, own))),
        unsteady=Shares(*(float(np.mean([bool(s.reasons) for s in side])) for side in (levels, own))),
        steadiness=tuple(sorted((s for s in levels if s.reasons), key=lambda s: not s.runs_away)),
        told_apart=two_sample([_classified(s) for s in band], [_classified(t) for t in takes], CLASSIFIED, rng),
    )


def _mean(rows: Any) -> Shares:
    inside, floor = zip(*((m.inside, m.floor) for m in rows), strict=True)
    return Shares(float(np.mean(inside)), float(np.mean(floor)))


def beside(measure: Measure, band: Sequence[Floats], takes: Sequence[Floats]) -> MeasureLikeness:
    """One measure's values, song by song and take by take, held side by side."""
    theirs, ours = np.concatenate(list(band)), np.concatenate(list(takes))
    known = _quantiles(theirs)
    return MeasureLikeness(
        name=measure.name,
        group=measure.group,
        unit=measure.unit,
        words=measure.words,
        band=known,
        takes=_quantiles(ours),
        inside=float(inside(ours, known["p5"], known["p95"]).mean()),
        floor=leave_one_out(band),
        at_least_p10=float((ours >= known["p10"] - EPSILON).mean()),
        median_in_quartiles=bool(known["p25"] <= np.median(ours) <= known["p75"]),
    )


def leave_one_out(band: Sequence[Floats]) -> float:
    """The mean share of a song's values within the 5–95 % of the other songs."""
    others = [np.concatenate([*band[:i], *band[i + 1 :]]) for i in range(len(band))]
    return float(
        np.mean([inside(song, *np.percentile(rest, [5, 95])).mean() for song, rest in zip(band, others, strict=True)])
    )


def inside(values: Floats, low: float, high: float) -> npt.NDArray[np.bool_]:
    """Which values lie within a range, ends included."""
    return (values >= low - EPSILON) & (values <= high + EPSILON)


def _quantiles(values: Floats) -> dict[str, float]:
    return {f"p{q}": float(x) for q, x in zip(QUANTILES, np.percentile(values, QUANTILES), strict=True)}


def _form_share(band: Sequence[SongMeasures], takes: Sequence[SongMeasures]) -> float:
    both = [
        inside(
            np.concatenate([t.column(m) for t in takes]),
            *np.percentile(np.concatenate([s.column(m) for s in band]), [10, 90]),
        )
        for m in CUT_MEASURES
        if m.name in FORM
    ]
    return float(np.logical_and.reduce(both).mean())


@dataclass(frozen=True)
class TakeLikeness:
    """One take beside the band."""

    score: float  #: mean over the CORE groups' measures of ``inside``; 0 for a take that runs away
    inside: dict[str, float]  #: measure -> share of the take's excerpts or cuts within the band's 5–95 %
    steadiness: Steadiness


def of_takes(band: Sequence[SongMeasures], takes: Sequence[SongMeasures]) -> list[TakeLikeness]:
    """Each take's share of measures inside the band's range: what the curator's order asks for."""
    ranges = {m: np.percentile(np.concatenate([s.column(m) for s in band]), [5, 95]) for m in MEASURES}
    found = []
    for take, level in zip(takes, steadiness(band, takes), strict=True):
        shares = {m: float(inside(take.column(m), *ends).mean()) for m, ends in ranges.items()}
        score = float(np.mean([share for m, share in shares.items() if m.group in CORE]))
        found.append(
            TakeLikeness(0.0 if level.runs_away else score, {m.name: share for m, share in shares.items()}, level)
        )
    return found


def _classified(song: SongMeasures) -> Floats:
    """What the two-sample test is given of a song, (n_excerpts, len(CLASSIFIED))."""
    rows = song.excerpts.copy()
    for i, m in enumerate(EXCERPT_MEASURES):
        if m.name in LOGARITHMIC:
            rows[:, i] = np.log2(np.maximum(rows[:, i], 1e-3))
    return np.concatenate([rows, song.colours], axis=1)


def number(value: float) -> str:
    """Three digits or so: 1234, 12.34, 0.56."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
