"""Offsets: bought elsewhere, written down here, append-only, never subtracted.

``offsets.jsonl`` in the project folder holds one JSON object a line: what was
retired, where, under which serial, when. A mistake is taken back by a line that
says so; nothing is ever rewritten.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import CatalogueError, ParameterError
from ..project import Project
from ..records import digest

FILE = "offsets.jsonl"
LONGEST = 200


@dataclass(frozen=True)
class Offset:
    """A retired certificate."""

    id: str
    kg: float
    registry: str
    serial: str
    retired: str  #: ISO date
    note: str
    entered_at: float  #: Unix seconds


def path_of(project: Project) -> Path:
    return project.root / FILE


def read(project: Project) -> list[Offset]:
    """The offsets that stand: entered, and not taken back.

    Raises
    ------
    CatalogueError
        A line is damaged; says which.
    """
    path = path_of(project)
    if not path.exists():
        return []
    standing: dict[str, Offset] = {}
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not text.strip():
            continue
        try:
            entry = json.loads(text)
            if "void" in entry:
                standing.pop(entry["void"], None)
            else:
                standing[entry["id"]] = Offset(**entry)
        except (ValueError, TypeError, KeyError) as cause:
            raise CatalogueError(f"{path}, line {number}: damaged; mend or remove that line by hand") from cause
    return list(standing.values())


def enter(
    project: Project, kg: float, *, registry: str, serial: str, retired: str, note: str = "", now: float
) -> Offset:
    """Write an offset down.

    Raises
    ------
    ParameterError
        A serial that stands already (the same certificate cannot count twice), a
        missing registry or serial, a date that is none or lies ahead.
    """
    registry, serial, note = (_clean(text) for text in (registry, serial, note))
    if not registry or not serial:
        raise ParameterError("an offset needs its registry and its serial, so that others can look it up")
    try:
        day = datetime.date.fromisoformat(retired)
    except ValueError as cause:
        raise ParameterError(f"retired {retired!r}: write the date as 2026-11-22") from cause
    if day > datetime.datetime.fromtimestamp(now, datetime.UTC).date():
        raise ParameterError(f"retired {retired}: lies ahead; only what is retired counts")
    for other in read(project):
        if (other.registry.casefold(), other.serial.casefold()) == (registry.casefold(), serial.casefold()):
            raise ParameterError(f"{registry} {serial}: entered already ({other.id}); a certificate counts once")
    offset = Offset(digest("offset", registry, serial, now)[:8], kg, registry, serial, day.isoformat(), note, now)
    _append(project, asdict(offset))
    return offset


def void(project: Project, offset_id: str, *, why: str, now: float) -> None:
    """Take an offset back; both lines stay in the file."""
    if offset_id not in {offset.id for offset in read(project)}:
        raise ParameterError(f"{offset_id!r}: no such offset; `neuralbum footprint offsets` lists them")
    _append(project, {"void": offset_id, "why": _clean(why), "entered_at": now})


def retired_kg(offsets: Sequence[Offset]) -> float:
    return sum(offset.kg for offset in offsets)


def owed_kg(footprint_kg: float, retired: float, target: float) -> float:
    """What is still to be retired to reach ``target`` times the footprint; never below 0."""
    return max(0.0, target * footprint_kg - retired)


def _append(project: Project, entry: dict[str, object]) -> None:
    line = json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n"
    with open(path_of(project), "a", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _clean(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST]
