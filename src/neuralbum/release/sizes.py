"""How large the album will be, said before it is made; lighter sets; ZIPs of all songs in parts any server can take.

A ZIP holds the songs of one format with cover and licence. They are stored, not compressed again; the same album gives
the same bytes.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ToolError
from ..project import Project
from ..records import digest
from .incremental import IncrementalBuild
from .params import SIZES, Params
from .sentences import size
from .song_metadata import Album, AlbumSong, slug

WARN_BYTES = 1_000_000_000
"""A larger album is announced with its lighter sets before anything is made."""
FLAC_SHARE = 0.65
"""Of the plain samples' bytes, where the sound is not FLAC yet."""
PACKED_SHARE = 0.5
"""Of the levels of the live picture, packed into a script."""


def narrowed(params: Params) -> Params:
    """The settings with ``[release] size`` worked in: which formats, videos and GIFs are made."""
    if params.size == "full":
        return params
    formats = tuple(name for name in params.formats if name != "flac") or ("opus",)
    if params.size == "least":
        formats = ("opus",)
    return replace(params, formats=formats, videos=False, gifs=False)


def zipped(params: Params) -> str:
    """The format of the ZIPs with all songs: the one that is set, else the first that is made; empty: none."""
    if not params.download_all or params.download_all in params.formats:
        return params.download_all
    return params.formats[0]


def estimate(
    project: Project, params: Params, songs: Sequence[AlbumSong], sources: Mapping[str, tuple[Path, str]]
) -> dict[str, int]:
    """Bytes of the album by kind of file, from lengths, bit rates and what is drawn already."""
    params = narrowed(params)
    made: dict[str, int] = {}
    for song in songs:
        source = sources[song.take_id][0]
        for kind in params.formats:
            made[kind] = made.get(kind, 0) + _sound(song, source, kind, params)
    if kind := zipped(params):
        made["zip"] = made[kind]
    wanted = {"poster": True, "hover": True, "arrays": True, "gif": params.gifs, "video": params.videos}
    drawn = project.catalogue.latest("visualise")
    for song in songs:
        files = drawn[song.take_id].files if song.take_id in drawn else {}
        for what, path in files.items():
            if wanted.get(what) and (project.root / path).is_file():
                n = (project.root / path).stat().st_size
                made[what] = made.get(what, 0) + round(n * (PACKED_SHARE if what == "arrays" else 1))
    return made


def _sound(song: AlbumSong, source: Path, kind: str, params: Params) -> int:
    if kind == "flac":
        if source.suffix == ".flac" and source.is_file():
            return source.stat().st_size
        return round(FLAC_SHARE * 2 * song.duration_s * song.sample_rate * song.channels)
    kbps = getattr(params, f"{kind}_kbps") / (2 if song.channels == 1 else 1)
    return round(song.duration_s * kbps * 1000 / 8)  # [s] * [bit/s] / [bit/byte]


def announcement(
    project: Project, params: Params, songs: Sequence[AlbumSong], sources: Mapping[str, tuple[Path, str]]
) -> list[str]:
    """Lines to say before a large album is made: how large, of what, and what the lighter sets would come to."""
    made = estimate(project, params, songs, sources)
    total = sum(made.values())
    if total < WARN_BYTES:
        return []
    parts = sorted(made.items(), key=lambda item: -item[1])
    lines = [f"the album will take about {size(total)}: " + ", ".join(f"{kind} {size(n)}" for kind, n in parts)]
    for name in SIZES[SIZES.index(params.size) + 1 :]:
        lighter = narrowed(replace(params, size=name))
        n = sum(estimate(project, lighter, songs, sources).values())
        words = f"only {', '.join(lighter.formats)}, posters and clips, no videos and no GIFs"
        lines.append(f"a lighter set: --set release.size={name}, about {size(n)} ({words})")
    return lines


def check_disk(
    project: Project, params: Params, songs: Sequence[AlbumSong], sources: Mapping[str, tuple[Path, str]]
) -> None:
    """Refuse before anything is made if the disk cannot hold it. Pictures and videos are links and take nothing.

    Raises
    ------
    ToolError
        Less is free than what is still to be written.
    """
    made = estimate(project, params, songs, sources)
    there = sum(
        file.stat().st_size
        for folder in ("audio", "downloads", "live")
        for file in (project.album_dir / folder).glob("*")
        if file.is_file()
    )
    wanted = sum(n for kind, n in made.items() if kind not in ("poster", "hover", "gif", "video")) - there
    free = shutil.disk_usage(project.root).free
    if wanted > free:
        raise ToolError(
            f"{project.album_dir}: the album needs about {size(wanted)} more, {size(free)} are free; make room, "
            f"or make a lighter set with --set release.size=light (or least)"
        )


# ---- all songs at once ------------------------------------------------------

PART_BYTES = 2_000_000_000
"""Old file systems and many web servers stop at 2 or 4 GB a file."""
EARLIEST_YEAR = 1980  #: a ZIP knows no time before


def make_downloads(
    build: IncrementalBuild, album: Album, kind: str, *, part_bytes: int = PART_BYTES
) -> tuple[tuple[str, str], ...]:
    """Make the ZIPs of all songs in one format; returns (path in the album, format) of each."""
    songs = [song for song in album.songs if kind in song.files]
    if not kind or not songs:
        return ()
    size = {path: built.size for path, built in build.files().items()}
    parts = split([(song, size[song.files[kind]]) for song in songs], part_bytes)
    name = "-".join(word for word in (slug(album.artist), slug(album.title), kind) if word)
    extras = [path for path in (album.cover_file, "LICENSE.txt") if path is not None and path in size]
    paths = []
    for number, part in enumerate(parts, 1):
        path = f"downloads/{name}.zip" if len(parts) == 1 else f"downloads/{name}-{number}-of-{len(parts)}.zip"
        members = [(f"{song.number:04d}-{Path(song.files[kind]).name}", song.files[kind]) for song in part]
        members += [(extra, extra) for extra in extras]
        key = digest("zip", album.date, name, [(member, build.sha256_of(file)) for member, file in members])
        build.make(path, key, lambda target, m=members: _write(target, build.album_dir, name, m, album.date))  # type: ignore[misc]
        paths.append((path, kind))
    return tuple(paths)


def split(songs: Sequence[tuple[AlbumSong, int]], part_bytes: int) -> list[list[AlbumSong]]:
    """Songs in their order, cut into parts of at most ``part_bytes`` (a larger song is a part of its own)."""
    parts: list[list[AlbumSong]] = []
    filled = 0
    for song, n_bytes in songs:
        if not parts or filled + n_bytes > part_bytes:
            parts.append([])
            filled = 0
        parts[-1].append(song)
        filled += n_bytes
    return parts


def _write(target: Path, album_dir: Path, folder: str, members: Sequence[tuple[str, str]], date: str) -> None:
    year, month, day = (int(part) for part in date.split("-"))
    stamp = (max(EARLIEST_YEAR, year), month, day, 0, 0, 0)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, path in members:
            about = zipfile.ZipInfo(f"{folder}/{name}", date_time=stamp)
            about.external_attr = 0o644 << 16  # readable by all, whoever unpacks
            about.file_size = (album_dir / path).stat().st_size  # so that a member over 4 GB gets its longer header
            with archive.open(about, "w") as member, open(album_dir / path, "rb") as source:
                while block := source.read(1 << 20):
                    member.write(block)
