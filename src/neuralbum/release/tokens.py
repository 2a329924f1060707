"""Token metadata for every song, as marketplaces read it. Nothing is minted, no chain is called.

    tokens/<number>.json     ERC-721 metadata in OpenSea's form
    tokens/collection.json   the collection's (contractURI, ERC-7572)
    tokens/cids.json         the content id of every file of the album, the profile, the folder of metadata
    tokens/album.car         the metadata and the pictures as blocks (``[release] car``: also the sound or video)

``baseURI`` of a contract is ``ipfs://<metadata folder>/``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..records import digest
from .car import CarWriter
from .chapters import clock
from .cid import RAW, SHA2_256, Linked, Profile, add_file, add_folder, cid_text, profile_of
from .press import Press, Pressed
from .sleeve import Album, AlbumSong

ANIMATIONS = ("video", "mp3", "m4a")
"""What marketplaces play, best first: MP4 or MP3; neither FLAC nor Opus."""


def write_tokens(press: Press, album: Album, profile_name: str, *, with_media: bool = False) -> None:
    """Write everything under ``tokens/``."""
    profile = profile_of(profile_name)
    files = {path: pressed for path, pressed in press.files().items() if not path.startswith("tokens/")}
    cids = {path: cid_of_pressed(press.album_dir, pressed, profile) for path, pressed in files.items()}
    texts = {f"{song.number}.json": _json(token(album, song, cids)) for song in album.songs}
    texts["collection.json"] = _json(collection(album, cids))
    folder = add_folder({name: _added(text, profile) for name, text in texts.items()}, profile)
    for name, text in texts.items():
        press.text(f"tokens/{name}", text)
    about = {"profile": profile.name, "metadata": folder.text, "files": cids}
    press.text("tokens/cids.json", _json(about))

    media = []
    for song in album.songs:
        found = [picture_of(song), *([animation_of(song)] if with_media else [])]
        media += [path for path in found if path is not None]
    media += [album.cover_file] if album.cover_file else []
    key = digest("car", profile.name, folder.text, [(path, cids[path]) for path in sorted(set(media))])
    press.make(
        "tokens/album.car", key, lambda part: _write_car(part, press.album_dir, texts, sorted(set(media)), profile)
    )


def token(album: Album, song: AlbumSong, cids: Mapping[str, str]) -> dict[str, Any]:
    """One song's ERC-721 metadata."""
    about: dict[str, Any] = {
        "name": song.title,
        "description": _description(album, song),
        "attributes": attributes(song),
    }
    picture, animation = picture_of(song), animation_of(song)
    if picture:
        about["image"] = f"ipfs://{cids[picture]}"
    if animation:
        about["animation_url"] = f"ipfs://{cids[animation]}"
    if album.url:
        about["external_url"] = album.link(f"songs/{song.slug}.html")
    about["properties"] = {
        "artist": album.artist,
        "album": album.title,
        "licence": album.licence.spdx,
        "take": song.take_id,
        "recipe": dict(song.recipe),
        "files": {what: f"ipfs://{cids[path]}" for what, path in sorted(song.files.items()) if path in cids},
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


def collection(album: Album, cids: Mapping[str, str]) -> dict[str, Any]:
    """The collection's metadata (ERC-7572)."""
    about: dict[str, Any] = {
        "name": f"{album.title} — {album.artist}",
        "description": album.description
        or f"{len(album.songs)} songs sampled from a neural net trained on {album.artist}.",
    }
    if album.cover_file:
        about["image"] = f"ipfs://{cids[album.cover_file]}"
    if album.url:
        about["external_link"] = album.url
    return about


def picture_of(song: AlbumSong) -> str | None:
    return song.files.get("gif") or song.files.get("poster")


def animation_of(song: AlbumSong) -> str | None:
    return next((song.files[kind] for kind in ANIMATIONS if kind in song.files), None)


def cid_of_pressed(album_dir: Path, pressed: Pressed, profile: Profile) -> str:
    """A file's content id; a file of one raw chunk is named by the SHA-256 that is known already."""
    if profile.raw_leaves and pressed.size <= profile.chunk:
        return cid_text(bytes([1, RAW]) + SHA2_256 + bytes.fromhex(pressed.sha256))
    with open(album_dir / pressed.path, "rb") as file:
        return add_file(file, profile).text


def _description(album: Album, song: AlbumSong) -> str:
    heard = "; ".join(f"{clock(d.start_s)} {d.text}" for d in song.distinctions)
    text = f"Song {song.number} of {album.title}, sampled from a neural net trained on {album.artist}."
    return f"{text} Heard in it: {heard}." if heard else text


def _added(text: str, profile: Profile) -> Linked:
    return add_file(io.BytesIO(text.encode()), profile)


def _write_car(part: Path, album_dir: Path, texts: Mapping[str, str], media: list[str], profile: Profile) -> None:
    with CarWriter(part, n_roots=1 + len(media), cid_version=profile.version) as car:
        entries = {name: add_file(io.BytesIO(text.encode()), profile, car.add) for name, text in texts.items()}
        roots = [add_folder(entries, profile, car.add).cid]
        for path in media:
            with open(album_dir / path, "rb") as file:
                roots.append(add_file(file, profile, car.add).cid)
        car.roots = roots


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
