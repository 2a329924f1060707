"""Do two people hear the same? Chance-corrected agreement on verdicts, tempo and regions.

Verdicts: Cohen's kappa (Educational and Psychological Measurement 20,
1960) for two people, Krippendorff's alpha (Content Analysis, ch. 11) for any
number with gaps. Tempo: equal within a tolerance, and equal up to an octave or
a factor of three, because people tap different metrical levels and are right
(Schreiber and Müller, ISMIR 2018). Regions: shared time over joined time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from ..catalogue import fold_by_person, merge
from ..records import AUTO, Judgement
from .event_reader import EventReader
from .queues import APART, disputed
from .responses import AgreementResponse, PairAgreement

Voice = Mapping[str, Judgement]
"""Take id -> what one person says about it; blind and open verdicts of one person are two voices."""

TEMPO_TOLERANCE = 0.04
"""Four per cent, the field's usual window (MIREX tempo tasks allow 4 to 8)."""
METRICAL_LEVELS = (1.0, 2.0, 0.5, 3.0, 1 / 3)


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Agreement of two people over the same takes, beyond chance.

    Returns
    -------
    float <= 1, or None when there is nothing to compare or nobody ever varied.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} verdicts: both people must judge the same takes")
    n = len(first)
    if n == 0:
        return None
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    left, right = Counter(first), Counter(second)
    expected = sum(left[value] * right[value] for value in left) / n**2
    return None if expected == 1.0 else (observed - expected) / (1 - expected)


def krippendorff_alpha(
    units: Iterable[Mapping[str, Hashable]], distance: Callable[[Hashable, Hashable], float] | None = None
) -> float | None:
    """Agreement of any number of people, some of whom skipped some takes.

    Parameters
    ----------
    units : for each take, person -> value; takes with fewer than two values do not count
    distance : squared difference of two values; default 0 if equal else 1 (nominal)
    """
    far = distance or (lambda a, b: float(a != b))
    pairable = [list(unit.values()) for unit in units if len(unit) >= 2]
    totals = Counter(value for values in pairable for value in values)
    n = sum(totals.values())
    if n < 2:
        return None
    observed = sum(2 * sum(far(a, b) for a, b in combinations(values, 2)) / (len(values) - 1) for values in pairable)
    expected = sum(2 * totals[a] * totals[b] * far(a, b) for a, b in combinations(totals, 2)) / (n - 1)
    return None if expected == 0 else 1 - observed / expected


def same_tempo(first: float, second: float, tolerance: float = TEMPO_TOLERANCE) -> bool:
    """Whether two tempos (beats/min; 0 = no pulse) are equal within the tolerance."""
    if first == 0 or second == 0:
        return first == second
    return abs(first - second) <= tolerance * second


def same_pulse(first: float, second: float, tolerance: float = TEMPO_TOLERANCE) -> bool:
    """Whether two tempos are equal, or one is double, half, triple or a third of the other."""
    return any(same_tempo(first, second * level, tolerance) for level in METRICAL_LEVELS)


def region_overlap(first: Iterable[tuple[float, float]], second: Iterable[tuple[float, float]]) -> float | None:
    """Time both marked over time either marked (Jaccard), in [0, 1]; None if neither marked any."""
    one, two = merge(first, 0.0), merge(second, 0.0)
    joined = sum(end - start for start, end in merge((*one, *two), 0.0))
    if joined == 0:
        return None
    shared = sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in one for b in two)
    return shared / joined


def agreement(reader: EventReader) -> AgreementResponse:
    """How far people agree; verdicts of the second pass stand beside the first ones of the same person."""
    people = {key: one for key, one in reader.annotations().items() if key[1] != AUTO}
    voices: dict[str, dict[str, Judgement]] = {}
    for take_id, actor in people:
        said = reader.events_about(take_id, actor)
        blindly = fold_by_person(e for e in said if e.kind == "undo" or e.pass_name == "second")
        openly = fold_by_person(e for e in said if e.kind == "undo" or e.pass_name not in APART)
        for name, found in ((actor, openly), (f"{actor}, second", blindly)):
            if (one := found.get((take_id, actor))) and one.verdict:
                voices.setdefault(name, {})[take_id] = one
    names = sorted(voices)
    pairs = [_pair(a, b, voices[a], voices[b]) for a, b in combinations(names, 2)]
    units: dict[str, dict[str, Any]] = {}
    for name, judged in voices.items():
        for take_id, one in judged.items():
            units.setdefault(take_id, {})[name] = one.verdict
    by_take: dict[str, list[Judgement]] = {}
    for (take_id, _), one in people.items():
        by_take.setdefault(take_id, []).append(one)
    return {
        "blind": False,
        "pairs": [pair for pair in pairs if pair["n"]],
        "alpha": krippendorff_alpha(units.values()),
        "n_takes": sum(len(unit) > 1 for unit in units.values()),
        "n_disputed": sum(map(disputed, by_take.values())),
    }


def withheld() -> AgreementResponse:
    """For a person whose second pass is open: the counts would tell, verdict by verdict, what was said before."""
    return {"blind": True, "pairs": [], "alpha": None, "n_takes": 0, "n_disputed": 0}


def _pair(first: str, second: str, one: Voice, two: Voice) -> PairAgreement:
    shared = sorted(one.keys() & two.keys())
    tempos = [(a, b) for t in shared if (a := one[t].bpm) is not None and (b := two[t].bpm) is not None]
    overlaps = [region_overlap(_regions(one[t]), _regions(two[t])) for t in shared]
    measured = [o for o in overlaps if o is not None]
    return {
        "first": first,
        "second": second,
        "n": len(shared),
        "kappa": cohen_kappa([one[t].verdict for t in shared], [two[t].verdict for t in shared]),
        "tempo_n": len(tempos),
        "tempo_same": _share([same_tempo(a, b) for a, b in tempos]),
        "tempo_same_pulse": _share([same_pulse(a, b) for a, b in tempos]),
        "region_overlap": sum(measured) / len(measured) if measured else None,
    }


def _regions(one: Judgement) -> list[tuple[float, float]]:
    return [(n.start_s, n.end_s) for n in one.notes]


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None
