"""``SHA256SUMS``: one line per file, as ``sha256sum -c`` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import CatalogueError
from ..project.stage import file_digest
from .incremental import is_inside

FILE = "SHA256SUMS"


@dataclass(frozen=True)
class Verdict:
    """What a check of an album folder found."""

    ok: int
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()  #: files the sums do not name; no fault, but not vouched for

    @property
    def whole(self) -> bool:
        return not self.missing and not self.changed


def sums(sha256: Mapping[str, str]) -> str:
    return "".join(f"{value}  {path}\n" for path, value in sorted(sha256.items()))


def verify(album_dir: Path) -> Verdict:
    """Compare every file with its sum.

    Raises
    ------
    CatalogueError
        There is no SHA256SUMS, or it is not one, or it points outside the folder.
    """
    try:
        lines = (album_dir / FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise CatalogueError(f"{album_dir}: no readable {FILE}; build the album with `neuralbum release`") from cause
    listed: dict[str, str] = {}
    for n, line in enumerate(lines, 1):
        value, _, path = line.partition("  ")
        if len(value) != 64 or not is_inside(path):
            raise CatalogueError(f"{album_dir / FILE}:{n}: not a line of sums; the file was altered")
        listed[path] = value
    missing = [path for path in listed if not (album_dir / path).is_file()]
    changed = [p for p, value in listed.items() if p not in missing and file_digest(album_dir / p) != value]
    there = {p.relative_to(album_dir).as_posix() for p in album_dir.rglob("*") if p.is_file()}
    unlisted = sorted(there - set(listed) - {FILE})
    return Verdict(len(listed) - len(missing) - len(changed), tuple(missing), tuple(changed), tuple(unlisted))
