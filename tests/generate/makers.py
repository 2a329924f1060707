"""A project with a little music in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuralbum import prepared
from neuralbum.project import Project
from neuralbum.records import Track

RATE = 16_000


def project(root: Path) -> Project:
    """A project whose corpus is three noisy tunes."""
    made = Project.create(root, artist="The Tests")
    made.corpus_dir.mkdir()
    tracks = []
    for seed, (split, seconds) in enumerate((("train", 6.0), ("heldout", 1.5), ("valid", 1.5))):
        t = np.arange(int(seconds * RATE)) / RATE
        tune = 0.4 * np.sin(2 * np.pi * (220 + 60 * seed) * t) * np.exp(-8 * (t % 0.25))
        pcm = prepared.to_int16(tune + 0.02 * np.random.default_rng(seed).normal(size=t.size))
        name = f"{split}-tune"
        tracks.append(
            Track(name, f"{name}.wav", name, "The Tests", name, seconds, RATE, 1, split, level_db=-12.0, peak_db=-3.0)
        )
        np.save(prepared.mono_path(made.corpus_dir, name), pcm)
        np.save(prepared.stereo_path(made.corpus_dir, name), np.zeros((2, 10), dtype=np.int16))
    made.catalogue.add_tracks(tracks)
    prepared.describe(made, sample_rate=RATE, gain=1.0, tracks=tracks)
    return made
