"""Codes: what a skeleton draws. A step of the music becomes one index for each of a few bands of the spectrum.

A predicted mean of several chords is a blur; a drawn index is one chord. So steps are
quantised by k-means, separately in bands (bass, low chords, chords, voices, presence,
air, and the widths): bands combine freely, which a single index for the whole spectrum
would not let them, and each codebook stays small enough to be learned from minutes of
music. For the net each step is also a point: the principal components of what its codes
stand for, a sum of one vector a code.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy.cluster.vq import kmeans2

from .frames import FrameSpec
from .grid import FRAMES_PER_STEP

BANDS_FROM_HZ = (0.0, 155.0, 350.0, 700.0, 1400.0, 4000.0)
"""Where the quantised bands begin; the widths are one more."""
N_GROUPS = len(BANDS_FROM_HZ) + 1
N_EMBEDDED = 16
"""Principal components of a group's centres by which the net knows how near two codes are."""
SAMPLE = 30_000  #: steps that k-means sees
ITERATIONS = 12
NOTES_BELOW_HZ, NOTE_WEIGHT, WIDTH_WEIGHT = 1500.0, 1.3, 0.5
"""How much numbers count in a step's principal components: notes more, widths less."""
RIDGE = 1e-2  #: of the diagonal's mean
LEAST_VARIANCE = 1e-4  #: of the first component's: smaller ones are not blown up

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def groups_of(spec: FrameSpec) -> list[Ints]:
    """Which numbers of a step (frames laid end to end) belong to each group."""
    band = np.searchsorted(np.asarray(BANDS_FROM_HZ), spec.centres, side="right") - 1
    group = np.tile(np.concatenate([band, np.full(spec.size - spec.n_bands, N_GROUPS - 1)]), FRAMES_PER_STEP)
    return [np.flatnonzero(group == g) for g in range(N_GROUPS)]


