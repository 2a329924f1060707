"""Is an album as it was released? Each file by its sum, and everything it says about itself by looking.

``SHA256SUMS`` holds one line per file, as ``sha256sum -c`` reads it. Sums can be made anew by whoever changes a file;
so what ``index.json`` says is held against the files: signatures and time stamps, tags, the disclosure sheets and the
DDEX message, ISCC and ISRC, the label on each page, the ident and the mark in the sound. No project is needed.
"""

from __future__ import annotations

import csv
import html
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from .. import marking
from ..audio import blocks
from ..audio import tags as tagging
from ..errors import CatalogueError, NeuralbumError
from ..progress import SILENT, Reporter
from ..project.stage import file_digest
from .disclosure import answers, ern, iscc, provenance
from .incremental import is_inside

SUMS = "SHA256SUMS"
MARK_FROM_S = 30.0
"""A mark that is not found in a shorter song is no fault: not every short or sparse stretch can carry one."""


@dataclass(frozen=True)
class Fault:
    """Something an album says of itself that does not hold."""

    item: str
    path: str
    why: str


@dataclass(frozen=True)
class Verdict:
    """What a check of an album folder found."""

    ok: int
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()  #: files the sums do not name; no fault, but not vouched for
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()  #: what could not be looked at, or is not there
    signed: int = 0

    @property
    def whole(self) -> bool:
        return not self.missing and not self.changed and not self.faults


def sums(sha256: Mapping[str, str]) -> str:
    return "".join(f"{value}  {path}\n" for path, value in sorted(sha256.items()))


