"""Find sound files in what was named, in one defined order, and clean what they say of themselves."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = frozenset((
    ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".alac", ".amr", ".ape", ".au", ".caf", ".dsf", ".dts", ".flac",
    ".m4a", ".m4b", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpc", ".oga", ".ogg", ".opus", ".rf64", ".snd",
    ".spx", ".tak", ".tta", ".w64", ".wav", ".webm", ".wma", ".wv",
))  # fmt: skip
"""What is looked at inside of folders; a file named on its own is tried whatever it is called."""

LONGEST_NAME = 200


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
    for path in [Path(p).expanduser() for p in paths]:
        if path.is_dir():
            _walk(path, own, found, seen)
        elif path.is_file():
            _take(path, found, seen)
        else:
            found.missing.append((path, "no such file or folder" if not path.exists() else "not a file"))
    return found


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
    real = path.resolve()
    if real not in seen:
        seen.add(real)
        found.files.append(path)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which "2 Song" comes before "10 Song"."""
    return tuple(
        (0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part.casefold())
        for part in re.split(r"([0-9]{1,18})", name)
        if part
    )


def clean_text(text: str) -> str:
    """What a file or a tag calls something, fit to be stored and printed.

    Control characters, line breaks, bidirectional overrides and undecodable bytes
    become spaces or escapes; the length is bounded.
    """
    text = unicodedata.normalize("NFC", text.encode("utf-8", "backslashreplace").decode("utf-8"))
    # Cc controls, Cf formats (bidi overrides, zero width), Cs surrogates, Zl and Zp line separators
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)
    return " ".join(text.split())[:LONGEST_NAME].rstrip()


def show_path(path: Path | str) -> str:
    """A path fit to be printed and stored; undecodable bytes are escaped."""
    text = os.fsencode(os.fspath(path)).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def title_of(path: Path, tag: str) -> str:
    """The title tag, else the file's name without number and suffix."""
    return clean_text(tag) or clean_text(re.sub(r"^\d{1,3}\s*[-._ ]\s*", "", path.stem)) or clean_text(path.stem) or "?"
