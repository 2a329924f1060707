"""Find sound files in what was named, in one defined order, and say their names fit to be printed.

Whoever takes folders of music (``add``, ``originality index`` and ``search``)
takes and passes over the same files, because all of them ask here.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = frozenset((
    ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".alac", ".amr", ".ape", ".au", ".caf", ".dsf", ".dts", ".flac",
    ".m4a", ".m4b", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpc", ".oga", ".ogg", ".opus", ".rf64", ".snd",
    ".spx", ".tak", ".tta", ".w64", ".wav", ".webm", ".wma", ".wv",
))  # fmt: skip
"""What is looked at inside of folders; a file named on its own is tried whatever it is called."""


@dataclass
class Scan:
    """What was found."""

    files: list[Path] = field(default_factory=list)
    missing: list[tuple[Path, str]] = field(default_factory=list)  #: (path, why)
    passed_over: int = 0  #: files in folders that are not sound by their names


def scan(paths: Iterable[Path | str], *, leave_out: Path | None = None) -> Scan:
    """Look for sound files: files as given, folders searched through.

    ``leave_out`` (the project's own folder) is not entered from above, so that a
    project inside of a music folder does not learn from its own takes. Hidden
    files, ``._`` resource forks and links to folders are passed over.
    """
    found = Scan()
    seen: set[Path] = set()
    own = leave_out.resolve() if leave_out is not None else None
    for path in map(_at_home, paths):
        try:
            if path.is_dir():
                _walk(path, own, found, seen)
                continue
        except OSError as cause:
            found.missing.append((path, cause.strerror or "cannot be opened"))
            continue
        _take(path, found, seen)
    return found


def _at_home(path: Path | str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # "~name" of nobody known: a file may be called so
        return Path(path)


def _walk(folder: Path, own: Path | None, found: Scan, seen: set[Path]) -> None:
    def refused(error: OSError) -> None:
        found.missing.append((Path(error.filename or folder), error.strerror or "cannot be opened"))

    start = folder.resolve()
    for here, folders, names in os.walk(folder, onerror=refused):
        inside = Path(here).resolve()
        folders[:] = sorted(
            (name for name in folders if not name.startswith(".") and (inside == own or inside / name != own)),
            key=natural,
        )
        if own is not None and inside == own and start != own:
            folders[:] = []
            continue
        for name in sorted(names, key=natural):
            if name.startswith(".") or Path(name).suffix.lower() not in SUFFIXES:
                found.passed_over += not name.startswith(".")
                continue
            _take(Path(here) / name, found, seen)


def _take(path: Path, found: Scan, seen: set[Path]) -> None:
    if not is_file(path):
        found.missing.append((path, _why_no_file(path)))
        return
    real = path.resolve()
    if real not in seen:
        seen.add(real)
        found.files.append(path)


def _why_no_file(path: Path) -> str:
    """What stands where a file was expected."""
    try:
        path.stat()
    except FileNotFoundError:
        return "a link to a file that is not there" if path.is_symlink() else "no such file or folder"
    except OSError as cause:
        return "a link that leads in a circle" if cause.errno == errno.ELOOP else cause.strerror or "cannot be opened"
    except ValueError:
        return "no name a file can have"
    return "not a file"


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which "2 Song" comes before "10 Song"."""
    return tuple(
        (0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part.casefold())
        for part in re.split(r"([0-9]{1,18})", name)
        if part
    )


def show_path(path: Path | str) -> str:
    """A path fit to be printed and stored; undecodable bytes are escaped."""
    text = os.fsencode(os.fspath(path)).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def find_shown(shown: str) -> list[Path]:
    """The files that ``show_path`` shows as ``shown``: mostly one; none when it is not there any more.

    Names may hold what cannot be printed or stored as text (a no-break space, a
    line break, bytes of another encoding). So an escaped name is looked for
    among the names of its folder, part by part.
    """
    path = Path(shown)
    places = [Path(path.anchor)]
    for part in path.parts[1 if path.anchor else 0 :]:
        places = [place / name for place in places for name in _named_as(place, part)]
    return [place for place in places if is_file(place)]


def _named_as(folder: Path, shown: str) -> list[str]:
    if "\\" not in shown:  # nothing is escaped
        return [shown]
    try:
        return sorted(name for name in os.listdir(folder) if show_path(name) == shown)
    except OSError:
        return []


def is_file(path: Path) -> bool:
    """A regular file, or a link to one; False for what cannot be looked at (a loop of links, a name too long)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
