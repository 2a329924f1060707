"""Incremental build: a log of what was built from what, so that only what changed is built again.

Every file of the album has a *key*: the digest of all that goes into it. The
build log (a JSON line per file, outside the album) says with which key each file
was last made, and its size, time and SHA-256. A file whose key is the same and
which nobody touched is left alone.

A file is made under a ``.part`` name and renamed. Before that the log
notes the intent, so that even a file renamed in the moment of a crash is known
and can be removed when its song leaves the album. The log is only ever
appended to; it is written anew, shorter, when a release is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from ..errors import CatalogueError
from ..project import atomic
from ..project.stage import file_digest
from ..records import digest

LOG = "journal.jsonl"
"""The log's name since version 0.1, in ``artefacts/release/``."""


@dataclass(frozen=True)
class BuiltFile:
    """One file as it was left."""

    path: str  #: relative to the album, forward slashes
    key: str | None  #: None: begun, perhaps never finished
    size: int = 0
    mtime_ns: int = 0
    sha256: str = ""
    sound: str = ""  #: key of the encoded sound without its tags, for audio files


class IncrementalBuild:
    """Builds files of one album folder; use as a context."""

    def __init__(self, album_dir: Path, log: Path, *, force: bool = False) -> None:
        self.album_dir = album_dir
        self.force = force
        self.made = 0
        self.left_alone = 0
        self._log = log
        self._known = _load(log)
        self._now: dict[str, BuiltFile] = {}
        log.parent.mkdir(parents=True, exist_ok=True)
        album_dir.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(log.with_suffix(".lock"), album_dir)
        _mend_last_line(log)
        self._file = open(log, "a", encoding="utf-8")  # noqa: SIM115  # closed in close()

    def __enter__(self) -> IncrementalBuild:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._lock.close()

    # ---- asking ------------------------------------------------------------

    def is_current(self, path: str, key: str) -> bool:
        """Whether ``path`` was made with this key and is as it was left; if so it stays in the album."""
        known = self._known.get(path)
        if self.force or known is None or known.key != key or not self._untouched(known):
            return False
        if path not in self._now:
            self.left_alone += 1
        self._now[path] = known
        return True

    def has_sound(self, path: str, sound: str) -> bool:
        """Whether the file there holds this very sound, only its tags being out of date."""
        known = self._known.get(path)
        return not self.force and known is not None and known.sound == sound and self._untouched(known)

    def _untouched(self, known: BuiltFile) -> bool:
        try:
            about = (self.album_dir / known.path).stat()
        except OSError:
            return False
        return (about.st_size, about.st_mtime_ns) == (known.size, known.mtime_ns)

    # ---- making ------------------------------------------------------------

    def intend(self, path: str) -> None:
        """Note that ``path`` is about to be made."""
        self._write(BuiltFile(path, None))

    def note(self, path: str, key: str, *, sound: str = "", sha256: str = "") -> None:
        """Note that ``path`` has been made."""
        file = self.album_dir / path
        about = file.stat()
        built = BuiltFile(path, key, about.st_size, about.st_mtime_ns, sha256 or file_digest(file), sound)
        self._write(built)
        self._now[path] = built
        self.made += 1

    def make(self, path: str, key: str, build: Callable[[Path], None]) -> None:
        """Build a file unless it is current; ``build`` is given the part's path."""
        if self.is_current(path, key):
            return
        self.intend(path)
        with whole(self.album_dir / path) as part:
            build(part)
        self.note(path, key)

    def data(self, path: str, data: bytes) -> None:
        """A file of given bytes; its key is their digest."""
        key = digest("data", hashlib.sha256(data).hexdigest())
        self.make(path, key, lambda part: _write_data(part, data))

    def text(self, path: str, text: str) -> None:
        """A text file in UTF-8."""
        self.data(path, text.encode("utf-8"))

    def copy(self, path: str, source: Path, *, link: bool = True) -> None:
        """A file as it is, hard-linked where the disk can (no second copy), else copied."""
        about = source.stat()
        key = digest("copy", about.st_size, about.st_mtime_ns, str(source.name), link)
        self.make(path, key, lambda part: _link(source, part) if link else _copy(source, part))

    # ---- finishing -----------------------------------------------------------

    def files(self) -> dict[str, BuiltFile]:
        """All files of this release so far, by path."""
        return dict(sorted(self._now.items()))

    def sha256_of(self, path: str) -> str:
        """The digest of a file of this release."""
        return self._now[path].sha256

    def leave_out(self, paths: Iterable[str]) -> None:
        """Take files out of this release again; ``sweep`` will remove them."""
        for path in paths:
            self._now.pop(path, None)

    def sweep(self) -> list[str]:
        """Remove what earlier releases made and this one did not, and what a killed one left behind.

        Files nobody here made stay: the album folder may hold a CNAME or a favicon.
        """
        removed = []
        for path in sorted(set(self._known) - set(self._now)):
            file = self.album_dir / path
            if file.is_file():
                file.unlink()
                removed.append(path)
        for part in self.album_dir.rglob("*.part*"):
            if part.is_file() and is_part(part.name):
                part.unlink()
        for folder in sorted((p for p in self.album_dir.rglob("*") if p.is_dir()), reverse=True):
            if not any(folder.iterdir()):
                folder.rmdir()
        return removed

    def finish(self) -> None:
        """Write the log anew: what is in the album now, nothing else."""
        self._file.close()
        with atomic(self._log) as part:
            part.write_text("".join(_line(p) for p in self._now.values()), encoding="utf-8")
        self._file = open(self._log, "a", encoding="utf-8")  # noqa: SIM115

    def _write(self, built: BuiltFile) -> None:
        known = self._known.get(built.path)
        if built.key is not None or known is None:
            self._known[built.path] = built
        self._file.write(_line(built))
        self._file.flush()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a part's path; give it its name when the block ends well.

    Unlike ``project.atomic`` it does not wait for the disk: after a power cut a
    file whose bytes are missing has another size than the log says, and is made again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """The name a file has while it is being made; the suffix stays, encoders look at it."""
    return path.with_name(f"{path.stem}.{os.getpid()}.part{path.suffix}")


