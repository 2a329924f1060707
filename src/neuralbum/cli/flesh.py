"""``neuralbum flesh TAKE…``: turn takes into 44.1 kHz stereo."""

from __future__ import annotations

from typing import Annotated

import typer

from .console import finish, reporter
from .options import (
    ForceOption,
    JsonOption,
    ProjectOption,
    RetryOption,
    SetOption,
    ShardOption,
    find_takes,
    open_project,
    parse_shard,
)


def command(
    takes: Annotated[list[str] | None, typer.Argument(metavar="TAKE…", help="Takes by id; none: all takes.")] = None,
    model: Annotated[str | None, typer.Option(help="Which flesh: ID or ID@step; default: the newest.")] = None,
    width: Annotated[float | None, typer.Option(help="Stereo width: 0 is mono, 1 as learned, up to 2.")] = None,
    denoise: Annotated[
        float | None, typer.Option(help="How noisy the takes are said to be, 0 to 1; default: the model's guess.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    force: ForceOption = False,
    retry: RetryOption = False,
    shard: ShardOption = "1/1",
    project: ProjectOption = None,
    words: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Flesh takes into fleshed/<id>.flac; from then on they are what is heard, drawn and released.

    Example: neuralbum flesh --width 0.8 4f1c 93ab
    """
    from ..flesh import FleshParams, run
    from ..processor import pick_device

    opened = open_project(project, words)
    params = opened.params("flesh", FleshParams, model=model, width=width, denoise=denoise)
    outcome = run(
        opened,
        params,
        takes=find_takes(opened, takes),
        force=force,
        retry=retry,
        reporter=reporter(json),
        shard=parse_shard(shard),
        device=pick_device(device),
    )
    raise typer.Exit(finish(outcome, json))
