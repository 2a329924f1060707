"""Options that many commands share, declared once.

A command takes them together, as the one argument ``asked``::

    @with_options(asked=PoolOptions)
    def command(asked: PoolOptions, parts: bool = False) -> None:
        project = asked.open()
        asked.finish(asked.run(project, "screen", parts=parts), project)

``ProjectOptions`` are for every command that opens a project, ``TakeOptions`` add --take and --force, ``StageOptions``
--retry and --shard, ``PoolOptions`` --workers and --on. ``with_options`` works for any frozen dataclass whose fields
are Typer options with defaults.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn, get_type_hints

import typer

from ..errors import ParameterError
from ..project import SETTINGS_FILE, Project
from ..project.overview import take_id_of

if TYPE_CHECKING:
    from ..progress import Reporter
    from ..project.stage import Outcome

ProjectOption = Annotated[
    Path | None, typer.Option("--project", "-p", help="The project folder; default: this one or one above it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Override a setting; repeatable.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Do again what is done already.")]
RetryOption = Annotated[bool, typer.Option("--retry", help="Try again what failed before.")]
TakesOption = Annotated[
    list[str] | None,
    typer.Option("--take", help="Only this take: a song's number or title, or an id or its beginning; repeatable."),
]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, help="Work in this many processes.")]
PoolOption = Annotated[
    int | None,
    typer.Option(
        "--workers", min=1, help="Work in this many processes; default: one, on a cluster all it has room for."
    ),
]
OnOption = Annotated[
    str, typer.Option("--on", metavar="ray[://HOST]", help="Work on a Ray cluster: this machine's, or HOST's.")
]
ShardOption = Annotated[str, typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts, for array jobs.")]


def open_project(folder: Path | None, words: list[str] | None = None) -> Project:
    """Open the named project, else the one this folder lies in, else $NEURALBUM_PROJECT."""
    import os

    if folder is None and os.environ.get("NEURALBUM_PROJECT"):
        folder = Path(os.environ["NEURALBUM_PROJECT"])
    if folder is None:
        here = Path.cwd()
        folder = next((f for f in (here, *here.parents) if (f / SETTINGS_FILE).exists()), here)
    return Project.open(folder, words or [])


def login_name() -> str:
    """Who sits here: the login name, where it can be a curator's name."""
    import getpass

    from ..web.auth import clean_actor

    try:
        return clean_actor(getpass.getuser())
    except (ParameterError, OSError, KeyError):
        return "curator"


def parse_shard(text: str) -> tuple[int, int]:
    """``"2/8"`` -> (2, 8)."""
    index, _, count = text.partition("/")
    plain = text.isascii() and index.isdecimal() and count.isdecimal() and len(text) < 20  # not "²/²", nor 10**400
    if not (plain and 1 <= int(index) <= int(count)):
        raise ParameterError(f"--shard {text}: write it as I/N with 1 <= I <= N, for example 2/8")
    return int(index), int(count)


def find_takes(project: Project, words: list[str] | None) -> list[str] | None:
    """Take ids from what was typed: songs' numbers or titles, ids or their beginnings; None means all."""
    if not words:
        return None
    return [take_id_of(project, word) for word in words]


@dataclass(frozen=True)
class ProjectOptions:
    """What every command that works on a project can be told."""

    project: ProjectOption = None
    settings: SetOption = None
    json: JsonOption = False

    def open(self, *words: str) -> Project:
        """The project; ``words`` are settings that other options stand for, and ``--set`` wins."""
        return open_project(self.project, [*words, *(self.settings or [])])

    def reporter(self) -> Reporter:
        from .console import reporter

        return reporter(self.json)

    def say(self, project: Project, found: object, in_words: Callable[[], object]) -> None:
        """Print what was found as JSON, or ``in_words`` and what to run next."""
        from ..project.overview import next_step
        from .console import print_json, print_next

        if self.json:
            print_json(found)
        else:
            in_words()
            print_next(next_step(project))

    def finish(
        self, outcome: Outcome, project: Project, *, more: dict[str, Any] | None = None, unit: str = ""
    ) -> NoReturn:
        """Say what was done and what to run next, and leave with the exit code."""
        from .console import finish

        raise typer.Exit(finish(outcome, self.json, more=more, project=project, unit=unit))


@dataclass(frozen=True)
class TakeOptions(ProjectOptions):
    """What a command that works on takes can be told."""

    take: TakesOption = None
    force: ForceOption = False


@dataclass(frozen=True)
class StageOptions(TakeOptions):
    """What a command that runs a stage over takes can be told."""

    retry: RetryOption = False
    shard: ShardOption = "1/1"
    workers: ClassVar[int | None] = None
    on: ClassVar[str] = ""

    def run(self, project: Project, stage: str, **more: Any) -> Outcome:
        """The stage of that name, with these options and ``more`` of its own, in as many processes as asked."""
        from ..project.workers import run

        said = {"takes": find_takes(project, self.take), "force": self.force, "retry": self.retry, **more}
        said |= {"shard": parse_shard(self.shard), "reporter": self.reporter()}
        return run(project, stage, workers=self.workers, on=self.on, **said)


@dataclass(frozen=True)
class PoolOptions(StageOptions):
    """Of a stage that several processes can share, of this machine or of a cluster."""

    workers: PoolOption = None  # type: ignore[misc]
    on: OnOption = ""  # type: ignore[misc]


def with_options(**groups: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of dataclasses; it gets each group as one argument of that name."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in inspect.signature(command, eval_str=True).parameters.items()
            if name not in groups
        ]
        theirs = [
            inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
            for kind in groups.values()
            for hints in [get_type_hints(kind, include_extras=True)]
            for f in fields(kind)
        ]

        @functools.wraps(command)
        def told(**words: Any) -> None:
            made = {name: kind(**{f.name: words.pop(f.name) for f in fields(kind)}) for name, kind in groups.items()}
            command(**made, **words)

        signature = inspect.Signature([*own, *theirs])
        told.__signature__ = signature  # type: ignore[attr-defined]  # what Typer reads
        told.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        return told

    return decorate
