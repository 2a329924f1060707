"""All songs at once: ZIPs of one format, with cover and licence, in parts that any server and disk can take.

Songs are stored, not compressed again; the same album gives the same bytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from ..records import digest
from .incremental import IncrementalBuild
from .song_metadata import Album, AlbumSong, slug

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