def verify(album_dir: Path, *, reporter: Reporter = SILENT) -> Verdict:
    """Compare every file with its sum, and look at everything the album says about itself.

    Raises
    ------
    CatalogueError
        There is no SHA256SUMS, or it is not one, or it points outside the folder.
    """
    try:
        lines = (album_dir / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise CatalogueError(f"{album_dir}: no readable {SUMS}; build the album with `neuralbum release`") from cause
    listed: dict[str, str] = {}
    for n, line in enumerate(lines, 1):
        value, _, path = line.partition("  ")
        if len(value) != 64 or not is_inside(path):
            raise CatalogueError(f"{album_dir / SUMS}:{n}: not a line of sums; the file was altered")
        listed[path] = value
    missing = [path for path in listed if not (album_dir / path).is_file()]
    changed = [p for p, value in listed.items() if p not in missing and file_digest(album_dir / p) != value]
    there = {p.relative_to(album_dir).as_posix() for p in album_dir.rglob("*") if p.is_file()}
    unlisted = sorted(there - set(listed) - {SUMS})
    faults, notes, signed = _look(album_dir, reporter)
    n_ok = len(listed) - len(missing) - len(changed)
    return Verdict(n_ok, tuple(missing), tuple(changed), tuple(unlisted), tuple(faults), tuple(notes), signed)


# ---- what the album says of itself ------------------------------------------------


@dataclass(frozen=True)
class Said:
    """``index.json`` of a folder."""

    folder: Path
    about: Mapping[str, Any]
    notes: list[str]

    @property
    def songs(self) -> list[Mapping[str, Any]]:
        return list(self.about["songs"])

    def file(self, path: str) -> Path:
        if not is_inside(path):
            raise ValueError(f"{path!r} lies outside")
        return self.folder / path

    def sound(self, song: Mapping[str, Any]) -> str:
        """The best file of a song."""
        return str(next(song["files"][kind]["path"] for kind in iscc.BEST if kind in song["files"]))

    def text(self, path: str) -> str:
        return self.file(path).read_text(encoding="utf-8")


def _look(folder: Path, reporter: Reporter) -> tuple[list[Fault], list[str], int]:
    """(faults, notes, how many files are signed)."""
    try:
        about = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        if "made_by" not in about:
            return [], ["released by an older version: only sums are checked"], 0
    except (OSError, ValueError, TypeError) as cause:
        return [Fault("index", "index.json", f"cannot be read ({cause})")], [], 0
    said = Said(folder, about, [])
    faults: list[Fault] = []
    reporter.begin("verify", len(CHECKS), "checks")
    for item, check in CHECKS.items():
        try:
            faults += [Fault(item, path, why) for path, why in check(said)]
        except (KeyError, TypeError, ValueError, AttributeError, LookupError, StopIteration) as cause:
            faults.append(Fault(item, "index.json", f"does not say it as it should ({type(cause).__name__}: {cause})"))
        except (OSError, ET.ParseError, csv.Error, NeuralbumError) as cause:
            faults.append(Fault(item, "", f"cannot be checked ({cause})"))
        reporter.advance(1)
    reporter.end()
    return faults, said.notes, len(about.get("signed") or ())


Faults = Iterator[tuple[str, str]]


def _signatures(said: Said) -> Faults:
    signed = said.about["signed"]
    if not signed:
        said.notes.append("no file is signed with C2PA")
    elif not provenance.available():
        said.notes.append(f"{len(signed)} signatures not checked (extra 'provenance')")
        return
    elif not said.about["timestamp"]:
        said.notes.append("signatures carry no time stamp: they last as long as the certificate")
    kinds = {entry["path"]: song["digital_source_type"] for song in said.songs for kind, entry in song["files"].items()
             if kind in iscc.BEST}  # fmt: skip
    for path in signed:
        if not said.file(path).is_file():
            continue  # the sums have named it
        seal = provenance.inspect(said.file(path))
        if not seal.signed:
            yield path, "the C2PA manifest is gone"
        elif not seal.intact:
            yield path, f"broken seal ({', '.join(seal.problems)})"
        elif said.about["timestamp"] and not seal.time:
            yield path, "no time stamp"
        elif kinds.get(path, seal.source_type) != seal.source_type:
            yield path, f"its manifest says {seal.source_type.rpartition('/')[2]}"


def _tags(said: Said) -> Faults:
    for song in said.songs:
        for kind in iscc.BEST:
            if kind in song["files"] and said.file(path := song["files"][kind]["path"]).is_file():
                words, _, _ = tagging.read(said.file(path), kind)
                for name, value in (("DIGITAL_SOURCE_TYPE", song["digital_source_type"]), ("ISRC", song["isrc"])):
                    if words.get(name, "") != value:
                        yield path, f"tag {name} is {words.get(name, '')!r}, not {value!r}"


def _sheets(said: Said) -> Faults:
    sheet = json.loads(said.text("ai-disclosure.json"))
    rows = list(csv.DictReader(said.text("ai-disclosure.csv").splitlines()))
    if sheet["contains_ai"] != said.about["contains_ai"]:
        yield "ai-disclosure.json", f"ContainsAI of the release is {sheet['contains_ai']}"
    for path, n in (("ai-disclosure.json", len(sheet["songs"])), ("ai-disclosure.csv", len(rows))):
        if n != len(said.songs):
            yield path, f"{n} songs of {len(said.songs)}"
    for song, one, row in zip(said.songs, sheet["songs"], rows, strict=False):
        parts = song["contains_ai"]
        if (one["title"], one["contains_ai"]) != (song["title"], parts):
            yield "ai-disclosure.json", f"song {song['number']} is not answered as in index.json"
        if any(row[f"ContainsAI {part}"] != parts.get(part, "") for part in answers.PARTS):
            yield "ai-disclosure.csv", f"song {song['number']} is not answered as in index.json"


def _message(said: Said) -> Faults:
    if not said.file(ern.FILE).is_file():
        said.notes.append("no DDEX message (ddex_sender is not set)")
        return
    root = ET.fromstring(said.text(ern.FILE))
    yield from ((ern.FILE, why) for why in ern.faults(root))
    recordings = root.findall("ResourceList/SoundRecording")
    if len(recordings) != len(said.songs):
        yield ern.FILE, f"{len(recordings)} recordings of {len(said.songs)} songs"
    for song, recording in zip(said.songs, recordings, strict=False):
        parts = song["contains_ai"]
        expected = {
            "ContainsAI": answers.together(parts["recording"], parts["composition"]),
            "DisplayTitleText": song["title"],
            "SoundRecordingEdition/ResourceId/ISRC": song["isrc"],
            ".//HashSumValue": next(song["files"][k]["sha256"] for k in ern.CODECS if k in song["files"]),
        }
        for name, value in expected.items():
            if (recording.findtext(name) or "") != value:
                yield ern.FILE, f"song {song['number']}: {name.rpartition('/')[2]} is not {value!r}"


def _codes(said: Said) -> Faults:
    for song in said.songs:
        path = said.sound(song)
        if said.file(path).is_file():
            found = iscc.iscc(said.file(path), title=song["title"], artist=said.about["artist"])
            if found != song["iscc"]:
                yield path, f"ISCC is {found}, not {song['iscc']}"


def _labels(said: Said) -> Faults:
    pages = [("index.html", said.about["made_by"]), ("feed.xml", said.about["made_by"])]
    for song in said.songs:
        slug = song["page"].removeprefix("songs/")
        pages += [(song["page"], song["made_by"]), (f"embed/{slug}", song["made_by"])]
    for path, label in pages:
        if not said.file(path).is_file():
            continue
        text = html.unescape(said.text(path))
        shown = f"<subtitle>{label}<" if path == "feed.xml" else f'class="made"><bdi>{label}<'
        if not label or shown not in text:
            yield path, f"does not show {label!r}"


def _ident(said: Said) -> Faults:
    for song in said.songs if said.about["ident"] != "off" else ():
        path = said.sound(song)
        if song["contains_ai"]["recording"] != answers.NONE and said.file(path).is_file():
            block, rate = marking.beginning(blocks(said.file(path)))
            if not marking.has_ident(block, rate):
                yield path, "does not begin with the ident"


def _mark(said: Said) -> Faults:
    album = said.about["watermark"]
    if not album:
        said.notes.append("the sound is not marked (no watermark)")
        return
    if marking.albums.read(said.file(marking.albums.FILE)).album != int(album, 16):
        yield marking.albums.FILE, f"is of another album than {album}"
    faint = 0
    for song in said.songs:
        path = said.sound(song)
        low = song["sample_rate"] < marking.LOWEST_RATE
        if low or song["contains_ai"]["recording"] == answers.NONE or not said.file(path).is_file():
            continue
        found = marking.detect(blocks(said.file(path)), speeds=(1.0,))
        if not found.found:
            faint += 1
            if song["duration_s"] >= MARK_FROM_S:
                yield path, "the mark is not found in the sound"
        elif (p := found.marks[0].payload) and (p.album, p.song) != (int(album, 16), song["number"]):
            yield path, f"marked as album {p.album_id}, song {p.song}"
    if faint:
        said.notes.append(f"{faint} songs are too short or too sparse to find the mark in")


CHECKS: dict[str, Callable[[Said], Faults]] = {
    "C2PA": _signatures,
    "tags": _tags,
    "disclosure": _sheets,
    "DDEX": _message,
    "ISCC": _codes,
    "label": _labels,
    "ident": _ident,
    "mark": _mark,
}
"""In the order of what it costs, nearly."""
