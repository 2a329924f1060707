"""A flesh ready to be used: open it, stream sound through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import AudioError, CheckpointError
from ..stage import file_digest
from . import checkpoint

if TYPE_CHECKING:
    from .net import Generator

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Flesh:
    """An open model. ``level`` is the noise level suggested for a skeleton's takes."""

    net: Generator
    about: checkpoint.About
    digest: str  #: SHA-256 of the weights file

    @property
    def name(self) -> str:
        return f"{self.about.id}@{self.about.step}"

    @property
    def input_rate(self) -> int:
        return self.about.net.input_rate

    @property
    def output_rate(self) -> int:
        return self.about.net.output_rate

    @property
    def level(self) -> float:
        return self.about.level

    def check(self, *, sample_rate: int, channels: int, what: str) -> None:
        """Refuse sound this flesh is not made for."""
        if sample_rate != self.input_rate:
            raise AudioError(
                f"{what}: {sample_rate} Hz, but {self.about.id} takes {self.input_rate} Hz; "
                f"use a flesh trained for the skeleton that made it"
            )
        if channels != 1:
            raise AudioError(f"{what}: {channels} channels; a flesh takes mono, as a skeleton makes it")


def open_flesh(folder: Path | str, step: int | None = None, *, device: str = "cpu") -> Flesh:
    """Open a model folder (``models/<id>``); the chosen snapshot, or the one at ``step``.

    Raises
    ------
    CheckpointError
        No model there, or its files are damaged or do not fit each other.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no model folder there; train a flesh with `neuralbum train flesh`")
    net, about, weights = checkpoint.load_net(folder, step)
    return Flesh(net.to(device), about, file_digest(weights))


def flesh_blocks(
    model: Flesh,
    blocks: Iterable[Audio],
    *,
    width: float = 1.0,
    denoise: float | None = None,
    seed: int = 0,
    block_s: float = 10.0,
) -> Iterator[Audio]:
    """Flesh mono sound as it comes.

    Parameters
    ----------
    blocks : float32 (n,) or (1, n) each, at ``model.input_rate``
    width : 0 gives exact mono, 1 the learned stereo
    denoise : the noise level the net is told, 0 to 1; None (or negative): what the model suggests
    seed : of the net's random input

    Yields
    ------
    float32 (2, m) at ``model.output_rate``, in all round(n_samples * 44100 / input_rate) samples.
    The result does not depend on how the sound is cut into blocks.
    """
    from .stream import stream_blocks

    level = model.level if denoise is None or denoise < 0 else denoise
    return stream_blocks(model.net, blocks, level=level, width=width, seed=seed, block_s=block_s)
