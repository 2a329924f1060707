"""Playlists: M3U8 for players, XSPF for sharing, JSPF for scripts. Paths are relative to the album."""

from __future__ import annotations

import json
from urllib.parse import quote
from xml.etree import ElementTree as ET

from .sleeve import Album

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


def jspf(album: Album) -> str:
    tracks = [
        {
            "location": [quote(song.audio_file)],
            "title": song.title,
            "creator": album.artist,
            "album": album.title,
            "trackNum": song.number,
            "duration": round(song.duration_s * 1000),
        }
        for song in album.songs
        if song.audio_file
    ]
    about = {"title": album.title, "creator": album.artist, "license": album.licence.url, "track": tracks}
    return json.dumps({"playlist": about}, indent=1, ensure_ascii=False) + "\n"
