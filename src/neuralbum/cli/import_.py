"""``neuralbum import``: takes that something else made."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ParameterError
from .console import print_json, print_next, print_table, reporter
from .options import JsonOption, ProjectOption, open_project


def command(
    files: Annotated[list[Path], typer.Argument(help="Sound files, or folders of them.")],
    as_: Annotated[str, typer.Option("--as", help="What they become; takes is all there is.")] = "takes",
    by: Annotated[
        str, typer.Option("--by", help='Which generator made them, e.g. "Stable Audio 3 LoRA"; a sidecar\'s word wins.')
    ] = "",
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Take in sound that another generator made: from here on it is treated as any other take.

    song.json beside song.wav is kept as its recipe: generator, prompt, settings, whatever it holds.

    Example: neuralbum import ~/clips --as takes --by "Stable Audio 3 LoRA"
    """
    if as_ != "takes":
        raise ParameterError(f"--as {as_}: only takes can be imported; the band's own recordings come in with `add`")
    from .. import importing
    from ..project.overview import next_step

    opened = open_project(project)
    done = importing.run(opened, files, by=by, reporter=reporter(json))
    count = {status: sum(one.status == status for one in done) for status in ("added", "known", "failed")}
    if json:
        print_json({**count, "files": [asdict(one) for one in done], "next": next_step(opened)})
    else:
        failed = [(one.path, one.note) for one in done if one.status == "failed"]
        if failed:
            print_table(("file", "why it was left out"), failed)
        print(f"{count['added']} takes added, {count['known']} were there already, {count['failed']} left out")
        print_next(next_step(opened))
    raise typer.Exit(1 if count["failed"] else 0)
