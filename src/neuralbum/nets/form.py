"""Form: one token a bar, and a small exact model of which bar follows which.

A bar is described by the mean of its latents, reduced to a dozen principal components
and then to the nearest of a few dozen centres: its token. What a token means (how loud,
which chord, which section's sound) is in its centre, which the skeleton hears; so a net
need not have seen a token often to know what is asked for.

Tokens follow each other by a mixture of simple experts: "the same as 1, 2, 4, 8 bars ago", and
"on to something else": what followed the last two (backed off to what followed the last one,
and to how often a token occurs) without what the others say. The experts' weights are fitted
by expectation maximisation, each song by the counts of the other songs and of what it played
before, so that songs are not learned by heart: how long things stay and when they come back is
what is learned; where a take goes when it goes on is where the band's songs went from there.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

COPIES = (1, 2, 4, 8)
N_EXPERTS = 1 + len(COPIES)
SMOOTHING = 0.1
"""Added to every token's count."""
LEAST = 1e-4
"""Share of every token in a copy that is none: what keeps all probabilities above zero."""
BACK_OFF = 0.2
"""Observations that the shorter past counts for: a song of the band hardly has a token in common with another, and a
form that goes anywhere is no song's."""
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
        _, vectors = np.linalg.eigh(np.cov((weighted - weighted.mean(0)).T))
        axes = deviations[:, None] * vectors[:, ::-1][:, :n_form]
        described = bars @ axes
        scale = np.maximum(described.std(0), 0.2 * described[:, 0].std())
        n_tokens = min(n_tokens, max(1, len(bars) // 4))
        with warnings.catch_warnings():  # an empty cluster keeps its centre; then a token is never used
            warnings.simplefilter("ignore", UserWarning)
            centres, _ = kmeans2(described.astype(np.float64), n_tokens, iter=25, minit="++", rng=rng)
        return cls(axes.astype(np.float32), scale.astype(np.float32), (centres / scale).astype(np.float32))

    def tokens(self, bars: Floats) -> Ints:
        """(n_bars, n_latents) -> (n_bars,)."""
        return self.distances(self.describe(bars)).argmin(1)

    def describe(self, bars: Floats) -> Floats:
        """Mean latents (n_bars, n_latents) -> (n_bars, n_form), in deviations."""
        return bars @ self.axes / self.scale

    def distances(self, described: Floats) -> Floats:
        """Squared distances to the centres, (n_bars, n_tokens), in the units of the principal components."""
        apart: Floats = ((described[:, None] - self.centres[None]) ** 2 * self.scale**2).sum(-1)
        return apart


class FormModel:
    """Which token follows: exact probabilities.

    Parameters
    ----------
    songs : for each song the tokens of its copies (as it is, and transposed)
    """

    def __init__(self, n_tokens: int, songs: Sequence[Sequence[Ints]]) -> None:
        self.n_tokens = n_tokens
        self.counts = Counts(n_tokens, [copy for song in songs for copy in song])
        self.weights = np.full(N_EXPERTS, 1.0 / N_EXPERTS)
        rows = []
        for i, song in enumerate(songs):
            others = Counts(n_tokens, [copy for j, other in enumerate(songs) if j != i for copy in other])
            rows += [self._experts(song[0][:at], others)[:, song[0][at]] for at in range(1, len(song[0]))]
        for _ in range(ROUNDS if rows else 0):
            share = np.asarray(rows) * self.weights
            self.weights = (share / np.maximum(share.sum(1, keepdims=True), 1e-12)).mean(0)

    def _experts(self, past: Sequence[int] | Ints, counts: Counts) -> npt.NDArray[np.float64]:
        """(N_EXPERTS, n_tokens) probabilities after ``past``."""
        out = np.zeros((N_EXPERTS, self.n_tokens))
        out[0] = counts.pairs[past[-1]] if len(past) else counts.singles
        if len(past) > 1:
            out[0] = counts.triples.get((int(past[-2]), int(past[-1])), out[0])
        known = [(i, past[-back]) for i, back in enumerate(COPIES) if len(past) >= back]
        for i, token in known:
            out[0, token] = 0.0  # what comes again is the others' business
            out[1 + i] = LEAST / self.n_tokens
            out[1 + i, token] += 1.0 - LEAST
        out[0] = (1.0 - LEAST) * out[0] / max(out[0].sum(), 1e-12) + LEAST / self.n_tokens
        return out

    def probabilities(self, past: Sequence[int] | Ints) -> npt.NDArray[np.float64]:
        """(n_tokens,) of the next bar's token."""
        mixed = self.weights @ self._experts(past, self.counts)  # less than 1 where some copies are not there yet
        return np.asarray(mixed / mixed.sum())

    def bits(self, song: Ints) -> float:
        """Bits a bar of a song that was not counted."""
        return float(-np.mean([np.log2(self.probabilities(song[:at])[song[at]]) for at in range(len(song))]))

    def sample(self, first: int, n_bars: int, *, rng: np.random.Generator) -> Ints:
        """A form of ``n_bars`` tokens that begins with ``first``."""
        tokens = [first]
        while len(tokens) < n_bars:
            tokens.append(int(rng.choice(self.n_tokens, p=self.probabilities(tokens))))
        return np.asarray(tokens[:n_bars], dtype=np.int64)


class Counts:
    """How often tokens occur and follow each other, as smoothed probabilities."""

    def __init__(self, n_tokens: int, songs: Sequence[Ints]) -> None:
        single, pair = np.full(n_tokens, SMOOTHING), np.zeros((n_tokens, n_tokens))
        triple: dict[tuple[int, int], npt.NDArray[np.float64]] = {}
        for song in songs:
            np.add.at(single, song, 1.0)
            np.add.at(pair, (song[:-1], song[1:]), 1.0)
            for a, b, c in zip(song[:-2].tolist(), song[1:-1].tolist(), song[2:].tolist(), strict=True):
                triple.setdefault((a, b), np.zeros(n_tokens))[c] += 1.0
        self.singles = single / single.sum()
        self.pairs = _backed_off(pair, self.singles)
        self.triples = {two: _backed_off(row, self.pairs[two[1]]) for two, row in triple.items()}


def _backed_off(counts: npt.NDArray[np.float64], to: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Counts (…, n) with a share of one more observation spread as ``to``."""
    return (counts + BACK_OFF * to) / (counts.sum(-1, keepdims=True) + BACK_OFF)
