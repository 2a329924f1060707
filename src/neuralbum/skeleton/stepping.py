"""Sample from a net, one level after another: what an engine is, and the plain twin of the fast one.

An engine steps B streams at once. Each stream has its own uniform numbers and
temperatures, so what it says does not depend on its neighbours. All lengths are
multiples of the net's hop; a stream's memory can be copied and put back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..dsp import front_end
from . import head
from .evaluate import anchor_of
from .songs import PRELUDE, Listener

if TYPE_CHECKING:
    from .conditions import Conditions
    from .presets import Net
    from .samplernn import SampleRnn
    from .tiers import Tiers

Levels = npt.NDArray[np.int16]
Wishes = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sampled:
    """What a call of ``Engine.sample`` gave."""

    levels: Levels  #: (B, n)
    entropy: npt.NDArray[np.float32]  #: (B, some of n) bits of the predicted distribution at T = 1


class Engine(Protocol):
    """Steps B streams of one net."""

    name: str
    hop: int
    n_levels: int
    conditions: Conditions | None

    def begin(self, n_streams: int) -> Any:
        """Memory of streams that have heard silence."""

    def hear(self, memory: Any, stream: int, levels: npt.NDArray[np.integer], told: Wishes | None = None) -> None:
        """Let one stream listen to levels (a multiple of ``hop``) instead of sampling them.

        told (n / hop, n_inputs): conditions of each hop, written by ``conditions``; None says nothing.
        """

    def sample(
        self,
        memory: Any,
        uniforms: npt.NDArray[np.float64],
        temperatures: npt.NDArray[np.floating],
        busy: Sequence[int] | None = None,
        told: Wishes | None = None,
    ) -> Sampled:
        """Sample (B, n) levels: one uniform number in [0, 1) and one temperature for each.

        Only the streams of ``busy`` if given; the rows of the others mean nothing. told (B, n / hop, n_inputs):
        conditions of each stream and hop.
        """

    def snapshot(self, memory: Any, stream: int) -> Any:
        """A copy of one stream's memory."""

    def restore(self, memory: Any, stream: int, snapshot: Any) -> None:
        """Put a copy back."""


def named(name: str, anchored: float) -> str:
    """An engine's name, which says how often it takes the anchor, unless that is once."""
    return name if anchored == 1.0 else f"{name}:{anchored:g}"


@dataclass
class PlainMemory:
    levels: npt.NDArray[np.int64]  #: (B, context) the last levels
    features: npt.NDArray[np.float32]  #: (B, context, N_FEATURES)
    listeners: list[Listener]
    state: dict[str, Tensor]


