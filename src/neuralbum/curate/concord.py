"""How far people agree: who said what beside whom, from the log to numbers (``agreement`` has the statistics)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..records import AUTO
from . import agreement, queues
from .answers import AgreementAnswer, Pair
from .following import Follower
from .opinions import APART, Opinion, opinions

Voice = Mapping[str, Opinion]


def concord(follower: Follower) -> AgreementAnswer:
    """How far people agree; verdicts of the second pass stand beside the first ones of the same person."""
    said = {key: o for key, o in follower.all_opinions().items() if key[1] != AUTO}
    voices: dict[str, dict[str, Opinion]] = {}
    for take_id, actor in said:
        words = [e for e in follower.said_about(take_id) if e.actor == actor]
        blindly = opinions(e for e in words if e.kind == "undo" or e.pass_name == "second")
        openly = opinions(e for e in words if e.kind == "undo" or e.pass_name not in APART)
        for name, heard in ((actor, openly), (f"{actor}, second", blindly)):
            if (opinion := heard.get((take_id, actor))) and opinion.verdict:
                voices.setdefault(name, {})[take_id] = opinion
    names = sorted(voices)
    pairs = [_pair(a, b, voices[a], voices[b]) for i, a in enumerate(names) for b in names[i + 1 :]]
    pairs = [pair for pair in pairs if pair["n"]]
    units: dict[str, dict[str, Any]] = {}
    for name, judged in voices.items():
        for take_id, opinion in judged.items():
            units.setdefault(take_id, {})[name] = opinion.verdict
    by_take: dict[str, list[Opinion]] = {}
    for (take_id, _), opinion in said.items():
        by_take.setdefault(take_id, []).append(opinion)
    return {
        "blind": False,
        "pairs": pairs,
        "alpha": agreement.krippendorff_alpha(units.values()),
        "n_takes": sum(len(unit) > 1 for unit in units.values()),
        "n_disputed": sum(queues.disputed(people) for people in by_take.values()),
    }


def withheld() -> AgreementAnswer:
    """For a person whose second pass is open: the counts would tell, verdict by verdict, what was said before."""
    return {"blind": True, "pairs": [], "alpha": None, "n_takes": 0, "n_disputed": 0}


def _pair(first: str, second: str, one: Voice, two: Voice) -> Pair:
    shared = sorted(one.keys() & two.keys())
    tempos = [(a, b) for t in shared if (a := one[t].bpm) is not None and (b := two[t].bpm) is not None]
    overlaps = [agreement.region_overlap(_regions(one[t]), _regions(two[t])) for t in shared]
    measured = [o for o in overlaps if o is not None]
    return {
        "first": first,
        "second": second,
        "n": len(shared),
        "kappa": agreement.cohen_kappa([one[t].verdict for t in shared], [two[t].verdict for t in shared]),
        "tempo_n": len(tempos),
        "tempo_same": _share([agreement.same_tempo(a, b) for a, b in tempos]),
        "tempo_same_pulse": _share([agreement.same_pulse(a, b) for a, b in tempos]),
        "region_overlap": sum(measured) / len(measured) if measured else None,
    }


def _regions(opinion: Opinion) -> list[tuple[float, float]]:
    return [(n.start_s, n.end_s) for n in opinion.notes]


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None
