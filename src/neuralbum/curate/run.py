"""The room's verbs: the only file here that opens the project for others to work on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import CatalogueError, NeuralbumError, ParameterError, ToolError
from ..progress import SILENT, Reporter
from ..project import Project
from ..project.stage import Outcome, activity
from ..records import AUTO, Event, Judgement, Take, canonical, digest
from ..screen.default_order import scores as screen_scores
from . import ranking
from .params import Params

DEFAULT_PORT = 8427


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
    _check_number(keep, share)
    takes = project.catalogue.takes()
    if not takes:
        raise CatalogueError(f"{project.root}: no takes to keep yet; make some with `neuralbum generate`")
    with activity(project, "curate") as log:
        ranked = _ranked(project, takes)
        judged = project.catalogue.judgements()
        decided = _decided_by_people(judged)
        n_keep = ranking.number_to_keep(len(takes), keep=keep, share=params.share if share is None else share)
        proposals = ranking.propose(ranked, decided, n_keep)
        spoken = Counter(e.take_id for e in project.catalogue.events() if e.actor == AUTO and e.kind == "verdict")
        unsaid = Judgement("")
        new = [p for p in proposals if judged.get(p.take_id, unsaid).by_actor.get(AUTO) != p.value]
        said = project.catalogue.say([_verdict(p, spoken[p.take_id]) for p in new])
        log(done=said)
    verdicts = Counter(j.verdict for j in project.catalogue.judgements().values())
    known = {r.take_id for r in ranked} | set(decided)
    outcome = AutoOutcome(
        stage="curate",
        done=said,
        skipped=len(proposals) - len(new),
        kept=verdicts["keep"],
        dropped=verdicts["drop"],
        by_people=len(decided),
        unranked=sum(t.id not in known for t in takes),
    )
    reporter.line(f"curate: {outcome.kept} kept, {outcome.dropped} dropped, {outcome.by_people} decided by people")
    return outcome


def _check_number(keep: int | None, share: float | None) -> None:
    if keep is not None and share is not None:
        raise ParameterError("--keep and --share say the same thing twice: give one of them")
    if keep is not None and keep < 0:
        raise ParameterError(f"keep={keep} must be >= 0")
    if share is not None and not 0 <= share <= 1:
        raise ParameterError(f"share={share} must be between 0 and 1, for example 0.6")


def _ranked(project: Project, takes: Sequence[Take]) -> list[ranking.Ranked]:
    """The takes that have a score, with the screen's reasons."""
    found = project.catalogue.latest("screen")
    score = screen_scores(found, project.catalogue.latest("likeness"))
    ranked = [
        ranking.Ranked(take.id, score[take.id], ranking.reasons_of(found[take.id].values))
        for take in takes
        if take.id in score
    ]
    if not ranked:
        raise CatalogueError(f"{project.root}: no take is ranked yet; run `neuralbum screen` first")
    return ranked


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


# ---- the page -------------------------------------------------------------------


def serve(
    project: Project,
    params: Params | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    curators: Sequence[str] = (),
    default_actor: str = "curator",
    names: Sequence[str] = (),
    ready: Callable[[list[tuple[str, str]]], None] | None = None,
) -> None:
    """Serve the curation page until interrupted.

    Parameters
    ----------
    host, port : where to listen; loopback unless told otherwise, port 0 picks a free one
    curators : each gets a link with a token of their own; without any, loopback needs none
    default_actor : who speaks on loopback when the page says no name
    names : host names besides loopback's under which the page may be reached
    ready : called with [(curator, link)] once the server listens

    Raises
    ------
    ToolError
        The page is not built, or the port is taken.
    """
    from ..web.auth import Access
    from ..web.serving import listen, run_until_stopped
    from . import server
    from .service import CurationService

    if not server.page_is_built():
        raise ToolError(server.NOT_BUILT)
    listening = listen(host, port)
    service = CurationService(project, params or project.params("curate", Params))
    try:
        port = listening.getsockname()[1]
        access = Access.make(host, port, curators, default_actor=default_actor, public_names=names)
        app = server.make_app(service, access)
        listening.listen(128)
        if ready is not None:
            ready(access.links(host))
        with activity(project, "curate", detail={"what": "server"}):
            run_until_stopped(app, listening)
    finally:
        listening.close()
        service.close()
        project.catalogue.checkpoint()


def prepare(
    project: Project, params: Params | None = None, *, takes: Sequence[str] | None = None, reporter: Reporter = SILENT
) -> Outcome:
    """Make the listening copies and pictures of all takes ahead, so that nobody waits for them."""
    from .media_cache import MediaCache

    params = params or project.params("curate", Params)
    media = MediaCache(project, opus_kbps=params.opus_kbps)
    wanted = project.catalogue.takes(takes)
    screen = project.catalogue.latest("screen")
    done, errors = 0, []
    reporter.begin("curate", len(wanted), "takes")
    with activity(project, "curate", detail={"what": "prepare"}) as log:
        for take in wanted:
            try:
                media.opus(take)
                media.mel(take, screen.get(take.id))
                done += 1
                log(done=1)
            except NeuralbumError as cause:
                errors.append((take.id, str(cause)))
                log(failed=1)
            reporter.advance(1)
    reporter.end()
    media.close()
    return Outcome("curate", done=done, failed=len(errors), errors=tuple(errors))


# ---- files ----------------------------------------------------------------------


def export(project: Project, form: str) -> dict[str, str]:
    """Everything that was said, as text: csv, jsonl, audacity or jams.

    Returns
    -------
    take id -> text where each take has a file of its own (audacity, jams), else "" -> text
    """
    from . import exporting

    return exporting.write(form, project.catalogue.takes(), project.catalogue.events(), title=project.name)


def bring_in(project: Project, form: str, text: str, *, actor: str, take: str = "") -> int:
    """Append what a file adds to what was said; returns how many events were new.

    Parameters
    ----------
    actor : who says it, where the file names nobody
    take : which take Audacity's labels are about, where they do not say it themselves
    """
    from ..web.auth import clean_actor
    from . import importing

    catalogue = project.catalogue
    takes = {one.id: one for one in catalogue.takes()}
    known = catalogue.events()
    events = importing.read(
        form, text, actor=clean_actor(actor), now=time.time(), takes=takes, known=known, take_id=take
    )
    return catalogue.say(events)