class PlainEngine:
    """The torch module stepped sample by sample: slow, any net, any dtype."""

    name = "plain-1"

    def __init__(self, net: Net) -> None:
        self.net = net.eval()
        self.hop = net.hop
        self.n_levels = net.config.n_levels
        self.conditions = net.conditions
        self.like = next(net.parameters())

    def begin(self, n_streams: int) -> PlainMemory:
        c = self.net.context
        anchor = anchor_of(self.net)
        silence = np.full(PRELUDE, front_end.silent_level(self.n_levels), dtype=np.int16)
        listeners = [Listener(anchor, self.n_levels) for _ in range(n_streams)]
        features = np.stack([listener.hear(silence)[-c:] for listener in listeners])
        levels = np.tile(silence[-c:].astype(np.int64), (n_streams, 1))
        with torch.no_grad():
            state = {k: v.clone() for k, v in self.net.begin(n_streams).items()}
        return PlainMemory(levels, features, listeners, state)

    def hear(
        self, memory: PlainMemory, stream: int, levels: npt.NDArray[np.integer], told: Wishes | None = None
    ) -> None:
        c = self.net.context
        one = slice(stream, stream + 1)
        features = memory.listeners[stream].hear(levels)[None]
        both = np.concatenate([memory.levels[one], levels[None].astype(np.int64)], axis=1)
        all_features = np.concatenate([memory.features[one], features], axis=1)
        with torch.no_grad():
            state = {k: v[one] for k, v in memory.state.items()}
            said = () if told is None else (self._tensor(told[None]),)
            _, ends = self.net(torch.from_numpy(both), self._tensor(all_features), state, *said)
        for name, end in ends.items():
            memory.state[name][one] = end
        memory.levels[one], memory.features[one] = both[:, -c:], all_features[:, -c:]

    def sample(
        self,
        memory: PlainMemory,
        uniforms: npt.NDArray[np.float64],
        temperatures: npt.NDArray[np.floating],
        busy: Sequence[int] | None = None,
        told: Wishes | None = None,
    ) -> Sampled:
        n_streams, n = uniforms.shape
        levels = np.empty((n_streams, n), dtype=np.int16)
        entropy = np.empty((n_streams, n), dtype=np.float32)
        with torch.no_grad():
            for at in range(n):
                scores = self._scores(memory, at % self.hop, self._said(told, at))
                p = scores.exp()
                entropy[:, at] = -(p * scores).sum(-1).numpy() / np.log(2.0)
                for b in range(n_streams):
                    uniform = torch.tensor([uniforms[b, at]], dtype=torch.float64)
                    temperature = float(temperatures[b, at])
                    levels[b, at] = int(head.draw(scores[b : b + 1], temperature=temperature, uniform=uniform))
                self._shift(memory, levels[:, at])
        return Sampled(levels, entropy)

    def log_probabilities(
        self, memory: PlainMemory, levels: npt.NDArray[np.integer], told: Wishes | None = None
    ) -> Tensor:
        """Step through given levels (B, n): log-probabilities before each, (B, n, n_levels)."""
        out = []
        with torch.no_grad():
            for at in range(levels.shape[1]):
                out.append(self._scores(memory, at % self.hop, self._said(told, at)))
                self._shift(memory, levels[:, at])
        return torch.stack(out, dim=1)

    def _said(self, told: Wishes | None, at: int) -> Tensor | None:
        """The conditions of the hop that sample ``at`` lies in, (B, 1, n_inputs)."""
        return None if told is None else self._tensor(told[:, at // self.hop, None])

    def _scores(self, memory: PlainMemory, phase: int, told: Tensor | None) -> Tensor:
        known = np.pad(memory.levels, ((0, 0), (0, 1)))  # the level to come: not looked at
        levels = torch.from_numpy(known)
        features = torch.zeros(len(known), known.shape[1], 0)
        if self.net.uses_forecast:
            now = np.stack([listener.memory[: memory.features.shape[2]] for listener in memory.listeners])
            features = self._tensor(np.concatenate([memory.features, now[:, None].astype(np.float32)], axis=1))
        return self.scores(levels, features, memory.state, phase, told)

    def scores(
        self, levels: Tensor, features: Tensor, state: dict[str, Tensor], phase: int, told: Tensor | None = None
    ) -> Tensor:
        """Log-probabilities (B, n_levels) of the next level; arguments as ``raw``."""
        return self.net.scores(self.raw(levels, features, state, phase, told), features[:, -1])

    def raw(
        self, levels: Tensor, features: Tensor, state: dict[str, Tensor], phase: int, told: Tensor | None = None
    ) -> Tensor:
        """The net's raw outputs (B, n_out) for the next level; ``state`` goes forward where a frame begins.

        levels (B, context + 1) and features (B, context + 1, N_FEATURES) end with the sample to
        come, whose level is not looked at; ``phase`` is its position within a hop, told (B, 1, n_inputs)
        the hop's conditions.
        """
        if self.net.uses_forecast:
            return self._tiers_raw(cast("Tiers", self.net), levels, features, state, phase, told)
        return self._samplernn_raw(cast("SampleRnn", self.net), levels, state, phase)

    def _tiers_raw(
        self, net: Tiers, levels: Tensor, features: Tensor, state: dict[str, Tensor], phase: int, told: Tensor | None
    ) -> Tensor:
        above = net.hear_told(told)
        for i, tier in enumerate(net.tiers):
            frame = net.config.frames[i]
            if phase % frame == 0:
                word, state[f"tier{i}"] = tier(net.hear_frames(i, levels, features, 1), above, state[f"tier{i}"])
                state[f"word{i}"] = net.spread_out(i, word)
            span = frame // ((*net.config.frames, 1)[i + 1])
            step = (phase % frame) // (frame // span)
            above = state[f"word{i}"][:, step : step + 1]
        assert above is not None
        return net.bottom_outputs(levels, features, above)[:, 0]

    def _samplernn_raw(self, net: SampleRnn, levels: Tensor, state: dict[str, Tensor], phase: int) -> Tensor:
        frame, d = net.config.frame, net.config.width
        if phase == 0:
            word, ends = net.frame_words(net.bent[levels[:, :frame]][:, None], {"h": state["h"], "c": state["c"]})
            state.update(ends)
            state["word"] = net.spread(word).unflatten(-1, (frame, d))[:, 0]
        weight = net.join.weight.unflatten(1, (frame, net.config.embedding))
        joined = torch.einsum("bfe,dfe->bd", net.embedding(levels[:, :frame]), weight)
        return net.perceptron(state["word"][:, phase] + joined)

    def _shift(self, memory: PlainMemory, new: npt.NDArray[np.integer]) -> None:
        """Hear one level per stream."""
        features = np.stack([listener.hear(new[b : b + 1])[0] for b, listener in enumerate(memory.listeners)])[:, None]
        memory.levels = np.concatenate([memory.levels[:, 1:], new[:, None].astype(np.int64)], axis=1)
        memory.features = np.concatenate([memory.features[:, 1:], features], axis=1)

    def _tensor(self, array: npt.NDArray[np.floating]) -> Tensor:
        return torch.from_numpy(array).to(self.like.dtype)

    def snapshot(self, memory: PlainMemory, stream: int) -> Any:
        state = {k: v[stream].clone() for k, v in memory.state.items()}
        return (
            memory.levels[stream].copy(), memory.features[stream].copy(), memory.listeners[stream].memory.copy(), state,
        )  # fmt: skip

    def restore(self, memory: PlainMemory, stream: int, snapshot: Any) -> None:
        memory.levels[stream], memory.features[stream] = snapshot[0], snapshot[1]
        memory.listeners[stream].memory[:] = snapshot[2]
        for name, value in snapshot[3].items():
            memory.state[name][stream] = value
