"""``feed.xml``: the album as an Atom feed (RFC 4287), audio as enclosures."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from .chapters import clock
from .sleeve import Album

ATOM = "http://www.w3.org/2005/Atom"
XML = "http://www.w3.org/XML/1998/namespace"
MAX_ENTRIES = 200
"""A feed is for news; the whole album is in index.json and the playlists."""

MIME = {".opus": "audio/ogg", ".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".flac": "audio/flac"}


def atom(album: Album, sizes: dict[str, int]) -> str:
    """The feed's text; ``sizes`` in bytes by path, as far as known."""
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
            size = {"length": str(sizes[path])} if path in sizes else {}
            mime = MIME.get("." + path.rpartition(".")[2], "application/octet-stream")
            add(entry, "link", rel="enclosure", type=mime, href=album.link(path), **size)
        heard = [f"{clock(d.start_s)} {d.text}" for d in song.distinctions]
        add(entry, "summary", " · ".join([clock(song.duration_s), *([song.style] if song.style else []), *heard]))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
