"""The reference net of the first albums: SampleRNN with two tiers, after Mehri et al. 2017.

    frames of 16 samples -> LSTM layers -> one vector for each sample of the next frame
    that vector + an embedding of the last 16 levels -> perceptron -> the next level

Sound is mono, its amplitudes 256 mu-law levels. Zukowski and Carr trained nets like this
on one band each; it is kept plain, to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class SampleRnnConfig:
    """Sizes of the net."""

    width: int = 1024
    n_layers: int = 5
    frame: int = 16  #: samples
    n_embedded: int = 256
    n_levels: int = 256


class SampleRnn(nn.Module):
    """See the module's head."""

    def __init__(self, config: SampleRnnConfig) -> None:
        super().__init__()
        c = self.config = config
        self.expand = nn.Linear(c.frame, c.width)
        self.tier = nn.LSTM(c.width, c.width, c.n_layers, batch_first=True)
        self.spread = nn.Linear(c.width, c.frame * c.width)
        self.embedding = nn.Embedding(c.n_levels, c.n_embedded)
        self.join = nn.Conv1d(c.n_embedded, c.width, c.frame)
        self.hidden = nn.Linear(c.width, c.width)
        self.out = nn.Linear(c.width, c.n_levels)

    def start(self, n: int) -> tuple[Tensor, Tensor]:
        """The state before anything was heard."""
        zeros = torch.zeros(self.config.n_layers, n, self.config.width, device=self.out.weight.device)
        return zeros, zeros.clone()

    def vectors(self, levels: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Levels of whole frames (B, T) -> a vector for each sample one frame later, (B, T, width)."""
        c = self.config
        wave = levels.unflatten(1, (-1, c.frame)).float() * (2.0 / (c.n_levels - 1)) - 1.0
        x, after = self.tier(self.expand(wave), state)
        return self.spread(x).unflatten(-1, (c.frame, c.width)).flatten(1, 2), after

    def logits(self, vectors: Tensor, levels: Tensor) -> Tensor:
        """Vectors (B, T, width), levels (B, T + frame - 1) before each of their samples -> (B, T, n_levels)."""
        x = F.relu(vectors + self.join(self.embedding(levels).transpose(1, 2)).transpose(1, 2))
        out: Tensor = self.out(F.relu(self.hidden(x)))
        return out

    def negative_log_likelihood(
        self, levels: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Levels (B, frame + T), T of whole frames -> nats (B, T) of all but the first frame, and the state."""
        frame = self.config.frame
        vectors, after = self.vectors(levels[:, :-frame], state)
        logits = self.logits(vectors, levels[:, :-1])
        target = levels[:, frame:]
        nats = F.cross_entropy(logits.float().flatten(0, 1), target.flatten(), reduction="none")
        return nats.view(target.shape), after

    @torch.no_grad()
    def sample(self, n_frames: int, *, temperature: float = 1.0, rng: np.random.Generator) -> Tensor:
        """Levels (n_frames * frame,), sample by sample."""
        frame = self.config.frame
        levels = torch.full((1, frame), self.config.n_levels // 2)
        state = self.start(1)
        for _ in range(n_frames):
            vectors, state = self.vectors(levels[:, -frame:], state)
            for i in range(frame):
                logits = self.logits(vectors[:, i : i + 1], levels[:, -frame:])[0, 0] / temperature
                chosen = int(np.searchsorted(logits.softmax(-1).cumsum(-1).numpy(), rng.random(), side="right"))
                levels = torch.cat([levels, torch.tensor([[min(chosen, self.config.n_levels - 1)]])], 1)
        return levels[0, frame:]
