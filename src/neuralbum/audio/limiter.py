"""A look-ahead limiter: no sample leaves above the ceiling, and the gain never jumps.

For each sample the gain that would just suffice; of those the least within the look-ahead; of these the moving
average over as many samples. The average of values that all suffice suffices, too, and moves in ramps of the
look-ahead's length; what lies below the ceiling for longer than twice that passes untouched.

Pure: sound in, sound out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Audio = npt.NDArray[np.float32]

CEILING_DB = -1.5  #: of samples; peaks between them are about a decibel higher
LOOK_AHEAD_S = 0.02


class Limiter:
    """Feed it sound block by block; the blocks' sizes do not change what comes out."""

    def __init__(
        self, sample_rate: int, channels: int, *, ceiling_db: float = CEILING_DB, look_ahead_s: float = LOOK_AHEAD_S
    ) -> None:
        self.ceiling = 10.0 ** (ceiling_db / 20.0)
        self._half = max(1, round(look_ahead_s * sample_rate / 2))
        self.delay = 2 * self._half  #: samples by which the sound comes out later
        self._sound = np.zeros((channels, self.delay), dtype=np.float32)
        self._needed = np.ones(2 * self.delay)

    def __call__(self, audio: Audio) -> Audio:
        """float32 (channels, n) in, as many samples out: those of ``delay`` samples ago."""
        from scipy.ndimage import minimum_filter1d, uniform_filter1d

        peak = np.abs(audio).max(axis=0).astype(np.float64)
        needed = np.concatenate([self._needed, self.ceiling / np.maximum(peak, self.ceiling)])
        sound = np.concatenate([self._sound, audio], axis=1)
        width, half, n = self.delay + 1, self._half, audio.shape[1]
        least = minimum_filter1d(needed, width)[half : len(needed) - half]
        gain = uniform_filter1d(least, width)[half : len(least) - half]
        self._needed = needed[len(needed) - 2 * self.delay :]
        self._sound = sound[:, n:]
        limited = (sound[:, :n] * gain).astype(np.float32)
        return np.clip(limited, -self.ceiling, self.ceiling, out=limited)  # rounding of the running sums
