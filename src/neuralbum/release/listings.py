"""What machines read: ``index.json``, playlists, the Atom feed, and token metadata.

Pure: the album in, texts out. Paths are relative to the album, absolute where ``[release] url`` is known.

Tokens are ERC-721 metadata as marketplaces read it (OpenSea's form), and a collection's
(contractURI, ERC-7572). Nothing is minted, no chain is called.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from .disclosure import answers
from .sentences import made_by
from .song_metadata import Album, AlbumSong, clock

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
        "made_by": made_by(album),
        "disclosure": dict(album.disclosure),
        "contains_ai": answers.of_release(album),
        "watermark": album.watermark or None,
        "ident": album.ident,
        "timestamp": album.timestamp or None,
        "signed": dict(album.signed),
        "n_songs": len(album.songs),
        "duration_s": round(album.duration_s, 3),
        "cover": album.cover_file,
        "downloads": [
            {"path": path, "format": kind, **({"sha256": sha256[path]} if path in sha256 else {})}
            for path, kind in album.downloads
        ],
        "models": [dict(model) for model in album.models],
        "made_with": f"neuralbum {album.version}",
        "songs": [song_entry(album, song, sha256) for song in album.songs],
    }
    return json.dumps(about, indent=1, ensure_ascii=False) + "\n"


def song_entry(album: Album, song: AlbumSong, sha256: Mapping[str, str]) -> dict[str, Any]:
    """One song: the record, with each file's digest beside its path."""
    entry = {name: value for name, value in asdict(song).items() if name not in ("files", "originality")}
    entry["duration_s"] = round(song.duration_s, 3)
    entry["page"] = f"songs/{song.slug}.html"
    entry["files"] = {
        what: {"path": path, **({"sha256": sha256[path]} if path in sha256 else {})}
        for what, path in sorted(song.files.items())
    }
    entry["originality"] = originality_summary(song)
    entry["made_by"] = made_by(album, song)
    entry["contains_ai"] = answers.contains_ai(album, song)
    entry["digital_source_type"] = answers.source_type(album, song, "sound")
    return entry


def originality_summary(song: AlbumSong) -> dict[str, Any] | None:
    """What the search for copies found, without its list of segments."""
    if song.originality is None:
        return None
    names = ("original", "n_segments", "longest_s", "p", "q", "heldout_longest_s")
    return {name: song.originality.get(name) for name in names}


# ---- playlists ------------------------------------------------------------

XSPF_NAMESPACE = "http://xspf.org/ns/0/"


def m3u8(album: Album) -> str:
    lines = ["#EXTM3U", f"#PLAYLIST:{album.title}"]
    for song in album.songs:
        if song.audio_file:
            lines += [f"#EXTINF:{round(song.duration_s)},{album.artist} - {song.title}", song.audio_file]
    return "\n".join(lines) + "\n"


def xspf(album: Album) -> str:
    ET.register_namespace("", XSPF_NAMESPACE)
    root = ET.Element(f"{{{XSPF_NAMESPACE}}}playlist", version="1")

    def add(parent: ET.Element, name: str, text: str) -> ET.Element:
        element = ET.SubElement(parent, f"{{{XSPF_NAMESPACE}}}{name}")
        element.text = text
        return element

    add(root, "title", album.title)
    add(root, "creator", album.artist)
    add(root, "license", album.licence.url)
    tracks = add(root, "trackList", "")
    for song in album.songs:
        if not song.audio_file:
            continue
        track = ET.SubElement(tracks, f"{{{XSPF_NAMESPACE}}}track")
        add(track, "location", quote(song.audio_file))
        add(track, "title", song.title)
        add(track, "creator", album.artist)
        add(track, "album", album.title)
        add(track, "trackNum", str(song.number))
        add(track, "duration", str(round(song.duration_s * 1000)))  # ms
        if "poster" in song.files:
            add(track, "image", quote(song.files["poster"]))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


# ---- Atom (RFC 4287), audio as enclosures ---------------------------------

ATOM = "http://www.w3.org/2005/Atom"
XML = "http://www.w3.org/XML/1998/namespace"
MAX_ENTRIES = 200
"""A feed is for news; the whole album is in index.json and the playlists."""

