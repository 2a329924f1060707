"""Which album a mark's number stands for: ``marking.json`` of the project, and of the folder that is released.

The number is made from artist, phrase and rights holder when an album is first pressed, and kept from then on, so
that renaming the band does not orphan what is out already. It is no secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CatalogueError
from ..project import Project, atomic
from ..records import digest
from . import layout

FILE = "marking.json"


@dataclass(frozen=True)
class Known:
    """An album as a released folder describes it."""

    album: int
    artist: str = ""
    title: str = ""
    songs: Mapping[int, str] = field(default_factory=dict)  #: number -> title


def number_of(project: Project) -> int:
    """The project's album number; made and kept when first asked for.

    Raises
    ------
    CatalogueError
        marking.json is there and cannot be read: a new number would orphan what was released under the old one.
    """
    path = project.local(project.root / FILE)
    if path.exists():
        return read(path).album
    about = project.settings
    number = int(digest("album", about.artist, project.name, about.rights_holder)[:8], 16)
    with atomic(path) as part:
        part.write_text(text(Known(number)), encoding="utf-8")
    return number


def text(known: Known) -> str:
    """What stands in marking.json."""
    about = {
        "version": layout.VERSION,
        "album": f"{known.album:08x}",
        "artist": known.artist,
        "title": known.title,
        "songs": {str(number): title for number, title in sorted(known.songs.items())},
    }
    return json.dumps({k: v for k, v in about.items() if v}, indent=1, ensure_ascii=False) + "\n"


def read(path: Path) -> Known:
    """Read a marking.json.

    Raises
    ------
    CatalogueError
        It is none.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        songs = {int(number): str(title) for number, title in said.get("songs", {}).items()}
        album = int(said["album"], 16)
        if not 0 <= album < 1 << 32:
            raise ValueError("album must have 8 hexadecimal digits")
        return Known(album, str(said.get("artist", "")), str(said.get("title", "")), songs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        raise CatalogueError(
            f"{path}: no readable {FILE} ({cause}); take it back from a copy of the project"
        ) from cause


def near(path: Path) -> list[Known]:
    """The albums described beside a file, or one folder up."""
    found = []
    for folder in (path.parent, path.parent.parent):
        try:
            found.append(read(folder / FILE))
        except CatalogueError:
            continue
    return found
