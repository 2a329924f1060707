"""Pictures and clips: what ``visualise`` drew, signed if asked; covers; the levels of the live picture.

A page opened with file:// cannot fetch, but it can load scripts. So a song's levels are
packed with zlib, written as base64 into a call of ``neuralbumLive``, and unpacked by the
browser (DecompressionStream); ``visualise``'s own live.js draws them.
"""

from __future__ import annotations

import base64
import json
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path

from ..errors import SettingsError, ToolError
from ..project.stage import file_digest
from ..records import digest
from .contents import Release
from .disclosure import answers, provenance
from .incremental import IncrementalBuild
from .song_metadata import Album, AlbumSong
from .songs import claim_of
from .tags import make_cover

PICTURES = {".webp", ".png", ".jpg", ".jpeg", ".avif"}
CLIPS = {".mp4", ".webm"}


def copy_pictures(release: Release, album: Album) -> dict[str, dict[str, str]]:
    """Bring what ``visualise`` drew into the album; the screen's thumbnail stands in for a missing poster."""
    project, params, build = release.project, release.params, release.build
    drawn = project.catalogue.latest("visualise")
    screened = project.catalogue.latest("screen")
    wanted = {
        "poster": ("pictures", PICTURES),
        "gif": ("pictures", {".gif"}),
        "hover": ("clips", CLIPS),
        "video": ("video", CLIPS),
    }
    art: dict[str, dict[str, str]] = {}
    player = player_script()
    for song in album.songs:
        files = dict(drawn[song.take_id].files) if song.take_id in drawn else {}
        if "poster" not in files and song.take_id in screened:
            files["poster"] = screened[song.take_id].files.get("thumbnail", "")
        mine = art.setdefault(song.take_id, {})
        for what, (folder, suffixes) in wanted.items():
            source = project.local(project.root / files.get(what, ""))
            skip = (what == "video" and not params.videos) or (what == "gif" and not params.gifs)
            if skip or not files.get(what) or source.suffix not in suffixes or not source.is_file():
                continue
            path = f"{folder}/{song.slug}{source.suffix}"
            _copy_picture(release, path, source, song, album, what)
            mine[what] = path
        levels = project.local(project.root / files.get("arrays", ""))
        if player is not None and files.get("arrays") and levels.is_file():
            mine["live"] = _write_live(build, song, levels)
    if player is not None and any("live" in mine for mine in art.values()):
        build.data(PLAYER, player)
    return art


def _write_live(build: IncrementalBuild, song: AlbumSong, levels: Path) -> str:
    path = f"live/{song.slug}.js"
    about = levels.stat()

    key = digest("live", about.st_size, about.st_mtime_ns, song.slug)
    build.make(path, key, lambda part: _write_bytes(part, live_script(song.slug, levels)))
    return path


def _copy_picture(release: Release, path: str, source: Path, song: AlbumSong, album: Album, what: str) -> None:
    """Link it as it is; where files are signed, a signed copy, or the link and a sidecar."""
    signer, build = release.signer, release.build
    beside = provenance.sidecar_of(Path(path))
    if signer is None or not provenance.can_sign(source) or beside is not None:
        build.copy(path, source)
    if signer is None or not provenance.can_sign(source):
        return
    about = source.stat()
    song = replace(song, files={**song.files, what: path})  # the video is of a song that has one
    claim = claim_of(album, song, what)
    key = digest("signed", about.st_size, about.st_mtime_ns, claim, signer.identity)

    def write(part: Path) -> None:
        copy = part.with_suffix(source.suffix)
        shutil.copyfile(source, copy)
        try:
            provenance.sign(copy, claim, signer)
        finally:
            if copy != part:
                copy.unlink()

    build.make(path if beside is None else beside.as_posix(), key, write)


def covers_of(
    release: Release, album: Album, songs: Sequence[AlbumSong]
) -> tuple[dict[str, tuple[Path, str]], str | None]:
    """Each song's cover as (picture, its digest), and the album's cover file.

    The album's own picture for all, else each song's poster.
    """
    project, params, build = release.project, release.params, release.build
    covers: dict[str, tuple[Path, str]] = {}
    if params.cover:
        path = project.root / params.cover
        if not path.is_file():
            raise SettingsError(f"[release] cover = {params.cover!r}: no such file in {project.root}")
        make_cover(path)  # say now if it is no picture
        covers = {song.take_id: (path, file_digest(path)) for song in songs}
    else:
        for song in songs:
            poster = song.files.get("poster")
            if poster:
                covers[song.take_id] = (build.album_dir / poster, build.sha256_of(poster))
    for song in songs:
        if song.take_id not in covers:
            continue
        picture, sha256 = covers[song.take_id]
        try:
            kind = answers.source_type(album, None, "poster")
            build.make("cover.jpg", digest("cover", sha256, kind), partial(_write_cover, picture, kind))
        except ToolError:  # a poster that cannot be read
            continue
        return covers, "cover.jpg"
    return covers, None


def _write_cover(picture: Path, source_type: str, part: Path) -> None:
    part.write_bytes(make_cover(picture, source_type).data)


def _write_bytes(part: Path, data: bytes) -> None:
    part.write_bytes(data)


# ---- the picture drawn live -----------------------------------------------

PLAYER = "assets/live.js"


def live_script(slug: str, levels: Path) -> bytes:
    """The script of one song."""
    packed = base64.b64encode(zlib.compress(levels.read_bytes(), 6)).decode("ascii")
    return f"neuralbumLive({json.dumps(slug)},{json.dumps(packed)});\n".encode("ascii")


def player_script() -> bytes | None:
    """The script that draws, as ``visualise`` ships it; None where it is not there."""
    script = resources.files("neuralbum").joinpath("visualise", "live.js")
    return script.read_bytes() if script.is_file() else None
