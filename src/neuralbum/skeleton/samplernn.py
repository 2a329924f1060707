"""The reference net of the first albums: SampleRNN with two tiers, LSTM layers and skip connections.

After Mehri et al. 2017 and the variant Zukowski and Carr used for their metal
albums: frames of 16 samples, a stack of LSTM layers whose inputs and outputs
are skip-connected, an embedding of the last 16 levels into a perceptron with
two hidden layers, weight normalisation, truncated backpropagation with carried
state, learned initial state.

One rewrite keeps the function and its gradients and saves most of the work:
embedding followed by a linear layer over 16 positions is a sum of 16 rows of
precomputed tables.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from ..dsp import front_end
from ..errors import ParameterError
from ..kernels.lanes import LANES

FORGET_BIAS = 3.0
"""Zukowski and Carr 2017 start the forget gates wide open."""


@dataclass(frozen=True)
class SampleRnnConfig:
    """What the reference net is made of; stored in model.json."""

    n_levels: int = 256
    frame: int = 16
    width: int = 1024
    layers: int = 5
    embedding: int = 256
    dropout: float = 0.0


class SampleRnn(nn.Module):
    """Two tiers: LSTM over frames, perceptron over samples (kind ``samplernn``)."""

    KIND = "samplernn"
    uses_forecast = False
    conditions = None  #: it is told nothing

    def __init__(self, config: SampleRnnConfig) -> None:
        super().__init__()
        self.config = config
        d, frame = config.width, config.frame
        if any(value % LANES for value in (config.n_levels, d, frame)):
            raise ParameterError(
                f"n_levels={config.n_levels}, width={d}, frame={frame}: must be multiples of {LANES}, "
                f"which kernels take at once"
            )
        self.expand = weight_norm(nn.Linear(frame, d))
        self.lstm = nn.ModuleList(nn.LSTM(d, d, batch_first=True) for _ in range(config.layers))
        self.skip = nn.ModuleList(weight_norm(nn.Linear(d, d)) for _ in range(config.layers))
        self.h0 = nn.Parameter(torch.zeros(config.layers, d))
        self.c0 = nn.Parameter(torch.zeros(config.layers, d))
        self.spread = weight_norm(nn.Linear(d, frame * d))
        self.embedding = nn.Embedding(config.n_levels, config.embedding)
        self.join = weight_norm(nn.Linear(frame * config.embedding, d, bias=False))
        self.hidden1 = weight_norm(nn.Linear(d, d))
        self.hidden2 = weight_norm(nn.Linear(d, d))
        self.out = weight_norm(nn.Linear(d, config.n_levels))
        with torch.no_grad():
            for lstm in self.lstm:
                cast(Tensor, lstm.bias_ih_l0)[d : 2 * d] = FORGET_BIAS
                cast(Tensor, lstm.bias_hh_l0)[d : 2 * d] = 0.0
        self.register_buffer("bent", torch.from_numpy(2.0 * front_end.companded(config.n_levels)), persistent=False)

    bent: Tensor

    @property
    def hop(self) -> int:
        return self.config.frame

    @property
    def context(self) -> int:
        return self.config.frame

    def begin(self, n_batch: int) -> dict[str, Tensor]:
        """The learned state before the first sample: (B, layers, width) each."""
        return {
            "h": self.h0.expand(n_batch, -1, -1),
            "c": self.c0.expand(n_batch, -1, -1),
        }

    def tables(self) -> Tensor:
        """Embedding and first layer folded: (frame, n_levels, width), oldest position first."""
        weight = self.join.weight.unflatten(1, (self.config.frame, self.config.embedding))  # (d, frame, e)
        return torch.einsum("qe,dfe->fqd", self.embedding.weight, weight)

    def frame_words(self, wave: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """wave (B, T, frame) on the bent scale -> words (B, T, width) and the state after them."""
        x = self.expand(wave)
        below: Tensor | None = None
        word: Tensor | None = None
        h_ends, c_ends = [], []
        for layer, (lstm, skip) in enumerate(zip(self.lstm, self.skip, strict=True)):
            h0 = state["h"][:, layer].unsqueeze(0).contiguous()
            c0 = state["c"][:, layer].unsqueeze(0).contiguous()
            below, (h, c) = lstm(x if below is None else x + below, (h0, c0))
            h_ends.append(h[0])
            c_ends.append(c[0])
            word = skip(below) if word is None else word + skip(below)
        assert word is not None
        return word, {"h": torch.stack(h_ends, 1), "c": torch.stack(c_ends, 1)}

    def perceptron(self, x: Tensor) -> Tensor:
        """First-layer sums (..., width) -> logits (..., n_levels)."""
        x = F.dropout(F.relu(self.hidden1(x)), self.config.dropout, self.training)
        x = F.relu(self.hidden2(x))
        logits: Tensor = self.out(x)
        return logits

    def forward(
        self, levels: Tensor, features: Tensor | None, state: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits (B, W, n_levels) for a window: levels (B, frame + W) int64, W a multiple of ``frame``."""
        frame, d = self.config.frame, self.config.width
        n_batch, n_samples = levels.shape[0], levels.shape[1] - frame
        wave = self.bent[levels[:, :n_samples]].unflatten(1, (-1, frame))
        word, ends = self.frame_words(wave, state)
        above = self.spread(word).unflatten(-1, (frame, d)).flatten(1, 2)  # (B, W, d)
        offsets = torch.arange(frame, device=levels.device) * self.config.n_levels
        rows = levels[:, :-1].unfold(1, frame, 1) + offsets  # (B, W, frame)
        joined = F.embedding_bag(rows.flatten(0, 1), self.tables().flatten(0, 1), mode="sum")
        return self.perceptron(above + joined.unflatten(0, (n_batch, n_samples))), ends

    def nll(
        self, levels: Tensor, features: Tensor | None, state: dict[str, Tensor], *, heard: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Nats of every sample of the window, (B, W), and the state after it."""
        logits, ends = self(levels if heard is None else heard, features, state)
        target = levels[:, self.config.frame :]
        nll = F.cross_entropy(logits.float().flatten(0, 1), target.flatten(), reduction="none")
        return nll.unflatten(0, target.shape), ends

    def scores(self, raw: Tensor, features: Tensor | None = None) -> Tensor:
        """Log-probabilities (..., n_levels)."""
        return F.log_softmax(raw, dim=-1)

    def flops_per_sample(self) -> float:
        """Floating-point operations to generate one sample with folded tables (a multiply-add counts two)."""
        c = self.config
        d = c.width
        per_frame = c.frame * d + c.layers * (8 * d * d + d * d) + d * c.frame * d
        return 2.0 * (per_frame / c.frame + c.frame * d / 2 + 2 * d * d + d * c.n_levels)


def sensible_start(net: SampleRnn) -> None:
    """He initialisation of the perceptron, as upstream has it."""
    with torch.no_grad():
        for layer in (net.hidden1, net.hidden2):
            layer.weight = torch.empty_like(layer.weight).normal_(0, math.sqrt(2.0 / layer.in_features))
