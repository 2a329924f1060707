"""Constant-Q transform: one bin per semitone, so that a bin is a note.

Each bin is a Hann-windowed wave of the note's frequency, some 17 cycles long,
slid over the sound. An octave below, the same twelve waves fit the sound at
half the rate (Brown, 1991; Schörkhuber and Klapuri, 2010): so there is one
small matrix, applied to the sound halved again and again. Magnitudes are
those of ``librosa.cqt`` within a fraction of a decibel; what differs is how the
rate is halved.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

Float = npt.NDArray[np.float32]

C1_HZ = 440.0 * 2.0 ** (-45 / 12)
"""32.70 Hz: the C four octaves and a sixth below concert pitch."""

PER_OCTAVE = 12
QUALITY = (2.0 ** (2 / PER_OCTAVE) + 1.0) / (2.0 ** (2 / PER_OCTAVE) - 1.0)
"""Frequency over bandwidth for neighbouring semitones, as librosa has it: 17.3."""

THINNED = 0.01
"""Share of each wave's spectrum that librosa drops."""

HALVER_TAPS = 57
HALVER_ATTENUATION_DB = 80.0
HALVED_AT_ONCE = 32


def frequencies(n_bins: int = 84) -> npt.NDArray[np.float64]:
    """The notes' frequencies in Hz, from C1 up."""
    return np.asarray(C1_HZ * 2.0 ** (np.arange(n_bins) / PER_OCTAVE))


def lowest_rate(n_bins: int = 84) -> float:
    """The lowest sample rate in Hz that carries the highest note and its sidebands: 11 kHz for 84 bins."""
    top = float(frequencies(n_bins)[-1])
    # Half the rate >= the note + half its main lobe (2 / length on each side) + room for the halver's slope.
    return 2.0 * top * (1.0 + 2.0 / QUALITY) * 1.245


