"""``neuralbum merge OTHER``: bring another project's takes, findings and events here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..project import Project
from ..project.merging import merge
from ..project.overview import next_step
from .console import print_json, print_next, print_table, reporter
from .options import JsonOption, ProjectOption, open_project

SHOWN = 20


def command(
    other: Annotated[Path, typer.Argument(help="The other project's folder; it stays as it is.")],
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Bring another project's models, takes, findings, events and ledger into this one, by their keys.

    Nothing here is overwritten; what both have and say differently is listed, and the exit code is then 1.

    Example: neuralbum merge /mnt/machine-2/silver-album
    """
    opened = open_project(project)
    merged = merge(opened, Project.open(other), reporter=reporter(json))
    if json:
        print_json(merged)
    else:
        print("merge: " + (", ".join(f"{n} {what}" for what, n in merged.new.items() if n) or "nothing is new"))
        if merged.conflicts:
            rows = [(c.kind, c.key, c.why) for c in merged.conflicts[:SHOWN]]
            print_table(("", "key", "why"), rows, title=f"{len(merged.conflicts)} conflicts")
            if len(merged.conflicts) > SHOWN:
                print(f"… and {len(merged.conflicts) - SHOWN} more; --json lists them all")
        print_next(next_step(opened))
    raise typer.Exit(1 if merged.conflicts else 0)
