"""``neuralbum resemblance``: the album's spread of styles beside the band's."""

from __future__ import annotations

import typer

from .console import finish, print_table, reporter
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
    project: ProjectOption = None,
    take: TakesOption = None,
    force: ForceOption = False,
    retry: RetryOption = False,
    shard: ShardOption = "1/1",
    settings: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Compare the kept takes (all, while none is kept) with the band: as wide, or collapsed into one thing?

    Example: neuralbum resemblance --set resemblance.embedding=musicnn
    """
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
        v = found.values
        print(v["words"])
        rows = [
            (name, f"{v['album'][name]:.3f}", f"{v['floor'][name]:.3f}", f"{v['floor_same_songs'][name]:.3f}")
            for name in ("frechet", "kernel", "density", "coverage")
        ]
        print_table(("measure", "album", "floor: halves of the band", "floor: same songs"), rows)
        print(f"report: {opened.root / found.files['report']}")
    raise typer.Exit(finish(outcome, json, more=more, project=opened))
