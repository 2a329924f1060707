"""Short-time Fourier transform and back, as librosa defines them, frames first.

One frame is one row: the shape is (n_frames, n_fft // 2 + 1), the transpose of
librosa's, because a frame is what is made, masked and drawn at once and so
lies together in memory. Otherwise the same numbers: periodic Hann window,
frame ``i`` centred on sample ``i * hop_length``, zeros beyond both ends.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

Float = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]

ROWS_AT_ONCE = 128
"""Frames transformed together: enough for SIMD across rows, few enough to stay in the cache."""


def n_frames(n_samples: int, hop_length: int = 512) -> int:
    """How many frames ``stft`` gives for that many samples."""
    return 1 + n_samples // hop_length


@cache
def hann(n_fft: int) -> Float:
    """The periodic Hann window, float32 (n_fft,)."""
    window = _hann_exact(n_fft).astype(np.float32)
    window.flags.writeable = False
    return window


@cache
def _hann_exact(n_fft: int) -> npt.NDArray[np.float64]:
    window = np.asarray(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft))
    window.flags.writeable = False
    return window


def stft(audio: npt.NDArray[np.floating], n_fft: int = 2048, hop_length: int = 512, *, exact: bool = False) -> Spectrum:
    """Transform one channel.

    Parameters
    ----------
    audio : float (n_samples,)
    n_fft, hop_length : int, samples
    exact : bool
        Reckon in double precision, as librosa does, at twice the cost. In single precision
        bins 120 dB under the loudest hold little but rounding: harmless to the ear and to sums, but
        not where bins are compared with one another, such as above the cut of a lossy codec.

    Returns
    -------
    complex64 (n_frames, n_fft // 2 + 1), ``n_frames = 1 + n_samples // hop_length``
    """
    from scipy.fft import rfft

    _check(n_fft, hop_length)
    if audio.ndim != 1:
        raise ParameterError(f"audio has shape {audio.shape}; the transform takes one channel, (n_samples,)")
    padded = np.zeros(len(audio) + n_fft, dtype=np.float32)
    padded[n_fft // 2 : n_fft // 2 + len(audio)] = audio
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    count = n_frames(len(audio), hop_length)
    out = np.empty((count, n_fft // 2 + 1), dtype=np.complex64)
    window = _hann_exact(n_fft) if exact else hann(n_fft)
    for start in range(0, count, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, count)
        out[start:stop] = rfft(frames[start:stop] * window, axis=1, overwrite_x=True)
    return out


def istft(spectrum: npt.NDArray[np.complexfloating], n_samples: int, n_fft: int = 2048, hop_length: int = 512) -> Float:
    """Go back to sound by windowed overlap-add: the least-squares inverse (Griffin and Lim, 1984).

    Parameters
    ----------
    spectrum : complex (n_frames, n_bins)
        Fewer bins than ``n_fft // 2 + 1`` mean that the upper ones are empty.
    n_samples : int
        How long the sound was.

    Returns
    -------
    float32 (n_samples,)
    """
    from scipy.fft import irfft

    _check(n_fft, hop_length)
    count = len(spectrum)
    if n_fft % hop_length:
        raise ParameterError(f"hop_length={hop_length} must divide n_fft={n_fft} to go back to sound")
    parts = n_fft // hop_length
    window = hann(n_fft)
    # Sums of rows: row r of the padded sound is hop_length samples long.
    rows = np.zeros((count + parts - 1, hop_length), dtype=np.float32)
    for start in range(0, count, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, count)
        frames = irfft(spectrum[start:stop], n=n_fft, axis=1).astype(np.float32, copy=False)
        frames *= window
        cut = frames.reshape(stop - start, parts, hop_length)
        for part in range(parts):
            rows[start + part : stop + part] += cut[:, part]
    rows /= _overlap(count, n_fft, hop_length)
    sound = rows.ravel()[n_fft // 2 :]
    out = np.zeros(n_samples, dtype=np.float32)
    out[: min(n_samples, len(sound))] = sound[:n_samples]
    return out


def _overlap(count: int, n_fft: int, hop_length: int) -> Float:
    """What the squared windows add up to, row by row; 1 where they add up to nothing."""
    parts = n_fft // hop_length
    squared = (hann(n_fft) ** 2).reshape(parts, hop_length)
    total = np.zeros((count + parts - 1, hop_length), dtype=np.float32)
    for part in range(parts):
        total[part : part + count] += squared[part]
    return np.where(total > np.finfo(np.float32).tiny, total, np.float32(1.0))


def _check(n_fft: int, hop_length: int) -> None:
    if n_fft < 2 or n_fft % 2 or not 1 <= hop_length <= n_fft:
        raise ParameterError(f"n_fft={n_fft} must be even and hop_length={hop_length} between 1 and n_fft")
