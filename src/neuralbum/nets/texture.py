"""Texture: what a step's codes do not say of it, drawn anew for every take.

Decoded codes are means over many moments of the music: right on average, and much too
smooth (their MFCCs move a third as much from frame to frame as a recording's, and by that
alone anybody can tell them apart). What is missing is a Gaussian process with the band's
own statistics: the residual of each number of a frame has the deviation that it has
around its code, and from frame to frame and band to band the correlations of a vector
autoregression (Lütkepohl, *New Introduction to Multiple Time Series Analysis*, 2005, ch. 3).

Pure: arrays in, arrays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .codebook import N_GROUPS, Codebook, groups_of
from .grid import FRAMES_PER_STEP

ORDER = 2  #: frames back that a residual depends on
PRIOR_STEPS = 8.0  #: a rarely used code's deviations lean on those of all codes by so many steps
RIDGE = 1e-3  #: of the diagonal's mean
LARGEST_RADIUS = 0.995  #: of the autoregression: above it, residuals would wander off
WARM_UP = 64  #: frames drawn before the first that counts

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Texture:
    """The residuals of a band's steps around their codes."""

    deviations: Floats  #: (n_codes, step size) dB; a column belongs to the group of its number
    transition: Floats  #: (ORDER * frame size, frame size): the last frames' residuals, newest first -> the next
    mixing: Floats  #: (frame size, frame size): independent normal numbers -> what is new in a frame

    @classmethod
    def fit(cls, songs: Sequence[Floats], codebook: Codebook) -> Texture:
        """From songs' steps, (n_steps, FRAMES_PER_STEP * size) each."""
        coded = [(codes := codebook.encode(steps), steps - codebook.decode(codes)) for steps in songs]
        deviations = _deviations(coded, codebook)
        size = codebook.spec.size
        seen: npt.NDArray[np.float64] = np.zeros((ORDER * size, ORDER * size))
        both: npt.NDArray[np.float64] = np.zeros((ORDER * size, size))
        own: npt.NDArray[np.float64] = np.zeros((size, size))
        n = 0
        for codes, residual in coded:
            scaled = (residual / _of_codes(deviations, codes, codebook)).reshape(-1, size).astype(np.float64)
            before = np.concatenate([scaled[ORDER - lag : len(scaled) - lag] for lag in range(1, ORDER + 1)], 1)
            after = scaled[ORDER:]
            seen += before.T @ before
            both += before.T @ after
            own += after.T @ after
            n += len(after)
        ridge = RIDGE * np.trace(seen) / len(seen) * np.eye(len(seen))
        transition = _steady(np.linalg.solve(seen + ridge, both))
        new = (own - both.T @ transition - transition.T @ both + transition.T @ seen @ transition) / max(n, 1)
        values, axes = np.linalg.eigh((new + new.T) / 2.0)
        mixing = axes * np.sqrt(np.maximum(values, 0.0))
        return cls(deviations, transition.astype(np.float32), mixing.T.astype(np.float32))

    def draw(self, codes: Ints, codebook: Codebook, temperature: Floats, rng: np.random.Generator) -> Floats:
        """What to add to the decoded codes (n_steps, N_GROUPS), (n_steps, FRAMES_PER_STEP * size) dB.

        ``temperature`` (n_steps,) flattens or sharpens the Gaussian: its variance is multiplied by it.
        """
        n_frames, size = len(codes) * FRAMES_PER_STEP, codebook.spec.size
        new = rng.standard_normal((WARM_UP + n_frames, size), dtype=np.float32) @ self.mixing
        residual = np.zeros((ORDER + len(new), size), dtype=np.float32)
        for frame, drawn in enumerate(new):
            last = residual[frame : frame + ORDER][::-1].ravel()
            residual[frame + ORDER] = last @ self.transition + drawn
        steps = residual[-n_frames:].reshape(len(codes), -1)
        return np.asarray(steps * _of_codes(self.deviations, codes, codebook) * np.sqrt(temperature)[:, None])


def _deviations(coded: Sequence[tuple[Ints, Floats]], codebook: Codebook) -> Floats:
    """Root mean square of the residuals around each code, (n_codes, step size)."""
    out = np.empty((codebook.n_codes, coded[0][1].shape[1]), dtype=np.float32)
    for group, chosen in enumerate(groups_of(codebook.spec)):
        squares, counts = np.zeros((codebook.n_codes, len(chosen))), np.zeros((codebook.n_codes, 1))
        for codes, residual in coded:
            np.add.at(squares, codes[:, group], np.square(residual[:, chosen], dtype=np.float64))
            counts[:, 0] += np.bincount(codes[:, group], minlength=codebook.n_codes)
        whole = squares.sum(0) / counts.sum()
        out[:, chosen] = np.sqrt((squares + PRIOR_STEPS * whole) / (counts + PRIOR_STEPS) + 1e-6)
    return out


def _of_codes(deviations: Floats, codes: Ints, codebook: Codebook) -> Floats:
    """(n_steps, step size): each number's deviation around its step's code."""
    out = np.empty((len(codes), deviations.shape[1]), dtype=np.float32)
    groups = groups_of(codebook.spec)
    assert len(groups) == N_GROUPS
    for group, chosen in enumerate(groups):
        out[:, chosen] = deviations[codes[:, group]][:, chosen]
    return out


def _steady(transition: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """An autoregression whose residuals stay bounded: one that is not is damped."""
    size = transition.shape[1]
    companion = np.zeros((ORDER * size, ORDER * size))
    companion[:size] = transition.T
    companion[size:, :-size] = np.eye((ORDER - 1) * size)
    radius = float(np.abs(np.linalg.eigvals(companion)).max())
    factor = min(1.0, LARGEST_RADIUS / radius)
    return transition * np.repeat(factor ** np.arange(1, ORDER + 1), size)[:, None]
