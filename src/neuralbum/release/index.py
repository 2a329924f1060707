"""``index.json``: the whole album for machines; everything the pages show, and more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .sleeve import Album, AlbumSong

FORMAT = "neuralbum-album/1"


def index(album: Album, sha256: Mapping[str, str]) -> str:
    """The index as JSON text; ``sha256`` of files by path, as far as known."""
    about = {
        "format": FORMAT,
        "title": album.title,
        "artist": album.artist,
        "date": album.date,
        "description": album.description,
        "url": album.url,
        "licence": album.licence.spdx,
        "licence_url": album.licence.url,
        "rights_holder": album.rights_holder,
        "contact": album.contact,
        "permission": album.permission,
        "disclosure": dict(album.disclosure),
        "n_songs": len(album.songs),
        "duration_s": round(album.duration_s, 3),
        "cover": album.cover_file,
        "downloads": [
            {"path": path, "format": kind, **({"sha256": sha256[path]} if path in sha256 else {})}
            for path, kind in album.downloads
        ],
        "models": [dict(model) for model in album.models],
        "made_with": f"neuralbum {album.version}",
        "songs": [song_entry(song, sha256) for song in album.songs],
    }
    return json.dumps(about, indent=1, ensure_ascii=False) + "\n"


def song_entry(song: AlbumSong, sha256: Mapping[str, str]) -> dict[str, Any]:
    """One song: the record, with each file's digest beside its path."""
    entry = {name: value for name, value in asdict(song).items() if name not in ("files", "originality")}
    entry["duration_s"] = round(song.duration_s, 3)
    entry["page"] = f"songs/{song.slug}.html"
    entry["files"] = {
        what: {"path": path, **({"sha256": sha256[path]} if path in sha256 else {})}
        for what, path in sorted(song.files.items())
    }
    entry["originality"] = originality_summary(song)
    return entry


def originality_summary(song: AlbumSong) -> dict[str, Any] | None:
    """What the search for copies found, without its list of segments."""
    if song.originality is None:
        return None
    names = ("original", "n_segments", "longest_s", "p", "q", "heldout_longest_s")
    return {name: song.originality.get(name) for name in names}
