"""How loud a frequency sounds: the A-weighting curve of IEC 61672-1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

POLES_HZ = (20.598997, 107.65265, 737.86223, 12194.217)
"""The curve's pole frequencies, IEC 61672-1, annex E."""

GAIN_DB = 2.0
"""What brings 1 kHz to 0 dB, rounded as in the standard."""


def a_weighting_db(frequency_hz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Decibels to add to a level at that frequency: 0 at 1 kHz, −19.1 at 100 Hz, −2.5 at 10 kHz.

    Takes hertz in any shape, gives float64 in the same shape; −inf at 0 Hz.
    """
    squared = np.asarray(frequency_hz, dtype=np.float64) ** 2
    p1, p2, p3, p4 = (pole**2 for pole in POLES_HZ)
    with np.errstate(divide="ignore"):
        return np.asarray(
            GAIN_DB
            + 20.0
            * (
                np.log10(p4)
                + 2.0 * np.log10(squared)
                - np.log10(squared + p4)
                - np.log10(squared + p1)
                - 0.5 * np.log10(squared + p2)
                - 0.5 * np.log10(squared + p3)
            )
        )