@dataclass(frozen=True)
class Codebook:
    """Typical steps of a band's music, group by group."""

    spec: FrameSpec
    centres: tuple[Floats, ...]  #: for each group (n_codes, its numbers), dB
    vectors: Floats  #: (N_GROUPS, n_codes, n_latents): a step's latents are the sum of its codes' vectors
    deviations: Floats  #: (n_latents,) how many dB a latent of 1 is, over a whole step
    embedded: Floats  #: (N_GROUPS, n_codes, N_EMBEDDED) principal components of the centres; deviation 1 for the first
    refinement: (
        Floats  #: (3 * N_GROUPS * N_EMBEDDED, step size) what a step's codes and its neighbours' add to its centres
    )

    @classmethod
    def fit(
        cls, songs: Sequence[Floats], spec: FrameSpec, n_codes: int, n_latents: int, *, rng: np.random.Generator
    ) -> Codebook:
        """From songs' steps, (n_steps, FRAMES_PER_STEP * spec.size) each."""
        sample = np.concatenate(songs)
        sample = sample[rng.permutation(len(sample))[:SAMPLE]]
        n_codes = min(n_codes, max(2, len(sample) // 8))
        centres = []
        for chosen in groups_of(spec):
            with warnings.catch_warnings():  # an empty cluster keeps its centre; then a code is never used
                warnings.simplefilter("ignore", UserWarning)
                found, _ = kmeans2(sample[:, chosen], n_codes, iter=ITERATIONS, minit="points", rng=rng)
            centres.append(found.astype(np.float32))
        bands = np.where(spec.centres < NOTES_BELOW_HZ, NOTE_WEIGHT, 1.0)
        weight = np.concatenate([bands, np.full(spec.size - spec.n_bands, WIDTH_WEIGHT)])
        weight = np.tile(weight, FRAMES_PER_STEP).astype(np.float32)
        mean = sample.mean(0)
        values, axes = np.linalg.eigh(np.cov(((sample - mean) * weight).T))
        values, axes = np.maximum(values[::-1][:n_latents], LEAST_VARIANCE * values[-1]), axes[:, ::-1][:, :n_latents]
        encoder = (weight[:, None] * axes / np.sqrt(values)).astype(np.float32)
        vectors = [(c - mean[chosen]) @ encoder[chosen] for c, chosen in zip(centres, groups_of(spec), strict=True)]
        plain = cls(
            spec, tuple(centres), np.stack(vectors).astype(np.float32), np.sqrt(values).astype(np.float32),
            _embeddings(centres), np.zeros((3 * N_GROUPS * N_EMBEDDED, sample.shape[1]), dtype=np.float32),
        )  # fmt: skip
        return replace(plain, refinement=plain._refine(songs))

    def _refine(self, songs: Sequence[Floats]) -> Floats:
        """Least squares with a ridge: what the centres miss, from the codes of a step and of its two neighbours.

        It takes the edges off between steps and bands, which are quantised apart.
        """
        gram: npt.NDArray[np.float64] | float = 0.0
        target: npt.NDArray[np.float64] | float = 0.0
        for steps in songs:
            codes = self.encode(steps)
            told = self._neighbours(codes)
            gram = gram + told.T.astype(np.float64) @ told
            target = target + told.T.astype(np.float64) @ (steps - self._centres_of(codes))
        assert isinstance(gram, np.ndarray)
        ridge = RIDGE * float(np.trace(gram)) / len(gram) * np.eye(len(gram))
        return np.linalg.solve(gram + ridge, target).astype(np.float32)

    def _neighbours(self, codes: Ints) -> Floats:
        """(n_steps, N_GROUPS) -> (n_steps, 3 * N_GROUPS * N_EMBEDDED): embeddings of its neighbours and itself."""
        own = np.concatenate([self.embedded[g][codes[:, g]] for g in range(N_GROUPS)], 1)
        padded = np.concatenate([own[:1], own, own[-1:]])
        return np.concatenate([padded[:-2], own, padded[2:]], 1)

    @property
    def n_codes(self) -> int:
        return len(self.centres[0])

    def encode(self, steps: Floats) -> Ints:
        """(n_steps, FRAMES_PER_STEP * size) -> (n_steps, N_GROUPS)."""
        sound, out = torch.from_numpy(steps), np.empty((len(steps), N_GROUPS), dtype=np.int64)
        for g, chosen in enumerate(groups_of(self.spec)):
            centres = torch.from_numpy(self.centres[g])
            near = sound[:, torch.from_numpy(chosen)] @ centres.T - 0.5 * centres.square().sum(1)
            out[:, g] = near.argmax(1).numpy()
        return out

    def decode(self, codes: Ints) -> Floats:
        """(n_steps, N_GROUPS) -> (n_steps, FRAMES_PER_STEP * size): the codes' centres, refined by their neighbours."""
        return self._centres_of(codes) + self._neighbours(codes) @ self.refinement

    def _centres_of(self, codes: Ints) -> Floats:
        steps = np.empty((len(codes), FRAMES_PER_STEP * self.spec.size), dtype=np.float32)
        for g, chosen in enumerate(groups_of(self.spec)):
            steps[:, chosen] = self.centres[g][codes[:, g]]
        return steps

    def latents(self, codes: Ints) -> Floats:
        """(…, N_GROUPS) -> (…, n_latents)."""
        total: Floats = sum(self.vectors[g][codes[..., g]] for g in range(N_GROUPS))
        return total


def _embeddings(groups: Sequence[Floats]) -> Floats:
    """(N_GROUPS, n_codes, N_EMBEDDED)."""
    out = np.zeros((len(groups), len(groups[0]), N_EMBEDDED), dtype=np.float32)
    for g, centres in enumerate(groups):
        centred = centres - centres.mean(0)
        _, values, axes = np.linalg.svd(centred, full_matrices=False)
        n = min(N_EMBEDDED, len(values))
        out[g, :, :n] = centred @ axes[:n].T / max(values[0] / np.sqrt(len(centres)), 1e-6)
    return out
