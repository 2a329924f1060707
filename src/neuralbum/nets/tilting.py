"""Tilting: what a net plays by itself is brought to the band's own statistics.

A net that foresees the band's songs well still plays otherwise when it hears itself (exposure
bias): it uses some codes twice as often as the band, sounds rise at places where they should
be held, and a bar keeps to its form too loosely. So the logits of a code get a sum of a few
weighted features added, an exponential tilting of the net's distribution:

    code   which code it is
    rise   how much louder its group gets from the last step on, in bins; told apart by how many
           of the groups before rise in this step, and by whether this group rose here a bar ago
    again  how far it is from the code 1, 2 and 4 bars ago, in bins; the three are told apart by which of
           them the last bar's worth of steps has followed best
    form   how much likelier the band plays it in bars of this form token (pointwise mutual information)

The weights are moved by the logarithm of the band's statistics over those of what the net plays,
round by round, until both agree: iterative scaling (Darroch and Ratcliff, Annals of Mathematical
Statistics, 1972), with the expectations measured on free-running samples.

Pure: codes in, weights out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from .codebook import N_GROUPS, Codebook, groups_of
from .grid import FRAMES_PER_STEP, STEPS_PER_BAR

LAGS = (STEPS_PER_BAR, 2 * STEPS_PER_BAR, 4 * STEPS_PER_BAR)  #: steps back to the codes that "again" looks at
FOLLOWED_FOR = STEPS_PER_BAR  #: steps over which it is judged which lag is followed
EDGES = (0.2, 0.4, 0.6, 0.8, 0.9, 0.96)
"""Quantiles of the band's rises, or distances, between two bins; the largest ones are told apart finely."""
N_BINS = len(EDGES) + 2  #: the first holds what stays the same
WEAK, STRONG = 2, 4  #: bins from which a rise counts as one
N_TOGETHER, N_AGO = 3, 4  #: no, few, most of the groups before rise; none, weak, strong, unknown a bar ago
EDGE = 3  #: frames at the end of a step that are held against as many at the beginning of the next
CODE_PRIOR, CLASS_PRIOR, BIN_PRIOR, TOKEN_PRIOR = 2.0, 40.0, 5.0, 16.0  #: observations added to the counts
LARGEST_STEP, LARGEST_CODE = 2.0, 3.0  #: nats: how far a round moves a weight; how far a code's goes in all
AGAIN_RATE = 0.5  #: of the rate: the three lags say much the same

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Statistics of some music: how often each feature occurs."""

    code: Doubles  #: (N_GROUPS, n_codes) shares
    rise: Doubles  #: (N_GROUPS, N_TOGETHER * N_AGO, N_BINS) shares of the bins in each class
    again: Doubles  #: (N_GROUPS, len(LAGS), N_BINS) shares
    form: Doubles  #: (N_GROUPS,) mean mutual information of code and token, nats
    form_variance: Doubles  #: (N_GROUPS,)

    def apart(self, other: Moments) -> float:
        """Mean relative entropy of the codes' shares, nats: 0 where both use their codes alike."""
        return float((self.code * np.log(self.code / other.code)).sum(-1).mean())


