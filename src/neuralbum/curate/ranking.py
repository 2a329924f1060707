"""What ``auto`` says where no person has decided: keep the best-ranked, drop the rest.

Pure. The ranking is the screen's ``score`` (0 worst, 1 best), weighed by likeness to the
band where that is known; the screen's flags become the reasons that are stored with
each verdict, so that anyone can ask why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ranked:
    """One take as the screen sees it."""

    take_id: str
    score: float  #: in [0, 1], 1 is best
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """What ``auto`` would say about a take, and why."""

    take_id: str
    value: str  #: "keep" or "drop"
    rank: int  #: 1 is best, among all ranked takes
    of: int
    score: float
    reasons: tuple[str, ...]


def number_to_keep(n_takes: int, *, keep: int | None, share: float) -> int:
    """How many takes the album should get: ``keep`` if given, else a share of all, rounded."""
    return min(n_takes, keep) if keep is not None else round(share * n_takes)


def propose(ranked: Sequence[Ranked], decided: Mapping[str, str], n_keep: int) -> list[Proposal]:
    """Keep the best of those no person has judged until ``n_keep`` takes are kept.

    Parameters
    ----------
    ranked : every take that has a score
    decided : take id -> verdict of a person; their keeps count towards ``n_keep``
        and ``auto`` says nothing about these takes.
    n_keep : how many the album should have in all; more if people kept more.

    Returns
    -------
    list of Proposal
        Best first; equal scores in the order of take ids, so the answer is one answer.
    """
    order = sorted(ranked, key=lambda r: (-r.score, r.take_id))
    places = n_keep - sum(verdict == "keep" for verdict in decided.values())
    proposals = []
    for rank, one in enumerate(order, start=1):
        if one.take_id in decided:
            continue
        value = "keep" if places > 0 else "drop"
        places -= 1
        proposals.append(Proposal(one.take_id, value, rank, len(order), one.score, one.reasons))
    return proposals


def clock(seconds: float) -> str:
    """Seconds as a player shows them: 0:52."""
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def reasons_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """A screen finding's flags in words: ``"silent_share 0.62 (limit 0.35) from 0:52"``."""
    words = []
    for flag in values.get("flags") or ():
        text = str(flag.get("words") or flag.get("name", "flag"))
        value, threshold = flag.get("value"), flag.get("threshold")
        if isinstance(value, int | float):
            text += f" {value:.3g}"
        if isinstance(threshold, int | float):
            text += f" (limit {threshold:.3g})"
        ranges = flag.get("ranges") or ()
        if ranges:
            text += f" from {clock(float(ranges[0][0]))}"
        words.append(text)
    return tuple(words)
