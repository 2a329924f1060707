"""Which queue a person works on, frozen in the log, and what that person must not be told meanwhile."""

from __future__ import annotations

import time

from ..project import Project
from ..records import Event, digest
from . import queues
from .following import Follower
from .params import Params
from .stock import Stock


class Lineup:
    """The queues of all people; each is an event of the log, made once and never changed."""

    def __init__(self, project: Project, params: Params, follower: Follower, stock: Stock) -> None:
        self._project = project
        self._params = params
        self._follower = follower
        self._stock = stock
        self._thawed: dict[str, queues.Queue] = {}

    def of(self, actor: str, pass_name: str) -> queues.Queue:
        """The frozen queue of a person and a pass; one without a name and takes while none was asked for."""
        self._follower.look()
        return self.latest(actor, pass_name) or queues.Queue("", pass_name, actor, "", 0, ())

    def members(self, actor: str, pass_name: str) -> list[str]:
        """Which takes belong to a pass; whether a blind take does would tell what was said about it."""
        found = queues.members(pass_name, list(self._stock.all()), self._follower.all_opinions(), actor)
        blind = frozenset() if pass_name in ("eye", "second") else self.blind(actor)
        return [take_id for take_id in found if take_id not in blind]

    def latest(self, actor: str, pass_name: str) -> queues.Queue | None:
        for event in reversed(self._follower.queues):
            if event.actor == actor and event.pass_name == pass_name:
                return self.thaw(event)
        return None

    def thaw(self, event: Event) -> queues.Queue:
        if event.client_id not in self._thawed:
            words = event.payload
            self._thawed[event.client_id] = queues.Queue(
                queue_id=event.client_id,
                pass_name=event.pass_name,
                actor=event.actor,
                order=str(words["order"]),
                seed=int(words["seed"]),
                takes=tuple(words["takes"]),
                audit=tuple(words.get("audit", ())),
                by_rank=tuple(words.get("by_rank", ())),
            )
        return self._thawed[event.client_id]

    def new(self, actor: str, pass_name: str, order: str | None = None, *, all_kept: bool = False) -> queues.Queue:
        """Freeze a new queue; the one before stays in the log.

        ``all_kept``: a second pass over everything that is kept, instead of a sample of what was judged.
        """
        self._stock.look_again()
        self._follower.look()
        number = sum(e.actor == actor and e.pass_name == pass_name for e in self._follower.queues)
        seed = int(digest(self._project.settings.seed, "queue", actor, pass_name, number), 16) % 2**32
        chosen = self.members(actor, pass_name)
        if pass_name == "second":
            judged = self._follower.judgements()
            kept = [t for t in chosen if judged[t].verdict == "keep"]
            chosen, order = kept if all_kept else queues.second_sample(chosen, seed), "shuffled"
        scores = self._stock.scores(learned=not self.blind(actor))
        order = order or ("ranked" if self._params.ranked and scores else "shuffled")
        served, drawn, by_rank = queues.arrange(
            chosen, order=order, seed=seed, score=scores, audit_share=self._params.audit_share
        )
        name = digest("queue", actor, pass_name, number, served)
        payload = {"order": order, "seed": seed, "takes": served, "audit": drawn, "by_rank": by_rank}
        event = Event(f"queue-{name}", time.time(), actor, "queue", "", payload, pass_name=pass_name)
        self._project.catalogue.say([event])
        self._follower.look()
        return self.latest(actor, pass_name) or self.thaw(event)

    def blind(self, actor: str) -> frozenset[str]:
        """The takes of a person's unfinished second pass: nothing said about them may reach that person.

        They stay blind until the whole queue is judged, so that an undo is blind too.
        """
        queue = self.latest(actor, "second")
        if queue is None:
            return frozenset()
        about = self._follower.opinions_about
        takes = self._stock.all()
        waiting = [
            t for t in queue.takes if t in takes and "second" not in getattr(about(t).get((t, actor)), "by_pass", {})
        ]
        return frozenset(queue.takes) if waiting else frozenset()
