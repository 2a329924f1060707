"""Small songs and projects for the tests of training."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from neuralbum.corpus import prepared
from neuralbum.nets.band_model import BandModel
from neuralbum.nets.griffin_lim import PlainRenderer
from neuralbum.project import Project
from neuralbum.records import Track
from neuralbum.train.checkpoint import About, Checkpoint, write_music, write_net

RATE = 44_100
MONO_RATE = 8_000


def tune(seconds: float, seed: int = 0) -> np.ndarray:
    """A riff of decaying notes over strokes of noise, in bars of 2 s; float32 (2, n_samples)."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    note = np.floor(t / 0.25).astype(int)
    pitch = 110 * 2 ** (rng.choice([0, 3, 5, 7], size=8)[note % 8] / 12)
    riff = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * np.exp(-6 * (t % 0.25))
    stroke = 0.1 * rng.normal(size=t.size) * np.exp(-30 * (t % 0.5))
    return np.stack([riff + stroke, riff - 0.5 * stroke]).astype(np.float32)


def project(root: Path, *, train_s: float = 12.0, heldout_s: float = 6.0, valid_s: float = 6.0) -> Project:
    """A project whose prepared corpus is made of tunes; 0 s leaves a split without a song."""
    made = Project.create(root, artist="The Tests")
    made.corpus_dir.mkdir()
    tracks = []
    for split, seconds, seed in (("train", train_s, 1), ("heldout", heldout_s, 2), ("valid", valid_s, 3)):
        if seconds <= 0:
            continue
        stereo = prepared.to_int16(tune(seconds, seed))
        name = f"{split}-tune"
        sha = hashlib.sha256(stereo.tobytes()).hexdigest()
        tracks.append(
            Track(name, f"{name}.wav", name, "The Tests", sha, seconds, RATE, 2, split, level_db=-12.0, peak_db=-3.0)
        )
        mono = stereo[0, : int(seconds * RATE) // 5 * 5].reshape(-1, 5)[
            :, 0
        ]  # 8.8 kHz called 8: only its length counts
        np.save(prepared.mono_path(made.corpus_dir, name), np.ascontiguousarray(mono[: int(seconds * MONO_RATE)]))
        np.save(prepared.stereo_path(made.corpus_dir, name), stereo)
    made.catalogue.add_tracks(tracks)
    prepared.describe(made, sample_rate=MONO_RATE, gain=1.0, tracks=tracks)
    return made


def write_model(folder: Path, model: BandModel, about: About, renderer: PlainRenderer | None = None) -> About:
    """Write a band's model with one checkpoint, at ``about.step``; what model.json then says."""
    about = write_music(folder, model, replace(about, facts=model.facts()), renderer)
    return write_net(folder, about, Checkpoint(about.step), model.net.state_dict())
