"""A few linear predictors that between them know a corpus: a codebook of spectra, by Lloyd's rounds.

Each short frame of the music belongs to the predictor that leaves least of it; each
predictor is then fitted to its frames, every frame weighing the same however loud it is
(the Itakura distortion of Gray et al. 1980, as in vector quantisers of speech).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FRAME = 1024  #: samples a predictor may be chosen for
MOST_FRAMES = 8000  #: of a corpus, evenly spread
ROUNDS = 12
LOADING = 1e-4  #: of the power, so that no predictor relies on what quantisation leaves
QUIET = 1e-3  #: RMS under which a frame teaches nothing

Float64 = npt.NDArray[np.float64]


def autocorrelations(frames: npt.NDArray[np.floating], order: int) -> Float64:
    """(n, FRAME) -> (n, order + 1), windowed, of power 1."""
    n_fft = 1 << (2 * frames.shape[1] - 1).bit_length()
    power = np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]), n_fft, axis=1)) ** 2
    r = np.fft.irfft(power, axis=1)[:, : order + 1]
    return np.asarray(r / r[:, :1], dtype=np.float64)


def predictors(r: Float64) -> Float64:
    """(n, order + 1) autocorrelations -> (n, order) weights of the newest sample first."""
    order = r.shape[1] - 1
    i = np.arange(order)
    matrix = r[:, np.abs(i[:, None] - i)] + (LOADING * r[:, :1, None]) * np.eye(order)
    return np.asarray(np.linalg.solve(matrix, r[:, 1:, None])[..., 0], dtype=np.float64)


def left_over(r: Float64, weights: Float64) -> Float64:
    """Power each of (K, order) predictors leaves of each of (n, order + 1) frames, (n, K)."""
    whitening = np.concatenate([np.ones((len(weights), 1)), -weights], axis=1)
    order = weights.shape[1]
    own = np.stack([(whitening[:, : order + 1 - lag] * whitening[:, lag:]).sum(1) for lag in range(order + 1)], axis=1)
    own[:, 1:] *= 2.0
    return np.asarray(np.maximum(r @ own.T, 1e-6))


def fit(sounds: Sequence[npt.NDArray[np.floating]], *, order: int, size: int, seed: int = 0) -> Float64:
    """Predictors (order, size) for a corpus; the same for the same sounds and seed.

    A corpus of silence gives zeros: nothing is predicted.
    """
    frames = np.concatenate([sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME) for sound in sounds])
    frames = frames[:: max(1, len(frames) // MOST_FRAMES)].astype(np.float64)
    frames = frames[np.sqrt((frames**2).mean(1)) > QUIET]
    if len(frames) == 0:
        return np.zeros((order, size))
    r = autocorrelations(frames, order)
    rng = np.random.default_rng([seed, 5])
    weights = predictors(r[rng.choice(len(r), size, replace=len(r) < size)])
    for _ in range(ROUNDS):
        left = left_over(r, weights)
        nearest = left.argmin(1)
        share = 1.0 / left[np.arange(len(r)), nearest]
        for k in range(size):
            mine = nearest == k
            if mine.any():
                weights[k] = predictors((r[mine] * share[mine, None]).sum(0, keepdims=True) / share[mine].sum())[0]
            else:  # of no use to anybody: begin again with the frame that is served worst
                weights[k] = predictors(r[[int(left.min(1).argmax())]])[0]
    return weights.T.copy()
