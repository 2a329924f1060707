"""Titles for the kept takes of a project; a title once given stays with its take.

Given titles are findings (stage ``title``, subject the take), with the rule, the
seeds and the rank they came by; titles a person turned down are findings of stage
``title-rejected`` and never come up again. ``songs`` in the catalogue is what
follows from both and from the verdicts: one row per kept take, numbered in the
order the takes were made.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ..errors import ParameterError
from ..progress import SILENT, Reporter
from ..project import Project, stage
from ..records import Finding, Song, digest
from .params import Params

if TYPE_CHECKING:
    from .pairs import Proposal

STAGE, REJECTED, VERSION = "title", "title-rejected", 1
LONGEST = 120
MORE = 3
"""How many candidates are made for each title when a person picks."""


def run(
    project: Project,
    params: Params | None = None,
    *,
    takes: Sequence[str] | None = None,
    force: bool = False,
    retry: bool = False,
    reporter: Reporter = SILENT,
    shard: tuple[int, int] = (1, 1),
    phrase: str | None = None,
) -> stage.Outcome:
    """Give every kept take a title, and write the album's list of songs.

    Parameters
    ----------
    takes : title only these (of those that are kept).
    force : give new titles to those that have one; the old ones do not come back.
    phrase : instead of the project's.
    """
    params = params or project.params("title", Params)
    kept = project.catalogue.kept()
    wanted = [take for take in kept if takes is None or take in takes]
    given = given_titles(project)
    todo = [take for take in wanted if force or take not in given]
    chosen: dict[str, Proposal] = {}
    if todo:
        fresh = _propose(project, params, phrase, len(todo), [given[t] for t in given if t not in todo])
        chosen = dict(zip(todo, fresh, strict=True))

    def measure(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        return stage.Measured(_values(chosen[item.subject], params))

    if force:
        _reject(project, [given[take] for take in todo if take in given])
    items = [stage.Item(take, {"phrase": phrase or project.settings.phrase, "at": len(given)}) for take in todo]
    outcome = stage.run_items(
        project, STAGE, VERSION, params, items, measure, force=True, reporter=reporter, label=STAGE, shard=shard
    )
    write_songs(project)
    return replace(outcome, skipped=len(wanted) - len(todo))


def given_titles(project: Project) -> dict[str, str]:
    """Take id -> its title, also of takes that are not kept any more."""
    return {take: str(finding.values["title"]) for take, finding in project.catalogue.latest(STAGE).items()}


def rejected_keys(project: Project) -> set[str]:
    """Keys of titles a person turned down."""
    return set(project.catalogue.latest(REJECTED))


def candidates(
    project: Project, count: int, params: Params | None = None, *, phrase: str | None = None
) -> list[Proposal]:
    """New titles for this project: none that is given or was turned down, none beyond a word's cap."""
    return _propose(
        project, params or project.params("title", Params), phrase, count, list(given_titles(project).values())
    )


def give(project: Project, take: str, title: str, *, proposal: Proposal | None = None) -> str:
    """Give a take this title (a person's choice); the list of songs follows.

    Returns
    -------
    str
        The name of what was recorded, for ``take_back``.

    Raises
    ------
    ParameterError
        Empty, too long, not printable, or another take's title.
    """
    title = " ".join(title.split())
    if not title or len(title) > LONGEST or not title.isprintable():
        raise ParameterError(f"title {title[:40]!r}: must be 1 to {LONGEST} printable characters")
    key = _key(title)
    others = {_key(other): who for who, other in given_titles(project).items() if who != take}
    if key in others:
        raise ParameterError(
            f"title {title!r}: take {others[key][:8]} has it already; titles must differ by more than endings"
        )
    values = _values(proposal, Params()) if proposal else {"rule": "given", "seeds": []}
    name = _record(project, STAGE, take, {**values, "title": title, "key": key})
    write_songs(project)
    return name


def reject(project: Project, titles: Iterable[str]) -> list[str]:
    """These titles do not come up again in this project; returns names for ``take_back``."""
    return _reject(project, titles)


def take_back(project: Project, name: str) -> None:
    """As if this ``give`` or ``reject`` had not been; a title the take had before comes back.

    Raises
    ------
    ParameterError
        Nothing of that name was recorded by either.
    """
    finding = project.catalogue.finding(name)
    if finding is None or finding.stage not in (STAGE, REJECTED):
        raise ParameterError("there is no such title to take back")
    project.catalogue.forget(name)
    write_songs(project)


def write_songs(project: Project) -> list[Song]:
    """The album's songs: kept takes that have a title, numbered in the order they were made."""
    given = given_titles(project)
    titled = [take for take in project.catalogue.kept() if take in given]
    songs = [Song(number, take, given[take]) for number, take in enumerate(titled, 1)]
    if songs != project.catalogue.songs():
        project.catalogue.set_songs((song, _key(song.title)) for song in songs)
    return songs


def _key(title: str) -> str:
    from .pairs import title_key

    return title_key(title)


def _propose(project: Project, params: Params, phrase: str | None, count: int, given: Sequence[str]) -> list[Proposal]:
    from .pairs import propose

    seed = params.seed if params.seed is not None else project.settings.seed
    taken = {_key(title) for title in given} | rejected_keys(project)
    found = propose(
        phrase or project.settings.phrase,
        count=count,
        params=params,
        seed=seed + len(taken),  # another seed each time, or the same words would come up until they are taken
        taken=taken,
        used=[word for title in given for word in title.lower().split()],
    )
    return [replace(proposal, title=_written(proposal.title, params.letters)) for proposal in found]


def _written(title: str, letters: str) -> str:
    return {"Title": title.title(), "UPPER": title.upper()}.get(letters, title)


def _values(proposal: Proposal, params: Params) -> dict[str, Any]:
    return {**asdict(proposal), "seeds": list(proposal.seeds), "key": _key(proposal.title)}


def _reject(project: Project, titles: Iterable[str]) -> list[str]:
    return [_record(project, REJECTED, _key(title), {"title": title}) for title in titles]


def _record(project: Project, name: str, subject: str, values: dict[str, Any]) -> str:
    now = time.time()
    key = digest(name, VERSION, subject, values, now)
    finding = Finding(
        key=key, stage=name, version=VERSION, subject=subject[:80], params={}, inputs={}, values=values, created_at=now
    )
    project.catalogue.record(finding)
    return key
