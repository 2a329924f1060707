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

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from .catalogue import Catalogue
from .errors import CatalogueError, SettingsError
from .records import Take
from .settings import nearest, parse_words, resolve, setting

P = TypeVar("P")

SETTINGS_FILE = "neuralbum.toml"
TABLES = {
    "project": "neuralbum.project:ProjectSettings",
    "corpus": "neuralbum.corpus.params:CorpusParams",
    "train": "neuralbum.train.params:TrainParams",
    "skeleton": "neuralbum.train.params:SkeletonParams",
    "flesh": "neuralbum.train.params:FleshParams",
    "generate": "neuralbum.generate.params:GenerateParams",
    "screen": "neuralbum.screen.params:Params",
    "originality": "neuralbum.originality.params:Params",
    "resemblance": "neuralbum.resemblance.params:Params",
    "curate": "neuralbum.curate.params:Params",
    "title": "neuralbum.title.params:Params",
    "visualise": "neuralbum.visualise.params:Params",
    "release": "neuralbum.release.params:Params",
    "footprint": "neuralbum.footprint.params:Params",
    "demo": "neuralbum.demo.params:DemoParams",
}
"""The tables neuralbum.toml may hold, and where each one's settings are declared."""


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
        root.mkdir(parents=True, exist_ok=True)
        lines = ["# Settings of this neuralbum project; docs/settings.md lists them all."]
        for name, table in {"project": settings, **(tables or {})}.items():
            lines += ["", f"[{name}]"] + [f"{key} = {_toml(value)}" for key, value in table.items()]
        with atomic(root / SETTINGS_FILE) as part:
            part.write_text("\n".join(lines) + "\n", encoding="utf-8")
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
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as cause:
            raise CatalogueError(
                f"{root.resolve()}: no {SETTINGS_FILE} here; make a project with `neuralbum new FOLDER`, "
                f"or name one with --project"
            ) from cause
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as cause:
            raise SettingsError(f"{path}: not valid TOML: {cause}") from cause
        for name, value in tables.items():
            if not isinstance(value, dict):
                raise SettingsError(f"{path}: {name!r} stands outside of a table; put it under [project] or a stage")
        flags = parse_words(words)
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
        return Catalogue.open(self.settings.database or f"sqlite:///{self.root / 'catalogue.db'}")

    # ---- where things live ---------------------------------------------------

    @property
    def corpus_dir(self) -> Path:
        return self.root / "corpus"

    @property
    def models_dir(self) -> Path:
        return self.root / "models"

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
        """The audio of a take; projects of earlier versions may have a better one beside it."""
        fleshed = self.fleshed_dir / f"{take.id}.flac"
        return fleshed if fleshed.exists() else self.root / take.path


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Write a file so that it exists whole or not at all.

    Yields a ``.part`` path next to ``path``; when the block ends well the part
    is flushed to disk and renamed, otherwise it is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        settle(part, path)
    finally:
        part.unlink(missing_ok=True)


def settle(part: Path, path: Path) -> None:
    """Flush a finished part to disk and give it its name (POSIX rename is atomic)."""
    with open(part, "rb") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    escaped = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped)
    return f'"{escaped}"'
