"""Flesh sound block by block: the same result as all at once, in memory that does not grow.

Each block is computed with ``shape.context`` frames of its neighbours on both
sides (more than the convolutions can see), and the overlapping ends of the
inverse transform are carried over. Looking ahead costs a quarter of a second,
which offline does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import AudioError, CheckpointError, ParameterError
from .net import Generator, left_right

Audio = npt.NDArray[np.float32]


class Stream:
    """Feed it mono blocks; it gives stereo blocks back, in all exactly as long.

    Parameters
    ----------
    level : float in [0, 1]
        The noise level the net is told.
    width : float
        0 is exact mono, 1 as learned.
    seed : int
        Of the random input; frame t gets the same noise however the sound is cut.
    block_frames : int
        Frames worked on at once, besides the context.
    """

    def __init__(self, net: Generator, *, level: float, width: float, seed: int, block_frames: int) -> None:
        self.net, self.width, self.block_frames = net, width, max(1, block_frames)
        self._device = next(net.parameters()).device
        self._level = torch.full((1,), level, device=self._device)
        self._dice = np.random.Generator(np.random.Philox(seed))
        hop_in, hop_out = net.shape.hops
        self._hop_in, self._hop_out = hop_in, hop_out
        self._edge = net.synthesis.edge_hops
        self._waiting: list[Audio] = [np.zeros(self._edge * hop_in, np.float32)]
        self._spectrum = torch.zeros(1, 0, net.analysis.n_bins, dtype=torch.complex64, device=self._device)
        self._noise = torch.zeros(1, 0, net.shape.noise, device=self._device)
        self._before = 0  # frames in the buffers that are done and kept as context
        self._tail: Tensor | None = None
        self._skip = self._edge * hop_out
        self._taken = self._given = 0

    def feed(self, sound: Audio) -> Audio:
        """Take in mono (n_samples,), give back stereo (2, m) that is finished."""
        if not np.isfinite(sound).all():
            raise AudioError("the sound to flesh holds NaN or infinite samples; make the take again")
        self._taken += len(sound)
        self._waiting.append(np.asarray(sound, dtype=np.float32))
        self._transform()
        made = []
        while self._spectrum.shape[1] - self._before >= self.block_frames + self.net.shape.context:
            made.append(self._flesh(self.block_frames))
        return self._limited(made)

    def finish(self) -> Audio:
        """The rest."""
        short = -self._taken % self._hop_in
        self._waiting.append(np.zeros(short + self._edge * self._hop_in, np.float32))
        self._transform()
        made = []
        while (left := self._spectrum.shape[1] - self._before) > 0:
            made.append(self._flesh(min(left, self.block_frames)))
        return self._limited(made)

    def _transform(self) -> None:
        """Turn waiting samples into frames; a window's worth of samples stays."""
        sound = np.concatenate(self._waiting)
        n_frames = (len(sound) - self._edge * self._hop_in) // self._hop_in
        if n_frames > 0:
            used = (n_frames + self._edge) * self._hop_in
            with torch.inference_mode():
                new = self.net.analysis(torch.from_numpy(sound[None, :used]).to(self._device))
            self._spectrum = torch.cat([self._spectrum, new], dim=1)
            dice = self._dice.standard_normal((1, n_frames, self.net.shape.noise), dtype=np.float32)
            self._noise = torch.cat([self._noise, torch.from_numpy(dice).to(self._device)], dim=1)
            sound = sound[n_frames * self._hop_in :]
        self._waiting = [sound]

    @torch.inference_mode()
    def _flesh(self, n_frames: int) -> Tensor:
        first, last = self._before, self._before + n_frames
        end = min(last + self.net.shape.context, self._spectrum.shape[1])
        spectra = self.net(self._spectrum[:, :end], self._level, self._noise[:, :end])
        both = torch.cat([s[:, first:last] for s in spectra])  # (2, n_frames, n_bins): mid, side
        sound = self.net.synthesis.overlap_add(both)
        carried = self._edge * self._hop_out
        if self._tail is not None:
            sound[:, :carried] += self._tail
        finished, self._tail = sound[:, :-carried], sound[:, -carried:].clone()
        keep = max(0, last - self.net.shape.context)
        self._spectrum, self._noise = self._spectrum[:, keep:].clone(), self._noise[:, keep:].clone()
        self._before = last - keep
        skipped = min(self._skip, finished.shape[1])
        self._skip -= skipped
        return left_right(finished[:, skipped:], self.width)

    def _limited(self, made: list[Tensor]) -> Audio:
        """Join, and cut the padding of the last frame off."""
        if not made:
            return np.zeros((2, 0), np.float32)
        sound: Audio = torch.cat(made, dim=1).cpu().numpy()
        shape = self.net.shape
        due = round(self._taken * shape.output_rate / shape.input_rate) - self._given
        sound = sound[:, : max(0, due)]
        if not np.isfinite(sound).all():
            raise CheckpointError("the flesh made NaN: its weights are damaged or it diverged; use an earlier snapshot")
        self._given += sound.shape[1]
        return sound


def stream_blocks(
    net: Generator,
    blocks: Iterable[Audio],
    *,
    level: float,
    width: float = 1.0,
    seed: int = 0,
    block_s: float = 10.0,
) -> Iterator[Audio]:
    """Mono blocks, float32 (n,) or (1, n), at the input rate -> stereo blocks, float32 (2, m), at 44.1 kHz."""
    if not 0 <= level <= 1:
        raise ParameterError(f"denoise={level:g} must be between 0 and 1")
    if not 0 <= width <= 2:
        raise ParameterError(f"width={width:g} must be between 0 (mono) and 2")
    block_frames = round(block_s * net.shape.input_rate / net.shape.hops[0])
    stream = Stream(net, level=level, width=width, seed=seed, block_frames=block_frames)
    for block in blocks:
        if block.ndim == 2 and block.shape[0] != 1:
            raise AudioError(f"the sound to flesh has {block.shape[0]} channels; a skeleton's take has one")
        made = stream.feed(block.reshape(-1))
        if made.shape[1]:
            yield made
    made = stream.finish()
    if made.shape[1]:
        yield made