def is_part(name: str) -> bool:
    """Whether a file's name is one ``part_of`` gives."""
    stem = name.rpartition(".part")[0]
    return stem.rpartition(".")[2].isdigit()


def _write_data(part: Path, data: bytes) -> None:
    part.write_bytes(data)


def _link(source: Path, part: Path) -> None:
    part.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), part)
    except OSError:  # another file system, or one without links
        _copy(source, part)


def _copy(source: Path, part: Path) -> None:
    shutil.copyfile(source, part)


def _line(built: BuiltFile) -> str:
    return json.dumps(asdict(built), separators=(",", ":")) + "\n"


def _load(log: Path) -> dict[str, BuiltFile]:
    known: dict[str, BuiltFile] = {}
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return known
    for line in lines:
        try:
            built = BuiltFile(**json.loads(line))
        except (ValueError, TypeError):  # cut short by a crash; the file counts as unknown
            continue
        if is_inside(built.path):
            known[built.path] = built
    return known


def is_inside(path: str) -> bool:
    """Whether a relative path stays in its folder."""
    parts = path.split("/")
    return bool(path) and not path.startswith("/") and "\\" not in path and not {"", ".", ".."} & set(parts)


def _mend_last_line(log: Path) -> None:
    """End a line a crash cut short, so that the next one starts on its own."""
    if log.exists() and (text := log.read_bytes()) and not text.endswith(b"\n"):
        with open(log, "ab") as file:
            file.write(b"\n")


def _lock(path: Path, album_dir: Path) -> TextIO:
    """Hold the album for this process; the system lets go of it when the process ends, however it ends."""
    file = open(path, "w", encoding="utf-8")  # noqa: SIM115  # held open on purpose
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # a system without flock: two releases at once are on their own
        pass
    except OSError as cause:
        file.close()
        raise CatalogueError(f"{album_dir}: another release is being built there; wait for it, or stop it") from cause
    return file
