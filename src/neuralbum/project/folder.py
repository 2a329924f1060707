"""A project folder: where things live, what is set, how files are written.

mybands-album/
  neuralbum.toml   settings; [project] and one table per stage
  catalogue.db     what is known (or `database = "postgresql://…"`)
  corpus/          prepared audio
  models/<id>/     weights and their curves
  takes/<id>.flac  what was played
  artefacts/<stage>/<subject>.<key>.<name>
  album/           what release builds
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from ..catalogue import LEASE_S, Catalogue, worker_name
from ..errors import CatalogueError, SettingsError
from ..records import Take, canonical, digest
from ..settings import LARGEST_TOML, nearest, parse_words, read_toml, resolve, setting
from .store import open_store, upload

P = TypeVar("P")

SETTINGS_FILE = "neuralbum.toml"
LONGEST_NAME = 255  #: bytes of a file's name, on the usual disks
TABLES = {
    "project": "neuralbum.project:ProjectSettings",
    "cluster": "neuralbum.project.folder:ClusterSettings",
    "corpus": "neuralbum.corpus.params:CorpusParams",
    "train": "neuralbum.train.params:TrainParams",
    "skeleton": "neuralbum.train.params:SkeletonParams",
    "flesh": "neuralbum.train.params:FleshParams",
    "runs": "neuralbum.runs.params:Params",
    "sweep": "neuralbum.train.params:SweepParams",
    "generate": "neuralbum.generate.params:GenerateParams",
    "screen": "neuralbum.screen.params:Params",
    "originality": "neuralbum.originality.params:Params",
    "resemblance": "neuralbum.resemblance.params:Params",
    "curate": "neuralbum.curate.params:Params",
    "title": "neuralbum.title.params:Params",
    "visualise": "neuralbum.visualise.params:Params",
    "release": "neuralbum.release.params:Params",
    "radio": "neuralbum.radio.params:Params",
    "footprint": "neuralbum.footprint.params:Params",
    "demo": "neuralbum.demo.params:DemoParams",
}
"""The tables neuralbum.toml may hold, and where each one's settings are declared."""
MOVED = {("skeleton", "labels"): ("corpus", "labels")}
"""Settings of earlier versions that are still read, and where they stand now: (table, key) -> (table, key)."""


@dataclass(frozen=True)
class ProjectSettings:
    """``[project]``: who, what, under which licence."""

    artist: str = setting("", "the band whose music this is")
    album: str = setting("", "the album's name; empty: made from the phrase")
    phrase: str = setting("fake feelings", "the phrase whose synonyms title the songs")
    seed: int = setting(0, "the project's seed: every random stream derives from it", minimum=0)
    licence: str = setting("CC-BY-NC-4.0", "SPDX identifier of the album's licence")
    rights_holder: str = setting("", "who holds the rights in the training music; required by release")
    contact: str = setting("", "where to ask for other uses: an address or a page; required by release")
    permission: str = setting("", "by what right the music was trained on; required by release")
    database: str = setting("", "postgresql://… for a team; empty: catalogue.db in the project")
    store: str = setting("", "s3://… (any URL of fsspec): where the files lie; this folder is then their cache")
    lease_s: float = setting(
        LEASE_S,
        "a process that gave no sign of life for so long counts as dead, and its work is taken over",
        unit="s",
        minimum=0.5,
    )


@dataclass(frozen=True)
class ClusterSettings:
    """``[cluster]``: what one worker holds under ``--on ray``."""

    cores: float = setting(0.0, "cores; 0: what the stage usually needs", minimum=0.0)
    memory_gib: float = setting(0.0, "memory; 0: what the stage usually needs", unit="GiB", minimum=0.0)
    gpus: float = setting(0.0, "GPUs, or the share of one", minimum=0.0)


