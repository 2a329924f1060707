"""Train a net step by step: truncated backpropagation through time with carried state.

The trainer knows no files and no project. Everything it needs to go on is in
``state()``: weights, their running average, the optimiser's moments, the carried
states of the streams, where each stream is. Restored on a CPU it continues
exactly as if it had not been interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from ..dsp import front_end, lpc
from ..errors import TrainingError
from .evaluate import anchor_of
from .optimiser import FlatAdam
from .recurrence import compiled_scan, use_scan
from .songs import Feed, Song

if TYPE_CHECKING:
    from .conditions import Told
    from .presets import Net
    from .tiers import Tiers

EXPLODED_BITS = 3.0
"""A loss this far above a uniform guess is an explosion, not a bad day."""


@dataclass(frozen=True)
class Habits:
    """How a net is trained."""

    batch: int = 8  #: streams
    window: int = 1024  #: samples of each; shorter ones of more streams where a song is shorter
    stretch_s: float = 8.0  #: a stream plays this long before it jumps
    sample_rate: int = 16_000
    learning_rate: float = 2e-3
    warmup: float = 0.02  #: share of the training
    final_rate: float = 0.05  #: of the learning rate, at the end of the cosine
    weight_decay: float = 0.01
    clip: float = 1.0  #: largest norm of the gradient
    average: float = 0.999  #: decay of the weights' running average, per step
    frame_share: float = 0.125  #: share of the fastest tier's frames that are predicted; all are heard
    dither: float = 0.0  #: share of heard levels moved by one
    tone_share: float = 0.3  #: share of stretches heard with strange tones; see ``songs``
    seed: int = 0
    precision: str = "auto"  #: of matrix products: "auto" (bfloat16 on a GPU), "float32" or "bfloat16"
    compile_scan: str = "auto"  #: "auto" (on a GPU), "on" or "off"


def drop_anchor(net: Tiers, songs: Sequence[Song]) -> None:
    """Give a new net what holds its forecast near these songs; one that has it keeps it."""
    if bool(net.anchor.any()):
        return
    sounds = (front_end.amplitudes_of(song.levels, net.config.n_levels) for song in songs)
    with torch.no_grad():
        net.anchor.copy_(torch.from_numpy(lpc.mean_autocorrelation(sounds, net.config.order)))


class Trainer:
    """A net, its optimiser and its streams through the songs."""

    def __init__(
        self,
        net: Net,
        songs: Sequence[Song],
        habits: Habits,
        told: Told | None = None,
        *,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.net, self.habits = net, habits
        self.step = 0
        self.samples = 0
        if net.uses_forecast:
            drop_anchor(cast("Tiers", net), songs)
        window = max(net.hop, min(habits.window, *(len(song.levels) for song in songs)) // net.hop * net.hop)
        n_streams = max(1, habits.batch * habits.window // window)
        self.feed = Feed(
            songs, n_batch=n_streams, window=window, context=net.context,
            stretch=int(habits.stretch_s * habits.sample_rate), n_levels=net.config.n_levels,
            anchor=anchor_of(net), seed=habits.seed, tone_share=habits.tone_share, told=told,
        )  # fmt: skip
        self.carried = {name: value.detach().clone() for name, value in net.begin(n_streams).items()}
        self.device = next(net.parameters()).device
        on_gpu = self.device.type == "cuda"
        self.halved = habits.precision == "bfloat16" or (habits.precision == "auto" and on_gpu)
        if habits.compile_scan == "on" or (habits.compile_scan == "auto" and on_gpu):
            use_scan(net, compiled_scan(self.device, say))
        self.optimiser = FlatAdam(net, learning_rate=habits.learning_rate, weight_decay=habits.weight_decay)
        self.net.train()

    @property
    def step_samples(self) -> int:
        """Samples heard in a step."""
        return self.feed.n_streams * self.feed.window

    def rate(self, progress: float) -> float:
        """Learning rate after a share ``progress`` of the training: warm-up, then a cosine."""
        h = self.habits
        if progress < h.warmup:
            return h.learning_rate * max(progress / h.warmup, 0.05)
        x = min(1.0, (progress - h.warmup) / (1.0 - h.warmup))
        return h.learning_rate * (h.final_rate + (1.0 - h.final_rate) * 0.5 * (1.0 + math.cos(math.pi * x)))

    def advance(self, progress: float) -> float:
        """One step at a share ``progress`` of the training; returns the window's bits per sample.

        Raises
        ------
        TrainingError
            The loss is not a number or has exploded. The weights are those before the step.
        """
        h = self.habits
        window = self.feed.next()
        levels = torch.from_numpy(window.levels).to(self.device)
        features = torch.from_numpy(window.features).to(self.device)
        fresh = torch.from_numpy(window.fresh).to(self.device)
        told = None if window.told is None else torch.from_numpy(window.told).to(self.device)
        beginning = self.net.begin(self.feed.n_streams)
        state = {
            name: torch.where(fresh.view(-1, *[1] * (value.ndim - 1)), beginning[name], value)
            for name, value in self.carried.items()
        }
        heard = self._dithered(window.heard) if h.dither > 0 else torch.from_numpy(window.heard).to(self.device)
        # Dropout draws from torch's global generator: key it by the step, and give it back as it was.
        with torch.random.fork_rng(devices=[] if self.device.type == "cpu" else [self.device]):
            torch.manual_seed((h.seed * 1_000_003 + self.step) % 2**63)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.halved):
                nll, ends = self._nll(levels, features, state, heard, told)
                loss = nll.mean()
            bits = float(loss.detach()) / math.log(2.0)
            limit = math.log2(self.net.config.n_levels) + EXPLODED_BITS
            if not math.isfinite(bits) or (bits > limit and self.step > 0):
                raise TrainingError(
                    f"step {self.step}: the loss is {bits:.3g} bits per sample; "
                    f"lower the learning rate ({h.learning_rate:g}) with --set skeleton.learning_rate"
                )
            norm = self.optimiser.gradients(loss)
        if not bool(torch.isfinite(norm)):
            raise TrainingError(
                f"step {self.step}: the gradient is not a number; "
                f"lower the learning rate ({h.learning_rate:g}) with --set skeleton.learning_rate"
            )
        decay = min(h.average, (2.0 + self.step) / (11.0 + self.step))
        self.optimiser.step(learning_rate=self.rate(progress), norm=norm, clip=h.clip, decay=decay)
        self.carried = {name: value.detach() for name, value in ends.items()}
        self.step += 1
        self.samples += self.step_samples
        return bits

    def _nll(
        self, levels: Tensor, features: Tensor, state: dict[str, Tensor], heard: Tensor, told: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Nats of the window, or of a random share of its frames: all is heard, the rest is not predicted."""
        h = self.habits
        if not self.net.uses_forecast:
            return self.net.nll(levels, features, state, heard=heard)
        tiers = cast("Tiers", self.net)
        if h.frame_share >= 1.0:
            return tiers.nll(levels, features, state, heard=heard, told=told)
        n_frames = self.feed.n_streams * self.feed.window // tiers.config.frames[-1]
        rng = np.random.default_rng([h.seed, 8, self.step])
        chosen = np.sort(rng.permutation(n_frames)[: max(1, round(h.frame_share * n_frames))])
        frames = torch.from_numpy(chosen).to(self.device)
        return tiers.nll(levels, features, state, heard=heard, frames=frames, told=told)

    def _dithered(self, levels: np.ndarray) -> Tensor:
        rng = np.random.default_rng([self.habits.seed, 7, self.step])
        move = rng.choice(
            [-1, 0, 1], size=levels.shape, p=[self.habits.dither / 2, 1 - self.habits.dither, self.habits.dither / 2]
        )
        return torch.from_numpy(np.clip(levels + move, 0, self.net.config.n_levels - 1)).to(self.device)

    # ---- weights and state ---------------------------------------------------

    def averaged(self) -> dict[str, Tensor]:
        """The running average of the weights: what is evaluated, stored and generated from."""
        fixed = {name: p for name, p in self.net.named_parameters() if not p.requires_grad}
        return {name: p.detach().clone() for name, p in fixed.items()} | self.optimiser.averaged()

    def state(self) -> dict[str, Tensor]:
        """All tensors needed to go on."""
        tensors = {f"weight.{name}": parameter.detach().clone() for name, parameter in self.net.named_parameters()}
        tensors |= self.optimiser.state()
        for name, value in self.carried.items():
            tensors[f"carried.{name}"] = value
        for name, array in self.feed.state().items():
            tensors[f"feed.{name}"] = torch.from_numpy(np.ascontiguousarray(array))
        tensors["counts"] = torch.tensor([self.step, self.samples], dtype=torch.int64)
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from ``state()``."""
        self.step, self.samples = (int(n) for n in tensors["counts"])
        with torch.no_grad():
            for name, parameter in self.net.named_parameters():
                parameter.copy_(tensors[f"weight.{name}"])
        self.optimiser.restore(tensors)
        self.carried = {
            key.removeprefix("carried."): value.to(self.device)
            for key, value in tensors.items()
            if key.startswith("carried.")
        }
        self.feed.restore(
            {key.removeprefix("feed."): value.numpy() for key, value in tensors.items() if key.startswith("feed.")}
        )
