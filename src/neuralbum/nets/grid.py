"""Steps: music cut at its own beat, sixteen steps to a bar, eight frames to a step.

A song's frames are read at even places of its bars, so that every song has the same
tempo. A step is then a note's or a stroke's length, "one bar ago" is sixteen steps ago
whatever the tempo, and the tempo itself is a choice made when steps become frames again.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..audio.bars import Bars

STEPS_PER_BAR = 16
FRAMES_PER_STEP = 8

Floats = npt.NDArray[np.float32]


def to_steps(frames: Floats, bars: Bars) -> tuple[Floats, int]:
    """Frames (n, size) read along a song's bars.

    Returns
    -------
    float32 (n_steps, FRAMES_PER_STEP * size), and the place in the bar (0 to 15) of the first step
    """
    cells = STEPS_PER_BAR * FRAMES_PER_STEP
    places = np.arange((len(bars.starts) - 1) * cells) / cells
    at = bars.frame(places)
    inside = ((at >= 0) & (at <= len(frames) - 1)).reshape(-1, FRAMES_PER_STEP).all(1)
    first = int(inside.argmax())
    read = _read(frames, at.reshape(-1, FRAMES_PER_STEP)[inside].ravel())
    return read.reshape(-1, FRAMES_PER_STEP * frames.shape[1]), first % STEPS_PER_BAR


def from_steps(steps: Floats, bar_frames: float, first: int = 0) -> Floats:
    """Steps (n_steps, FRAMES_PER_STEP * size) played with bars of ``bar_frames`` frames: (n_frames, size)."""
    flat = steps.reshape(len(steps) * FRAMES_PER_STEP, -1)
    n_frames = int(len(steps) / STEPS_PER_BAR * bar_frames)
    return _read(flat, np.arange(n_frames) / bar_frames * STEPS_PER_BAR * FRAMES_PER_STEP)


def _read(frames: Floats, at: npt.NDArray[np.float64]) -> Floats:
    """Rows at fractional places, linear between neighbours."""
    at = np.clip(at, 0.0, len(frames) - 1.001)
    below = at.astype(np.int64)
    weight = (at - below).astype(np.float32)[:, None]
    return frames[below] * (1.0 - weight) + frames[below + 1] * weight
