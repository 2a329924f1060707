"""``neuralbum doctor``: can this machine and this project do the work?"""

from __future__ import annotations

import typer

from ..project import SETTINGS_FILE
from ..project.doctor import examine
from .console import print_json, print_next, print_table, reporter
from .options import JsonOption, ProjectOption

MARKS = {True: "ok", False: "PROBLEM", None: "-"}


def command(project: ProjectOption = None, json: JsonOption = False) -> None:
    """Check Python, libraries, GPU, codecs, disk, extras, and the project if there is one.

    Example: neuralbum doctor --json
    """
    from pathlib import Path

    folder = project or (Path.cwd() if (Path.cwd() / SETTINGS_FILE).exists() else None)
    talker = reporter(json)
    talker.begin("doctor", None, "")
    checks = examine(folder)
    talker.end()
    if json:
        print_json(checks)
    else:
        print_table(("check", "", "found", "what to do"), [(c.name, MARKS[c.ok], c.found, c.advice) for c in checks])
        if folder is None:
            print_next("neuralbum demo, or neuralbum new my-album")
    raise typer.Exit(1 if any(c.ok is False for c in checks) else 0)
