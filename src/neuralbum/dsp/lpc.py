"""How well plain linear prediction does: the line every net has to beat.

Backward-adaptive linear prediction of order 32, the method of lossless and
low-delay coders: coefficients come from the past only (autocorrelation of the
last window, Levinson-Durbin), so nothing needs to be trained or sent. The
residual is taken as Laplace distributed with a scale that follows its recent
magnitude; the probability of a level is the Laplace mass between the
quantiser's edges. Bits per sample of this model on the same quantised signal
can be compared with a net's, and depend on the music in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from . import front_end, mulaw

ORDER = 32
WINDOW = 1024  #: samples the coefficients are estimated from (64 ms at 16 kHz)
HOP = 64  #: samples between estimates
SCALE_MEMORY = 0.99  #: of the running mean of |residual|
WHITE = 1e-6  #: noise added to the diagonal, relative
FRAME = 4096  #: samples of a frame of ``mean_autocorrelation``
QUIET = 1e-3  #: RMS under which such a frame tells nothing
MIX = 1e-3  #: share of a uniform distribution, so that a surprise costs at most 18 bits

Float64 = npt.NDArray[np.float64]


def levinson(autocorrelation: Float64) -> Float64:
    """Levinson-Durbin for many frames at once.

    Parameters
    ----------
    autocorrelation : float64 (n_frames, order + 1)

    Returns
    -------
    float64 (n_frames, order)
        Predictor coefficients: the next sample is sum(c[k] * x[t − 1 − k]).
    """
    n_frames, order = autocorrelation.shape[0], autocorrelation.shape[1] - 1
    coefficients = np.zeros((n_frames, order))
    error = np.maximum(autocorrelation[:, 0], 1e-12)
    for i in range(order):
        known = coefficients[:, :i]
        ahead = autocorrelation[:, i + 1] - np.einsum("fk,fk->f", known, autocorrelation[:, i:0:-1])
        reflection = np.clip(ahead / error, -0.9999, 0.9999)
        coefficients[:, :i] = known - reflection[:, None] * known[:, ::-1]
        coefficients[:, i] = reflection
        error = error * (1.0 - reflection**2)
    return coefficients


def mean_autocorrelation(sounds: Iterable[npt.NDArray[np.floating]], order: int) -> Float64:
    """Autocorrelations (order + 1,) of the mean spectrum of sounds, of power 1; every frame weighs the same.

    Silence is passed over; of nothing else it gives zeros.
    """
    total, n = np.zeros(order + 1), 0
    for sound in sounds:
        frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
        frames = frames[np.sqrt((frames.astype(np.float64) ** 2).mean(1)) > QUIET]
        for few in np.array_split(frames, -(-len(frames) // 256) or 1):  # 256 frames of 4096 are 8 MiB
            power = np.abs(np.fft.rfft(few * np.hanning(FRAME), 2 * FRAME, axis=1)) ** 2
            r = np.fft.irfft(power, axis=1)[:, : order + 1]
            total += (r / r[:, :1]).sum(0)
            n += len(r)
    return total / max(n, 1)


def predict(signal: npt.NDArray[np.floating], order: int = ORDER) -> Float64:
    """Predict each sample from the past alone, float64 (n_samples,).

    The coefficients for samples [t, t + HOP) come from the WINDOW samples before
    t, weighted by a window that rises slowly and falls fast at its recent end.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    x = np.concatenate([np.zeros(WINDOW), np.asarray(signal, dtype=np.float64)])
    n_samples = len(x) - WINDOW
    fall = WINDOW // 8
    window = np.concatenate(
        [
            np.sin(np.pi / 2 * (np.arange(WINDOW - fall) + 0.5) / (WINDOW - fall)) ** 2,
            np.cos(np.pi / 2 * (np.arange(fall) + 0.5) / fall) ** 2,
        ]
    )
    n_fft = next_fast_len(WINDOW + order)
    starts = np.arange(0, n_samples, HOP)
    taps = np.lib.stride_tricks.sliding_window_view(x, order)  # taps[t] = x[t : t + order]
    predicted = np.zeros(n_samples)
    for block in range(0, len(starts), 2048):  # 2048 frames of 1024 are 16 MiB
        frames = x[starts[block : block + 2048, None] + np.arange(WINDOW)] * window
        spectrum = rfft(frames, n_fft, axis=1)
        correlation = irfft(spectrum.real**2 + spectrum.imag**2, n_fft, axis=1)[:, : order + 1]
        correlation[:, 0] = correlation[:, 0] * (1.0 + WHITE) + 1e-9
        coefficients = levinson(correlation)
        first = starts[block]
        last = min(first + len(coefficients) * HOP, n_samples)
        per_sample = np.repeat(coefficients, HOP, axis=0)[: last - first]
        past = taps[first + WINDOW - order : last + WINDOW - order][:, ::-1]  # newest first
        predicted[first:last] = np.einsum("tk,tk->t", per_sample, past)
    return predicted


def laplace_bits(levels: npt.NDArray[np.integer], predicted: Float64, n_levels: int = 256) -> Float64:
    """Bits each level costs under a Laplace distribution around ``predicted``, float64 (n_samples,).

    The scale is the running mean of the residual's magnitude, from the past only.
    """
    from scipy.signal import lfilter

    amplitude = mulaw.table(n_levels).astype(np.float64)[levels]
    magnitude = np.abs(amplitude - predicted)
    follow, _ = lfilter([1 - SCALE_MEMORY], [1, -SCALE_MEMORY], magnitude, zi=np.array([SCALE_MEMORY * 0.05]))
    scale = np.concatenate([[0.05], follow[:-1]]) + 1e-5
    inner = front_end.edges(n_levels)
    below = np.concatenate([[-np.inf], inner])[levels]
    above = np.concatenate([inner, [np.inf]])[levels]
    a, b = (below - predicted) / scale, (above - predicted) / scale
    tail_a, tail_b = 0.5 * np.exp(-np.abs(a)), 0.5 * np.exp(-np.abs(b))
    mass = np.where(a >= 0, tail_a - tail_b, np.where(b <= 0, tail_b - tail_a, 1.0 - tail_a - tail_b))
    return np.asarray(-np.log2((1 - MIX) * mass + MIX / n_levels), dtype=np.float64)


def lpc_bits(levels: npt.NDArray[np.integer], n_levels: int = 256, *, order: int = ORDER) -> float:
    """Mean bits per sample of backward-adaptive linear prediction on a quantised song."""
    if len(levels) < WINDOW:
        raise ParameterError(f"{len(levels)} samples are too few for linear prediction; it needs {WINDOW}")
    amplitude = mulaw.table(n_levels)[levels]
    return float(laplace_bits(levels, predict(amplitude, order), n_levels).mean())


def histogram_bits(train: npt.NDArray[np.integer], heldout: npt.NDArray[np.integer], n_levels: int = 256) -> float:
    """Mean bits per sample if every sample were drawn from the training music's histogram."""
    counts = np.bincount(np.asarray(train, dtype=np.int64), minlength=n_levels) + 1.0
    return float(-np.log2(counts / counts.sum())[heldout].mean())
