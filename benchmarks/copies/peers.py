"""Other fingerprinters on the same snippets, where they are installed; at their own defaults."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from report import Row

from .bed import Bed, cut, snippets
from .degradations import RATE, Float

MATCHED = re.compile(r"Matched (?P<query>\S+) .* as (?P<file>\S+) at .* with +(?P<n>\d+) of")
"""A line of audfprint2 about a query it knows."""


def peer_rows(bed: Bed, seed: int, n_positions: int) -> list[Row]:
    rows: list[Row] = []
    for name, peer in (("fpcalc", Chromaprint), ("audfprint2", Audfprint)):
        if not peer.there():
            rows.append(Row(f"peer {name}", None, reason="not installed"))
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows += _peer(name, peer(bed, Path(folder)), bed, seed, n_positions)
    return rows


def _peer(name: str, peer: Any, bed: Bed, seed: int, n_positions: int) -> list[Row]:
    lengths, chosen = (
        (1, 3, 10),
        ("clean", "mu-law + noise 10 dB", "mixed at 0 dB", "pitch +2", "tape +1", "tempo x1.05"),
    )
    rng = np.random.default_rng([seed, 3])
    negatives = []
    for length in lengths:
        for _ in range(max(n_positions * 2, 10)):
            track, start = cut(bed.negatives, length, rng)
            negatives.append((length, bed.negatives[track][start : start + length * RATE]))
    asked = [
        snippet
        for snippet in snippets(bed, seed, n_positions, (1, 2, 3, 5, 10))
        if snippet.condition.name in chosen and snippet.length_s in lengths
    ]
    answers = peer.best([sound for _, sound in negatives] + [snippet.sound for snippet in asked])
    threshold: dict[int, float] = {}
    for (length, _), (_, score) in zip(negatives, answers, strict=False):
        threshold[length] = max(threshold.get(length, 0.0), score)
    hits: dict[tuple[str, int], list[bool]] = {}
    for snippet, (track, score) in zip(asked, answers[len(negatives) :], strict=True):
        right = track == snippet.track and score > threshold[snippet.length_s]
        hits.setdefault((snippet.condition.name, snippet.length_s), []).append(right)
    return [
        Row(f"peer {name}: {condition}, {length} s", round(100 * float(np.mean(some)), 1), "%", "", None, "right track")
        for (condition, length), some in sorted(hits.items(), key=lambda item: (chosen.index(item[0][0]), item[0][1]))
    ]


class Chromaprint:
    """fpcalc's raw words, slid over every track; the score is the share of equal bits."""

    @staticmethod
    def there() -> bool:
        return shutil.which("fpcalc") is not None

    def __init__(self, bed: Bed, folder: Path) -> None:
        self.folder = folder
        self.words = {name: self._words(sound) for name, sound in bed.indexed.items()}

    def _words(self, sound: Float) -> npt.NDArray[np.uint32]:
        path = self.folder / "query.wav"
        import soundfile

        soundfile.write(path, np.clip(sound, -1, 1), RATE)
        done = subprocess.run(["fpcalc", "-raw", "-length", "0", path], capture_output=True, text=True)
        text = next((line[12:] for line in done.stdout.splitlines() if line.startswith("FINGERPRINT=")), "")
        return np.array([int(w) & 0xFFFFFFFF for w in text.split(",") if w], np.uint32)

    def best(self, sounds: Sequence[Float]) -> list[tuple[str, float]]:
        return [self._best(self._words(sound)) for sound in sounds]

    def _best(self, query: npt.NDArray[np.uint32]) -> tuple[str, float]:
        best = ("", 0.0)
        for name, words in self.words.items():
            if not 0 < query.size <= words.size:
                continue
            view = np.lib.stride_tricks.sliding_window_view(words, query.size)
            equal = 1 - float(np.bitwise_count(view ^ query).sum(axis=1).min()) / (32 * query.size)
            best = max(best, (name, equal), key=lambda pair: pair[1])
        return best


class Audfprint:
    """audfprint2 as installed, at its own defaults; the score is the number of aligned hashes."""

    @staticmethod
    def there() -> bool:
        return shutil.which("audfprint2") is not None or shutil.which("audfprint") is not None

    def __init__(self, bed: Bed, folder: Path) -> None:
        import soundfile

        self.folder, self.command = folder, shutil.which("audfprint2") or shutil.which("audfprint")
        files = []
        for number, sound in enumerate(bed.indexed.values()):
            files.append(folder / f"{number}.wav")
            soundfile.write(files[-1], np.clip(sound, -1, 1), RATE)
        self.names = list(bed.indexed)
        subprocess.run([self.command, "new", *files, "--dbase", folder / "db.pklz"], capture_output=True, check=True)

    def best(self, sounds: Sequence[Float]) -> list[tuple[str, float]]:
        import soundfile

        queries = [self.folder / f"query{number}.wav" for number in range(len(sounds))]
        for path, sound in zip(queries, sounds, strict=True):
            soundfile.write(path, np.clip(sound, -1, 1), RATE)
        words = [self.command, "match", *queries, "--dbase", self.folder / "db.pklz", "--min-count", "1", "--verbose"]
        text = subprocess.run(words, capture_output=True, text=True, check=True).stderr  # matches are logged
        found = dict.fromkeys(map(str, queries), ("", 0.0))
        for line in text.splitlines():
            said = MATCHED.search(line)
            if said and said["query"] in found:
                found[said["query"]] = (self.names[int(Path(said["file"]).stem)], float(said["n"]))
        return list(found.values())