def reach_s(sample_rate: float, n_bins: int = 84) -> float:
    """Seconds before and after a frame that its lowest bin depends on."""
    octaves = n_bins // PER_OCTAVE
    waves = len(_waves(float(sample_rate), n_bins)) / 2 * 2 ** (octaves - 1)
    halvers = (HALVER_TAPS // 2) * (2 ** (octaves - 1) - 1)
    return (waves + halvers + 1) / sample_rate


def cqt(audio: Float, sample_rate: float, hop_length: int, n_bins: int = 84) -> Float:
    """Magnitudes of the constant-Q transform of one channel.

    Parameters
    ----------
    audio : float32 (n_samples,)
    sample_rate : Hz, at least ``lowest_rate(n_bins)``
    hop_length : samples; divisible by 2 for each octave but the highest
        Frame ``i`` is centred on sample ``i * hop_length``.
    n_bins : whole octaves, 12 bins each

    Returns
    -------
    float32 (1 + n_samples // hop_length, n_bins)
        A full-scale sine on a note gives half the root of its wave's length in samples.
    """
    octaves, rest = divmod(n_bins, PER_OCTAVE)
    if rest or octaves < 1:
        raise ParameterError(f"n_bins={n_bins} must be whole octaves of {PER_OCTAVE}")
    if hop_length % 2 ** (octaves - 1):
        raise ParameterError(f"hop_length={hop_length} must be divisible by {2 ** (octaves - 1)} for {octaves} octaves")
    if sample_rate < lowest_rate(n_bins):
        raise ParameterError(
            f"sample_rate={sample_rate:g} Hz is too low for {n_bins} notes: at least {lowest_rate(n_bins):.0f} Hz"
        )
    waves = _waves(float(sample_rate), n_bins)  # (n_taps, 2 * 12)
    n_taps = len(waves)
    count = 1 + len(audio) // hop_length
    out = np.empty((count, n_bins), dtype=np.float32)
    sound = np.ascontiguousarray(audio, dtype=np.float32)
    for octave in reversed(range(octaves)):
        hop = hop_length >> (octaves - 1 - octave)
        padded = np.zeros((count - 1) * hop + n_taps, dtype=np.float32)
        stop = min(len(sound), len(padded) - n_taps // 2)
        padded[n_taps // 2 : n_taps // 2 + stop] = sound[:stop]
        frames = np.lib.stride_tricks.sliding_window_view(padded, n_taps)[::hop]
        both = np.ascontiguousarray(frames) @ waves
        real, imaginary = both[:, :PER_OCTAVE], both[:, PER_OCTAVE:]
        out[:, octave * PER_OCTAVE : (octave + 1) * PER_OCTAVE] = np.sqrt(real**2 + imaginary**2)
        if octave:
            sound = halve(sound)
    out *= np.sqrt(QUALITY * sample_rate / frequencies(n_bins)).astype(np.float32)
    return out


def halve(audio: Float) -> Float:
    """Half the sample rate; sample ``i`` of the result lies on sample ``2 * i``. Flat up to 0.8 of the new band.

    The filter stands HALVED_AT_ONCE times in a matrix, each copy two samples further
    on: a matrix product does it nine times faster than ``scipy.signal.upfirdn``.
    """
    matrix = _halver()
    count = (len(audio) + 1) // 2
    rows = -(-count // HALVED_AT_ONCE)
    padded = np.zeros((rows - 1) * 2 * HALVED_AT_ONCE + len(matrix), dtype=np.float32)
    reach = HALVER_TAPS // 2
    padded[reach : reach + len(audio)] = audio[: len(padded) - reach]
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(matrix))[:: 2 * HALVED_AT_ONCE]
    return np.asarray((windows.copy() @ matrix).ravel()[:count], dtype=np.float32)


@cache
def _halver() -> Float:
    from scipy.signal import firwin, kaiser_beta

    taps = firwin(HALVER_TAPS, 0.5, window=("kaiser", kaiser_beta(HALVER_ATTENUATION_DB)))
    matrix = np.zeros((2 * HALVED_AT_ONCE - 2 + HALVER_TAPS, HALVED_AT_ONCE), dtype=np.float32)
    for column in range(HALVED_AT_ONCE):
        matrix[2 * column : 2 * column + HALVER_TAPS, column] = taps
    return matrix


@cache
def _waves(sample_rate: float, n_bins: int) -> Float:
    """The top octave's waves, real parts then imaginary parts: float32 (n_taps, 24), n_taps a power of 2.

    librosa thins the waves' spectra (the smallest coefficients, 1 % of each sum, are
    dropped), which changes weak bins by half a decibel. The same is done here, so that
    the numbers are comparable, and turned back into waves.
    """
    notes = frequencies(n_bins)[-PER_OCTAVE:]
    lengths = QUALITY * sample_rate / notes
    n_taps = int(2 ** np.ceil(np.log2(lengths.max())))
    spectra = np.zeros((PER_OCTAVE, n_taps), dtype=np.complex128)
    for row, (note, length) in enumerate(zip(notes, lengths, strict=True)):
        place = np.arange(-length // 2, length // 2)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(place)) / len(place))
        start = (n_taps - len(place)) // 2
        spectra[row, start : start + len(place)] = (
            window / window.sum() * np.exp(2j * np.pi * note / sample_rate * place)
        )
    spectra = np.fft.fft(spectra, axis=1)
    spectra[:, n_taps // 2 + 1 :] = 0.0
    size = np.abs(spectra)
    ascending = np.sort(size, axis=1)
    dropped = np.cumsum(ascending, axis=1) < THINNED * ascending.sum(axis=1, keepdims=True)
    first_kept = np.take_along_axis(ascending, (~dropped).argmax(axis=1)[:, None], axis=1)
    spectra[size < first_kept] = 0.0
    waves = np.fft.fft(spectra, axis=1).T / n_taps  # sum of B[k] e^(−2πikn/N): what the frame is multiplied with
    return np.concatenate([waves.real, waves.imag], axis=1).astype(np.float32)
