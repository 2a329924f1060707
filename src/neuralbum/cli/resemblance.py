"""``neuralbum resemblance``: does the album behave as the band does, and is it as wide?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import finish, print_json, print_table, reporter
from .options import (
    ForceOption,
    JsonOption,
    ProjectOption,
    RetryOption,
    SetOption,
    ShardOption,
    TakesOption,
    find_takes,
    open_project,
    parse_shard,
)


def command(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Two folders of sound files, band and takes, instead of a project.")
    ] = None,
    project: ProjectOption = None,
    take: TakesOption = None,
    force: ForceOption = False,
    retry: RetryOption = False,
    shard: ShardOption = "1/1",
    settings: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Compare the kept takes (all, while none is kept) with the band: beat, tone, form, steadiness, spread of styles.

    Example: neuralbum resemblance --set resemblance.embedding=musicnn
    """
    if folders:
        raise typer.Exit(_loose(folders, json))
    from .. import resemblance

    opened = open_project(project, settings)
    outcome = resemblance.run(
        opened,
        takes=find_takes(opened, take),
        force=force,
        retry=retry,
        reporter=reporter(json),
        shard=parse_shard(shard),
    )
    found = opened.catalogue.latest("resemblance").get("album") if parse_shard(shard)[0] == 1 else None
    more = {"values": found.values, "files": found.files} if found else {}
    if found and not json:
        _show(found.values)
        print(f"report: {opened.root / found.files['report']}")
    raise typer.Exit(finish(outcome, json, more=more, project=opened))


def _show(values: Mapping[str, Any]) -> None:
    from ..resemblance.compare import style_shares
    from ..resemblance.likeness.compare import read_likeness
    from ..resemblance.likeness.words import text

    print(values["words"])
    if values.get("likeness"):
        print()
        print(text(read_likeness(values["likeness"]), {"cut_s": values["cut_s"], **style_shares(values)}))
    rows = [
        (
            name,
            f"{values['album'][name]:.3f}",
            f"{values['floor'][name]:.3f}",
            f"{values['floor_same_songs'][name]:.3f}",
        )
        for name in ("frechet", "kernel", "density", "coverage")
    ]
    print()
    print_table(("measure", "album", "floor: halves of the band", "floor: same songs"), rows)


def _loose(folders: list[Path], json: bool) -> int:
    from ..resemblance.likeness.loose import judge
    from ..resemblance.likeness.words import text

    if len(folders) != 2:
        raise typer.BadParameter(f"{len(folders)} folders: name two, the band's and the takes'")
    found, styles = judge(*folders)
    if json:
        print_json({**found.plain(), **styles})
    else:
        print(found.words(), text(found, styles), sep="\n\n")
    return 0