class Project:
    """An open project folder. Cheap to make; the catalogue opens when first used."""

    def __init__(
        self, root: Path, tables: Mapping[str, Mapping[str, Any]], flags: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        self.root = root
        self._flags = flags or {}  #: what of ``tables`` came from the command line
        self.tables = {name: dict(table) for name, table in tables.items()}
        for name in self.tables:
            if name not in TABLES:
                raise SettingsError(f"{root / SETTINGS_FILE}: unknown table [{name}]{nearest(name, TABLES)}")
        self.settings = self.params("project", ProjectSettings)
        self.store = open_store(self.settings.store, root) if self.settings.store else None

    # ---- opening -----------------------------------------------------------

    @classmethod
    def create(
        cls, root: Path | str, *, tables: Mapping[str, Mapping[str, Any]] | None = None, **settings: Any
    ) -> Project:
        """Make a project folder with these ``[project]`` settings and other ``tables``; an existing one is refused."""
        root = Path(root)
        if (root / SETTINGS_FILE).exists():
            raise CatalogueError(f"{root}: is a neuralbum project already; choose another folder, or use it as it is")
        resolve(ProjectSettings, settings, where="[project]")  # say what is wrong before making anything
        text = _toml({"project": settings, **(tables or {})})
        fresh = not root.exists()
        root.mkdir(parents=True, exist_ok=True)
        try:
            with atomic(root / SETTINGS_FILE) as part:
                part.write_text(text, encoding="utf-8")
        except OSError:
            if fresh:  # a full disk leaves no empty folder behind
                root.rmdir()
            raise
        return cls.open(root)

    @classmethod
    def open(cls, root: Path | str, words: tuple[str, ...] | list[str] = ()) -> Project:
        """Open the project at ``root``; ``words`` are ``--set table.key=value`` overrides.

        Raises
        ------
        CatalogueError
            No project there.
        SettingsError
            neuralbum.toml is not TOML, or holds an unknown table or key.
        """
        root = Path(root)
        path = root / SETTINGS_FILE
        try:
            with open(path, encoding="utf-8-sig") as file:
                tables = read_toml(file.read(LARGEST_TOML + 1), where=str(path))
        except FileNotFoundError as cause:
            raise CatalogueError(
                f"{root.resolve()}: no {SETTINGS_FILE} here; make a project with `neuralbum new FOLDER`, "
                f"or name one with --project"
            ) from cause
        except UnicodeDecodeError as cause:
            raise SettingsError(f"{path}: not valid TOML, which is UTF-8: {cause}") from cause
        for name, value in tables.items():
            if not isinstance(value, dict):
                raise SettingsError(f"{path}: {name!r} stands outside of a table; put it under [project] or a stage")
        flags = _moved(parse_words(words))
        tables = _moved(tables)
        for name, table in flags.items():
            tables[name] = {**tables.get(name, {}), **table}
        return cls(root, tables, flags)

    def params(self, table: str, kind: type[P], **overrides: Any) -> P:
        """A stage's settings: defaults < neuralbum.toml < ``overrides`` that are not None."""
        said = {k: v for k, v in overrides.items() if v is not None}
        return resolve(
            kind,
            {**self.tables.get(table, {}), **said},
            where=f"{self.root / SETTINGS_FILE} [{table}]",
            flags={*said, *self._flags.get(table, ())},
        )

    @cached_property
    def catalogue(self) -> Catalogue:
        if self.settings.database:
            return Catalogue.open(self.settings.database, self.settings.lease_s)
        return Catalogue.at(self.root / "catalogue.db", self.settings.lease_s)

    def require_here(self) -> None:
        """Make the folder where it is a cache; else raise a CatalogueError where this machine does not have it."""
        if self.store is not None:
            self.root.mkdir(parents=True, exist_ok=True)
        elif not (self.root / SETTINGS_FILE).exists():
            raise CatalogueError(
                f"{platform.node()}: no project at {self.root}; every machine of a cluster needs the folder under the "
                f"same path, or [project] store"
            )

    # ---- where things live ---------------------------------------------------

    @property
    def corpus_dir(self) -> Path:
        return self._whole("corpus")

    @property
    def models_dir(self) -> Path:
        return self._whole("models")

    def _whole(self, folder: str) -> Path:
        if self.store is not None:
            self.store.pull(folder)
        return self.root / folder

    def local(self, path: Path) -> Path:
        """A file of the project, fetched if this machine does not have it."""
        if self.store is not None and not path.exists():
            self.store.fetch(self.relative(path))
        return path

    def has(self, name: str) -> bool:
        """Whether a file of this name is here, or in the store."""
        return (self.root / name).exists() or (self.store is not None and self.store.has(name))

    def there(self, folder: str) -> set[str]:
        """The names, relative to the project, of all files right in a folder, here or in the store."""
        place = self.root / folder
        here = {f"{folder}/{entry.name}" for entry in os.scandir(place)} if place.is_dir() else set()
        return here if self.store is None else here | self.store.names(folder)

    @property
    def takes_dir(self) -> Path:
        return self.root / "takes"

    @property
    def fleshed_dir(self) -> Path:
        return self.root / "fleshed"

    @property
    def artefacts_dir(self) -> Path:
        return self.root / "artefacts"

    @property
    def album_dir(self) -> Path:
        return self.root / "album"

    @property
    def name(self) -> str:
        return self.settings.album or self.settings.phrase

    def relative(self, path: Path) -> str:
        """A path inside the project as it is stored: relative, with forward slashes."""
        return path.resolve().relative_to(self.root.resolve()).as_posix()

    def audio_of(self, take: Take) -> Path:
        """The audio of a take, fetched if this machine does not have it."""
        return self.local(self.audio_path(take))

    def audio_path(self, take: Take) -> Path:
        """Where the audio of a take belongs; projects of earlier versions may have a better one beside it."""
        fleshed = self.fleshed_dir / f"{take.id}.flac"
        return fleshed if fleshed.exists() else self.root / take.path

    def audio_digest(self, take: Take) -> str:
        """SHA-256 of the audio that counts: what every stage that hears takes keys its findings by.

        It is the content's, so that a copied project keeps all its findings.

        Raises
        ------
        OSError
            The file is not there.
        """
        path = self.audio_path(take)
        return take.sha256 if path == self.root / take.path else self._digests.of(path)

    @cached_property
    def _digests(self) -> _Digests:
        return _Digests(self.artefacts_dir / "digests.jsonl")


class _Digests:
    """Remembers files' digests by size and time of change, so that gigabytes are read once; losing it costs only time.

    One JSON line a file, appended, so that several processes can write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, tuple[int, int, str]] | None = None

    def of(self, path: Path) -> str:
        about = path.stat()
        if self._known is None:
            self._known = self._read()
        known = self._known.get(path.name)
        if known is not None and known[:2] == (about.st_size, about.st_mtime_ns):
            return known[2]
        sha256 = file_digest(path)
        self._known[path.name] = (about.st_size, about.st_mtime_ns, sha256)
        line = json.dumps([path.name, about.st_size, about.st_mtime_ns, sha256])
        with suppress(OSError):  # a project that can only be read
            self.path.parent.mkdir(exist_ok=True)
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(line + "\n")
        return sha256

    def _read(self) -> dict[str, tuple[int, int, str]]:
        known = {}
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return {}
        for line in lines:
            with suppress(ValueError, TypeError):  # the last line of a process that was killed
                name, size, mtime_ns, sha256 = json.loads(line)
                known[str(name)] = (int(size), int(mtime_ns), str(sha256))
        return known


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Write a file so that it exists whole or not at all.

    Yields a ``.part`` path next to ``path``; when the block ends well the part
    is flushed to disk and renamed, otherwise it is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        yield part
        settle(part, path)
    finally:
        part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """What ``path`` is called while this process writes it: ``<stem>.<worker>.part<suffix>``."""
    end = f".{worker_name()}.part{path.suffix}"
    stem = path.stem
    if len(os.fsencode(stem + end)) > LONGEST_NAME:
        stem = digest(stem)
    return path.with_name(stem + end)


def settle(part: Path, path: Path) -> None:
    """Flush a finished part to disk, and to the store if there is one; give it its name (POSIX rename is atomic)."""
    with open(part, "rb") as file:
        os.fsync(file.fileno())
    upload(part, path)
    os.replace(part, path)


def _moved(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The tables with settings under the names they have now; what stands there by its new name wins."""
    moved = {name: dict(table) for name, table in tables.items()}
    for (old_table, old), (table, key) in MOVED.items():
        if old in moved.get(old_table, {}):
            value = moved[old_table].pop(old)
            moved.setdefault(table, {}).setdefault(key, value)
    return moved


def _toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Tables as the text of a settings file."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment("Settings of this neuralbum project; docs/settings.md lists them all."))
    for name, values in tables.items():
        table = tomlkit.table()
        table.update(canonical(values))  # type: ignore[call-overload]
        document.add(tomlkit.nl())
        document.add(name, table)
    try:
        text: str = tomlkit.dumps(document)
        text.encode("utf-8")
    except UnicodeEncodeError as cause:
        raise SettingsError(f"a name or phrase holds bytes that are no UTF-8: {cause.object[:60]!r}") from cause
    return text
