"""Bringing music in: what it costs, that memory stays flat, and how surely copies are told from songs.

Copies are real songs pressed through a limiter, started 3.4 s later and coded as
MP3 (what a remaster does to a file); *different* is the smallest distance between
any two songs of one band. The tape is seeded noise (seed 0) as 16 bit WAV.
"""

from __future__ import annotations

import itertools
import resource
import tempfile
import time
import wave
from pathlib import Path

import numpy as np
import soundfile

import music
import report
from neuralbum import audio
from neuralbum.corpus import add
from neuralbum.corpus.duplicates import SAME, difference, read_signature
from neuralbum.corpus.listen import measure_file
from neuralbum.demo.band import make_band
from neuralbum.project import Project

LATER_S = 3.37


def main() -> None:
    asked = report.arguments(__doc__ or "")
    rows = [*tape(1200 if asked.quick else 3 * 3600), band()]
    rows += copies(3 if asked.quick else 6)
    report.print_report(rows, as_json=asked.json)


def tape(seconds: int) -> list[report.Row]:
    """Add one long file; how much memory is needed beyond what a short one needs."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _noise(root / "short.wav", 60)
        add(Project.create(root / "warm"), [root / "short.wav"])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        _noise(root / "long.wav", seconds)
        start = time.process_time()
        add(Project.create(root / "p"), [root / "long.wav"])
        cpu_s = time.process_time() - start
        grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    name = f"a tape of {seconds / 60:.0f} minutes"
    return [
        report.row(f"{name}: measured and prepared", 60 * cpu_s / seconds, "CPU s/min"),
        report.row(f"{name}: memory beyond a one-minute file's", grown_mb, "MB", "<= 64"),
    ]


def _noise(path: Path, seconds: int) -> None:
    rng = np.random.default_rng(0)
    block = (3000 * rng.standard_normal((44_100 * 10, 2))).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 44_100, 0, "NONE", ""))
        for _ in range(seconds // 10):
            file.writeframes(block)


def band() -> report.Row:
    start = time.process_time()
    make_band(seed=0, n_songs=8, duration_s=30.0)
    return report.row("the demo band: 8 songs of 30 s", (time.process_time() - start) / 240, "CPU s/s", "<= 0.1")


def copies(n: int) -> list[report.Row]:
    paths = [path for artist in ("blkrbt", "elysis") for path in music.tracks(artist)][:n]
    signatures, again = [], []
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            signatures.append(read_signature(measure_file(path)["signature"]))
            sound, rate = audio.read(path)
            copy = Path(folder) / f"{path.stem}.mp3"
            soundfile.write(copy, np.tanh(1.8 * sound[:, int(LATER_S * rate) :]).T, rate, format="MP3")
            again.append(read_signature(measure_file(copy)["signature"]))
    same = max(difference(a, b) for a, b in zip(signatures, again, strict=True))
    other = min(difference(a, b) for a, b in itertools.combinations(signatures, 2))
    bar = f"{SAME:g}"
    return [
        report.row(f"largest distance of {n} songs and their remasters", same, "of bits", f"<= {bar}"),
        report.row(f"smallest distance of two of {n} different songs", other, "of bits", f">= {bar}"),
    ]


if __name__ == "__main__":
    main()
