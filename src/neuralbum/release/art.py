"""Pictures and clips: what ``visualise`` drew, signed if asked, and the covers."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ..errors import SettingsError, ToolError
from ..project import Project
from ..project.stage import file_digest
from ..records import digest
from . import live, provenance
from .params import Params
from .press import Press
from .sleeve import Album, AlbumSong
from .songs import claim_of
from .tags import make_cover

PICTURES = {".webp", ".png", ".jpg", ".jpeg", ".avif"}
CLIPS = {".mp4", ".webm"}


def copy_pictures(
    project: Project,
    params: Params,
    press: Press,
    songs: Sequence[AlbumSong],
    signer: provenance.Signer | None,
    album: Album,
) -> dict[str, dict[str, str]]:
    """Bring what ``visualise`` drew into the album; the screen's thumbnail stands in for a missing poster."""
    drawn = project.catalogue.latest("visualise")
    screened = project.catalogue.latest("screen")
    wanted = {
        "poster": ("pictures", PICTURES),
        "gif": ("pictures", {".gif"}),
        "hover": ("clips", CLIPS),
        "video": ("video", CLIPS),
    }
    art: dict[str, dict[str, str]] = {}
    player = live.player_script()
    for song in songs:
        files = dict(drawn[song.take_id].files) if song.take_id in drawn else {}
        if "poster" not in files and song.take_id in screened:
            files["poster"] = screened[song.take_id].files.get("thumbnail", "")
        mine = art.setdefault(song.take_id, {})
        for what, (folder, suffixes) in wanted.items():
            source = project.root / files.get(what, "")
            skip = (what == "video" and not params.videos) or (what == "gif" and not params.gifs)
            if skip or not files.get(what) or source.suffix not in suffixes or not source.is_file():
                continue
            path = f"{folder}/{song.slug}{source.suffix}"
            _press_picture(press, path, source, song, signer, album)
            mine[what] = path
        levels = project.root / files.get("arrays", "")
        if player is not None and files.get("arrays") and levels.is_file():
            mine["live"] = _press_live(press, song, levels)
    if player is not None and any("live" in mine for mine in art.values()):
        press.data(live.PLAYER, player)
    return art


def _press_live(press: Press, song: AlbumSong, levels: Path) -> str:
    path = f"live/{song.slug}.js"
    about = levels.stat()

    def build(part: Path) -> None:
        part.write_bytes(live.live_script(song.slug, levels))

    press.make(path, digest("live", about.st_size, about.st_mtime_ns, song.slug), build)
    return path


def _press_picture(
    press: Press, path: str, source: Path, song: AlbumSong, signer: provenance.Signer | None, album: Album
) -> None:
    kind = source.suffix.lstrip(".")
    if signer is None or not provenance.can_sign(kind):
        press.copy(path, source)
        return
    about = source.stat()
    claim = claim_of(album, song)
    key = digest("signed", about.st_size, about.st_mtime_ns, claim, str(signer.certificate.stat().st_mtime_ns))

    def build(part: Path) -> None:
        shutil.copyfile(source, part)
        provenance.sign(part, kind, claim, signer)

    press.make(path, key, build)


def covers_of(
    project: Project, params: Params, press: Press, songs: Sequence[AlbumSong]
) -> tuple[dict[str, tuple[Path, str]], str | None]:
    """Each song's cover as (picture, its digest), and the album's cover file.

    The album's own picture for all, else each song's poster.
    """
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
                covers[song.take_id] = (press.album_dir / poster, press.sha256_of(poster))
    for song in songs:
        if song.take_id not in covers:
            continue
        picture, sha256 = covers[song.take_id]
        try:
            press.make("cover.jpg", digest("cover", sha256), lambda part, p=picture: _write_cover(part, p))  # type: ignore[misc]
        except ToolError:  # a poster that cannot be read
            continue
        return covers, "cover.jpg"
    return covers, None


def _write_cover(part: Path, picture: Path) -> None:
    part.write_bytes(make_cover(picture).data)
