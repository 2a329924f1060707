"""Watch a stream while it is made: silence, a frozen value, noise, a loop.

Nets that sample themselves can fall into a hole and stay there. The watchdog
looks at the last seconds of each stream; a stream that stays ill is rewound to
its last healthy moment and goes on with other dice, a little hotter, a bounded
number of times. Thresholds are far from what music does: a quiet bar or a held
chord is none of its business.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SILENT_DB = -60.0  #: RMS of the window; the smallest 8-bit mu-law step lies at -93 dB
FLAT_DEVIATION = 3e-4  #: standard deviation of a window that has frozen on a value
DC = 0.2  #: |mean| of a window
NOISE_FLATNESS = -0.35  #: ln(geometric / arithmetic mean) of the mean power spectrum; white noise: -0.03
NOISE_ENTROPY_SHARE = 0.93  #: of the largest possible entropy of the predictions
LOOP_CORRELATION = 0.997  #: of the window with itself one period earlier
LOOP_SHORTEST_S, LOOP_LONGEST_S = 0.05, 0.9
FRAME = 512
ILLNESSES = ("silence", "flatline", "dc", "noise", "loop")


def flatness(sound: npt.NDArray[np.floating]) -> float:
    """ln of the spectral flatness of the mean power spectrum: 0 is white, music lies below -1."""
    n = len(sound) // FRAME * FRAME
    frames = np.asarray(sound[:n], dtype=np.float64).reshape(-1, FRAME) * np.hanning(FRAME)
    power = (np.abs(np.fft.rfft(frames, axis=1)) ** 2).mean(0)[1:-1] + 1e-12
    return float(np.log(power).mean() - np.log(power.mean()))


def loop_correlation(sound: npt.NDArray[np.floating], sample_rate: int) -> tuple[float, float]:
    """(largest correlation of the window with itself, its period in s) over periods that are a loop, not a note."""
    from scipy.fft import irfft, next_fast_len, rfft

    x = np.asarray(sound, dtype=np.float64)
    x = x - x.mean()
    n = len(x)
    short, long = int(LOOP_SHORTEST_S * sample_rate), min(int(LOOP_LONGEST_S * sample_rate), n // 2)
    if long <= short or not (x**2).sum() > 0:
        return 0.0, 0.0
    size = next_fast_len(n + long, real=True)  # lags up to ``long`` do not reach around
    spectrum = rfft(x, size)
    correlation = irfft(np.abs(spectrum) ** 2, size)[: long + 1]
    energy = np.concatenate([[0.0], np.cumsum(x**2)])
    lags = np.arange(short, long + 1)
    scale = np.sqrt(energy[n - lags] * (energy[n] - energy[lags])) + 1e-12
    normal = correlation[lags] / scale
    best = int(np.argmax(normal))
    return float(normal[best]), float(lags[best] / sample_rate)


def diagnose(
    sound: npt.NDArray[np.floating], sample_rate: int, *, entropy: float | None = None, n_levels: int = 256
) -> str | None:
    """What a window of about two seconds suffers from, or None.

    A note held by a synthesiser repeats itself exactly too; only repetition whose
    period is longer than a note's counts as a loop, and only if nothing in the
    window has a shorter one.
    """
    deviation = float(np.std(sound))
    mean = float(np.mean(sound))
    if deviation < FLAT_DEVIATION:
        return "flatline" if abs(mean) > 1e-3 else "silence"
    if 20.0 * np.log10(np.sqrt(deviation**2 + mean**2)) < SILENT_DB:
        return "silence"
    if abs(mean) > DC:
        return "dc"
    if len(sound) >= 4 * FRAME and flatness(sound) > NOISE_FLATNESS:
        return "noise"
    if entropy is not None and entropy > NOISE_ENTROPY_SHARE * np.log2(n_levels):
        return "noise"
    strength, _ = loop_correlation(sound, sample_rate)
    if strength > LOOP_CORRELATION and len(sound) >= sample_rate:
        return "loop"
    return None
