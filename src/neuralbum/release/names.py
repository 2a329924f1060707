"""File names and tag texts out of titles that anybody may have typed.

A title is data, never a path: what reaches the disk is a short ASCII slug, and
what reaches a tag has no control characters. Slugs are unique within an album
and do not depend on the song's number, so links keep working when the order changes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_SLUG = 60
"""Letters of a slug: with suffixes and extensions far below the 255 bytes file systems allow."""

RESERVED = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(1, 10)), *(f"lpt{i}" for i in range(1, 10))}
"""Names Windows keeps for itself."""


def plain_text(text: str) -> str:
    """A text fit for tags and pages: NFC, one line, no control or unpaired characters.

    Direction marks that balance (RTL isolates) are kept; the overrides
    U+202D/E that can disguise a name are not.
    """
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = unicodedata.normalize("NFC", text)
    kept = (" " if c.isspace() else c for c in text if c.isspace() or _printable(c))
    return " ".join("".join(kept).split())


def _printable(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cs", "Cn") and char not in "\u202d\u202e"


def slug(title: str) -> str:
    """``"Mock Melancholy!"`` -> ``"mock-melancholy"``; empty where nothing of it is ASCII."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:MAX_SLUG].strip("-")
    return f"{name}-song" if name in RESERVED else name


def slugs(songs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """(take id, title) of each song -> take id: slug; a second one of the same name gets its take's id."""
    made: dict[str, str] = {}
    taken: set[str] = set()
    for take_id, title in songs:
        name = slug(title)
        safe_id = re.sub(r"[^A-Za-z0-9]", "", take_id) or "take"
        if not name:
            name = safe_id[:12]
        if name in taken:
            name = f"{name}-{safe_id[:12]}"
        while name in taken:
            name += "-again"
        taken.add(name)
        made[take_id] = name
    return made
