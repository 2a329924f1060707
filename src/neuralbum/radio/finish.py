"""The last steps before the encoder: no DC, the mark of generated sound, no peak above the ceiling."""

from __future__ import annotations

import numpy as np

from ..audio.limiter import Limiter
from ..marking import Marker, Payload
from .mixer import Audio
from .params import RATE

LOWEST_HZ = 15.0


class Finish:
    """Feed it the mix block by block; it gives as many samples in all, in bursts of 0.7 s while it marks.

    ``album`` is the number that the mark says; song 0 of an album is its radio. None: no mark.
    """

    def __init__(self, album: int | None) -> None:
        from scipy.signal import butter

        self._marker = None if album is None else Marker(RATE, 2, Payload(album=album, song=0))
        self._limiter = Limiter(RATE, 2)
        self._sections = butter(2, LOWEST_HZ, "highpass", fs=RATE, output="sos")
        self._state = np.zeros((1, 2, 2))

    def __call__(self, mix: Audio) -> Audio:
        """float32 (2, n) -> (2, m)."""
        from scipy.signal import sosfilt

        passed, self._state = sosfilt(self._sections, mix.astype(np.float64), axis=1, zi=self._state)
        sound = passed.astype(np.float32)
        if self._marker is not None:
            sound = self._marker(sound)
        return self._limiter(sound) if sound.shape[1] else sound
