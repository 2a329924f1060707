"""One song's style as numbers: its patches as points, its tempo, loudness, brightness and key.

A patch of some seconds becomes 60 numbers: mean, spread and movement of 20 MFCCs. Band and
album are measured alike: mono, at the corpus's sample rate. So what the flesh adds above that is not judged here.

Pure: a sound in, a SongStyle out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..audio import features, mel
from ..audio.stft import stft
from ..errors import AudioError
from ..screen import tempo
from ..screen.analysis import analyse

Floats = npt.NDArray[np.float32]

SILENT_RMS = 10 ** (-55 / 20)  #: quieter patches say nothing about style
N_FFT, HOP = 1024, 512  #: at 16 kHz: 64 ms every 32 ms
N_MELS, N_MFCC = 40, 20
LOW_HZ, HIGH_HZ = 50.0, 7600.0
FLOOR_DB = -80.0
N_NUMBERS = 3 * N_MFCC


@dataclass(frozen=True)
class SongStyle:
    """What is compared of a song."""

    points: Floats  #: (n_patches, N_NUMBERS)
    base_bpm: float  #: 0: no tempo
    clarity: float
    loudness_lufs: float | None
    centroid_hz: float
    key: str


def measure_style(sound: Floats, sample_rate: int, *, patch_s: float, n_patches: int, name: str) -> SongStyle:
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
    analysis = analyse([(sound[None], sample_rate)], name=name)
    beat = tempo.measure(analysis.onset, analysis.frame_rate).song
    return SongStyle(
        points=np.stack([mfcc_statistics(patch, sample_rate) for patch in patches]),
        base_bpm=beat.base_bpm,
        clarity=beat.clarity,
        loudness_lufs=analysis.loudness.integrated_lufs,
        centroid_hz=features.centroid(analysis.spectrum, analysis.frequencies_hz),
        key=features.key(analysis.chroma)[0],
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


def mfcc_statistics(patch: Floats, sample_rate: int) -> Floats:
    """Mean, standard deviation and mean absolute change of a patch's MFCCs: float32 (N_NUMBERS,)."""
    from scipy.fft import dct

    filters = mel.mel_filters(sample_rate, N_FFT, N_MELS, LOW_HZ, min(HIGH_HZ, 0.475 * sample_rate))
    spectrum = stft(patch, N_FFT, HOP)
    power = mel.mel_power(spectrum.real**2 + spectrum.imag**2, filters) / (N_FFT / 4) ** 2
    level_db = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    mfcc = dct(level_db, axis=1, norm="ortho")[:, :N_MFCC]
    change = np.abs(np.diff(mfcc, axis=0)).mean(axis=0) if len(mfcc) > 1 else np.zeros(N_MFCC)
    return np.concatenate([mfcc.mean(axis=0), mfcc.std(axis=0), change]).astype(np.float32)
