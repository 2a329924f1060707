"""Index and search files that belong to no project."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..audio import DecodeLog, apart
from ..audio.files import Scan, scan, show_path
from ..errors import AudioError, NeuralbumError
from ..progress import SILENT, Reporter
from ..project.stage import file_digest
from ..records import digest
from .params import LANES

if TYPE_CHECKING:
    from .fingerprints import Float
    from .index import Index
    from .search import Searcher, Segment


def sound_files(places: Iterable[Path | str]) -> list[Path]:
    """Files as named, and the sound files of folders, as ``neuralbum add`` would take them.

    Raises
    ------
    AudioError
        A place does not exist.
    """
    return _found(places).files


def _found(places: Iterable[Path | str]) -> Scan:
    """What is in the places; ``missing`` names what cannot be opened inside of folders."""
    places = list(places)
    found = scan(places)
    for path, why in found.missing:
        if path in [Path(place).expanduser() for place in places]:
            raise AudioError(f"{show_path(path)}: {why}")
    return found


def index_files(
    places: Sequence[Path | str], out: Path | str, *, seed: int = 0, reporter: Reporter = SILENT
) -> tuple[Index, list[tuple[str, str]]]:
    """Index the sound files of folders into the file ``out``; also (name, why) of what was left out.

    Raises
    ------
    AudioError
        A place does not exist, or there is no usable sound in them.
    """
    from . import index
    from .building import Source, build_index
    from .fingerprints import read_mono

    found = _found(places)
    if not found.files:
        raise AudioError(f"no sound files in {', '.join(map(show_path, places))}")

    def read(path: Path) -> Float:
        log = DecodeLog()
        sound = read_mono(path, log, blocks=apart.blocks)
        for remark in log.remarks():
            reporter.line(f"{show_path(path)}: {remark}")
        return sound

    failures = [(show_path(path), why) for path, why in found.missing]
    sources = []
    for name, path in zip(unique_names(found.files), found.files, strict=True):
        try:
            sources.append(Source(name, file_digest(path), partial(read, path)))
        except OSError as cause:
            failures.append((name, f"cannot be read ({cause.strerror or cause})"))
    for name, why in failures:
        reporter.line(f"{name}: {why}")
    made, unread = build_index(sources, seed=seed, reporter=reporter)
    return index.write(made, Path(out)), failures + unread


def unique_names(files: Sequence[Path]) -> list[str]:
    """File names where they differ, else with as many folders before them as needed."""
    names = [show_path(path.name) for path in files]
    depth = 1
    while len(set(names)) < len(names) and depth < 20:
        depth += 1
        names = [show_path("/".join(path.parts[-depth:])) for path in files]
    return names


def search_files(
    index_path: Path | str,
    files: Sequence[Path | str],
    *,
    lanes: Sequence[str] = LANES,
    max_p: float = 3e-4,
    shortest_s: float = 0.5,
    workers: int = 1,
    journal: Path | None = None,
    reporter: Reporter = SILENT,
) -> tuple[list[Segment], list[tuple[str, str]]]:
    """Search files in an index: (segments, best first; what could not be read: (file, why)).

    Parameters
    ----------
    workers : processes to share the files among
    journal : a file to which every finished file's answer is appended at once; what stands in it
        is not searched again, so a long scan can be interrupted and resumed

    Raises
    ------
    IndexFileError
        The index is truncated, foreign or of another version.
    """
    from .index import read
    from .search import Segment, check_lanes

    check_lanes(lanes)
    index = read(index_path)
    paths = sound_files(files)
    asked = [str(index_path), sorted(lanes), max_p, shortest_s]
    about = digest("originality search", index.digest, sorted(lanes), max_p, shortest_s)
    known = _read_journal(journal, about)
    keys = {str(path): f"{path}:{path.stat().st_size}:{path.stat().st_mtime_ns}" for path in paths}
    todo = [path for path in paths if keys[str(path)] not in known]
    answers: dict[str, tuple[list[Segment], str]] = {
        str(path): ([Segment(**row) for row in known[keys[str(path)]]], "") for path in paths if path not in set(todo)
    }
    reporter.begin("search", len(todo), "files")
    for path, segments, error in _search_all(todo, asked, workers):
        answers[path] = (segments, error)
        if error:
            reporter.line(error)
        elif journal is not None:
            _append(journal, {"about": about, "file": keys[path], "segments": [asdict(s) for s in segments]})
        reporter.advance(1)
    reporter.end()
    found = [segment for path in map(str, paths) for segment in answers[path][0]]
    failures = [(show_path(path), answers[path][1]) for path in map(str, paths) if answers[path][1]]
    return sorted(found, key=lambda s: -s.score), failures


Answer = tuple[str, "list[Segment]", str]


def _search_all(paths: Sequence[Path], asked: list[Any], workers: int) -> Iterator[Answer]:
    if workers <= 1 or len(paths) <= 1:
        _prepare(asked)
        yield from map(_search_one, map(str, paths))
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(paths)), context, initializer=_prepare, initargs=(asked,)) as pool:
        yield from pool.map(_search_one, map(str, paths))


_ready: list[tuple[Searcher, list[Any]]] = []
"""This process's searcher and what was asked; set once by ``_prepare``."""


def _prepare(asked: list[Any]) -> None:
    from .index import read
    from .search import Searcher

    _ready[:] = [(Searcher(read(str(asked[0]))), asked)]


def _search_one(path: str) -> Answer:
    from .fingerprints import read_mono

    searcher, (_, lanes, max_p, shortest_s) = _ready[0]
    try:
        sound = read_mono(path, blocks=apart.blocks)
        return path, searcher.search(sound, name=show_path(path), lanes=lanes, max_p=max_p, shortest_s=shortest_s), ""
    except NeuralbumError as error:
        return path, [], show_path(str(error))


def _read_journal(journal: Path | None, about: str) -> dict[str, list[dict[str, Any]]]:
    """Answers that were given to the same question before; a half-written line is passed over."""
    known: dict[str, list[dict[str, Any]]] = {}
    for line in journal.read_text(encoding="utf-8").splitlines() if journal and journal.exists() else ():
        with suppress(ValueError, KeyError, TypeError):
            row = json.loads(line)
            if row["about"] == about:
                known[row["file"]] = row["segments"]
    return known


def _append(journal: Path, row: dict[str, Any]) -> None:
    with open(journal, "a", encoding="utf-8") as file:
        file.write("\n" + json.dumps(row))  # the line break first: a half-written line before it stays alone
        file.flush()
        os.fsync(file.fileno())
