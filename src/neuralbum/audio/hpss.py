"""Split a spectrogram into harmony, percussion and what is neither.

A held tone is a ridge along time, a hit a ridge along frequency. A median
along time wipes out hits, a median along frequency wipes out tones
(Fitzgerald, DAFx 2010). Each gets a soft mask; a margin above 1 asks that one
outweighs the other clearly, and leaves the rest, noise mostly, to a residual
(Driedger, Müller and Disch, ISMIR 2014). Definitions as in librosa, with
kernels of 31 frames and 31 bins and power 2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

Float = npt.NDArray[np.float32]

REACH = 15
"""Frames before and after that a mask depends on."""


def hpss_masks(magnitude: Float, margin: float = 1.0) -> tuple[Float, Float]:
    """Masks for harmony and percussion.

    Parameters
    ----------
    magnitude : float32 (n_frames, n_bins), >= 0
    margin : float >= 1
        1 splits everything between the two; 3 leaves a good deal of noise to the residual.

    Returns
    -------
    (mask_h, mask_p) : float32 (n_frames, n_bins) in [0, 1]
        At margin 1 they add up to 1 wherever there is any energy.
    """
    from ..kernels.masks import soft_masks
    from ..kernels.medians import running_median

    if margin < 1:
        raise ParameterError(f"margin={margin:g} must be at least 1; 1 leaves no residual, 3 is usual")
    harmonic = running_median(magnitude, axis=0)
    percussive = running_median(magnitude, axis=1)
    return soft_masks(harmonic, percussive, margin)
