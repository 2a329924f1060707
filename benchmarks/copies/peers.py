"""Other fingerprinters on the same snippets, where they are installed; at their own defaults."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .degradations import RATE, Float

MATCHED = re.compile(r"Matched (?P<query>\S+) .* as (?P<file>\S+) at .* with +(?P<n>\d+) of")
"""A line of audfprint2 about a query it knows."""


class Chromaprint:
    """fpcalc's raw words, slid over every track; the score is the share of equal bits."""

    @staticmethod
    def there() -> bool:
        return shutil.which("fpcalc") is not None

    def __init__(self, tracks: dict[str, Float], folder: Path) -> None:
        self.folder = folder
        self.words = {name: self._words(sound) for name, sound in tracks.items()}

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

    def __init__(self, tracks: dict[str, Float], folder: Path) -> None:
        import soundfile

        self.folder, self.command = folder, shutil.which("audfprint2") or shutil.which("audfprint")
        files = []
        for number, sound in enumerate(tracks.values()):
            files.append(folder / f"{number}.wav")
            soundfile.write(files[-1], np.clip(sound, -1, 1), RATE)
        self.names = list(tracks)
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


PEERS = {"fpcalc": Chromaprint, "audfprint2": Audfprint}