class Tilt(nn.Module):
    """See the module's head. Without ``measure_band`` and ``move`` it adds nothing."""

    code: Tensor
    rise: Tensor
    again: Tensor
    form: Tensor
    rounds: Tensor  #: int64: how often the weights were moved
    rises: Tensor  #: int64 (N_GROUPS, n_codes, n_codes): the bin of a rise from one code to another
    distances: Tensor  #: the same for how far two codes are from each other
    information: Tensor  #: float32 (N_GROUPS, n_tokens, n_codes), nats

    def __init__(self, n_codes: int, n_tokens: int) -> None:
        super().__init__()
        shapes: dict[str, tuple[int, ...]] = {
            "code": (N_GROUPS, n_codes), "rise": (N_GROUPS, N_TOGETHER * N_AGO, N_BINS),
            "again": (N_GROUPS, len(LAGS), N_BINS), "form": (N_GROUPS,), "information": (N_GROUPS, n_tokens, n_codes),
        }  # fmt: skip
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape))
        for name in ("rises", "distances"):
            self.register_buffer(name, torch.zeros(N_GROUPS, n_codes, n_codes, dtype=torch.int16))
        self.register_buffer("rounds", torch.zeros((), dtype=torch.int64))

    def forward(
        self, group: int, drawn: Tensor, last: Tensor, bar_ago: tuple[Tensor, Tensor] | None, then: Tensor,
        tokens: Tensor,
    ) -> Tensor:  # fmt: skip
        """What to add to the logits of a group's codes, (n, n_codes).

        Parameters
        ----------
        drawn : int64 (n, group), the codes of the groups before
        last : int64 (n, N_GROUPS), the last step's codes
        bar_ago : the codes a bar before this step and before the last one; None where there was no such bar
        then : int64 (n, len(LAGS), N_GROUPS), the codes ``LAGS`` steps ago as ``followed_first`` orders them, negative
            where there are none
        tokens : int64 (n,), the form tokens of the bars
        """
        before = [self.rises[g][last[:, g], drawn[:, g]] for g in range(group)]
        together = _together(torch.stack(before, -1)) if before else torch.zeros_like(tokens)
        ago = torch.full_like(tokens, N_AGO - 1)
        if bar_ago is not None:
            ago = _strength(self.rises[group][bar_ago[1][:, group], bar_ago[0][:, group]])
        kind = together * N_AGO + ago
        out = self.code[group] + self.rise[group][kind[:, None], self.rises[group][last[:, group]].long()]
        for lag in range(len(LAGS)):
            codes = then[:, lag, group]
            far = self.distances[group][codes.clamp_min(0)].long()
            out = out + self.again[group, lag][far] * (codes >= 0)[:, None]
        return out + self.form[group] * self.information[group][tokens]

    def followed_first(self, codes: Tensor, first: int = 0) -> Tensor:
        """Which lag the last steps have followed best, and the others after it.

        Parameters
        ----------
        codes : int64 (n, n_steps, N_GROUPS) of music that began at step ``first``

        Returns
        -------
        int64 (n, len(LAGS)), lags in steps; those that reach back before ``first`` come last
        """
        end, scores = codes.shape[1], []
        for lag in LAGS:
            begin = max(end - FOLLOWED_FOR, first + lag)
            if begin >= end:
                scores.append(torch.full((len(codes),), float(N_BINS)))
                continue
            now, then = codes[:, begin:], codes[:, begin - lag : end - lag]
            bins = [self.distances[g][then[..., g], now[..., g]] for g in range(N_GROUPS)]
            scores.append(torch.stack(bins, -1).float().mean((1, 2)))
        return torch.tensor(LAGS)[torch.stack(scores, -1).argsort(dim=-1, stable=True)]

    def measure_band(
        self, codebook: Codebook, songs: Sequence[tuple[Ints, Ints]], copies: Sequence[tuple[Ints, Ints]]
    ) -> Moments:
        """Find the bins and what tokens say of codes, and return the band's moments.

        Parameters
        ----------
        songs : codes (n_steps, N_GROUPS) and the form token of each step (n_steps,), of the band's songs as they are
        copies : the same of all copies, transposed ones among them: what a token says of codes is learned from these
        """
        for group, chosen in enumerate(groups_of(codebook.spec)):
            steps = codebook.centres[group].reshape(codebook.n_codes, FRAMES_PER_STEP, -1)
            assert steps.shape[1] * steps.shape[2] == len(chosen)
            begin, end, mean = steps[:, :EDGE].mean(1), steps[:, -EDGE:].mean(1), steps.mean(1)
            rise = np.maximum(begin[None] - end[:, None], 0.0).mean(-1)
            far = np.sqrt(np.square(mean[None] - mean[:, None]).mean(-1))
            codes = [song[:, group] for song, _ in songs]
            self.rises[group] = torch.from_numpy(_binned(rise, codes, 1))
            self.distances[group] = torch.from_numpy(_binned(far, codes, LAGS[0]))
        counts = np.zeros(tuple(self.information.shape))
        for codes_of, tokens in copies:
            for group in range(N_GROUPS):
                np.add.at(counts[group], (tokens, codes_of[:, group]), 1.0)
        whole = counts.sum(1, keepdims=True) + 1.0
        whole /= whole.sum(-1, keepdims=True)
        share = (counts + TOKEN_PRIOR * whole) / (counts.sum(-1, keepdims=True) + TOKEN_PRIOR)
        self.information.copy_(torch.from_numpy(np.log(share / whole)))
        return self.moments(songs)

    def moments(self, music: Sequence[tuple[Ints, Ints]]) -> Moments:
        """The statistics of some music: codes (n_steps, N_GROUPS) and the form token of each step (n_steps,)."""
        rises, distances, information = (x.numpy() for x in (self.rises, self.distances, self.information))
        code, rise, again = np.zeros(self.code.shape), np.zeros(self.rise.shape), np.zeros(self.again.shape)
        told = []
        for codes, tokens in music:
            rising = np.stack([rises[g][codes[:-1, g], codes[1:, g]] for g in range(N_GROUPS)], -1).astype(np.int64)
            ago = np.full(rising.shape, N_AGO - 1)
            ago[STEPS_PER_BAR:] = _strength(torch.from_numpy(rising[:-STEPS_PER_BAR])).numpy()
            for g in range(N_GROUPS):
                np.add.at(code[g], codes[:, g], 1.0)
                together = _together(torch.from_numpy(rising[:, :g])).numpy() if g else 0
                np.add.at(rise[g], (together * N_AGO + ago[:, g], rising[:, g]), 1.0)
            for place, lag in enumerate(self._followed(codes).T):
                at = np.flatnonzero(np.arange(len(codes)) >= lag)
                for g in range(N_GROUPS):
                    np.add.at(again[g, place], distances[g][codes[at - lag[at], g], codes[at, g]], 1.0)
            told.append(np.stack([information[g][tokens, codes[:, g]] for g in range(N_GROUPS)], -1))
        said = np.concatenate(told).astype(np.float64)
        common = _shares(rise.sum(1, keepdims=True) + BIN_PRIOR)
        return Moments(
            _shares(code + CODE_PRIOR), _shares(rise + CLASS_PRIOR * common), _shares(again + BIN_PRIOR),
            said.mean(0), said.var(0),
        )  # fmt: skip

    def _followed(self, codes: Ints) -> Ints:
        """``followed_first`` for every step of some music, (n_steps, len(LAGS))."""
        distances, scores = self.distances.numpy(), np.full((len(codes), len(LAGS)), float(N_BINS))
        for i, lag in enumerate(LAGS):
            if len(codes) <= lag + 1:
                continue
            apart = np.mean([distances[g][codes[:-lag, g], codes[lag:, g]] for g in range(N_GROUPS)], 0)
            total = np.concatenate([[0.0], np.cumsum(apart)])
            n = np.arange(1, len(apart))  # steps of the lag that are known before each step
            begin = np.maximum(n - FOLLOWED_FOR, 0)
            scores[lag + 1 :, i] = (total[n] - total[begin]) / (n - begin)
        return np.asarray(LAGS)[scores.argsort(1, kind="stable")]

    def move(self, band: Moments, played: Moments, rate: float) -> None:
        """Move the weights by a share ``rate`` of what parts ``played`` from the ``band``."""

        def step(name: str, by: float) -> Tensor:
            ratio = np.log(getattr(band, name) / getattr(played, name))
            return torch.from_numpy(by * np.clip(ratio, -LARGEST_STEP, LARGEST_STEP)).float()

        self.code += step("code", rate)
        self.code.clamp_(-LARGEST_CODE, LARGEST_CODE)
        self.rise += step("rise", rate)
        self.again += step("again", AGAIN_RATE * rate)
        self.form += torch.from_numpy(rate * (band.form - played.form) / np.maximum(band.form_variance, 0.1)).float()
        self.rounds += 1


def _binned(values: npt.NDArray[np.floating[Any]], songs: Sequence[Ints], lag: int) -> npt.NDArray[np.int16]:
    """(n_codes, n_codes) bins: 0 on the diagonal, the others by ``EDGES`` of the songs' pairs ``lag`` steps apart."""
    pairs = [values[song[:-lag], song[lag:]][song[:-lag] != song[lag:]] for song in songs]
    found = np.concatenate(pairs)
    edges = np.quantile(found, EDGES) if len(found) else np.zeros(len(EDGES))
    bins = 1 + np.searchsorted(edges, values)
    np.fill_diagonal(bins, 0)
    return bins.astype(np.int16)


def _strength(bins: Tensor) -> Tensor:
    """0, 1 or 2: no, a weak, a strong rise."""
    return (bins >= WEAK).long() + (bins >= STRONG).long()


def _together(bins: Tensor) -> Tensor:
    """(…, n groups) -> 0, 1 or 2: no group, fewer than half of them, more of them rise strongly."""
    share = (bins >= STRONG).float().mean(-1)
    return (share > 0.0).long() + (share >= 0.5).long()


def _shares(counts: Doubles) -> Doubles:
    return np.asarray(counts / counts.sum(-1, keepdims=True))