MIME = {".opus": "audio/ogg", ".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".flac": "audio/flac"}


def atom(album: Album) -> str:
    """The feed's text."""
    ET.register_namespace("", ATOM)
    root = ET.Element(f"{{{ATOM}}}feed")
    if album.url:
        root.set(f"{{{XML}}}base", album.url)

    def add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
        element = ET.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
        element.text = text or None
        return element

    updated = f"{album.date}T00:00:00Z"
    add(root, "title", album.title)
    add(root, "subtitle", made_by(album))
    add(root, "id", album.url or f"urn:neuralbum:album:{album.songs[0].take_id if album.songs else 'empty'}")
    add(root, "updated", updated)
    add(add(root, "author"), "name", album.artist)
    add(root, "rights", f"© {album.year} {album.rights_holder}; {album.licence.spdx}")
    add(root, "link", rel="license", href=album.licence.url)
    add(root, "link", rel="self", href=album.link("feed.xml"))
    add(root, "link", rel="alternate", type="text/html", href=album.link("index.html"))
    for song in album.songs[:MAX_ENTRIES]:
        entry = add(root, "entry")
        add(entry, "title", song.title)
        add(entry, "id", f"urn:neuralbum:take:{song.take_id}")
        add(entry, "updated", updated)
        add(entry, "link", rel="alternate", type="text/html", href=album.link(f"songs/{song.slug}.html"))
        path = song.files.get("mp3") or song.audio_file
        if path:
            size = {"length": str(album.sizes[path])} if path in album.sizes else {}
            mime = MIME.get("." + path.rpartition(".")[2], "application/octet-stream")
            add(entry, "link", rel="enclosure", type=mime, href=album.link(path), **size)
        heard = [f"{clock(d.start_s)} {d.text}" for d in song.distinctions]
        facts = [clock(song.duration_s), *([song.style] if song.style else []), *heard, made_by(album, song)]
        add(entry, "summary", " · ".join(facts))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


# ---- tokens ------------------------------------------------------------------

ANIMATIONS = ("video", "mp3", "m4a")
"""What marketplaces play, best first: MP4 or MP3; neither FLAC nor Opus."""


def tokens(album: Album, address: str) -> dict[str, str]:
    """``tokens/<number>.json`` of each song and ``tokens/collection.json``; ``address`` is the album folder's."""
    base = address.rstrip("/") + "/"
    about = {f"{song.number}.json": token(album, song, base) for song in album.songs}
    about["collection.json"] = collection(album, base)
    return {f"tokens/{name}": json.dumps(value, indent=1, ensure_ascii=False) + "\n" for name, value in about.items()}


def token(album: Album, song: AlbumSong, base: str) -> dict[str, Any]:
    """One song's ERC-721 metadata; ``base`` ends with a slash."""
    about: dict[str, Any] = {
        "name": song.title,
        "description": _description(album, song),
        "attributes": attributes(song),
    }
    picture = song.files.get("gif") or song.files.get("poster")
    animation = next((song.files[kind] for kind in ANIMATIONS if kind in song.files), None)
    if picture:
        about["image"] = base + quote(picture)
    if animation:
        about["animation_url"] = base + quote(animation)
    about["external_url"] = (album.url or base) + quote(f"songs/{song.slug}.html")
    about["properties"] = {
        "artist": album.artist,
        "album": album.title,
        "licence": album.licence.spdx,
        "take": song.take_id,
        "recipe": dict(song.recipe),
        "files": {what: base + quote(path) for what, path in sorted(song.files.items())},
    }
    return about


def attributes(song: AlbumSong) -> list[dict[str, Any]]:
    """Traits people filter by."""
    traits: list[dict[str, Any]] = []

    def add(name: str, value: Any, **more: str) -> None:
        traits.append({"trait_type": name, "value": value, **more})

    if song.style:
        add("Style", song.style)
    if song.bpm is not None:
        add("BPM", round(song.bpm, 1), display_type="number")
    if song.bpm_family:
        add("BPM family", " / ".join(f"{bpm:.0f}" for bpm in sorted(song.bpm_family)))
    if song.temperature is not None:
        add("Temperature", round(song.temperature, 4), display_type="number")
    add("Duration", round(song.duration_s, 1), display_type="number")
    for text in dict.fromkeys([*song.tags, *(d.text for d in song.distinctions)]):
        add("Distinction", text)
    if song.originality is not None and song.originality.get("original") is not None:
        add("No copy found", "yes" if song.originality["original"] else "no")
    return traits


def collection(album: Album, base: str) -> dict[str, Any]:
    """The collection's metadata (ERC-7572)."""
    words = f"{len(album.songs)} songs. {made_by(album)}."
    about = {"name": f"{album.title} — {album.artist}", "description": album.description or words}
    if album.cover_file:
        about["image"] = base + quote(album.cover_file)
    return {**about, "external_link": album.url or base}


def _description(album: Album, song: AlbumSong) -> str:
    heard = "; ".join(f"{clock(d.start_s)} {d.text}" for d in song.distinctions)
    text = f"Song {song.number} of {album.title}. {made_by(album, song)}."
    return f"{text} Heard in it: {heard}." if heard else text
