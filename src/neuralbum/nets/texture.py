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
from .grid import FRAMES_PER_STEP, STEPS_PER_BAR

ORDER = 2  #: frames back that a residual depends on
LAGS = (4 * STEPS_PER_BAR, 2 * STEPS_PER_BAR, STEPS_PER_BAR)
"""Steps back to where a code's residual is taken up again, if the code was the same there; failing these, to the last
step with the same code. In a band's songs the residuals of such two steps correlate by 0.2 to 0.8."""
N_MEMORIES = len(LAGS) + 1
PRIOR_STEPS = 8.0  #: a rarely used code's deviations lean on those of all codes by so many steps
RIDGE = 1e-3  #: of the diagonal's mean
LARGEST_RADIUS = 0.995  #: of the autoregression: above it, residuals would wander off
N_BROAD, SHARE = 4, 0.85
"""Left out of what is drawn: so many broad shapes of the spectrum, because a rise of everything at once is heard as an
onset, and onsets are for the codes to say; and a little of the rest, which costs no likeness and spares the beat."""
WARM_UP = 64  #: frames drawn before the first that counts

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Texture:
    """The residuals of a band's steps around their codes."""

    deviations: Floats  #: (n_codes, step size) dB; a column belongs to the group of its number
    transition: Floats  #: (ORDER * frame size, frame size): the last frames' residuals, newest first -> the next
    mixing: Floats  #: (frame size, frame size): independent normal numbers -> what is new in a frame
    memory: Floats  #: (N_GROUPS, N_MEMORIES): correlation of a residual with the one it takes up

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
        mixing = SHARE * _without_broad(axes * np.sqrt(np.maximum(values, 0.0)), codebook.spec.n_bands)
        memory = _memory(coded, deviations, codebook)
        return cls(deviations, transition.astype(np.float32), mixing.T.astype(np.float32), memory)

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
        groups = groups_of(codebook.spec)
        column = np.concatenate([np.full(len(chosen), group) for group, chosen in enumerate(groups)])
        column = column[np.argsort(np.concatenate(groups))]
        source, kind = taken_up(codes)
        each, numbers = np.arange(N_GROUPS), np.arange(len(column))
        for step in range(len(codes)):
            kept = np.where(source[step] >= 0, self.memory[each, kind[step]], 0.0).astype(np.float32)[column]
            before = steps[np.maximum(source[step], 0)[column], numbers]
            steps[step] = kept * before + np.sqrt(1.0 - kept**2) * steps[step]
        return np.asarray(steps * _of_codes(self.deviations, codes, codebook) * np.sqrt(temperature)[:, None])


def _without_broad(mixing: npt.NDArray[np.float64], n_bands: int) -> npt.NDArray[np.float64]:
    """Without the ``N_BROAD`` first components of a cosine transform over the bands."""
    places = (np.arange(n_bands)[:, None] + 0.5) / n_bands
    broad = np.cos(np.pi * places * np.arange(N_BROAD))
    broad /= np.linalg.norm(broad, axis=0)
    out = mixing.copy()
    out[:n_bands] -= broad @ (broad.T @ mixing[:n_bands])
    return out


def taken_up(codes: Ints) -> tuple[Ints, Ints]:
    """For each code (n_steps, N_GROUPS) the step whose residual it takes up, or -1, and which memory that is."""
    n = len(codes)
    source, kind = np.full(codes.shape, -1, dtype=np.int64), np.full(codes.shape, len(LAGS), dtype=np.int64)
    for group in range(codes.shape[1]):
        last: dict[int, int] = {}
        for step, code in enumerate(codes[:, group].tolist()):
            source[step, group] = last.get(code, -1)
            last[code] = step
    for i, lag in reversed(list(enumerate(LAGS))):
        at = np.arange(lag, n)[:, None]
        same = codes[lag:] == codes[: max(0, n - lag)]
        source[lag:], kind[lag:] = np.where(same, at - lag, source[lag:]), np.where(same, i, kind[lag:])
    return source, kind


def _memory(coded: Sequence[tuple[Ints, Floats]], deviations: Floats, codebook: Codebook) -> Floats:
    """How alike residuals are to those they take up, (N_GROUPS, N_MEMORIES)."""
    both, square = np.zeros((N_GROUPS, N_MEMORIES)), np.full((N_GROUPS, N_MEMORIES), 1e-6)
    for codes, residual in coded:
        scaled = residual / _of_codes(deviations, codes, codebook)
        source, kind = taken_up(codes)
        for group, chosen in enumerate(groups_of(codebook.spec)):
            at = np.flatnonzero(source[:, group] >= 0)
            now, then = scaled[at][:, chosen], scaled[source[at, group]][:, chosen]
            np.add.at(both[group], kind[at, group], (now * then).sum(1))
            np.add.at(square[group], kind[at, group], (0.5 * (now**2 + then**2)).sum(1))
    return np.clip(both / square, 0.0, 0.99).astype(np.float32)


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
