"""Bits per sample on songs the net was not trained on, beside the lines it has to beat.

State is carried through each song; the split is by song, so nothing leaks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import torch

from ..dsp import lpc
from .songs import Ear, Song, windows_of

if TYPE_CHECKING:
    from .conditions import Told
    from .presets import Net
    from .tiers import Tiers

WINDOW = 8192


def ear_of(net: Net) -> Ear | None:
    """What the net's forecasts are made of; None for nets that hear none."""
    if not net.uses_forecast:
        return None
    tiers = cast("Tiers", net)
    return Ear(tiers.config.n_long, tiers.bank.detach().cpu().numpy().astype(np.float64))


def excerpt(song: Song, seconds: float | None, sample_rate: int) -> tuple[int, int]:
    """(start, stop) of the middle ``seconds`` of a song; all of it for None."""
    n = len(song.levels)
    if seconds is None or n <= seconds * sample_rate:
        return 0, n
    start = int((n - seconds * sample_rate) / 2)
    return start, start + int(seconds * sample_rate)


def song_bits(
    net: Net,
    song: Song,
    *,
    start: int = 0,
    stop: int | None = None,
    window: int = WINDOW,
    steady: bool = False,
    told: npt.NDArray[np.float32] | None = None,
) -> float:
    """Mean bits per sample of a song (or a stretch of it), state carried from its start.

    ``told``: what a net with conditions is told of the stretch, (hops of it, n_inputs); None says nothing.
    """
    window = max(net.hop, min(window, ((stop or len(song.levels)) - start) // net.hop * net.hop))
    was_training = net.training
    net.eval()
    device = next(net.parameters()).device
    state = net.begin(1)
    total, n = 0.0, 0
    with torch.no_grad():
        for part in windows_of(
            song, window=window, context=net.context, n_levels=net.config.n_levels, ear=ear_of(net),
            start=start, stop=stop, steady=steady,
        ):  # fmt: skip
            levels = torch.from_numpy(part.levels).to(device)
            features = torch.from_numpy(part.features).to(device)
            if told is None:
                nll, state = net.nll(levels, features, state)
            else:
                hop = n // net.hop
                said = torch.from_numpy(told[None, hop : hop + window // net.hop]).to(device)
                nll, state = cast("Tiers", net).nll(levels, features, state, told=said)
            total += float(nll.double().sum())
            n += nll.numel()
    net.train(was_training)
    return total / max(n, 1) / math.log(2.0)


def mean_bits(
    net: Net,
    songs: Sequence[Song],
    *,
    seconds: float | None,
    sample_rate: int,
    steady: bool = False,
    told: Told | None = None,
) -> float:
    """Mean over songs, each weighing the same; the net is told what ``told`` knows of these songs."""
    bits = []
    for i, song in enumerate(songs):
        start, stop = excerpt(song, seconds, sample_rate)
        said = None if told is None else told.at(i, start, stop - start)
        bits.append(song_bits(net, song, start=start, stop=stop, steady=steady, told=said))
    return float(np.mean(bits))


def mean_entropy(
    net: Net, songs: Sequence[Song], *, seconds: float, sample_rate: int, steady: bool = False, window: int = 2048
) -> float:
    """Mean bits of entropy the net predicts while it hears the middle of these songs: singing, it should come close."""
    device, told = next(net.parameters()).device, []
    with torch.no_grad():
        for song in songs:
            start, stop = excerpt(song, seconds, sample_rate)
            length = max(net.hop, min(window, stop - start) // net.hop * net.hop)
            state = net.begin(1)
            for part in windows_of(
                song, window=length, context=net.context, n_levels=net.config.n_levels, ear=ear_of(net),
                start=start, stop=stop, steady=steady,
            ):  # fmt: skip
                features = torch.from_numpy(part.features).to(device)
                raw, state = net(torch.from_numpy(part.levels).to(device), features, state)
                scores = net.scores(raw, features[:, net.context :])
                told.append(float(-(scores.exp() * scores).sum(-1).mean()) / math.log(2.0))
    return float(np.mean(told)) if told else 0.0


def lines(
    train: Sequence[Song], songs: Sequence[Song], *, seconds: float | None, sample_rate: int, n_levels: int
) -> dict[str, float]:
    """What a net is held against on the same stretches: ``{"lpc": bits, "histogram": bits}``."""
    known = np.concatenate([song.levels for song in train])
    by_lpc, by_histogram = [], []
    for song in songs:
        start, stop = excerpt(song, seconds, sample_rate)
        cut = song.levels[start:stop]
        by_lpc.append(lpc.lpc_bits(cut, n_levels))
        by_histogram.append(lpc.histogram_bits(known, cut, n_levels))
    return {"lpc": float(np.mean(by_lpc)), "histogram": float(np.mean(by_histogram))}
