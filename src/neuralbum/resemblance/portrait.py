"""One song's portrait: its patches as points, its tempo, loudness, colour and key.

Band and album are measured alike: mono, at the corpus's sample rate. So what the
flesh adds above that is not judged here.

Pure: a sound in, a Portrait out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..audio import features
from ..errors import AudioError
from ..screen import tempo
from ..screen.analysis import analyse

Floats = npt.NDArray[np.float32]
Embed = Callable[[Floats, int], Floats]  #: (n_patches, n_samples), sample rate -> (n_patches, n_numbers)

SILENT_RMS = 10 ** (-55 / 20)  #: quieter patches say nothing about style


@dataclass(frozen=True)
class Portrait:
    """What is compared of a song."""

    points: Floats  #: (n_patches, n_numbers)
    base_bpm: float  #: 0: no tempo
    clarity: float
    loudness_lufs: float | None
    centroid_hz: float
    key: str


def draw(sound: Floats, sample_rate: int, *, embed: Embed, patch_s: float, n_patches: int, name: str) -> Portrait:
    """Measure a mono sound, float32 (n_samples,).

    Raises
    ------
    AudioError
        Shorter than one patch, or silent throughout.
    """
    if sound.size < patch_s * sample_rate:
        raise AudioError(f"{name}: {sound.size / sample_rate:.1f} s; a patch takes {patch_s:g} s")
    patches = cut(sound, sample_rate, patch_s, n_patches)
    if not len(patches):
        raise AudioError(f"{name}: silent; there is nothing to compare")
    heard = analyse([(sound[None], sample_rate)], name=name)
    beat = tempo.measure(heard.onset, heard.frame_rate).song
    return Portrait(
        points=embed(patches, sample_rate),
        base_bpm=beat.base_bpm,
        clarity=beat.clarity,
        loudness_lufs=heard.loudness.integrated_lufs,
        centroid_hz=features.centroid(heard.spectrum, heard.frequencies_hz),
        key=features.key(heard.chroma)[0],
    )


def cut(sound: Floats, sample_rate: int, patch_s: float, n_patches: int) -> Floats:
    """Patches spread evenly over a sound, silent ones left out: float32 (up to n_patches, n_samples)."""
    length = round(patch_s * sample_rate)
    room = sound.size - length
    if room < 0:
        return np.zeros((0, length), dtype=np.float32)
    n = max(1, min(n_patches, sound.size // length))
    starts = np.linspace(0, room, n).round().astype(int)
    patches = np.stack([sound[s : s + length] for s in starts])
    return patches[np.sqrt((patches**2).mean(axis=1)) > SILENT_RMS]
