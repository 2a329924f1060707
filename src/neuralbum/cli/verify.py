"""``neuralbum verify``: was this made by neuralbum, and which album is it from?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import hours, print_json, reporter
from .options import JsonOption

if TYPE_CHECKING:
    from ..marking.run import Verified

NEARLY = 0.0015
"""Speeds this near to the original's are not told apart: those tried lie 1/800 apart."""
CAUTION = "no mark found does not mean that a person made it"


def command(
    places: Annotated[list[str], typer.Argument(help="Sound files, folders of them, or http(s) addresses.")],
    json: JsonOption = False,
) -> None:
    """Say whether sound carries neuralbum's mark, of which album and song, and how sure that is.

    Needs no project. Also says what a C2PA manifest and the tags claim. Exit code 0: everything could be heard,
    marked or not; 1: something could not.

    Example: neuralbum verify song.mp3
    Example: neuralbum verify album/audio https://example.org/song.opus --json
    """
    from ..marking import verify

    rows, unmarked = [], False
    for one in verify(places, reporter=reporter(json)):
        row = _row(one)
        rows.append(row)
        unmarked |= row.get("verdict") == "no mark found"
        if not json:
            _print(row)
    if json:
        print_json({"files": rows, "caution": CAUTION})
    elif unmarked:
        print(CAUTION)
    raise typer.Exit(1 if any("error" in row for row in rows) else 0)


def _row(one: Verified) -> dict[str, Any]:
    if one.answer is None or one.path is None:
        return {"file": one.name, "error": one.error}
    answer = one.answer
    verdict = "marked" if answer.found else "no mark found" if answer.enough else "not enough sound to tell"
    marks = []
    for mark in answer.marks if answer.found else ():
        known = next((k for k in one.known if mark.payload is not None and k.album == mark.payload.album), None)
        marks.append(
            {
                "start_s": round(mark.start_s, 1),
                "end_s": round(mark.end_s, 1),
                "p": mark.p,
                "z": round(mark.z, 1),
                "speed": round(mark.speed, 5),
                "album": mark.payload and mark.payload.album_id,
                "song": mark.payload and mark.payload.song,
                "album_title": known and f"{known.artist}: {known.title}".strip(": "),
                "song_title": known and mark.payload and known.songs.get(mark.payload.song),
            }
        )
    return {
        "file": one.name,
        "verdict": verdict,
        "p": answer.p,
        "trials": answer.trials,
        "duration_s": round(answer.duration_s, 1),
        "marks": marks,
        "c2pa": _seal(one),
        "tags": _tags(one),
    }


def _seal(one: Verified) -> dict[str, Any]:
    """What the file's C2PA manifest says."""
    from ..release.disclosure import provenance

    assert one.path is not None
    if not provenance.available():
        return {"state": "not checked", "why": "extra 'provenance' is not installed"}
    seal = provenance.inspect(one.path)
    if not seal.signed:
        return {"state": "none"}
    kind = seal.source_type.rpartition("/")[2]
    return {
        "state": seal.state,
        "title": seal.title,
        "problems": list(seal.problems),
        "time": seal.time,
        "digital_source_type": kind,
    }


def _tags(one: Verified) -> dict[str, str]:
    """What the tags claim; anybody can write them."""
    from ..audio import tags
    from ..errors import ToolError

    assert one.path is not None
    kind = one.path.suffix.lstrip(".").lower()
    if kind not in tags.FORMATS:
        return {}
    try:
        words, _, _ = tags.read(one.path, kind)
    except ToolError:
        return {}
    wanted = ("ARTIST", "ALBUM", "TITLE", "DIGITAL_SOURCE_TYPE", "NEURALBUM_MODEL", "NEURALBUM_TAKE")
    return {name.lower(): words[name][:200] for name in wanted if words.get(name)}


def _print(row: dict[str, Any]) -> None:
    print(f"{row['file']}: {row.get('verdict', 'cannot be heard')}")
    if "error" in row:
        typer.echo(f"  {row['error']}", err=True)
        return
    for mark in row["marks"]:
        who = "the mark is there, album and song cannot be read"
        if mark["album"] is not None:
            who = f"album {mark['album']}, song {mark['song']}"
            names = [name for name in (mark["album_title"], mark["song_title"]) if name]
            who += f" ({' – '.join(names)})" if names else ""
        speed = "" if abs(mark["speed"] - 1) < NEARLY else f", runs at {100 * mark['speed']:.1f} % of its speed"
        print(f"  mark: {who}, {hours(mark['start_s'])} to {hours(mark['end_s'])}{speed}")
    if row["verdict"] == "marked":
        print(f"  p: {row['p']:.1g}, the chance of such a find in unmarked sound ({row['trials']} tries counted)")
    seal = row["c2pa"]
    print(
        f"  C2PA: {seal['state']}" + "".join(f", {seal[name]}" for name in ("why", "title", "time") if seal.get(name))
    )
    if row["tags"]:
        print("  tags: " + " · ".join(row["tags"].get(n, "") for n in ("artist", "album", "title") if n in row["tags"]))
        kind = row["tags"].get("digital_source_type", "").rpartition("/")[2]
        print(f"  tags: {kind}") if kind else None
