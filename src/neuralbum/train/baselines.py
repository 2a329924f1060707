"""The lines a trained net is held against: how well simple predictors know the codes of a song.

    static      each code as often as in the training songs
    copy        what was played a bar ago, mixed with static in the best proportion
    regression  least squares from the last steps and the bars remembered (an autoregression of
                order four, and bars), as a Gaussian read at the codes

All are fitted on the training songs; the regression's deviations are scaled by one
factor, which is fitted on the songs that choose checkpoints. Numbers are bits for a
second of music.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..nets.codebook import N_GROUPS
from ..nets.form import FormCodec
from ..nets.grid import STEPS_PER_BAR
from ..nets.skeleton import ABSENT, Heard, Skeleton, SkeletonConfig
from .material import Copy, hear

SMOOTHING = 0.5
"""Added to every code's count."""
EVERY = 2
"""Every second step of the training songs is enough for the regression."""
RIDGE = 0.02
WIDENINGS = (1.0, 1.4, 2.0, 2.8, 4.0, 8.0, 16.0)
"""Factors on the regression's deviations that are tried: codes lie farther from it than on its own songs."""
MOST_STEPS = 4000
"""Steps of a song that are scored: about eight minutes."""
BLOCK = 1000

Solutions = list[tuple[Tensor, Tensor, Tensor]]


@dataclass(frozen=True)
class Songs:
    """Songs to be scored, and how many steps a second each has."""

    copies: Sequence[Copy]
    steps_per_s: Sequence[float]


def bits_per_second(songs: Songs, nats: Sequence[Tensor | np.ndarray]) -> float:
    """Nats of each song's steps (n_steps,) -> bits for a second of all of them together."""
    total = sum(float(n.sum()) for n in nats) / math.log(2.0)
    seconds = sum(len(n) / rate for n, rate in zip(nats, songs.steps_per_s, strict=True))
    return total / max(seconds, 1e-9)


@torch.no_grad()
def score(net: Skeleton, songs: Songs, form: FormCodec) -> float:
    """Bits per second of a skeleton that hears the songs as they are."""
    device = net.embedded.device
    nats = []
    for copy in songs.copies:
        state, parts = net.start(1), []
        for start in range(0, min(len(copy), MOST_STEPS), BLOCK):
            heard, codes = hear(copy, start, min(BLOCK, len(copy) - start), form)
            heard = moved(heard, device)
            features, state = net.trunk(heard, state)
            parts.append(net.negative_log_likelihood(features, heard, codes.to(device))[0].sum(-1).cpu())
        nats.append(torch.cat(parts))
    return bits_per_second(songs, nats)


def moved(heard: Heard, device: torch.device) -> Heard:
    """What is heard, on another device."""
    if device.type == "cpu":
        return heard
    return Heard(**{name: value.to(device) for name, value in vars(heard).items()})


# ---- counting ------------------------------------------------------------------


def static_and_copy(train: Sequence[Copy], n_codes: int, splits: Mapping[str, Songs]) -> dict[str, dict[str, float]]:
    """Split -> {"static", "copy"} in bits per second."""
    counts = np.full((N_GROUPS, n_codes), SMOOTHING)
    for copy in train:
        for group in range(N_GROUPS):
            counts[group] += np.bincount(copy.codes[:, group], minlength=n_codes)
    unigram = counts / counts.sum(1, keepdims=True)
    weights = _mixing([_static_and_same(copy, unigram) for copy in train])
    out = {}
    for split, songs in splits.items():
        parts = [_static_and_same(copy, unigram) for copy in songs.copies]
        out[split] = {
            "static": bits_per_second(songs, [-np.log(static).sum(1) for static, _, _ in parts]),
            "copy": bits_per_second(songs, [-np.log(_mixed(part, weights)).sum(1) for part in parts]),
        }
    return out


Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


