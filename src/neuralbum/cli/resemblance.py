"""``neuralbum resemblance``: does the album behave as the band does, and is it as wide?"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import print_json, print_next, print_table
from .options import StageOptions, parse_shard, with_options

if TYPE_CHECKING:
    from ..resemblance.likeness.compare import Likeness


@with_options(asked=StageOptions)
def command(
    asked: StageOptions,
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Two folders of sound files, band and takes, instead of a project.")
    ] = None,
) -> None:
    """Compare the kept takes (all, while none is kept) with the band: beat, tone, form, steadiness, spread of styles.

    Example: neuralbum resemblance --take 4f1c --take 90ab

    Example: neuralbum resemblance music/ takes/
    """
    if folders:
        raise typer.Exit(_folders(folders, asked.json))
    project = asked.open()
    outcome = asked.run(project, "resemblance")
    found = project.catalogue.latest("resemblance").get("album") if parse_shard(asked.shard)[0] == 1 else None
    more = {"values": found.values, "files": found.files} if found else {}
    if found and not asked.json:
        _show(found.values)
        print(f"report: {project.root / found.files['report']}")
    asked.finish(outcome, project, more=more)


def _show(values: Mapping[str, Any]) -> None:
    from ..resemblance.likeness.compare import read_likeness
    from ..resemblance.width import style_shares

    print(values["words"])
    if values.get("likeness"):
        _show_likeness(read_likeness(values["likeness"]), {"cut_s": values["cut_s"], **style_shares(values)})
    rows = [
        (name, *(f"{values[column][name]:.3f}" for column in ("album", "floor", "floor_same_songs")))
        for name in ("frechet", "coverage")
    ]
    print_table(("measure", "album", "floor: halves of the band", "floor: same songs"), rows)


def _show_likeness(found: Likeness, styles: Mapping[str, float]) -> None:
    from ..resemblance.likeness import text

    print("", text.summary(found, styles), "", sep="\n")
    print_table(text.HEADER, text.rows(found))
    print(text.reasons(found))


def _folders(folders: list[Path], json: bool) -> int:
    from ..resemblance.likeness.folders import judge

    if len(folders) != 2:
        raise typer.BadParameter(f"{len(folders)} folders: name two, the band's and the takes'")
    found, styles = judge(*folders, left_out=lambda why: typer.echo(why, err=True))
    if json:
        print_json({**found.plain(), **styles})
    else:
        print(found.words())
        _show_likeness(found, styles)
        print_next(f"neuralbum originality index {shlex.quote(str(folders[0]))} -o band.nbx (does anything copy it?)")
    return 0
