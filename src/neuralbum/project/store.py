"""A project's files in an object store, with the project folder as their cache.

``[project] store = "s3://bucket/album"`` (any URL of fsspec, extra ``store``). A file is
written whole into the folder and uploaded before it gets its name there, and so before
its row: what the catalogue names is in the store. What is missing in the folder is
fetched by its name when it is needed; deleting files of the cache costs only time.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from ..catalogue import worker_name
from ..errors import MissingExtra, SettingsError, in_one_line

FOLDERS = ("corpus", "models", "takes", "artefacts")
FILES = ("marking.json",)
"""What lies in the store, by the first part of its name; the album is brought there as a whole (``bring_album``)."""
OURS_ALONE = ("artefacts/curate/",)
"""Beginnings of names that only this machine needs: what the curation page caches."""
CHANGING = ("corpus/", "models/")
"""Beginnings of names that are written again with other content; ``pull`` brings them."""
SUMS = "SHA256SUMS"


class Store:
    """The files of one project, by their names relative to it.

    Raises (every method)
    ---------------------
    OSError
        The store does not answer, or refuses; EHOSTUNREACH, which ends a run instead of failing item by item.
    """

    def __init__(self, url: str, root: Path) -> None:
        if "://" not in url:
            raise SettingsError(f"[project] store = {url!r}: not a URL; write s3://BUCKET/FOLDER")
        self.url, self.root = url, root
        try:
            from fsspec.core import url_to_fs

            self._fs: Any
            self._fs, self._base = url_to_fs(url, use_listings_cache=False)
        except ImportError as cause:
            raise MissingExtra(f"store = {url!r}", "store") from cause
        except ValueError as cause:
            raise SettingsError(f"[project] store = {url!r}: {in_one_line(cause)}; write s3://BUCKET/FOLDER") from cause
        self._pulled: set[str] = set()

    def holds(self, name: str) -> bool:
        """Whether a file of this name belongs in the store."""
        return (name.partition("/")[0] in FOLDERS or name in FILES) and not name.startswith(OURS_ALONE)

    def put(self, part: Path, name: str) -> None:
        """Upload a file that is whole under its name."""
        with self._explained(name):
            self._fs.put_file(str(part), f"{self._base}/{name}")
            if name.startswith(CHANGING):
                self._date(part, self._fs.modified(f"{self._base}/{name}"))

    def fetch(self, name: str) -> bool:
        """Bring a file into the folder; False if the store has none."""
        path = self.root / name
        part = path.with_name(f"{path.stem}.{worker_name()}.part{path.suffix}")
        try:
            with self._explained(name):
                if not self._fs.exists(f"{self._base}/{name}"):
                    return False
                path.parent.mkdir(parents=True, exist_ok=True)
                self._fs.get_file(f"{self._base}/{name}", str(part))
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        return True

    def has(self, name: str) -> bool:
        with self._explained(name):
            return bool(self._fs.exists(f"{self._base}/{name}"))

    def names(self, folder: str) -> set[str]:
        """The names of all files under a folder."""
        with self._explained(folder):
            return {path[len(self._base) + 1 :] for path in self._fs.find(f"{self._base}/{folder}")}

    def pull(self, folder: str) -> None:
        """Bring all files under a folder that are missing or not the store's; once for each process."""
        if folder in self._pulled:
            return
        with self._explained(folder):
            found = self._fs.find(f"{self._base}/{folder}", detail=True)
            dates = {path: about.get("LastModified") or self._fs.modified(path) for path, about in found.items()}
        for place, about in found.items():
            path = self.root / place[len(self._base) + 1 :]
            mine = path.stat() if path.is_file() else None
            if mine is None or (mine.st_size, int(mine.st_mtime)) != (about["size"], int(dates[place].timestamp())):
                self.fetch(place[len(self._base) + 1 :])
                self._date(path, dates[place])
        self._pulled.add(folder)

    @staticmethod
    def _date(path: Path, when: datetime) -> None:
        """A file that changes under its name is known to be the store's by the store's time of it."""
        os.utime(path, (when.timestamp(), when.timestamp()))

    def bring_album(self, album: Path) -> None:
        """Upload what differs from the album that the store has, by both lists of sums; the list goes last."""
        name = f"album/{SUMS}"
        with self._explained(name):
            there = _sums(self._fs.cat_file(f"{self._base}/{name}").decode()) if self.has(name) else {}
        here = _sums((album / SUMS).read_text(encoding="utf-8"))
        for name in sorted(here):
            if there.get(name) != here[name]:
                self.put(album / name, f"album/{name}")
        if here != there:
            self.put(album / SUMS, f"album/{SUMS}")
        for name in sorted(set(there) - set(here)):
            with self._explained(name):
                self._fs.rm_file(f"{self._base}/album/{name}")

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as cause:  # each file system, and each library below it, has errors of its own
            raise OSError(
                errno.EHOSTUNREACH, f"the store refuses: {in_one_line(cause)}", f"{self.url}/{name}"
            ) from cause


def _sums(text: str) -> dict[str, str]:
    """Name -> sum of a list as sha256sum writes it."""
    rows = (line.split(maxsplit=1) for line in text.splitlines() if " " in line)
    return {name.lstrip("*"): value for value, name in rows}


_open: dict[Path, Store] = {}


def open_store(url: str, root: Path) -> Store:
    """The store of the project at ``root``; files that get their names there are uploaded from now on."""
    root = root.resolve()
    if root not in _open or _open[root].url != url:
        _open[root] = Store(url.rstrip("/"), root)
    return _open[root]


def upload(part: Path, path: Path) -> None:
    """Bring a finished part to the store of the project that ``path`` lies in, if it has one."""
    for root, store in _open.items():
        if path.resolve().is_relative_to(root):
            name = path.resolve().relative_to(root).as_posix()
            if store.holds(name):
                store.put(part, name)
