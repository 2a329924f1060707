"""``neuralbum new FOLDER``: make a project."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ..project import Project
from ..project.overview import next_step
from .console import print_json
from .options import JsonOption


def command(
    folder: Annotated[Path, typer.Argument(help="Where to make it.")],
    artist: Annotated[str, typer.Option(help="The band.")] = "",
    phrase: Annotated[str, typer.Option(help="Titles will be its synonyms.")] = "fake feelings",
    album: Annotated[str, typer.Option(help="The album's name; default: the phrase.")] = "",
    seed: Annotated[int, typer.Option(help="Every random stream derives from it.")] = 0,
    json: JsonOption = False,
) -> None:
    """Make a project folder for one band.

    Example: neuralbum new silver-album --artist "Silver Stones" --phrase "fake feelings"
    """
    project = Project.create(folder, artist=artist, phrase=phrase, album=album, seed=seed)
    if json:
        step = next_step(project)
        print_json({"project": str(project.root.resolve()), "settings": project.settings, "next": step})
        return
    print(f"made {project.root}")
    print(f"next: cd {shlex.quote(str(project.root))} && neuralbum add ~/Music/TheBand")
