"""In what order a pass serves its takes.

Pure. A queue is frozen when it is made: a filter may dim what it does not
want, but the cursor never jumps and no take moves under a person's hand. A
ranked queue mixes in a random share (the audit), so that the ranking can be
checked against people who did not follow it; only the log knows which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ParameterError
from ..records import AUTO
from .opinions import Opinion
from .speech import PASSES

ORDERS = ("ranked", "shuffled", "made")
SECOND_AT_LEAST = 20
SECOND_SHARE = 0.2


@dataclass(frozen=True)
class Queue:
    """A frozen list of takes for one person and one pass."""

    queue_id: str
    pass_name: str
    actor: str
    order: str
    seed: int
    takes: tuple[str, ...]
    audit: tuple[str, ...] = ()
    by_rank: tuple[str, ...] = ()  #: the same takes, best first, for the audit's arithmetic


def members(pass_name: str, takes: Sequence[str], opinions: Mapping[tuple[str, str], Opinion], actor: str) -> list[str]:
    """Which takes belong to a pass, in the order they were made.

    eye: all · ear: all that this person did not drop · full: what anybody keeps or is unsure
    of · second: what a person has judged · disputes: where verdicts differ.
    """
    if pass_name not in PASSES:
        raise ParameterError(f"pass {pass_name!r} must be one of {', '.join(PASSES)}")
    said: dict[str, list[Opinion]] = {}
    for (take_id, who), opinion in opinions.items():
        if who != AUTO:
            said.setdefault(take_id, []).append(opinion)
    mine = {take_id: o.verdict for (take_id, who), o in opinions.items() if who == actor}

    def belongs(take_id: str) -> bool:
        people = said.get(take_id, [])
        match pass_name:
            case "ear":
                return mine.get(take_id) != "drop"
            case "full":
                latest = max((o for o in people if o.verdict), key=lambda o: o.at, default=None)
                return latest is not None and latest.verdict in ("keep", "maybe")
            case "second":
                return any(o.verdict for o in people)
            case "disputes":
                return disputed(people)
        return True

    return [take_id for take_id in takes if belongs(take_id)]


def disputed(said: Iterable[Opinion]) -> bool:
    """Whether people differ, or one person heard blind something else; a verdict in "disputes" settles it.

    By eye, by ear and in full a person comes to one verdict, the last: to keep by eye and drop by
    ear is progress.
    """
    people = [o for o in said if o.actor != AUTO]
    if any("disputes" in o.by_pass for o in people):
        return False
    return len({v for o in people for v in (o.openly, o.by_pass.get("second")) if v}) > 1


def arrange(
    takes: Sequence[str], *, order: str, seed: int, score: Mapping[str, float], audit_share: float
) -> tuple[list[str], list[str], list[str]]:
    """Put takes in serving order.

    Returns
    -------
    (served, audit, by_rank)
        ``audit`` is empty unless the order is "ranked"; takes without a score come last.
    """
    if order not in ORDERS:
        raise ParameterError(f"order {order!r} must be one of {', '.join(ORDERS)}")
    rng = np.random.default_rng(seed)
    if order == "made":
        return list(takes), [], []
    if order == "shuffled":
        return [takes[i] for i in rng.permutation(len(takes))], [], []
    by_rank = sorted(takes, key=lambda t: (-score.get(t, -1.0), t))
    n_audit = round(audit_share * len(by_rank))
    audit = [by_rank[i] for i in rng.permutation(len(by_rank))[:n_audit]]
    drawn = set(audit)
    served = [t for t in by_rank if t not in drawn]
    # Spread evenly: after every k ranked takes comes a drawn one.
    every = (len(served) + len(audit)) / max(1, len(audit))
    for i, take_id in enumerate(audit):
        served.insert(min(len(served), int(i * every + every / 2)), take_id)
    return served, audit, by_rank


def second_sample(takes: Sequence[str], seed: int) -> list[str]:
    """A random fifth of what was judged (at least twenty) for the blind second pass."""
    n = min(len(takes), max(SECOND_AT_LEAST, round(SECOND_SHARE * len(takes))))
    return [takes[i] for i in np.random.default_rng(seed).permutation(len(takes))[:n]]
