"""``neuralbum title``: titles for the kept takes, or candidates for any phrase."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import CatalogueError, ParameterError
from ..project import Project
from ..project.overview import next_step
from ..project.stage import Outcome
from ..settings import parse_words, resolve
from ..title import Params, candidates, give, run
from .console import print_json, print_next, print_table
from .options import TakeOptions, find_takes, with_options

DEFAULT_COUNT = 24


@with_options(asked=TakeOptions)
def command(
    asked: TakeOptions,
    phrase: Annotated[str | None, typer.Option(help="Synonyms of this; default: the project's phrase.")] = None,
    seeds_left: Annotated[
        str | None, typer.Option(help="First words are near to these, e.g. fake,sham,bootleg.")
    ] = None,
    seeds_right: Annotated[str | None, typer.Option(help="Second words are near to these, e.g. feeling,shame.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Only print this many candidates; needs no project.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the choice; default: the project's seed.")] = None,
    give_: Annotated[
        list[str] | None,
        typer.Option("--give", metavar="TAKE=TITLE", help="Give a take a title of your own; repeatable."),
    ] = None,
) -> None:
    """Title kept takes with alliterative synonyms of a phrase: fake feelings, mock melancholy.

    Titles that were given stay. With --count, titles are only printed, for any
    phrase, without a project.

    Example: neuralbum title --phrase "burning bridges" --count 12
    """
    opened = _project(asked, needed=count is None and phrase is None)
    words = {"seeds_left": _listed(seeds_left), "seeds_right": _listed(seeds_right), "seed": seed}
    if opened is not None:
        params = opened.params("title", Params, **words)
    else:
        table = {
            **parse_words(asked.settings or []).get("title", {}),
            **{k: v for k, v in words.items() if v is not None},
        }
        params = resolve(Params, table, where="[title]")
    if count is not None or opened is None:
        _candidates(opened, params, phrase, count or DEFAULT_COUNT, asked.json)
        return
    if give_:
        outcome = Outcome("title", done=_give(opened, give_))
    else:
        chosen = find_takes(opened, asked.take)
        outcome = run(opened, params, takes=chosen, force=asked.force, reporter=asked.reporter(), phrase=phrase)
    songs = opened.catalogue.songs()
    if not asked.json and songs:
        print_table(("no", "title", "take"), ((s.number, s.title, s.take_id[:8]) for s in songs))
    asked.finish(outcome, opened, more={"songs": songs})


def _candidates(project: Project | None, params: Params, phrase: str | None, count: int, as_json: bool) -> None:
    from ..title import propose

    if project is not None:
        found = candidates(project, count, params, phrase=phrase)
    else:
        found = propose(phrase or "fake feelings", count=count, params=params)
    if as_json:
        print_json(found)
        return
    rows = ((p.title, p.rule, " ".join(p.seeds), p.rank) for p in found)
    print_table(("title", "by", "near to", "rank"), rows)
    if project is not None:
        print_next(next_step(project))


def _give(project: Project, words: list[str]) -> int:
    """Give each TAKE=TITLE; returns how many."""
    for word in words:
        name, equals, title = word.partition("=")
        if not equals:
            raise ParameterError(f"--give {word!r}: write it as TAKE=TITLE")
        found = find_takes(project, [name.strip()]) or []
        give(project, found[0], title)
    return len(words)


def _project(asked: TakeOptions, *, needed: bool) -> Project | None:
    try:
        return asked.open()
    except CatalogueError:
        if needed or asked.project is not None:
            raise
        return None


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(word for word in text.replace(",", " ").split() if word)
