"""Options that many commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ParameterError
from ..project import SETTINGS_FILE, Project
from ..project.overview import take_id_of

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
