"""Small songs, nets and projects for the skeleton's and the generator's tests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from neuralbum import prepared
from neuralbum.dsp import front_end, lpc
from neuralbum.project import Project
from neuralbum.records import Track
from neuralbum.skeleton import presets
from neuralbum.skeleton.songs import Song

RATE = 16_000


def tune(seconds: float, seed: int = 0) -> np.ndarray:
    """A riff of decaying notes over a noisy beat, float64 in [-1, 1]."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    note = np.floor(t / 0.125).astype(int)
    pitch = 110 * 2 ** (rng.choice([0, 3, 5, 7], size=note.max() + 1)[note] / 12)
    envelope = np.exp(-8 * (t % 0.125))
    sound = 0.4 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * envelope
    return sound + 0.1 * rng.normal(size=t.size) * np.exp(-30 * (t % 0.25))


def song(seconds: float = 3.0, seed: int = 0) -> Song:
    return Song(f"tune {seed}", front_end.levels_of(tune(seconds, seed)))


def net(name: str = "debug", *, seed: int = 0, shaken: float = 0.0):
    """A net of a debug preset; ``shaken``: noise on all weights, so that nothing is zero by chance."""
    chosen = presets.preset(name)
    made = presets.build(chosen.kind, chosen.config, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        if made.uses_forecast:
            sounds = [tune(1.0, 7).astype(np.float32)]
            made.anchor.copy_(torch.from_numpy(lpc.mean_autocorrelation(sounds, made.config.order)))
        for parameter in made.parameters():
            if not parameter.requires_grad:
                continue
            parameter.add_(shaken * torch.randn(parameter.shape, generator=generator))
    return made


def project(root: Path, *, train_s: float = 8.0, heldout_s: float = 2.0, valid_s: float = 2.0) -> Project:
    """A project whose corpus is made of tunes."""
    made = Project.create(root, artist="The Tests")
    made.corpus_dir.mkdir()
    tracks = []
    for split, seconds, seed in (("train", train_s, 1), ("heldout", heldout_s, 2), ("valid", valid_s, 3)):
        if seconds <= 0:
            continue
        pcm = prepared.to_int16(tune(seconds, seed))
        name = f"{split}-tune"
        sha = hashlib.sha256(pcm.tobytes()).hexdigest()
        tracks.append(
            Track(name, f"{name}.wav", name, "The Tests", sha, seconds, RATE, 1, split, level_db=-12.0, peak_db=-3.0)
        )
        np.save(prepared.mono_path(made.corpus_dir, name), pcm)
        np.save(prepared.stereo_path(made.corpus_dir, name), np.zeros((2, 10), dtype=np.int16))
    made.catalogue.add_tracks(tracks)
    prepared.describe(made, sample_rate=RATE, gain=1.0, tracks=tracks)
    return made
