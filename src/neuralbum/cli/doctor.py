"""``neuralbum doctor``: can this machine and this project do the work?"""

from __future__ import annotations

import typer

from ..doctor import examine
from ..project import SETTINGS_FILE
from .console import print_json, print_table
from .options import JsonOption, ProjectOption

MARKS = {True: "ok", False: "PROBLEM", None: "-"}


def command(project: ProjectOption = None, json: JsonOption = False) -> None:
    """Check Python, libraries, GPU, codecs, disk, extras, and the project if there is one.

    Example: neuralbum doctor --json
    """
    from pathlib import Path

    folder = project or (Path.cwd() if (Path.cwd() / SETTINGS_FILE).exists() else None)
    checks = examine(folder)
    if json:
        print_json(checks)
    else:
        print_table(("check", "", "found", "what to do"), [(c.name, MARKS[c.ok], c.found, c.advice) for c in checks])
    raise typer.Exit(1 if any(c.ok is False for c in checks) else 0)
