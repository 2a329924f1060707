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
from .songs import Song, windows_of

if TYPE_CHECKING:
    from .conditions import Told
    from .presets import Net
    from .tiers import Tiers

WINDOW = 8192


def anchor_of(net: Net, anchored: float = 1.0) -> npt.NDArray[np.float64] | None:
    """What holds the net's forecast near its band, (order + 1,), so many times; None for nets that hear none."""
    if not net.uses_forecast:
        return None
    return anchored * cast("Tiers", net).anchor.detach().cpu().numpy().astype(np.float64)


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
            song, window=window, context=net.context, n_levels=net.config.n_levels, anchor=anchor_of(net),
            start=start, stop=stop,
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
    told: Told | None = None,
) -> float:
    """Mean over songs, each weighing the same; the net is told what ``told`` knows of these songs."""
    bits = []
    for i, song in enumerate(songs):
        start, stop = excerpt(song, seconds, sample_rate)
        said = None if told is None else told.at(i, start, stop - start)
        bits.append(song_bits(net, song, start=start, stop=stop, told=said))
    return float(np.mean(bits))


def entropies(
    net: Net, songs: Sequence[Song], *, seconds: float, places: int, sample_rate: int, window: int = 2048
) -> npt.NDArray[np.float64]:
    """Mean bits of entropy the net predicts while it hears each of so many places of these songs, evenly apart."""
    n = int(seconds * sample_rate)
    rooms = np.array([max(len(song.levels) - n, 0) for song in songs])
    ends = np.cumsum(rooms + 1)
    device, told = next(net.parameters()).device, []
    for place in ((np.arange(places) + 0.5) / places * ends[-1]).astype(int):
        which = int(np.searchsorted(ends, place, side="right"))
        song, start = songs[which], int(place - (ends[which] - rooms[which] - 1))
        stop = min(start + n, len(song.levels))
        length = max(net.hop, min(window, stop - start) // net.hop * net.hop)
        state, bits = net.begin(1), []
        with torch.no_grad():
            for part in windows_of(
                song, window=length, context=net.context, n_levels=net.config.n_levels, anchor=anchor_of(net),
                start=start, stop=stop,
            ):  # fmt: skip
                features = torch.from_numpy(part.features).to(device)
                raw, state = net(torch.from_numpy(part.levels).to(device), features, state)
                scores = net.scores(raw, features[:, net.context :])
                bits.append(float(-(scores.exp() * scores).sum(-1).mean()) / math.log(2.0))
        told.append(np.mean(bits) if bits else 0.0)
    return np.array(told)


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
