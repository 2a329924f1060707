"""In what order a pass serves its takes, frozen in the log, and which takes a person is blind to meanwhile.

A queue is frozen when it is made: a filter may dim what it does not
want, but the cursor never jumps and no take moves under a person's hand. A
ranked queue mixes in a random share (the audit), so that the ranking can be
checked against people who did not follow it; only the log knows which.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ParameterError
from ..project import Project
from ..records import AUTO, Event, Judgement, digest
from .event_reader import EventReader
from .params import Params
from .take_cache import TakeCache
from .validation import PASSES

ORDERS = ("ranked", "shuffled", "made")
APART = ("second", "disputes")
"""Passes whose verdicts stand beside the one a person comes to by eye, by ear and in full."""
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


class QueueStore:
    """The queues of all people; each is an event of the log, made once and never changed."""

    def __init__(self, project: Project, params: Params, reader: EventReader, takes: TakeCache) -> None:
        self._project = project
        self._params = params
        self._reader = reader
        self._takes = takes
        self._parsed: dict[str, Queue] = {}

    def get(self, actor: str, pass_name: str) -> Queue:
        """The frozen queue of a person and a pass; one without a name and takes while none was asked for."""
        self._reader.refresh()
        return self.latest(actor, pass_name) or Queue("", pass_name, actor, "", 0, ())

    def members(self, actor: str, pass_name: str) -> list[str]:
        """Which takes belong to a pass; whether a blind take does would tell what was said about it."""
        found = members(pass_name, list(self._takes.all()), self._reader.annotations(), actor)
        blind = frozenset() if pass_name in ("eye", "second") else self.blind(actor)
        return [take_id for take_id in found if take_id not in blind]

    def latest(self, actor: str, pass_name: str) -> Queue | None:
        for event in reversed(self._reader.queues):
            if event.actor == actor and event.pass_name == pass_name:
                return self.parse(event)
        return None

    def parse(self, event: Event) -> Queue:
        if event.client_id not in self._parsed:
            words = event.payload
            self._parsed[event.client_id] = Queue(
                queue_id=event.client_id,
                pass_name=event.pass_name,
                actor=event.actor,
                order=str(words["order"]),
                seed=int(words["seed"]),
                takes=tuple(words["takes"]),
                audit=tuple(words.get("audit", ())),
                by_rank=tuple(words.get("by_rank", ())),
            )
        return self._parsed[event.client_id]

    def freeze(self, actor: str, pass_name: str, order: str | None = None, *, all_kept: bool = False) -> Queue:
        """Make a new queue; the one before stays in the log.

        ``all_kept``: a second pass over everything that is kept, instead of a sample of what was judged.
        """
        self._takes.expire()
        self._reader.refresh()
        number = sum(e.actor == actor and e.pass_name == pass_name for e in self._reader.queues)
        scores = self._takes.scores(learned=not self.blind(actor))
        order = order or ("ranked" if self._params.ranked and scores and pass_name != "second" else "shuffled")
        # Ranked anew, a pass keeps its audit: what was drawn and judged is not drawn again.
        stable = order == "ranked"
        parts = ("queue", actor, pass_name, *(() if stable else (number,)))
        seed = int(digest(self._project.settings.seed, *parts), 16) % 2**32
        chosen = self.members(actor, pass_name)
        if pass_name == "second":
            judged = self._reader.judgements()
            kept = [t for t in chosen if judged[t].verdict == "keep"]
            chosen, order = kept if all_kept else second_sample(chosen, seed), "shuffled"
        served, drawn, by_rank = arrange(
            chosen, order=order, seed=seed, score=scores, audit_share=self._params.audit_share
        )
        name = digest("queue", actor, pass_name, number, served)
        payload = {"order": order, "seed": seed, "takes": served, "audit": drawn, "by_rank": by_rank}
        event = Event(f"queue-{name}", time.time(), actor, "queue", "", payload, pass_name=pass_name)
        self._project.catalogue.say([event])
        self._reader.refresh()
        return self.latest(actor, pass_name) or self.parse(event)

    def blind(self, actor: str) -> frozenset[str]:
        """The takes of a person's unfinished second pass: nothing said about them may reach that person.

        They stay blind until the whole queue is judged, so that an undo is blind too.
        """
        queue = self.latest(actor, "second")
        if queue is None:
            return frozenset()
        takes = self._takes.all()
        nothing = Judgement("")
        waiting = any(
            "second" not in self._reader.annotations_about(t).get(actor, nothing).by_pass
            for t in queue.takes
            if t in takes
        )
        return frozenset(queue.takes) if waiting else frozenset()


# ---- pure ------------------------------------------------------------------------


def members(
    pass_name: str, takes: Sequence[str], annotations: Mapping[tuple[str, str], Judgement], actor: str
) -> list[str]:
    """Which takes belong to a pass, in the order they were made.

    eye: all · ear: all that this person did not drop · full: what anybody keeps or is unsure
    of · second: what a person has judged · disputes: where verdicts differ.
    """
    if pass_name not in PASSES:
        raise ParameterError(f"pass {pass_name!r} must be one of {', '.join(PASSES)}")
    by_people: dict[str, list[Judgement]] = {}
    for (take_id, who), one in annotations.items():
        if who != AUTO:
            by_people.setdefault(take_id, []).append(one)

    def belongs(take_id: str) -> bool:
        people = by_people.get(take_id, [])
        match pass_name:
            case "ear":
                mine = annotations.get((take_id, actor))
                return mine is None or mine.verdict != "drop"
            case "full":
                latest = max((one for one in people if one.verdict), key=lambda one: one.at, default=None)
                return latest is not None and latest.verdict in ("keep", "maybe")
            case "second":
                return any(one.verdict for one in people)
            case "disputes":
                return disputed(people)
        return True

    return [take_id for take_id in takes if belongs(take_id)]


def disputed(people: Iterable[Judgement]) -> bool:
    """Whether people differ, or one person heard blind something else; a verdict in "disputes" settles it.

    By eye, by ear and in full a person comes to one verdict, the last: to keep by eye and drop by
    ear is progress.

    Parameters
    ----------
    people : what each person alone says about one take
    """
    found: set[str] = set()
    for one in people:
        if one.actor == AUTO:
            continue
        if "disputes" in one.by_pass:
            return False
        openly = [value for name, value in one.by_pass.items() if name not in APART]
        blindly = [value for name, value in one.by_pass.items() if name == "second"]
        found.update(openly[-1:], blindly)
    return len(found) > 1


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
    by_name = sorted(takes)  # so that a new ranking does not change whom chance picks
    audit = [by_name[i] for i in rng.permutation(len(by_name))[:n_audit]]
    # Every k-th place is chance's; a drawn take that ranks before its turn keeps its rank, and nothing good waits.
    places = {int((i + 0.5) * len(by_rank) / n_audit) for i in range(n_audit)}
    served: dict[str, None] = {}
    in_turn, by_chance = iter(by_rank), iter(audit)
    for place in range(len(by_rank)):
        take = next((t for t in by_chance if t not in served), None) if place in places else None
        served[take or next(t for t in in_turn if t not in served)] = None
    return list(served), audit, by_rank


def second_sample(takes: Sequence[str], seed: int) -> list[str]:
    """A random fifth of what was judged (at least twenty) for the blind second pass."""
    n = min(len(takes), max(SECOND_AT_LEAST, round(SECOND_SHARE * len(takes))))
    return [takes[i] for i in np.random.default_rng(seed).permutation(len(takes))[:n]]
