"""How far apart two clouds of points are, and how much of one the other covers.

*Fréchet distance* between Gaussians (Fréchet Audio Distance, Kilgour et al. 2019, in
any embedding), *coverage* (Naeem et al., ICML 2020), and the *effective
number* of different things in a cloud (Vendi score, Friedman & Dieng 2023).

A distance means nothing alone: each is printed beside its *floor*, what two random
halves of the band itself measure.

Pure: arrays in, numbers out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """Centre, whiten by the band's own spread, and keep its principal components."""

    mean: Floats
    axes: Floats  #: (n_numbers, n_components)

    def __call__(self, points: npt.ArrayLike) -> Floats:
        return (np.asarray(points, dtype=np.float64) - self.mean) @ self.axes


def fit_scale(band: npt.ArrayLike, components: int) -> Scale:
    """Learn the scale from the band's points (n_points, n_numbers): standardised, then its principal components.

    Components keep their own variances, so loud differences stay loud; only units are taken out.
    """
    points = np.asarray(band, dtype=np.float64)
    if len(points) < 2:
        raise ParameterError(f"{len(points)} patches of the band; at least 2 are needed to know its spread")
    mean, spread = points.mean(axis=0), points.std(axis=0)
    scaled = (points - mean) / np.maximum(spread, 1e-9)
    _, _, directions = np.linalg.svd(scaled, full_matrices=False)
    axes = directions[: min(components, len(directions))].T / np.maximum(spread, 1e-9)[:, None]
    return Scale(mean, axes)


def frechet(a: Floats, b: Floats) -> float:
    """Squared Fréchet distance between the Gaussians of two clouds (n, d).

    The trace of the root of Ca Cb is taken through eigenvalues of the symmetric
    Ca^½ Cb Ca^½, which needs no complex square root (Dowson & Landau 1982).
    """
    ca, cb = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    values, vectors = np.linalg.eigh(ca)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cb @ root), 0.0)).sum()
    gap = a.mean(axis=0) - b.mean(axis=0)
    return float(max(0.0, gap @ gap + np.trace(ca) + np.trace(cb) - 2 * shared))


def bandwidth(points: Floats) -> float:
    """The median distance between points: the kernel's width."""
    squares = squared_distances(points, points)[np.triu_indices(len(points), 1)]
    middle = float(np.median(squares)) if squares.size else 1.0
    return float(np.sqrt(max(middle, 1e-12)))


def coverage(band: Floats, album: Floats, neighbours: int, owners: npt.NDArray[np.integer] | None = None) -> float:
    """The share of the band's k-nearest-neighbour balls that the album reaches.

    A ball reaches from a band's point to its k-th nearest fellow, with ``owners``
    (the song of each point) to the k-th nearest of *another* song: patches of one song are so
    alike that balls among them would be too small for any other song to reach. Alike
    clouds without owners give about 1 − 2^−k; an album of one thing loses coverage
    (unless that thing is the band's average, which lies near everything: look at the effective number too).
    """
    k = min(neighbours, len(band) - 1)
    if k < 1:
        return 0.0
    among = squared_distances(band, band)
    np.fill_diagonal(among, np.inf)
    if owners is not None:
        among[owners[:, None] == owners[None, :]] = np.inf
    radius = np.partition(among, k - 1, axis=1)[:, k - 1]
    inside = squared_distances(band, album) <= np.where(np.isfinite(radius), radius, 0.0)[:, None]
    return float(inside.any(axis=1).mean())


def effective_number(points: Floats, width: float) -> float:
    """The Vendi score: how many different things a cloud holds; 1 for copies, n for n unlike ones."""
    similarity = np.exp(-squared_distances(points, points) / (2 * width**2)) / len(points)
    values = np.linalg.eigvalsh(similarity)
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def spread(points: Floats) -> float:
    """Root of the mean squared distance from the centre."""
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))


def squared_distances(a: Floats, b: Floats) -> Floats:
    """All squared Euclidean distances, (len(a), len(b))."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    return np.asarray(np.maximum(squares, 0.0))
