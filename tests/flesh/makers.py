"""A tiny band for the flesh: tones in the middle, hissing percussion to the sides, all from a seed."""

from __future__ import annotations

import numpy as np
import soxr

from neuralbum.flesh.pairs import Song
from neuralbum.prepared import STEREO_RATE, describe, mono_path, stereo_path, to_int16
from neuralbum.records import Track

MONO_RATE = 16_000


def stereo_song(seed: int, seconds: float = 4.0) -> np.ndarray:
    """float32 (2, n) at 44.1 kHz: a bass line, its overtones, and a hi-hat whose halves differ."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * STEREO_RATE)) / STEREO_RATE
    pitch = 110 * 2 ** (rng.integers(0, 12, round(seconds * 4)) / 12)
    hz = np.repeat(pitch, len(t) // len(pitch) + 1)[: len(t)]
    phase = 2 * np.pi * np.cumsum(hz) / STEREO_RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 9)) * 0.12
    beat = np.exp(-((t * 8) % 1.0) * 6)
    hiss = rng.standard_normal((2, len(t))) * 0.06 * beat
    return (tone + hiss).astype(np.float32)


def mono_of(stereo: np.ndarray) -> np.ndarray:
    """The prepared mono of a song: int16 at the skeleton's rate."""
    return to_int16(soxr.resample(stereo.mean(axis=0), STEREO_RATE, MONO_RATE, quality="HQ"))


def song(seed: int, seconds: float = 4.0) -> Song:
    stereo = stereo_song(seed, seconds)
    return Song(f"song {seed}", mono_of(stereo), to_int16(stereo))


def fill_corpus(project, splits=("train", "train", "valid", "heldout"), seconds: float = 4.0) -> list[str]:
    """Prepare a corpus of one song per split; returns the track ids."""
    project.corpus_dir.mkdir(exist_ok=True)
    tracks = []
    for number, split in enumerate(splits):
        made = song(number, seconds)
        name = f"track{number}"
        np.save(mono_path(project.corpus_dir, name), made.mono)
        np.save(stereo_path(project.corpus_dir, name), made.stereo)
        tracks.append(
            Track(name, f"{name}.flac", f"Song {number}", "The Test Band", f"{number:064d}", seconds, STEREO_RATE, 2,
                  split, -14.0, -1.0)
        )  # fmt: skip
    project.catalogue.add_tracks(tracks)
    describe(project, sample_rate=MONO_RATE, gain=1.0, tracks=tracks)
    return [track.id for track in tracks]
