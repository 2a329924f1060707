"""Form: one token a bar, and a small exact model of which bar follows which.

A bar is described by the mean of its latents, reduced to a dozen principal components
and then to the nearest of a few dozen centres: its token. What a token means (how loud,
which chord, which section's sound) is in its centre, which the skeleton hears; so a net
need not have seen a token often to know what is asked for.

Tokens follow each other by a mixture of simple experts: how often a token occurs, what
followed the last one and the last two, and "the same as 1, 2, 4, 8 bars ago". The
experts' weights are fitted by expectation maximisation on counts from which each bar's
own contribution is taken out (leave-one-out), so that songs are not learned by heart.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

COPIES = (1, 2, 4, 8)
N_EXPERTS = 3 + len(COPIES)
SMOOTHING = 0.1
"""Added to every token's count."""
ROUNDS = 30


@dataclass(frozen=True)
class FormCodec:
    """Bars to tokens."""

    axes: Floats  #: (n_latents, n_form)
    scale: Floats  #: (n_form,) deviation of each number of a description
    centres: Floats  #: (n_tokens, n_form), in deviations

    @classmethod
    def fit(
        cls, bars: Floats, deviations: Floats, n_form: int, n_tokens: int, *, rng: np.random.Generator
    ) -> FormCodec:
        """From bars' mean latents, (n_bars, n_latents); ``deviations`` says how much each latent weighs, in dB."""
        weighted = bars * deviations
        values, vectors = np.linalg.eigh(np.cov((weighted - weighted.mean(0)).T))
        axes = deviations[:, None] * vectors[:, ::-1][:, :n_form]
        described = bars @ axes
        scale = np.maximum(described.std(0), 0.2 * described[:, 0].std())
        n_tokens = min(n_tokens, max(1, len(bars) // 4))
        centres, _ = kmeans2(described.astype(np.float64), n_tokens, iter=25, minit="++", rng=rng)
        return cls(axes.astype(np.float32), scale.astype(np.float32), (centres / scale).astype(np.float32))

    def tokens(self, bars: Floats) -> Ints:
        """(n_bars, n_latents) -> (n_bars,)."""
        described = bars @ self.axes / self.scale
        distance = ((described[:, None] - self.centres[None]) ** 2 * self.scale**2).sum(-1)
        return distance.argmin(1)


class FormModel:
    """Which token follows: exact probabilities."""

    def __init__(self, n_tokens: int, songs: Sequence[Ints]) -> None:
        self.n_tokens = n_tokens
        self.singles: Counter[int] = Counter()
        self.pairs: Counter[tuple[int, int]] = Counter()
        self.triples: Counter[tuple[int, int, int]] = Counter()
        self.followed: Counter[int] = Counter()
        self.followed_two: Counter[tuple[int, int]] = Counter()
        for song in songs:
            s = [int(t) for t in song]
            self.singles.update(s)
            self.pairs.update(zip(s, s[1:], strict=False))
            self.followed.update(s[:-1])
            self.triples.update(zip(s, s[1:], s[2:], strict=False))
            self.followed_two.update(zip(s[:-1], s[1:-1], strict=False))
        self.weights = np.full(N_EXPERTS, 1.0 / N_EXPERTS)
        self._fit(songs)

    def _fit(self, songs: Sequence[Ints]) -> None:
        said = [
            [
                self._experts([int(t) for t in song[:i]], without=int(song[i]))[:, int(song[i])]
                for i in range(1, len(song))
            ]
            for song in songs
        ]
        table = np.concatenate([np.asarray(rows) for rows in said if rows]) if any(said) else np.zeros((0, N_EXPERTS))
        for _ in range(ROUNDS if len(table) else 0):
            share = table * self.weights
            self.weights = (share / np.maximum(share.sum(1, keepdims=True), 1e-12)).mean(0)

    def _experts(self, past: list[int], *, without: int | None = None) -> npt.NDArray[np.float64]:
        """(N_EXPERTS, n_tokens) probabilities after ``past``; ``without`` takes one occurrence out of the counts."""
        n, out = self.n_tokens, np.empty((N_EXPERTS, self.n_tokens))
        minus = np.zeros(n)
        if without is not None:
            minus[without] = 1.0
        even = np.full(n, 1.0 / n)

        def normal(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            counts = np.maximum(counts - minus, 0.0) + SMOOTHING
            return counts / counts.sum()

        out[0] = normal(np.array([self.singles[t] for t in range(n)], dtype=float))
        out[1] = normal(np.array([self.pairs[past[-1], t] for t in range(n)], dtype=float)) if past else even
        two = (past[-2], past[-1]) if len(past) > 1 else None
        out[2] = normal(np.array([self.triples[(*two, t)] for t in range(n)], dtype=float)) if two else out[1]
        for i, back in enumerate(COPIES):
            out[3 + i] = SMOOTHING / n
            if len(past) >= back:
                out[3 + i, past[-back]] += 1.0 - SMOOTHING
            else:
                out[3 + i] = even
        return out

    def probabilities(self, past: Sequence[int]) -> npt.NDArray[np.float64]:
        """(n_tokens,) of the next bar's token."""
        mixed = self.weights @ self._experts(list(past))
        return np.asarray(mixed / mixed.sum())

    def bits(self, song: Ints) -> float:
        """Bits a bar of a song that was not counted."""
        said = [self.probabilities([int(t) for t in song[:i]])[int(song[i])] for i in range(len(song))]
        return float(-np.log2(said).mean())

    def sample(self, first: int, n_bars: int, *, rng: np.random.Generator) -> Ints:
        """A form of ``n_bars`` tokens that begins with ``first``."""
        tokens = [first]
        while len(tokens) < n_bars:
            tokens.append(int(rng.choice(self.n_tokens, p=self.probabilities(tokens))))
        return np.asarray(tokens[:n_bars], dtype=np.int64)
