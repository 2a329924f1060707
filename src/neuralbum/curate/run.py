"""The room's verbs: the only file here that opens the project for others to work on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import CatalogueError, ParameterError
from ..progress import SILENT, Reporter
from ..project import Project
from ..records import AUTO, Event, Judgement, canonical, digest
from ..stage import Outcome, activity
from . import ranking
from .params import Params


@dataclass(frozen=True)
class AutoOutcome(Outcome):
    """What ``auto`` did; ``done`` counts the verdicts it said now, ``skipped`` those it had said before."""

    kept: int = 0  #: takes whose verdict is keep now, people's included
    dropped: int = 0
    by_people: int = 0  #: takes a person has decided; ``auto`` leaves them alone
    unranked: int = 0  #: takes without a score and without a verdict


def auto(
    project: Project,
    params: Params | None = None,
    *,
    keep: int | None = None,
    share: float | None = None,
    reporter: Reporter = SILENT,
) -> AutoOutcome:
    """Keep takes by the screen's ranking, as actor ``auto``; people's verdicts always win.

    Appends events only. Saying the same again says nothing, so it can be run
    after every screen: only what changed is said.

    Parameters
    ----------
    keep : how many takes the album should have, people's keeps included
    share : the same as a share of all takes; default from the settings

    Raises
    ------
    ParameterError
        ``keep`` and ``share`` together, or out of range.
    CatalogueError
        No takes, or none of them was screened.
    """
    params = params or project.params("curate", Params)
    if keep is not None and share is not None:
        raise ParameterError("--keep and --share say the same thing twice: give one of them")
    if keep is not None and keep < 0:
        raise ParameterError(f"keep={keep} must be >= 0")
    if share is not None and not 0 <= share <= 1:
        raise ParameterError(f"share={share} must be between 0 and 1, for example 0.6")
    catalogue = project.catalogue
    takes = catalogue.takes()
    if not takes:
        raise CatalogueError(f"{project.root}: no takes to keep yet; make some with `neuralbum generate`")
    with activity(project, "curate") as tick:
        found = catalogue.latest("screen")
        ranked = [
            ranking.Ranked(take.id, float(found[take.id].values["score"]), ranking.reasons_of(found[take.id].values))
            for take in takes
            if take.id in found and found[take.id].values.get("score") is not None
        ]
        if not ranked:
            raise CatalogueError(f"{project.root}: no take is ranked yet; run `neuralbum screen` first")
        events = catalogue.events()
        judged = catalogue.judgements()
        decided = _decided_by_people(judged)
        n_keep = ranking.number_to_keep(len(takes), keep=keep, share=params.share if share is None else share)
        proposals = ranking.propose(ranked, decided, n_keep)
        spoken = Counter(e.take_id for e in events if e.actor == AUTO and e.kind == "verdict")
        new = [
            _verdict(p, spoken[p.take_id])
            for p in proposals
            if p.take_id not in judged or judged[p.take_id].by_actor.get(AUTO) != p.value
        ]
        said = catalogue.say(new)
        tick(done=said)
    after = catalogue.judgements()
    verdicts = Counter(j.verdict for j in after.values())
    have_score = {r.take_id for r in ranked}
    outcome = AutoOutcome(
        stage="curate",
        done=said,
        skipped=len(proposals) - len(new),
        kept=verdicts["keep"],
        dropped=verdicts["drop"],
        by_people=len(decided),
        unranked=sum(t.id not in have_score and t.id not in decided for t in takes),
    )
    reporter.line(f"curate: {outcome.kept} kept, {outcome.dropped} dropped, {outcome.by_people} decided by people")
    return outcome


def _decided_by_people(judged: Mapping[str, Judgement]) -> dict[str, str]:
    return {i: j.verdict for i, j in judged.items() if j.verdict is not None and j.actor != AUTO}


def _verdict(proposal: ranking.Proposal, n_before: int) -> Event:
    payload = {
        "value": proposal.value,
        "rank": proposal.rank,
        "of": proposal.of,
        "score": proposal.score,
        "reasons": list(proposal.reasons),
    }
    # Two runs at once propose the same change under the same name, and it counts once.
    name = digest("auto", proposal.take_id, proposal.value, n_before)
    return Event(
        client_id=f"auto-{name}",
        at=time.time(),
        actor=AUTO,
        kind="verdict",
        take_id=proposal.take_id,
        payload=dict(canonical(payload)),  # type: ignore[call-overload]
        session="auto",
        pass_name="auto",
    )