def _static_and_same(copy: Copy, unigram: np.ndarray) -> Parts:
    """(probability by counts (n, N_GROUPS), whether the code is the one a bar ago, whether there is a bar before)."""
    n = min(len(copy), MOST_STEPS)
    codes = copy.codes[:n]
    before = np.full_like(codes, ABSENT)
    before[STEPS_PER_BAR:] = codes[:-STEPS_PER_BAR] if n > STEPS_PER_BAR else codes[:0]
    return unigram[np.arange(N_GROUPS), codes], codes == before, before != ABSENT


def _mixed(part: Parts, weights: np.ndarray) -> np.ndarray:
    static, same, known = part
    return np.where(known, weights * same + (1.0 - weights) * static, static)


def _mixing(parts: Sequence[Parts]) -> np.ndarray:
    """(N_GROUPS,) how much "as a bar ago" weighs, by expectation maximisation."""
    static, same, known = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    weights = np.full(N_GROUPS, 0.5)
    for _ in range(20):
        share = weights * same / np.maximum(weights * same + (1.0 - weights) * static, 1e-12)
        weights = np.where(known, share, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    return np.clip(weights, 1e-3, 1.0 - 1e-3)


# ---- regression ----------------------------------------------------------------


def regression(train: Sequence[Copy], embedded: Tensor, form: FormCodec) -> Solutions:
    """For each group the (weight, bias) that predict its embedding by least squares, and the deviations left."""
    n_steps, rows = embedded.shape[0], [_heard_and_codes(copy, form) for copy in train]
    out: Solutions = []
    for group in range(n_steps):
        gram: Tensor | float = 0.0
        target: Tensor | float = 0.0
        square: Tensor | float = 0.0
        count = 0
        for direct, codes in rows:
            told = [embedded[g][codes[:, g]] for g in range(group)]
            x = torch.cat([direct, *told, torch.ones(len(direct), 1)], 1)
            y = embedded[group][codes[:, group]]
            gram, target, square = gram + (x.T @ x).double(), target + (x.T @ y).double(), square + y.square().sum(0)
            count += len(x)
        assert isinstance(gram, Tensor)
        assert isinstance(target, Tensor)
        solved = torch.linalg.solve(gram + RIDGE * count * torch.eye(len(gram), dtype=torch.float64), target)
        left = (square - 2.0 * (solved * target).sum(0) + (solved * (gram @ solved)).sum(0)) / count
        out.append((solved[:-1].T.float(), solved[-1].float(), left.clamp_min(0.0).sqrt().float()))
    return out


def _heard_and_codes(copy: Copy, form: FormCodec) -> tuple[Tensor, Tensor]:
    heard, codes = hear(copy, 0, len(copy), form)
    return torch.cat([heard.past, heard.lagged, heard.form], -1)[0, ::EVERY], codes[0, ::EVERY]


def widened(solutions: Solutions, factor: float) -> Solutions:
    return [(weight, bias, left * factor) for weight, bias, left in solutions]


def linear_net(config: SkeletonConfig, embedded: Tensor, solutions: Solutions) -> Skeleton:
    """A net that is the regression and nothing else."""
    with torch.random.fork_rng(devices=[]):
        net = Skeleton(
            SkeletonConfig(config.n_latents, config.n_codes, config.n_form, width=1, n_blocks=0, hidden=1, dropout=0.0)
        )
    net.embedded.copy_(embedded)
    net.set_linear(solutions)
    with torch.no_grad():
        for layer in (*net.free, *net.gate, *net.again):  # a gate of zeros trusts the regression by exactly 1
            layer.weight.zero_()
            layer.bias.zero_()
    return net.eval()


def best_widening(
    config: SkeletonConfig, embedded: Tensor, solutions: Solutions, choosing: Songs, form: FormCodec
) -> float:
    """The factor on the deviations under which the songs that choose cost least; 2 where there are none."""
    if not choosing.copies:
        return 2.0
    bits = [score(linear_net(config, embedded, widened(solutions, w)), choosing, form) for w in WIDENINGS]
    return WIDENINGS[int(np.argmin(bits))]
