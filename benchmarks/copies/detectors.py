"""Any detector of copies on the same material: a Python class, or a command that reads and writes files.

A detector is a class that is given the indexed tracks and an empty folder of its own, and answers queries:

    class Mine:
        def __init__(self, tracks: dict[str, Float], folder: Path): ...
        def best(self, sounds: Sequence[Float]) -> list[tuple[str, float]]:
            "For each query the track it was copied from and how sure that is; ("", 0.0): nothing found."

Sound is mono float32 at 16 kHz. A command gets the same as 16-bit WAV files, in folders.
"""

from __future__ import annotations

import csv
import importlib
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from report import Row

from .bed import Bed, cut, snippets
from .degradations import CONDITIONS, RATE, Float

LENGTHS = (1, 2, 3, 5, 10)
Answer = tuple[str, float]


@dataclass(frozen=True)
class Query:
    """A stretch of sound, and where it is from."""

    sound: Float
    length_s: int
    track: str = ""  #: empty: a negative, music that is not indexed
    condition: str = ""


def queries_of(bed: Bed, seed: int, n_positions: int, n_negatives: int) -> list[Query]:
    """The same for everybody: copies spoiled in every way, then negatives of each length."""
    made = [Query(s.sound, s.length_s, s.track, s.condition.name) for s in snippets(bed, seed, n_positions, LENGTHS)]
    rng = np.random.default_rng([seed, 3])
    for length in LENGTHS:
        for _ in range(n_negatives):
            name, start = cut(bed.negatives, length, rng)
            made.append(Query(bed.negatives[name][start : start + length * RATE], length))
    return made


def score(name: str, queries: Sequence[Query], answers: Sequence[Answer]) -> list[Row]:
    """Recall in per cent: the right track, surer than any answer to a negative of that length."""
    if len(answers) != len(queries):
        raise SystemExit(f"{name}: {len(answers)} answers to {len(queries)} queries")
    highest = {
        length: max((a[1] for q, a in zip(queries, answers, strict=True) if not q.track and q.length_s == length))
        for length in LENGTHS
    }
    hits: dict[tuple[str, int], list[bool]] = {}
    for query, (track, sure) in zip(queries, answers, strict=True):
        if query.track:
            right = track == query.track and sure > highest[query.length_s]
            hits.setdefault((query.condition, query.length_s), []).append(right)
    order = [condition.name for condition in CONDITIONS]
    rows = [
        Row(f"{name}: {condition}, {length} s", round(100 * float(np.mean(some)), 1), "%", reason=f"{len(some)} copies")
        for (condition, length), some in sorted(hits.items(), key=lambda item: (order.index(item[0][0]), item[0][1]))
    ]
    everything = [hit for some in hits.values() for hit in some]
    n_negatives = len(queries) - len(everything)
    why = f"{len(everything)} copies; no false alarm among {n_negatives} negatives"
    return [Row(f"{name}: all copies", round(100 * float(np.mean(everything)), 1), "%", reason=why), *rows]


def detector_rows(which: str, bed: Bed, queries: Sequence[Query], folder: Path) -> list[Row]:
    made = maker(which)
    if made is None:
        return [Row(f"{which}", None, reason="not installed")]
    folder.mkdir(parents=True)
    return score(which.split()[0], queries, made(bed.indexed, folder).best([query.sound for query in queries]))


def maker(which: str) -> Callable[[dict[str, Float], Path], Any] | None:
    """The class of a detector; None where a known one is not installed.

    ``which``: ours, fpcalc, audfprint2, ``module:Class`` (found from the current folder, too), or a command with the
    places {tracks}, {queries} and {answers}.
    """
    from .peers import PEERS

    if which == "ours":
        return Ours
    if which in PEERS:
        return PEERS[which] if PEERS[which].there() else None
    if "{answers}" in which:
        return partial(Command, which)
    module, _, name = which.partition(":")
    if not name:
        raise SystemExit(
            f"--detector {which!r}: say ours, {', '.join(PEERS)}, module:Class, or a command with {{answers}}"
        )
    sys.path.insert(0, "")
    found: Callable[[dict[str, Float], Path], Any] = getattr(importlib.import_module(module), name)
    return found


class Ours:
    """neuralbum's own search, all lanes."""

    def __init__(self, tracks: dict[str, Float], folder: Path) -> None:
        from neuralbum.originality import building
        from neuralbum.originality.search import Searcher

        sources = [building.Source(name, name, lambda sound=sound: sound) for name, sound in tracks.items()]  # type: ignore[misc]
        self.searcher = Searcher(building.build_index(sources, seed=1)[0])

    def best(self, sounds: Sequence[Float]) -> list[Answer]:
        found = [self.searcher.search(sound, max_p=1.0) for sound in sounds]
        return [(some[0].reference, some[0].score) if some else ("", 0.0) for some in found]


class Command:
    """A program: tracks and queries as WAV, answers as CSV with the columns query, track and score."""

    def __init__(self, command: str, tracks: dict[str, Float], folder: Path) -> None:
        self.command, self.folder, self.names = command, folder, list(tracks)
        write_folder(folder / "tracks", "track", list(tracks.values()))

    def best(self, sounds: Sequence[Float]) -> list[Answer]:
        write_folder(self.folder / "queries", "query", sounds)
        places = {name: str(self.folder / name) for name in ("tracks", "queries")}
        answers = self.folder / "answers.csv"
        words = [word.format(**places, answers=answers) for word in shlex.split(self.command)]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        return read_answers(answers, len(sounds), self.names)


def write_folder(folder: Path, stem: str, sounds: Sequence[Float]) -> None:
    import soundfile

    folder.mkdir()
    for number, sound in enumerate(sounds):
        soundfile.write(folder / f"{stem}{number:05d}.wav", np.clip(sound, -1, 1), RATE, subtype="PCM_16")


def read_answers(path: Path, n_queries: int, names: Sequence[str]) -> list[Answer]:
    """The best answer to each query; queries that are not in the file were not found."""
    best: list[Answer] = [("", 0.0)] * n_queries
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            query, track = (int("".join(c for c in Path(row[k]).stem if c.isdigit())) for k in ("query", "track"))
            best[query] = max(best[query], (names[track], float(row["score"])), key=lambda answer: answer[1])
    return best
